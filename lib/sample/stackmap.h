/*
 * Stacks that the kernel has walked (bpf/walk.bpf.h), by their ids.  The kernel
 * sends each stack once, before anything that refers to it.
 */
#ifndef STACKMAP_H
#define STACKMAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stream/rec.h"

struct stackmap;
struct walk_stack;

/* A stack as it came.  resolved and leaf are the caller's: whether it has been
 * emitted, and as what. */
struct stackmap_stack {
	uint64_t id;
	pid_t pid;
	uint32_t version; /* of the mappings that it was walked with */
	const char *cut;  /* reason of rsprof-records(5) for an early end, or NULL */
	uint32_t nkernel, n;
	int resolved;
	struct rec_ref leaf;
	uint64_t addr[]; /* as in struct walk_stack */
};

/* Returns NULL if memory is short. */
struct stackmap *stackmap_new(void);
void stackmap_free(struct stackmap *m);

/* Add a copy of a stack, unless its id is there.  Returns -1 if memory is short. */
int stackmap_add(struct stackmap *m, const struct walk_stack *in);

/* Find a stack by its id.  Returns NULL if it has been lost.  The stack lives
 * until the second stackmap_renew() from now on. */
struct stackmap_stack *stackmap_find(const struct stackmap *m, uint64_t id);

/* Returns how many stacks have come since the last stackmap_renew(). */
size_t stackmap_count(const struct stackmap *m);

/* Start a new generation, in which the kernel sends stacks again; those of the
 * last one stay for references that are on their way. */
void stackmap_renew(struct stackmap *m);

/* Call fn for each stack of a process, or (pid 0) of all, that is not resolved; fn
 * may resolve it. */
void stackmap_unresolved(struct stackmap *m, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx);

#endif
