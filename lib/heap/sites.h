/*
 * Sites by their place in the stream: a thread and a node of the tree of
 * stacks.  The kernel may have several sites of one place, as it knows stacks
 * by addresses, and code moves.
 */
#ifndef SITES_H
#define SITES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stream/rec.h"

struct heap_change;
struct sites;

struct site {
	struct rec_heap sum; /* what is not told yet; live, count and peak as
	                        they are */
	int changed;
	uint32_t index;      /* in the order that they came */
};

struct sites *sites_new(void); /* NULL: out of memory */
void sites_free(struct sites *p);

/* The place of a thread's stack, made if it is new.  Pointers stay valid.
 * NULL: out of memory. */
struct site *sites_get(struct sites *p, pid_t pid, pid_t tid,
    struct rec_ref stack);

/* Add what a site of this place has done. */
void sites_add(struct sites *p, struct site *to, const struct heap_change *c);

/* By its index. */
struct site *sites_nth(const struct sites *p, uint32_t index);

/* Call fn for each that has changed (and of one process, if pid is not 0), and
 * begin anew. */
void sites_emit(struct sites *p, pid_t pid,
    void (*fn)(void *ctx, struct site *site), void *ctx);

#endif
