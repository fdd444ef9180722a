/*
 * The tree of stacks, with the rows of every grouping that its frames belong to, and
 * the one rule by which frames are collapsed.  Nodes and rows are known by index, from
 * 0, which never changes; rows are the same for time and memory.
 *
 * Collapsed, a frame of std, an allocator, libc, the kernel or an async runtime counts
 * for the nearest caller that is none.  Frames above main or a thread's closure are left
 * out, and stacks without any such caller count for one node, [runtime].
 */
#ifndef STACKS_H
#define STACKS_H

#include <stddef.h>
#include <stdint.h>

#define STACKS_NONE UINT32_MAX /* equals IDMAP_NONE and STRTAB_NONE */
#define STACKS_GROUPS 5        /* groupings that are of nodes: all but threads */

struct idmap;

/* The identity of a row: numbers of strings, STACKS_NONE for none. */
struct stacks_key {
	uint32_t name, module, file; /* file: crate: version; generic: crate */
	uint64_t line;
};

struct stacks_row {
	struct stacks_key key;
	uint32_t owner; /* row of a line's function, or of a function's generic */
	int special;    /* stands for a reason, such as [runtime], not for code */
};

/* The rows of a grouping. */
struct stacks_rows {
	struct idmap *map;
	struct stacks_row *row;
	size_t n, room;
};

struct stacks_node {
	int64_t id, caller;         /* ids in the recording; 0: none */
	uint32_t cut;               /* text: why callers are missing */
	uint32_t row[STACKS_GROUPS]; /* by grouping, except threads */
	unsigned categories;        /* enum profile_category */
	int outside;                /* above main: left out when collapsed */
	uint32_t as;                /* the node it counts for when collapsed */
	uint32_t entry;             /* when collapsed: the outermost frame below `as` */
	uint32_t parent, child, sibling, state; /* managed by the tree */
};

struct stacks {
	struct idmap *ids;
	struct stacks_node *node;
	size_t n, room;
	size_t linked;    /* nodes that are linked into the tree */
	uint32_t roots;   /* first outermost node */
	uint32_t runtime; /* the node [runtime] */
	int own;          /* whether any frame is of the program's own code */
	struct stacks_rows rows[STACKS_GROUPS];
};

/* Returns an empty tree, or NULL if out of memory. */
struct stacks *stacks_new(void);
void stacks_free(struct stacks *s);

/* Set *index to the row of a key, adding it if it is new.  Returns 0, or -1 if out of
 * memory. */
int stacks_row(struct stacks *s, size_t group, const struct stacks_key *key,
    uint32_t *index);

/* Add a node of which id, caller, cut, categories and row are set and the rest is 0.
 * Returns 0, or -1 if out of memory. */
int stacks_add(struct stacks *s, const struct stacks_node *node, uint32_t *index);

/* Returns the node with an id in the recording, or STACKS_NONE. */
uint32_t stacks_find(const struct stacks *s, int64_t id);

/* Link the nodes that were added.  A node whose caller is missing, or that is its own
 * caller, becomes an outermost one with the cut `damaged`. */
void stacks_link(struct stacks *s, uint32_t damaged);

/* Returns the node after `index` in preorder, which starts at s->roots, or STACKS_NONE
 * after the last. */
uint32_t stacks_next(const struct stacks *s, uint32_t index);

/* Returns the node that node n counts for, and the one that calls it, or STACKS_NONE. */
uint32_t stacks_as(const struct stacks *s, uint32_t n, int collapse);
uint32_t stacks_caller(const struct stacks *s, uint32_t n, int collapse);

#endif
