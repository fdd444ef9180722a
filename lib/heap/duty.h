/*
 * Keeps the cost of probes in a producer's process within a budget.  Probes are
 * armed all of the time, unless that costs too much: then only samples of
 * allocations are recorded, and if those cost too much as well, all of them in
 * windows of time (heap/windows).
 *
 * Runs the self-check, too: for a while it counts the calls that Rust code makes
 * of the functions below __rust_alloc and its siblings.  If those are bypassed the
 * functions below are probed instead.
 */
#ifndef DUTY_H
#define DUTY_H

#include <stdint.h>

#include "heap/heap.h"
#include "heap/verdict.h"
#include "heap/windows.h"

struct arming;

struct duty {
	/* Set by the owner. */
	struct arming *arming;
	uint64_t period;      /* as in heap_rate(); may change */
	unsigned percent;     /* the budget, of the process' CPU time; 0: no limit */
	int fixed;            /* never change the period: windows follow at once */
	const char *(*inside)(void *ctx); /* sample inside the process instead of recording
	                         all: as inside_take_over(); or NULL */
	void *ctx;
	double hit_ns;        /* as heap_hit_cost() returns it */
	double entry_ns;      /* what a hit costs beside that, by what it does to the code
	                         behind it; 0: not known */

	int settled;          /* how to record is another one's choice */
	struct verdict verdict;
	struct windows windows;
	int on;               /* probes are armed all of the time */
	uint64_t held;        /* since when a command is held; 0: none is */
	uint64_t covered;     /* ns with probes armed or held, since duty_covered() */
	uint64_t since;       /* time up to which that is known */
	uint64_t check_since; /* beginning of the self-check; 0: none is running */
	struct heap_load check_before; /* counts at its beginning */
	char text[320];
};

/* Tell that the process is held before its first instruction; and that it is there, and
 * about to go on: until now nothing could be missed, which counts as covered. */
void duty_hold(struct duty *d);
void duty_release(struct duty *d);

/* Arm what was put off until the process runs, or loads a library; and, if code is set, new
 * code of processes that are probed. */
void duty_arm(struct duty *d, int code);

/* Begin to compare cost and budget, when probes have been armed. */
void duty_begin(struct duty *d);

/* Let some milliseconds go by, and choose a cheaper way if probes cost much more than they
 * may.  Returns as duty_round(). */
const char *duty_try(struct duty *d);

/* Begin the self-check, if there is something to compare. */
void duty_begin_check(struct duty *d);

/*
 * Arm and remove probes when it is time for it, and end a self-check.  Returns a
 * sentence for the user if less is recorded from now on, else NULL; it is emitted
 * as a note already, and lives until the next call.
 */
const char *duty_round(struct duty *d);

/* Returns when the next duty_round() is due, at most round ns from now. */
uint64_t duty_due(const struct duty *d, uint64_t round);

/* Returns for how long probes were armed, or a command held, since the last call, in ns. */
uint64_t duty_covered(struct duty *d);

/* Returns what the hits of a load have cost, in ns of CPU time. */
double duty_cost(const struct duty *d, const struct heap_load *load);

#endif
