#include "heap/emitter.h"

#include <errno.h>
#include <math.h>

#include "heap/ages.h"
#include "heap/duty.h"
#include "heap/sites.h"
#include "os/proc.h"
#include "sample/producer.h"
#include "sample/stackmap.h"
#include "sample/target.h"
#include "stream/rec.h"

/* ---- sums -------------------------------------------------------------- */

/* Find the site of a change.  Returns NULL if its stack has not come yet, or memory is
 * short. */
static struct site *
find_site(struct emitter *e, const struct heap_change *c)
{
	struct rec_ref stack = { 0, "no-stack" };
	struct target *t = target_find(e->producer->targets, c->pid);
	struct stackmap_stack *s = c->walked ? NULL : stackmap_find(heap_stacks(e->heap), c->stack);
	char name[PROC_NAME_MAX];
	struct site *site;

	if (s && !s->resolved)
		producer_on_stack(e->producer, s);
	if (c->walked)
		stack = c->leaf;
	else if (s && s->resolved)
		stack = s->leaf;
	else if (c->stack && !e->last)
		return NULL;
	/* A thread that has ended was emitted when it came. */
	if (t && proc_thread_name(c->pid, c->tid, name) == 0)
		target_ensure_thread(e->producer->targets, proc_now(), t, c->tid);
	site = sites_get(e->sites, c->pid, c->tid, stack);
	if (site == NULL)
		e->failed = 1;
	return site;
}

/* Add a change to its site.  Returns 0 if that is not known yet. */
static int
on_change(void *ctx, struct heap_change *c)
{
	struct emitter *e = ctx;
	struct site *site = c->user ? c->user : find_site(e, c);

	if (site == NULL)
		return 0;
	c->user = site;
	sites_add(e->sites, site, c);
	return 1;
}

/* Returns the standard error of a variance, rounded. */
static uint64_t
standard_error(double variance)
{
	return variance > 0 ? (uint64_t)(sqrt(variance) + 0.5) : 0;
}

static void
emit_site(void *ctx, struct site *site)
{
	struct emitter *e = ctx;
	struct rec r = { .type = REC_HEAP };

	r.heap = site->sum;
	r.heap.time = e->time;
	r.heap.bytes_err = standard_error(site->bytes_var);
	r.heap.live_err = standard_error(site->live_var);
	targets_emit(e->producer->targets, &r);
}

/* Emit a process' memory, and what has happened to it since the last time.  The caller
 * sets the members about probes. */
static void
emit_memory(struct emitter *e, const struct target *t, struct rec_memory probes)
{
	struct rec r = { .type = REC_MEMORY, .memory = probes };
	struct heap_sum sum;

	if (heap_sum(e->heap, t->pid, &sum) < 0)
		return;
	r.memory.time = e->time;
	r.memory.pid = (uint64_t)t->pid;
	r.memory.live = sum.live;
	r.memory.count = sum.count;
	r.memory.peak = sum.peak;
	r.memory.allocs = sum.allocs;
	r.memory.bytes = sum.bytes;
	r.memory.frees = sum.frees;
	r.memory.freed = sum.freed;
	r.memory.unknown = sum.unknown;
	r.memory.bytes_err = standard_error(sum.bytes_var);
	r.memory.live_err = standard_error(sum.live_var);
	proc_memory(t->pid, &r.memory.rss, &r.memory.anon);
	targets_emit(e->producer->targets, &r);
}

/* Returns how many hits a load has. */
static uint64_t
hits(const struct heap_load *l)
{
	return l->entries + l->frees + l->returns;
}

int
emitter_sums(struct emitter *e, pid_t pid)
{
	struct targets *targets = e->producer->targets;
	struct rec_memory probes = { .covered = duty_covered(e->duty) };
	struct heap_load l;
	double cost;

	e->time = proc_now();
	heap_load(e->heap, &l);
	cost = duty_cost(e->duty, &l) - duty_cost(e->duty, &e->load);
	probes.hits = hits(&l) - hits(&e->load);
	probes.cost = cost > 0 ? (uint64_t)cost : 0;
	heap_changes(e->heap, on_change, e);
	sites_emit(e->sites, pid, emit_site, e);
	for (size_t i = 0; i < targets_count(targets); i++) {
		const struct target *t = targets_nth(targets, i);

		if ((pid && t->pid != pid) || !t->emitted)
			continue;
		emit_memory(e, t, probes);
		/* Nothing counts hits by process: the first one has them all. */
		probes.hits = probes.cost = 0;
		e->load = l;
	}
	errno = ENOMEM;
	return e->failed ? -1 : 0;
}

/* ---- ages -------------------------------------------------------------- */

static void
on_living(void *ctx, const struct heap_living *l)
{
	const struct site *site = l->user;

	if (site)
		ages_add(ctx, site->index, l->time, l->size, l->weight);
}

static void
emit_age(void *ctx, const struct age *a)
{
	struct emitter *e = ctx;
	const struct site *site = sites_nth(e->sites, a->site);
	struct rec r = { .type = REC_AGE };

	r.age.time = e->time;
	r.age.pid = site->sum.pid;
	r.age.tid = site->sum.tid;
	r.age.stack = site->sum.stack;
	r.age.born = a->born;
	r.age.bytes = (uint64_t)(a->bytes + 0.5);
	r.age.count = (uint64_t)(a->count + 0.5);
	targets_emit(e->producer->targets, &r);
}

int
emitter_ages(struct emitter *e)
{
	struct ages *a = ages_new(e->age_step, e->time);
	int got = -1;

	if (a) {
		heap_living(e->heap, on_living, a);
		got = ages_emit(a, emit_age, e);
	}
	ages_free(a);
	errno = ENOMEM;
	return got;
}

/* ---- loss -------------------------------------------------------------- */

void
emitter_lost(struct emitter *e, uint64_t *ring_full)
{
	struct targets *targets = e->producer->targets;
	struct heap_lost l;
	uint64_t time = proc_now();

	heap_lost(e->heap, &l);
	l.ring_full += *ring_full;
	*ring_full = 0;
	targets_lost(targets, time, &l.ring_full, "ring-full");
	targets_lost(targets, time, &l.live_full, "live-full");
	targets_lost(targets, time, &l.sites_full, "sites-full");
	targets_lost(targets, time, &l.scratch, "no-scratch");
	targets_lost(targets, time, &l.returns, "returns");
	targets_lost(targets, time, &l.processes, "processes");
}
