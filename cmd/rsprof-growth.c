/*
 * rsprof-growth tells what makes the resident memory of a process grow: whose
 * page faults its pages came by, and whether they are still there.  No probes,
 * no privileges.
 *
 * Out: heap  5124000000000  4242  4243  9f86d081  allocs=12  bytes=49152 ...
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/arg.h"
#include "base/array.h"
#include "cmd/status.h"
#include "heap/heap.h"
#include "heap/pagemap.h"
#include "heap/sites.h"
#include "os/perf.h"
#include "os/proc.h"
#include "sample/follow.h"
#include "sample/sampler.h"
#include "sample/target.h"
#include "stream/header.h"
#include "stream/rec.h"
#include "unwind/addrspace.h"
#include "unwind/unwind.h"

#define INTERVAL_NS 1000000000
#define ROUND_MS 20           /* between two looks at faults, at most */
#define DELAY_NS 1000000      /* see perf_next() */
#define RELOOK_NS 100000000   /* between two looks at unknown code */
#define COPY 16384            /* bytes of a stack */
#define RATE 4000             /* faults a second: for the ring's size */
#define SAMPLE_DEFAULT 65536  /* bytes, by pages, for one fault that is told */

struct options {
	pid_t pid;
	uint64_t interval, duration, sample;
	int children;
};

/* The pages of a process, and their sum. */
struct process {
	pid_t pid;
	struct pagemap *pages;
	uint64_t live, peak; /* pages */
	uint64_t live_before; /* when it was told last */
	uint64_t told;        /* pages that have come by faults that were told, */
	uint64_t come;        /* and in all, since then */
};

struct profiler {
	struct options o;
	unsigned every; /* one fault in so many is told */
	struct sampler *sampler;
	struct targets *targets;
	struct sites *places;
	struct rec_out out;
	struct addrspace_walk walk;
	struct process *process;
	size_t n, room;
	uint64_t time; /* of the interval that is told, and of the last one */
	uint64_t lost, damaged;
	int64_t strange, strange_before, strange_told; /* pages; in all */
};

static volatile sig_atomic_t stop;

static void
usage(void)
{
	fputs("usage: rsprof-growth [-fV] [-d DURATION] [-i INTERVAL] [-s BYTES] -p PID\n",
	    stderr);
	exit(STATUS_USAGE);
}

static void
on_signal(int sig)
{
	stop = sig;
}

static void
put_header(struct profiler *p)
{
	struct rec r;

	header_begin(&r, "heap");
	header_add(&r, "unit=bytes");
	header_add(&r, "pid=%d", (int)p->o.pid);
	header_add(&r, "mode=growth");
	header_add(&r, "sample=%" PRIu64, p->every > 1 ? p->o.sample : 0);
	header_add(&r, "interval=%" PRIu64, p->o.interval);
	header_add(&r, "scope=%s", sampler_user_only(p->sampler) ? "user" : "all");
	header_add(&r, "stacks=copy");
	header_add(&r, "copy=%d", COPY);
	header_end(&r);
	targets_put(p->targets, &r);
}

/* ---- faults ------------------------------------------------------------ */

static struct process *
find_process(struct profiler *p, pid_t pid)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->process[i].pid == pid)
			return &p->process[i];
	return NULL;
}

/* From now on.  NULL: it has ended. */
static struct process *
add_process(struct profiler *p, pid_t pid)
{
	struct pagemap *pages = pagemap_new(pid);

	if (pages == NULL && errno == ENOMEM)
		err(STATUS_FAILED, NULL);
	if (pages == NULL)
		return NULL;
	if (array_room(&p->process, p->n, &p->room, sizeof *p->process) < 0)
		err(STATUS_FAILED, NULL);
	p->process[p->n] = (struct process){ .pid = pid, .pages = pages };
	return &p->process[p->n++];
}

static void
walk(struct profiler *p, struct target *t, const struct perf_record *r,
    struct rec_ref *leaf)
{
	const struct unwind_stack stack = { .bytes = r->sample.stack,
		.sp = r->sample.regs.sp, .len = r->sample.len };

	addrspace_walk(&t->space, &stack, r->sample.regs, &p->walk);
	if (p->walk.unknown && r->time >= t->looked + RELOOK_NS) {
		target_look(p->targets, t);
		addrspace_walk(&t->space, &stack, r->sample.regs, &p->walk);
	}
	targets_walk(p->targets, &p->walk, leaf);
}

static void
saw_fault(struct profiler *p, const struct perf_record *r)
{
	struct target *t = target_find(p->targets, r->pid);
	struct process *process = find_process(p, r->pid);
	struct rec_ref leaf = { 0, "no-stack" };
	struct site *place;

	if (t == NULL || (process == NULL && (process = add_process(p, r->pid)) == NULL))
		return;
	if (!t->told)
		target_describe(p->targets, t, NULL);
	target_meet(p->targets, r->time, t, r->tid);
	if (r->sample.has_user)
		walk(p, t, r, &leaf);
	place = sites_get(p->places, r->pid, r->tid, leaf);
	if (place == NULL || pagemap_fault(process->pages, r->sample.addr, place->index) < 0)
		err(STATUS_FAILED, NULL);
}

/* ---- sums -------------------------------------------------------------- */

struct summing {
	struct profiler *p;
	struct process *process;
};

static void
saw_change(void *ctx, const struct pagemap_change *c)
{
	struct summing *s = ctx;
	uint64_t come = c->come * s->p->every, gone = c->gone * s->p->every;
	struct heap_change h = { .samples = c->come, .allocs = come,
		.bytes = come * PAGEMAP_SIZE, .frees = gone, .freed = gone * PAGEMAP_SIZE };

	if (c->owner != PAGEMAP_UNKNOWN)
		sites_add(s->p->places, sites_nth(s->p->places, c->owner), &h);
	else if (s->p->every == 1)
		s->p->strange += (int64_t)c->come;
	if (c->owner != PAGEMAP_UNKNOWN)
		s->process->told += c->come;
	s->process->come += c->come;
	s->process->live += c->come - c->gone;
	if (s->process->live > s->process->peak)
		s->process->peak = s->process->live;
}

static void
tell_place(void *ctx, struct site *place)
{
	struct profiler *p = ctx;
	struct rec r = { .type = REC_HEAP };

	r.heap = place->sum;
	r.heap.time = p->time;
	targets_put(p->targets, &r);
}

/* What has come and gone, so that it makes the change that is there.  What
 * has come is an estimate where not all faults are told, and what came by faults
 * that were not is in it already. */
static void
settle(const struct profiler *p, struct process *process, struct rec_memory *m)
{
	uint64_t more = process->live - process->live_before;

	m->allocs = process->come;
	if (p->every > 1) {
		m->allocs = process->told * p->every;
		if ((int64_t)(m->allocs - more) < 0)
			m->allocs = more;
	}
	m->frees = m->allocs - more;
	process->live_before = process->live;
	process->told = process->come = 0;
}

static void
tell_memory(struct profiler *p, struct process *process)
{
	struct rec r = { .type = REC_MEMORY };

	settle(p, process, &r.memory);
	r.memory.time = p->time;
	r.memory.pid = (uint64_t)process->pid;
	r.memory.bytes = r.memory.allocs * PAGEMAP_SIZE;
	r.memory.freed = r.memory.frees * PAGEMAP_SIZE;
	r.memory.count = process->live;
	r.memory.live = process->live * PAGEMAP_SIZE;
	r.memory.peak = process->peak * PAGEMAP_SIZE;
	r.memory.covered = p->o.interval;
	proc_memory(process->pid, &r.memory.rss, &r.memory.anon);
	targets_put(p->targets, &r);
}

/* Which of a process' pages are there. */
static void
look(struct profiler *p, struct process *process)
{
	struct summing s = { p, process };

	if (pagemap_scan(process->pages, saw_change, &s) < 0 && errno == ENOMEM)
		err(STATUS_FAILED, NULL);
}

/* Pages of which no fault is told, even late. */
static void
tell_strange(struct profiler *p, int last)
{
	int64_t n = p->strange;
	uint64_t count = 0;

	if (!last && p->strange_before < n)
		n = p->strange_before;
	if (n > p->strange_told) {
		count = (uint64_t)(n - p->strange_told);
		p->strange_told = n;
	}
	p->strange_before = p->strange;
	targets_lost(p->targets, p->time, &count, "strange-pages");
}

static void
sum_up(struct profiler *p, int last)
{
	p->time = proc_now();
	for (size_t i = 0; i < p->n; i++)
		look(p, &p->process[i]);
	sites_emit(p->places, 0, tell_place, p);
	for (size_t i = 0; i < p->n; i++)
		tell_memory(p, &p->process[i]);
	targets_lost(p->targets, p->time, &p->lost, "ring-full");
	targets_lost(p->targets, p->time, &p->damaged, "damaged");
	tell_strange(p, last);
	targets_cost(p->targets, p->time);
}

/* ---- the loop ---------------------------------------------------------- */

/* What lived when it ended lives for ever: nobody can look any more. */
static void
saw_exit(struct profiler *p, pid_t pid)
{
	struct process *process = find_process(p, pid);
	const struct target *t = target_find(p->targets, pid);

	if (process == NULL || t == NULL || t->threads > 1)
		return;
	p->time = proc_now();
	sites_emit(p->places, pid, tell_place, p);
	tell_memory(p, process);
	pagemap_free(process->pages);
	*process = p->process[--p->n];
}

/* Its memory is another one. */
static void
saw_exec(struct profiler *p, pid_t pid)
{
	struct process *process = find_process(p, pid);
	struct summing s = { p, process };
	struct pagemap *new;

	if (process == NULL)
		return;
	pagemap_end(process->pages, saw_change, &s);
	new = pagemap_new(pid);
	if (new == NULL)
		return;
	pagemap_free(process->pages);
	process->pages = new;
}

static void
take(struct profiler *p, const struct perf_record *r)
{
	const struct follow f = { p->targets, p->o.children, NULL };

	switch (r->type) {
	case PERF_SAMPLE: saw_fault(p, r); return;
	case PERF_LOST: p->lost += r->count; return;
	case PERF_DAMAGED: p->damaged++; return;
	case PERF_THROTTLE: return;
	case PERF_EXIT: saw_exit(p, r->pid); break;
	case PERF_EXEC: saw_exec(p, r->pid); break;
	default: break;
	}
	follow(&f, r);
}

static void
do_round(struct profiler *p, uint64_t until)
{
	struct cpu_walked none;
	struct perf_record r;
	int last = until == UINT64_MAX;

	while (!targets_error(p->targets) &&
	    sampler_next(p->sampler, until, &r, &none) != SAMPLER_NONE)
		take(p, &r);
	targets_ready(p->targets);
	if (last || proc_now() >= p->time + p->o.interval)
		sum_up(p, last);
	rec_out_flush(&p->out);
}

static int
wait_time(const struct profiler *p, uint64_t end)
{
	uint64_t t = proc_now(), next = p->time + p->o.interval;

	if (end < next)
		next = end;
	next = next > t ? next - t : 0;
	return next < ROUND_MS * 1000000ULL ? (int)(next / 1000000) + 1 : ROUND_MS;
}

/* Until something ends it: its name, or NULL where the reader went. */
static const char *
loop(struct profiler *p, int pidfd)
{
	uint64_t end = UINT64_MAX;
	int ended = 0, ready;

	if (p->o.duration)
		end = proc_now() + p->o.duration;
	while (!stop && proc_now() < end) {
		ready = sampler_wait(p->sampler, ended ? -1 : pidfd, STDOUT_FILENO,
		    targets_fd(p->targets), wait_time(p, end));
		if (ready < 0 && errno != EINTR)
			err(STATUS_FAILED, "poll");
		if (ready > 0 && (ready & 2))
			return NULL;
		if (ready > 0 && (ready & 1))
			ended = 1;
		do_round(p, proc_now() - DELAY_NS);
		if (targets_error(p->targets))
			return NULL;
		if (ended && (!p->o.children || targets_count(p->targets) == 0))
			return "exited";
	}
	return stop ? "stopped" : "duration";
}

static int
finish(struct profiler *p, const char *reason)
{
	int error;

	if (reason) {
		do_round(p, UINT64_MAX);
		targets_end(p->targets, proc_now(), reason);
		rec_out_flush(&p->out);
	}
	error = targets_error(p->targets);
	if (reason && !error)
		return 0;
	/* Whoever closes a pipe early knows it. */
	if (error && error != EPIPE)
		warnx("%s%s", error == p->out.error ? CANNOT_WRITE ": " : "",
		    strerror(error));
	return STATUS_FAILED;
}

/* ---- beginning --------------------------------------------------------- */

static void
check_target(const struct options *o)
{
	struct proc_stat st;

	if (proc_stat(o->pid, &st) < 0)
		errx(STATUS_NOPROC, "no process %d", (int)o->pid);
	if (st.state == 'Z' || st.state == 'X')
		errx(STATUS_NOPROC, "process %d is a zombie: it has ended, its parent "
		    "%d has not waited for it", (int)o->pid, (int)st.ppid);
	if (st.kernel)
		errx(STATUS_NOTHING, "process %d (%s) is a kernel thread: it has no "
		    "memory of its own", (int)o->pid, st.name);
}

static void
refuse(const struct options *o, const char *what, int error)
{
	int permission = error == EACCES || error == EPERM || error == ENOSYS;

	errx(permission ? STATUS_PERM : STATUS_FAILED, "process %d: %s: %s%s", (int)o->pid,
	    what, strerror(error), permission
	        ? ": it must be yours, and sysctl kernel.perf_event_paranoid at most 2; "
	          "or give CAP_PERFMON and CAP_SYS_PTRACE, or run as root"
	        : "");
}

/* Events come first: what comes meanwhile is then told of. */
static void
begin(struct profiler *p)
{
	const struct perf_event faults = { "page-faults", PERF_TYPE_SOFTWARE,
		PERF_COUNT_SW_PAGE_FAULTS, p->every };
	const struct sampler_options so = { .pid = p->o.pid, .event = &faults, .hz = RATE,
		.copy = COPY, .address = 1, .children = p->o.children, .force_copy = 1 };
	struct target *t;
	int got;

	p->sampler = sampler_new(&so);
	p->targets = targets_new(&p->out, "heap");
	p->places = sites_new();
	if (p->sampler == NULL || p->targets == NULL || p->places == NULL ||
	    (t = target_add(p->targets, p->o.pid)) == NULL)
		err(STATUS_FAILED, NULL);
	got = sampler_attach(p->sampler);
	if (got < 0)
		refuse(&p->o, "page faults cannot be counted", errno);
	if (got == 0 || (add_process(p, p->o.pid) == NULL && errno == ENOENT))
		errx(STATUS_NOPROC, "process %d has ended", (int)p->o.pid);
	if (p->n == 0)
		refuse(&p->o, "its pages cannot be looked at", errno);
	put_header(p);
	target_describe(p->targets, t, NULL);
	if (sampler_user_only(p->sampler))
		targets_note(p->targets, proc_now(), "pages that the kernel touches first, as "
		    "read(2) does, are not seen to come by a fault: events in the kernel are "
		    "not permitted");
	rec_out_flush(&p->out);
	p->time = proc_now();
}

static int
profile(struct profiler *p)
{
	int status, pidfd = (int)syscall(SYS_pidfd_open, p->o.pid, 0);

	if (pidfd < 0 && errno == ESRCH)
		errx(STATUS_NOPROC, "process %d has ended", (int)p->o.pid);
	if (pidfd < 0)
		err(STATUS_FAILED, "process %d", (int)p->o.pid);
	begin(p);
	status = finish(p, loop(p, pidfd));
	close(pidfd);
	return status;
}

static void
catch_signals(void)
{
	static const int sig[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction a, old;

	memset(&a, 0, sizeof a);
	a.sa_handler = on_signal;
	for (size_t i = 0; i < sizeof sig / sizeof *sig; i++) {
		sigaction(sig[i], NULL, &old);
		if (old.sa_handler != SIG_IGN) /* as nohup(1) wants it */
			sigaction(sig[i], &a, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

static void
parse_options(struct options *o, int argc, char *argv[])
{
	uint64_t n;
	int c;

	while ((c = getopt(argc, argv, "d:fi:p:s:V")) != -1)
		switch (c) {
		case 'd':
			if (arg_duration(optarg, &o->duration) < 0 || o->duration == 0)
				errx(STATUS_USAGE, "-d %s: not a duration, such as 30s, 5m "
				    "or 1h30m", optarg);
			break;
		case 'f': o->children = 1; break;
		case 'i':
			if (arg_duration(optarg, &o->interval) < 0 || o->interval < 10000000)
				errx(STATUS_USAGE, "-i %s: not a duration of 10ms or more",
				    optarg);
			break;
		case 'p':
			if (arg_number(optarg, 1, INT_MAX, &n) < 0)
				errx(STATUS_USAGE, "-p %s: not a process number", optarg);
			o->pid = (pid_t)n;
			break;
		case 's':
			if (arg_number(optarg, 1, 1 << 30, &o->sample) < 0)
				errx(STATUS_USAGE, "-s %s: not a number of bytes from 1 to 2^30",
				    optarg);
			break;
		case 'V':
			print_version("rsprof-growth");
		default: usage();
		}
	if (o->pid == 0 || optind != argc)
		usage();
}

int
main(int argc, char *argv[])
{
	static struct profiler p = { .o = { .interval = INTERVAL_NS,
		.sample = SAMPLE_DEFAULT } };
	int status;

	parse_options(&p.o, argc, argv);
	check_target(&p.o);
	catch_signals();
	p.every = (unsigned)((p.o.sample + PAGEMAP_SIZE - 1) / PAGEMAP_SIZE);
	p.o.sample = (uint64_t)p.every * PAGEMAP_SIZE;
	rec_out_init(&p.out, STDOUT_FILENO, REC_PRODUCER_MAX);
	status = profile(&p);
	for (size_t i = 0; i < p.n; i++)
		pagemap_free(p.process[i].pages);
	free(p.process);
	sampler_free(p.sampler);
	targets_free(p.targets);
	sites_free(p.places);
	if (close(STDOUT_FILENO) < 0 && status == 0)
		err(STATUS_FAILED, CANNOT_WRITE);
	return status;
}
