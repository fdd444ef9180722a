/*
 * Arms the probes that a plan has for a process (heap/probe_plan), or that are
 * discovered in it (heap/discover), and emits them.  What people should know about
 * them is emitted as notes.
 */
#ifndef ARMING_H
#define ARMING_H

#include <stddef.h>
#include <sys/types.h>

#include "heap/discover.h"
#include "heap/orphans.h"

struct heap;
struct perf_record;
struct probe_plan;
struct producer;
struct target;

struct arming {
	/* Set by the owner. */
	struct producer *producer;
	struct heap *heap;
	int all_callers;         /* as in struct probe_plan_options */
	int standing;            /* the process is stopped: functions without names are
	                            discovered later */

	int no_samplers;         /* as in struct probe_plan_options; set by the owner, too, or
	                            because the allocator's sampler is silent */
	int sampled;             /* the allocator samples by itself: no budget applies */
	uint64_t silent_since;   /* a sampler's probes were armed then, and not hit since; or 0 */

	int waiting;             /* the process has nothing to probe until it loads a library */
	int quiet;               /* plans are not explained by notes */
	int no_shims;            /* the __rust_* functions turned out to be bypassed */
	int any;                 /* some process has had probes armed */
	char why[512];           /* not: why nothing is armed in the producer's process */
	uint64_t missing;        /* most functions and files at a time that are not probed */
	uint64_t doubts;         /* most files at a time whose allocations may be missing in part */
	uint64_t missing_emitted, doubts_emitted;
	unsigned char *refused;  /* probes that the kernel has refused, as in the plan */
	const struct probe *first; /* of that plan */
	size_t nrefused;
	int error;               /* of the last one */
	struct probe_plan *plan; /* of the producer's process; or NULL */
	struct discovered discovered;
	int tried;               /* functions have been discovered, or not found */
	int replan;              /* new code may have functions to probe */
	pid_t *forked;           /* child processes that are to be probed; 0: no more */
	size_t nforked, forked_room;
	int (*forked_inside)(void *ctx, pid_t pid); /* whether one of them is sampled inside, and
	                            not to be probed; set by the owner, as ctx is; or NULL */
	void *ctx;
	int made_up;             /* it was noted that events were lost */
	int late;                /* it was noted that they are probed a little too late */
	struct orphans orphans;  /* those that are not to be */
	int burdened;            /* it was noted that some of them have its breakpoints */
};

/* Free the plan and what was discovered.  Probes stay armed. */
void arming_clear(struct arming *a);

/* Arm those probes of a process that are not armed yet, and emit them.  Returns how
 * many it armed; -1 with errno and the reason in why[] if there is nothing to arm, or
 * permission is missing. */
int arming_process(struct arming *a, const struct target *t, char *why, size_t size);

/* Returns why nothing has been armed. */
const char *arming_why(const struct arming *a);

/* Note that some allocations of a while are missing from the sums. */
void arming_doubt(struct arming *a);

/* Note why nothing of the producer's process is recorded from now on, unless it has ended. */
void arming_ended(struct arming *a, const char *why);

/* Emit what is not probed, as losses; returns whether anything is missing for certain. */
int arming_lost(struct arming *a);

/* Probe the functions that allocate if the allocator has been armed as one that samples
 * by itself, and does not. */
void arming_listen(struct arming *a);

/* Arm the probes of the producer's process again, after heap_disarm(). */
void arming_restore(struct arming *a);

/* Remove the probes of the producer's process, and forget the plan. */
void arming_remove(struct arming *a);

/* Make a process that has stopped itself at its execve(2) stop again at its first
 * instruction, when its libraries are mapped. */
void arming_stop_at_start(struct arming *a, pid_t pid);

/* Remember a new child process, to probe it, unless it executes a program, for which it
 * stops itself; and that there is new code.  Returns -1 if memory is short. */
int arming_on_record(struct arming *a, const struct perf_record *r);

/* Make up for so many lost events, most of which are of other processes: read all mappings
 * anew. */
void arming_make_up(struct arming *a, uint64_t lost);

/* Arm the probes of new child processes and, if `code` is set, of new code of others. */
void arming_new(struct arming *a, int code);

#endif
