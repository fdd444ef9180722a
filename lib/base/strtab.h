/*
 * Interned strings: each is stored once and known by a number, from 0.  Zeroed, the
 * table is empty; the caller owns the struct, the table its copies.
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

/* Set *number to that of a string, adding a copy if it is new; NULL has STRTAB_NONE.
 * Returns 0, or -1 if out of memory. */
int strtab_add(struct strtab *t, const char *s, uint32_t *number);

/* Returns a string, valid until the table is cleared; NULL for STRTAB_NONE. */
const char *strtab_text(const struct strtab *t, uint32_t number);

void strtab_clear(struct strtab *t); /* empties the table and frees its memory */

#endif
