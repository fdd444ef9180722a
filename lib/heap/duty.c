#include "heap/duty.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "heap/arming.h"
#include "heap/probe_plan.h"
#include "os/proc.h"
#include "sample/producer.h"
#include "sample/target.h"

#define SAMPLE_DEFAULT (512U << 10) /* bytes */
#define FEW_HITS 4096       /* in which some dozens are timed */
#define FIRST_PROGRAM_NS 1500
#define RETURN_COST 1.2     /* of a return probe, in hits of other probes */
#define SAMPLED_COST 0.6    /* of probes that pick few calls, beside those that record all */
#define CHECK_NS 2000000000 /* for a self-check, at most */
#define CHECK_CALLS 5000    /* for a self-check, at most */
#define CHECK_LEAST 100     /* calls, to conclude anything */
#define TRIAL_NS 3000000
#define CHECK_ROUND_NS 5000000
#define CHECK_COST 2        /* of a counted call, in hits */
#define CHECK_MOST_NS 2000000 /* that a self-check may cost the process, about */

static pid_t
pid_of(const struct duty *d)
{
	return d->arming->producer->pid;
}

static struct heap *
heap_of(const struct duty *d)
{
	return d->arming->heap;
}

double
duty_cost(const struct duty *d, const struct heap_load *load)
{
	double entered = (double)(load->entries + load->frees);
	double returned = (double)load->returns, program = load->program_ns;

	/* The first ones find nothing in caches, and few are timed. */
	if (entered + returned < FEW_HITS && program > FIRST_PROGRAM_NS)
		program = FIRST_PROGRAM_NS;
	return d->hit_ns * (entered + RETURN_COST * returned) +
	    (entered + returned) * (program + d->entry_ns);
}

/* ---- self-check -------------------------------------------------------- */

void
duty_begin_check(struct duty *d)
{
	const struct probe_plan *plan = d->arming->plan;

	if (plan == NULL || plan->nbelow == 0 || d->arming->no_shims ||
	    heap_compare(heap_of(d), pid_of(d), plan->below, plan->nbelow) < 0)
		return;
	d->check_since = proc_now();
	heap_load(heap_of(d), &d->check_before);
}

/* Probe the functions below the __rust_* ones in place of those. */
static void
leave_shims(struct duty *d)
{
	struct producer *p = d->arming->producer;
	struct target *t = target_find(p->targets, p->pid);
	char why[HEAP_WHY];

	d->arming->no_shims = 1;
	heap_disarm(heap_of(d), p->pid);
	if (t && arming_process(d->arming, t, why, sizeof why) < 0)
		arming_ended(d->arming, why);
}

/* Compare the calls of the functions below with those of the __rust_* functions. */
static void
conclude(struct duty *d, uint64_t below, uint64_t shims)
{
	const struct probe_plan *plan = d->arming->plan;

	if (below < CHECK_LEAST || shims >= below / 2)
		return;
	producer_note(d->arming->producer, "self-check: of %" PRIu64 " allocations that Rust "
	    "code made with %s, only %" PRIu64 " went through __rust_alloc and its siblings%s", below,
	    plan->nbelow ? plan->below[0].function : "malloc", shims,
	    shims >= below / 10 ? ": C code in the same file, or inlined calls"
	                        : ", which are bypassed: from now on the functions below "
	                          "them are probed");
	if (shims < below / 10)
		leave_shims(d);
	else if (d->arming->doubts == 0)
		d->arming->doubts = 1;
}

/* End the self-check, if one is running. */
static void
end_check(struct duty *d)
{
	struct heap_load l;

	if (d->check_since == 0)
		return;
	heap_load(heap_of(d), &l);
	d->check_since = 0;
	heap_compare(heap_of(d), pid_of(d), NULL, 0);
	conclude(d, l.below - d->check_before.below, l.entries - d->check_before.entries);
}

/* End the self-check if it has seen enough. */
static void
check_round(struct duty *d)
{
	struct heap_load l;
	uint64_t below;

	if (d->check_since == 0)
		return;
	heap_load(heap_of(d), &l);
	below = l.below - d->check_before.below;
	if (below >= CHECK_CALLS || proc_now() >= d->check_since + CHECK_NS ||
	    (below >= CHECK_LEAST && (double)below * d->hit_ns * CHECK_COST > CHECK_MOST_NS))
		end_check(d);
}

/* ---- budget ------------------------------------------------------------ */

static struct verdict_look
look(const struct duty *d)
{
	struct heap_load l;

	heap_load(heap_of(d), &l);
	return (struct verdict_look){ proc_now(), proc_cpu(pid_of(d)), duty_cost(d, &l) };
}

/* Count the time that has gone by as covered. */
static void
cover(struct duty *d)
{
	uint64_t now = proc_now();

	if (d->on && d->arming->any)
		d->covered += now - d->since;
	d->since = now;
}

void
duty_hold(struct duty *d)
{
	d->held = proc_now();
}

void
duty_release(struct duty *d)
{
	if (d->held == 0)
		return;
	d->since = proc_now();
	d->covered += d->since - d->held;
	d->held = 0;
}

uint64_t
duty_covered(struct duty *d)
{
	uint64_t covered;

	cover(d);
	covered = d->covered + windows_covered(&d->windows);
	d->covered = 0;
	return covered;
}

/* Begin to look at what the probes cost that are armed now. */
static void
begin_look(struct duty *d)
{
	const struct verdict_look now = look(d);

	verdict_begin(&d->verdict, &now);
}

void
duty_begin(struct duty *d)
{
	heap_rate(heap_of(d), d->period, 1);
	cover(d);
	d->on = 1;
	d->windows.arming = d->arming;
	if (d->percent && !d->settled && !d->windows.census)
		windows_prepare(&d->windows, d->arming->producer->held != 0);
	begin_look(d);
}

/* Probe the process if that was put off until it runs: see struct arming. */
static void
arm_running(struct duty *d)
{
	struct arming *a = d->arming;
	struct target *t = target_find(a->producer->targets, pid_of(d));
	char why[HEAP_WHY];

	if (!a->standing)
		return;
	a->standing = 0;
	if (t && heap_armed(a->heap, t->pid) == 0 && arming_process(a, t, why, sizeof why) > 0)
		duty_begin(d);
}

void
duty_arm(struct duty *d, int code)
{
	struct arming *a = d->arming;
	int waiting = a->waiting;

	arming_new(a, waiting || code);
	if (waiting && !a->waiting && heap_armed(a->heap, pid_of(d))) {
		duty_begin(d);
		duty_begin_check(d);
	}
	arm_running(d);
}

/* Returns what a hit costs a program, on average. */
static double
mean_hit(void *ctx)
{
	const struct duty *d = ctx;
	struct heap_load l;

	heap_load(heap_of(d), &l);
	return d->hit_ns * (2 + RETURN_COST) / 3 + l.program_ns;
}

/* Record allocations in windows of time from now on. */
static int
begin_windows(struct duty *d)
{
	end_check(d);
	cover(d);
	d->on = 0;
	d->period = 0;
	heap_rate(heap_of(d), 0, 1);
	d->windows.arming = d->arming;
	d->windows.share = d->percent / 100.0;
	d->windows.hit = mean_hit;
	d->windows.ctx = d;
	return windows_begin(&d->windows, d->verdict.load);
}

/* Record samples instead of all allocations, by the same probes. */
static void
begin_samples(struct duty *d)
{
	d->period = SAMPLE_DEFAULT;
	heap_rate(heap_of(d), d->period, 1);
	snprintf(d->text, sizeof d->text, "recording all allocations costs more than %u %% of the "
	    "CPU time: from now on one per %u KiB is recorded, and sums are estimates (-s 0 "
	    "records all)", d->percent, SAMPLE_DEFAULT >> 10);
}

/* Choose a cheaper way: to sample inside the process, samples by probes if they can do, else
 * windows.  Returns a sentence for the user, or NULL. */
static const char *
choose_cheaper(struct duty *d)
{
	double share = d->percent / 100.0;
	const char *text = d->period == 0 && d->inside ? d->inside(d->ctx) : NULL;

	if (text)
		return text;
	if (d->period == 0 && !d->fixed && d->verdict.load * SAMPLED_COST < share) {
		begin_samples(d);
	} else {
		if (begin_windows(d) < 0)
			return NULL;
		snprintf(d->text, sizeof d->text, "probes cost more than %u %% of the CPU "
		    "time: from now on allocations are recorded in windows of time, sums are "
		    "estimates, and live memory is told as far as it is known (-I samples "
		    "inside the process, which tells it at less cost; -s 0 records all)",
		    d->percent);
	}
	producer_note(d->arming->producer, "%s", d->text);
	return d->text;
}

/* Compare cost and budget. */
static const char *
budget_round(struct duty *d)
{
	struct verdict_look now;
	const char *text;

	if (!d->arming->any || d->arming->sampled)
		return NULL;
	if (!d->on) {
		windows_round(&d->windows);
		return NULL;
	}
	if (d->settled || d->percent == 0)
		return NULL;
	now = look(d);
	if (!verdict_is_over(&d->verdict, &now, d->percent / 100.0))
		return NULL;
	text = choose_cheaper(d);
	begin_look(d);
	return text;
}

const char *
duty_round(struct duty *d)
{
	check_round(d);
	return budget_round(d);
}

const char *
duty_try(struct duty *d)
{
	const struct timespec trial = { 0, TRIAL_NS };

	nanosleep(&trial, NULL);
	return duty_round(d);
}

uint64_t
duty_due(const struct duty *d, uint64_t round)
{
	uint64_t now = proc_now(), due = now + (d->check_since ? CHECK_ROUND_NS : round);

	if (d->on && !d->settled && d->percent && verdict_due(&d->verdict, now) < due)
		due = verdict_due(&d->verdict, now);
	return d->windows.begun && d->windows.due < due ? d->windows.due : due;
}
