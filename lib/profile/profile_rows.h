/*
 * The rows of a grouping, such as functions, and what time each has in a tree
 * of stacks.  Rows are known by index, from 0, which stays the same.
 */
#ifndef PROFILE_ROWS_H
#define PROFILE_ROWS_H

#include <stddef.h>
#include <stdint.h>

struct idmap;
struct profile_tree;

#define PROFILE_SUMS 7 /* as PROFILE_COLUMNS of profile_tree.h */

/* What makes a row: numbers of texts, PROFILE_NONE for none. */
struct profile_key {
	uint32_t name, module, file; /* of a crate and its functions, the version or
	                                the crate stands for the file */
	uint64_t line;
};

struct profile_tally {
	struct profile_key key;
	uint32_t owner; /* of a line: its function's row; of a function: the generic one's */
	uint32_t best;  /* of a function, or a generic one: its costliest line's row */
	uint32_t onpath; /* how often on the path being summed up */
	struct profile_sum {
		uint64_t self, total;
	} all, sum[PROFILE_SUMS]; /* of all times; of each column */
};

struct profile_rows {
	struct idmap *map;
	struct profile_tally *row;
	size_t n, room;
};

/* NULL: out of memory. */
struct profile_rows *profile_rows_new(void);
void profile_rows_free(struct profile_rows *r);

/* The row of a key, made where there is none.  0, or -1: out of memory. */
int profile_rows_find(struct profile_rows *r, const struct profile_key *key,
    uint32_t *index);

/* Sum up anew, by their row[which], what the nodes have themselves in these
 * columns, a bit each; others are 0. */
void profile_rows_sum(struct profile_rows *r, struct profile_tree *t,
    size_t which, unsigned columns);

/* Which line of each owner is to be shown: the one with most self time, else with
 * most total time.  The lines are summed up; they are the owners', or those of
 * their functions. */
void profile_rows_best(struct profile_rows *owners,
    const struct profile_rows *functions, const struct profile_rows *lines);

#endif
