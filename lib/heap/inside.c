#include "heap/inside.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gate/abi.h"
#include "gate/heirs.h"
#include "gate/tally.h"
#include "heap/arming.h"
#include "heap/consent.h"
#include "heap/duty.h"
#include "heap/heap.h"
#include "heap/probe_plan.h"
#include "os/proc.h"
#include "sample/producer.h"
#include "sample/target.h"

#define START_NS 3000000 /* between looks whether the process has started */
#define CHILD_TICK_NS 200000000 /* there may be many */
#define TRIAL_NS 5000000 /* in which nothing is sampled, to measure the rate */
#define STACK (32 << 10) /* bytes of stack that are copied with a sample, without probes */
#define GONE "it has ended"
#define OWN "it has an allocator of its own, which is not called by slots"
#define TWICE 16       /* blocks that were allocated twice, to conclude anything */
#define TWICE_SHARE 200 /* one in so many samples */
#define KEPT 1000     /* live blocks that are followed, about */
#define ALLOC_NS 1000 /* a call takes, and what the process does with it */
#define COMPARED 16   /* blocks, to see whether they are recorded */
#define COMPARE_NS 60000000   /* of the process' CPU time for that, at most */
#define COMPARE_MOST_MS 2000  /* and of time, while it has no CPU */

static pid_t
pid_of(const struct inside *in)
{
	return in->pid;
}

static struct heap *
heap_of(const struct inside *in)
{
	return in->arming->heap;
}

/* ---- the period -------------------------------------------------------- */

/* Read what the gate has counted.  Returns -1 if the process is gone. */
static int
look(const struct inside *in, struct pace_look *out, struct tally *tally)
{
	if (tally_read(pid_of(in), in->gate.base, tally) < 0)
		return -1;
	*out = (struct pace_look){ proc_now(), proc_cpu(pid_of(in)), tally->count.bytes,
		tally->count.sampled, tally->count.freed };
	return 0;
}

/* Tell the kernel all periods that there may be: a sample says which one it had. */
static void
name_periods(const struct inside *in)
{
	for (unsigned i = 0; i < PACE_PERIODS; i++)
		heap_rate(heap_of(in), pace_period(i), 1);
}

/* Choose the first period, by what the process does while nothing is sampled.  Returns
 * NULL, or the reason against it. */
static const char *
try_pace(struct inside *in)
{
	const struct timespec trial = { 0, TRIAL_NS };
	struct pace_look from, to;
	struct tally tally;

	in->pace = (struct pace){ .share = in->duty->percent / 100.0, .trap_ns = in->duty->hit_ns,
		.entry_ns = heap_has_probes(heap_of(in)) ? PACE_ENTRY_NS : 0 };
	if (look(in, &from, &tally) < 0)
		return GONE;
	if (!in->child) /* that stands */
		nanosleep(&trial, NULL);
	if (look(in, &to, &tally) < 0)
		return GONE;
	pace_begin(&in->pace, &from, &to);
	in->due = to.time + PACE_TICK_NS;
	return guard_set_limit(&in->guard, PACE_LIMIT);
}

/* Note that live memory is told too high, if frees were missed. */
static void
check_missed(struct inside *in, const struct tally *tally)
{
	if (in->missed || tally->count.twice < TWICE ||
	    tally->count.twice * TWICE_SHARE < tally->count.sampled)
		return;
	in->missed = 1;
	producer_note(in->arming->producer, "the frees of some sampled blocks are missed: code "
	    "that is not led through the gate frees them, so live memory is estimated too high");
}

static void
on_tick(struct inside *in)
{
	struct heap_load load;
	struct pace_look now;
	struct tally tally;

	if (look(in, &now, &tally) < 0)
		return;
	check_missed(in, &tally);
	if (!in->paced)
		return;
	pace_update(&in->pace, &now, tally.period, heap_live(heap_of(in), pid_of(in)));
	if (tally.period != in->pace.period)
		guard_set_period(&in->guard, in->pace.period);
	if (in->child)
		return;
	heap_load(heap_of(in), &load);
	in->duty->entry_ns = in->pace.hit_ns - in->pace.trap_ns - load.program_ns;
	if (in->duty->entry_ns < 0)
		in->duty->entry_ns = 0;
}

/* ---- beginning --------------------------------------------------------- */

/* Arm the gate's places for probes, or open its ring. */
static int
arm_gate(struct inside *in)
{
	const struct guard_gate *g = &in->gate;
	char file[64];
	const struct heap_gate places = { .file = file, .sampled = g->sampled - g->base,
		.freed = g->freed - g->base, .ring = g->ring };
	int got;

	snprintf(file, sizeof file, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64,
	    (int)pid_of(in), g->base, g->base + GATE_CODE);
	got = heap_arm_gate(heap_of(in), pid_of(in), &places);
	if (g->ring >= 0)
		close(g->ring);
	return got;
}

/* Start the guard of the process.  Returns NULL, or the reason against it. */
static const char *
start_guard(struct inside *in)
{
	const struct guard_options o = { .all_callers = in->arming->all_callers,
		.ring = !heap_has_probes(heap_of(in)), .stack = STACK,
		.followed = in->arming->producer->children };
	char path[PATH_MAX];

	guard_stop(&in->guard);
	if (proc_sibling(path, "rsprof-guard") < 0 ||
	    guard_start(&in->guard, path, pid_of(in), &o) < 0)
		return errno == ENOENT ? "rsprof-guard is not where rsprof-heap is"
		                       : "rsprof-guard cannot be started";
	return NULL;
}

/* Lead the process through a gate that samples nothing.  Returns NULL, or the reason
 * against it. */
static const char *
lead(struct inside *in)
{
	const char *why = in->held ? NULL : start_guard(in);

	in->held = in->ready = 0;
	if (why == NULL)
		why = guard_attach(&in->guard, GATE_OFF, &in->gate);
	if (why == NULL && arm_gate(in) < 0)
		why = heap_has_probes(heap_of(in)) ? "probes at the gate are refused"
		                                   : "its ring cannot be read";
	if (in->child)
		return why;
	name_periods(in);
	heap_rate(heap_of(in), in->duty->period, 1);
	return why;
}

/* Keep the reason why it cannot be, and leave the process as it was. */
static void
give_up(struct inside *in, const char *why)
{
	snprintf(in->why, sizeof in->why, "%s", why);
	guard_stop(&in->guard);
	heap_by_gate(heap_of(in), pid_of(in), 0);
	heap_disarm_gate(heap_of(in), pid_of(in));
	in->ready = 0;
}

/* Sample from now on.  Returns NULL, or the reason against it. */
static const char *
begin(struct inside *in)
{
	const char *why = lead(in);

	if (why)
		return why;
	in->paced = in->period == 0;
	in->due = proc_now() + PACE_TICK_NS;
	in->pace.period = in->period;
	why = in->paced ? try_pace(in) : NULL;
	if (!in->child)
		heap_rate(heap_of(in), in->pace.period, 1);
	heap_by_gate(heap_of(in), pid_of(in), 1);
	return why ? why : guard_set_period(&in->guard, in->pace.period);
}

/* Emit a note about what is recorded from now on. */
static void
note_begin(const struct inside *in)
{
	struct producer *p = in->arming->producer;

	if (in->paced)
		producer_note(p, "allocations are sampled inside the process, at the rate that %u "
		    "%% of its CPU time pays for: sums are estimates", in->duty->percent);
	else
		producer_note(p, "allocations are sampled inside the process, one per %" PRIu64
		    " bytes: sums are estimates", in->period);
}

/* Take the choice of what is recorded away from duty, which would open windows. */
static void
hold_duty(struct inside *in)
{
	struct duty *d = in->duty;

	d->period = in->pace.period;
	d->fixed = 1;
	d->settled = 1;
	duty_begin(d);
}

static void
release_duty(struct inside *in)
{
	struct duty *d = in->duty;

	d->period = in->period;
	d->fixed = in->fixed;
	d->settled = 0;
	d->entry_ns = 0;
}

/* Remember what duty does without the gate. */
static void
keep_duty(struct inside *in)
{
	in->period = in->duty->period;
	in->fixed = in->duty->fixed;
}

/* Returns why slots do not lead to all that the process allocates by; NULL: nothing speaks
 * against it, or there is nothing better. */
static const char *
other_allocator(const struct inside *in)
{
	const struct probe_plan_options o = { .no_shims = 1 };
	char text[HEAP_WHY];
	struct probe_plan *plan = probe_plan_of_process(pid_of(in), &o, text, sizeof text);
	int own = plan && plan->own;

	probe_plan_free(plan);
	if (own && !heap_has_probes(heap_of(in)))
		arming_doubt(in->arming);
	return own && heap_has_probes(heap_of(in)) ? OWN : NULL;
}

int
inside_begin(struct inside *in)
{
	const char *why;

	if (!in->wanted)
		return 0;
	keep_duty(in);
	why = other_allocator(in);
	if (why == NULL)
		why = begin(in);
	if (why) {
		give_up(in, why);
		producer_note(in->arming->producer, "allocations are not sampled inside the "
		    "process: %s; they are %s", in->why,
		    heap_has_probes(heap_of(in)) ? "probed" : "not recorded");
		snprintf(in->arming->why, sizeof in->arming->why, "%s", in->why);
		return 0;
	}
	note_begin(in);
	in->arming->any = 1;
	hold_duty(in);
	return 1;
}

/* ---- in place of probes ------------------------------------------------ */

int
inside_arm(struct inside *in, const struct target *t, char *why, size_t size)
{
	struct arming *a = in->arming;
	const char *refused;
	int n = -1;

	a->no_shims = !in->never && in->duty->percent;
	if (a->no_shims)
		n = arming_process(a, t, why, size);
	if (n > 0 && a->plan->own) {
		give_up(in, OWN);
		heap_disarm_functions(heap_of(in), t->pid);
		n = 0;
	}
	if (n <= 0) {
		a->no_shims = 0;
		return arming_process(a, t, why, size);
	}
	keep_duty(in);
	refused = lead(in);
	if (refused)
		give_up(in, refused);
	in->ready = refused == NULL;
	return n;
}

static void
sleep_ms(unsigned n)
{
	const struct timespec t = { 0, n * 1000000L };

	nanosleep(&t, NULL);
}

/* Compare what the gate samples with what is recorded, and measure the rate of allocation
 * meanwhile.  Returns NULL, or the reason why they are not the same. */
static const char *
compare(struct inside *in, struct pace_look *from, struct pace_look *to)
{
	uint64_t seen, known, seen_before, known_before;
	struct heap_load before, after;
	struct tally tally;
	double own, least;

	heap_gate_seen(heap_of(in), &seen_before, &known_before);
	heap_load(heap_of(in), &before);
	if (look(in, from, &tally) < 0 || guard_set_period(&in->guard, 1))
		return GONE;
	for (unsigned ms = 0; ms < COMPARE_MOST_MS; ms++) {
		sleep_ms(1);
		heap_gate_seen(heap_of(in), &seen, &known);
		if (seen - seen_before >= COMPARED && ms >= 2)
			break;
		if (proc_cpu(pid_of(in)) - from->cpu >= COMPARE_NS)
			break;
	}
	heap_load(heap_of(in), &after);
	if (look(in, to, &tally) < 0)
		return GONE;
	/* What the process itself has done can hardly be told from the probes' cost.  It is
	 * rather told too much: a period that is too short does not last. */
	own = (double)(to->cpu - from->cpu) - duty_cost(in->duty, &after) +
	    duty_cost(in->duty, &before);
	least = (double)(after.entries - before.entries) * ALLOC_NS;
	to->cpu = from->cpu + (uint64_t)(own > least ? own : least);
	seen -= seen_before;
	known -= known_before;
	return seen == 0 || known * 10 < seen * 9
	    ? "what is probed is not what could be sampled there"
	    : NULL;
}

/* Thin the blocks that live by a period, and have the gate follow those that are kept, but
 * not those that are freed meanwhile. */
static const char *
thin(struct inside *in, uint64_t period)
{
	const char *why;
	uint64_t *block;
	size_t n;

	if (heap_thin(heap_of(in), pid_of(in), period, &block, &n) < 0) {
		free(block);
		return "memory is short";
	}
	why = guard_follow(&in->guard, block, n, 0);
	n = heap_gone(heap_of(in), pid_of(in), block, n);
	if (why == NULL)
		why = guard_follow(&in->guard, block, n, 1);
	free(block);
	return why;
}

/* Returns the period by which live blocks are thinned: as a rule a shorter one than that of
 * samples, since they are counted only once. */
static uint64_t
thinning_period(const struct inside *in, uint64_t live)
{
	unsigned i = 0;

	while (pace_period(i) < in->pace.period && pace_period(i) * KEPT < live)
		i++;
	return pace_period(i);
}

/* Sample in place of recording all.  Probes of frees stay until the gate follows what lives,
 * and blocks that were allocated at the moment of the change are thinned then. */
static const char *
change(struct inside *in)
{
	struct pace_look from, to;
	struct tally tally;
	uint64_t live = heap_live(heap_of(in), pid_of(in));
	const char *why = compare(in, &from, &to);

	if (why)
		return why;
	in->pace = (struct pace){ .share = in->duty->percent / 100.0,
		.trap_ns = in->duty->hit_ns };
	in->paced = 1;
	pace_begin(&in->pace, &from, &to);
	pace_allow(&in->pace, live);
	if ((why = guard_set_limit(&in->guard, PACE_LIMIT)) ||
	    (why = guard_set_period(&in->guard, in->pace.period)))
		return why;
	heap_by_gate(heap_of(in), pid_of(in), 1);
	for (int i = 0; i < 2; i++) {
		sleep_ms(1);
		why = thin(in, thinning_period(in, live));
		if (why)
			return why;
	}
	heap_rate(heap_of(in), in->pace.period, 1);
	if (look(in, &to, &tally) < 0)
		return GONE;
	pace_restart(&in->pace, &to);
	in->due = to.time + PACE_TICK_NS;
	return NULL;
}

const char *
inside_take_over(void *inside)
{
	struct inside *in = inside;
	struct producer *p = in->arming->producer;
	const char *why = NULL;

	if (in->ready && guard_has_ended(&in->guard, &why))
		why = why ? why : "rsprof-guard has ended";
	else if (in->ready)
		why = change(in);
	if (why)
		give_up(in, why);
	if (!in->ready) {
		if (in->why[0])
			producer_note(p, "allocations are not sampled inside the process: %s",
			    in->why);
		in->why[0] = '\0';
		return NULL;
	}
	heap_disarm_functions(heap_of(in), pid_of(in));
	heap_compare(heap_of(in), pid_of(in), NULL, 0);
	in->ready = 0;
	hold_duty(in);
	snprintf(in->text, sizeof in->text, "recording all allocations costs more than %u %% of "
	    "the CPU time: from now on they are sampled inside the process, as many as that pays "
	    "for, and sums are estimates (-P keeps out of it, -s 0 records all)",
	    in->duty->percent);
	producer_note(p, "%s", in->text);
	return in->text;
}

const char *
inside_run_to_start(struct inside *in)
{
	const char *why = start_guard(in);

	if (why == NULL)
		why = guard_run_to_start(&in->guard);
	if (why == NULL)
		return NULL;
	snprintf(in->why, sizeof in->why, "%s", why);
	guard_stop(&in->guard);
	return in->why;
}

int
inside_has_started(struct inside *in)
{
	const char *why;
	int got = guard_has_started(&in->guard, &why);

	in->held = got > 0;
	if (got < 0) {
		snprintf(in->why, sizeof in->why, "%s", why);
		guard_stop(&in->guard);
	}
	return got;
}

int
inside_is_on(const struct inside *in)
{
	return in->guard.fd >= 0 && !in->guard.starting && !in->held && !in->ready && !in->over;
}

/* ---- while it is on ---------------------------------------------------- */

/* Change over from probes, while it is recorded; a note says whether it could be. */
static void
change_over(struct inside *in)
{
	struct target *t = target_find(in->arming->producer->targets, pid_of(in));
	char why[HEAP_WHY];

	if (inside_is_on(in) || t == NULL)
		return;
	in->duty->check_since = 0;
	arming_remove(in->arming);
	in->wanted = 1;
	if (inside_begin(in))
		return;
	if (arming_process(in->arming, t, why, sizeof why) < 0)
		arming_ended(in->arming, why);
	duty_begin(in->duty);
}

/* Without probes: take over the gate that nobody holds, or map one into the program that
 * the process executes now. */
static void
begin_again(struct inside *in)
{
	producer_note(in->arming->producer, "nobody holds the gate in the process any more, or "
	    "it executes another program: what it has allocated is not followed any more, and "
	    "some allocations are missing");
	arming_doubt(in->arming);
	inside_begin(in);
}

/* Go on with probes, or without, for a reason; NULL: only its guard has gone. */
static void
leave(struct inside *in, const char *ended)
{
	struct producer *p = in->arming->producer;
	struct target *t = target_find(p->targets, p->pid);
	int lives = t && !proc_has_ended(p->pid), probes = heap_has_probes(heap_of(in));
	char why[HEAP_WHY];

	if (lives && probes) {
		producer_note(p, "%s: allocations are probed from now on, and some are missing",
		    ended ? ended : "nobody holds the gate in the process any more");
		arming_doubt(in->arming);
	} else if (lives && ended) {
		arming_ended(in->arming, ended);
	}
	in->over = !lives && p->children;
	if (in->over)
		return;
	guard_stop(&in->guard);
	if (!lives)
		return;
	release_duty(in);
	heap_disarm(heap_of(in), p->pid);
	heap_by_gate(heap_of(in), p->pid, 0);
	if (!probes) {
		if (ended == NULL)
			begin_again(in);
		return;
	}
	heap_rate(heap_of(in), in->period, 1);
	if (arming_process(in->arming, t, why, sizeof why) < 0)
		arming_ended(in->arming, why);
}

void
inside_round(struct inside *in)
{
	const char *why;

	if (consent_given(&in->asked))
		change_over(in);
	if (!inside_is_on(in))
		return; /* inside_take_over() will see */
	if (guard_has_ended(&in->guard, &why)) {
		leave(in, why);
	} else if (proc_now() >= in->due) {
		in->due = proc_now() + PACE_TICK_NS;
		on_tick(in);
	}
}

uint64_t
inside_due(const struct inside *in)
{
	if (in->guard.starting)
		return proc_now() + START_NS;
	return inside_is_on(in) && in->paced ? in->due : UINT64_MAX;
}

/* ---- child processes ---------------------------------------------------- */

/* Hold the copy of a gate by which a forked process goes on.  Returns NULL, or the reason against
 * it. */
static const char *
adopt(struct inside *in, const struct inside *root, uint64_t base)
{
	struct pace_look now;
	struct tally tally;
	const char *why = tally_read(in->pid, base, &tally) < 0 ? GONE : start_guard(in);

	in->pace = root->pace;
	in->paced = root->paced;
	in->pace.tick = 0;
	in->pace.period = tally.period < GATE_OFF || !in->paced ? tally.period : root->pace.period;
	if (!in->paced)
		in->pace.period = root->pace.period;
	in->pace.base = in->pace.period;
	if (why == NULL)
		why = guard_attach(&in->guard, in->pace.period, &in->gate);
	if (why == NULL && arm_gate(in) < 0)
		why = "probes at the gate are refused";
	if (why == NULL && in->paced)
		why = guard_set_limit(&in->guard, PACE_LIMIT);
	if (why == NULL && look(in, &now, &tally) < 0)
		why = GONE;
	if (why == NULL)
		pace_restart(&in->pace, &now);
	return why;
}

const char *
inside_begin_child(struct inside *in, const struct inside *root, pid_t pid, int forked)
{
	uint64_t base = forked ? heirs_find(pid, NULL) : 0;
	const char *why = NULL;

	*in = (struct inside){ .arming = root->arming, .duty = root->duty, .pid = pid, .child = 1,
		.asked = -1, .guard.fd = -1, .period = root->period };
	if (forked && base == 0)
		return "it has no gate";
	if (!forked)
		why = other_allocator(in);
	if (why == NULL)
		why = forked ? adopt(in, root, base) : begin(in);
	if (why)
		give_up(in, why);
	else
		in->arming->any = 1;
	in->due = proc_now() + PACE_TICK_NS;
	return why ? in->why : NULL;
}

int
inside_round_child(struct inside *in, const char **why)
{
	*why = NULL;
	if (guard_has_ended(&in->guard, why))
		return -1;
	if (proc_now() >= in->due) {
		in->due = proc_now() + CHILD_TICK_NS;
		on_tick(in);
	}
	return 0;
}

void
inside_end(struct inside *in)
{
	guard_stop(&in->guard);
}
