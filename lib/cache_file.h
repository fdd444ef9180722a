/*
 * A compiled unwind table in a file: struct cache_head, then the rows as they
 * are in memory.  The page index follows from the rows and is not stored.
 *
 * For one machine and one build of rsprof only: the stamp is a hash of the
 * sources that make tables, by the Makefile.
 */
#ifndef CACHE_FILE_H
#define CACHE_FILE_H

#include <stdint.h>

struct step_row;
struct unwind_table;

#define CACHE_MAGIC "rsprof\nU"
#define CACHE_NAME_MAX 176

struct cache_head {
	char magic[8]; /* without a NUL */
	uint64_t stamp;
	uint64_t sum;                /* cache_sum() */
	char name[CACHE_NAME_MAX];   /* of the file, padded with NULs */
	uint32_t nrow, skipped;      /* as in struct unwind_table */
	uint32_t rust, pad;          /* 0 or 1, see obj_is_rust(); 0 */
};

/* The stamp of this build. */
uint64_t cache_stamp(void);

/* Of the name, the counts and the rows: any change within 8 aligned bytes
 * changes it, any other with a probability of 1 - 2^-64. */
uint64_t cache_sum(const struct cache_head *h, const struct step_row *row);

/*
 * Read the table that was written by that name.  Whatever the bytes are, a
 * table is made only of what was written by this build, unharmed: its rows
 * ascend.  unwind_free() frees it.  -1: it is no such file, damaged, cannot be
 * read, or memory ended.
 */
int cache_file_read(int fd, const char *name, struct unwind_table *t, int *rust);

/* -1: errno says why; what was written is of no use. */
int cache_file_write(int fd, const char *name, const struct unwind_table *t,
    int rust);

/* Bytes of a table's file. */
uint64_t cache_file_size(const struct unwind_table *t);

#endif
