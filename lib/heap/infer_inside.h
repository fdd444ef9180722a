/*
 * What heap/infer.c and heap/infer_shape.c share.
 */
#ifndef INFER_INSIDE_H
#define INFER_INSIDE_H

#include <stddef.h>
#include <stdint.h>

#include "heap/calltrace.h"

#define FEW 3

/* A call has been given a pointer, or has handed it out. */
enum how { TAKEN, GIVEN, OUT /* where arg[0] points */ };

struct touch {
	uint64_t p;
	uint32_t when, call;
	enum how how;
};

/* Memory from when it was handed out to when it was freed. */
struct birth {
	uint64_t p;
	uint32_t from, to; /* CALLTRACE_NONE: it still lives */
	uint64_t fns;      /* who has handed it out, one called by the other: bits */
	uint64_t size;
};

/* Who has handed it out, a call each. */
struct share {
	uint32_t birth, call;
};

/* What is found out of a function. */
struct fn {
	size_t calls, taken, twice;   /* given the same pointer twice, without
	                                 anybody handing it out in between */
	size_t last;                  /* given a pointer, before it came again */
	size_t given, used;           /* has handed out a pointer, which was given to
	                                 somebody before it came again */
	size_t again, explained;      /* has handed out one again, that was used
	                                 then, and somebody was given it in between */
	size_t births, wrong, ended;
	size_t moved, in_place;       /* given what lives, hands out another, the same */
	size_t gone, still;           /* and what it was given comes again; is freed */
};

struct infer {
	const struct calltrace_call *call;
	size_t ncall, nfn;
	struct touch *touch;
	size_t n, room;
	struct birth *birth;
	size_t nbirth, birth_room;
	struct share *share;
	size_t nshare, share_room;
	struct fn fn[CALLTRACE_MOST];
	uint64_t may;                     /* functions that count for births: bits */
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
