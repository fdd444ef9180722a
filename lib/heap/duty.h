/*
 * When the probes of a producer's process are in, so that what they cost stays
 * within a budget: all of the time; if that costs too much, with samples in place
 * of all allocations; at last in windows of time (heap/budget).
 *
 * And the self-check, which for a while counts the calls that Rust code makes of
 * the functions below __rust_alloc and the like: if those are bypassed the
 * functions below are probed in their place.
 */
#ifndef DUTY_H
#define DUTY_H

#include <stdint.h>

#include "heap/budget.h"
#include "heap/heap.h"

struct arming;

/* A stretch of time with probes in, or (then since and until count) without. */
struct duty_window {
	uint64_t since, until; /* UINT64_MAX: no end in sight */
	uint64_t cpu;          /* CPU time of the process at its beginning */
	double cost;           /* of probes, until its beginning */
};

struct duty {
	/* Set by the owner. */
	struct arming *arming;
	uint64_t period;      /* bytes, see heap_rate(): in force */
	unsigned percent;     /* of the process' CPU time: the budget */
	int fixed;            /* nothing is made cheaper unasked */
	double hit_ns;        /* see heap_hit_cost() */

	struct budget budget;
	struct duty_window window;
	int on;               /* the probes are in */
	uint64_t covered;     /* ns with probes in, not yet asked for */
	uint64_t cycle;       /* when the last window began, */
	uint64_t cycle_from;  /* when its probes were in, */
	uint64_t cycle_on;    /* and how long they were */
	uint64_t check_since; /* 0: no self-check is under way */
	struct heap_load check_before;
	char text[256];
};

/* The probes have been put in: begin the first window. */
void duty_begin(struct duty *d);

/* Begin the self-check, if there is something to compare. */
void duty_begin_check(struct duty *d);

/*
 * Put probes in and take them away as it is time for, and end a self-check.
 * Returns a sentence for the user if less is recorded from now on, else NULL;
 * it is emitted as a note already, and lives until the next call.
 */
const char *duty_round(struct duty *d);

/* When the next duty_round() is due, at most `round' ns from now. */
uint64_t duty_due(const struct duty *d, uint64_t round);

/* Count the present window up to now.  Returns how long probes were in since the
 * last call, in ns. */
uint64_t duty_covered(struct duty *d);

/* What probes have cost by then, since the start, in ns. */
double duty_cost(const struct duty *d, const struct heap_load *load);

#endif
