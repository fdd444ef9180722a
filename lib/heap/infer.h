/*
 * Infer from a trace of calls which functions allocate, reallocate and free,
 * for files without names.
 *
 * Memory that is returned twice was freed in between: the function that was
 * passed the pointer in between, once each time, frees.  The functions whose
 * results it frees, and that never return a live block, allocate.  What is
 * taken for their sizes must leave all live blocks side by side.
 */
#ifndef INFER_H
#define INFER_H

#include <stddef.h>
#include <stdint.h>

#include "heap/calltrace.h"

/* What an inference rests on. */
struct infer_evidence {
	size_t blocks, freed;  /* allocated blocks; those freed again */
	size_t frees, unknown; /* calls that free; those of blocks that no function
	                          found had returned since they were last freed */
	uint64_t pointers;     /* functions that dealt with blocks, whether or not it
	                          is clear how: bits */
	size_t contradictions; /* blocks returned while live, or overlapping live ones */
};

/*
 * Infer how each of the n functions traced in calls is called: shape[f]
 * becomes the HEAP_SHAPE() of bpf/heap.h of function f, or 0 if it does none
 * of these.  n is at most CALLTRACE_MOST.  Returns 0; or -1 if the calls are too
 * few or contradict each other, with *why a constant string.  *evidence is set
 * in either case.
 */
int infer_find(const struct calltrace_calls *calls, size_t n, uint64_t *shape,
    struct infer_evidence *evidence, const char **why);

#endif
