/*
 * Trace the calls of some functions of a process, with arguments and results,
 * for a short time.  A call costs the process some microseconds.
 *
 * Built with BPF=0, calltrace_run() fails and says so.
 */
#ifndef CALLTRACE_LIB_H
#define CALLTRACE_LIB_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct probe;

#define CALLTRACE_MOST 64 /* functions traced at a time */
#define CALLTRACE_NONE UINT32_MAX

struct calltrace_call {
	uint32_t fn, tid;
	uint64_t arg[4], ret;
	uint64_t out;          /* word that arg[0] pointed at on return */
	uint32_t enter, leave; /* order among all events; leave is CALLTRACE_NONE if
	                          it did not return */
	uint32_t outer;        /* index of the traced call that made it, or
	                          CALLTRACE_NONE */
};

struct calltrace_calls {
	struct calltrace_call *call; /* in the order of their entries */
	size_t n, room;
	uint64_t missed; /* entries and returns that were lost */
	size_t refused;  /* functions that the kernel does not probe */
};

/* Trace n functions (at most CALLTRACE_MOST), all of one file, until there are
 * max calls, ns have passed, or a signal arrives, which is an error.  Appends to
 * *out; the caller frees out->call.  Returns -1 with the reason in why[]. */
int calltrace_run(pid_t pid, const struct probe *probe, size_t n, size_t max,
    uint64_t ns, struct calltrace_calls *out, char *why, size_t size);

#endif
