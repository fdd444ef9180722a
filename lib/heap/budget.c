#include "heap/budget.h"

#define LEAST_NS 10000000 /* shortest armed time that counts */
#define LEAST_CPU 5000000 /* of CPU time: less may be another process' doing */
#define SMOOTH 0.5

void
budget_update(struct budget *b, uint64_t armed, uint64_t cpu, uint64_t cost)
{
	double load;

	if (armed < LEAST_NS || cpu < LEAST_CPU)
		return;
	load = (double)cost / (double)cpu;
	if (load > 1)
		load = 1;
	/* An overrun must end at once. */
	b->load = b->load == 0 || load > 2 * b->load
	    ? load
	    : b->load + SMOOTH * (load - b->load);
}
