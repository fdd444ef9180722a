/*
 * State that heap/infer.c and heap/infer_shape.c share; infer.c explains it.
 */
#ifndef INFER_INSIDE_H
#define INFER_INSIDE_H

#include <stddef.h>
#include <stdint.h>

#include "heap/calltrace.h"

#define INFER_FEW 3

/* How a call touched a pointer: as its first argument, by returning it, or by
 * storing it where its first argument points. */
enum infer_how { INFER_PASSED, INFER_RETURNED, INFER_STORED };

struct infer_touch {
	uint64_t p;
	uint32_t when, call;
	enum infer_how how;
};

/* A block of memory, from its allocation to its free. */
struct infer_block {
	uint64_t p;
	uint32_t from, to; /* times; to is CALLTRACE_NONE while it lives */
	uint64_t fns;      /* functions that returned it, each called by the next: bits */
	uint64_t size;
};

/* One call that returned a block.  A block has one for each function in its fns. */
struct infer_share {
	uint32_t block, call;
};

/* Counts of one function, from which its role follows. */
struct infer_fn {
	size_t calls;
	size_t passed;             /* calls that were passed a pointer */
	size_t passed_twice;       /* passed one again with nobody returning it in
	                              between */
	size_t passed_last;        /* passed one last before it was returned again */
	size_t returned;           /* calls that returned a pointer */
	size_t returned_used;      /* returned one that some function was then passed */
	size_t reissued;           /* returned one that had been touched before */
	size_t reissued_explained; /* reissued, used, and passed to a function just
	                              before */
	size_t blocks;             /* blocks returned */
	size_t freed;              /* blocks returned and later freed */
	size_t contradictions;     /* pointers returned although their block lived */
	size_t in_place;           /* live blocks that it was passed and returned */
	size_t moved;              /* live blocks passed, for which it returned another */
	size_t moved_away;         /* moved blocks that were gone afterwards */
	size_t not_moved;          /* moved blocks that were freed later, as usual */
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
	uint64_t candidates;              /* functions whose results may be blocks: bits */
	uint64_t frees, reallocs, allocs; /* functions in each role: bits */
	int nomem;
};

#define BIT(f) (1ULL << (f))

/* Returns whether call c looks like posix_memalign(&p, alignment, size). */
int infer_may_be_memalign(const struct calltrace_call *c);

/* Count the blocks that overlap a live block when they are allocated, by the
 * sizes in r.  Sets r->nomem and returns 0 if memory is short. */
size_t infer_count_overlaps(struct infer *r);

/* Set shape[f] for each function f of r, and the sizes of the blocks. */
void infer_shapes(struct infer *r, uint64_t *shape);

#endif
