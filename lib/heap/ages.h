/*
 * How old what lives is: a snapshot of all live allocations, by place and by
 * when they were allocated, in steps that are longer the longer ago it was.
 */
#ifndef AGES_H
#define AGES_H

#include <stddef.h>
#include <stdint.h>

struct ages;

struct age {
	uint32_t site;         /* a number of the caller's */
	uint64_t born;          /* when the last of them was allocated, ns */
	double bytes, count;
};

/* Steps are of `step' ns at first, and never longer than about a sixteenth of the
 * age.  NULL: out of memory. */
struct ages *ages_new(uint64_t step, uint64_t now);
void ages_free(struct ages *a);

/* `weight' allocations of `bytes' each.  A failure sticks: see ages_tell(). */
void ages_add(struct ages *a, uint32_t site, uint64_t born, uint64_t bytes,
    double weight);

/* Each, of a place the oldest first.  -1: memory has ended, nothing is told. */
int ages_emit(struct ages *a, void (*fn)(void *ctx, const struct age *age),
    void *ctx);

#endif
