/*
 * Data that user space and cpu.bpf.c share.
 */
#ifndef CPU_H
#define CPU_H

#include "bpf/walk.h"

/* A sample, in the ring buffer. */
struct cpu_sample {
	step_u32 event; /* WALK_SAMPLE */
	step_u32 pid, tid;
	step_u32 exiting; /* the record of its end may be out already */
	step_u64 time;  /* CLOCK_MONOTONIC, ns */
	step_u64 count; /* ns, or events, that it stands for */
	step_u64 stack; /* the id of a struct walk_stack; 0: it is not walked */
	step_u32 probed, pad; /* it is of the thread's uprobes, not of its program */
	step_u64 place; /* the address of the probed instruction; 0: not seen */
};

/* An instruction of a process where it goes on after a uprobe. */
struct cpu_behind {
	step_u64 pc;
	step_u32 pid, pad;
};
#define CPU_BEHIND 8192

/* Ways to enter the kernel for a uprobe. */
enum probed_way {
	PROBED_BREAKPOINT,
	PROBED_RETURN, /* of a function with a uretprobe */
	PROBED_STEP,   /* of a copied instruction */
	PROBED_ENTRIES
};

/* What is known of one: the outermost return address on the kernel's stack, and how
 * often it was seen, less how often others were. */
struct cpu_entry {
	step_u64 frame;
	step_u32 times, pad;
};

/*
 * A sample with a copy of the stack, and the kernel's addresses: events CPU_PAGES have
 * runs of pages that are there, in the order of addresses, from the stack pointer's on,
 * CPU_COPY ends them.
 */
#define CPU_COPY (WALK_SAMPLE + 1)
#define CPU_PAGES (WALK_SAMPLE + 2)
#define CPU_COPY_PAGE 4096
#define CPU_COPY_PAGES 17         /* of an event: at least 64 KiB */
#define CPU_COPY_EVENTS 16        /* at least 1 MiB */
#define CPU_COPY_GAPS 256         /* pages that are not there */

struct cpu_copy {
	struct cpu_sample sample; /* event: CPU_PAGES or CPU_COPY */
	struct step_regs regs;
	struct step_leaf leaf;
	step_u64 from; /* address of the first page */
	step_u32 pages, nkernel;
	step_u64 kernel[WALK_KERNEL_DEPTH];
	unsigned char page[CPU_COPY_PAGES][CPU_COPY_PAGE]; /* `pages' of them */
};
#define CPU_COPY_HEAD __builtin_offsetof(struct cpu_copy, page)

/* States of a thread that is off the CPU. */
enum cpu_state {
	CPU_SLEEPING, /* an interruptible wait */
	CPU_DISK,     /* an uninterruptible one */
	CPU_READY,    /* waits for a CPU */
	CPU_STOPPED,  /* by a signal or a debugger */
	CPU_STATES
};

/* Times off the CPU are summed by thread, state and stack. */
struct cpu_off_key {
	step_u32 tid, state;
	step_u64 stack; /* 0: shorter than the minimum */
	step_u32 pid, pad;
};
#define CPU_NO_STACK (~0ULL) /* there was none, or no room to emit it */
#define CPU_SEEN_STACK (1ULL << 63) /* and when, and the tid: of a struct cpu_seen */
#define CPU_IS_SEEN(stack) ((stack) >> 62 == 2)

struct cpu_off {
	step_u64 ns, count;
};

/* A thread that is off the CPU. */
struct cpu_away {
	step_u64 since; /* in this state; 0: it has come back */
	step_u64 begin; /* of the whole wait */
	step_u64 stack;
	step_u32 pid, state;
	step_u32 early, pad; /* its stack leads into code that was not known yet */
};

/* A thread that has been off the CPU since its process was attached, or since before the
 * code that it waits in was known. */
struct cpu_seen {
	step_u32 pid, tid;
	step_u64 stack; /* the id that its stack is to get */
	struct step_regs regs;
	struct step_leaf leaf;
};

#define CPU_THREADS 65536 /* that may be off the CPU at a time */
#define CPU_OFFS 65536    /* sums of an interval */

/* Losses since the start. */
struct cpu_counts {
	step_u64 ring_full; /* samples and stacks that did not fit */
	step_u64 off_full;  /* waits that were not summed: no room */
	step_u64 early;     /* stacks of waits in code not known yet: no loss */
};

#endif
