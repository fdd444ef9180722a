/*
 * A file of the cache: struct cache_head, then a body, in bytes as they are in
 * memory.  For one machine and one build of rsprof only.
 */
#ifndef CACHE_FILE_H
#define CACHE_FILE_H

#include <stddef.h>
#include <stdint.h>

#define CACHE_NAME_MAX 176
#define CACHE_COUNTS 8 /* numbers that a kind keeps beside the body */

/* A kind of files.  A file that was made by other sources does not count. */
struct cache_kind {
	char suffix[8];  /* of the files' names, with its dot */
	char magic[8];   /* without a NUL */
	uint64_t stamp;  /* a hash of the sources that make the body, by the Makefile */
};

struct cache_head {
	char magic[8];
	uint64_t stamp;
	uint64_t sum;              /* cache_sum() */
	char name[CACHE_NAME_MAX]; /* of the file, padded with NULs */
	uint32_t count[CACHE_COUNTS];         /* as its kind has it */
};

/* Hash the name, the counts and the body, of a multiple of 8 bytes: any change within
 * 8 aligned bytes changes the hash, any other with a probability of 1 - 2^-64. */
uint64_t cache_sum(const struct cache_head *h, const void *body, size_t len);

/* Read the body that was written by that name, unharmed, with its head: *len bytes,
 * more than none, the caller's to free.  NULL: it is no such file, damaged, cannot be
 * read, or memory ended. */
void *cache_file_read(int fd, const struct cache_kind *kind, const char *name,
    struct cache_head *h, size_t *len);

/* Write a file.  Returns -1 with errno: then the file is of no use. */
int cache_file_write(int fd, const struct cache_kind *kind, const char *name,
    const uint32_t count[CACHE_COUNTS], const void *body, size_t len);

#endif
