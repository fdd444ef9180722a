/*
 * Reads from outside which chunks of glibc's malloc(3) are in use in a process, while it
 * runs: glibc 2.34 to 2.41, 64 bit.
 *
 * Chunks stand one after the other; a free one is told by a bit of the next, or by the
 * key of a thread's cache, or by a list of the arena (fastbins).
 */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>
#include <sys/types.h>

struct arena;
struct census_chunk;

/* Returns NULL if memory is short, or if the process has no such malloc(3). */
struct arena *arena_open(pid_t pid);
void arena_close(struct arena *a);

/* Returns the *n chunks that are in use, sorted by address, valid until the next call;
 * NULL if they cannot be read. */
const struct census_chunk *arena_read(struct arena *a, size_t *n);

#endif
