/*
 * rsprof-heap reports where a process allocates its memory.  The process need not
 * be prepared: probes at its allocation functions let the kernel sum up their calls
 * by stack.
 *
 * Out: heap  5124000000000  4242  4243  9f86d081  allocs=12  bytes=4096 ...
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/producer.h"
#include "cmd/status.h"
#include "heap/arming.h"
#include "heap/duty.h"
#include "heap/emitter.h"
#include "heap/heap.h"
#include "heap/inside.h"
#include "heap/inside_children.h"
#include "heap/probe_plan.h"
#include "heap/sites.h"
#include "heap/source.h"
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
#define ROUND_NS 100000000  /* between two rounds, at most */
#define AGES_NS 10000000000 /* between two snapshots of ages, at least */
#define LIVE_DEFAULT 1024   /* MiB of kernel memory for live allocations, at most */
#define BUDGET_DEFAULT 10   /* percent of the CPU time, without -s and -b */

struct options {
	const char *file; /* argument of -n */
	uint64_t period, budget, interval, live;
	int all_callers, plan_only;
	int gate;   /* -I: sample inside the process */
	int asked;  /* -A: where it may be asked for, later; -1: nowhere */
	int probes; /* -P: never do that */
	int given; /* -s or -b is: nothing is chosen for the user */
	int by_size; /* -s is */
};

struct profiler {
	struct producer base;
	struct options o;
	struct source source;
	struct heap *heap; /* of source, as perf is */
	struct perf *perf;
	struct sites *sites;
	struct arming arming;
	struct duty duty;
	struct emitter emitter;
	struct inside inside;
	struct inside_children children;
	uint64_t interval_time; /* end of the last interval */
	uint64_t ages_time;     /* of the last snapshot of ages */
};

#define OPTIONS "A:b:cd:fghi:Im:np:PrR:s:V"

static const char synopsis[] =
    "usage: rsprof-heap [-cfghIPrV] [-A FD] [-b PERCENT] [-d DURATION] "
    "[-i INTERVAL]\n       [-m MIB] [-R FD] [-s BYTES] -p PID\n"
    "       rsprof-heap -n [-c] PID | FILE\n";

static void
emit_header(struct profiler *p)
{
	struct rec r;

	header_begin(&r, "heap");
	header_add(&r, "unit=bytes");
	header_add(&r, "pid=%d", (int)p->base.pid);
	header_add(&r, "sample=%" PRIu64, p->o.period);
	header_add(&r, "budget=%" PRIu64, p->o.budget);
	header_add(&r, "interval=%" PRIu64, p->o.interval);
	header_add(&r, "stacks=%s", heap_has_probes(p->heap) ? "bpf" : "copy");
	header_end(&r);
	targets_emit(p->base.targets, &r);
	source_note(&p->source, &p->base);
}

/* ---- code -------------------------------------------------------------- */

static int
put_maps(void *ctx, struct addrspace *space, const struct module **full)
{
	return heap_put(ctx, space, full);
}

/* Give the kernel new mappings and tables. */
static void
flush_maps(struct profiler *p)
{
	require(&p->base,
	    producer_put_maps(&p->base, put_maps, p->heap, "stacks end there"));
}

/* Wait for all tables of a process, and give them to the kernel. */
static void
load_tables(struct profiler *p, struct target *t)
{
	for (size_t i = 0; i < t->space.n; i++)
		module_wait(t->space.map[i].module);
	t->space.changed = 1;
	flush_maps(p);
}

/* Sample inside the process if that is asked for.  Returns 0 if probes are to be armed. */
static int
try_inside(struct profiler *p)
{
	if (inside_begin(&p->inside))
		return 1;
	if (p->o.gate)
		warnx("allocations are not sampled inside the process: %s", p->inside.why);
	return 0;
}

/* ---- processes that start ---------------------------------------------- */

/* Probe a process that has stopped itself at its first instruction. */
static void
arm_started(struct profiler *p, pid_t pid)
{
	struct target *t = target_find(p->base.targets, pid);
	const char *refused;
	char why[HEAP_WHY];
	int n;

	heap_stop_at(p->heap, pid, NULL, 0);
	if (t == NULL || !t->emitted)
		return;
	target_scan(p->base.targets, t);
	load_tables(p, t);
	if (inside_children_started(&p->children, pid, &refused) ||
	    (pid == p->base.pid && try_inside(p)))
		return;
	if (!heap_has_probes(p->heap)) {
		/* As a script does that ends with `exec'. */
		inside_run_to_start(&p->inside);
		return;
	}
	p->arming.standing = 1;
	n = pid == p->base.pid ? inside_arm(&p->inside, t, why, sizeof why)
	                       : arming_process(&p->arming, t, why, sizeof why);
	if (pid == p->base.pid)
		duty_release(&p->duty);
	if (n < 0)
		producer_note(&p->base, "process %d: %s", (int)pid, why);
	else if (n > 0 && refused)
		producer_note(&p->base, "process %d is not sampled inside: %s", (int)pid, refused);
	else if (n > 0 && pid == p->base.pid) {
		p->arming.standing = 0;
		duty_begin(&p->duty);
		duty_begin_check(&p->duty);
	}
}

/* ---- rounds ------------------------------------------------------------ */

/* Emit the sums of a process, or (0) of all, unless nothing has been probed yet. */
static void
emit_sums(struct profiler *p, pid_t pid)
{
	if (p->arming.any && emitter_sums(&p->emitter, pid) < 0)
		err(STATUS_FAILED, NULL);
}

/* Emit the sums of a process before the exit record of its last thread. */
static void
on_last_exit(struct profiler *p, const struct perf_record *r)
{
	struct target *t = target_find(p->base.targets, r->pid);

	if (t && t->threads == 1) {
		heap_read(p->heap);
		stackmap_unresolved(heap_stacks(p->heap), 0, producer_on_stack, &p->base);
		emit_sums(p, t->pid);
	}
}

/* Handle what has happened to processes until a time. */
static void
read_records(struct profiler *p, uint64_t until)
{
	const struct follow f = { p->base.targets, p->base.children };
	struct perf_record r;
	uint64_t lost = 0;

	while (p->perf && !targets_error(p->base.targets) && perf_next(p->perf, until, &r)) {
		struct target *t = target_find(p->base.targets, r.pid);

		if (r.type == PERF_LOST)
			lost += r.count;
		if (t && r.type == PERF_EXIT)
			on_last_exit(p, &r);
		if (arming_on_record(&p->arming, &r) < 0)
			err(STATUS_FAILED, NULL);
		if (follow(&f, &r))
			heap_forget(p->heap, r.pid);
	}
	if (lost)
		arming_make_up(&p->arming, lost);
}

/* Read the records of a process that has stopped itself at its first instruction, up
 * to its execve(2).  One that was lost is made up for. */
static void
read_exec(struct profiler *p, pid_t pid)
{
	struct target *t = target_find(p->base.targets, pid);
	struct proc_stat st;

	if (t == NULL || t->emitted)
		return;
	read_records(p, producer_visible());
	t = target_find(p->base.targets, pid);
	if (t && !t->emitted && proc_stat(pid, &st) == 0)
		target_exec(p->base.targets, proc_now(), t, pid, st.name);
}

/* Handle processes that have stopped themselves, or were stopped by a guard at their first
 * instruction, and continue them. */
static void
continue_stopped(struct profiler *p)
{
	pid_t pid = p->base.pid;
	int start = inside_has_started(&p->inside);

	if (start < 0)
		producer_note(&p->base, "allocations are not recorded: %s", p->inside.why);
	if (start > 0) {
		read_exec(p, pid);
		arm_started(p, pid);
		kill(pid, SIGCONT);
	}
	while ((pid = heap_stopped(p->heap, &start))) {
		if (start) {
			read_exec(p, pid);
			arm_started(p, pid);
		} else {
			arming_stop_at_start(&p->arming, pid);
		}
		kill(pid, SIGCONT);
	}
}

static void
read_heap(struct heap *h)
{
	if (heap_read(h) == 0)
		return;
	if (errno == ECANCELED)
		errx(STATUS_FAILED, "the probes are gone: the child process rsprof-uprobes, "
		    "which held them, was killed");
	err(STATUS_FAILED, NULL);
}

/* Emit what has happened until a time; see struct producer_ops. */
static void
run_round(void *ctx, uint64_t until)
{
	struct profiler *p = ctx;
	uint64_t time = proc_now();
	const char *text;

	if (until == UINT64_MAX)
		heap_disarm(p->heap, 0);
	read_heap(p->heap);
	stackmap_unresolved(heap_stacks(p->heap), 0, producer_on_stack, &p->base);
	read_records(p, until);
	flush_maps(p);
	continue_stopped(p);
	/* Slots that lead through a gate name no functions. */
	duty_arm(&p->duty, p->duty.on && p->inside.guard.fd < 0);
	arming_listen(&p->arming);
	inside_round(&p->inside);
	inside_children_round(&p->children);
	text = duty_round(&p->duty);
	if (text)
		warnx("%s", text);
	if (time < p->interval_time + p->o.interval && until != UINT64_MAX)
		return;
	p->emitter.last = until == UINT64_MAX;
	p->emitter.time = time;
	emit_sums(p, 0);
	p->interval_time = p->emitter.time;
	if (p->emitter.last || time >= p->ages_time + AGES_NS) {
		if (emitter_ages(&p->emitter) < 0)
			err(STATUS_FAILED, NULL);
		p->ages_time = p->emitter.time;
	}
	emitter_lost(&p->emitter);
	arming_lost(&p->arming);
	targets_cost(p->base.targets, p->emitter.time);
	rec_out_flush(&p->base.out);
}

static int
wait_for_news(void *ctx, struct pollfd *fd, size_t n, int milliseconds)
{
	struct profiler *p = ctx;

	return p->perf ? perf_wait(p->perf, fd, n, milliseconds) : poll(fd, n, milliseconds);
}

static uint64_t
next_round(void *ctx)
{
	const struct profiler *p = ctx;
	const uint64_t other[] = { inside_due(&p->inside), inside_children_due(&p->children),
		heap_due(p->heap), p->interval_time + p->o.interval };
	uint64_t due = duty_due(&p->duty, ROUND_NS);

	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		due = other[i] < due ? other[i] : due;
	return due;
}

/* ---- beginning --------------------------------------------------------- */

/* Open what counts, and events of processes.  Exits if that is not possible. */
static void
open_source(struct profiler *p)
{
	const struct heap_options ho = { .children = p->base.children,
		.leaderless = proc_shown(p->base.pid) != p->base.pid,
		.all_callers = p->o.all_callers,
		.stop_at_exec = p->base.children || p->base.held,
		.max_bytes = p->o.live << 20 };
	char why[HEAP_WHY];
	int error = source_open(&p->source, &p->base, &ho, p->o.gate || p->base.held, why);
	int refused = error == EPERM || error == EACCES;

	if (error)
		errx(refused ? STATUS_PERM : STATUS_FAILED, "process %d: %s%s", (int)p->base.pid,
		    why, refused ? "; or sample it inside (-I), if it is one's own" : "");
	p->heap = p->source.heap;
	p->perf = p->source.perf;
	p->sites = sites_new();
	if (p->sites == NULL)
		err(STATUS_FAILED, NULL);
}

/* Emit a running process, and probe it.  Exits if there is nothing to probe. */
static void
begin_attached(struct profiler *p, struct target *t)
{
	char why[HEAP_WHY];
	const char *text;
	int error;

	emit_header(p);
	target_describe(p->base.targets, t);
	load_tables(p, t);
	if (try_inside(p)) {
		rec_out_flush(&p->base.out);
		return;
	}
	if (!heap_has_probes(p->heap))
		exit(STATUS_PERM);
	if (arming_process(&p->arming, t, why, sizeof why) < 0 && !producer_stopped()) {
		error = errno;
		if (proc_has_ended(p->base.pid))
			errx(STATUS_NOPROC, "process %d has ended", (int)p->base.pid);
		if (p->arming.waiting) {
			producer_note(&p->base, "process %d: %s", (int)p->base.pid, why);
			warnx("process %d: %s: libraries that it loads are awaited",
			    (int)p->base.pid, why);
			rec_out_flush(&p->base.out);
			return;
		}
		errx(error == EPERM || error == EACCES ? STATUS_PERM
		        : error                        ? STATUS_FAILED
		                                       : STATUS_NOTHING,
		    "process %d: %s", (int)p->base.pid, why);
	}
	duty_begin(&p->duty);
	duty_begin_check(&p->duty);
	text = duty_try(&p->duty);
	if (text)
		warnx("%s", text);
	rec_out_flush(&p->base.out);
}

/* Begin with a command held by rsprof-exec(1), which is probed when it starts. */
static void
begin_held(struct profiler *p)
{
	emit_header(p);
	duty_hold(&p->duty);
	if (!heap_has_probes(p->heap)) {
		if (inside_run_to_start(&p->inside))
			errx(STATUS_PERM, "process %d: allocations are not recorded: %s",
			    (int)p->base.pid, p->inside.why);
	}
	rec_out_flush(&p->base.out);
}

/* Set up the parts, and begin with the process. */
static void
begin(struct profiler *p)
{
	struct target *t;

	open_source(p);
	t = target_add(p->base.targets, p->base.pid);
	if (t == NULL || heap_track(p->heap, p->base.pid) < 0)
		err(STATUS_FAILED, NULL);
	p->arming = (struct arming){ .producer = &p->base, .heap = p->heap,
		.all_callers = p->o.all_callers, .no_samplers = p->o.by_size,
		.forked_inside = inside_children_forked, .ctx = &p->children };
	p->duty = (struct duty){ .arming = &p->arming, .period = p->o.period,
		.percent = (unsigned)p->o.budget, .fixed = p->o.given,
		.hit_ns = heap_hit_cost(p->heap),
		.inside = inside_take_over, .ctx = &p->inside };
	p->emitter = (struct emitter){ .producer = &p->base, .heap = p->heap,
		.children = &p->children, .duty = &p->duty, .sites = p->sites,
		.age_step = p->o.interval };
	p->children.root = &p->inside;
	p->inside = (struct inside){ .arming = &p->arming, .duty = &p->duty,
		.pid = p->base.pid, .guard.fd = -1,
		.wanted = p->o.gate || !heap_has_probes(p->heap) ||
		    (p->base.held && p->o.period && !p->o.probes),
		.never = p->o.probes, .asked = p->o.asked };
	p->interval_time = p->ages_time = proc_now();
	if (p->base.held)
		begin_held(p);
	else
		begin_attached(p, t);
	require(&p->base, producer_ready(&p->base));
}

/* Say what is missing from the sums.  Returns the exit status. */
static int
report_missing(const struct arming *a)
{
	if (!a->any) {
		warnx("process %d: %s", (int)a->producer->pid, arming_why(a));
		return STATUS_NOTHING;
	}
	if (a->missing) {
		warnx("allocations are missing: %" PRIu64 " functions or files are not probed; "
		    "the notes say why", a->missing);
		return STATUS_FAILED;
	}
	if (a->doubts)
		warnx("allocations may be missing: the notes say why");
	return STATUS_OK;
}

/* Print what would be probed (-n).  Returns the exit status. */
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

/* Execute rsprof-growth(1), from the same directory, with the options that it has in
 * common with this command (-g). */
static void
become_growth(int argc, char *argv[])
{
	char path[PATH_MAX];
	char **arg = calloc((size_t)argc * 2 + 2, sizeof *arg);
	int c, to = 0;

	if (arg == NULL)
		err(STATUS_FAILED, NULL);
	if (proc_sibling(path, "rsprof-growth") < 0)
		err(STATUS_FAILED, "/proc/self/exe");
	arg[to++] = path;
	optind = 1;
	while ((c = next_option(argc, argv, OPTIONS, synopsis)) != -1) {
		if (strchr("AbcImnPrR", c))
			errx(STATUS_USAGE, "-g and -%c: page faults need no probes", c);
		if (c == 'g')
			continue;
		if (asprintf(&arg[to], "-%c%s", c, optarg && strchr("dips", c) ? optarg
		                                                            : "") < 0)
			err(STATUS_FAILED, NULL);
		to++;
	}
	if (optind != argc)
		usage(synopsis);
	execv(path, arg);
	err(STATUS_FAILED, "%s", path);
}

static void
parse_options(struct producer *b, struct options *o, int argc, char *argv[])
{
	int c, budget = 0;

	while ((c = next_option(argc, argv, OPTIONS, synopsis)) != -1)
		switch (c) {
		case 'A': o->asked = option_descriptor(c, optarg); break;
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
		case 'I': o->gate = 1; break;
		case 'm':
			if (arg_memory(optarg, 8 << 20, 1ULL << 40, &o->live) < 0)
				errx(STATUS_USAGE, "-m %s: not memory from 8M to 1T", optarg);
			o->live >>= 20;
			break;
		case 'n': o->plan_only = 1; break;
		case 'P': o->probes = 1; break;
		case 'p': b->pid = option_pid(optarg); break;
		case 'r': b->held = c; break;
		case 'R': b->ready = option_ready(optarg); break;
		case 's':
			o->period = option_size(c, optarg, 0, 1ULL << 40,
			    "a number of bytes up to 1T, such as 0 or 64K");
			o->given = o->by_size = 1;
			break;
		}
	if (o->given && !budget)
		o->budget = 0;
	if (o->plan_only && optind + 1 == argc)
		o->file = argv[optind++];
	if ((b->pid == 0) != o->plan_only || (o->plan_only && o->file == NULL) ||
	    optind != argc)
		usage(synopsis);
}

int
main(int argc, char *argv[])
{
	static const struct producer_ops ops = { wait_for_news, next_round, run_round };
	static struct profiler p = {
		.base = { .name = "heap", .object = "heap to profile", .ready = -1 },
		.o = { .interval = INTERVAL_NS, .live = LIVE_DEFAULT,
		    .budget = BUDGET_DEFAULT, .asked = -1 }
	};
	int status;

	parse_options(&p.base, &p.o, argc, argv);
	if (p.o.plan_only)
		return show_plan(&p.o);
	require(&p.base, producer_open(&p.base));
	begin(&p);
	producer_wake_on(&p.base, heap_fd(p.heap));
	status = report(&p.base, producer_run(&p.base, &ops, &p));
	if (status == STATUS_OK)
		status = report_missing(&p.arming);
	inside_children_end(&p.children);
	inside_end(&p.inside);
	windows_end(&p.duty.windows);
	source_close(&p.source);
	sites_free(p.sites);
	arming_clear(&p.arming);
	return finish(&p.base, status);
}
