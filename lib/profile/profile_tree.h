/*
 * The tree of stacks in memory.  Nodes are known by index, from 0.
 */
#ifndef PROFILE_TREE_H
#define PROFILE_TREE_H

#include <stddef.h>
#include <stdint.h>

#define PROFILE_NONE UINT32_MAX /* as IDMAP_NONE and STRTAB_NONE */
#define PROFILE_ROWS 5          /* groupings that have rows of nodes */

/* What is counted for nodes and threads: time in each enum profile_state,
 * waits, and the time of the present window in the states that matter. */
#define PROFILE_TIMES 5
#define PROFILE_WAITS 5
#define PROFILE_NOW 6
#define PROFILE_COLUMNS 7

struct idmap;

struct profile_node {
	int64_t id, caller;         /* in the recording; 0: none */
	uint32_t cut;               /* text: why its callers are not known */
	uint32_t row[PROFILE_ROWS]; /* in each of the groupings, but threads */
	uint64_t samples;           /* of the CPU */
	uint32_t as;                /* the node whose rows it counts for; see fold */
	unsigned runtime;           /* enum profile_runtime; 0: none of them */
	uint64_t sum;               /* while a column is summed up */
	uint32_t parent, child, sibling, state; /* of the tree */
};

/* What nodes have themselves, by index; beyond its end they have nothing. */
struct profile_column {
	uint64_t *value;
	size_t n;
};

struct profile_tree {
	struct idmap *ids;
	struct profile_node *node;
	size_t n, room;
	size_t linked;  /* so many hang in the tree */
	uint32_t roots; /* the first of the outermost nodes */
	int collapsed;      /* noise counts for the nearest caller that is none */
	struct profile_column column[PROFILE_COLUMNS];
};

/* NULL: out of memory. */
struct profile_tree *profile_tree_new(void);
void profile_tree_free(struct profile_tree *t);

/* Add a node that is zeroed but for id, caller, cut, noise and row.  0, or -1:
 * out of memory. */
int profile_tree_add(struct profile_tree *t, const struct profile_node *node,
    uint32_t *index);

/* Count something for a node itself.  0, or -1: out of memory. */
int profile_tree_count(struct profile_tree *t, size_t column, uint32_t node,
    uint64_t amount);
uint64_t profile_tree_self(const struct profile_tree *t, size_t column,
    uint32_t node);
void profile_tree_clear(struct profile_tree *t, size_t column);

/* Fold noise, or no longer.  Noise without such a caller stays what it is. */
void profile_tree_collapse(struct profile_tree *t, int collapse);

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
