#include "heap/duty.h"

#include <inttypes.h>
#include <stdio.h>

#include "heap/arming.h"
#include "heap/probe_plan.h"
#include "os/proc.h"
#include "sample/producer.h"
#include "sample/target.h"

#define SAMPLE_DEFAULT (512U << 10) /* bytes */
#define RETURN_COST 1.2     /* of a return probe, in hits of other probes */
#define LOOK_NS 500000000   /* between two comparisons of cost and budget */
#define CHECK_NS 2000000000 /* for a self-check, at most */
#define CHECK_CALLS 5000    /* for a self-check, at most */
#define CHECK_LEAST 100     /* calls, to conclude anything */
#define CHECK_ROUND_NS 10000000

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
	double returned = (double)load->returns;

	return d->hit_ns * (entered + RETURN_COST * returned) +
	    (entered + returned) * (load->program_ns + d->entry_ns);
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
	if (t == NULL || arming_process(d->arming, t, why, sizeof why) < 0)
		producer_note(p, "nothing is probed any more: %s",
		    t ? why : "the process has ended");
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

	if (d->check_since == 0)
		return;
	heap_load(heap_of(d), &l);
	if (l.below - d->check_before.below >= CHECK_CALLS ||
	    proc_now() >= d->check_since + CHECK_NS)
		end_check(d);
}

/* ---- budget ------------------------------------------------------------ */

/* Begin to measure what probes cost. */
static void
open_look(struct duty *d)
{
	struct heap_load l;

	heap_load(heap_of(d), &l);
	d->look = (struct duty_look){ .since = proc_now(), .cpu = proc_cpu(pid_of(d)),
		.cost = duty_cost(d, &l) };
}

/* Count the time since then as covered, and update the budget with what it has cost. */
static void
close_look(struct duty *d)
{
	uint64_t now = proc_now(), cpu = proc_cpu(pid_of(d));
	struct heap_load l;
	double cost;

	heap_load(heap_of(d), &l);
	cost = duty_cost(d, &l) - d->look.cost;
	d->covered += now - d->look.since;
	budget_update(&d->budget, now - d->look.since,
	    cpu > d->look.cpu ? cpu - d->look.cpu : 0, cost > 0 ? (uint64_t)cost : 0);
}

uint64_t
duty_covered(struct duty *d)
{
	uint64_t covered;

	if (d->on && d->arming->any) {
		close_look(d);
		open_look(d);
	}
	covered = d->covered + windows_covered(&d->windows);
	d->covered = 0;
	return covered;
}

void
duty_begin(struct duty *d)
{
	heap_rate(heap_of(d), d->period, 1);
	d->on = 1;
	d->windows.arming = d->arming;
	if (d->percent && !d->settled && !d->windows.census)
		windows_prepare(&d->windows, d->arming->producer->held != 0);
	open_look(d);
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
	d->on = 0;
	d->period = 0;
	heap_rate(heap_of(d), 0, 1);
	d->windows.arming = d->arming;
	d->windows.share = d->percent / 100.0;
	d->windows.hit = mean_hit;
	d->windows.ctx = d;
	return windows_begin(&d->windows, d->budget.load);
}

/* Choose a cheaper way if the budget is exceeded: samples, then windows.  Returns a
 * sentence for the user, or NULL. */
static const char *
choose_cheaper(struct duty *d)
{
	if (d->settled || d->percent == 0 || d->budget.load <= d->percent / 100.0)
		return NULL;
	if (d->period == 0 && !d->fixed) {
		d->period = SAMPLE_DEFAULT;
		heap_rate(heap_of(d), d->period, 1);
		d->budget.load = 0;
		snprintf(d->text, sizeof d->text, "recording all allocations costs more "
		    "than %u %% of the CPU time: from now on one per %u KiB is recorded, and "
		    "sums are estimates (-s 0 records all)", d->percent, SAMPLE_DEFAULT >> 10);
	} else {
		if (begin_windows(d) < 0)
			return NULL;
		snprintf(d->text, sizeof d->text, "probes cost more than %u %% of the CPU "
		    "time: from now on allocations are recorded in windows of time, sums are "
		    "estimates, and live memory is told as far as it is known (-I samples "
		    "inside the process, which tells it; -s 0 records all)", d->percent);
	}
	producer_note(d->arming->producer, "%s", d->text);
	return d->text;
}

/* Compare cost and budget when it is time. */
static const char *
budget_round(struct duty *d)
{
	const char *text;

	if (!d->arming->any || d->arming->sampled)
		return NULL;
	if (!d->on) {
		windows_round(&d->windows);
		return NULL;
	}
	if (proc_now() < d->look.since + LOOK_NS)
		return NULL;
	close_look(d);
	text = choose_cheaper(d);
	if (d->on)
		open_look(d);
	return text;
}

const char *
duty_round(struct duty *d)
{
	check_round(d);
	return budget_round(d);
}

uint64_t
duty_due(const struct duty *d, uint64_t round)
{
	uint64_t due = proc_now() + (d->check_since ? CHECK_ROUND_NS : round);

	return d->windows.begun && d->windows.due < due ? d->windows.due : due;
}
