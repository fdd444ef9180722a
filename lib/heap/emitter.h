/*
 * Emits heap, age, memory and lost records from what heap/heap hands out.
 */
#ifndef EMITTER_H
#define EMITTER_H

#include <stdint.h>
#include <sys/types.h>

#include "heap/heap.h"

struct census_site;
struct duty;
struct inside_children;
struct producer;
struct sites;

struct emitter {
	/* Set by the owner. */
	struct producer *producer;
	struct heap *heap;
	struct duty *duty;
	const struct inside_children *children;
	struct sites *sites;
	uint64_t age_step;     /* as in ages_new(), ns */
	int last;              /* no more stacks will come */

	uint64_t time;         /* of the last sums */
	int failed;            /* memory was short */
	struct heap_load load; /* at the last sums */
	struct census_site *all; /* the census at the last sums; NULL: there was none */
	uint64_t inuse, census_peak, emitted_live, emitted_count;
};

/* Emit what a process, or (pid 0) all of them, have done since the last time.  Returns
 * -1 with errno if memory is short. */
int emitter_sums(struct emitter *e, pid_t pid);

/* Emit the ages of live memory at the time of the last sums.  Returns -1 with errno if
 * memory is short. */
int emitter_ages(struct emitter *e);

/* Emit what was lost since the last time. */
void emitter_lost(struct emitter *e);

#endif
