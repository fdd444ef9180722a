/*
 * The records of what processes allocate: heap, age, memory and lost records, out
 * of what heap/heap hands out.
 */
#ifndef EMITTER_H
#define EMITTER_H

#include <stdint.h>
#include <sys/types.h>

#include "heap/heap.h"

struct duty;
struct producer;
struct sites;

struct emitter {
	/* Set by the owner. */
	struct producer *producer;
	struct heap *heap;
	struct duty *duty;
	struct sites *sites;
	uint64_t age_step;     /* ns, see ages_new() */

	uint64_t time;         /* of the records emitted last */
	int last;              /* set by the owner: no more stacks will come */
	int failed;            /* out of memory */
	struct heap_load load; /* emitted */
};

/* Emit what one process, or (0) all of them, have done since the last time.
 * Returns -1 with errno: out of memory. */
int emitter_sums(struct emitter *e, pid_t pid);

/* Emit how old what lives is, at the time of the last sums.  -1 with errno: out of
 * memory. */
int emitter_ages(struct emitter *e);

/* Emit what was lost since the last time; ring_full: elsewhere, it is set to 0. */
void emitter_lost(struct emitter *e, uint64_t *ring_full);

#endif
