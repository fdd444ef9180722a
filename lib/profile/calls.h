/*
 * Who calls whom: stacks merged into one tree, of callees or of callers.
 *
 * A node is a function below what called it; its total is what was measured with
 * all of them on the stack, its self what was measured in it and nothing further
 * in.  The totals of the outermost nodes add up to the whole.
 */
#ifndef CALLS_H
#define CALLS_H

#include <stddef.h>
#include <stdint.h>

#define CALLS_NONE UINT32_MAX

/* Stacks as a tree of places, in any order; where the row is CALLS_NONE the place has
 * nothing and is nobody's caller. */
struct calls_stacks {
	uint32_t *caller; /* index, or CALLS_NONE */
	uint32_t *row;    /* the function's number */
	uint64_t *value;  /* of the place itself */
	size_t n;
};

struct calls_node {
	uint32_t row, parent;    /* the function's number; node or CALLS_NONE */
	uint32_t child, sibling; /* the largest one first; node or CALLS_NONE */
	unsigned depth;
	uint64_t key;            /* of its path: the same whenever it is made */
	uint64_t self, total;
};

struct calls {
	struct calls_node *node; /* parents come before their children */
	size_t n, room;
	uint32_t root;           /* the largest of the outermost ones */
	uint64_t total;
};

/* Of all stacks, from their outermost frames on. */
int calls_down(struct calls *c, const struct calls_stacks *s);

/* From a function on: what it calls; what calls it.  The function itself is the
 * only outermost node.  What it calls on itself counts once.  Of CALLS_NONE there is
 * nothing. */
int calls_from(struct calls *c, const struct calls_stacks *s, uint32_t row);
int calls_to(struct calls *c, const struct calls_stacks *s, uint32_t row);

/* The node where calls begin to part: below the largest outermost one, as long as one
 * has nearly all of the total.  CALLS_NONE: there is none. */
uint32_t calls_parting(const struct calls *c);

/* All of them: -1: out of memory; what c had is replaced, it begins zeroed. */
void calls_free(struct calls *c);

/* Room for n places; -1: out of memory. */
int calls_stacks_new(struct calls_stacks *s, size_t n);
void calls_stacks_free(struct calls_stacks *s);

#endif
