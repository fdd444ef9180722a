/*
 * Samples whose stacks were walked in the kernel: loads bpf/cpu.bpf.c, and
 * reads what it tells.
 *
 * Built with BPF=0 there is none: cpu_new() fails and says so.
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
	int children;      /* what a process forks is sampled, too */
	int kernel_frames; /* the kernel's part of stacks, too */
	int off;           /* time off the CPU, too */
	uint64_t off_least; /* ns: waits shorter than this have no stack */
};

#define CPU_WHY 512

/* NULL: why[] says why, and errno is EPERM or EACCES where it is not
 * permitted. */
struct cpu *cpu_new(const struct cpu_options *o, char why[CPU_WHY]);
void cpu_free(struct cpu *c);

/* The program that perf events are to run, on each CPU. */
int cpu_program(const struct cpu *c);

/* The clock's period from now on, in ns. */
void cpu_period(struct cpu *c, uint64_t ns);

/* As in sample/walk_maps. */
int cpu_track(struct cpu *c, pid_t pid);
uint32_t cpu_version(const struct cpu *c);
int cpu_put(struct cpu *c, const struct addrspace *s,
    const struct module **full);
void cpu_forget(struct cpu *c, pid_t pid);

/* To be polled: readable when much has come. */
int cpu_fd(const struct cpu *c);

struct cpu_walked {
	pid_t pid, tid;
	int exiting; /* the thread's end may have been told of already */
	uint64_t time, count;
	struct stackmap_stack *stack;   /* NULL: it has been lost, or */
	const struct cpu_copy *copy;  /* is to be walked: see bpf/cpu.h */
};

/* Look what has come. -1: errno. */
int cpu_read(struct cpu *c);

/* As stackmap_unresolved(). */
void cpu_unresolved(struct cpu *c, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx);

/* The next sample that was read, in the order of time, not later than
 * `until`: 1, or 0 where there is none.  The stack lives until the next cpu_read(). */
int cpu_next(struct cpu *c, uint64_t until, struct cpu_walked *out);

/* A thread that was off the CPU before, with its registers; what it waits in
 * has the stack `id'. */
struct cpu_waiter {
	pid_t pid, tid;
	uint64_t id;
	struct step_regs regs;
};

/* Find those, and call fn for each, whose result is the stack's place.  -1 with errno. */
int cpu_scan(struct cpu *c,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *waiter), void *ctx);

struct cpu_wait {
	pid_t pid, tid;
	const char *state; /* as in an off record */
	uint64_t ns, count;
	int walked;                 /* 0: the waits were too short */
	struct stackmap_stack *stack; /* NULL: it has been lost */
};

/*
 * Close an interval: the waits in it are summed up until *time.  They are
 * handed out afterwards, when all that happened until then has been read
 * (cpu_read(), and the records of perf): threads may have come in it.
 */
int cpu_sum(struct cpu *c, uint64_t *time);
void cpu_waits(struct cpu *c,
    void (*fn)(void *ctx, const struct cpu_wait *wait), void *ctx);

/* Since the last time that they were asked for. */
struct cpu_lost {
	uint64_t ring_full; /* samples that did not fit into the ring */
	uint64_t off_full;  /* waits that were not summed, for want of room */
};

void cpu_lost(struct cpu *c, struct cpu_lost *out);

#endif
