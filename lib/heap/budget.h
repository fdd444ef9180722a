/*
 * How much of the time a process may be watched, so that what that costs stays
 * within a share of the process' own CPU time.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include <stdint.h>

struct budget {
	double share;     /* of CPU time that it may cost: 0 to 1; 0: there is no limit */
	double load;      /* what it costs while it is watched, of CPU time; smoothed */
	double coverage;  /* of the time in which it may be watched: 0 to 1 */
};

/* So long it is watched at a time, and not watched, at the most. */
#define BUDGET_WINDOW_NS 50000000
#define BUDGET_CYCLE_NS 10000000000

/* It was watched for some time, used so much CPU time in it, of which watching
 * has cost so much: all in ns.  Times that are too short say nothing. */
void budget_update(struct budget *b, uint64_t armed, uint64_t cpu, uint64_t cost);

/* How long to watch, and then not to, in ns; *off is 0 where it may always be. */
void budget_windows(const struct budget *b, uint64_t *on, uint64_t *off);

#endif
