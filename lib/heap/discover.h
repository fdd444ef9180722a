/*
 * Discover which functions of a file without names allocate, in the process
 * itself: trace the candidates of a plan for a moment, some at a time
 * (heap/calltrace.h), and infer their roles from their calls (heap/infer.h).
 */
#ifndef DISCOVER_H
#define DISCOVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct probe_plan;

/* A function whose shape is known, in any process that maps its file. */
struct discovered_fn {
	uint64_t dev, ino, entry, shape; /* as in struct probe */
};

struct discovered {
	struct discovered_fn *fn;
	size_t n, room;
};

void discovered_free(struct discovered *d);

/* Move the candidates of plan that are known into its probes.  Returns how many,
 * or -1 if memory is short. */
int discovered_apply(const struct discovered *d, struct probe_plan *plan);

/* Trace the running process pid for some seconds at most, add the functions that
 * are found to d, and move them into plan's probes.  Returns how many; or -1 if
 * none were found.  In either case text[] says for people what was found. */
int discover(struct discovered *d, pid_t pid, struct probe_plan *plan, char *text, size_t size);

#endif
