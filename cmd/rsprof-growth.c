/*
 * rsprof-growth reports which code makes the resident memory of a process grow:
 * page faults show who touches a page first, /proc/PID/pagemap whether it is still
 * there.  It needs no probes and no privileges.
 *
 * Out: heap  5124000000000  4242  4243  9f86d081  allocs=12  bytes=49152 ...
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/page.h"
#include "cmd/producer.h"
#include "cmd/status.h"
#include "heap/heap.h"
#include "heap/pagemap.h"
#include "heap/sites.h"
#include "os/perf.h"
#include "os/proc.h"
#include "sample/follow.h"
#include "sample/producer.h"
#include "sample/sampler.h"
#include "sample/target.h"
#include "stream/header.h"
#include "stream/rec.h"
#include "unwind/unwind.h"

#define INTERVAL_NS 1000000000
#define ROUND_NS 20000000    /* between two rounds, at most */
#define COPY 16384           /* bytes of stack in a sample */
#define RATE 4000            /* faults a second that rings have room for */
#define SAMPLE_DEFAULT 65536 /* bytes, in pages, that one sampled fault stands for */

struct options {
	uint64_t interval, sample;
};

/* The pages of a process, and sums of them in pages. */
struct process {
	pid_t pid;
	struct pagemap *pages;
	uint64_t live, peak;
	uint64_t live_emitted; /* in the last memory record */
	uint64_t attributed;   /* have come since by sampled faults */
	uint64_t come;         /* have come since */
};

struct profiler {
	struct producer base;
	struct options o;
	unsigned every; /* one fault in so many is sampled */
	struct sampler *sampler;
	struct sites *sites;
	struct process *process;
	size_t n, room;
	uint64_t time; /* of the last sums */
	uint64_t lost, damaged;
	/* Pages that came without a fault: so far, at the last sums, emitted. */
	int64_t unattributed, unattributed_before, unattributed_emitted;
};

static const char synopsis[] =
    "usage: rsprof-growth [-fhV] [-d DURATION] [-i INTERVAL] [-s BYTES] -p PID\n";

static void
emit_header(struct profiler *p)
{
	struct rec r;

	header_begin(&r, "heap");
	header_add(&r, "unit=bytes");
	header_add(&r, "pid=%d", (int)p->base.pid);
	header_add(&r, "mode=growth");
	header_add(&r, "sample=%" PRIu64, p->every > 1 ? p->o.sample : 0);
	header_add(&r, "interval=%" PRIu64, p->o.interval);
	header_add(&r, "scope=%s", sampler_user_only(p->sampler) ? "user" : "all");
	header_add(&r, "stacks=copy");
	header_add(&r, "copy=%d", COPY);
	header_end(&r);
	targets_emit(p->base.targets, &r);
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

/* Begin to sum up a process.  Returns NULL with errno: it has ended, or may not be
 * read. */
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

/* Attribute a sampled fault to a site. */
static void
on_fault(struct profiler *p, const struct perf_record *r)
{
	const struct unwind_stack stack = { .bytes = r->sample.stack,
		.sp = r->sample.regs.sp, .len = r->sample.len, .leaf = &r->sample.leaf };
	struct target *t = target_find(p->base.targets, r->pid);
	struct process *process = find_process(p, r->pid);
	struct rec_ref leaf = { 0, "no-stack" };
	struct site *site;

	if (t == NULL || (process == NULL && (process = add_process(p, r->pid)) == NULL))
		return;
	if (!t->emitted)
		target_describe(p->base.targets, t);
	target_ensure_thread(p->base.targets, r->time, t, r->tid);
	if (r->sample.has_user)
		leaf = producer_walk(&p->base, t, &stack, r->sample.regs, r->time);
	site = sites_get(p->sites, r->pid, r->tid, leaf);
	if (site == NULL || pagemap_fault(process->pages, r->sample.addr, site->index) < 0)
		err(STATUS_FAILED, NULL);
}

/* ---- sums -------------------------------------------------------------- */

struct scan {
	struct profiler *p;
	struct process *process;
};

/* Add pages that have come and gone to their site and to the process. */
static void
on_change(void *ctx, const struct pagemap_change *c)
{
	struct scan *s = ctx;
	uint64_t come = c->come * s->p->every, gone = c->gone * s->p->every;
	struct heap_change h = { .samples = c->come, .allocs = come,
		.bytes = come * page_size(), .frees = gone, .freed = gone * page_size() };

	if (c->owner != PAGEMAP_UNKNOWN)
		sites_add(s->p->sites, sites_nth(s->p->sites, c->owner), &h);
	else if (s->p->every == 1)
		s->p->unattributed += (int64_t)c->come;
	if (c->owner != PAGEMAP_UNKNOWN)
		s->process->attributed += c->come;
	s->process->come += c->come;
	s->process->live += c->come - c->gone;
	if (s->process->live > s->process->peak)
		s->process->peak = s->process->live;
}

static void
emit_site(void *ctx, struct site *site)
{
	struct profiler *p = ctx;
	struct rec r = { .type = REC_HEAP };

	r.heap = site->sum;
	r.heap.time = p->time;
	targets_emit(p->base.targets, &r);
}

/* Choose allocs and frees so that their difference equals the change in live pages.
 * If not all faults are sampled, allocs is an estimate, of which pages that came
 * without a sampled fault are part. */
static void
balance(const struct profiler *p, struct process *process, struct rec_memory *m)
{
	uint64_t more = process->live - process->live_emitted;

	m->allocs = process->come;
	if (p->every > 1) {
		m->allocs = process->attributed * p->every;
		if ((int64_t)(m->allocs - more) < 0)
			m->allocs = more;
	}
	m->frees = m->allocs - more;
	process->live_emitted = process->live;
	process->attributed = process->come = 0;
}

static void
emit_memory(struct profiler *p, struct process *process)
{
	struct rec r = { .type = REC_MEMORY };

	balance(p, process, &r.memory);
	r.memory.time = p->time;
	r.memory.pid = (uint64_t)process->pid;
	r.memory.bytes = r.memory.allocs * page_size();
	r.memory.freed = r.memory.frees * page_size();
	r.memory.count = process->live;
	r.memory.live = process->live * page_size();
	r.memory.peak = process->peak * page_size();
	r.memory.covered = p->o.interval;
	proc_memory(process->pid, &r.memory.rss, &r.memory.anon);
	targets_emit(p->base.targets, &r);
}

/* Update which pages of a process are there. */
static void
scan_pages(struct profiler *p, struct process *process)
{
	struct scan s = { p, process };

	if (pagemap_scan(process->pages, on_change, &s) < 0 && errno == ENOMEM)
		err(STATUS_FAILED, NULL);
}

/* Emit pages that came without a fault.  Faults may be reported late, so only pages
 * that were unattributed at the last sums, too, count. */
static void
emit_unattributed(struct profiler *p, int last)
{
	int64_t n = p->unattributed;
	uint64_t count = 0;

	if (!last && p->unattributed_before < n)
		n = p->unattributed_before;
	if (n > p->unattributed_emitted) {
		count = (uint64_t)(n - p->unattributed_emitted);
		p->unattributed_emitted = n;
	}
	p->unattributed_before = p->unattributed;
	targets_lost(p->base.targets, p->time, &count, "strange-pages");
}

/* Emit the sums of all processes. */
static void
sum_up(struct profiler *p, int last)
{
	p->time = proc_now();
	for (size_t i = 0; i < p->n; i++)
		scan_pages(p, &p->process[i]);
	sites_emit(p->sites, 0, emit_site, p);
	for (size_t i = 0; i < p->n; i++)
		emit_memory(p, &p->process[i]);
	targets_lost(p->base.targets, p->time, &p->lost, "ring-full");
	targets_lost(p->base.targets, p->time, &p->damaged, "damaged");
	emit_unattributed(p, last);
	targets_cost(p->base.targets, p->time);
}

/* ---- the loop ---------------------------------------------------------- */

/* Emit the sums of a process that has ended, with the pages that it had when it was
 * scanned last. */
static void
on_process_exit(struct profiler *p, pid_t pid)
{
	struct process *process = find_process(p, pid);
	const struct target *t = target_find(p->base.targets, pid);

	if (process == NULL || t == NULL || t->threads > 1)
		return;
	p->time = proc_now();
	sites_emit(p->sites, pid, emit_site, p);
	emit_memory(p, process);
	pagemap_free(process->pages);
	*process = p->process[--p->n];
}

/* Begin anew with a process that has executed a program: its memory is another. */
static void
on_exec(struct profiler *p, pid_t pid)
{
	struct process *process = find_process(p, pid);
	struct scan s = { p, process };
	struct pagemap *new;

	if (process == NULL)
		return;
	pagemap_end(process->pages, on_change, &s);
	new = pagemap_new(pid);
	if (new == NULL)
		return;
	pagemap_free(process->pages);
	process->pages = new;
}

static void
on_record(struct profiler *p, const struct perf_record *r)
{
	const struct follow f = { p->base.targets, p->base.children };

	switch (r->type) {
	case PERF_SAMPLE: on_fault(p, r); return;
	case PERF_LOST: p->lost += r->count; return;
	case PERF_DAMAGED: p->damaged++; return;
	case PERF_THROTTLE: return;
	case PERF_EXIT: on_process_exit(p, r->pid); break;
	case PERF_EXEC: on_exec(p, r->pid); break;
	default: break;
	}
	follow(&f, r);
}

/* Emit what has happened until a time; see struct producer_ops. */
static void
run_round(void *ctx, uint64_t until)
{
	struct profiler *p = ctx;
	struct cpu_walked none;
	struct perf_record r;
	int last = until == UINT64_MAX;

	while (!targets_error(p->base.targets) &&
	    sampler_next(p->sampler, until, &r, &none) != SAMPLER_NONE)
		on_record(p, &r);
	targets_ready(p->base.targets);
	if (last || proc_now() >= p->time + p->o.interval)
		sum_up(p, last);
	rec_out_flush(&p->base.out);
}

static int
wait_for_news(void *ctx, struct pollfd *fd, size_t n, int milliseconds)
{
	struct profiler *p = ctx;

	return sampler_wait(p->sampler, fd, n, milliseconds);
}

static uint64_t
next_round(void *ctx)
{
	const struct profiler *p = ctx;
	uint64_t round = proc_now() + ROUND_NS, interval = p->time + p->o.interval;

	return interval < round ? interval : round;
}

/* ---- beginning --------------------------------------------------------- */

/* Say what cannot be done with the process, and exit. */
static void
refuse(const struct producer *b, const char *what, int error)
{
	int permission = error == EACCES || error == EPERM || error == ENOSYS;

	errx(permission ? STATUS_PERM : STATUS_FAILED, "process %d: %s: %s%s", (int)b->pid,
	    what, strerror(error), permission
	        ? ": it must be yours, and sysctl kernel.perf_event_paranoid at most 2; "
	          "or give CAP_PERFMON and CAP_SYS_PTRACE, or run as root"
	        : "");
}

/* Attach the process, and emit it.  Events are opened first, so that nothing is
 * missed meanwhile. */
static void
begin(struct profiler *p)
{
	const struct perf_event faults = { "page-faults", PERF_TYPE_SOFTWARE,
		PERF_COUNT_SW_PAGE_FAULTS, p->every };
	const struct sampler_options so = { .pid = p->base.pid, .event = &faults, .hz = RATE,
		.copy = COPY, .address = 1, .children = p->base.children, .force_copy = 1 };
	struct target *t;
	int got;

	p->sampler = sampler_new(&so);
	p->sites = sites_new();
	if (p->sampler == NULL || p->sites == NULL ||
	    (t = target_add(p->base.targets, p->base.pid)) == NULL)
		err(STATUS_FAILED, NULL);
	got = sampler_attach(p->sampler);
	if (got < 0)
		refuse(&p->base, "page faults cannot be counted", errno);
	if (got == 0 || (add_process(p, p->base.pid) == NULL && errno == ENOENT))
		errx(STATUS_NOPROC, "process %d has ended", (int)p->base.pid);
	if (p->n == 0)
		refuse(&p->base, "its pages cannot be read", errno);
	emit_header(p);
	target_describe(p->base.targets, t);
	if (sampler_user_only(p->sampler))
		producer_note(&p->base, "pages that the kernel touches first, as read(2) does, "
		    "are not attributed: events in the kernel are not permitted");
	rec_out_flush(&p->base.out);
	p->time = proc_now();
}

static void
parse_options(struct producer *b, struct options *o, int argc, char *argv[])
{
	int c;

	while ((c = next_option(argc, argv, "d:fi:p:s:hV", synopsis)) != -1)
		switch (c) {
		case 'd': b->duration = option_duration(optarg); break;
		case 'f': b->children = 1; break;
		case 'i': o->interval = option_interval(optarg); break;
		case 'p': b->pid = option_pid(optarg); break;
		case 's':
			o->sample = option_size(c, optarg, 1, 1 << 30,
			    "a number of bytes from 1 to 1G, such as 64K");
			break;
		}
	if (b->pid == 0 || optind != argc)
		usage(synopsis);
}

int
main(int argc, char *argv[])
{
	static const struct producer_ops ops = { wait_for_news, next_round, run_round };
	static struct profiler p = {
		.base = { .name = "heap", .object = "memory of its own", .ready = -1 },
		.o = { .interval = INTERVAL_NS, .sample = SAMPLE_DEFAULT }
	};
	int status;

	parse_options(&p.base, &p.o, argc, argv);
	p.every = (unsigned)((p.o.sample + page_size() - 1) / page_size());
	p.o.sample = (uint64_t)p.every * page_size();
	require(&p.base, producer_open(&p.base));
	begin(&p);
	status = report(&p.base, producer_run(&p.base, &ops, &p));
	for (size_t i = 0; i < p.n; i++)
		pagemap_free(p.process[i].pages);
	free(p.process);
	sampler_free(p.sampler);
	sites_free(p.sites);
	return finish(&p.base, status);
}
