/*
 * A compiled unwind table in the cache: the body of its file is the rows.  The page
 * index follows from them and is not stored.
 */
#ifndef CACHE_TABLE_H
#define CACHE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "unwind/cache_file.h"

struct cache;
struct cache_key;
struct unwind_table;

/* The counts of such a file. */
enum {
	CACHE_TABLE_ROWS,
	CACHE_TABLE_SKIPPED,
	CACHE_TABLE_RUST,
	CACHE_TABLE_LISTED,
	CACHE_TABLE_MADE,
	CACHE_TABLE_BARE,
	CACHE_TABLE_APART
};

/* Load the table of a file, and whether that looks like rustc's work.  unwind_free()
 * frees it.  Returns -1 if there is none that can be believed. */
int cache_table_load(struct cache *c, const struct cache_key *key,
    struct unwind_table *t, int *rust);

/* Keep a table, if it has rows and if possible. */
void cache_table_save(struct cache *c, const struct cache_key *key,
    const struct unwind_table *t, int rust);

/* Returns the kind of such files. */
const struct cache_kind *cache_table_kind(void);

/* Make a table of a body, of malloc(), which is taken over, and its counts.  Whatever
 * the bytes are, the rows ascend.  Returns -1 if they do not, or memory ended. */
int cache_table_decode(struct unwind_table *t, int *rust, const uint32_t count[CACHE_COUNTS],
    void *body, size_t len);

#endif
