/*
 * What probes cost of a process' CPU time.
 */
#include "heap/budget.h"

#include "tap.h"

#define S 1000000000ULL

int
main(void)
{
	struct budget b = { 0 };

	budget_update(&b, S, S, S / 20);
	ok(b.load == 0.05, "the first look tells: %g", b.load);
	budget_update(&b, S, S, S / 2);
	ok(b.load == 0.5, "what costs much more is seen at once: %g", b.load);
	budget_update(&b, S / 1000, S, S);
	ok(b.load == 0.5, "a look that is too short says nothing");
	budget_update(&b, S, S / 1000, S / 1000);
	ok(b.load == 0.5, "nor does a process that did nearly nothing");
	for (int i = 0; i < 20; i++)
		budget_update(&b, S, S, S / 20);
	ok(b.load > 0.049 && b.load < 0.051, "and what costs less, by and by: %g", b.load);
	budget_update(&b, S, S, 5 * S);
	ok(b.load == 1, "no more than all of it");
	return tap_done();
}
