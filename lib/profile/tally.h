/*
 * Figures by node of a tree of stacks, and their sums by rows of a grouping.
 */
#ifndef TALLY_H
#define TALLY_H

#include <stddef.h>
#include <stdint.h>

struct stacks;

/* The figures of nodes themselves; 0 beyond the end. */
struct tally_column {
	uint64_t *value;
	size_t n;
};

/* Make room for n nodes.  Returns 0, or -1 if out of memory. */
int tally_reserve(struct tally_column *c, size_t n);
uint64_t tally_self(const struct tally_column *c, uint32_t node);
void tally_clear(struct tally_column *c);

struct tally_sum {
	uint64_t self, total;
	uint32_t onpath; /* occurrences on the path being summed */
};

/* Sum a column by the rows of a grouping into sum[], which has room for all of them.
 * Returns 0, or -1 if out of memory. */
int tally_sum(const struct stacks *s, size_t group, int collapse, const struct tally_column *c,
    struct tally_sum *sum);

/* Choose for each of the functions or generic functions the line with the most of
 * self, or else total: best[] gets its row, or STACKS_NONE. */
void tally_best(const struct stacks *s, size_t group, const struct tally_sum *line,
    uint32_t *best);

/* What a row's self went to below: the heaviest function that was collapsed into it. */
struct tally_callee {
	uint32_t function; /* row, or STACKS_NONE */
	uint64_t value;
};

/* Find the heaviest callee of each row of a grouping.  Returns 0, or -1 if out of
 * memory. */
int tally_callees(const struct stacks *s, size_t group, const struct tally_column *c,
    struct tally_callee *callee);

#endif
