/*
 * What the places of one file were named, kept from one run to the next: its
 * frames at each offset, the innermost inlined call first.
 */
#ifndef CACHE_NAMES_H
#define CACHE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define CACHE_NAMES_MAGIC "rsprof\nN"
#define CACHE_NAMES_DEPTH 256                /* frames at one place, at most */
#define CACHE_NAMES_MAX (UINT64_C(16) << 20) /* bytes of one file's names, about */

/* What the head's numbers are. */
enum { CACHE_NAMES_PLACES, CACHE_NAMES_FRAMES, CACHE_NAMES_TEXTS };

struct cache_names;

struct cache_frame {
	const char *function; /* demangled; NULL: none */
	const char *file;     /* NULL: unknown */
	uint32_t line, column;
};

struct cache_names *cache_names_new(void); /* NULL: out of memory */
void cache_names_free(struct cache_names *n);

/* How many frames there are at an offset, copied to `out'; 0: it is not known.
 * The texts live as the names do. */
size_t cache_names_find(const struct cache_names *n, uint64_t offset,
    struct cache_frame out[CACHE_NAMES_DEPTH]);

/* Keep the frames at an offset that is not known, if there is room for them. */
void cache_names_add(struct cache_names *n, uint64_t offset,
    const struct cache_frame *frame, size_t count);

/* Was anything added since they were new, or read? */
int cache_names_changed(const struct cache_names *n);

/*
 * In a file of the cache: places of an offset, a frame's number and how many
 * follow; frames of two texts' numbers, line and column; texts, each ended by
 * a NUL, and NULs up to a multiple of 8.  Whatever the bytes are, numbers are
 * of what there is.  NULL: see cache_file_read().
 */
struct cache_names *cache_names_read(int fd, const char *name);

/* -1: errno says why; what was written is of no use. */
int cache_names_write(int fd, const char *name, const struct cache_names *n);

/* Bytes of its file. */
uint64_t cache_names_size(const struct cache_names *n);

#endif
