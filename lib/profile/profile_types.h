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
 * Runtime frames: code that works on behalf of its callers, as a mask of the categories
 * that rsprof-records(5) gives frames.
 */
enum profile_runtime {
	PROFILE_RUNTIME_STD = 1 << 0,
	PROFILE_RUNTIME_ALLOC = 1 << 1,
	PROFILE_RUNTIME_LIBC = 1 << 2,
	PROFILE_RUNTIME_EXECUTOR = 1 << 3, /* "runtime", such as tokio */
	/* between an allocation and the code that wants it */
	PROFILE_RUNTIME_ALLOCATION =
	    PROFILE_RUNTIME_STD | PROFILE_RUNTIME_ALLOC | PROFILE_RUNTIME_LIBC,
	PROFILE_RUNTIME_ALL = PROFILE_RUNTIME_ALLOCATION | PROFILE_RUNTIME_EXECUTOR
};

/* Returns the bit of a category's name, or 0 if it is not of the runtime or NULL. */
unsigned profile_runtime(const char *category);

/* Nanoseconds of each element of profile_history(). */
#define PROFILE_HISTORY_STEP UINT64_C(250000000)

#endif
