/*
 * State that heap/heap_bpf.c and heap/heap_sums.c share; heap_bpf.c explains it.
 */
#ifndef HEAP_INSIDE_H
#define HEAP_INSIDE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/heap.h"
#include "heap/heap.h"

struct heap_backend;
struct heap_bpf;
struct heap_logged;
struct heap_room;
struct ring_buffer;
struct uprobes_hold;

/* A probe in a process. */
struct heap_armed {
	pid_t pid;
	uint64_t dev, ino, offset;
	int gate; /* a place of a gate, not a function: ino is its file's */
};

/* Holds probes of a process, which are removed together. */
struct heap_hold {
	pid_t pid;
	int gate;
	uint64_t ino; /* of the gate's file; its probes are for all that have it by fork(2) */
	int frees; /* at functions that free */
	struct uprobes_hold *hold;
};

/* A process that is to stop; see heap_stop_at(). */
struct heap_stop {
	pid_t pid;
	struct uprobes_hold *hold;
};

/* A site as it was last handed out. */
struct heap_reported {
	struct heap_site site;
	void *user;
};

struct heap {
	const struct heap_backend *is;
	int all_callers, children; /* see struct heap_options */
	uint64_t max_bytes;
	struct heap_bpf *bpf;
	struct ring_buffer *ring;
	struct walk_maps *maps;
	struct stackmap *stacks;
	int sessions;
	struct heap_armed *armed;
	size_t narmed, armed_room;
	struct heap_hold *hold;
	size_t nhold, hold_room;
	struct uprobes_hold *below; /* probes of heap_compare(); or NULL */
	struct uprobes_hold **leaving; /* probes that are being removed */
	size_t nleaving, leaving_room;
	struct heap_stop *stop;
	size_t nstop, stop_room;
	struct heap_room *room;
	struct heap_site **segment; /* sites, mapped: HEAP_SEGMENTS pointers */
	uint32_t nsegment;
	struct heap_reported *reported;
	size_t nreported;
	struct heap_bucket *generation[HEAP_GENERATIONS];
	uint32_t ngeneration;
	struct heap_total *total;          /* sums of processes, mapped, by number */
	struct heap_total *reported_total; /* sums as last asked for */
	struct heap_news *stopped;
	size_t nstopped, stopped_room;
	struct heap_counts reported_lost; /* losses as last asked for */
	void (*on_call)(void *ctx, const struct heap_logged *call);
	void *on_call_ctx;
	int failed;                       /* errno of news that could not be kept */
};

/* Functions of heap.h, in heap_sums.c. */
void heap_bpf_changes(struct heap *h, int (*fn)(void *ctx, struct heap_change *c), void *ctx);
void heap_bpf_living(struct heap *h, void (*fn)(void *ctx, const struct heap_living *l),
    void *ctx);
int heap_bpf_sum(struct heap *h, pid_t pid, struct heap_sum *out);
uint64_t heap_bpf_live(const struct heap *h, pid_t pid);
void heap_bpf_lost(struct heap *h, struct heap_lost *out);
void heap_bpf_load(struct heap *h, struct heap_load *out);
void heap_bpf_log(struct heap *h, pid_t pid,
    void (*fn)(void *ctx, const struct heap_logged *call), void *ctx);
void heap_bpf_site(const struct heap *h, uint32_t site, uint64_t *stack, pid_t *tid);
int heap_bpf_rate(struct heap *h, uint64_t period, double scale); /* in heap_bpf.c */
int heap_bpf_by_gate(struct heap *h, pid_t pid, int on);
int heap_bpf_is_by_gate(const struct heap *h, pid_t pid);
void heap_bpf_gate_seen(const struct heap *h, uint64_t *seen, uint64_t *known);
/* In heap_thin.c. */
int heap_bpf_thin(struct heap *h, pid_t pid, uint64_t period, uint64_t **block, size_t *n);
size_t heap_bpf_gone(const struct heap *h, pid_t pid, uint64_t *block, size_t n);

/* Returns the number of a process; 0 if it is not tracked. */
uint32_t heap_number(const struct heap *h, pid_t pid);

/* Returns the slots of a generation. */
static inline size_t
heap_slots(uint32_t generation)
{
	return (size_t)HEAP_BUCKET << (HEAP_FIRST_SHIFT + generation);
}

#endif
