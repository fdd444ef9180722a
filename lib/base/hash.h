/*
 * FNV-1a, 64 bit (www.isthe.com/chongo/tech/comp/fnv): a hash of bytes,
 * numbers and strings, one after the other.
 *
 *	h = hash_str(hash_u64(HASH_INIT, pid), name);
 */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_INIT 0xcbf29ce484222325ULL /* the hash of nothing */

uint64_t hash_bytes(uint64_t h, const void *bytes, size_t len);
uint64_t hash_u64(uint64_t h, uint64_t v);
uint64_t hash_str(uint64_t h, const char *s); /* hashes NULL as "-" */

/* Returns h as an id, which is never 0. */
uint64_t hash_id(uint64_t h);

#endif
