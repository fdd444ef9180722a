/*
 * What a profile can be grouped by, what it measures, and what of it counts.
 */
#ifndef PROFILE_TYPES_H
#define PROFILE_TYPES_H

#include <stdint.h>

enum profile_group {
	PROFILE_FUNCTION,
	PROFILE_GENERIC, /* function, all instances of a generic one together */
	PROFILE_LINE,
	PROFILE_CRATE,   /* or module, of code that is of none */
	PROFILE_MODULE,
	PROFILE_THREAD,
	PROFILE_NGROUPS
};

/* "function" and so on, and back: PROFILE_NGROUPS where a name is none. */
const char *profile_group_name(enum profile_group group);
enum profile_group profile_group(const char *name);

/* What is measured: time on the CPU, off it, or both. */
enum profile_metric {
	PROFILE_CPU,
	PROFILE_OFF,
	PROFILE_WALL,
	PROFILE_NMETRICS
};

/* "cpu" and so on, and back, in the same way. */
const char *profile_metric_name(enum profile_metric metric);
enum profile_metric profile_metric(const char *name);

/* What a thread does: it is on a CPU, or for one of these reasons is not. */
enum profile_state {
	PROFILE_ON,
	PROFILE_READY,
	PROFILE_SLEEPING,
	PROFILE_DISK,
	PROFILE_STOPPED,
	PROFILE_NSTATES
};

/* As in rsprof-records(5); "on". */
const char *profile_state_name(enum profile_state state);

/* What counts of what has been read. */
#define PROFILE_ALL UINT32_MAX
struct profile_select {
	uint64_t from, to; /* to UINT64_MAX: no end */
	uint32_t thread;   /* its row's id; PROFILE_ALL */
};

/*
 * Runtime frames: code that works on behalf of its callers, by the category that
 * rsprof-records(5) gives a frame; a mask.
 */
enum profile_runtime {
	PROFILE_RUNTIME_STD = 1 << 0,
	PROFILE_RUNTIME_ALLOC = 1 << 1,
	PROFILE_RUNTIME_LIBC = 1 << 2,
	PROFILE_RUNTIME_EXECUTOR = 1 << 3, /* such as tokio: "runtime" */
	/* The frames between an allocation and the code that wants it. */
	PROFILE_RUNTIME_ALLOCATION =
	    PROFILE_RUNTIME_STD | PROFILE_RUNTIME_ALLOC | PROFILE_RUNTIME_LIBC,
	PROFILE_RUNTIME_ALL = PROFILE_RUNTIME_ALLOCATION | PROFILE_RUNTIME_EXECUTOR
};

/* Returns the bit of a category's name, 0 if that is none of the runtime's or NULL. */
unsigned profile_runtime(const char *category);

/* Nanoseconds of each element of profile_history(). */
#define PROFILE_HISTORY_STEP UINT64_C(250000000)

#endif
