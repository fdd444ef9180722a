/*
 * Which of some functions allocate, reallocate and free, by what they do: for
 * files that tell no names.
 *
 * Memory that is handed out twice was freed in between: the function that was
 * given the pointer then, once each time, frees.  Those allocate whose results
 * are freed by it, and that never hand out what lives.  What is taken for
 * sizes must leave all that lives side by side.
 */
#ifndef INFER_H
#define INFER_H

#include <stddef.h>
#include <stdint.h>

#include "heap/calltrace.h"

/* What it was found by. */
struct infer_evidence {
	size_t blocks, freed; /* allocations, and those that were freed */
	size_t frees, unknown; /* calls that free; of what none that was found has
	                          handed out since it was freed last */
	uint64_t pointers;     /* functions that had to do with what was handed out
	                          and freed, though it may not be clear what: bits */
	size_t contradictions;          /* that contradict: handed out while it lived, or side
	                          by side with what overlaps */
};

/*
 * shape[f] is set to how function f of n is called, as HEAP_SHAPE() in
 * bpf/heap.h says, or 0.  0, or -1: there is too little to tell, or it does
 * not fit; *why is a constant string.
 */
int infer_find(const struct calltrace_calls *calls, size_t n, uint64_t *shape,
    struct infer_evidence *evidence, const char **why);

#endif
