/*
 * Chooses the period of a gate: the smallest that a share of the target's CPU time
 * pays for.  Sums are unbiased whatever it is, since each sample carries the period that
 * it was drawn with; a smaller one makes their errors smaller.
 *
 * A hit costs more than the trap: the code behind it finds caches and predictors cold.
 * So the cost is measured by what it does to the target's progress, the bytes that it
 * allocates in a nanosecond of CPU time, with one period and with a longer one in turn.
 */
#ifndef PACE_H
#define PACE_H

#include <stdint.h>

#define PACE_TICK_NS 50000000 /* between two looks */
#define PACE_ENTRY_NS 10000   /* entry_ns of a hit that enters the kernel */

/* Counts up to a moment, since whenever. */
struct pace_look {
	uint64_t time, cpu;      /* CLOCK_MONOTONIC, and CPU time of the process, ns */
	uint64_t bytes;          /* allocated */
	uint64_t sampled, freed; /* samples, and of those that were freed: each is a hit */
};

struct pace {
	/* Set by the owner. */
	double share;    /* of CPU time that hits may cost */
	double trap_ns;  /* what a hit costs at least */
	double entry_ns; /* and beyond that, until it is measured */

	double hit_ns;   /* what a hit costs, by the target's progress */
	uint64_t period; /* to sample by from now on */
	uint64_t base;   /* the same, but for a moment while cost is measured */
	struct pace_look last, since; /* the last look; that at the last change of base */
	double above, below;          /* sums of a regression: see calibrate() in pace.c */
	double speed[4], load[4];     /* of its ticks: with base, twice with a longer period,
	                                 with base */
	double noise;                 /* variance of speed from tick to tick, relative */
	unsigned tick, tries;         /* of the measurement of cost: it is under way if tick
	                                 is not 0; how often it was made */
	uint64_t tried;               /* when the last one began, */
	uint64_t again;               /* and when the next one may */
};

/* The periods that there are, the shortest first: 1, 2, 3, 4, 6, 8, 12 ... 2^40. */
#define PACE_PERIODS 80
uint64_t pace_period(unsigned i);

/* Choose the first period from two looks without a hit between them. */
void pace_begin(struct pace *p, const struct pace_look *from, const struct pace_look *to);

/* Begin to count now: what was before says nothing. */
void pace_restart(struct pace *p, const struct pace_look *now);

/* Choose a longer one if so many bytes live that the gate could not follow all samples. */
void pace_allow(struct pace *p, uint64_t live);

/* Choose p->period anew, if it is time for that.  `is` is the period that was in force up to
 * now, which the gate may have raised; `live` how many bytes live. */
void pace_update(struct pace *p, const struct pace_look *now, uint64_t is, uint64_t live);

#define PACE_LIMIT 8000 /* samples a second, at which the gate may raise the period by itself */

#endif
