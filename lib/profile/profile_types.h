/*
 * Groupings, metrics, states and selections of profiles.
 */
#ifndef PROFILE_TYPES_H
#define PROFILE_TYPES_H

#include <stdint.h>

enum profile_group {
	PROFILE_FUNCTION,
	PROFILE_GENERIC, /* all instances of a generic function as one */
	PROFILE_LINE,
	PROFILE_CRATE,   /* or the module, for code without a crate */
	PROFILE_MODULE,
	PROFILE_THREAD,
	PROFILE_NGROUPS
};

/* Convert between a grouping and its name, such as "function".  Returns PROFILE_NGROUPS
 * for an unknown name. */
const char *profile_group_name(enum profile_group group);
enum profile_group profile_group(const char *name);

/* Metrics: time on the CPU, off it, or both. */
enum profile_metric {
	PROFILE_CPU,
	PROFILE_OFF,
	PROFILE_WALL,
	PROFILE_NMETRICS
};

/* Convert between a metric and its name, such as "cpu".  Returns PROFILE_NMETRICS for
 * an unknown name. */
const char *profile_metric_name(enum profile_metric metric);
enum profile_metric profile_metric(const char *name);

/* States of a thread: on a CPU, or the reason why not. */
enum profile_state {
	PROFILE_ON,
	PROFILE_READY,
	PROFILE_SLEEPING,
	PROFILE_DISK,
	PROFILE_STOPPED,
	PROFILE_NSTATES
};

/* Returns the name of a state, as in rsprof-records(5), or "on". */
const char *profile_state_name(enum profile_state state);

/* A selection: what counts of what was read. */
#define PROFILE_ALL UINT32_MAX
struct profile_select {
	uint64_t from, to; /* to: UINT64_MAX for no end */
	uint32_t thread;   /* id of its row, or PROFILE_ALL */
};

/*
 * The categories that rsprof-records(5) gives frames, as bits.  Code of a category in
 * PROFILE_COLLAPSED works on behalf of its callers; that in PROFILE_OWN is the
 * program's own, dependencies included.
 */
enum profile_category {
	PROFILE_STD = 1 << 0, /* core and alloc, too */
	PROFILE_ALLOC = 1 << 1,
	PROFILE_LIBC = 1 << 2,
	PROFILE_RUNTIME = 1 << 3, /* such as tokio */
	PROFILE_KERNEL = 1 << 4,
	PROFILE_USER = 1 << 5,
	PROFILE_DEP = 1 << 6,
	PROFILE_OTHER = 1 << 7,
	PROFILE_STARTS_MAIN = 1 << 8, /* calls main: what is above it is no code of the program */
	PROFILE_COLLAPSED =
	    PROFILE_STD | PROFILE_ALLOC | PROFILE_LIBC | PROFILE_RUNTIME | PROFILE_KERNEL,
	PROFILE_OWN = PROFILE_USER | PROFILE_DEP
};

/* Returns the bit of a category's name, or 0 if it is unknown or NULL. */
unsigned profile_category(const char *name);

/* Nanoseconds of each element of profile_history(). */
#define PROFILE_HISTORY_STEP UINT64_C(250000000)

#endif
