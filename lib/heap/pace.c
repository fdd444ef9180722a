#include "heap/pace.h"

#include <math.h>

#define AIM 0.5            /* of the share: what is left is for bursts */
#define SAMPLES 4000       /* a second, at most: errors are small enough then */
#define LIVING 16384       /* sampled blocks that live, at most: the table has 131072 */
#define HIT_MOST_NS 40000
#define RAISED 4           /* the longer period, by which cost is measured */
#define TICKS 4            /* of such a measurement: short, long, long, short */
#define WORKED_NS 12000000 /* of CPU time in a tick of it, at least */
#define WAIT_NS 1000000000 /* for that, at most */
#define FEW 20             /* samples say little */
#define TRIES 10           /* measurements that follow each other */
#define TRY_NS 2000000000  /* between two later ones */
#define NOISE 0.03         /* of progress in two of its ticks, relative */
#define FORGET 0.97        /* of what older measurements weigh */
#define SETTLE_NS 100000000 /* with one period, before a shorter one is chosen */
#define IDLE_NS 1000000000 /* the same, if it does not work */
#define IDLE 0.02          /* of a CPU: no work */

uint64_t
pace_period(unsigned i)
{
	if (i < 2)
		return i + 1;
	return i % 2 ? 1ULL << (i + 1) / 2 : 3ULL << (i / 2 - 1);
}

/* Returns the shortest period that is not shorter than this. */
static uint64_t
round_up(double period)
{
	unsigned i = 0;

	while (i < PACE_PERIODS - 1 && (double)pace_period(i) < period)
		i++;
	return pace_period(i);
}

static double
max_of(double a, double b)
{
	return a > b ? a : b;
}

/* What has happened between two looks, by time. */
struct rates {
	double seconds;
	double cpu;          /* ns */
	double bytes, hits;  /* by ns of CPU time that hits have not taken */
	double load;         /* share of the CPU time that they have */
	double samples;      /* by second */
	double by_sample;    /* hits by sample */
};

static void
compare(const struct pace *p, const struct pace_look *from, const struct pace_look *to,
    struct rates *out)
{
	double samples = (double)(to->sampled - from->sampled);
	double hits = samples + (double)(to->freed - from->freed);
	double cost = hits * p->hit_ns, own;

	out->seconds = (double)(to->time - from->time) / 1e9;
	out->cpu = (double)(to->cpu - from->cpu);
	own = max_of(out->cpu - cost, out->cpu / 3);
	out->bytes = own > 0 ? (double)(to->bytes - from->bytes) / own : 0;
	out->hits = own > 0 ? hits / own : 0;
	out->load = out->cpu > 0 ? cost / out->cpu : 0;
	out->samples = out->seconds > 0 ? samples / out->seconds : 0;
	out->by_sample = samples > 0 && hits < 2 * samples ? hits / samples : 2;
}

/* Returns the period that all limits allow for sure, whatever sizes the blocks have. */
static double
safe_period(const struct pace *p, const struct rates *r, double bytes_s)
{
	double budget = r->bytes * r->by_sample * p->hit_ns / (p->share * AIM);

	return max_of(budget, bytes_s / SAMPLES);
}

static void
set_base(struct pace *p, double period, const struct pace_look *now)
{
	uint64_t rounded = round_up(period);

	if (rounded != p->base)
		p->tick = 0;
	p->base = p->period = rounded;
	p->since = *now;
}

void
pace_begin(struct pace *p, const struct pace_look *from, const struct pace_look *to)
{
	struct rates r;

	p->hit_ns = p->trap_ns + p->entry_ns;
	p->below = NOISE * NOISE / (p->hit_ns * p->hit_ns);
	p->above = p->below * p->hit_ns;
	p->noise = NOISE * NOISE;
	compare(p, from, to, &r);
	p->last = *to;
	set_base(p, safe_period(p, &r, r.seconds > 0
	        ? (double)(to->bytes - from->bytes) / r.seconds : 0), to);
}

void
pace_restart(struct pace *p, const struct pace_look *now)
{
	p->last = p->since = *now;
}

void
pace_allow(struct pace *p, uint64_t live)
{
	if (p->base * (uint64_t)LIVING < live)
		set_base(p, (double)live / LIVING, &p->last);
}

/* ---- what a hit costs -------------------------------------------------- */

/* Returns the variance of the speed of ticks with the same period. */
static double
noise_of(const struct pace *p)
{
	double a = p->speed[0] - p->speed[3], b = p->speed[1] - p->speed[2];
	double mean = (p->speed[0] + p->speed[1] + p->speed[2] + p->speed[3]) / 4;

	return (a * a + b * b) / 4 / max_of(mean * mean, 1e-12);
}

/*
 * With a speed of s bytes by ns and h hits by ns, s = s0 (1 - hit_ns h).  Of two loads of
 * hits follows hit_ns = (1 - q) / (h1 - q h2) with q = s1 / s2.  This is a line through 0,
 * found by least squares; where it begins stands for a measurement, too.  One counts by how
 * steadily the process went on.
 */
static void
calibrate(struct pace *p)
{
	double q = (p->speed[0] + p->speed[3]) / max_of(p->speed[1] + p->speed[2], 1e-12);
	double x = (p->load[0] + p->load[3]) / 2 - q * (p->load[1] + p->load[2]) / 2, weight;

	p->noise = p->noise * 0.8 + noise_of(p) * 0.2;
	if (q < 0.5 || q > 1.5 || x <= 0) /* it does something else now */
		return;
	weight = NOISE * NOISE / max_of(p->noise, NOISE * NOISE / 10);
	p->above = p->above * FORGET + weight * (1 - q) * x;
	p->below = p->below * FORGET + weight * x * x;
	p->hit_ns = p->above / p->below;
	if (p->hit_ns < p->trap_ns)
		p->hit_ns = p->trap_ns;
	if (p->hit_ns > HIT_MOST_NS)
		p->hit_ns = HIT_MOST_NS;
}

/* Go on with a measurement by what has happened in a tick, which lasts until the process has
 * worked for a while.  Returns 0 if it is over. */
static int
measure(struct pace *p, const struct pace_look *now, uint64_t is)
{
	double cpu = (double)(now->cpu - p->last.cpu), hits;
	int lasts = now->time < p->last.time + WAIT_NS, over = is != p->period;

	if (cpu < WORKED_NS && lasts && !over)
		return 1;
	over |= cpu < WORKED_NS; /* too little to tell */
	hits = (double)(now->sampled - p->last.sampled + now->freed - p->last.freed);
	p->speed[p->tick - 1] = (double)(now->bytes - p->last.bytes) / max_of(cpu, 1);
	p->load[p->tick - 1] = hits / max_of(cpu, 1);
	if (p->tick == TICKS && !over)
		calibrate(p);
	p->tick = p->tick == TICKS || over ? 0 : p->tick + 1;
	p->period = p->tick == 2 || p->tick == 3 ? p->base * RAISED : p->base;
	if (p->tick) {
		p->last = *now;
		return 1;
	}
	p->again = p->tries < TRIES ? now->time : now->time + TRY_NS;
	if (now->time - p->tried > TRY_NS / 4) /* it takes its time */
		p->again = now->time + 9 * (now->time - p->tried);
	return 0;
}

/* Begin a measurement if it is time for one, and enough is sampled. */
static void
begin_measure(struct pace *p, const struct pace_look *now)
{
	struct rates r;
	double load;

	compare(p, &p->since, now, &r);
	/* By what a hit may cost, not by what it was found to: else a cost that was found to
	 * be too low would never be measured again. */
	load = r.load / p->hit_ns * (p->trap_ns + p->entry_ns);
	if (load < p->share * AIM / 2 || now->sampled < p->since.sampled + FEW ||
	    now->time < p->again)
		return;
	p->tries++;
	p->tried = now->time;
	p->tick = 1;
}

/* ---- the period -------------------------------------------------------- */

/* Choose a shorter period if the last one is paid for easily, even if chance has made
 * samples few. */
static void
shorten(struct pace *p, const struct pace_look *now, double least)
{
	double n = (double)(now->sampled - p->since.sampled), more = n + 2 * sqrt(n) + 2;
	struct rates r;
	double much, cpu;

	compare(p, &p->since, now, &r);
	cpu = max_of(r.cpu, IDLE * r.seconds * 1e9);
	if (r.seconds * 1e9 < (cpu > r.cpu ? IDLE_NS : SETTLE_NS))
		return;
	much = max_of(more * r.by_sample * p->hit_ns / cpu / (p->share * AIM),
	    more / r.seconds / SAMPLES);
	if (much < 0.8 && (double)p->base > least)
		set_base(p, max_of((double)p->base * max_of(much, 1.0 / 16), least), now);
	else if (r.seconds > 1)
		p->since = *now;
}

void
pace_update(struct pace *p, const struct pace_look *now, uint64_t is, uint64_t live)
{
	double least = (double)live / LIVING, much;
	struct rates r;

	if (now->time < p->last.time + PACE_TICK_NS)
		return;
	compare(p, &p->last, now, &r);
	if (p->tick && measure(p, now, is))
		return;
	much = max_of(r.load / (p->share * AIM), r.samples / SAMPLES);
	if (is > p->period) /* the gate has raised it: it was far too short */
		much = max_of(much, 2);
	if (much > 1.3 || (double)p->base < least) {
		double safe = safe_period(p, &r, r.seconds > 0
		        ? (double)(now->bytes - p->last.bytes) / r.seconds : 0);

		set_base(p, max_of(max_of(safe, (double)p->base), least), now);
	} else {
		shorten(p, now, least);
		if (p->period == p->base)
			begin_measure(p, now);
	}
	p->last = *now;
}
