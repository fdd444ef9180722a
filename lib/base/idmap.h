/*
 * A map from 64-bit ids to small numbers.  Zeroed, it is empty; the caller
 * owns the struct.
 */
#ifndef IDMAP_H
#define IDMAP_H

#include <stddef.h>
#include <stdint.h>

#define IDMAP_NONE UINT32_MAX

struct idmap_slot {
	uint64_t id;
	uint32_t value; /* IDMAP_NONE: the slot is free */
};

struct idmap {
	struct idmap_slot *slot;
	size_t size, used; /* size: 0, or a power of two */
};

/* The id's number, or IDMAP_NONE. */
uint32_t idmap_get(const struct idmap *m, uint64_t id);

/* Give an id a number (not IDMAP_NONE), whether it had one or not.
 * -1: out of memory, nothing has changed. */
int idmap_put(struct idmap *m, uint64_t id, uint32_t value);

void idmap_delete(struct idmap *m, uint64_t id); /* if it is there */

void idmap_clear(struct idmap *m); /* empty again, memory freed */

#endif
