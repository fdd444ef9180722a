/*
 * Reading the ring of a gate: the records of sampled allocations, and of the blocks
 * among them that were freed.  It is a file in memory that the process has mapped,
 * too, and so can be read when that has ended.
 */
#ifndef RING_H
#define RING_H

#include <stdint.h>

#include "gate/abi.h"

struct ring;

/* Open the ring in a file, as rsprof-guard(1) passes it: fd is not needed afterwards.
 * Returns NULL with errno. */
struct ring *ring_open(int fd);
void ring_close(struct ring *r); /* NULL is allowed */

/*
 * Call fn for each record that is complete, the oldest first, and free its room.
 * A record is a copy, valid while fn runs.  With `last`, nobody writes any more: what
 * is not complete is passed over.  Returns how many records there were.
 */
uint64_t ring_read(struct ring *r, int last,
    void (*fn)(void *ctx, const struct gate_record *record), void *ctx);

/* Returns which part of its room is in use, from 0 to 1. */
double ring_use(const struct ring *r);

/* Returns the time of a record of the last ring_read(), in ns of CLOCK_MONOTONIC. */
uint64_t ring_time(const struct ring *r, uint64_t ticks);

/* Returns how many records found no room, since it was opened; and how many bytes of
 * records were given up, since they were never completed: by threads that were killed. */
uint64_t ring_lost(const struct ring *r);
uint64_t ring_given_up(const struct ring *r);

#endif
