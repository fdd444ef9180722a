/*
 * The probes in processes: which they are (heap/probe_plan, heap/discover), put in
 * by heap/heap, and emitted.  Whatever people should know of them becomes a note.
 */
#ifndef ARMING_H
#define ARMING_H

#include <stddef.h>
#include <sys/types.h>

#include "heap/discover.h"

struct heap;
struct probe_plan;
struct producer;
struct target;

struct arming {
	/* Set by the owner. */
	struct producer *producer;
	struct heap *heap;
	int all_callers;         /* as in struct probe_plan_options */
	int standing;            /* the process does not run: functions without names
	                            are discovered later */

	int no_shims;            /* the __rust_* functions turned out to be bypassed */
	int any;                 /* some process has had probes */
	struct probe_plan *plan; /* of the producer's process; or NULL */
	struct discovered discovered;
	int tried;               /* to discover functions */
};

/* Free what it has; the probes stay in. */
void arming_clear(struct arming *a);

/*
 * Plan and put in the probes of a process that are not in yet, and emit them.
 * Returns how many they were; -1 with errno: there is none, why[] says why.
 */
int arming_process(struct arming *a, const struct target *t, char *why, size_t size);

/* Put the planned probes of the producer's process in again. */
void arming_restore(struct arming *a);

#endif
