/*
 * The tree of stacks of a recording: each node is a frame and refers to the
 * node of its caller.
 *
 * Functions return 0, or -1 with db_error().
 */
#ifndef STORE_STACKS_H
#define STORE_STACKS_H

#include <stdint.h>

struct warnings;
struct db;
struct rec_stack;
struct store_defs;
struct store_stacks;

/* Load the stacks that the recording has.  The arguments stay the caller's.
 * Returns NULL on failure; db_error() says why. */
struct store_stacks *store_stacks_open(struct db *db, struct warnings *w,
    struct store_defs *defs);
void store_stacks_close(struct store_stacks *s);

/* Define a node, or give one that was raw its frame. */
int store_stacks_define(struct store_stacks *s, const struct rec_stack *r);

/* Find the row of an id; 0 for the id 0.  An undefined id gets a warning and a
 * row of its own. */
int store_stacks_find(struct store_stacks *s, uint64_t id, int64_t *row);

/* Update each node's cut to that of its outermost caller; required before each
 * COMMIT. */
int store_stacks_flush(struct store_stacks *s);

#endif
