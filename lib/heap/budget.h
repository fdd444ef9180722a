/*
 * Measure what probes cost of the target's own CPU time.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include <stdint.h>

struct budget {
	double load; /* cost per CPU time, 0 to 1; smoothed */
};

/* Learn from probes that were armed for a time: the target used cpu of CPU time,
 * of which probes have cost cost; all in ns.  Times that are too short are
 * ignored. */
void budget_update(struct budget *b, uint64_t armed, uint64_t cpu, uint64_t cost);

#endif
