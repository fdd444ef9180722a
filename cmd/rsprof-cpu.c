/*
 * rsprof-cpu samples the stacks of a process' threads: where they spend CPU time
 * and what they wait for.  The process need not be prepared: stacks are walked with
 * the unwind tables that every binary carries.
 *
 * Out: cpu  5123500000000  4242  4243  9f86d081  10101010
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/cpu.h"
#include "cmd/producer.h"
#include "cmd/status.h"
#include "os/perf.h"
#include "os/proc.h"
#include "sample/follow.h"
#include "sample/producer.h"
#include "sample/refusal.h"
#include "sample/sampler.h"
#include "sample/stackmap.h"
#include "sample/target.h"
#include "stream/header.h"
#include "stream/rec.h"
#include "unwind/addrspace.h"
#include "unwind/unwind.h"

#define COPY_DEFAULT 65528 /* more does not fit into a record of perf */
#define COPY_LEAST 1024
#define OFF_LEAST_US 10    /* waits shorter than this have no stack */
#define ROUND_NS 100000000 /* between two rounds, at most */
#define REST_NS 3000000    /* between two rounds, at least */
#define DELAY_NS 1000000   /* until records of all CPUs are visible: see perf_next() */
#define COST_NS 1000000000 /* between two cost records, at least */
#define OFF_NS 500000000   /* between two sums of waits, at least */

struct options {
	const struct perf_event *event;
	uint64_t hz, copy, off_us;
	int kernel, off, user_walk;
};

struct profiler {
	struct producer base;
	struct options o;
	struct sampler *sampler;
	uint64_t lost, throttled, damaged, missed; /* to be emitted */
	uint64_t samples;   /* emitted, or emitted as lost */
	uint64_t cost_time; /* of the last cost record */
	uint64_t off_time;  /* of the last sum of waits */
	int rust_checked;   /* the user knows if it does not look like Rust */
};

static const char synopsis[] =
    "usage: rsprof-cpu [-cfhkouV] [-d DURATION] [-e EVENT] [-F HZ] "
    "[-m MICROSECONDS]\n       [-R FD] [-s BYTES] -p PID\n";

static void
emit_header(struct profiler *p)
{
	int clock = perf_event_is_clock(p->o.event);
	struct rec r;

	header_begin(&r, "cpu");
	header_add(&r, "hz=%" PRIu64, p->o.hz);
	header_add(&r, "unit=%s", clock ? "ns" : p->o.event->name);
	header_add(&r, "pid=%d", (int)p->base.pid);
	header_add(&r, "scope=%s",
	    sampler_user_only(p->sampler) ? "user"
	        : p->o.kernel             ? "kernel"
	                                  : "all");
	header_add(&r, "stacks=%s", sampler_copies(p->sampler) ? "copy" : "bpf");
	header_add(&r, "copy=%" PRIu64, p->o.copy);
	if (p->o.off)
		header_add(&r, "off=%" PRIu64, p->o.off_us * 1000);
	header_end(&r);
	targets_emit(p->base.targets, &r);
}

/* ---- what the kernel reports ------------------------------------------- */

/* Find the target and thread of a sample, and emit them if they are new.  Returns
 * NULL if the process is not tracked. */
static struct target *
find_sampled(struct profiler *p, uint64_t time, pid_t pid, pid_t tid)
{
	struct target *t = target_find(p->base.targets, pid);

	/* Some kernels' events cannot leave out child processes. */
	if (t == NULL && pid != p->base.pid && !p->base.children)
		return NULL;
	if (t == NULL && (t = target_add(p->base.targets, pid)) == NULL)
		return NULL;
	if (!t->emitted)
		target_describe(p->base.targets, t);
	target_ensure_thread(p->base.targets, time, t, tid);
	return t;
}

static void
emit_sample(struct profiler *p, uint64_t time, pid_t pid, pid_t tid,
    uint64_t count, struct rec_ref stack)
{
	struct rec r = { .type = REC_CPU };

	p->samples++;
	r.cpu.time = time;
	r.cpu.pid = (uint64_t)pid;
	r.cpu.tid = (uint64_t)tid;
	r.cpu.stack = stack;
	r.cpu.ns = count;
	targets_emit(p->base.targets, &r);
}

/* Emit a sample with a copy of its stack, walked here. */
static void
on_copy(struct profiler *p, const struct perf_record *r)
{
	const struct unwind_stack stack = { .bytes = r->sample.stack,
		.sp = r->sample.regs.sp, .len = r->sample.len, .leaf = &r->sample.leaf };
	struct target *t = find_sampled(p, r->time, r->pid, r->tid);
	struct rec_ref leaf = { 0, "no-stack" };

	if (t == NULL)
		return;
	if (r->sample.has_user)
		leaf = producer_walk(&p->base, t, &stack, r->sample.regs, r->time);
	targets_kernel(p->base.targets, r->time, r->sample.kernel, r->sample.nkernel,
	    &leaf);
	emit_sample(p, r->time, r->pid, r->tid, r->sample.count, leaf);
}

/* Returns a stack walked in the kernel as it is emitted now. */
static struct rec_ref
resolve(struct profiler *p, pid_t pid, struct stackmap_stack *s)
{
	static const struct rec_ref none = { 0, "no-stack" };
	const struct target *t = target_find(p->base.targets, pid);

	if (s && !s->resolved)
		producer_on_stack(&p->base, s);
	if (s == NULL || !s->resolved)
		return none;
	/* If mappings have changed since, the same addresses may be other code. */
	return t && t->space.last > s->version ? producer_resolve(&p->base, t, s) : s->leaf;
}

/* Walk a stack that BPF has copied.  Returns the innermost frame. */
static struct rec_ref
walk_copy(struct profiler *p, struct target *t, const struct cpu_walked *s)
{
	const struct cpu_copy *c = s->copy;
	struct unwind_stack part[CPU_COPY_EVENTS] = { { .sp = c->regs.sp, .leaf = &c->leaf } };
	uint64_t kernel[WALK_KERNEL_DEPTH];
	struct rec_ref leaf;
	size_t n = 0;

	for (const struct cpu_part *i = s->part; i && n < CPU_COPY_EVENTS; i = i->next, n++) {
		part[n].bytes = i->pages->page;
		part[n].sp = i->pages->from;
		part[n].len = (size_t)i->pages->pages * CPU_COPY_PAGE;
		part[n].next = n ? &part[n - 1] : NULL;
		part[n].leaf = &c->leaf;
	}
	memcpy(kernel, c->kernel, sizeof kernel);
	leaf = producer_walk(&p->base, t, &part[n ? n - 1 : 0], c->regs, s->time);
	targets_kernel(p->base.targets, s->time, kernel, c->nkernel, &leaf);
	return leaf;
}

/* Emit a sample of BPF. */
static void
on_walk(struct profiler *p, const struct cpu_walked *s)
{
	static const struct rec_ref probes = { 0, TARGET_PROBES };
	struct target *t;
	struct rec_ref stack;

	if (s->exiting && !target_has_thread(p->base.targets, s->tid)) {
		p->missed++;
		return;
	}
	t = find_sampled(p, s->time, s->pid, s->tid);
	if (t == NULL)
		return;
	if (s->probed && sampler_probed(p->sampler, &t->space, s->place) < 0)
		err(STATUS_FAILED, NULL);
	stack = s->probed ? probes : s->copy ? walk_copy(p, t, s) : resolve(p, s->pid, s->stack);
	emit_sample(p, s->time, s->pid, s->tid, s->count, stack);
}

/* Emit a sum of waits. */
static void
on_wait(void *ctx, const struct cpu_wait *w)
{
	static const struct rec_ref too_short = { 0, "short" };
	struct profiler *p = ctx;
	struct rec r = { .type = REC_OFF };

	r.off.time = p->off_time;
	r.off.pid = (uint64_t)w->pid;
	r.off.tid = (uint64_t)w->tid;
	r.off.stack = w->walked ? resolve(p, w->pid, w->stack) : too_short;
	r.off.ns = w->ns;
	r.off.count = w->count;
	r.off.state = w->state;
	targets_emit(p->base.targets, &r);
}

/* Read a word of a waiting thread's stack: see struct unwind_stack. */
static int
read_word(void *ctx, uint64_t addr, uint64_t *out)
{
	const struct target *t = ctx;

	return proc_read(t->pid, addr, out, sizeof *out);
}

/* Walk the stack of a thread that has been waiting since before it was tracked, or its code
 * known.  Returns the innermost frame. */
static struct rec_ref
on_waiter(void *ctx, const struct cpu_waiter *w)
{
	struct profiler *p = ctx;
	struct target *t = find_sampled(p, proc_now(), w->pid, w->tid);
	const struct unwind_stack stack = { .sp = w->regs.sp, .more = read_word,
		.ctx = t, .leaf = &w->leaf };
	static const struct rec_ref none = { 0, "no-stack" };

	return t ? producer_walk(&p->base, t, &stack, w->regs, proc_now()) : none;
}

/* Walk the stacks of threads that wait, all or (again) those whose code was not known. */
static void
scan_waiters(struct profiler *p, int again)
{
	if (sampler_scan(p->sampler, again, on_waiter, p) < 0)
		err(STATUS_FAILED, "BPF: waiting threads");
}

/* Handle an event of a process.  Its last exit takes its code with it, so stacks of
 * waits are resolved before. */
static void
on_event(struct profiler *p, const struct perf_record *r)
{
	const struct follow f = { p->base.targets, p->base.children };
	const struct target *t = target_find(p->base.targets, r->pid);

	if (t && r->type == PERF_EXIT && t->threads == 1)
		sampler_unresolved(p->sampler, t->pid, producer_on_stack, &p->base);
	if (follow(&f, r))
		sampler_forget(p->sampler, r->pid);
}

static void
on_record(struct profiler *p, const struct perf_record *r)
{
	switch (r->type) {
	case PERF_SAMPLE: on_copy(p, r); break;
	case PERF_LOST: p->lost += r->count; break;
	case PERF_THROTTLE:
		/* With BPF, missed samples are counted. */
		if (sampler_copies(p->sampler))
			p->throttled++;
		break;
	case PERF_DAMAGED: p->damaged++; break;
	default: on_event(p, r); break;
	}
}

/* ---- attaching --------------------------------------------------------- */

/* Attach the process.  Exits if that is not possible. */
static void
attach(struct profiler *p)
{
	int n = sampler_attach(p->sampler);

	if (n < 0 && p->o.off)
		errx(errno == EACCES || errno == EPERM ? STATUS_PERM : STATUS_FAILED,
		    "time off the CPU (-o) needs BPF: %s", sampler_copies(p->sampler));
	if (n < 0 && (errno == EACCES || errno == EPERM) && p->o.kernel &&
	    geteuid() != 0)
		errx(STATUS_PERM, "process %d: kernel stacks (-k) are not permitted: "
		    "set sysctl kernel.perf_event_paranoid to 1, or give CAP_PERFMON",
		    (int)p->base.pid);
	if (n < 0)
		require(&p->base, refusal_perf(&p->base, p->o.event->name, errno));
	if (n == 0)
		errx(STATUS_NOPROC, "process %d has ended", (int)p->base.pid);
}

/* Attach a child process.  Returns 1 if it is new and sampled; if it cannot be, emits
 * a note. */
static int
attach_child(struct profiler *p, pid_t pid)
{
	int n;

	if (target_find(p->base.targets, pid))
		return 0;
	n = sampler_attach_more(p->sampler, pid);
	if (n < 0)
		producer_note(&p->base, "child process %d is not sampled: %s", (int)pid,
		    strerror(errno));
	return n > 0 && target_add(p->base.targets, pid);
}

/* Attach the child processes that there are; events are inherited by later ones. */
static void
attach_children(struct profiler *p)
{
	size_t n, fresh;

	do {
		pid_t *pid = proc_descendants(p->base.pid, &n);

		fresh = 0;
		for (size_t i = 0; pid && i < n; i++)
			fresh += (size_t)attach_child(p, pid[i]);
		free(pid);
	} while (fresh);
}

/* Tell the user if the process does not look like Rust, once that is known. */
static void
check_rust(struct profiler *p)
{
	const struct target *t = target_find(p->base.targets, p->base.pid);
	int rust = p->rust_checked || t == NULL ? -1 : target_is_rust(t);

	if (rust < 0)
		return;
	p->rust_checked = 1;
	if (rust)
		return;
	warnx("process %d does not look like a Rust program: it is profiled all the same",
	    (int)t->pid);
	producer_note(&p->base, "process %d does not look like a Rust program", (int)t->pid);
}

/* ---- rounds ------------------------------------------------------------ */

static int
put_maps(void *ctx, struct addrspace *space, const struct module **full)
{
	return sampler_put(ctx, space, full);
}

/* Give the kernel new mappings and tables. */
static void
flush_maps(struct profiler *p)
{
	require(&p->base, producer_put_maps(&p->base, put_maps, p->sampler,
	                      "stacks there are copied"));
}

/* Sum up the waits of an interval, if it is over.  Returns 1 if it is; then raises
 * *until, so that all that happened in the interval is emitted before the waits. */
static int
sum_waits(struct profiler *p, uint64_t *until)
{
	const struct timespec delay = { 0, DELAY_NS };

	if (!p->o.off ||
	    (proc_now() < p->off_time + OFF_NS && *until != UINT64_MAX))
		return 0;
	if (sampler_sum(p->sampler, &p->off_time) < 0)
		err(STATUS_FAILED, "BPF: waits");
	nanosleep(&delay, NULL);
	if (*until < p->off_time)
		*until = p->off_time;
	return 1;
}

/* Count the samples that are missing from the CPU time which the kernel counted.  Up
 * to a hundredth is no loss: each thread ends within a period. */
static void
find_unsampled(struct profiler *p)
{
	uint64_t period = 1000000000 / p->o.hz, used, n;

	if (!perf_event_is_clock(p->o.event) || sampler_user_only(p->sampler))
		return;
	used = sampler_counted(p->sampler) / period;
	n = used > p->samples ? used - p->samples : 0;
	if (n * 100 > p->samples)
		p->missed += n;
}

/* Emit what was lost since the last time. */
static void
emit_lost(struct profiler *p, uint64_t time)
{
	struct cpu_lost l;

	sampler_lost(p->sampler, &l);
	p->lost += l.ring_full;
	p->samples += p->lost + p->missed;
	targets_lost(p->base.targets, time, &p->lost, "ring-full");
	targets_lost(p->base.targets, time, &p->missed, "unsampled");
	targets_lost(p->base.targets, time, &l.off_full, "waits");
	targets_lost(p->base.targets, time, &p->throttled, "throttled");
	targets_lost(p->base.targets, time, &p->damaged, "damaged");
}

/* Emit what has happened until a time; see struct producer_ops. */
static void
run_round(void *ctx, uint64_t until)
{
	struct profiler *p = ctx;
	struct cpu_walked s;
	struct perf_record r;
	enum sampler_got got;
	uint64_t time = proc_now();
	int waits = sum_waits(p, &until);

	if (sampler_read(p->sampler) < 0)
		err(STATUS_FAILED, NULL);
	sampler_unresolved(p->sampler, 0, producer_on_stack, &p->base);
	while (!targets_error(p->base.targets) &&
	    (got = sampler_next(p->sampler, until, &r, &s)) != SAMPLER_NONE)
		if (got == SAMPLER_WALKED)
			on_walk(p, &s);
		else
			on_record(p, &r);
	flush_maps(p);
	scan_waiters(p, 1);
	check_rust(p);
	if (waits)
		sampler_waits(p->sampler, on_wait, p);
	emit_lost(p, time);
	if (time >= p->cost_time + COST_NS) {
		sampler_vary(p->sampler);
		targets_cost(p->base.targets, time);
		p->cost_time = time;
	}
	if (until == UINT64_MAX) {
		find_unsampled(p);
		emit_lost(p, proc_now());
		targets_cost(p->base.targets, proc_now());
	}
	rec_out_flush(&p->base.out);
}

/* ---- the loop ---------------------------------------------------------- */

static int
wait_for_news(void *ctx, struct pollfd *fd, size_t n, int milliseconds)
{
	const struct timespec rest = { 0, REST_NS };
	struct profiler *p = ctx;
	int got = sampler_wait(p->sampler, fd, n, milliseconds), error = errno;

	/* Wait for what comes right after. */
	nanosleep(&rest, NULL);
	errno = error;
	return got;
}

static uint64_t
next_round(void *ctx)
{
	(void)ctx;
	return proc_now() + ROUND_NS;
}

/* Attach the process and emit what there is of it; or attach a held command, of
 * which nothing is left when it runs. */
static void
begin(struct profiler *p)
{
	struct target *t = target_add(p->base.targets, p->base.pid);

	if (t == NULL)
		err(STATUS_FAILED, NULL);
	if (!p->base.held)
		target_expect(p->base.targets, t);
	attach(p);
	emit_header(p);
	sampler_note_copying(p->sampler, &p->base);
	if (p->base.held) {
		p->rust_checked = 1; /* rsprof-exec(1) is none */
		target_will_execute(t, producer_held_command(&p->base));
	} else {
		if (p->base.children)
			attach_children(p);
		for (size_t i = 0; i < targets_count(p->base.targets); i++)
			target_describe(p->base.targets, targets_nth(p->base.targets, i));
		flush_maps(p);
		scan_waiters(p, 0);
		sampler_note_scope(p->sampler, &p->base);
	}
	rec_out_flush(&p->base.out);
	require(&p->base, producer_ready(&p->base));
}

static void
parse_options(struct producer *b, struct options *o, int argc, char *argv[])
{
	int c;

	while ((c = next_option(argc, argv, "cd:e:F:fkm:op:R:s:uhV", synopsis)) != -1)
		switch (c) {
		case 'c': b->held = c; break;
		case 'd': b->duration = option_duration(optarg); break;
		case 'e':
			o->event = perf_event_find(optarg);
			if (o->event == NULL)
				errx(STATUS_USAGE, "-e %s: no such event; see rsprof-cpu(1)",
				    optarg);
			break;
		case 'F':
			o->hz = option_number(c, optarg, 1, 10000, "a rate from 1 to 10000");
			break;
		case 'f': b->children = 1; break;
		case 'k': o->kernel = 1; break;
		case 'm':
			o->off_us = option_number(c, optarg, 0, 1000000,
			    "a number of microseconds from 0 to 1000000");
			break;
		case 'o': o->off = 1; break;
		case 'p': b->pid = option_pid(optarg); break;
		case 'R': b->ready = option_ready(optarg); break;
		case 's':
			o->copy = option_number(c, optarg, COPY_LEAST, COPY_DEFAULT,
			    "a size from 1024 to 65528") & ~7ULL;
			break;
		case 'u': o->user_walk = 1; break;
		}
	if (b->pid == 0 || optind != argc)
		usage(synopsis);
	if (o->off && o->user_walk)
		errx(STATUS_USAGE, "-o needs the walk in the kernel, -u forbids it");
}

static struct sampler *
new_sampler(const struct producer *b, const struct options *o)
{
	const struct sampler_options so = { .pid = b->pid, .event = o->event,
		.hz = (unsigned)o->hz, .copy = (unsigned)o->copy,
		.children = b->children, .kernel_frames = o->kernel,
		.held = b->held, .force_copy = o->user_walk, .off = o->off,
		.off_least = o->off_us * 1000 };

	return sampler_new(&so);
}

int
main(int argc, char *argv[])
{
	static const struct producer_ops ops = { wait_for_news, next_round, run_round };
	static struct profiler p = {
		.base = { .name = "cpu", .object = "user code to profile", .ready = -1,
		    .no_gate = 1 },
		.o = { .hz = 99, .copy = COPY_DEFAULT, .off_us = OFF_LEAST_US }
	};
	int status;

	p.o.event = perf_event_find("cpu-clock");
	parse_options(&p.base, &p.o, argc, argv);
	require(&p.base, producer_open(&p.base));
	p.sampler = new_sampler(&p.base, &p.o);
	if (p.sampler == NULL)
		err(STATUS_FAILED, NULL);
	begin(&p);
	producer_wake_on(&p.base, sampler_fd(p.sampler));
	status = report(&p.base, producer_run(&p.base, &ops, &p));
	sampler_free(p.sampler);
	return finish(&p.base, status);
}
