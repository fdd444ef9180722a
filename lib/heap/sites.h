/*
 * Sum up allocations by site of the stream: a thread and a node of the tree of
 * stacks.  The kernel may have several sites for one of them, because it tells
 * stacks apart by address, and code may be mapped again elsewhere.
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
	struct rec_heap sum; /* growth since the site was last emitted; live, count
	                        and peak are absolute */
	double bytes_var, live_var; /* variances of sum.bytes and sum.live */
	int changed;
	uint32_t index; /* in order of creation */
};

/* Returns an empty set of sites, or NULL if memory is short. */
struct sites *sites_new(void);
void sites_free(struct sites *p);

/* Returns the site of a thread's stack, made if it is new; NULL if memory is
 * short.  The pointer stays valid until sites_free(). */
struct site *sites_get(struct sites *p, pid_t pid, pid_t tid,
    struct rec_ref stack);

/* Add the change c of one of the kernel's sites to a site. */
void sites_add(struct sites *p, struct site *to, const struct heap_change *c);

/* Returns the site with this index. */
struct site *sites_nth(const struct sites *p, uint32_t index);

/* Call fn for each site that has changed since it was last emitted, of process
 * pid only unless that is 0, and begin new sums for them. */
void sites_emit(struct sites *p, pid_t pid,
    void (*fn)(void *ctx, struct site *site), void *ctx);

#endif
