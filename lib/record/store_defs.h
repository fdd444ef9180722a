/*
 * The modules and frames of a recording: records define each once with a
 * 64-bit id and refer to it by that id; a row of the recording stands for it.
 *
 * Functions return 0, or -1 with db_error().
 */
#ifndef STORE_DEFS_H
#define STORE_DEFS_H

#include <stdint.h>

struct warnings;
struct db;
struct rec_frame;
struct rec_module;
struct store_defs;

/* Load the definitions that the recording has.  Both arguments stay the
 * caller's.  Returns NULL on failure; db_error() says why. */
struct store_defs *store_defs_open(struct db *db, struct warnings *w);
void store_defs_close(struct store_defs *d);

/* Store a definition, unless its id is defined already. */
int store_defs_module(struct store_defs *d, const struct rec_module *m);
int store_defs_frame(struct store_defs *d, const struct rec_frame *f);

/*
 * Find the row of an id; 0 for the id 0.  An undefined id gets a warning, and a
 * row without names because its definition may follow.
 */
int store_defs_find_module(struct store_defs *d, uint64_t id, int64_t *row);
int store_defs_find_frame(struct store_defs *d, uint64_t id, int64_t *row);

#endif
