/*
 * Samples of processes' threads and what happens to them, in the order of
 * time, by one of two ways:
 *	BPF, where it may be loaded: an event for each CPU, whose program
 *	walks the stack where it is (sample/cpu, os/perf);
 *	copy, where not: an event for each thread and CPU, whose samples have a
 *	copy of the stack (os/perf).
 * With BPF, too, samples come as copies while their code is not known to the
 * kernel.
 */
#ifndef SAMPLER_H
#define SAMPLER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "os/perf.h"
#include "sample/cpu.h"

struct sampler;
struct addrspace;
struct pollfd;
struct stackmap_stack;

struct sampler_options {
	pid_t pid;
	const struct perf_event *event;
	unsigned hz, copy;  /* as in struct perf_options */
	int address;        /* too; with force_copy */
	int children, kernel_frames;
	int held;           /* nothing counts before the process' next execve(2) */
	int force_copy;
	int off;            /* time off the CPU; takes BPF */
	uint64_t off_least; /* as in struct cpu_options */
};

/* NULL with errno: out of memory. */
struct sampler *sampler_new(const struct sampler_options *o);
void sampler_free(struct sampler *s);

/*
 * Attach the process, and its threads and children as they come.  With BPF
 * it counts from the moment on that sampler_put() gives its mappings.  1: done;
 * 0: it has ended; -1 with errno, EACCES or EPERM: it is not permitted.
 * Where time in the kernel may not be counted, it is not.
 */
int sampler_attach(struct sampler *s);

/* Another process, that was there before: as sampler_attach(). */
int sampler_attach_more(struct sampler *s, pid_t pid);

/* What was attached: why stacks are copied, NULL where they are not, or ""
 * where that was asked for; and whether time in the kernel is left out. */
const char *sampler_copies(const struct sampler *s);
int sampler_user_only(const struct sampler *s);

/* Tell the kernel of mappings that have changed; see walk_maps_put(). */
int sampler_put(struct sampler *s, struct addrspace *space,
    const struct module **full);
void sampler_forget(struct sampler *s, pid_t pid);

/*
 * To be called every second or so: with BPF the clock's rate is varied by up
 * to SAMPLER_VARIED, lest it run in step with the scheduler's ticks, or with what
 * the target does at regular times.  Each change delays a sample.
 */
#define SAMPLER_VARIED 0.1
void sampler_vary(struct sampler *s);

/* To be polled with sampler_wait(): readable when much has come; or -1. */
int sampler_fd(const struct sampler *s);
/* As perf_wait(). */
int sampler_wait(struct sampler *s, struct pollfd *fd, size_t n, int milliseconds);

/* See what has come.  -1 with errno. */
int sampler_read(struct sampler *s);

/* As cpu_unresolved(). */
void sampler_unresolved(struct sampler *s, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx);

enum sampler_got {
	SAMPLER_NONE,
	SAMPLER_RECORD, /* *record is set */
	SAMPLER_WALKED  /* *sample is set */
};

/* The next that has come not later than `until`; see perf_next(). */
enum sampler_got sampler_next(struct sampler *s, uint64_t until,
    struct perf_record *record, struct cpu_walked *sample);

/* Time off the CPU: see cpu_scan(), cpu_sum() and cpu_waits(). */
int sampler_scan(struct sampler *s,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *waiter), void *ctx);
int sampler_sum(struct sampler *s, uint64_t *time);
void sampler_waits(struct sampler *s,
    void (*fn)(void *ctx, const struct cpu_wait *wait), void *ctx);

/* What was lost since it was last asked for; and the CPU time that was
 * counted in all, 0 where samples add up to it (see perf_counted()). */
void sampler_lost(struct sampler *s, struct cpu_lost *out);
uint64_t sampler_counted(const struct sampler *s);

#endif
