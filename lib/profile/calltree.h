/*
 * Who calls whom: stacks merged into one tree, of callees or of callers.
 *
 * A node is a function below what called it; its total is what was measured with
 * all of them on the stack, its self what was measured in it and nothing further
 * in.  The totals of the outermost nodes add up to the whole.
 */
#ifndef CALLTREE_H
#define CALLTREE_H

#include <stddef.h>
#include <stdint.h>

#define CALLTREE_NONE UINT32_MAX

/* Stacks as a tree of places, in any order; where the row is CALLTREE_NONE the place has
 * nothing and is nobody's caller. */
struct calltree_stacks {
	uint32_t *caller; /* index, or CALLTREE_NONE */
	uint32_t *row;    /* the function's number */
	uint64_t *value;  /* of the place itself */
	size_t n;
};

struct calltree_node {
	uint32_t row, parent;    /* the function's number; node or CALLTREE_NONE */
	uint32_t child, sibling; /* the largest one first; node or CALLTREE_NONE */
	unsigned depth;
	uint64_t key;            /* of its path: the same whenever it is made */
	uint64_t self, total;
};

struct calltree {
	struct calltree_node *node; /* parents come before their children */
	size_t n, room;
	uint32_t root;           /* the largest of the outermost ones */
	uint64_t total;
};

/* Of all stacks, from their outermost frames on. */
int calltree_down(struct calltree *c, const struct calltree_stacks *s);

/* From a function on: what it calls; what calls it.  The function itself is the
 * only outermost node.  What it calls on itself counts once.  Of CALLTREE_NONE there is
 * nothing. */
int calltree_from(struct calltree *c, const struct calltree_stacks *s, uint32_t row);
int calltree_to(struct calltree *c, const struct calltree_stacks *s, uint32_t row);

/* The node where calls begin to part: below the largest outermost one, as long as one
 * has nearly all of the total.  CALLTREE_NONE: there is none. */
uint32_t calltree_parting(const struct calltree *c);

/* All of them: -1: out of memory; what c had is replaced, it begins zeroed. */
void calltree_free(struct calltree *c);

/* Room for n places; -1: out of memory. */
int calltree_stacks_new(struct calltree_stacks *s, size_t n);
void calltree_stacks_free(struct calltree_stacks *s);

#endif
