/*
 * Whether probes cost too much, by what is known after some milliseconds.
 */
#include "heap/verdict.h"

#include "tap.h"

#define MS 1000000ULL

static struct verdict v;
static struct verdict_look now;

static void
begin(void)
{
	v = (struct verdict){ .begun = 0 };
	now = (struct verdict_look){ .time = 1000 * MS, .cpu = 5000 * MS, .cost = 7e6 };
	verdict_begin(&v, &now);
}

/* Let time go by, of which the process has worked, and hits have had so much of that; all in
 * ms.  Returns the verdict on 10 %. */
static int
go(uint64_t time, double cpu, double cost)
{
	now.time += time * MS;
	now.cpu += (uint64_t)(cpu * 1e6);
	now.cost += cost * 1e6;
	return verdict_is_over(&v, &now, 0.1);
}

int
main(void)
{
	begin();
	ok(!go(5, 0, 0), "a process that sleeps costs nothing");
	ok(go(5, 5, 4) && v.load > 0.7, "four of five milliseconds are too much at once");
	begin();
	ok(!go(5, 0.2, 0.19), "a fifth of a millisecond says nothing");
	ok(!go(5, 5, 0.7), "14 %% may be chance");
	for (int i = 0; i < 8; i++)
		go(5, 5, 0.7);
	ok(go(5, 5, 0.7), "but not if it stays so");
	begin();
	for (int i = 0; i < 400; i++)
		if (go(5, 5, 0.3))
			break;
	ok(v.load > 0.05 && v.load < 0.07 && v.from.time > 1000 * MS,
	    "6 %% stays below, and what is long ago is forgotten");
	ok(go(20, 20, 12), "a burst after that is seen at once");
	begin();
	for (int i = 0; i < 100; i++)
		go(20, 0.4, 0.05);
	ok(v.from.time == 1000 * MS, "of a process that hardly runs the look goes on");
	ok(verdict_due(&v, 1010 * MS) == 1015 * MS && verdict_due(&v, 2000 * MS) == 2020 * MS,
	    "it is looked more often in the beginning");
	return tap_done();
}
