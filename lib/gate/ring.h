/*
 * Reading the ring of a gate: the records of sampled allocations, and of the blocks
 * among them that were freed.
 */
#ifndef RING_H
#define RING_H

#include <stdint.h>
#include <sys/types.h>

#include "gate/abi.h"

struct ring;

/* Open the ring of the gate that is mapped at `base`.  NULL: errno says why. */
struct ring *ring_open(pid_t pid, uint64_t base);
void ring_close(struct ring *r); /* NULL is allowed */

/*
 * Call fn for each record that is complete, the oldest first, and free its room.
 * A record is valid while fn runs.  Returns how many there were, or -1 if the process
 * is gone.
 */
int64_t ring_read(struct ring *r, void (*fn)(void *ctx, const struct gate_record *record),
    void *ctx);

/* Returns how many bytes of records were given up, since they were never completed: by
 * threads that were killed, or fork() has left behind. */
uint64_t ring_given_up(const struct ring *r);

#endif
