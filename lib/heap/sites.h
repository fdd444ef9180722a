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

#include "heap/census.h"
#include "stream/rec.h"

struct heap_change;
struct sites;

struct site {
	struct rec_heap sum; /* growth since the site was last emitted; live, count
	                        and peak are absolute */
	double bytes_var, live_var; /* variances of sum.bytes and sum.live */
	/* In windows: live memory and growth are ranges (heap/census). */
	int ranged;
	uint32_t censused; /* the kernel's site that all of them are joined to */
	struct census_range live;
	double bytes_least, bytes_most; /* of sum.bytes */
	uint64_t emitted_live, emitted_count;
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

/* Add what windows have shown of one of the kernel's sites to a site: now, where it was
 * before when last added. */
void sites_add_census(struct sites *p, struct site *to, const struct census_site *now,
    const struct census_site *before);

/* Returns the site with this index. */
struct site *sites_nth(const struct sites *p, uint32_t index);

/* Call fn for each site that has changed since it was last emitted, of process
 * pid only unless that is 0, and begin new sums for them. */
void sites_emit(struct sites *p, pid_t pid,
    void (*fn)(void *ctx, struct site *site), void *ctx);

#endif
