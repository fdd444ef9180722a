/*
 * Samples of processes' threads, and what happens to the processes, in the order
 * of time, by one of two ways:
 *	BPF, where it may be loaded: an event for each CPU, whose program walks
 *	the stack where it is (sample/cpu, os/perf);
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
struct producer;
struct stackmap_stack;

struct sampler_options {
	pid_t pid;
	const struct perf_event *event;
	unsigned hz, copy;  /* as in struct perf_options */
	int address;        /* include addresses of faults; needs force_copy */
	int children, kernel_frames;
	int held;           /* count from the process' next execve(2) on */
	int force_copy;     /* do without BPF */
	int off;            /* sum up time off the CPU; needs BPF */
	uint64_t off_least; /* as in struct cpu_options */
};

/* Returns NULL if memory is short. */
struct sampler *sampler_new(const struct sampler_options *o);
void sampler_free(struct sampler *s);

/* ---- attaching --------------------------------------------------------- */

/*
 * Attach the process, and its threads and children as they come.  With BPF it
 * counts from when sampler_put() first gives its mappings.  Time in the kernel is
 * left out if it may not be counted.  Returns 1 if that is done, 0 if the process
 * has ended, -1 with errno; EACCES or EPERM: permission is missing.
 */
int sampler_attach(struct sampler *s);

/* Attach another process, which was there before; returns as sampler_attach(). */
int sampler_attach_more(struct sampler *s, pid_t pid);

/* Returns why stacks are copied: NULL if they are not, "" if that was asked for. */
const char *sampler_copies(const struct sampler *s);

/* Returns whether time in the kernel is left out. */
int sampler_user_only(const struct sampler *s);

/* Emit a note if time in the kernel is left out; or if stacks are copied though the user
 * has not asked for it. */
void sampler_note_scope(const struct sampler *s, struct producer *p);
void sampler_note_copying(const struct sampler *s, struct producer *p);

/* Give the kernel mappings that have changed; see walk_maps_put(). */
int sampler_put(struct sampler *s, struct addrspace *space,
    const struct module **full);
void sampler_forget(struct sampler *s, pid_t pid);

/*
 * Vary the clock's rate by up to SAMPLER_VARIED, lest it run in step with the
 * scheduler's ticks, or with what the target does at regular times.  With BPF, call
 * it every second or so: each change delays a sample.
 */
#define SAMPLER_VARIED 0.1
void sampler_vary(struct sampler *s);

/* ---- reading ----------------------------------------------------------- */

/* Returns a descriptor for sampler_wait(), readable when much has come; or -1. */
int sampler_fd(const struct sampler *s);
/* Wait as perf_wait(). */
int sampler_wait(struct sampler *s, struct pollfd *fd, size_t n, int milliseconds);

/* Read what has come.  Returns -1 with errno. */
int sampler_read(struct sampler *s);

/* Call fn for stacks that are not resolved: see stackmap_unresolved(). */
void sampler_unresolved(struct sampler *s, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx);

/* Learn where threads of a process go on after the probed instruction at an address, as
 * a sample has it: see cpu_behind().  Returns -1 if memory is short. */
int sampler_probed(struct sampler *s, const struct addrspace *space, uint64_t place);

enum sampler_got {
	SAMPLER_NONE,
	SAMPLER_RECORD, /* *record is set */
	SAMPLER_WALKED  /* *sample is set */
};

/* Take out the next that has come, not later than until; see perf_next(). */
enum sampler_got sampler_next(struct sampler *s, uint64_t until,
    struct perf_record *record, struct cpu_walked *sample);

/* Report time off the CPU: see cpu_scan(), cpu_sum() and cpu_waits(). */
int sampler_scan(struct sampler *s, int again,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *waiter), void *ctx);
int sampler_sum(struct sampler *s, uint64_t *time);
void sampler_waits(struct sampler *s,
    void (*fn)(void *ctx, const struct cpu_wait *wait), void *ctx);

/* Report what was lost since the last call. */
void sampler_lost(struct sampler *s, struct cpu_lost *out);

/* Returns the CPU time counted so far, in ns; 0 if samples add up to it (see
 * perf_counted()). */
uint64_t sampler_counted(const struct sampler *s);

#endif
