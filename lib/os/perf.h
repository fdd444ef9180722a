/*
 * Sampling by perf_event_open(2): threads of processes and all that they start,
 * into one ring buffer a CPU, read back in the order of time.
 *
 * Every thread gets an event on every CPU that its children inherit, because
 * that misses nothing: a thread counts from its first instruction on.  A thread
 * that was created between two readings of /proc may have both an inherited event
 * and its own; perf_next() returns the samples of only one of them.
 */
#ifndef PERF_H
#define PERF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "os/perf_record.h"

struct perf;
struct pollfd;

/* An event to count, as perf_event_open(2) has it. */
struct perf_event {
	const char *name; /* as perf-list(1) names it */
	uint32_t type;
	uint64_t config;
	uint64_t every; /* a sample for so many; 0: as many as make the rate */
};

/* Returns an event by name; NULL: there is no such event. */
const struct perf_event *perf_event_find(const char *name);

/* Returns whether it is cpu-clock, which counts nanoseconds on a CPU. */
int perf_event_is_clock(const struct perf_event *e);

struct perf_options {
	const struct perf_event *event;
	unsigned hz;         /* samples a second of the clock, and about as many
	                        of an event that has no `every' */
	unsigned copy;       /* bytes of user stack in each sample */
	int address;         /* each sample has an address: of a page fault */
	int program;         /* a BPF program that each overflow runs; or -1 */
	int track;           /* count nothing (event, hz and copy do not matter):
	                        only records of what happens to processes */
	int threads;         /* with it: perf_attach() is meant, not perf_attach_all() */
	int children;        /* child processes too */
	int kernel_frames;   /* the kernel's part of stacks too */
	int user_only;       /* do not count time in the kernel */
	int from_exec;       /* count from the next execve(2) on */
};

/* Make the rings, with no event yet.  NULL with errno. */
struct perf *perf_new(const struct perf_options *o);
void perf_free(struct perf *p);

/*
 * Count a thread that exists.  Returns 0, or -1 with errno; ESRCH: it has ended;
 * EACCES or EPERM, of the first one: this is not permitted at all.
 */
int perf_attach(struct perf *p, pid_t tid);

/* Count the threads of a process until there is no new one.  Returns whether there were
 * any, or -1 with errno. */
int perf_attach_process(struct perf *p, pid_t pid);

/*
 * Count all that runs, on all CPUs: with a program, or to track.  The program
 * chooses what is a sample; there are none to be read, and records are of all
 * processes of the machine.
 */
int perf_attach_all(struct perf *p);

/* Change the clock's period of perf_attach_all(), in ns. */
void perf_period(struct perf *p, uint64_t ns);

/* Returns whether a thread was attached. */
int perf_attached(const struct perf *p, pid_t tid);

/*
 * Returns the CPU time of all that was attached and its children, in ns, as the
 * kernel counts it, with the time that samples miss.  A thread's sample comes when it
 * has used a period on one CPU, and the time after its last one is in none; nor
 * are, but for one, the periods that pass while the machine is held up.  Time in the
 * kernel is counted even where that is not sampled.
 */
uint64_t perf_counted(const struct perf *p);

/*
 * Wait as poll(2) does for the n descriptors of fd, at most PERF_WAIT_MOST, and
 * for records: returns as well when some can be read.  -1 with errno (EINTR: a
 * signal came), fd is unchanged then.
 */
#define PERF_WAIT_MOST 8
int perf_wait(struct perf *p, struct pollfd *fd, size_t n, int milliseconds);

/*
 * Read the next record in the order of time, not later than `until'.  Its pointers
 * are valid until the next call.  Returns 0 where there is none.  Records of different
 * CPUs become visible with a little delay, so `until' should be a millisecond ago,
 * except at the end.
 */
int perf_next(struct perf *p, uint64_t until, struct perf_record *out);

#endif
