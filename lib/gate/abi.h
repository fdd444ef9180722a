/*
 * The memory of a gate: what the blob in the target and the processes that
 * control it agree on.  Included by assembly, by the freestanding C of the blob
 * and by user space; fixed-width types, no pointers.
 *
 *	+0                 the blob: its file as it is, read and execute
 *	+GATE_CODE         struct gate_data, read and write, private
 */
#ifndef GATE_ABI_H
#define GATE_ABI_H

#define GATE_CODE 0x4000 /* bytes that the blob may have, and its data's offset */

/* Wrappers by what their function takes, and how many of each there are: one for
 * each distinct function that is wrapped. */
#define GATE_ALLOCS 6   /* (size, ...) returns a block */
#define GATE_ALIGNEDS 4 /* (alignment, size) returns a block */
#define GATE_CALLOCS 3  /* (count, size) returns a block */
#define GATE_REALLOCS 4 /* (block, size, ...) returns a block */
#define GATE_MEMALIGNS 3 /* (&block, alignment, size) returns 0 */
#define GATE_FREES 10   /* (block, ...): also realloc(), where it must not be sampled */

/* Their numbers: those of a kind follow each other. */
#define GATE_ALLOC 0
#define GATE_ALIGNED (GATE_ALLOC + GATE_ALLOCS)
#define GATE_CALLOC (GATE_ALIGNED + GATE_ALIGNEDS)
#define GATE_REALLOC (GATE_CALLOC + GATE_CALLOCS)
#define GATE_MEMALIGN (GATE_REALLOC + GATE_REALLOCS)
#define GATE_FREE (GATE_MEMALIGN + GATE_MEMALIGNS)
#define GATE_FUNCTIONS (GATE_FREE + GATE_FREES)

/* Offsets in struct gate_data, for assembly. */
#define GATE_REAL 64
#define GATE_CELL_BITS 13
#define GATE_CELLS (1 << GATE_CELL_BITS)
#define GATE_CELL_SHIFT 6
#define GATE_CELLS_AT 0x4000
#define GATE_FILTER_AT (GATE_CELLS_AT + ((GATE_CELLS + 64) << GATE_CELL_SHIFT))
#define GATE_FILTER_BITS 16

#ifndef __ASSEMBLER__

#include <stdint.h>

#define GATE_MAGIC 0x3167657461672e72ULL
#define GATE_STRETCH 64 /* draws, whose time is taken */
#define GATE_LISTED 200 /* blocks in a line to rsprof-guard(1), at most */
#define GATE_OFF (1ULL << 62) /* a period, and a countdown: nothing is sampled */
#define GATE_MOST (1ULL << 48) /* bytes: no block has as many */
#define GATE_PATCHES 256
#define GATE_BUCKET_BITS 14
#define GATE_BUCKETS (1 << GATE_BUCKET_BITS)
#define GATE_WAYS 8
#define GATE_RING (1 << 20) /* bytes, a power of two */

/* A thread's countdown. */
struct gate_cell {
	uint64_t key;    /* its %fs:0; 0: free */
	uint64_t left;   /* bytes up to the next sample; wraps when it is passed */
	uint64_t period; /* that left was drawn with */
	uint64_t random;
	uint64_t low;    /* its stack can be read from here up to the key; 0: not known */
	uint32_t tid;    /* of which low is true */
	uint32_t pad1;
	uint64_t pad2;
	uint64_t drawn;  /* what left began with */
};

#define GATE_TODO 2

/* A word to be changed by gate_patch(), if it is still `old`. */
struct gate_patch {
	uint64_t addr, old, new;
	uint32_t protection; /* of its page: PROT_..., restored afterwards */
	int32_t result;      /* GATE_TODO; 0: changed; 1: it was not `old`; else -errno */
};

struct gate_counters {
	uint64_t bytes;    /* that countdowns have passed, but for those that go on */
	uint64_t sampled;  /* allocations that were picked, and have succeeded */
	uint64_t freed;    /* of those, and moved ones */
	uint64_t full;     /* picked, but no room to follow them */
	uint64_t twice;    /* picked at an address that was sampled and not freed */
	uint64_t homeless; /* countdowns without a cell of their own */
	uint64_t expired;  /* how often the lease had ended */
};

/*
 * The ring is shared with its reader, who has it even after the process has ended.
 * A record is a header, and if bytes is more than its size the copy of the stack
 * from regs[GATE_SP] on.  It begins at a multiple of 64 bytes and does not wrap:
 * GATE_SKIP fills the end of the ring.  Of GATE_FREED only the members up to `left`
 * are there.
 */
enum gate_kind { GATE_NONE, GATE_SKIP, GATE_SAMPLED, GATE_FREED };
enum gate_reg {
	GATE_SP,
	GATE_IP,
	GATE_BP,
	GATE_BX,
	GATE_R12,
	GATE_R13,
	GATE_R14,
	GATE_R15,
	GATE_REGS
};

struct gate_record {
	uint32_t kind;  /* enum gate_kind, written last; GATE_NONE: not complete */
	uint32_t room;  /* from here to the next record, in bytes */
	uint32_t bytes; /* header and stack that were written */
	int32_t tid;
	uint64_t time;  /* TSC */
	uint64_t block; /* 0: its end will not be noticed */
	uint64_t left;  /* of the thread's countdown: as it was if nothing was allocated
	                   meanwhile; 0: not known */
	uint64_t size, period;
	uint64_t regs[GATE_REGS]; /* of the caller, after the return */
	uint64_t pad;
};

struct gate_ring {
	uint64_t head; /* bytes that were ever reserved */
	uint64_t lost; /* records for which there was no room */
	uint64_t pad1[6];
	uint64_t tail; /* bytes that were read: written by the reader */
	uint64_t pad2[7];
};

/* A page that is zeros in a child process, which must not write into the ring. */
struct gate_own {
	uint32_t ring; /* 1: there is one */
};

/* The thread that is borrowed, for whoever comes after a holder that has died. */
struct gate_lent {
	int32_t tid;       /* 0: none */
	uint32_t pad;
	uint64_t way_back; /* see gate/way_back.h; 0: it has none */
};

struct gate_data {
	uint64_t magic;
	uint32_t functions;  /* GATE_FUNCTIONS, and where real[] is: for others' versions */
	uint32_t real_at;
	int32_t owner;       /* the process that controls the gate; 0: nobody */
	uint32_t stack;      /* bytes of stack to copy to the ring, at most */
	uint32_t tid_at;     /* offset of a thread's number from its %fs:0; 0: not known */
	uint32_t npatch;
	uint64_t period;     /* mean bytes between samples, or GATE_OFF */
	uint64_t lease;      /* TSC after which sampling ends by itself; 0: never */
	uint64_t seed;
	uint64_t stack_end;  /* of the first thread's stack; 0: not known */
	/* GATE_REAL: */
	uint64_t real[GATE_FUNCTIONS];
	uint32_t wrapper[GATE_FUNCTIONS]; /* offset in the blob of each */
	struct gate_counters count;
	struct gate_patch patch[GATE_PATCHES];
	uint64_t stretch; /* TSC ticks that GATE_STRETCH draws are to last: if they do not,
	                     the period is raised; 0: they may be as fast as they are */
	uint64_t draws;   /* while there is a stretch */
	uint64_t mark;    /* TSC at the end of the last one */
	struct gate_lent lent;
	int32_t process;  /* whose gate it is: another than the one that has it, and it is a
	                     copy that fork(2) has made, which nobody holds */
	uint32_t pad;
};

/* What follows: cells, of which the last is shared by threads that found none;
 * then the filter, a byte for each hash of a block, how many are sampled; then the
 * table of sampled blocks, in buckets of a cache line; then struct gate_own, and the
 * ring: a page for struct gate_ring, and the records. */
#define GATE_TABLE_AT (GATE_FILTER_AT + (1 << GATE_FILTER_BITS))
#define GATE_OWN_AT (GATE_TABLE_AT + GATE_BUCKETS * GATE_WAYS * 8)
#define GATE_RING_AT (GATE_OWN_AT + 0x1000)
#define GATE_STACK_AT (GATE_CELLS_AT - 0x1000) /* of gate_patch(), a page */
#define GATE_RECORDS_AT (GATE_RING_AT + 0x1000)
#define GATE_RING_FILE (0x1000 + GATE_RING) /* bytes that are shared */
#define GATE_DATA (GATE_RECORDS_AT + GATE_RING) /* bytes in all */
#define GATE_SIZE (GATE_CODE + GATE_DATA)

_Static_assert(sizeof(struct gate_cell) == 1 << GATE_CELL_SHIFT, "a cell");
_Static_assert(sizeof(struct gate_record) == 128, "a record");
_Static_assert(sizeof(struct gate_patch) == 32, "a patch");
_Static_assert(__builtin_offsetof(struct gate_data, real) == GATE_REAL, "real");
_Static_assert(sizeof(struct gate_data) <= GATE_STACK_AT, "room for struct gate_data");
_Static_assert(GATE_FILTER_AT % 64 == 0 && GATE_TABLE_AT % 64 == 0, "cache lines");
_Static_assert(GATE_CELLS_AT % 4096 == 0 && GATE_OWN_AT % 4096 == 0, "pages");
_Static_assert(__builtin_offsetof(struct gate_record, size) <= 64, "GATE_FREED");

#endif
#endif
