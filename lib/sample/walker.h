/*
 * Samples whose stacks were walked in the kernel: loads bpf/cpu.bpf.c, and
 * reads what it tells.
 *
 * Built with BPF=0 there is none: walker_new() fails and says so.
 */
#ifndef WALKER_H
#define WALKER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stream/rec.h"

struct cpu_copy;
struct module;
struct addrspace;
struct told_stack;
struct walker;

struct walker_options {
	unsigned hz;
	int children;      /* what a process forks is sampled, too */
	int kernel_frames; /* the kernel's part of stacks, too */
	int off;           /* time off the CPU, too */
	uint64_t off_least; /* ns: waits shorter than this have no stack */
};

#define WALKER_WHY 512

/* NULL: why[] says why, and errno is EPERM or EACCES where it is not
 * permitted. */
struct walker *walker_new(const struct walker_options *o, char why[WALKER_WHY]);
void walker_free(struct walker *w);

/* The program that perf events are to run, on each CPU. */
int walker_program(const struct walker *w);

/* The clock's period from now on, in ns. */
void walker_period(struct walker *w, uint64_t ns);

/* As in sample/tables. */
int walker_watch(struct walker *w, pid_t pid);
uint32_t walker_version(const struct walker *w);
int walker_put(struct walker *w, const struct addrspace *s,
    const struct module **full);
void walker_forget(struct walker *w, pid_t pid);

/* To be polled: readable when much has come. */
int walker_fd(const struct walker *w);

struct walker_sample {
	pid_t pid, tid;
	int exiting; /* the thread's end may have been told of already */
	uint64_t time, count;
	struct told_stack *stack;   /* NULL: it has been lost, or */
	const struct cpu_copy *copy;  /* is to be walked: see bpf/cpu.h */
};

/* Look what has come. -1: errno. */
int walker_read(struct walker *w);

/* As told_unknown(). */
void walker_unknown(struct walker *w, pid_t pid,
    void (*fn)(void *ctx, struct told_stack *stack), void *ctx);

/* The next sample that was read, in the order of time, not later than
 * `until`: 1, or 0 where there is none.  The stack lives until the next walker_read(). */
int walker_next(struct walker *w, uint64_t until, struct walker_sample *out);

/* A thread that was off the CPU before, with its registers; what it waits in
 * has the stack `id'. */
struct walker_seen {
	pid_t pid, tid;
	uint64_t id, pc, sp, bp;
};

/* Find those, and call fn for each, whose result is the stack's place.  -1 with errno. */
int walker_look(struct walker *w,
    struct rec_ref (*fn)(void *ctx, const struct walker_seen *seen), void *ctx);

struct walker_off {
	pid_t pid, tid;
	const char *state; /* as in an off record */
	uint64_t ns, count;
	int walked;                 /* 0: the waits were too short */
	struct told_stack *stack; /* NULL: it has been lost */
};

/*
 * Close an interval: the waits in it are summed up until *time.  They are
 * handed out afterwards, when all that happened until then has been read
 * (walker_read(), and the records of perf): threads may have come in it.
 */
int walker_sum(struct walker *w, uint64_t *time);
void walker_offs(struct walker *w,
    void (*fn)(void *ctx, const struct walker_off *off), void *ctx);

/* Since the last time that they were asked for. */
struct walker_lost {
	uint64_t ring_full; /* samples that did not fit into the ring */
	uint64_t off_full;  /* waits that were not summed, for want of room */
};

void walker_lost(struct walker *w, struct walker_lost *out);

#endif
