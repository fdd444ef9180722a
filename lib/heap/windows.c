#include "heap/windows.h"

#include <math.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "heap/arena.h"
#include "heap/arming.h"
#include "heap/census.h"
#include "heap/heap.h"
#include "heap/probe_plan.h"
#include "os/proc.h"
#include "sample/producer.h"
#include "sample/target.h"

#define PERIOD_NS 100000000 /* from one window to the next, on average */
#define MARGIN 0.7          /* of the budget: arming disturbs a process as well */
#define CPU_LEAST 100000    /* ns of CPU time in a window, at least */
#define STEP_NS 50000       /* between two looks at that */
#define LENGTH_MOST 40000000
#define CALL_NS 15          /* what a call takes at least, with its free, without probes */
#define COST_LOW 0.75       /* the cost that is estimated may be wrong by so much */
#define COST_HIGH 1.4
#define COST_STEPPED 25     /* where an instruction is executed alone, and hits were not timed */
#define SLACK_GOOD 1.5
#define SLACK_SHORT 3       /* of a window that is too short to tell */
#define BESIDE_NS 100000    /* of a window that may go to waking up and the like */
#define HIT_LOW 0.75        /* what a hit takes, compared with one of this program */
#define HIT_SURE 1.2        /* at least a share of COST_LOW of so much, whatever calls show */
#define HIT_HIGH 8
#define HIT_STEPPED 60      /* the same, where an instruction is executed alone */
#define SETTLE_NS 30000000  /* from the end of a window to its last calls, at most */
#define WAIT_MOST 1e10      /* ns from one window to the next */
#define SMOOTH 0.5

static pid_t
pid_of(const struct windows *w)
{
	return w->arming->producer->pid;
}

static struct heap *
heap_of(const struct windows *w)
{
	return w->arming->heap;
}

static void
on_call(void *ctx, const struct heap_logged *call)
{
	census_call(ctx, call);
}

struct adopting {
	const struct windows *windows;
	pid_t pid;
};

static void
on_living(void *ctx, const struct heap_living *block)
{
	const struct adopting *a = ctx;

	if (block->pid == a->pid)
		census_adopt(a->windows->census, block);
}

/* Probe malloc(3) and so on in place of the __rust_* functions, so that what C code
 * allocates is seen as well: the allocator's state has all of it. */
static void
leave_shims(struct windows *w)
{
	struct producer *p = w->arming->producer;
	struct target *t = target_find(p->targets, p->pid);
	char why[HEAP_WHY];

	if (w->arena == NULL || t == NULL || w->arming->plan == NULL ||
	    w->arming->plan->nbelow == 0)
		return;
	w->arming->no_shims = w->arming->quiet = 1;
	heap_disarm(heap_of(w), p->pid);
	arming_process(w->arming, t, why, sizeof why);
	w->arming->quiet = 0;
}

/* Returns whether functions are malloc(3) and so on of the C library, and not of what is called
 * by its names. */
static int
are_libcs(const struct probe *probe, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *slash = strrchr(probe[i].path, '/');
		const char *name = slash ? slash + 1 : probe[i].path;

		if (strcmp(probe[i].layer, "rust") == 0)
			continue;
		if (strcmp(probe[i].layer, "libc") != 0 || strncmp(name, "libc", 4) != 0 ||
		    (name[4] != '.' && name[4] != '-'))
			return 0;
	}
	return 1;
}

/* Returns the state of the allocator that is probed, NULL if it is not glibc's: that says
 * nothing of what another one hands out. */
static struct arena *
open_arena(const struct windows *w)
{
	const struct probe_plan *plan = w->arming->plan;

	if (plan && !(are_libcs(plan->probe, plan->nprobe) && are_libcs(plan->below, plan->nbelow)))
		return NULL;
	return arena_open(pid_of(w));
}

void
windows_prepare(struct windows *w, int whole)
{
	const struct census_chunk *chunk = NULL;
	size_t n = 0;

	if (w->census)
		return;
	w->whole = whole;
	if (!whole) {
		w->arena = open_arena(w);
		chunk = arena_read(w->arena, &n);
	}
	w->census = census_new(chunk, chunk ? n : 0);
}

int
windows_begin(struct windows *w, double load)
{
	struct adopting a = { w, pid_of(w) };

	windows_prepare(w, w->whole);
	if (w->census == NULL)
		return -1;
	if (w->arena == NULL)
		w->arena = open_arena(w);
	leave_shims(w);
	heap_disarm(heap_of(w), a.pid);
	heap_read(heap_of(w));
	heap_living(heap_of(w), on_living, &a);
	heap_log(heap_of(w), a.pid, on_call, w->census);
	w->begun = 1;
	w->load = load > 0 && load < 1 ? load : 1;
	w->busy = 1;
	w->overhead = 0;
	w->pace = 0;
	w->ended = proc_now();
	w->cpu = (double)proc_cpu(a.pid);
	w->random = w->ended | 1;
	w->due = w->ended + PERIOD_NS;
	return 0;
}

void
windows_end(struct windows *w)
{
	if (w->begun)
		heap_log(heap_of(w), 0, NULL, NULL);
	w->begun = 0;
	census_free(w->census);
	arena_close(w->arena);
	w->census = NULL;
	w->arena = NULL;
}

/* ---- a window ---------------------------------------------------------- */

/* Run ahead of others, so that a window ends when it should; on 0: no longer. */
static void
run_first(int on)
{
	struct sched_param p = { .sched_priority = on ? 1 : 0 };

	sched_setscheduler(0, on ? SCHED_RR | SCHED_RESET_ON_FORK : SCHED_OTHER, &p);
}

static struct windows_mark
mark(const struct windows *w)
{
	return (struct windows_mark){ proc_now(), proc_cpu(pid_of(w)) };
}

/* Wait until the process has used so much CPU time, but not for ever. */
static void
wait_for(struct windows *w, double cpu)
{
	double used = 0;

	for (;;) {
		struct timespec t = { 0, (long)fmax((cpu - used) / w->busy, STEP_NS) };

		nanosleep(&t, NULL);
		w->until = mark(w);
		used = (double)(w->until.cpu - w->from.cpu);
		if (used >= cpu || w->until.time - w->from.time > LENGTH_MOST)
			return;
	}
}

/* Returns the ns to the next window: not always the same, as the process may have a rhythm
 * of its own. */
static uint64_t
period(struct windows *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return PERIOD_NS / 4 * 3 + w->random % (PERIOD_NS / 2);
}

/* Arm the probes for a time, for which they cost what they may. */
static void
have_window(struct windows *w)
{
	double allowed = MARGIN * w->share * w->pace * PERIOD_NS - w->overhead;

	run_first(1);
	w->before = mark(w);
	arming_restore(w->arming);
	w->from = mark(w);
	wait_for(w, fmax(allowed / w->load, CPU_LEAST));
	heap_disarm_soon(heap_of(w), pid_of(w));
	run_first(0);
	w->open = 1;
	w->due = w->until.time + period(w);
}

/*
 * Returns the CPU time in the window, from when all probes were armed up to its last call
 * that counts, which may be later than its end: as many hits take as long.  Where less has
 * been measured than hits take the clock was late.
 */
static double
cpu_inside(const struct windows *w, const struct census_pending *p, double hit)
{
	double cpu = (double)(w->until.cpu - w->from.cpu);

	if (p->sooner > 0)
		cpu *= p->hits / p->sooner;
	return fmax(cpu, p->hits * hit);
}

/* Returns the progress in cpu ns of CPU time, of which probes took cost: at least what n
 * calls take. */
static double
progress(double cpu, double cost, double n)
{
	return fmax(cpu - cost, fmin(n * CALL_NS, cpu));
}

/* Move an average towards a new value. */
static double
smooth(double average, double value)
{
	return average + SMOOTH * (value - average);
}

/* A window as it was: CPU times in ns. */
struct span {
	double since;  /* from the one before up to its arming */
	double inside; /* with all probes armed */
	double done;   /* progress inside */
	double cost;   /* of all hits */
};

/* Learn from a window. */
static void
learn(struct windows *w, const struct span *s)
{
	double pace = s->since / (double)(w->before.time - w->ended);

	if (s->inside > 0)
		w->load = fmin(fmax(smooth(w->load, 1 - s->done / s->inside), 0.01), 1);
	w->overhead = smooth(w->overhead, fmax(s->cost - (s->inside - s->done), 0));
	w->pace = w->pace > 0 ? smooth(w->pace, pace) : pace;
}

/* Returns whether an instruction is executed alone at some probe, which takes many times as
 * long as what is done at others. */
static int
is_stepped(const struct windows *w)
{
	const struct probe_plan *plan = w->arming->plan;

	for (size_t i = 0; plan && i < plan->nprobe; i++)
		if (plan->probe[i].stepped)
			return 1;
	return 0;
}

/* Returns by how much more than it seems a hit may cost. */
static double
cost_high(const struct windows *w)
{
	return w->hit_ns <= 0 && is_stepped(w) ? COST_STEPPED : COST_HIGH;
}

/*
 * Set what the calls of a window stand for, by its progress.  Where a window is too short
 * to tell that, others tell the progress of an allocation.  A hit takes no longer than what
 * is between calls, but what is between calls may all be the process' own.
 */
static void
weigh(struct windows *w, const struct span *s, const struct census_pending *p, double hit,
    struct census_window *cw)
{
	double low = progress(s->inside, p->hits * hit * cost_high(w) + BESIDE_NS, p->allocs);
	double sure = fmin(hit, w->hit(w->ctx) * HIT_SURE), middle;
	double high = progress(s->inside, p->hits * sure * COST_LOW, p->allocs);

	cw->factor = cw->slack = 1;
	if (low <= 0)
		return;
	cw->slack = sqrt(high / low);
	middle = sqrt(high * low);
	w->seen += p->allocs;
	if (cw->slack <= SLACK_GOOD) {
		w->done += middle;
		w->allocs += p->allocs;
	} else if (w->allocs > w->seen / 2) {
		middle = fmax(fmin(p->allocs * w->done / w->allocs, high), low);
		cw->slack = fmin(cw->slack, SLACK_SHORT);
	}
	cw->factor = (s->since + middle) / middle;
}

/* Returns what a hit takes, as far as it is known. */
static double
hit_cost(struct windows *w, uint64_t until)
{
	double model = w->hit(w->ctx), seen = census_hit(w->census, w->from.time, until);

	if (seen > 0)
		w->hit_ns = w->hit_ns > 0 ? smooth(w->hit_ns, seen) : seen;
	return fmin(fmax(w->hit_ns, model * HIT_LOW),
	    model * (is_stepped(w) ? HIT_STEPPED : HIT_HIGH));
}

/* Account for the last window, when its last calls have come. */
static void
settle(struct windows *w)
{
	struct census_window cw = { .from = w->from.time };
	uint64_t now = proc_cpu(pid_of(w));
	struct census_pending p;
	struct span s;
	double hit, most;

	if (!w->open)
		return;
	heap_read(heap_of(w));
	census_pending(w->census, w->from.time, w->until.time, &p);
	cw.until = p.until;
	hit = hit_cost(w, p.until);
	s.inside = cpu_inside(w, &p, hit);
	s.since = fmax((double)w->before.cpu - w->cpu, 0);
	s.done = progress(s.inside, p.hits * hit, p.allocs);
	if (p.hits > 0)
		hit = (s.inside - s.done) / p.hits;
	s.cost = p.all * hit;
	weigh(w, &s, &p, hit, &cw);
	census_window(w->census, &cw);
	learn(w, &s);
	w->open = 0;
	w->covered += p.until - w->from.time;
	w->cost += s.cost;
	/* What it has done while only some probes were armed is for the next window. */
	w->cpu = fmin((double)w->before.cpu + s.done + s.cost, (double)now);
	w->ended = p.gone > w->until.time ? p.gone : w->until.time;
	most = MARGIN * w->share * w->pace * PERIOD_NS;
	if (most > 0 && s.cost > most)
		w->due = w->until.time + (uint64_t)fmin(s.cost / most * PERIOD_NS, WAIT_MOST);
}

void
windows_settle(struct windows *w)
{
	if (w->open && proc_now() >= w->until.time + SETTLE_NS)
		settle(w);
}

void
windows_round(struct windows *w)
{
	uint64_t now = proc_now();

	if (!w->begun)
		return;
	windows_settle(w);
	if (now < w->due)
		return;
	settle(w);
	if (w->pace <= 0)
		w->pace = fmax(((double)proc_cpu(pid_of(w)) - w->cpu) /
		    (double)(now - w->ended), 1e-4);
	if (now >= w->due)
		have_window(w);
}

double
windows_cost(struct windows *w)
{
	double cost = w->cost;

	w->cost = 0;
	return cost;
}

uint64_t
windows_covered(struct windows *w)
{
	uint64_t covered = w->covered;

	w->covered = 0;
	return covered;
}

uint64_t
windows_look(struct windows *w)
{
	const struct census_chunk *chunk;
	uint64_t inuse = 0;
	size_t n = 0;

	chunk = arena_read(w->arena, &n);
	for (size_t i = 0; chunk && i < n; i++)
		inuse += chunk[i].size - 8;
	census_look(w->census, chunk, n, proc_data(pid_of(w)));
	return inuse;
}
