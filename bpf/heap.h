/*
 * What user space and heap.bpf.c share: what a process has allocated, summed
 * up by site, and each allocation that lives.
 *
 * A site is a stack and the thread that allocated in it.  Sites are numbered from 1
 * on; number 0 stands for all for which there was no room.  They lie in
 * segments, arrays that user space maps, adds to and reads.
 *
 * Counts and bytes are estimates where only some allocations are picked, so
 * they are sums of weights: fixed-point numbers with HEAP_POINT binary places.
 */
#ifndef HEAP_H
#define HEAP_H

#include "bpf/walk.h"

/* How a probed function is called: what it does, and which of its arguments
 * (1: rdi, 2: rsi, 3: rdx, 4: rcx; 0: none) are the pointer, the size, and
 * what the size is multiplied by. */
enum heap_what {
	HEAP_ALLOC = 1, /* returns the memory, or NULL */
	HEAP_REALLOC,   /* the same */
	HEAP_MEMALIGN,  /* returns 0, and stores it where `ptr' points */
	HEAP_FREE
};
#define HEAP_SHAPE(what, ptr, size, times) \
	((step_u64)(what) | (ptr) << 4 | (size) << 8 | (times) << 12)

/* Of a shape: only calls from what rustc made count. */
#define HEAP_RUST_ONLY (1ULL << 16)

#define HEAP_POINT 16
#define HEAP_ONE (1ULL << HEAP_POINT)

/* Histograms by powers of two: bucket i counts from 2^i on, 0 from 0 on, the
 * last one all that is more. */
#define HEAP_SIZES 48
#define HEAP_LIVES 48 /* of nanoseconds */

/* Only grows, but for live.  Histograms are of whole weights, and wrap. */
struct heap_site {
	step_u64 stack; /* of struct walk_stack; 0: none could be told */
	step_u32 pid, tid;
	step_u64 samples; /* picked */
	step_u64 allocs, bytes;
	step_u64 frees, temps;   /* of what was allocated here */
	step_u64 live, peak;     /* bytes */
	step_u64 inplace, moved; /* reallocs made here */
	step_u64 copied;         /* bytes */
	step_u32 sizes[HEAP_SIZES], lives[HEAP_LIVES];
};

#define HEAP_SEGMENT_SHIFT 9
#define HEAP_SEGMENT_SITES (1U << HEAP_SEGMENT_SHIFT)
#define HEAP_SEGMENTS 4096
#define HEAP_SITES_MOST (HEAP_SEGMENTS * HEAP_SEGMENT_SITES) /* 2 million */

/*
 * An allocation that lives.  key: its address and, above, its process'
 * number; 0: there is none; HEAP_BUSY: there will be one.
 */
#define HEAP_ADDR_BITS 47
#define HEAP_BUSY 1
struct heap_entry {
	step_u64 key;
	step_u64 what; /* its size, and above the site */
	step_u64 when; /* CLOCK_MONOTONIC, ns, and below the rate */
};
#define HEAP_SIZE_BITS 42
#define HEAP_SIZE_MOST ((1ULL << HEAP_SIZE_BITS) - 1)
#define HEAP_RATE_BITS 8
#define HEAP_RATES (1U << HEAP_RATE_BITS)

/*
 * Where they are: generations of buckets, of which each has twice as many as
 * the one before.  An allocation is in one of two buckets of a generation, of
 * the newest that had room.
 */
#define HEAP_BUCKET 8
struct heap_bucket {
	struct heap_entry entry[HEAP_BUCKET];
};
#define HEAP_GENERATIONS 12
#define HEAP_FIRST_SHIFT 15 /* buckets of the first: 6 MiB */

/* How allocations are picked, and what those stand for; by rate. */
struct heap_rate {
	step_u64 period; /* mean distance of two picked ones, in bytes; 0: all are */
	step_u64 scale;  /* of the weight, with HEAP_POINT places: 1 / the share of
	                    time in which there are probes */
};

/* Tables of functions, made by user space. */
#define HEAP_LOG_SHIFT 8
#define HEAP_LOG ((1U << HEAP_LOG_SHIFT) + 1) /* log2(1 + i / 256), 24 places */
#define HEAP_WEIGHT_SHIFT 6
#define HEAP_WEIGHT_TO 16 /* 1 / (1 - exp(-i / 64)), from 1 to 16, HEAP_POINT */
#define HEAP_WEIGHT ((HEAP_WEIGHT_TO << HEAP_WEIGHT_SHIFT) + 2)

enum heap_gone {
	HEAP_RUNS,
	HEAP_REPLACED, /* it is another program now: its memory is gone */
	HEAP_ENDED     /* what lived when it ended still stands in the table */
};

/* A process, by the number that its allocations have.  Weighed as a site's. */
struct heap_total {
	step_u32 pid, gone; /* enum heap_gone */
	step_u64 allocs, bytes, frees, live, peak;
	step_u64 unknown; /* frees of what was not known, not weighed */
	step_u64 pad;
};
#define HEAP_PROCESSES 8192

/* What happened since the start. */
struct heap_counts {
	step_u64 ring_full;  /* stacks that could not be told */
	step_u64 live_full;  /* allocations for which there was no room */
	step_u64 sites_full;
	step_u64 scratch;    /* stacks not walked: too many threads at it */
	step_u64 returns;    /* calls whose return was not seen */
	step_u64 processes;  /* not followed: too many */
	step_u64 reused;     /* addresses that came again without a free */
	step_u64 walked, remembered; /* stacks: really, and by bpf/walk_cache.bpf.h */
};

/* Of one CPU. */
struct heap_hits {
	step_u64 entries, returns, frees; /* probes that were hit */
	step_u64 timed, ns;               /* some of them, and how long those took */
	step_u64 below; /* Rust code's calls of what the probed functions stand on */
};

/* Events in the ring beside WALK_STACK. */
enum heap_event {
	HEAP_AT_EXEC = WALK_SAMPLE + 1, /* a process of ours has stopped itself: at
	                                   its execve(2), */
	HEAP_AT_START, /* and where the program begins */
	HEAP_CROWDED   /* the newest generation begins to be full; no process */
};
struct heap_news {
	step_u32 event, pid;
};

#ifndef __bpf__
_Static_assert(sizeof(struct heap_site) == 8 * 12 + 4 * (HEAP_SIZES + HEAP_LIVES),
    "site");
_Static_assert(sizeof(struct heap_bucket) == 192, "bucket");
_Static_assert(sizeof(struct heap_total) == 64, "total");
#endif

#endif
