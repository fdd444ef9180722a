/*
 * What processes allocate, summed up in the kernel: loads bpf/heap.bpf.c, arms
 * its probes, gives it room, and reads its sums.
 *
 * Built with BPF=0 there is none: heap_new() fails and says so.
 */
#ifndef HEAP_LIB_H
#define HEAP_LIB_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct heap;
struct module;
struct probe;
struct addrspace;
struct stackmap;

struct heap_options {
	int children;       /* what a process forks is followed, too */
	int stop_at_exec;   /* a process that executes another program stops
	                       itself first, and is told of by heap_stopped() */
	int all_callers;    /* calls count wherever they come from */
	uint64_t max_bytes;      /* bytes for live allocations: at least what is there
	                       at first */
};

#define HEAP_WHY 512

/* NULL: why[] says why, and errno is EPERM or EACCES where it is not
 * permitted. */
struct heap *heap_new(const struct heap_options *o, char why[HEAP_WHY]);
/* All probes are gone when it returns. */
void heap_free(struct heap *h);

/* Follow a process: what its probes are hit by counts as soon as its mappings are
 * given.  -1 with errno. */
int heap_track(struct heap *h, pid_t pid);
/* As in sample/walk_maps. */
int heap_put(struct heap *h, struct addrspace *s, const struct module **full);
void heap_forget(struct heap *h, pid_t pid);

/* ---- probes ------------------------------------------------------------ */

/*
 * Probe what a plan has for a process, but for what is armed there already.
 * fn is told of each probe that could not be, with an errno.  How many were
 * armed; -1 with errno: none could be, for want of a permission.
 */
int heap_arm(struct heap *h, pid_t pid, const struct probe *probe, size_t n,
    void (*fn)(void *ctx, const struct probe *probe, int error), void *ctx);
/* Take a process' probes (0: all) away again. */
void heap_disarm(struct heap *h, pid_t pid);
int heap_armed(const struct heap *h, pid_t pid);

/*
 * For a while count the calls that a process' Rust code makes of other
 * functions, too: heap_load() tells.  No probes: no more.  -1 with errno.
 */
int heap_compare(struct heap *h, pid_t pid, const struct probe *probe, size_t n);

/* Are return probes conditional?  Then a call that is not picked costs none. */
int heap_sessions(const struct heap *h);

/* Allocations from now on: a Poisson process over bytes picks one in `period'
 * (0: all count), and they stand for `scale' times as many.  -1: there have been
 * too many different rates, and the last one stays. */
int heap_rate(struct heap *h, uint64_t period, double scale);

/*
 * Let a process stop itself where the file's code at an offset is reached, as
 * at the first instruction of a program, when its libraries are there; file
 * NULL: no more.  One that has stopped goes on by SIGCONT.  -1 with errno.
 */
int heap_stop_at(struct heap *h, pid_t pid, const char *file, uint64_t offset);

/* What a hit of a probe costs here, in ns, without the program behind it:
 * measured.  0: it could not be. */
double heap_hit_cost(struct heap *h);

/* ---- reading ----------------------------------------------------------- */

/* To be polled: readable when there is news. */
int heap_fd(const struct heap *h);

/* Look what has come, and make room for more.  -1 with errno. */
int heap_read(struct heap *h);

/* Stacks that have come. */
struct stackmap *heap_stacks(struct heap *h);

/* The next process that has stopped itself, at its execve(2), or (*start) where
 * heap_stop_at() wanted it; 0: none. */
pid_t heap_stopped(struct heap *h, int *start);

/* By powers of two, as in rsprof-records(5). */
#define HEAP_BUCKETS 64

/* What a site has done since it was last asked, and how it is. */
struct heap_change {
	uint64_t stack; /* of sample/stackmap; 0: it was lost */
	pid_t pid, tid;
	uint64_t samples, allocs, bytes, frees, freed, temps, inplace, moved, copied;
	uint64_t sizes[HEAP_BUCKETS], lives[HEAP_BUCKETS];
	uint64_t live, count, peak; /* now, and the most of live since the start */
	void *user; /* the caller's own, kept for the site */
};

/* Hand out all sites that have changed.  Where fn returns 0 it is asked again
 * the next time. */
void heap_changes(struct heap *h, int (*fn)(void *ctx, struct heap_change *c),
    void *ctx);

/* Each allocation that lives, or did when its process ended. */
struct heap_living {
	uint64_t time, size; /* when, in ns of CLOCK_MONOTONIC; bytes */
	double weight;       /* what it stands for */
	void *user;          /* of its site */
};

void heap_living(struct heap *h, void (*fn)(void *ctx, const struct heap_living *l),
    void *ctx);

/* A process: live bytes, their number, and the most they have been; and what
 * has happened since it was last asked. */
struct heap_sum {
	uint64_t live, count, peak;
	uint64_t allocs, bytes, frees, freed, unknown;
};

/* 0, or -1: it is not followed. */
int heap_sum(struct heap *h, pid_t pid, struct heap_sum *out);

/* Since they were last asked for. */
struct heap_lost {
	uint64_t ring_full, live_full, sites_full, scratch, returns, processes;
};

void heap_lost(struct heap *h, struct heap_lost *out);

/* Since the start. */
struct heap_load {
	uint64_t entries, returns, frees; /* probes hit */
	uint64_t below;                   /* see heap_compare() */
	double program_ns;                /* of CPU time for each, in BPF, on average */
	uint64_t walked, remembered;      /* stacks */
	uint64_t reused;                  /* addresses that came again without a free */
};

void heap_load(struct heap *h, struct heap_load *out);

/* Bytes of kernel memory for sites and for live allocations. */
uint64_t heap_bytes(const struct heap *h);

#endif
