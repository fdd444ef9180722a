/*
 * A compiled unwind table in a file of the cache: its body is the rows.  The
 * page index follows from them and is not stored.
 */
#ifndef CACHE_TABLE_H
#define CACHE_TABLE_H

#include <stdint.h>

#define CACHE_TABLE_MAGIC "rsprof\nU"

struct unwind_table;

/* What the head's numbers are. */
enum { CACHE_TABLE_ROWS, CACHE_TABLE_SKIPPED, CACHE_TABLE_RUST };

/*
 * Read the table that was written by that name, and whether its file looks
 * like rustc's work.  Whatever the bytes are, its rows ascend.  unwind_free()
 * frees it.  -1: see cache_file_read().
 */
int cache_table_read(int fd, const char *name, struct unwind_table *t, int *rust);

/* -1: errno says why; what was written is of no use. */
int cache_table_write(int fd, const char *name, const struct unwind_table *t,
    int rust);

/* Bytes of a table's file. */
uint64_t cache_table_size(const struct unwind_table *t);

#endif
