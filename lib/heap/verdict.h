/*
 * Judges whether probes cost more than they may: at once where that is plain, and after a
 * longer look where it is not.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdint.h>

/* Counts up to a moment, since whenever, in ns. */
struct verdict_look {
	uint64_t time; /* CLOCK_MONOTONIC */
	uint64_t cpu;  /* CPU time of the process */
	double cost;   /* of that, what hits have cost */
};

struct verdict {
	struct verdict_look from; /* the beginning of the look */
	uint64_t begun;           /* time of the first one */
	double load;              /* what hits had of the CPU time, the last time that it could
	                             be judged */
};

/* Begin to look. */
void verdict_begin(struct verdict *v, const struct verdict_look *now);

/* Returns whether hits cost more than this share of the CPU time; 0 if that cannot be said
 * yet. */
int verdict_is_over(struct verdict *v, const struct verdict_look *now, double share);

/* Returns when to look again: soon in the beginning. */
uint64_t verdict_due(const struct verdict *v, uint64_t now);

#endif
