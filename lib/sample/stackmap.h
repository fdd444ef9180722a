/*
 * Stacks that the kernel has walked and told (bpf/walk.bpf.h), by their ids.
 * Each is told once, before anything that names it.
 */
#ifndef STACKMAP_H
#define STACKMAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stream/rec.h"

struct stackmap;
struct walk_stack;

/* leaf is the caller's, for the stack's place in the stream, which is known
 * from some time on. */
struct stackmap_stack {
	uint64_t id;
	pid_t pid;
	uint32_t version; /* of the mappings that it was walked with */
	const char *cut;  /* why it ended early, as in rsprof-records(5); or NULL */
	uint32_t nkernel, n;
	int resolved;
	struct rec_ref leaf;
	uint64_t addr[]; /* as in struct walk_stack */
};

struct stackmap *stackmap_new(void); /* NULL: out of memory */
void stackmap_free(struct stackmap *m);

/* Keep one that has come.  -1: out of memory. */
int stackmap_add(struct stackmap *m, const struct walk_stack *in);

/* By its id; NULL: it has been lost.  It lives until the second stackmap_renew()
 * from now on. */
struct stackmap_stack *stackmap_find(const struct stackmap *m, uint64_t id);

size_t stackmap_count(const struct stackmap *m);

/* Forget all, but for what is on its way: the kernel will tell them again. */
void stackmap_renew(struct stackmap *m);

/* Call fn for each stack whose place is not known, of one process or (0) of
 * all: it may make it known. */
void stackmap_unresolved(struct stackmap *m, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx);

#endif
