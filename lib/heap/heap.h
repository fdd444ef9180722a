/*
 * Sum up what processes allocate, by one of two ways:
 *	in the kernel: load bpf/heap.bpf.c, arm its probes, give it memory, and
 *	read its sums;
 *	here, of one process: read the ring of a gate in it, and walk the stacks
 *	that were copied there.  That needs no permission beyond ptrace(2).
 *
 * Built with BPF=0, the first one fails in heap_new() and says so.
 */
#ifndef HEAP_LIB_H
#define HEAP_LIB_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/step.h"
#include "stream/rec.h"

struct heap;
struct module;
struct probe;
struct addrspace;
struct stackmap;
struct unwind_stack;

struct heap_options {
	int children;       /* track the processes that tracked ones fork */
	int stop_at_exec;   /* a process that executes another program stops itself
	                       first, see heap_stopped() */
	int all_callers;    /* count calls from any code, not from Rust code only */
	int leaderless;     /* the first thread of the process has ended: probes of links
	                       would find no memory there */
	uint64_t max_bytes; /* most kernel memory for live allocations, in bytes; no
	                       less than it begins with */
	int ring;           /* do without the kernel */
	/* With it: walk and emit a copied stack of a thread at a time. */
	struct rec_ref (*walk)(void *ctx, pid_t pid, pid_t tid, const struct unwind_stack *stack,
	    struct step_regs regs, uint64_t time);
	void *ctx;
};

#define HEAP_WHY 512

/* Load the programs, with nothing tracked or armed.  Returns NULL with the
 * reason in why[]; errno is EPERM or EACCES if permission is missing. */
struct heap *heap_new(const struct heap_options *o, char why[HEAP_WHY]);
/* Remove all probes, and free h.  Probes are gone when it returns. */
void heap_free(struct heap *h);

/* Track a process: its allocations count as soon as its mappings are given
 * (heap_put()).  Returns -1 with errno. */
int heap_track(struct heap *h, pid_t pid);
/* Give the kernel the mappings in s, or forget a process and its probes; see
 * sample/walk_maps.h. */
int heap_put(struct heap *h, struct addrspace *s, const struct module **full);
void heap_forget(struct heap *h, pid_t pid);

/* ---- probes ------------------------------------------------------------ */

/* Returns whether there can be probes; a gate can be armed without. */
int heap_has_probes(const struct heap *h);

/* Arm those of n probes in a process that are not armed yet.  Calls fn with an
 * errno for each that cannot be.  Returns how many it armed; or -1 with errno if
 * permission is missing. */
int heap_arm(struct heap *h, pid_t pid, const struct probe *probe, size_t n,
    void (*fn)(void *ctx, const struct probe *probe, int error), void *ctx);
/* Remove the probes of a process, or all probes if pid is 0. */
void heap_disarm(struct heap *h, pid_t pid);
/* Remove those at functions, or the places of a gate. */
void heap_disarm_functions(struct heap *h, pid_t pid);
void heap_disarm_gate(struct heap *h, pid_t pid);

/* Remove the probes of a process, without waiting for those that are being hit. */
void heap_disarm_soon(struct heap *h, pid_t pid);

/* A gate that is mapped in a process: see gate/gate.h. */
struct heap_gate {
	const char *file;       /* a path that opens the mapped file */
	uint64_t sampled, freed; /* offsets in it of the places for probes; 0: they are to be
	                            armed already, for another process that has it */
	int ring;               /* its ring's file, or -1 */
};

/* Record what a gate samples.  Each period that it samples by is set with heap_rate()
 * before.  With heap_options.children that is what copies of it sample, too, which forked
 * processes have: it ends when all processes for which this was called have had
 * heap_disarm_gate().  Returns -1 with errno. */
int heap_arm_gate(struct heap *h, pid_t pid, const struct heap_gate *g);

/* Choose what counts in a process: what its gate samples (on), or what is probed. */
int heap_by_gate(struct heap *h, pid_t pid, int on);

/* Returns what was chosen.  A forked process is as its parent is at that moment. */
int heap_is_by_gate(const struct heap *h, pid_t pid);

/* Count the blocks that a gate has sampled while all allocations were recorded, and those
 * of them that were among these. */
void heap_gate_seen(const struct heap *h, uint64_t *seen, uint64_t *known);

/* Replace the live allocations of a process, which were recorded one and all, by those that
 * a gate with this period would have sampled.  *block is set to their *n addresses, to be
 * freed.  Returns -1 with errno. */
int heap_thin(struct heap *h, pid_t pid, uint64_t period, uint64_t **block, size_t *n);

/* Leave only those of n addresses where nothing lives.  Returns how many. */
size_t heap_gone(const struct heap *h, pid_t pid, uint64_t *block, size_t n);

/* Returns how many probes are armed in a process. */
int heap_armed(const struct heap *h, pid_t pid);

/* Count the calls that Rust code of a process makes of these functions too, in
 * heap_load.below; they replace those given before.  If n is 0, stop counting.
 * Returns -1 with errno. */
int heap_compare(struct heap *h, pid_t pid, const struct probe *probe, size_t n);

/* Returns whether return probes are conditional: then a call that is not picked
 * costs none. */
int heap_sessions(const struct heap *h);

/* Set how allocations count from now on: a Poisson process over bytes picks one
 * in period bytes on average (0: all), and each stands for scale times as many.
 * Returns -1 if there have been too many different rates; the last one stays. */
int heap_rate(struct heap *h, uint64_t period, double scale);

/* Make a process stop itself where it reaches the code at offset in file, such
 * as its first instruction, when its libraries are mapped; file NULL: no longer.
 * A stopped process is continued with SIGCONT.  Returns -1 with errno. */
int heap_stop_at(struct heap *h, pid_t pid, const char *file, uint64_t offset);

/* Measure what hitting a probe costs here, without the BPF program behind it.
 * Returns ns, or 0 if that fails. */
double heap_hit_cost(struct heap *h);

/* ---- reading ----------------------------------------------------------- */

/* Returns a descriptor that is readable when there is news for heap_read(). */
int heap_fd(const struct heap *h);

/* Read what has come, and make room for more.  Returns -1 with errno, ECANCELED where probes
 * have been removed from outside. */
int heap_read(struct heap *h);
/* Returns when to do so at the latest, in ns of CLOCK_MONOTONIC; UINT64_MAX: heap_fd()
 * tells. */
uint64_t heap_due(const struct heap *h);

/* Returns the stacks that have come; h owns them. */
struct stackmap *heap_stacks(struct heap *h);

/* A call of a process, as heap_log() asked for. */
struct heap_logged {
	uint64_t time, addr; /* ns of CLOCK_MONOTONIC */
	uint64_t size;       /* of a free: the word before the memory */
	uint32_t site;       /* number of the kernel's site; 0: it is not known */
	pid_t tid;
	int freed, alien;    /* a free; an allocation by code that does not count */
	int moved;           /* part of a realloc(): a free, and the thread's next allocation */
};

/* Have heap_read() call fn for each call of a process instead of summing them up; pid
 * 0: for none any more.  Frees of memory allocated before are summed up as well. */
void heap_log(struct heap *h, pid_t pid,
    void (*fn)(void *ctx, const struct heap_logged *call), void *ctx);

/* Set *stack to the key in heap_stacks() of a site, and *tid to its thread. */
void heap_site(const struct heap *h, uint32_t site, uint64_t *stack, pid_t *tid);

/* Returns the next process that has stopped itself, at its execve(2) or, with
 * *start set, where heap_stop_at() asked for it; 0 if there is none. */
pid_t heap_stopped(struct heap *h, int *start);

/* Histograms by powers of two, as in rsprof-records(5). */
#define HEAP_BUCKETS 64

/* Changes of a site since it was last handed out, and its state. */
struct heap_change {
	int walked;     /* leaf is its stack */
	struct rec_ref leaf;
	uint64_t stack; /* else the key in heap_stacks(); 0: lost */
	pid_t pid, tid;
	uint64_t samples, allocs, bytes, frees, freed, temps, inplace, moved, copied;
	uint64_t sizes[HEAP_BUCKETS], lives[HEAP_BUCKETS];
	uint64_t live, count, peak; /* bytes and number of live allocations; most live
	                               bytes since the start */
	int64_t shift, shift_count; /* of live and count, beyond what was allocated and
	                               freed: see heap_thin() */
	double bytes_var;           /* variance of bytes, as a sample estimates it */
	double live_var;            /* by which that of live has changed */
	void *user;                 /* the caller's own, kept with the site */
};

/* Call fn for all sites that have changed.  A site for which fn returns 0 stays
 * changed. */
void heap_changes(struct heap *h, int (*fn)(void *ctx, struct heap_change *c),
    void *ctx);

/* An allocation that lives, or did when its process ended. */
struct heap_living {
	uint64_t time, size; /* of allocation, in ns of CLOCK_MONOTONIC; in bytes */
	double weight;       /* number of allocations that it stands for */
	void *user;          /* heap_change.user of its site */
	uint64_t addr;
	pid_t pid;           /* 0: not told, nor is the site */
	uint32_t site;       /* number of the kernel's site */
};

/* Call fn for each allocation. */
void heap_living(struct heap *h, void (*fn)(void *ctx, const struct heap_living *l),
    void *ctx);

/* A process' live bytes, their allocations, and the most live bytes so far; and
 * what has happened since it was last asked for. */
struct heap_sum {
	uint64_t live, count, peak;
	uint64_t allocs, bytes, frees, freed, unknown;
	double bytes_var, live_var; /* variances of these, as samples estimate them */
};

/* Report the sums of a process.  Returns -1 if it is not tracked. */
int heap_sum(struct heap *h, pid_t pid, struct heap_sum *out);

/* Returns a process' live bytes; 0 if it is not tracked. */
uint64_t heap_live(const struct heap *h, pid_t pid);

/* Losses since they were last asked for, by cause. */
struct heap_lost {
	uint64_t ring_full, live_full, sites_full, scratch, returns, processes;
};

void heap_lost(struct heap *h, struct heap_lost *out);

/* Counts since the start. */
struct heap_load {
	uint64_t entries, returns, frees; /* probes hit */
	uint64_t below;                   /* calls counted by heap_compare() */
	double program_ns;                /* average CPU time of the BPF program per hit */
	uint64_t walked, remembered;      /* stacks: walked, found in the cache */
	uint64_t reused;                  /* addresses returned again without a free seen */
};

void heap_load(struct heap *h, struct heap_load *out);

#endif
