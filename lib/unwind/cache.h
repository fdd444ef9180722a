/*
 * What was found out of a file, kept from one run to the next: its compiled
 * unwind table, and names of its places.  A directory `rsprof' in
 * $XDG_CACHE_HOME, else in $HOME/.cache, has a file for each.  It may be
 * deleted at any time, and several processes may use it at once.
 *
 * Only directories and files count that belong to the effective user and that
 * nobody else can write to, and directories are made only in such ones: a
 * profiler that runs as root neither believes a user's files nor leaves
 * files in a user's home.  Where HOME is still the user's under sudo(8),
 * nothing is kept.
 */
#ifndef CACHE_H
#define CACHE_H

#include <stdint.h>
#include <sys/types.h>

struct cache;
struct cache_names;
struct unwind_table;

/*
 * The file that it is of.  A build-id is what a file says of itself:
 * the owner keeps one user from speaking for the files of another, and the
 * size tells a stripped file, which has less to compile from, from the whole
 * one.  Where the build-id is none of the file's own (see rsprof-records(5)),
 * or has less than 8 bytes, nothing is kept.
 */
struct cache_key {
	const char *buildid;
	uint64_t size;
	uid_t owner;
};

#define CACHE_LIMIT (UINT64_C(256) << 20)

/* The directory is made if need be; its files may have `limit' bytes
 * altogether.  NULL: there is none that may be used; the other functions take
 * this for an empty cache that keeps nothing. */
struct cache *cache_open(uint64_t limit);
void cache_close(struct cache *c);

/* 0: the table is that of the key, unwind_free() frees it, and *rust is what
 * was said of it.  -1: there is none that can be believed. */
int cache_load(struct cache *c, const struct cache_key *key,
    struct unwind_table *t, int *rust);

/* Keep a table, if possible, and whether its file looks like rustc's work;
 * those not used for longest go, if need be. */
void cache_save(struct cache *c, const struct cache_key *key,
    const struct unwind_table *t, int rust);

/* The same of names (unwind/cache_names), which the caller frees; NULL: there are
 * none that can be believed. */
struct cache_names *cache_load_names(struct cache *c, const struct cache_key *key);
void cache_save_names(struct cache *c, const struct cache_key *key,
    const struct cache_names *n);

#endif
