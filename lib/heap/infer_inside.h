/*
 * What heap/infer.c and heap/infer_shape.c share.
 */
#ifndef INFER_INSIDE_H
#define INFER_INSIDE_H

#include <stddef.h>
#include <stdint.h>

#include "heap/calltrace.h"

#define INFER_FEW 3

/* A call has been given a pointer, or has handed it out. */
enum infer_how { INFER_PASSED, INFER_RETURNED, INFER_STORED /* where arg[0] points */ };

struct infer_touch {
	uint64_t p;
	uint32_t when, call;
	enum infer_how how;
};

/* Memory from when it was handed out to when it was freed. */
struct infer_block {
	uint64_t p;
	uint32_t from, to; /* CALLTRACE_NONE: it still lives */
	uint64_t fns;      /* who has handed it out, one called by the other: bits */
	uint64_t size;
};

/* Who has handed it out, a call each. */
struct infer_share {
	uint32_t block, call;
};

/* What is found out of a function. */
struct infer_fn {
	size_t calls, passed, passed_twice;   /* given the same pointer twice, without
	                                 anybody handing it out in between */
	size_t passed_last;                  /* given a pointer, before it came again */
	size_t returned, returned_used;           /* has handed out a pointer, which was given to
	                                 somebody before it came again */
	size_t reissued, reissued_explained;      /* has handed out one again, that was used
	                                 then, and somebody was given it in between */
	size_t blocks, contradictions, freed;
	size_t moved, in_place;       /* given what lives, hands out another, the same */
	size_t moved_away, not_moved;           /* and what it was given comes again; is freed */
};

struct infer {
	const struct calltrace_call *call;
	size_t ncall, nfn;
	struct infer_touch *touch;
	size_t n, room;
	struct infer_block *block;
	size_t nblock, block_room;
	struct infer_share *share;
	size_t nshare, share_room;
	struct infer_fn fn[CALLTRACE_MOST];
	uint64_t candidates;                     /* functions that count for births: bits */
	uint64_t frees, reallocs, allocs; /* functions that do */
	int nomem;
};

#define BIT(f) (1ULL << (f))

/* posix_memalign(&p, alignment, size) */
int infer_may_be_memalign(const struct calltrace_call *c);

/* How many overlap what lives when they are handed out. */
size_t infer_count_overlaps(struct infer *r);

void infer_shapes(struct infer *r, uint64_t *shape);

#endif
