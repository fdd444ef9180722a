/*
 * Sum up all live allocations by site and age, in steps of time that grow with
 * the age.
 */
#ifndef AGES_H
#define AGES_H

#include <stddef.h>
#include <stdint.h>

struct ages;

struct age {
	uint32_t site; /* the caller's number of it */
	uint64_t born; /* when the latest of them was allocated, ns */
	double bytes, count;
};

/* Begin sums as of the time now: the latest allocations in steps of step ns,
 * older ones in steps of at most about a sixteenth of their age.  Returns NULL
 * if memory is short. */
struct ages *ages_new(uint64_t step, uint64_t now);
void ages_free(struct ages *a);

/* Add weight allocations of bytes each, of a site, allocated at the time born.
 * A failure shows in ages_emit(). */
void ages_add(struct ages *a, uint32_t site, uint64_t born, uint64_t bytes,
    double weight);

/* Call fn for each sum, by site, the oldest of a site first.  Returns -1,
 * without a call, if memory ran out. */
int ages_emit(struct ages *a, void (*fn)(void *ctx, const struct age *age),
    void *ctx);

#endif
