/*
 * Stacks that the kernel has walked and told (bpf/walk.bpf.h), by their ids.
 * Each is told once, before anything that names it.
 */
#ifndef TOLD_H
#define TOLD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stream/rec.h"

struct told;
struct walk_stack;

/* leaf is the caller's, for the stack's place in the stream, which is known
 * from some time on. */
struct told_stack {
	uint64_t id;
	pid_t pid;
	uint32_t version; /* of the mappings that it was walked with */
	const char *cut;  /* why it ended early, as in rsprof-records(5); or NULL */
	uint32_t nkernel, n;
	int known;
	struct rec_ref leaf;
	uint64_t addr[]; /* as in struct walk_stack */
};

struct told *told_new(void); /* NULL: out of memory */
void told_free(struct told *t);

/* Keep one that has come.  -1: out of memory. */
int told_keep(struct told *t, const struct walk_stack *in);

/* By its id; NULL: it has been lost.  It lives until the second told_renew()
 * from now on. */
struct told_stack *told_find(const struct told *t, uint64_t id);

size_t told_count(const struct told *t);

/* Forget all, but for what is on its way: the kernel will tell them again. */
void told_renew(struct told *t);

/* Call fn for each stack whose place is not known, of one process or (0) of
 * all: it may make it known. */
void told_unknown(struct told *t, pid_t pid,
    void (*fn)(void *ctx, struct told_stack *stack), void *ctx);

#endif
