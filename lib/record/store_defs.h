/*
 * Modules and frames of a recording: what records define once by a 64-bit id
 * and refer to by it, and the rows that stand for them.
 */
#ifndef STORE_DEFS_H
#define STORE_DEFS_H

#include <stdint.h>

struct warnings;
struct db;
struct rec_frame;
struct rec_module;
struct store_defs;

/* With what the recording has already.  Both arguments stay the caller's.
 * NULL: db_error() says why. */
struct store_defs *store_defs_open(struct db *db, struct warnings *w);
void store_defs_close(struct store_defs *d);

/* 0, or -1 and db_error(). */
int store_defs_module(struct store_defs *d, const struct rec_module *m);
int store_defs_frame(struct store_defs *d, const struct rec_frame *f);

/*
 * The row of an id that is referred to; 0 for the id 0.  What is not defined
 * is complained of and gets a row without names, as it may be defined later.
 * 0, or -1 and db_error().
 */
int store_defs_find_module(struct store_defs *d, uint64_t id, int64_t *row);
int store_defs_find_frame(struct store_defs *d, uint64_t id, int64_t *row);

#endif
