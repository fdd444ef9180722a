#include "heap/budget.h"

#define LEAST_NS 10000000 /* shortest armed time that counts */
#define LEAST 0.005       /* least coverage; with less, nothing would be seen */
#define SMOOTH 0.5

void
budget_update(struct budget *b, uint64_t armed, uint64_t cpu, uint64_t cost)
{
	double load;

	if (armed < LEAST_NS || cpu == 0)
		return;
	load = (double)cost / (double)cpu;
	if (load > 1)
		load = 1;
	/* An overrun must end at once. */
	b->load = b->load == 0 || load > 2 * b->load
	    ? load
	    : b->load + SMOOTH * (load - b->load);
	b->coverage = 1;
	if (b->share > 0 && b->load > b->share)
		b->coverage = b->share / b->load;
	/* CPU time outside of windows costs nothing: load is per armed time. */
	if (b->coverage < LEAST)
		b->coverage = LEAST;
}

void
budget_windows(const struct budget *b, uint64_t *on, uint64_t *off)
{
	double window = BUDGET_WINDOW_NS, cycle;

	*on = BUDGET_WINDOW_NS;
	*off = 0;
	if (b->coverage <= 0 || b->coverage >= 1)
		return;
	cycle = window / b->coverage;
	if (cycle < 1e9) { /* fewer, longer windows: opening one has a cost */
		cycle = 1e9;
		window = cycle * b->coverage;
	}
	if (cycle > BUDGET_CYCLE_NS)
		cycle = BUDGET_CYCLE_NS;
	*on = (uint64_t)window;
	*off = (uint64_t)(cycle - window);
}
