/*
 * Facts about files, kept from one run to the next: bytes of several
 * kinds, such as its compiled unwind table (unwind/cache_table) and the names of its
 * addresses (symbol/cache_names).  A directory `rsprof' in $XDG_CACHE_HOME, else in
 * $HOME/.cache, has a file for each.  It may be deleted at any time, and several
 * processes may use it at once.
 *
 * Only directories and files count that belong to the effective user and that
 * no other user can write to, and directories are made only in such ones: a
 * profiler that runs as root neither believes a user's files nor leaves
 * files in a user's home.  Where HOME is still the user's under sudo(8),
 * nothing is kept.
 */
#ifndef CACHE_H
#define CACHE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "unwind/cache_file.h"

struct cache;

/*
 * The file that bytes are kept of.  A build-id is a file's own statement: the owner
 * keeps one user from speaking for the files of another, and the size
 * distinguishes a stripped file, which has fewer facts, from the whole one.  Where the
 * build-id is not the file's own (see rsprof-records(5)), or has less than 8 bytes,
 * nothing is kept.
 */
struct cache_key {
	const char *buildid;
	uint64_t size;
	uid_t owner;
};

#define CACHE_LIMIT (UINT64_C(256) << 20)

/* Open the directory, and make it if need be; its files may have `limit' bytes
 * altogether.  NULL: there is none that may be used; the other functions take
 * this for an empty cache that keeps nothing. */
struct cache *cache_open(uint64_t limit);
void cache_close(struct cache *c);

/* Read the bytes of a kind that are kept of a file: *len of them, the caller's to
 * free, and their counts.  Returns NULL if there are none that can be believed. */
void *cache_read(struct cache *c, const struct cache_key *key,
    const struct cache_kind *kind, uint32_t count[CACHE_COUNTS], size_t *len);

/* Keep len bytes and their counts, if possible; those not used for longest go, if
 * need be.  len is a multiple of 8. */
void cache_write(struct cache *c, const struct cache_key *key,
    const struct cache_kind *kind, const uint32_t count[CACHE_COUNTS], const void *body,
    size_t len);

#endif
