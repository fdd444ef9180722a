/*
 * Modules and frames of a recording: what records define once by a 64-bit id
 * and refer to by it, and the rows that stand for them.
 */
#ifndef SAVE_DEFS_H
#define SAVE_DEFS_H

#include <stdint.h>

struct complaints;
struct db;
struct rec_frame;
struct rec_module;
struct save_defs;

/* With what the recording has already.  Both arguments stay the caller's.
 * NULL: db_error() says why. */
struct save_defs *save_defs_open(struct db *db, struct complaints *c);
void save_defs_close(struct save_defs *d);

/* 0, or -1 and db_error(). */
int save_defs_module(struct save_defs *d, const struct rec_module *m);
int save_defs_frame(struct save_defs *d, const struct rec_frame *f);

/*
 * The row of an id that is referred to; 0 for the id 0.  What is not defined
 * is complained of and gets a row without names, as it may be defined later.
 * 0, or -1 and db_error().
 */
int save_defs_find_module(struct save_defs *d, uint64_t id, int64_t *row);
int save_defs_find_frame(struct save_defs *d, uint64_t id, int64_t *row);

#endif
