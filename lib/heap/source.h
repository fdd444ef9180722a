/*
 * Where a producer's records of a heap come from: the kernel and events of all
 * processes, or, where those are not permitted, the ring of a gate and events of the
 * process' own threads, if there may be any.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include "heap/heap.h"

struct perf;
struct producer;

struct source {
	struct heap *heap;
	struct perf *perf;       /* NULL: there are no events */
	char without[HEAP_WHY];  /* why it does without the kernel, or "" */
};

/*
 * Open it for a producer.  With `inside` the process is going to be sampled inside,
 * so that it can be done without the kernel.  Returns 0; else an errno, with the reason
 * in why[].
 */
int source_open(struct source *s, struct producer *p, const struct heap_options *o, int inside,
    char why[HEAP_WHY]);

/* Emit a note if it does without the kernel. */
void source_note(const struct source *s, struct producer *p);

void source_close(struct source *s);

#endif
