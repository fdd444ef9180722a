/*
 * A hash map from 64-bit ids to 32-bit numbers.  Zeroed, it is empty; the caller owns
 * the struct.
 */
#ifndef IDMAP_H
#define IDMAP_H

#include <stddef.h>
#include <stdint.h>

#define IDMAP_NONE UINT32_MAX

struct idmap_slot {
	uint64_t id;
	uint32_t value; /* IDMAP_NONE: a free slot */
};

struct idmap {
	struct idmap_slot *slot;
	size_t size, used; /* size is 0 or a power of two */
};

/* Returns the number of an id, or IDMAP_NONE. */
uint32_t idmap_get(const struct idmap *m, uint64_t id);

/* Set the number of an id, new or not, to anything but IDMAP_NONE. Returns 0, or -1 if
 * out of memory; nothing has changed then. */
int idmap_put(struct idmap *m, uint64_t id, uint32_t value);

void idmap_delete(struct idmap *m, uint64_t id); /* does nothing if id is not in the map */

void idmap_clear(struct idmap *m); /* empties the map and frees its memory */

#endif
