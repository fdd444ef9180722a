/*
 * The rows of a grouping, such as functions, and the time each has in a tree of stacks.
 * Rows are known by index, from 0, which never changes.
 */
#ifndef PROFILE_ROWS_H
#define PROFILE_ROWS_H

#include <stddef.h>
#include <stdint.h>

struct idmap;
struct profile_tree;

#define PROFILE_SUMS 7 /* equals PROFILE_COLUMNS of profile_tree.h */

/* The identity of a row: numbers of strings, PROFILE_NONE for none. */
struct profile_key {
	uint32_t name, module, file; /* file: crate: version; generic: crate */
	uint64_t line;
};

struct profile_tally {
	struct profile_key key;
	uint32_t owner; /* row of a line's function, or of a function's generic */
	uint32_t best;  /* row of the costliest line of a function or generic */
	uint32_t onpath; /* occurrences on the path being summed */
	struct profile_sum {
		uint64_t self, total;
	} all, sum[PROFILE_SUMS]; /* over all times; per column */
};

struct profile_rows {
	struct idmap *map;
	struct profile_tally *row;
	size_t n, room;
};

/* Returns an empty set, or NULL if out of memory. */
struct profile_rows *profile_rows_new(void);
void profile_rows_free(struct profile_rows *r);

/* Set *index to the row of a key, adding it if it is new.  Returns 0, or -1 if out of
 * memory. */
int profile_rows_find(struct profile_rows *r, const struct profile_key *key,
    uint32_t *index);

/* Sum the self values of all nodes by row[which], for each column whose bit is set in
 * `columns`; other sums become 0. */
void profile_rows_sum(struct profile_rows *r, struct profile_tree *t,
    size_t which, unsigned columns);

/* Choose the line to display for each owner (functions or generics): the one with the
 * most self time, or else total time.  The lines must have been summed. */
void profile_rows_best(struct profile_rows *owners,
    const struct profile_rows *functions, const struct profile_rows *lines);

#endif
