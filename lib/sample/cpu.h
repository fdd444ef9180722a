/*
 * Samples whose stacks the kernel walks: loads bpf/cpu.bpf.c, and reads what its
 * programs send.
 *
 * Built with BPF=0, cpu_new() fails and says so.
 */
#ifndef CPU_LIB_H
#define CPU_LIB_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/step.h"
#include "stream/rec.h"

struct cpu_copy;
struct module;
struct addrspace;
struct stackmap_stack;
struct cpu;

struct cpu_options {
	unsigned hz;
	int children;       /* sample the processes that tracked ones fork */
	int kernel_frames;  /* include the kernel's part of stacks */
	int off;            /* sum up time off the CPU */
	uint64_t off_least; /* ns: shorter waits have no stack */
};

#define CPU_WHY 512

/* Load the programs.  Returns NULL with the reason in why[]; errno is EPERM or
 * EACCES if permission is missing. */
struct cpu *cpu_new(const struct cpu_options *o, char why[CPU_WHY]);
void cpu_free(struct cpu *c);

/* Returns the descriptor of the program that a perf event on each CPU is to run. */
int cpu_program(const struct cpu *c);

/* Set what a sample of the clock stands for from now on, in ns. */
void cpu_period(struct cpu *c, uint64_t ns);

/* Track processes and give the kernel their mappings: see sample/walk_maps.h. */
int cpu_track(struct cpu *c, pid_t pid);
uint32_t cpu_version(const struct cpu *c);
int cpu_refresh(struct cpu *c, pid_t pid); /* returns walk_maps_stale() */
int cpu_put(struct cpu *c, const struct addrspace *s,
    const struct module **full);
void cpu_forget(struct cpu *c, pid_t pid);

/* Returns a descriptor that is readable when much has come. */
int cpu_fd(const struct cpu *c);

/* ---- samples ----------------------------------------------------------- */

/* Pages of a copied stack: see bpf/cpu.h. */
struct cpu_part {
	struct cpu_part *next; /* those at lower addresses */
	const struct cpu_copy *pages;
};

struct cpu_walked {
	pid_t pid, tid;
	int exiting; /* the record of the thread's end may have come before */
	uint64_t time, count;
	int probed;     /* it is of the thread's uprobes: there is no stack */
	uint64_t place; /* then the probed instruction's address; 0: unknown */
	struct stackmap_stack *stack; /* NULL: lost, or to be walked from copy */
	const struct cpu_copy *copy;  /* see bpf/cpu.h; NULL: the kernel has walked */
	const struct cpu_part *part;  /* the pages of the copy, or NULL */
};

/* Read what has come.  Returns -1 with errno. */
int cpu_read(struct cpu *c);

/* Call fn for stacks that are not resolved: see stackmap_unresolved(). */
void cpu_unresolved(struct cpu *c, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx);

/* Take out the next sample that was read, in the order of time, not later than
 * until.  Returns 0 if there is none.  Its stack lives until the next cpu_read(). */
int cpu_next(struct cpu *c, uint64_t until, struct cpu_walked *out);

/* Let samples of an instruction of a process be those of its uprobes while there is a
 * breakpoint at place: a thread goes on there after it.  Returns -1 with errno. */
int cpu_behind(struct cpu *c, pid_t pid, uint64_t addr, uint64_t place);

/* ---- time off the CPU -------------------------------------------------- */

/* A thread that has been off the CPU since before its process was tracked, or since before
 * the code that it waits in was known. */
struct cpu_waiter {
	pid_t pid, tid;
	uint64_t id; /* of the stack that it waits in */
	struct step_regs regs;
	struct step_leaf leaf;
};

/* Call fn for each such thread; it returns the stack as it was emitted.  again: threads
 * have been scanned before, so if none has begun to wait in unknown code since there is
 * nothing to do.  Returns -1 with errno. */
int cpu_scan(struct cpu *c, int again,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *waiter), void *ctx);

/* Waits of a thread with one stack, summed. */
struct cpu_wait {
	pid_t pid, tid;
	const char *state; /* as in an off record */
	uint64_t ns, count;
	int walked;                   /* 0: the waits were too short for a stack */
	struct stackmap_stack *stack; /* NULL: lost */
};

/*
 * Close an interval: sum up the waits in it, until *time.  Hand them out with
 * cpu_waits() afterwards, when all that happened until then has been read
 * (cpu_read(), perf_next()): threads may have come in it.  Returns -1 with errno.
 */
int cpu_sum(struct cpu *c, uint64_t *time);
void cpu_waits(struct cpu *c,
    void (*fn)(void *ctx, const struct cpu_wait *wait), void *ctx);

/* ---- loss -------------------------------------------------------------- */

/* Counts since they were last asked for. */
struct cpu_lost {
	uint64_t ring_full; /* samples that did not fit into the ring */
	uint64_t off_full;  /* waits that were not summed, for want of room */
};

void cpu_lost(struct cpu *c, struct cpu_lost *out);

#endif
