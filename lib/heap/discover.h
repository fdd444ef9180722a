/*
 * Which functions of a file without names allocate, found out in the process
 * itself: some of those that a plan guesses are watched for a moment (heap/calltrace),
 * it is looked what they do (heap/infer), then more of them.
 */
#ifndef DISCOVER_H
#define DISCOVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct probe_plan;

/* What is known of functions, by their files. */
struct discovered_fn {
	uint64_t dev, ino, entry, shape; /* as in struct probe */
};

struct discovered {
	struct discovered_fn *fn;
	size_t n, room;
};

void discovered_free(struct discovered *d);

/* Give a plan that guesses what is known.  How many probes it has got; -1: out
 * of memory. */
int discovered_apply(const struct discovered *d, struct probe_plan *plan);

/* Learn of a process that runs, for some seconds at most, and give that.
 * said[] says what was found; or, -1, why nothing was. */
int discover(struct discovered *d, pid_t pid, struct probe_plan *plan, char *text, size_t size);

#endif
