/*
 * Data that user space and heap.bpf.c share: sums of allocations by site, and each
 * live allocation.
 *
 * A site is a stack and the thread that allocated in it.  Sites are numbered from 1
 * on; number 0 stands for all for which there was no room.  They are in segments,
 * arrays that user space maps, adds to and reads.
 *
 * Counts and bytes are estimates where only some allocations are picked, so
 * they are sums of weights: fixed-point numbers with HEAP_POINT binary places.
 */
#ifndef HEAP_H
#define HEAP_H

#include "bpf/walk.h"

/* The shape of a probed function: its effect, and the numbers of the arguments (from 1
 * on; 0: none) that are the pointer, the size, and the factor of the size. */
enum heap_what {
	HEAP_ALLOC = 1, /* returns the memory, or NULL */
	HEAP_REALLOC,   /* the same */
	HEAP_MEMALIGN,  /* stores the memory where the pointer points, and returns 0 */
	HEAP_FREE,
	/* Static probes of a sampler in the allocator; the other bits are the index of a
	 * struct heap_usdt. */
	HEAP_WEIGHED, /* a block, its size, and the bytes that it stands for */
	HEAP_RELEASED /* a block that was sampled */
};
#define HEAP_USDT(what, index) ((step_u64)(what) | (step_u64)(index) << 4)
#define HEAP_SHAPE(what, ptr, size, times) \
	((step_u64)(what) | (ptr) << 4 | (size) << 8 | (times) << 12)

#define HEAP_RUST_ONLY (1ULL << 16) /* of a shape: only calls from Rust code count */

#define HEAP_POINT 16
#define HEAP_ONE (1ULL << HEAP_POINT)

/* Histograms by powers of two: bucket i counts from 2^i on, bucket 0 from 0 on, the
 * last one without a bound. */
#define HEAP_SIZES 48
#define HEAP_LIVES 48 /* of nanoseconds */

/* A sum of squares of bytes, in two parts so that it cannot overflow. */
struct heap_squares {
	step_u64 low, high; /* high counts 2^32 */
};

/* The sums of a site.  They only grow, but for live, its variance and the shifts.
 * Histograms are of whole weights, and wrap. */
struct heap_site {
	step_u64 stack; /* the id of a struct walk_stack; 0: there was no room for it */
	step_u32 pid, tid;
	step_u64 samples; /* picked */
	step_u64 allocs, bytes;
	step_u64 frees, temps;   /* of memory that was allocated here */
	step_u64 live, peak;     /* bytes */
	step_u64 inplace, moved; /* reallocs made here */
	step_u64 copied;         /* bytes */
	struct heap_squares bytes_var, live_var; /* of the estimates above */
	step_u64 shift, shift_count; /* of live, and of allocs less frees: when live ones were
	                                replaced by a sample of them; signed */
	step_u32 sizes[HEAP_SIZES], lives[HEAP_LIVES];
};

#define HEAP_SEGMENT_SHIFT 9
#define HEAP_SEGMENT_SITES (1U << HEAP_SEGMENT_SHIFT)
#define HEAP_SEGMENTS 4096
#define HEAP_SITES_MOST (HEAP_SEGMENTS * HEAP_SEGMENT_SITES) /* 2 million */

/* A live allocation, or a free slot. */
#define HEAP_ADDR_BITS STEP_ADDR_BITS
#define HEAP_BUSY 1
struct heap_entry {
	step_u64 key;  /* its address, and in the bits above the number of its process; 0: the
	                  slot is free; HEAP_BUSY: it is being written */
	step_u64 what; /* its size, and in the bits above the site */
	step_u64 when; /* its rate, and in the bits above CLOCK_MONOTONIC in ns */
};
#define HEAP_SIZE_BITS 42
#define HEAP_SIZE_MOST ((1ULL << HEAP_SIZE_BITS) - 1)
#define HEAP_RATE_BITS 8
#define HEAP_RATES (1U << HEAP_RATE_BITS)

/*
 * The table of live allocations is generations of buckets, each with twice as many
 * as the one before.  An allocation is in one of its two buckets of a generation: of
 * the newest that had room.
 */
#define HEAP_BUCKET 8
struct heap_bucket {
	struct heap_entry entry[HEAP_BUCKET];
};
#define HEAP_GENERATIONS 12
#define HEAP_FIRST_SHIFT 15 /* buckets of the first: 6 MiB */

/* How allocations are picked, and how many a picked one stands for; by rate. */
struct heap_rate {
	step_u64 period; /* mean distance of two picked ones, in bytes; 0: all are picked */
	step_u64 scale;  /* the factor of weights, with HEAP_POINT places: 1 / the share of
	                    time in which there are probes */
};

/* A picked allocation that stands for others by a weight of its own has a rate that
 * stands for the weight: the last rates have growing ones, and one of the two about a
 * weight is drawn so that it is right on average. */
#define HEAP_STEPS 192
#define HEAP_STEP_FIRST (HEAP_RATES - HEAP_STEPS)
#define HEAP_STEPS_A_DOUBLING 8 /* up to 2^24 allocations */

/* An argument of a static probe: see struct usdt_arg of elf/usdt.h. */
struct heap_usdt_arg {
	step_u64 n;
	step_u32 reg; /* offset in struct pt_regs */
	unsigned char kind, size, negative, pad;
};
enum heap_usdt_kind { HEAP_USDT_NUMBER, HEAP_USDT_REGISTER, HEAP_USDT_MEMORY };

/* The arguments of a static probe. */
struct heap_usdt {
	struct heap_usdt_arg arg[3];
};
#define HEAP_USDTS 64

/* Tables of functions, made by user space. */
#define HEAP_LOG_SHIFT 8
#define HEAP_LOG ((1U << HEAP_LOG_SHIFT) + 1) /* log2(1 + i / 256), 24 places */
#define HEAP_WEIGHT_SHIFT 6
#define HEAP_WEIGHT_TO 16 /* 1 / (1 - exp(-i / 64)), from 1 to 16, HEAP_POINT */
#define HEAP_WEIGHT ((HEAP_WEIGHT_TO << HEAP_WEIGHT_SHIFT) + 2)

enum heap_gone {
	HEAP_RUNS,
	HEAP_REPLACED, /* by execve(2): its memory is gone */
	HEAP_ENDED     /* memory that was live then is still in the table */
};

/* The sums of a process, by the number in its allocations' keys; weighed as a site's. */
struct heap_total {
	step_u32 pid, gone; /* enum heap_gone */
	step_u64 allocs, bytes, frees, live, peak;
	step_u64 unknown; /* frees of memory that was not in the table, not weighed */
	struct heap_squares bytes_var, live_var;
	step_u64 shift, shift_count;
	step_u64 by_gate; /* allocations count where a gate samples them, and nowhere else */
};
#define HEAP_PROCESSES 8192

/* Events since the start, most of them losses.  Of an allocation only the first loss counts:
 * of its block, its site, its stack. */
struct heap_counts {
	step_u64 ring_full;  /* stacks that could not be emitted */
	step_u64 live_full;  /* blocks for which there was no room */
	step_u64 sites_full; /* allocations without a site of their own */
	step_u64 scratch;    /* stacks not walked: no scratch area was free */
	step_u64 returns;    /* calls whose return was missed */
	step_u64 processes;  /* not followed: too many */
	step_u64 reused;     /* addresses that came again without a free */
	step_u64 unlogged;   /* calls for which there was no room in the ring */
	step_u64 gate_seen, gate_known; /* blocks that a gate has sampled while all were
	                                   recorded, and those among them that were */
	step_u64 walked, remembered; /* stacks: walked, and found by bpf/walk_cache.bpf.h */
};

/* Probes that were hit on a CPU. */
struct heap_hits {
	step_u64 entries, returns, frees;
	step_u64 timed, ns; /* hits that were timed, and their time */
	step_u64 below;     /* Rust code's calls of the layer below the probed one */
};

/* Events in the ring beside WALK_STACK. */
enum heap_event {
	HEAP_AT_EXEC = WALK_SAMPLE + 1, /* a process has stopped itself at its execve(2) */
	HEAP_AT_START, /* a process has stopped itself where the program begins */
	HEAP_LOGGED,   /* a struct heap_call */
	HEAP_RELOGGED  /* the same, of realloc() */
};
struct heap_news {
	step_u32 event, pid;
};

/* An allocation or a free of the logged process.  A call of realloc() is a free and,
 * when it returns, an allocation. */
struct heap_call {
	step_u32 event, pid;
	step_u32 tid, site;  /* site: its number; HEAP_FREED: this is a free */
	step_u64 time;       /* CLOCK_MONOTONIC, ns */
	step_u64 addr, size; /* of a free: the 8 bytes before the memory, where glibc keeps
	                        its size */
};
#define HEAP_FREED (~0U)
#define HEAP_ALIEN (~1U) /* the site of an allocation by code that does not count */

#ifndef __bpf__
_Static_assert(sizeof(struct heap_site) == 8 * 18 + 4 * (HEAP_SIZES + HEAP_LIVES),
    "site");
_Static_assert(sizeof(struct heap_bucket) == 192, "bucket");
_Static_assert(sizeof(struct heap_total) == 112, "total");
_Static_assert(sizeof(struct heap_call) == 40, "call");
#endif

#endif
