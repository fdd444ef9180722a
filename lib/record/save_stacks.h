/*
 * The tree of stacks of a recording: each node is a frame that knows its
 * caller's node.
 */
#ifndef SAVE_STACKS_H
#define SAVE_STACKS_H

#include <stdint.h>

struct complaints;
struct db;
struct rec_stack;
struct save_defs;
struct save_stacks;

/* With the stacks that the recording has.  The arguments stay the caller's.
 * NULL: db_error() says why. */
struct save_stacks *save_stacks_open(struct db *db, struct complaints *c,
    struct save_defs *defs);
void save_stacks_close(struct save_stacks *s);

/* Define a node, or name one that was raw.  0, or -1 and db_error(). */
int save_stacks_define(struct save_stacks *s, const struct rec_stack *r);

/* The row of an id that is referred to; 0 for the id 0.  What is not defined
 * is complained of and made.  0, or -1 and db_error(). */
int save_stacks_find(struct save_stacks *s, uint64_t id, int64_t *row);

/* Make the cuts of all nodes those of their outermost callers, before a
 * COMMIT.  0, or -1 and db_error(). */
int save_stacks_settle(struct save_stacks *s);

#endif
