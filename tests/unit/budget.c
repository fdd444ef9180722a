/*
 * How much of the time may be watched.
 */
#include "heap/budget.h"

#include "tap.h"

#define S 1000000000ULL

int
main(void)
{
	struct budget b = { .share = 0.1 };
	uint64_t on, off;

	budget_windows(&b, &on, &off);
	ok(off == 0, "before anything is known it is watched all the time");
	budget_update(&b, S, S, S / 20);
	budget_windows(&b, &on, &off);
	ok(off == 0, "and where that costs less than it may");
	budget_update(&b, S, S, S / 2);
	budget_windows(&b, &on, &off);
	ok(b.coverage > 0.19 && b.coverage < 0.21, "what costs too much is cut at once: %g",
	    b.coverage);
	ok(on + off == S && on > S / 6 && on < S / 4, "in windows of a second's part");
	budget_update(&b, S / 1000, S, S);
	ok(b.coverage > 0.19 && b.coverage < 0.21, "a window that is too short says nothing");
	budget_update(&b, S, 0, 0);
	ok(b.coverage > 0.19 && b.coverage < 0.21, "nor does a process that did nothing");
	for (int i = 0; i < 20; i++)
		budget_update(&b, S, S, S / 20);
	budget_windows(&b, &on, &off);
	ok(off == 0, "it may come back");

	b = (struct budget){ .share = 0.01 };
	budget_update(&b, S, S, 5 * S);
	budget_windows(&b, &on, &off);
	ok(b.load == 1 && on == BUDGET_WINDOW_NS && off > 4 * S && off < 5 * S,
	    "no more than all of it: windows far apart, of the least length");
	b = (struct budget){ .share = 0.0001 };
	budget_update(&b, S, S, S);
	budget_windows(&b, &on, &off);
	ok(on + off == BUDGET_CYCLE_NS, "but not for ever");
	b = (struct budget){ .share = 0 };
	budget_update(&b, S, S, S);
	budget_windows(&b, &on, &off);
	ok(off == 0 && b.load == 1, "without a limit it is watched all the time");
	return tap_done();
}
