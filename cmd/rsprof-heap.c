/*
 * rsprof-heap tells where the memory of a process was allocated, without the
 * process' help: probes at its allocation functions, whose calls the kernel
 * sums up by stack.
 *
 * Out: heap  5124000000000  4242  4243  9f86d081  allocs=12  bytes=4096 ...
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "cmd/producer.h"
#include "cmd/status.h"
#include "elf/elf_file.h"
#include "heap/ages.h"
#include "heap/budget.h"
#include "heap/discover.h"
#include "heap/heap.h"
#include "heap/probe_plan.h"
#include "heap/sites.h"
#include "os/perf.h"
#include "os/proc.h"
#include "sample/follow.h"
#include "sample/producer.h"
#include "sample/stackmap.h"
#include "sample/target.h"
#include "stream/header.h"
#include "stream/rec.h"
#include "unwind/addrspace.h"
#include "unwind/module.h"

#define INTERVAL_NS 1000000000
#define ROUND_NS 100000000  /* between two looks at what has come, at most */
#define AGES_NS 10000000000 /* between two snapshots of ages, at least */
#define LIVE_DEFAULT 1024   /* MiB of kernel memory for live allocations, at most */
#define SAMPLE_DEFAULT (512U << 10) /* bytes */
#define BUDGET_DEFAULT 10   /* percent, where neither -s nor -b is given */
#define RETURN_COST 1.2     /* of a return probe, in hits of others */
#define BUDGET_LOOK_NS 500000000 /* between two looks at what it costs */
#define SCALE_STEP 0.025    /* to so much a scale is rounded: there is room for few */
#define CHECK_NS 2000000000 /* the self-check takes no longer, */
#define CHECK_CALLS 5000    /* and sees about so much; */
#define CHECK_LEAST 100     /* less says nothing */
#define CHECK_ROUND_NS 10000000

struct options {
	const char *file; /* of -n */
	uint64_t period, budget, interval, live;
	int all_callers, plan_only;
	int given; /* -s or -b: nothing is chosen for the user */
};

/* What the present window, or the time since the last look, has cost. */
struct window {
	uint64_t since, until; /* UINT64_MAX: there is no end in sight */
	uint64_t cpu;          /* of the process, at its beginning */
	double cost;
};

/* Whether what Rust code allocates comes by the probes: counted for a while
 * after they have come. */
struct check {
	uint64_t since; /* 0: not under way */
	struct heap_load before;
};

struct profiler {
	struct producer base;
	struct options o;
	struct heap *heap;
	struct perf *perf;
	struct sites *places;
	uint64_t time;            /* of the interval that is told; */
	uint64_t interval_time;   /* the last one's end */
	uint64_t ages_time;
	int final;                /* what is not known now will not be */
	int armed;                /* something was, once */
	int replan;               /* code has come */
	pid_t *forked;            /* processes that have not executed anything yet */
	size_t nforked, forked_room;
	uint64_t perf_lost;
	struct heap_load load;    /* told */
	struct probe_plan *plan;        /* of the process that was asked for */
	struct budget budget;
	struct window window;
	int watching;             /* the probes are there */
	double hit_ns;
	uint64_t covered;         /* ns, not told yet */
	uint64_t cycle, cycle_on; /* when the last window was opened; its length */
	uint64_t seen_from;       /* when its probes were there */
	uint64_t period;          /* in force */
	struct check check;
	int no_shims;             /* they were found to be bypassed */
	struct discovered learned;
	int unlearned;            /* it has to run to be learned from; */
	int tried;                /* that was done */
};

#define OPTIONS "b:cd:fgi:m:np:rR:s:V"

static void
usage(void)
{
	fputs("usage: rsprof-heap [-cfgrV] [-b PERCENT] [-d DURATION] [-i INTERVAL] "
	      "[-m MIB]\n       [-R FD] [-s BYTES] -p PID\n"
	      "       rsprof-heap -n [-c] PID | FILE\n",
	    stderr);
	exit(STATUS_USAGE);
}

static void
put_header(struct profiler *p)
{
	struct rec r;

	header_begin(&r, "heap");
	header_add(&r, "unit=bytes");
	header_add(&r, "pid=%d", (int)p->base.pid);
	header_add(&r, "sample=%" PRIu64, p->o.period);
	header_add(&r, "budget=%" PRIu64, p->o.budget);
	header_add(&r, "interval=%" PRIu64, p->o.interval);
	header_add(&r, "stacks=bpf");
	header_end(&r);
	targets_put(p->base.targets, &r);
}

/* ---- sums -------------------------------------------------------------- */

/* The place of a site; NULL: it is not known yet. */
static struct site *
place_of(struct profiler *p, const struct heap_change *c)
{
	struct rec_ref stack = { 0, "no-stack" };
	struct target *t = target_find(p->base.targets, c->pid);
	struct stackmap_stack *s = stackmap_find(heap_stacks(p->heap), c->stack);
	char name[PROC_NAME_MAX];
	struct site *place;

	if (s && !s->known)
		producer_on_stack(&p->base, s);
	if (s && s->known)
		stack = s->leaf;
	else if (c->stack && !p->final)
		return NULL;
	/* One that has ended was told of when it came. */
	if (t && proc_thread_name(c->pid, c->tid, name) == 0)
		target_meet(p->base.targets, proc_now(), t, c->tid);
	place = sites_get(p->places, c->pid, c->tid, stack);
	if (place == NULL)
		err(STATUS_FAILED, NULL);
	return place;
}

static int
saw_change(void *ctx, struct heap_change *c)
{
	struct profiler *p = ctx;
	struct site *place = c->user ? c->user : place_of(p, c);

	if (place == NULL)
		return 0;
	c->user = place;
	sites_add(p->places, place, c);
	return 1;
}

static void
tell_place(void *ctx, struct site *place)
{
	struct profiler *p = ctx;
	struct rec r = { .type = REC_HEAP };

	r.heap = place->sum;
	r.heap.time = p->time;
	targets_put(p->base.targets, &r);
}

/* Of a process, its memory as it is and what has happened to it since. */
static void
tell_memory(struct profiler *p, const struct target *t, uint64_t covered,
    uint64_t hits, uint64_t cost)
{
	struct rec r = { .type = REC_MEMORY };
	struct heap_sum sum;

	if (heap_sum(p->heap, t->pid, &sum) < 0)
		return;
	r.memory.time = p->time;
	r.memory.pid = (uint64_t)t->pid;
	r.memory.live = sum.live;
	r.memory.count = sum.count;
	r.memory.peak = sum.peak;
	r.memory.allocs = sum.allocs;
	r.memory.bytes = sum.bytes;
	r.memory.frees = sum.frees;
	r.memory.freed = sum.freed;
	r.memory.unknown = sum.unknown;
	r.memory.covered = covered;
	r.memory.hits = hits;
	r.memory.cost = cost;
	proc_memory(t->pid, &r.memory.rss, &r.memory.anon);
	targets_put(p->base.targets, &r);
}

/* What probes have cost their processes since the start, in ns. */
static double
cost_of(const struct profiler *p, const struct heap_load *l)
{
	double hits = (double)(l->entries + l->frees + l->returns);

	return p->hit_ns * ((double)(l->entries + l->frees) +
	    RETURN_COST * (double)l->returns) + hits * l->program_ns;
}

/* Sum up what one process, or (0) all of them, have done until now.  Hits and
 * what they cost are told of the first: nobody counts them by process. */
static void
tell_sums(struct profiler *p, pid_t pid)
{
	struct heap_load l, *told = &p->load;
	uint64_t hits, cost;

	p->time = proc_now();
	heap_load(p->heap, &l);
	hits = l.entries + l.frees + l.returns - told->entries - told->frees -
	    told->returns;
	cost = (uint64_t)(cost_of(p, &l) > cost_of(p, told)
	        ? cost_of(p, &l) - cost_of(p, told)
	        : 0);
	heap_changes(p->heap, saw_change, p);
	sites_emit(p->places, pid, tell_place, p);
	for (size_t i = 0; i < targets_count(p->base.targets); i++) {
		const struct target *t = targets_nth(p->base.targets, i);

		if ((pid && t->pid != pid) || !t->told)
			continue;
		tell_memory(p, t, p->covered, hits, cost);
		hits = cost = 0;
		*told = l;
	}
}

/* ---- ages -------------------------------------------------------------- */

static void
saw_living(void *ctx, const struct heap_living *l)
{
	const struct site *place = l->user;

	if (place)
		ages_add(ctx, place->index, l->time, l->size, l->weight);
}

static void
tell_age(void *ctx, const struct age *a)
{
	struct profiler *p = ctx;
	const struct site *place = sites_nth(p->places, a->site);
	struct rec r = { .type = REC_AGE };

	r.age.time = p->time;
	r.age.pid = place->sum.pid;
	r.age.tid = place->sum.tid;
	r.age.stack = place->sum.stack;
	r.age.born = a->born;
	r.age.bytes = (uint64_t)(a->bytes + 0.5);
	r.age.count = (uint64_t)(a->count + 0.5);
	targets_put(p->base.targets, &r);
}

static void
tell_ages(struct profiler *p)
{
	struct ages *a = ages_new(p->o.interval, p->time);

	if (a == NULL)
		err(STATUS_FAILED, NULL);
	heap_living(p->heap, saw_living, a);
	if (ages_emit(a, tell_age, p) < 0)
		err(STATUS_FAILED, NULL);
	ages_free(a);
	p->ages_time = p->time;
}

/* ---- loss and cost ----------------------------------------------------- */

static void
tell_lost(struct profiler *p)
{
	struct heap_lost l;
	uint64_t time = proc_now();

	heap_lost(p->heap, &l);
	l.ring_full += p->perf_lost;
	p->perf_lost = 0;
	targets_lost(p->base.targets, time, &l.ring_full, "ring-full");
	targets_lost(p->base.targets, time, &l.live_full, "live-full");
	targets_lost(p->base.targets, time, &l.sites_full, "sites-full");
	targets_lost(p->base.targets, time, &l.scratch, "no-scratch");
	targets_lost(p->base.targets, time, &l.returns, "returns");
	targets_lost(p->base.targets, time, &l.processes, "processes");
}

/* ---- probes ------------------------------------------------------------ */

static void
say_refused(void *ctx, const struct probe *probe, int error)
{
	struct profiler *p = ctx;
	const char *name = probe->function[0] ? probe->function : "a function";

	if (error == 524) /* ENOTSUPP of the kernel */
		producer_note(&p->base, "%s in %s is not probed: the kernel refuses its first "
		    "instruction", name, probe->path);
	else
		producer_note(&p->base, "%s in %s is not probed: %s", name, probe->path, strerror(error));
}

/* The module that a probe is in, as the process has mapped it. */
static const struct module *
module_of(const struct target *t, const struct probe *probe)
{
	for (size_t i = 0; i < t->space.n; i++) {
		const struct module *m = t->space.map[i].module;

		if (strcmp(m->path, probe->path) == 0)
			return m;
	}
	return NULL;
}

static void
tell_probe(struct profiler *p, const struct target *t, const struct probe *probe)
{
	const struct module *m = module_of(t, probe);
	struct rec r = { .type = REC_PROBE };

	r.probe.time = proc_now();
	r.probe.pid = (uint64_t)t->pid;
	r.probe.layer = probe->layer;
	r.probe.function = probe->function[0] ? probe->function : NULL;
	r.probe.module = m ? m->id : 0;
	r.probe.offset = probe->offset;
	r.probe.how = probe->stepped ? "stepped" : "emulated";
	targets_put(p->base.targets, &r);
}

/* Let a plan that guesses have probes, too.  -1: why[] says why it has not, or is
 * empty where that was said before. */
static int
settle(struct profiler *p, const struct target *t, struct probe_plan *plan, char *why,
    size_t size)
{
	char said[HEAP_WHY];
	int n = discovered_apply(&p->learned, plan);

	*why = '\0';
	if (n || p->tried)
		return n ? n : -1;
	if (p->unlearned) {
		snprintf(why, size, "which functions allocate is found out when it runs: "
		    "what it allocates until then is missing");
		return -1;
	}
	p->tried = 1;
	n = discover(&p->learned, t->pid, plan, said, sizeof said);
	if (n > 0)
		producer_note(&p->base, "%s", said);
	else
		snprintf(why, size, "%s", said);
	return n;
}

/* Probe what a process allocates by, as far as it is not probed yet.  How
 * many were armed; -1: none, why[] says why. */
static int
arm(struct profiler *p, const struct target *t, char *why, size_t size)
{
	const struct probe_plan_options o = { .all_callers = p->o.all_callers,
		.no_shims = p->no_shims };
	struct probe_plan *plan = probe_plan_of_process(t->pid, &o, why, size);
	int before = heap_armed(p->heap, t->pid), n, error;

	if (plan && plan->nguess && settle(p, t, plan, why, size) < 0 && *why)
		producer_note(&p->base, "%s", why);
	if (plan && plan->nprobe == 0) {
		probe_plan_free(plan);
		plan = NULL;
		errno = 0;
	}
	if (plan == NULL)
		return -1;
	n = heap_arm(p->heap, t->pid, plan->probe, plan->nprobe, say_refused, p);
	error = errno;
	if (n < 0)
		snprintf(why, size, "uprobes are not permitted (%s): run as root, or give "
		    "CAP_PERFMON and CAP_SYS_ADMIN", strerror(error));
	for (size_t i = 0; n > 0 && i < plan->nprobe; i++)
		tell_probe(p, t, &plan->probe[i]);
	for (size_t i = 0; before == 0 && n > 0 && i < plan->nnote; i++)
		producer_note(&p->base, "%s", plan->note[i]);
	if (t->pid == p->base.pid) {
		probe_plan_free(p->plan);
		p->plan = plan;
	} else {
		probe_plan_free(plan);
	}
	p->armed |= n > 0;
	errno = error;
	return n;
}

/* ---- code -------------------------------------------------------------- */

static int
put_maps(void *ctx, struct addrspace *space, const struct module **full)
{
	return heap_put(ctx, space, full);
}

/* Let the kernel know of code that has come, and of tables. */
static void
tell_kernel(struct profiler *p)
{
	require(&p->base,
	    producer_put_maps(&p->base, put_maps, p->heap, "stacks end there"));
}

/* All tables of a process are there, and the kernel has them. */
static void
prepare(struct profiler *p, struct target *t)
{
	for (size_t i = 0; i < t->space.n; i++)
		module_wait(t->space.map[i].module);
	t->space.changed = 1;
	tell_kernel(p);
}

/* ---- self-check -------------------------------------------------------- */

/* Does what a file allocates come by its __rust_* functions?  What they call has
 * to be called about as often. */
static void
begin_check(struct profiler *p)
{
	if (p->plan == NULL || p->plan->nbelow == 0 || p->no_shims ||
	    heap_compare(p->heap, p->base.pid, p->plan->below, p->plan->nbelow) < 0)
		return;
	p->check.since = proc_now();
	heap_load(p->heap, &p->check.before);
}

/* They are bypassed: probe what is below. */
static void
leave_shims(struct profiler *p)
{
	char why[HEAP_WHY];
	struct target *t = target_find(p->base.targets, p->base.pid);

	p->no_shims = 1;
	heap_disarm(p->heap, p->base.pid);
	if (t == NULL || arm(p, t, why, sizeof why) < 0)
		producer_note(&p->base, "nothing is probed any more: %s", t ? why : "the process has ended");
}

static void
judge(struct profiler *p, uint64_t below, uint64_t seen)
{
	if (below < CHECK_LEAST || seen >= below / 2)
		return;
	producer_note(&p->base, "self-check: of %" PRIu64 " allocations that Rust code made by %s, %"
	    PRIu64 " came by __rust_alloc and the like%s", below,
	    p->plan->nbelow ? p->plan->below[0].function : "malloc", seen,
	    seen >= below / 10 ? ": C code in the same file, or calls that were inlined"
	                       : ", which are bypassed: from now on those below are "
	                         "probed");
	if (seen < below / 10)
		leave_shims(p);
}

static void
end_check(struct profiler *p)
{
	struct heap_load l;

	if (p->check.since == 0)
		return;
	heap_load(p->heap, &l);
	p->check.since = 0;
	heap_compare(p->heap, p->base.pid, NULL, 0);
	judge(p, l.below - p->check.before.below, l.entries - p->check.before.entries);
}

static void
mind_check(struct profiler *p)
{
	struct heap_load l;

	if (p->check.since == 0)
		return;
	heap_load(p->heap, &l);
	if (l.below - p->check.before.below >= CHECK_CALLS ||
	    proc_now() >= p->check.since + CHECK_NS)
		end_check(p);
}

/* ---- what it may cost -------------------------------------------------- */

static void
announce(struct profiler *p, const char *text)
{
	warnx("%s", text);
	producer_note(&p->base, "%s", text);
}

static void
open_window(struct profiler *p)
{
	struct heap_load l;

	heap_load(p->heap, &l);
	p->window = (struct window){ .since = proc_now(), .until = UINT64_MAX,
		.cpu = proc_cpu(p->base.pid), .cost = cost_of(p, &l) };
}

/* What the time since the window was opened has cost; it counts as covered. */
static void
close_window(struct profiler *p)
{
	uint64_t now = proc_now(), cpu = proc_cpu(p->base.pid);
	struct heap_load l;
	double cost;

	heap_load(p->heap, &l);
	cost = cost_of(p, &l) - p->window.cost;
	p->covered += now - p->window.since;
	budget_update(&p->budget, now - p->window.since,
	    cpu > p->window.cpu ? cpu - p->window.cpu : 0, cost > 0 ? (uint64_t)cost : 0);
}

/* What is seen from now on stands for all of the time. */
static void
set_scale(struct profiler *p, double scale)
{
	heap_rate(p->heap, p->period, exp(round(log(scale) / SCALE_STEP) * SCALE_STEP));
}

/* What is seen in a window stands for the time since the last one, as long as
 * that has really been. */
static void
watch_again(struct profiler *p)
{
	uint64_t on, off, cycle = proc_now() - p->cycle;

	budget_windows(&p->budget, &on, &off);
	if (off && p->cycle_on)
		set_scale(p, (double)cycle / (double)p->cycle_on);
	else
		set_scale(p, off ? (double)(on + off) / (double)on : 1);
	p->cycle = proc_now();
	if (p->plan)
		heap_arm(p->heap, p->base.pid, p->plan->probe, p->plan->nprobe,
		    say_refused, p);
	p->seen_from = proc_now();
	p->watching = 1;
	open_window(p);
	if (off)
		p->window.until = p->window.since + on;
}

static void
look_away(struct profiler *p)
{
	uint64_t on, off, now;

	end_check(p);
	p->cycle_on = proc_now() - p->seen_from;
	close_window(p);
	heap_disarm(p->heap, p->base.pid);
	budget_windows(&p->budget, &on, &off);
	now = proc_now();
	p->watching = 0;
	p->window = (struct window){ .since = now, .until = now + off };
}

/* Exact, as long as that is cheap; then samples; then windows. */
static void
choose_cheaper(struct profiler *p)
{
	char text[256];

	if (p->o.given || p->budget.load <= p->o.budget / 100.0 || p->budget.share > 0)
		return;
	if (p->period == 0) {
		p->period = SAMPLE_DEFAULT;
		set_scale(p, 1);
		p->budget.load = 0;
		snprintf(text, sizeof text, "recording all costs more than %d %% of the "
		    "CPU time: from now on one allocation in %u KiB is recorded, and "
		    "sums are estimates (-s 0: all)", (int)p->o.budget,
		    SAMPLE_DEFAULT >> 10);
	} else {
		p->period = 0;
		p->budget.share = p->o.budget / 100.0;
		snprintf(text, sizeof text, "samples cost more than %d %% of the CPU "
		    "time, too: from now on allocations are recorded in windows of "
		    "time, and sums are estimates (-s 0: all)", (int)p->o.budget);
	}
	announce(p, text);
}

/* Open and close windows, when it is time.  Only what is watched is charged. */
static void
mind_budget(struct profiler *p)
{
	uint64_t on, off, now = proc_now();

	if (!p->armed)
		return;
	if (!p->watching) {
		if (now >= p->window.until)
			watch_again(p);
		return;
	}
	if (now < p->window.until && now < p->window.since + BUDGET_LOOK_NS)
		return;
	close_window(p);
	choose_cheaper(p);
	budget_windows(&p->budget, &on, &off);
	open_window(p);
	if (off)
		look_away(p);
}

/* ---- programs that begin ----------------------------------------------- */

/* A process has executed a program, and waits: let it come to where its
 * libraries are there. */
static void
run_to_start(struct profiler *p, pid_t pid)
{
	char path[64];
	const char *error;
	int fd, got = -1;
	struct elf_file *obj;
	uint64_t entry;

	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	obj = fd < 0 ? NULL : elf_file_open(fd, &error);
	if (obj && elf_file_entry(obj, &entry) == 0) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		got = heap_stop_at(p->heap, pid, path, entry);
	}
	if (got < 0)
		producer_note(&p->base, "process %d: it cannot be stopped at its beginning: what it "
		    "allocates first may be missing", (int)pid);
	elf_file_close(obj);
	if (fd >= 0)
		close(fd);
}

/* It is there: probe it. */
static void
arm_started(struct profiler *p, pid_t pid)
{
	struct target *t = target_find(p->base.targets, pid);
	char why[HEAP_WHY];

	heap_stop_at(p->heap, pid, NULL, 0);
	if (t == NULL || !t->told)
		return;
	target_look(p->base.targets, t);
	prepare(p, t);
	p->unlearned = 1; /* it stands still */
	if (arm(p, t, why, sizeof why) <= 0)
		producer_note(&p->base, "process %d: %s", (int)pid, why);
	else if (pid == p->base.pid) {
		p->unlearned = 0;
		watch_again(p);
		begin_check(p);
	}
}

/* One that has been stopped, and has functions without names, runs now. */
static void
arm_unlearned(struct profiler *p)
{
	struct target *t = target_find(p->base.targets, p->base.pid);
	char why[HEAP_WHY];

	if (!p->unlearned)
		return;
	p->unlearned = 0;
	if (t == NULL || heap_armed(p->heap, t->pid))
		return;
	if (arm(p, t, why, sizeof why) > 0)
		watch_again(p);
}

static void
take_stopped(struct profiler *p)
{
	pid_t pid;
	int start;

	while ((pid = heap_stopped(p->heap, &start))) {
		if (start)
			arm_started(p, pid);
		else
			run_to_start(p, pid);
		kill(pid, SIGCONT);
	}
}

/* ---- rounds ------------------------------------------------------------ */

/* A window that is open counts up to now. */
static void
cover(struct profiler *p)
{
	uint64_t until = p->window.until;

	if (!p->watching || !p->armed)
		return;
	close_window(p);
	open_window(p);
	p->window.until = until;
}

/* Its last sums, before its end is told of. */
static void
saw_exit(struct profiler *p, const struct perf_record *r)
{
	struct target *t = target_find(p->base.targets, r->pid);

	if (t && t->threads == 1) {
		heap_read(p->heap);
		stackmap_unknown(heap_stacks(p->heap), 0, producer_on_stack, &p->base);
		cover(p);
		tell_sums(p, t->pid);
		p->covered = 0;
	}
}

/* A process of ours was forked, or one has executed a program, for which it
 * stops by itself. */
static void
saw_process(struct profiler *p, const struct perf_record *r)
{
	if (r->type == PERF_FORK && r->pid != r->parent.pid && p->base.children &&
	    target_find(p->base.targets, r->parent.pid)) {
		if (array_room(&p->forked, p->nforked, &p->forked_room, sizeof r->pid) < 0)
			err(STATUS_FAILED, NULL);
		p->forked[p->nforked++] = r->pid;
	}
	for (size_t i = 0; r->type == PERF_EXEC && i < p->nforked; i++)
		if (p->forked[i] == r->pid)
			p->forked[i] = 0;
}

/* What happens to processes until a time.  New code may have new functions
 * that allocate. */
static void
take_records(struct profiler *p, uint64_t until)
{
	const struct follow f = { p->base.targets, p->base.children, NULL };
	struct perf_record r;

	while (!targets_error(p->base.targets) && perf_next(p->perf, until, &r)) {
		struct target *t = target_find(p->base.targets, r.pid);

		if (r.type == PERF_LOST)
			p->perf_lost += r.count;
		if (t && r.type == PERF_EXIT)
			saw_exit(p, &r);
		if (t && r.type == PERF_MAP)
			p->replan = 1;
		saw_process(p, &r);
		if (follow(&f, &r))
			heap_forget(p->heap, r.pid);
	}
}

static void
arm_new(struct profiler *p)
{
	char why[HEAP_WHY];

	for (size_t i = 0; i < p->nforked; i++) {
		struct target *t = target_find(p->base.targets, p->forked[i]);

		if (t && t->told && heap_armed(p->heap, t->pid) == 0)
			arm(p, t, why, sizeof why);
	}
	p->nforked = 0;
	if (!p->replan || !p->watching)
		return;
	p->replan = 0;
	for (size_t i = 0; i < targets_count(p->base.targets); i++) {
		struct target *t = targets_nth(p->base.targets, i);

		if (t->told && heap_armed(p->heap, t->pid))
			arm(p, t, why, sizeof why);
	}
}

static void
do_round(void *ctx, uint64_t until)
{
	struct profiler *p = ctx;
	uint64_t time = proc_now();

	if (until == UINT64_MAX)
		heap_disarm(p->heap, 0);
	if (heap_read(p->heap) < 0)
		err(STATUS_FAILED, NULL);
	stackmap_unknown(heap_stacks(p->heap), 0, producer_on_stack, &p->base);
	take_records(p, until);
	tell_kernel(p);
	take_stopped(p);
	arm_new(p);
	arm_unlearned(p);
	mind_check(p);
	mind_budget(p);
	if (time < p->interval_time + p->o.interval && until != UINT64_MAX)
		return;
	p->final = until == UINT64_MAX;
	cover(p);
	tell_sums(p, 0);
	p->covered = 0;
	p->interval_time = p->time;
	if (p->final || time >= p->ages_time + AGES_NS)
		tell_ages(p);
	tell_lost(p);
	targets_cost(p->base.targets, p->time);
	rec_out_flush(&p->base.out);
}

static int
wait_for_news(void *ctx, struct pollfd *fd, size_t n, int milliseconds)
{
	struct profiler *p = ctx;

	return perf_wait(p->perf, fd, n, milliseconds);
}

static uint64_t
next_round(void *ctx)
{
	const struct profiler *p = ctx;
	uint64_t next = proc_now() + (p->check.since ? CHECK_ROUND_NS : ROUND_NS);

	if (p->interval_time + p->o.interval < next)
		next = p->interval_time + p->o.interval;
	return p->window.until < next ? p->window.until : next;
}

/* ---- beginning --------------------------------------------------------- */

static void
open_all(struct profiler *p)
{
	const struct heap_options ho = { .children = p->base.children,
		.all_callers = p->o.all_callers,
		.stop_at_exec = p->base.children || p->base.held,
		.max_bytes = p->o.live << 20 };
	const struct perf_options po = { .program = -1, .watch = 1,
		.children = p->base.children };
	char why[HEAP_WHY];

	p->heap = heap_new(&ho, why);
	if (p->heap == NULL)
		errx(errno == EPERM || errno == EACCES ? STATUS_PERM : STATUS_FAILED,
		    "process %d: %s", (int)p->base.pid, why);
	p->perf = perf_new(&po);
	if (p->perf == NULL)
		err(STATUS_FAILED, NULL);
	if (perf_attach_all(p->perf) < 0)
		errx(errno == EPERM || errno == EACCES ? STATUS_PERM : STATUS_FAILED,
		    "process %d: events of all processes are not permitted (%s): run as "
		    "root, or give CAP_PERFMON", (int)p->base.pid, strerror(errno));
	p->places = sites_new();
	if (p->places == NULL)
		err(STATUS_FAILED, NULL);
}

/* A process that runs. */
static void
begin_attached(struct profiler *p, struct target *t)
{
	char why[HEAP_WHY];
	int error;

	put_header(p);
	target_describe(p->base.targets, t, NULL);
	prepare(p, t);
	if (arm(p, t, why, sizeof why) < 0 && !producer_stopped()) {
		error = errno;
		if (proc_has_ended(p->base.pid))
			errx(STATUS_NOPROC, "process %d has ended", (int)p->base.pid);
		errx(error == EPERM || error == EACCES ? STATUS_PERM : STATUS_NOTHING,
		    "process %d: %s", (int)p->base.pid, why);
	}
	watch_again(p);
	begin_check(p);
	rec_out_flush(&p->base.out);
}

/* A command held by rsprof-exec(1): probes come when it has become what it will
 * be. */
static void
begin_held(struct profiler *p)
{
	put_header(p);
	rec_out_flush(&p->base.out);
}

static void
begin(struct profiler *p)
{
	struct target *t;

	open_all(p);
	t = target_add(p->base.targets, p->base.pid);
	if (t == NULL || heap_track(p->heap, p->base.pid) < 0)
		err(STATUS_FAILED, NULL);
	p->hit_ns = heap_hit_cost(p->heap);
	p->period = p->o.period;
	p->budget.share = p->o.given ? p->o.budget / 100.0 : 0;
	p->interval_time = p->ages_time = proc_now();
	if (p->base.held)
		begin_held(p);
	else
		begin_attached(p, t);
	require(&p->base, producer_ready(&p->base));
}

/* Show what would be probed. */
static int
show_plan(const struct options *o)
{
	const struct probe_plan_options po = { .all_callers = o->all_callers };
	char why[HEAP_WHY];
	uint64_t pid;
	struct probe_plan *plan;

	if (arg_number(o->file, 1, INT_MAX, &pid) == 0)
		plan = probe_plan_of_process((pid_t)pid, &po, why, sizeof why);
	else
		plan = probe_plan_of_file(o->file, &po, why, sizeof why);
	if (plan == NULL && (errno == ENOENT || errno == ESRCH))
		errx(STATUS_NOPROC, "%s: no such process or file", o->file);
	if (plan == NULL && (errno == EACCES || errno == EPERM))
		errx(STATUS_PERM, "%s: %s", o->file, why);
	if (plan == NULL)
		errx(STATUS_NOTHING, "%s: %s", o->file, why);
	probe_plan_print(stdout, plan);
	if (plan->nprobe == 0 && plan->nguess)
		printf("which of %zu functions allocate is found out by what they do\n",
		    plan->nguess);
	probe_plan_free(plan);
	close_output();
	return 0;
}

/* -g: what the same options, but for those that are about probes, mean to
 * rsprof-growth(1), which is where this is. */
static void
become_growth(int argc, char *argv[])
{
	char path[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof "rsprof-growth");
	char **arg = calloc((size_t)argc * 2 + 2, sizeof *arg);
	int c, to = 0;

	if (arg == NULL || n < 0)
		err(STATUS_FAILED, NULL);
	path[n] = '\0';
	slash = strrchr(path, '/');
	strcpy(slash ? slash + 1 : path, "rsprof-growth");
	arg[to++] = path;
	optind = 1;
	while ((c = getopt(argc, argv, OPTIONS)) != -1) {
		if (strchr("bcmnrR", c))
			errx(STATUS_USAGE, "-g and -%c: page faults need no probes", c);
		if (c == 'g')
			continue;
		if (asprintf(&arg[to], "-%c%s", c, optarg && strchr("dips", c) ? optarg
		                                                            : "") < 0)
			err(STATUS_FAILED, NULL);
		to++;
	}
	if (optind != argc)
		usage();
	execv(path, arg);
	err(STATUS_FAILED, "%s", path);
}

static void
parse_options(struct producer *b, struct options *o, int argc, char *argv[])
{
	int c, budget = 0;

	while ((c = getopt(argc, argv, OPTIONS)) != -1)
		switch (c) {
		case 'b':
			o->budget = option_number(c, optarg, 1, 100,
			    "a percentage from 1 to 100");
			o->given = budget = 1;
			break;
		case 'c': o->all_callers = 1; break;
		case 'd': b->duration = option_duration(optarg); break;
		case 'f': b->children = 1; break;
		case 'g': become_growth(argc, argv); break;
		case 'i': o->interval = option_interval(optarg); break;
		case 'm':
			o->live = option_number(c, optarg, 8, 1 << 20,
			    "a number of MiB from 8 to 1048576");
			break;
		case 'n': o->plan_only = 1; break;
		case 'p': b->pid = option_pid(optarg); break;
		case 'r': b->held = c; break;
		case 'R': b->ready = option_ready(optarg); break;
		case 's':
			o->period = option_number(c, optarg, 0, 1ULL << 40,
			    "a number of bytes from 0 to 2^40");
			o->given = 1;
			break;
		case 'V':
			print_version("rsprof-heap");
		default: usage();
		}
	if (o->given && !budget)
		o->budget = 0;
	if (o->plan_only && optind + 1 == argc)
		o->file = argv[optind++];
	if ((b->pid == 0) != o->plan_only || (o->plan_only && o->file == NULL) ||
	    optind != argc)
		usage();
}

int
main(int argc, char *argv[])
{
	static const struct producer_ops ops = { wait_for_news, next_round, do_round };
	static struct profiler p = {
		.base = { .name = "heap", .object = "heap to profile", .ready = -1 },
		.o = { .interval = INTERVAL_NS, .live = LIVE_DEFAULT,
		    .budget = BUDGET_DEFAULT }
	};
	int status;

	parse_options(&p.base, &p.o, argc, argv);
	if (p.o.plan_only)
		return show_plan(&p.o);
	require(&p.base, producer_open(&p.base));
	begin(&p);
	producer_wake_on(&p.base, heap_fd(p.heap));
	status = report(&p.base, producer_run(&p.base, &ops, &p));
	if (status == STATUS_OK && !p.armed)
		status = STATUS_NOTHING;
	heap_free(p.heap);
	perf_free(p.perf);
	sites_free(p.places);
	probe_plan_free(p.plan);
	free(p.forked);
	discovered_free(&p.learned);
	return finish(&p.base, status);
}
