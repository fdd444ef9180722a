/*
 * Calls of functions of a process, with arguments and results, for a short time:
 * each costs the process some microseconds.
 *
 * Built with BPF=0 there is none: calltrace_watch() fails and says so.
 */
#ifndef CALLTRACE_LIB_H
#define CALLTRACE_LIB_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct probe;

#define CALLTRACE_MOST 64 /* functions at a time */
#define CALLTRACE_NONE UINT32_MAX

struct calltrace_call {
	uint32_t fn, tid;
	uint64_t arg[4], ret;
	uint64_t out;          /* what arg[0] pointed at when it returned */
	uint32_t enter, leave; /* when, in the order of all; CALLTRACE_NONE: it has not */
	uint32_t outer;        /* the call that made it, of those that are here */
};

struct calltrace_calls {
	struct calltrace_call *call; /* in the order in which they began */
	size_t n, room;
	uint64_t missed;       /* calls and returns that were not kept */
};

/*
 * Watch n functions until there are `most' calls, or for so many ns.  The
 * array is the caller's to free.  -1: why[] says why; a signal ends it, too.
 */
int calltrace_run(pid_t pid, const struct probe *probe, size_t n, size_t max,
    uint64_t ns, struct calltrace_calls *out, char *why, size_t size);

#endif
