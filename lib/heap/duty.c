#include "heap/duty.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "heap/arming.h"
#include "heap/probe_plan.h"
#include "os/proc.h"
#include "sample/producer.h"
#include "sample/target.h"

#define SAMPLE_DEFAULT (512U << 10) /* bytes */
#define RETURN_COST 1.2     /* of a return probe, in hits of other probes */
#define LOOK_NS 500000000   /* between two comparisons of cost and budget */
#define SCALE_STEP 0.025    /* of logarithms of scales: the kernel has room for few */
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

/* ---- windows ----------------------------------------------------------- */

/* Open a window without an end. */
static void
open_window(struct duty *d)
{
	struct heap_load l;

	heap_load(heap_of(d), &l);
	d->window = (struct duty_window){ .since = proc_now(), .until = UINT64_MAX,
		.cpu = proc_cpu(pid_of(d)), .cost = duty_cost(d, &l) };
}

/* Count the time since the window was opened as covered, and update the budget with
 * what it has cost. */
static void
close_window(struct duty *d)
{
	uint64_t now = proc_now(), cpu = proc_cpu(pid_of(d));
	struct heap_load l;
	double cost;

	heap_load(heap_of(d), &l);
	cost = duty_cost(d, &l) - d->window.cost;
	d->covered += now - d->window.since;
	budget_update(&d->budget, now - d->window.since,
	    cpu > d->window.cpu ? cpu - d->window.cpu : 0, cost > 0 ? (uint64_t)cost : 0);
}

uint64_t
duty_covered(struct duty *d)
{
	uint64_t covered, until = d->window.until;

	if (d->on && d->arming->any) {
		close_window(d);
		open_window(d);
		d->window.until = until;
	}
	covered = d->covered;
	d->covered = 0;
	return covered;
}

/* Let each recorded allocation stand for scale ones from now on. */
static void
set_scale(struct duty *d, double scale)
{
	heap_rate(heap_of(d), d->period, exp(round(log(scale) / SCALE_STEP) * SCALE_STEP));
}

/* Arm the probes and open a window.  What is seen in it stands for the time since the
 * last one began, as long as that really was. */
static void
turn_on(struct duty *d)
{
	uint64_t on, off, cycle = proc_now() - d->cycle;

	budget_windows(&d->budget, &on, &off);
	if (off && d->cycle_on)
		set_scale(d, (double)cycle / (double)d->cycle_on);
	else
		set_scale(d, off ? (double)(on + off) / (double)on : 1);
	d->cycle = proc_now();
	arming_restore(d->arming);
	d->cycle_from = proc_now();
	d->on = 1;
	open_window(d);
	if (off)
		d->window.until = d->window.since + on;
}

/* Close the window, and remove the probes until the next one. */
static void
turn_off(struct duty *d)
{
	uint64_t on, off, now;

	end_check(d);
	d->cycle_on = proc_now() - d->cycle_from;
	close_window(d);
	heap_disarm(heap_of(d), pid_of(d));
	budget_windows(&d->budget, &on, &off);
	now = proc_now();
	d->on = 0;
	d->window = (struct duty_window){ .since = now, .until = now + off };
}

void
duty_begin(struct duty *d)
{
	turn_on(d);
}

/* Choose a cheaper way if the budget is exceeded: samples, then windows.  Returns a
 * sentence for the user, or NULL. */
static const char *
choose_cheaper(struct duty *d)
{
	if (d->fixed || d->budget.load <= d->percent / 100.0 || d->budget.share > 0)
		return NULL;
	if (d->period == 0) {
		d->period = SAMPLE_DEFAULT;
		set_scale(d, 1);
		d->budget.load = 0;
		snprintf(d->text, sizeof d->text, "recording all allocations costs more "
		    "than %u %% of the CPU time: from now on one per %u KiB is recorded, and "
		    "sums are estimates (-s 0 records all)", d->percent, SAMPLE_DEFAULT >> 10);
	} else {
		d->period = 0;
		d->budget.share = d->percent / 100.0;
		snprintf(d->text, sizeof d->text, "samples cost more than %u %% of the CPU "
		    "time too: from now on allocations are recorded in windows of time, sums "
		    "are estimates, and live memory may be far off (-I samples inside the "
		    "process, which tells it; -s 0 records all)", d->percent);
	}
	producer_note(d->arming->producer, "%s", d->text);
	return d->text;
}

/* Open and close windows when it is time.  Time without probes costs nothing. */
static const char *
budget_round(struct duty *d)
{
	uint64_t on, off, now = proc_now();
	const char *text;

	if (!d->arming->any)
		return NULL;
	if (!d->on) {
		if (now >= d->window.until)
			turn_on(d);
		return NULL;
	}
	if (now < d->window.until && now < d->window.since + LOOK_NS)
		return NULL;
	close_window(d);
	text = choose_cheaper(d);
	budget_windows(&d->budget, &on, &off);
	open_window(d);
	if (off)
		turn_off(d);
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

	return d->window.until < due ? d->window.until : due;
}
