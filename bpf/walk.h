/*
 * Data that user space and the walk in the kernel (bpf/walk.bpf.h) share.
 *
 * The arena is memory of 8-byte slots, numbered from 0, in segments: each of
 * them is a BPF array map of one element, and user space adds one when more
 * room is needed.  It holds
 *	tables of unwind rows, struct step_row, one a slot;
 *	their page indexes: entry p, and above it entry p + 1, in slot p;
 *	the mappings of processes, struct walk_map, sorted by their start.
 * Tables and indexes lie in slots that follow each other, in whatever
 * segments; the mappings of a process lie in one segment.  A table of which there are
 * only parts yet has a whole index, whose slots are 0 for what is missing; its rows
 * are numbered by their slots (row is 0), as its parts come to lie anywhere.
 *
 * A process has an entry in the map `process', by its pid in our namespace.  Its
 * mappings are replaced as a whole: the new ones are written to other slots, then
 * the entry; the slots of the old ones become free after a while, when no walk
 * reads them any more.
 */
#ifndef WALK_H
#define WALK_H

#include "bpf/step.h"

#define WALK_SEGMENT_SHIFT 16
#define WALK_SEGMENT_SLOTS (1U << WALK_SEGMENT_SHIFT) /* 512 KiB */
#define WALK_SEGMENTS 2048                            /* 1 GiB in all */
#define WALK_PROCESSES 16384
#define WALK_DEPTH 8192      /* frames of the target */
#define WALK_KERNEL_DEPTH 127 /* frames of the kernel */

/* Programs that walk, and may interrupt each other: each has its own scratch area on
 * each CPU. */
enum walk_by {
	WALK_BY_EVENT,
	WALK_BY_SWITCH,
	WALK_BYS
};

/* Scratch areas of a CPU, for a program that may be preempted by its like: each walk
 * acquires one and releases it. */
#define WALK_SHARED 3

struct walk_segment {
	step_u64 slot[WALK_SEGMENT_SLOTS];
};

/* The table of a mapping's code. */
enum walk_kind {
	WALK_NONE,   /* there is none: the walk ends there */
	WALK_TABLE,  /* its table is in the arena, or parts of it are */
	WALK_PENDING /* there may be one later */
};

struct walk_map {
	step_u64 start, end; /* addresses */
	step_u32 offset;     /* of start in the file */
	step_u32 kind;
	step_u32 base;       /* of the page index, see bpf/step.h */
	step_u32 npage;
	step_u32 page, row;  /* slots */
	step_u32 nrow;
	step_u32 rust;       /* made by rustc */
};
#define WALK_MAP_SLOTS 6 /* of the arena */
#define WALK_MAPS_MOST (WALK_SEGMENT_SLOTS / WALK_MAP_SLOTS)

/* A flag: nothing counts before the process' mappings are given, or its next
 * execve(2).  Other bits: when that was, see WALK_STAMP(). */
#define WALK_HELD 1

/* A time of CLOCK_MONOTONIC, as in flags: in 134 ms. */
#define WALK_STAMP(ns) ((step_u32)((ns) >> 27) << 1)
#define WALK_YOUNG (15U << 1) /* for so long after its execve(2) a process maps much */

struct walk_process {
	step_u32 first, n; /* mappings: the first one's slot, and how many */
	step_u32 version;  /* of the mappings; 0: there are none yet */
	step_u32 flags;
};

enum walk_end {
	WALK_ROOT,    /* the thread's first frame was reached */
	WALK_NOINFO,  /* the reasons of rsprof-records(5): no-unwind-info */
	WALK_BADINFO, /* bad-unwind-info */
	WALK_MEMORY,  /* bad-memory */
	WALK_UNKNOWN, /* no-module */
	WALK_LATER,   /* not-ready */
	WALK_DEEP,    /* depth */
	WALK_NOSTACK  /* no-stack */
};

enum walk_event {
	WALK_STACK, /* struct walk_stack */
	WALK_SAMPLE /* a struct of the program's own */
};

/*
 * A stack, in the ring buffer before any event that names it.  Addresses of the
 * target are as in a stack record of rsprof-records(5): the instruction that executes
 * in the innermost frame, the byte before the return address in others.  The kernel's
 * are as it gives them.
 */
struct walk_stack {
	step_u32 event; /* WALK_STACK */
	step_u32 pid;
	step_u64 id;      /* a hash of all members behind it */
	step_u32 version; /* of the mappings that it was walked with */
	step_u32 end;
	step_u32 nkernel; /* addresses of the kernel, which come first */
	step_u32 n;       /* all addresses, the innermost first */
	step_u64 addr[WALK_KERNEL_DEPTH + WALK_DEPTH];
};
#define WALK_STACK_HEAD 32 /* bytes before the addresses */

#ifndef __bpf__
_Static_assert(sizeof(struct walk_segment) == 8 * WALK_SEGMENT_SLOTS, "segment");
_Static_assert(sizeof(struct walk_map) == 8 * WALK_MAP_SLOTS, "map");
_Static_assert(sizeof(struct walk_process) == 16, "process");
_Static_assert(sizeof(struct walk_stack) ==
    WALK_STACK_HEAD + 8 * (WALK_KERNEL_DEPTH + WALK_DEPTH), "stack");
_Static_assert(sizeof(struct step_row) == 8, "row");
#endif

#endif
