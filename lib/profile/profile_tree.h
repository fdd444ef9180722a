/*
 * The tree of stacks.  Nodes are known by index, from 0.
 */
#ifndef PROFILE_TREE_H
#define PROFILE_TREE_H

#include <stddef.h>
#include <stdint.h>

#define PROFILE_NONE UINT32_MAX /* equals IDMAP_NONE and STRTAB_NONE */
#define PROFILE_ROWS 5          /* groupings that are of nodes: all but threads */

/* The columns counted for nodes and threads: time in each enum profile_state, waits,
 * and the time within the current window. */
#define PROFILE_TIMES 5
#define PROFILE_WAITS 5
#define PROFILE_NOW 6
#define PROFILE_COLUMNS 7

struct idmap;

struct profile_node {
	int64_t id, caller;         /* ids in the recording; 0: none */
	uint32_t cut;               /* text: why callers are missing */
	uint32_t row[PROFILE_ROWS]; /* by grouping, except threads */
	uint64_t samples;           /* CPU samples */
	uint32_t as;                /* the node it counts for once runtime frames are collapsed */
	unsigned runtime;           /* enum profile_runtime; 0: not a runtime frame */
	uint64_t sum;               /* subtotal while a column is summed */
	uint32_t parent, child, sibling, state; /* managed by the tree */
};

/* The values of nodes themselves; 0 beyond the end. */
struct profile_column {
	uint64_t *value;
	size_t n;
};

struct profile_tree {
	struct idmap *ids;
	struct profile_node *node;
	size_t n, room;
	size_t linked;  /* nodes that are linked into the tree */
	uint32_t roots; /* first outermost node */
	int collapsed;      /* whether runtime frames count for their callers */
	struct profile_column column[PROFILE_COLUMNS];
};

/* Returns an empty tree, or NULL if out of memory. */
struct profile_tree *profile_tree_new(void);
void profile_tree_free(struct profile_tree *t);

/* Add a node of which id, caller, cut, runtime and row are set and the rest is 0.
 * Returns 0, or -1 if out of memory. */
int profile_tree_add(struct profile_tree *t, const struct profile_node *node,
    uint32_t *index);

/* Add an amount to a column of a node itself.  Returns 0, or -1 if out of memory. */
int profile_tree_count(struct profile_tree *t, size_t column, uint32_t node,
    uint64_t amount);
uint64_t profile_tree_self(const struct profile_tree *t, size_t column,
    uint32_t node);
void profile_tree_clear(struct profile_tree *t, size_t column);

/* Collapse runtime frames into their nearest caller that is not one, or stop doing so.
 * A runtime frame without such a caller counts for itself. */
void profile_tree_collapse(struct profile_tree *t, int collapse);

/* Returns the node with an id in the recording, or PROFILE_NONE. */
uint32_t profile_tree_find(const struct profile_tree *t, int64_t id);

/*
 * Link the nodes that were added.  A node whose caller is missing, or that is its own
 * caller, becomes an outermost one with the cut `damaged`.
 */
void profile_tree_link(struct profile_tree *t, uint32_t damaged);

/* Returns the node after `index` in preorder, which starts at t->roots, or PROFILE_NONE
 * after the last. */
uint32_t profile_tree_next(const struct profile_tree *t, uint32_t index);

#endif
