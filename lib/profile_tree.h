/*
 * The tree of stacks in memory.  Nodes are known by index, from 0.
 */
#ifndef PROFILE_TREE_H
#define PROFILE_TREE_H

#include <stddef.h>
#include <stdint.h>

#define PROFILE_NONE UINT32_MAX /* as IDMAP_NONE and STRTAB_NONE */
#define PROFILE_ROWS 3          /* groupings that have rows of nodes */

struct idmap;

/* Time, of everything and of the present window. */
struct profile_sum {
	uint64_t ns, now;
};

struct profile_node {
	int64_t id, caller;         /* in the recording; 0: none */
	uint32_t cut;               /* text: why its callers are not known */
	uint32_t row[PROFILE_ROWS]; /* by function, line, module */
	uint64_t samples;
	struct profile_sum self, sum;           /* of this node; with all below it */
	uint32_t parent, child, sibling, state; /* of the tree */
};

struct profile_tree {
	struct idmap *ids;
	struct profile_node *node;
	size_t n, room;
	size_t linked;  /* so many hang in the tree */
	uint32_t roots; /* the first of the outermost nodes */
};

/* NULL: out of memory. */
struct profile_tree *profile_tree_new(void);
void profile_tree_free(struct profile_tree *t);

/* Add a node that is zeroed but for id, caller, cut and row.  0, or -1: out of
 * memory. */
int profile_tree_add(struct profile_tree *t, const struct profile_node *node,
    uint32_t *index);

/* The node that has an id in the recording, or PROFILE_NONE. */
uint32_t profile_tree_find(const struct profile_tree *t, int64_t id);

/*
 * Hang in the tree what was added.  A node whose caller is missing, or that
 * would be its own caller, becomes an outermost one and has this cut.
 */
void profile_tree_link(struct profile_tree *t, uint32_t damaged);

/* The next node in an order in which callers come first; the first one is
 * t->roots, after the last one comes PROFILE_NONE. */
uint32_t profile_tree_next(const struct profile_tree *t, uint32_t index);

#endif
