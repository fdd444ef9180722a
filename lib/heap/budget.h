/*
 * Share out the time in which probes are armed, so that their cost stays
 * within a share of the target's own CPU time.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include <stdint.h>

struct budget {
	double share;    /* of CPU time allowed as cost, 0 to 1; 0: no limit */
	double load;     /* cost per CPU time while armed; smoothed */
	double coverage; /* of all time, in which probes may be armed: 0 to 1 */
};

/* Length of a window in which probes are armed, unless it can be longer; the
 * longest cycle, from one window to the next. */
#define BUDGET_WINDOW_NS 50000000
#define BUDGET_CYCLE_NS 10000000000

/* Learn from probes that were armed for a time: the target used cpu of CPU time,
 * of which probes have cost cost; all in ns.  Times that are too short are
 * ignored. */
void budget_update(struct budget *b, uint64_t armed, uint64_t cpu, uint64_t cost);

/* Set *on to how long to arm the probes, and *off to how long not to, in ns;
 * *off is 0 if they may stay armed. */
void budget_windows(const struct budget *b, uint64_t *on, uint64_t *off);

#endif
