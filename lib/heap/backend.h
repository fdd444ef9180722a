/*
 * The ways to record a heap: what heap/heap.h calls.  Each has a struct heap of its
 * own, whose first member is its struct heap_backend.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct addrspace;
struct heap;
struct heap_change;
struct heap_gate;
struct heap_living;
struct heap_load;
struct heap_logged;
struct heap_lost;
struct heap_options;
struct heap_sum;
struct module;
struct probe;
struct stackmap;

/* Functions as in heap/heap.h.  Those of the second half may be NULL: then there are no
 * probes but those of a gate, and heap_arm() and the like fail with ENOTSUP. */
struct heap_backend {
	void (*free)(struct heap *h);
	int (*track)(struct heap *h, pid_t pid);
	int (*put)(struct heap *h, struct addrspace *s, const struct module **full);
	void (*forget)(struct heap *h, pid_t pid);
	int (*arm_gate)(struct heap *h, pid_t pid, const struct heap_gate *g);
	void (*disarm)(struct heap *h, pid_t pid);
	int (*armed)(const struct heap *h, pid_t pid);
	int (*rate)(struct heap *h, uint64_t period, double scale);
	int (*fd)(const struct heap *h);
	int (*read)(struct heap *h);
	uint64_t (*due)(const struct heap *h);
	struct stackmap *(*stacks)(struct heap *h);
	void (*changes)(struct heap *h, int (*fn)(void *ctx, struct heap_change *c), void *ctx);
	void (*living)(struct heap *h, void (*fn)(void *ctx, const struct heap_living *l),
	    void *ctx);
	int (*sum)(struct heap *h, pid_t pid, struct heap_sum *out);
	uint64_t (*live)(const struct heap *h, pid_t pid);
	void (*lost)(struct heap *h, struct heap_lost *out);
	void (*load)(struct heap *h, struct heap_load *out);

	int (*arm)(struct heap *h, pid_t pid, const struct probe *probe, size_t n,
	    void (*fn)(void *ctx, const struct probe *probe, int error), void *ctx);
	int (*compare)(struct heap *h, pid_t pid, const struct probe *probe, size_t n);
	int (*sessions)(const struct heap *h);
	int (*stop_at)(struct heap *h, pid_t pid, const char *file, uint64_t offset);
	double (*hit_cost)(struct heap *h);
	pid_t (*stopped)(struct heap *h, int *start);
	void (*disarm_soon)(struct heap *h, pid_t pid);
	void (*log)(struct heap *h, pid_t pid,
	    void (*fn)(void *ctx, const struct heap_logged *call), void *ctx);
	void (*site)(const struct heap *h, uint32_t site, uint64_t *stack, pid_t *tid);
	void (*disarm_functions)(struct heap *h, pid_t pid);
	void (*disarm_gate)(struct heap *h, pid_t pid);
	int (*by_gate)(struct heap *h, pid_t pid, int on);
	int (*is_by_gate)(const struct heap *h, pid_t pid);
	void (*gate_seen)(const struct heap *h, uint64_t *seen, uint64_t *known);
	int (*thin)(struct heap *h, pid_t pid, uint64_t period, uint64_t **block, size_t *n);
	size_t (*gone)(const struct heap *h, pid_t pid, uint64_t *block, size_t n);
};

/* As heap_new(): sums in the kernel, by BPF (heap_bpf.c; heap_none.c where that is left
 * out), and sums here, from the ring of a gate (heap_ring.c). */
struct heap *heap_bpf_new(const struct heap_options *o, char *why);
struct heap *heap_ring_new(const struct heap_options *o, char *why);

#endif
