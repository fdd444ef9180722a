/*
 * Which period is paid for, with a target that allocates at a known rate and is slowed down
 * by each hit in a known way.  Chance has a fixed seed.
 */
#include "heap/pace.h"

#include <math.h>
#include <string.h>

#include "tap.h"

#define HIT_NS 900 /* of the trap alone */
#define SECOND 1000000000ULL

struct sim {
	double bytes_s, size; /* of CPU time of its own; of a block */
	double cpus;          /* that it uses */
	double hit_ns;        /* what a hit really costs */
	double noise;         /* of its speed from tick to tick, relative */
	uint64_t live;
	uint64_t seed;
	struct pace p;
	struct pace_look now;
	uint64_t is;
	double cost, cpu;     /* of the last run() */
};

static double
uniform(struct sim *s)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return (double)(s->seed >> 11) / (1ULL << 53);
}

/* Returns about a normal deviate. */
static double
normal(struct sim *s)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += uniform(s);
	return sum;
}

/* Let the target work for a tick with a period.  hits: of a sample, 0: none is drawn. */
static void
work(struct sim *s, uint64_t period, double hits)
{
	double wall = PACE_TICK_NS, cpu = wall * s->cpus, speed, picked, own, samples;

	speed = s->bytes_s / 1e9 * (1 + s->noise * normal(s));
	picked = hits ? speed / s->size * -expm1(-s->size / (double)period) : 0;
	own = cpu / (1 + picked * hits * s->hit_ns);
	samples = own * picked;
	samples += sqrt(samples) * normal(s);
	if (samples < 0)
		samples = 0;
	s->now.time += (uint64_t)wall;
	s->now.cpu += (uint64_t)cpu;
	s->now.bytes += (uint64_t)(own * speed);
	s->now.sampled += (uint64_t)samples;
	s->now.freed += (uint64_t)(samples * (hits - 1));
	s->cost += samples * hits * s->hit_ns;
	s->cpu += cpu;
}

static void
begin(struct sim *s)
{
	struct pace_look from = s->now = (struct pace_look){ .time = SECOND };

	s->seed = 88172645463325252ULL;
	s->p = (struct pace){ .share = 0.1, .trap_ns = HIT_NS, .entry_ns = PACE_ENTRY_NS };
	work(s, 1, 0);
	pace_begin(&s->p, &from, &s->now);
}

/* Returns the share of the CPU time that hits have cost. */
static double
run(struct sim *s, double seconds)
{
	s->cost = s->cpu = 0;
	for (int i = 0; i < seconds * 1e9 / PACE_TICK_NS; i++) {
		s->is = s->p.period;
		work(s, s->is, 2);
		pace_update(&s->p, &s->now, s->is, s->live);
	}
	return s->cpu > 0 ? s->cost / s->cpu : 0;
}

static void
test_periods(void)
{
	int rising = 1;

	for (unsigned i = 1; i < PACE_PERIODS; i++)
		rising &= pace_period(i) > pace_period(i - 1);
	ok(rising && pace_period(0) == 1 && pace_period(PACE_PERIODS - 1) == 1ULL << 40,
	    "periods rise from 1 to 2^40");
}

static void
test_budget(double hit_ns)
{
	struct sim s = { .bytes_s = 3e9, .size = 100, .cpus = 1, .hit_ns = hit_ns,
		.noise = 0.02 };
	double first, later;

	begin(&s);
	first = run(&s, 1);
	later = run(&s, 30);
	ok(later > 0.015 && later < 0.1, "%.0f ns a hit: it costs %.1f %% of the CPU time", hit_ns,
	    100 * later);
	ok(first < 0.15, "and %.1f %% in the first second", 100 * first);
	ok(fabs(s.p.hit_ns - hit_ns) < 0.4 * hit_ns + 1500,
	    "what a hit costs is seen by the progress: %.0f ns", s.p.hit_ns);
}

static void
test_limits(void)
{
	struct sim s = { .bytes_s = 3e9, .size = 100, .cpus = 16, .hit_ns = 5000,
		.noise = 0.01 };
	uint64_t before;

	begin(&s);
	run(&s, 5);
	before = s.now.sampled;
	run(&s, 2);
	ok(s.now.sampled - before < 2 * 6000 && s.now.sampled - before > 2 * 1000,
	    "many CPUs: %.0f samples a second are enough",
	    (double)(s.now.sampled - before) / 2);

	s = (struct sim){ .bytes_s = 2e5, .size = 100, .cpus = 0.05, .hit_ns = 5000 };
	begin(&s);
	run(&s, 10);
	ok(s.p.base < 100, "a process that allocates little is sampled by %llu bytes",
	    (unsigned long long)s.p.base);
	s.live = 1ULL << 30;
	run(&s, 1);
	ok(s.p.base == 1 << 16, "but no more blocks that live than the gate can follow");
}

static void
test_change(void)
{
	struct sim s = { .bytes_s = 1e6, .size = 100, .cpus = 0.5, .hit_ns = 10000,
		.noise = 0.01 };
	double load;

	begin(&s);
	run(&s, 5);
	s.bytes_s = 3e9;
	s.cpus = 1;
	run(&s, 0.1);
	load = run(&s, 0.5);
	ok(load < 0.1, "a burst: after two ticks it costs %.1f %%", 100 * load);
	s.is = s.p.period * 16;
	work(&s, s.is, 2);
	pace_update(&s.p, &s.now, s.is, 0);
	ok(s.p.tick == 0, "no cost is measured when the gate has raised the period");
	s.cpus = 0;
	run(&s, 20);
	ok(s.p.base < 1000, "an idle process comes to a short period again");
}

int
main(void)
{
	test_periods();
	test_budget(3000);
	test_budget(10000);
	test_budget(30000);
	test_limits();
	test_change();
	return tap_done();
}
