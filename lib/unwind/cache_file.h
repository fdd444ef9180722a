/*
 * A file of the cache: struct cache_head, then what it is about, in bytes as
 * they are in memory.
 *
 * For one machine and one build of rsprof only: the stamp is a hash of its
 * sources, by the Makefile.
 */
#ifndef CACHE_FILE_H
#define CACHE_FILE_H

#include <stddef.h>
#include <stdint.h>

#define CACHE_NAME_MAX 176

struct cache_head {
	char magic[8]; /* of a kind of file, without a NUL */
	uint64_t stamp;
	uint64_t sum;              /* cache_sum() */
	char name[CACHE_NAME_MAX]; /* of the file, padded with NULs */
	uint32_t count[4];         /* as its kind has it */
};

/* The stamp of this build. */
uint64_t cache_stamp(void);

/* Of the name, the counts and the body, of a multiple of 8 bytes: any change
 * within 8 aligned bytes changes it, any other with a probability of
 * 1 - 2^-64. */
uint64_t cache_sum(const struct cache_head *h, const void *body, size_t len);

/* The body that this build has written by that name, unharmed, with its head:
 * *len bytes, more than none, the caller's to free.  NULL: it is no such file,
 * damaged, cannot be read, or memory ended. */
void *cache_file_read(int fd, const char *magic, const char *name,
    struct cache_head *h, size_t *len);

/* -1: errno says why; what was written is of no use. */
int cache_file_write(int fd, const char *magic, const char *name,
    const uint32_t count[4], const void *body, size_t len);

#endif
