/*
 * Strings kept once each, known by small numbers from 0.  Zeroed, it is
 * empty; the caller owns the struct, the table owns its copies.
 */
#ifndef STRTAB_H
#define STRTAB_H

#include <stddef.h>
#include <stdint.h>

#define STRTAB_NONE UINT32_MAX

struct idmap;

struct strtab {
	struct idmap *map;
	char **text;
	size_t n, room;
};

/* The number of a string, which is copied where it is new; NULL has
 * STRTAB_NONE.  -1: out of memory. */
int strtab_add(struct strtab *t, const char *s, uint32_t *number);

/* The string, valid until the table is cleared; NULL for STRTAB_NONE. */
const char *strtab_text(const struct strtab *t, uint32_t number);

void strtab_clear(struct strtab *t); /* empty again, memory freed */

#endif
