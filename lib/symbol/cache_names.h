/*
 * The names of one file's addresses, kept in the cache from one run to the next: the
 * frames at each offset, the innermost inlined call first.
 *
 * In a file of the cache: locations of an offset, a frame's number and how many
 * follow; frames of two texts' numbers, line and column; texts, each ended by a NUL,
 * and NULs up to a multiple of 8.
 */
#ifndef CACHE_NAMES_H
#define CACHE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "unwind/cache_file.h"

#define CACHE_NAMES_DEPTH 256                /* frames at one offset, at most */
#define CACHE_NAMES_MAX (UINT64_C(16) << 20) /* bytes of one file's names, about */

/* The counts of such a file. */
enum { CACHE_NAMES_LOCATIONS, CACHE_NAMES_FRAMES, CACHE_NAMES_TEXTS };

struct cache;
struct cache_key;
struct cache_kind;
struct cache_names;

struct cache_frame {
	const char *function; /* demangled; NULL: none */
	const char *file;     /* NULL: unknown */
	uint32_t line, column;
};

struct cache_names *cache_names_new(void); /* NULL: out of memory */
void cache_names_free(struct cache_names *n);

/* Copy the frames at an offset to `out'.  Returns how many there are, or 0 if it is
 * not known.  The texts live as the names do. */
size_t cache_names_find(const struct cache_names *n, uint64_t offset,
    struct cache_frame out[CACHE_NAMES_DEPTH]);

/* Keep the frames at an offset that is not known, if there is room for them. */
void cache_names_add(struct cache_names *n, uint64_t offset,
    const struct cache_frame *frame, size_t count);

/* Returns whether any names were added since they were new, or loaded. */
int cache_names_changed(const struct cache_names *n);

/* Returns the bytes that the names take in a file. */
uint64_t cache_names_size(const struct cache_names *n);

/* Load the names of a file, which the caller frees.  Returns NULL if there are none
 * that can be believed. */
struct cache_names *cache_names_load(struct cache *c, const struct cache_key *key);

/* Keep the names of a file, if any were added since they were new or loaded, and if
 * possible. */
void cache_names_save(struct cache *c, const struct cache_key *key,
    const struct cache_names *n);

/* Returns the kind of such files. */
const struct cache_kind *cache_names_kind(void);

/* Make names of a body and its counts.  Whatever the bytes are, numbers are of what
 * there is.  Returns NULL if they are not, or memory ended. */
struct cache_names *cache_names_decode(const uint32_t count[CACHE_COUNTS], const void *body,
    size_t len);

#endif
