/*
 * The modules, frames and stacks of a recording as records, each written before the first
 * record that refers to it.
 *
 * Functions return 0, -1 with db_error(), or what out->put() returned.
 */
#ifndef DUMP_DEFS_H
#define DUMP_DEFS_H

#include <stdint.h>

struct db;
struct dump_defs;
struct dump_out;

/* Both arguments stay the caller's.  Returns NULL on failure; db_error() says why. */
struct dump_defs *dump_defs_open(struct db *db, struct dump_out *out);
void dump_defs_close(struct dump_defs *d);

/* Write what a row stands for, unless that has been done, and set *id to its id; 0 for row 0. */
int dump_defs_module(struct dump_defs *d, int64_t row, uint64_t *id);
int dump_defs_stack(struct dump_defs *d, int64_t row, uint64_t *id);

/* Write whatever nothing has referred to. */
int dump_defs_rest(struct dump_defs *d);

#endif
