#include "heap/emitter.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "heap/ages.h"
#include "heap/census.h"
#include "heap/duty.h"
#include "heap/inside_children.h"
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
	struct site *site;

	/* What had no room in the kernel is nobody's there: it is the process', somewhere. */
	if (c->pid == 0)
		c->pid = c->tid = e->producer->pid;
	site = c->user ? c->user : find_site(e, c);
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

/* ---- windows ----------------------------------------------------------- */

/* What the census told of one of the kernel's sites when it was last read. */
struct tally {
	struct site *site;
	struct census_site last;
};

/* Find the site of one of the kernel's that windows have shown, or join it to another that
 * is known. */
static void
on_new_site(void *ctx, struct census_site *s)
{
	struct emitter *e = ctx;
	struct heap_change c = { .pid = e->producer->pid };
	struct site *site;
	struct tally *t;

	heap_site(e->heap, s->site, &c.stack, &c.tid);
	site = find_site(e, &c);
	if (site == NULL)
		return;
	if (site->censused) {
		census_join(e->duty->windows.census, s->site, site->censused);
		return;
	}
	t = calloc(1, sizeof *t);
	if (t == NULL) {
		e->failed = 1;
		return;
	}
	t->site = site;
	site->censused = s->site;
	s->user = t;
}

/* Add what windows have shown of a site. */
static void
on_census(void *ctx, struct census_site *s)
{
	struct emitter *e = ctx;
	struct tally *t = s->user;

	sites_add_census(e->sites, t->site, s, &t->last);
	t->last = *s;
}

/* Add what windows have shown since the last sums. */
static void
add_census(struct emitter *e)
{
	struct census *c = e->duty->windows.census;

	if (!e->duty->windows.begun)
		return;
	windows_settle(&e->duty->windows);
	census_new_sites(c, on_new_site, e);
	e->inuse = windows_look(&e->duty->windows);
	census_changes(c, on_census, e);
	if (census_failed(c))
		e->failed = 1;
}

static uint64_t
middle(double least, double most)
{
	return (uint64_t)(census_middle(least, most) + 0.5);
}

/* Returns what must have been freed, so that live memory is what it is. */
static uint64_t
freed_of(uint64_t before, uint64_t allocated, uint64_t live)
{
	return before + allocated > live ? before + allocated - live : 0;
}

/* Set the live memory of a site that is known as a range. */
static void
set_range(struct site *site)
{
	struct rec_heap *s = &site->sum;

	s->live = middle(site->live.least, site->live.most);
	s->count = middle(site->live.nleast, site->live.nmost);
	s->live_min = (uint64_t)site->live.least;
	s->live_max = (uint64_t)(site->live.most + 0.999);
	s->bytes_min = (uint64_t)site->bytes_least;
	s->bytes_max = (uint64_t)(site->bytes_most + 0.999);
	/* At the ends of a window there may be frees alone. */
	if (s->temps > s->allocs)
		s->temps = s->allocs;
	s->freed = freed_of(site->emitted_live, s->bytes, s->live);
	s->frees = freed_of(site->emitted_count, s->allocs, s->count);
	if (s->live > s->peak)
		s->peak = s->live;
}

/* Emit a note on how much of what is live the last look of windows has told. */
static void
note_known(const struct emitter *e)
{
	const struct census *c = e->duty->windows.census;
	struct census_site all;
	double live;

	census_sum(c, &all);
	live = census_middle(all.live.least, all.live.most);
	if (all.live.most > 2 * all.live.least)
		producer_note(e->producer, "how much memory was live at the end is not known "
		    "from windows of time: -I samples inside the process, which tells it");
	else if (live > 0)
		producer_note(e->producer, "%.0f %% of the memory that was live at the end is "
		    "known by stack, from windows of time: -I samples inside the process, "
		    "which tells all", 100 * fmin(census_known(c) / live, 1));
}

/* Add what windows have shown of the whole process to its record. */
static void
add_census_sum(struct emitter *e, struct rec_memory *m)
{
	struct census_site now, none = { 0 };
	const struct census_site *before = e->all ? e->all : &none;
	double bytes;

	if (!e->duty->windows.begun)
		return;
	census_sum(e->duty->windows.census, &now);
	bytes = now.bytes - before->bytes;
	m->allocs += (uint64_t)now.allocs - (uint64_t)before->allocs;
	m->bytes += (uint64_t)now.bytes - (uint64_t)before->bytes;
	m->bytes_min = (uint64_t)(bytes / now.slack);
	m->bytes_max = (uint64_t)(bytes * now.slack + 0.999);
	m->live = middle(now.live.least, now.live.most);
	m->count = middle(now.live.nleast, now.live.nmost);
	m->live_min = (uint64_t)now.live.least;
	m->live_max = (uint64_t)(now.live.most + 0.999);
	m->inuse = e->inuse;
	m->bytes_err = m->live_err = 0;
	m->freed = freed_of(e->emitted_live, m->bytes, m->live);
	m->frees = freed_of(e->emitted_count, m->allocs, m->count);
	if (e->all == NULL)
		e->all = malloc(sizeof now);
	if (e->all)
		*e->all = now;
	if (m->live > e->census_peak)
		e->census_peak = m->live;
	if (e->census_peak > m->peak)
		m->peak = e->census_peak;
}

static void
emit_site(void *ctx, struct site *site)
{
	struct emitter *e = ctx;
	struct rec r = { .type = REC_HEAP };

	if (site->ranged)
		set_range(site);
	r.heap = site->sum;
	r.heap.time = e->time;
	if (r.heap.live > r.heap.peak)
		r.heap.peak = r.heap.live;
	r.heap.bytes_err = site->ranged ? 0 : standard_error(site->bytes_var);
	r.heap.live_err = site->ranged ? 0 : standard_error(site->live_var);
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
	r.memory.period = inside_children_period(e->children, t->pid, e->duty->period);
	if (t->pid == e->producer->pid) {
		add_census_sum(e, &r.memory);
		if (e->last && e->duty->windows.begun)
			note_known(e);
		e->emitted_live = r.memory.live;
		e->emitted_count = r.memory.count;
	}
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
	if (e->duty->windows.begun)
		cost = windows_cost(&e->duty->windows);
	probes.cost = cost > 0 ? (uint64_t)cost : 0;
	heap_changes(e->heap, on_change, e);
	if (pid == 0 || pid == e->producer->pid)
		add_census(e);
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

/* The same, of a block of the census. */
static void
on_censused(void *ctx, const struct heap_living *l)
{
	const struct tally *t = l->user;

	if (t && l->weight > 0)
		ages_add(ctx, t->site->index, l->time, l->size, l->weight);
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
		if (e->duty->windows.begun)
			census_living(e->duty->windows.census, on_censused, a);
		else
			heap_living(e->heap, on_living, a);
		got = ages_emit(a, emit_age, e);
	}
	ages_free(a);
	errno = ENOMEM;
	return got;
}

/* ---- loss -------------------------------------------------------------- */

void
emitter_lost(struct emitter *e)
{
	struct targets *targets = e->producer->targets;
	struct heap_lost l;
	uint64_t time = proc_now();

	heap_lost(e->heap, &l);
	targets_lost(targets, time, &l.ring_full, "ring-full");
	targets_lost(targets, time, &l.live_full, "live-full");
	targets_lost(targets, time, &l.sites_full, "sites-full");
	targets_lost(targets, time, &l.scratch, "no-scratch");
	targets_lost(targets, time, &l.returns, "returns");
	targets_lost(targets, time, &l.processes, "processes");
}
