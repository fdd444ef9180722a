/*
 * The tree of stacks of a recording: each node is a frame that knows its
 * caller's node.
 */
#ifndef STORE_STACKS_H
#define STORE_STACKS_H

#include <stdint.h>

struct warnings;
struct db;
struct rec_stack;
struct store_defs;
struct store_stacks;

/* With the stacks that the recording has.  The arguments stay the caller's.
 * NULL: db_error() says why. */
struct store_stacks *store_stacks_open(struct db *db, struct warnings *w,
    struct store_defs *defs);
void store_stacks_close(struct store_stacks *s);

/* Define a node, or name one that was raw.  0, or -1 and db_error(). */
int store_stacks_define(struct store_stacks *s, const struct rec_stack *r);

/* The row of an id that is referred to; 0 for the id 0.  What is not defined
 * is complained of and made.  0, or -1 and db_error(). */
int store_stacks_find(struct store_stacks *s, uint64_t id, int64_t *row);

/* Make the cuts of all nodes those of their outermost callers, before a
 * COMMIT.  0, or -1 and db_error(). */
int store_stacks_flush(struct store_stacks *s);

#endif
