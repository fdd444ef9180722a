/*
 * Call trees: stacks merged by function, from the outermost callers down or from one
 * function up.
 *
 * A node is a function below its caller.  Its total is what was measured with this path
 * on the stack, its self what was measured in the function itself.  The totals of the
 * outermost nodes add up to the total of the tree.
 */
#ifndef CALLTREE_H
#define CALLTREE_H

#include <stddef.h>
#include <stdint.h>

#define CALLTREE_NONE UINT32_MAX

/* Stacks as an array of frames in any order, each with the index of its caller.  A
 * frame whose row is CALLTREE_NONE is skipped: it has no value and calls nothing. */
struct calltree_stacks {
	uint32_t *caller; /* index, or CALLTREE_NONE for an outermost frame */
	uint32_t *row;    /* number of the function */
	uint64_t *value;  /* of the frame itself */
	size_t n;
};

struct calltree_node {
	uint32_t row, parent;    /* number of the function; node, or CALLTREE_NONE */
	uint32_t child, sibling; /* nodes, the largest child first; or CALLTREE_NONE */
	unsigned depth;
	uint64_t key;            /* hash of the path: the same in every tree */
	uint64_t self, total;
};

struct calltree {
	struct calltree_node *node; /* parents before their children */
	size_t n, room;
	uint32_t root;           /* the largest outermost node */
	uint64_t total;
};

/* Merge all stacks, from their outermost frames down.  Returns 0, or -1 if out of
 * memory.  The tree must be zeroed or have been built before; what it held is replaced. */
int calltree_down(struct calltree *c, const struct calltree_stacks *s);

/* Merge what a function calls (calltree_from) or what calls it (calltree_to).  The
 * function is the only outermost node, and recursive calls of it count once.
 * CALLTREE_NONE gives an empty tree.  Return values as for calltree_down(). */
int calltree_from(struct calltree *c, const struct calltree_stacks *s, uint32_t row);
int calltree_to(struct calltree *c, const struct calltree_stacks *s, uint32_t row);

/* Find the heaviest stack in which a function is the innermost: set *frame to a frame of it,
 * or CALLTREE_NONE, and *value to what was measured with it.  Frames of the same functions
 * count together.  Returns 0, or -1 if out of memory. */
int calltree_heaviest(const struct calltree_stacks *s, uint32_t row, uint32_t *frame,
    uint64_t *value);

/* Returns the caller of a frame, or CALLTREE_NONE, leaving skipped frames out. */
uint32_t calltree_caller(const struct calltree_stacks *s, uint32_t frame);

/* Find the node where calls branch: follow the largest child from the root for as long
 * as it has nearly all of the total.  Returns CALLTREE_NONE for an empty tree. */
uint32_t calltree_parting(const struct calltree *c);

/* Free what a tree holds. */
void calltree_free(struct calltree *c);

/* Export the stacks of a recording, collapsed or not, with a figure of each node and the
 * rows of a grouping.  Returns 0, or -1 if out of memory. */
struct stacks;
struct tally_column;
int calltree_stacks_of(struct calltree_stacks *out, const struct stacks *s, size_t group,
    int collapse, const struct tally_column *value);

/* Allocate zeroed stacks of n frames.  Returns 0, or -1 if out of memory. */
int calltree_stacks_new(struct calltree_stacks *s, size_t n);
void calltree_stacks_free(struct calltree_stacks *s);

#endif
