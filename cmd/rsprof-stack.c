/*
 * rsprof-stack shows what each thread of a process is doing right now: its state and
 * its stack.  Waiting threads are read without stopping them if possible; others
 * are stopped one after the other, each for a moment.
 *
 * Out: state  5123400000600  4242  4243  sleeping  9f86d081
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/idmap.h"
#include "cmd/producer.h"
#include "cmd/status.h"
#include "os/proc.h"
#include "os/tracee.h"
#include "sample/producer.h"
#include "sample/refusal.h"
#include "sample/target.h"
#include "stream/header.h"
#include "stream/rec.h"
#include "unwind/addrspace.h"
#include "unwind/module.h"
#include "unwind/unwind.h"

#define ROUNDS 8    /* of listing new threads, at most */
#define STUCK_MS 10 /* after which a disk wait counts as endless */

/* A thread as it was seen. */
struct snapshot {
	pid_t tid;
	const char *state; /* NULL: it has ended, or was not reached */
	uint64_t time;
	int unknown;       /* the stack leads into code in no known mapping */
	int stopped;       /* the thread was stopped */
	const char *cut;   /* reason for an early end of the stack, or NULL */
	struct addrspace_frame *frame; /* innermost first */
	size_t n;
};

struct profiler {
	struct producer base;
	struct target *target;
	struct snapshot *snap;
	size_t n, room, first;      /* snapshots from first on are to be taken */
	struct idmap known;         /* tids of all snapshots -> 0 */
	struct tracee_memory memory;
	unsigned seen, stopped;     /* snapshots taken; with their threads stopped */
	uint64_t stopping, holding; /* longest time to stop and to read a thread, ns */
	int refused;                /* errno of stopping a thread, or 0 */
	pid_t tracer;               /* process that traces the target already, or 0 */
};

static const char synopsis[] =
    "usage: rsprof-stack [-hV] -p PID\n";

/* Exit if memory is short.  Returns p. */
static void *
checked(void *p)
{
	if (p == NULL)
		err(STATUS_FAILED, NULL);
	return p;
}

/* ---- one thread -------------------------------------------------------- */

/* Returns a state of proc_pid_stat(5) as records have it. */
static const char *
state_word(char c)
{
	switch (c) {
	case 'R': return "running";
	case 'S': return "sleeping";
	case 'D': return "disk";
	case 'T': return "stopped";
	case 't': return "traced";
	case 'Z': return "zombie";
	default: return "other";
	}
}

/* Walk the stack of a thread by its memory as it is now. */
static void
walk(struct profiler *p, pid_t tid, const struct step_regs *regs,
    const struct step_leaf *leaf)
{
	const struct unwind_stack stack = { .sp = regs->sp, .more = tracee_word,
		.ctx = &p->memory, .leaf = leaf };

	tracee_memory(&p->memory, tid);
	addrspace_walk(&p->target->space, &stack, *regs, &p->base.walk);
}

/* Set the walk to one without frames. */
static void
set_no_walk(struct profiler *p, const char *why)
{
	p->base.walk.n = 0;
	p->base.walk.unknown = 0;
	p->base.walk.missing = NULL;
	p->base.walk.cut = why;
}

/* Copy the walk into a snapshot. */
static void
copy_walk(struct profiler *p, struct snapshot *snap)
{
	size_t size = p->base.walk.n * sizeof *snap->frame;

	free(snap->frame);
	snap->frame = checked(malloc(size + 1));
	memcpy(snap->frame, p->base.walk.frame, size);
	snap->n = p->base.walk.n;
	snap->cut = p->base.walk.cut;
	snap->unknown = p->base.walk.unknown != 0;
}

/* Walk a thread that waits in the kernel.  Returns -1 if it does not, or has moved
 * meanwhile. */
static int
read_waiting(struct profiler *p, pid_t tid)
{
	struct tracee_peek peek;
	struct step_regs regs;
	struct step_leaf leaf;

	if (tracee_peek(&peek, tid, &regs, &leaf) < 0)
		return -1;
	if (peek.pc == 0) /* a worker of io_uring(7) has no user stack */
		set_no_walk(p, "no-stack");
	else
		walk(p, tid, &regs, &leaf);
	return tracee_still(&peek) ? 0 : -1;
}

/* Returns whether the walk shows all that there is.  If not, a register may be
 * missing. */
static int
is_complete(const struct profiler *p)
{
	return p->base.walk.cut == NULL || p->base.walk.n == 0;
}

/* Raise *most to ns if that is more. */
static void
raise_to(uint64_t *most, uint64_t ns)
{
	if (ns > *most)
		*most = ns;
}

/* Stop a thread, walk it, and let it go on.  Returns -1 with errno if it cannot be
 * stopped. */
static int
read_stopped(struct profiler *p, struct snapshot *snap)
{
	uint64_t asked = proc_now(), stopped;
	struct step_regs regs;
	struct step_leaf leaf;
	int signal;

	if (tracee_stop(snap->tid, &regs, &leaf, &signal) < 0)
		return -1;
	stopped = proc_now();
	walk(p, snap->tid, &regs, &leaf);
	tracee_go(snap->tid, signal);
	raise_to(&p->stopping, stopped - asked);
	raise_to(&p->holding, proc_now() - stopped);
	snap->stopped = 1;
	return 0;
}

/* Walk as much as can be seen of a thread that cannot be stopped. */
static void
read_unstoppable(struct profiler *p, pid_t tid)
{
	if (read_waiting(p, tid) < 0)
		set_no_walk(p, "no-registers");
	else if (!is_complete(p))
		p->base.walk.cut = "no-registers";
}

/* Returns whether a thread stays in a wait that nothing interrupts: not just for a
 * moment, as for a page of memory. */
static int
stays_in_disk_wait(pid_t tid)
{
	const struct timespec pause = { 0, 1000000 };
	struct proc_stat st;

	for (int i = 0; i < STUCK_MS; i++) {
		if (proc_stat(tid, &st) < 0 || st.state != 'D')
			return 0;
		nanosleep(&pause, NULL);
	}
	return 1;
}

/* Walk a thread as its state allows.  Returns -1 if it has ended. */
static int
read_thread(struct profiler *p, struct snapshot *snap, char state)
{
	pid_t tid = snap->tid;

	if (state == 'Z') {
		set_no_walk(p, "no-stack");
		return 0;
	}
	if (state != 'R' && read_waiting(p, tid) == 0 &&
	    (is_complete(p) || p->base.walk.missing))
		return 0;
	/* A traced thread stops for its tracer only, one in a disk wait for nobody. */
	if (p->tracer == 0 && (state != 'D' || !stays_in_disk_wait(tid))) {
		if (read_stopped(p, snap) == 0)
			return 0;
		if (errno == ESRCH)
			return -1;
		p->refused = errno;
	}
	read_unstoppable(p, tid);
	return 0;
}

/* Take a snapshot of a thread.  Tables are made in the background, which may take
 * seconds: wait for a missing one while no thread is stopped, then read the thread
 * again. */
static void
take_snapshot(struct profiler *p, struct snapshot *snap)
{
	struct proc_stat st;

	snap->state = NULL;
	for (;;) {
		snap->time = proc_now();
		if (proc_stat(snap->tid, &st) < 0 || st.state == 'X' ||
		    read_thread(p, snap, st.state) < 0)
			return;
		if (p->base.walk.missing == NULL)
			break;
		module_wait(p->base.walk.missing);
	}
	copy_walk(p, snap);
	snap->state = state_word(st.state);
}

/* ---- all of them ------------------------------------------------------- */

/* Get a CPU at once on a busy machine, if that is permitted: a stopped thread would
 * wait for it. */
static void
raise_priority(void)
{
	const struct sched_param p = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO, &p);
}

/* Take the snapshots that are new.  Runs in a thread of its own: when that ends the
 * kernel lets go of what it still traces. */
static void *
scan_new(void *ctx)
{
	struct profiler *p = ctx;

	raise_priority();
	for (; p->first < p->n && !producer_stopped(); p->first++)
		take_snapshot(p, &p->snap[p->first]);
	return NULL;
}

/* Take those snapshots again that led into unknown code.  Runs in a thread of its
 * own, as scan_new(). */
static void *
scan_unknown(void *ctx)
{
	struct profiler *p = ctx;

	raise_priority();
	for (size_t i = 0; i < p->n && !producer_stopped(); i++)
		if (p->snap[i].state && p->snap[i].unknown)
			take_snapshot(p, &p->snap[i]);
	return NULL;
}

/* Run a job in a thread, at a priority that ends with it. */
static void
run_in_thread(struct profiler *p, void *(*job)(void *ctx))
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, job, p);
	if (errno)
		err(STATUS_FAILED, NULL);
	pthread_join(thread, NULL);
}

/* Add a snapshot for each new thread.  Returns how many there are. */
static size_t
list_threads(struct profiler *p)
{
	size_t n = 0, fresh = 0;
	pid_t *tid = proc_threads(p->base.pid, &n);

	for (size_t i = 0; tid && i < n; i++) {
		if (idmap_get(&p->known, (uint64_t)tid[i]) != IDMAP_NONE)
			continue;
		if (idmap_put(&p->known, (uint64_t)tid[i], 0) < 0 ||
		    array_room(&p->snap, p->n, &p->room, sizeof *p->snap) < 0)
			err(STATUS_FAILED, NULL);
		p->snap[p->n++] = (struct snapshot){ .tid = tid[i] };
		target_ensure_thread(p->base.targets, proc_now(), p->target, tid[i]);
		fresh++;
	}
	free(tid);
	return fresh;
}

static int
any_unknown(const struct profiler *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->snap[i].state && p->snap[i].unknown)
			return 1;
	return 0;
}

/* Take snapshots until there are no new threads. */
static void
scan_all(struct profiler *p)
{
	for (int i = 0; i < ROUNDS && !producer_stopped() && list_threads(p) > 0; i++)
		run_in_thread(p, scan_new);
	if (!any_unknown(p))
		return;
	target_scan(p->base.targets, p->target);
	run_in_thread(p, scan_unknown);
}

/* ---- records ----------------------------------------------------------- */

static void
emit_header(struct profiler *p)
{
	struct rec r;

	header_begin(&r, "stack");
	header_add(&r, "pid=%d", (int)p->base.pid);
	header_add(&r, "stacks=live");
	header_end(&r);
	targets_emit(p->base.targets, &r);
}

static void
emit_snapshot(struct profiler *p, const struct snapshot *snap)
{
	struct rec r = { .type = REC_STATE };

	r.state.time = snap->time;
	r.state.pid = (uint64_t)p->base.pid;
	r.state.tid = (uint64_t)snap->tid;
	r.state.state = snap->state;
	r.state.stack.cut = snap->cut;
	for (size_t i = snap->n; i-- > 0;)
		targets_stack(p->base.targets, &r.state.stack, snap->frame[i].module,
		    snap->frame[i].offset);
	targets_emit(p->base.targets, &r);
}

/* Write the name and number of the tracer for a message: "gdb (77)". */
static void
name_tracer(const struct profiler *p, char *out, size_t size)
{
	struct proc_stat st;
	int known = proc_stat(p->tracer, &st) == 0;

	snprintf(out, size, "%s (%d)", known ? st.name : "process", (int)p->tracer);
}

static void
emit_notes(struct profiler *p)
{
	char text[256], name[PROC_NAME_MAX + 16];

	if (p->tracer) {
		name_tracer(p, name, sizeof name);
		snprintf(text, sizeof text, "process %d is traced by %s: its threads were "
		    "read without stopping them", (int)p->base.pid, name);
	} else if (p->refused) {
		snprintf(text, sizeof text, "process %d: threads could not be stopped: %s",
		    (int)p->base.pid,
		    p->refused == ETIMEDOUT ? "they did not stop within a second" : strerror(p->refused));
	} else if (p->stopped) {
		snprintf(text, sizeof text, "%u of %u threads were stopped and read, one "
		    "by one: each took at most %" PRIu64 " us to stop, and at most %" PRIu64
		    " us to be read", p->stopped, p->seen,
		    p->stopping / 1000 + 1, p->holding / 1000 + 1);
	} else {
		snprintf(text, sizeof text, "no thread was stopped");
	}
	targets_note(p->base.targets, proc_now(), text);
}

/* Count snapshots.  Exits if no stack could be read. */
static void
check_snapshots(struct profiler *p)
{
	char name[PROC_NAME_MAX + 16];
	size_t stacks = 0;

	for (size_t i = 0; i < p->n; i++) {
		p->seen += p->snap[i].state != NULL;
		p->stopped += p->snap[i].state && p->snap[i].stopped;
		stacks += p->snap[i].state && p->snap[i].n > 0;
	}
	if (p->seen == 0 && !producer_stopped())
		errx(STATUS_NOPROC, "process %d has ended", (int)p->base.pid);
	if (stacks == 0 && p->tracer) {
		name_tracer(p, name, sizeof name);
		errx(STATUS_PERM, "process %d is running and traced by %s, so no other "
		    "program can stop it", (int)p->base.pid, name);
	}
	if (stacks == 0 && (p->refused == EPERM || p->refused == EACCES))
		errx(STATUS_PERM, "process %d: ptrace is not permitted: a seccomp filter "
		    "or a missing CAP_SYS_PTRACE forbids it", (int)p->base.pid);
}

/* ---- the program ------------------------------------------------------- */

/* Prepare signals for tracee_stop(). */
static void
block_child(void)
{
	sigset_t child;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
}

/* Take and emit snapshots.  Whatever takes long is done before the first thread is
 * stopped or after the last one goes on. */
static enum producer_result
emit_stacks(struct profiler *p)
{
	struct tracee_status status;

	p->target = checked(target_add(p->base.targets, p->base.pid));
	p->base.walk.no_wait = 1;
	emit_header(p);
	target_describe(p->base.targets, p->target);
	rec_out_flush(&p->base.out);
	if (tracee_status(p->base.pid, &status) == 0)
		p->tracer = status.tracer;
	scan_all(p);
	check_snapshots(p);
	targets_ready(p->base.targets);
	for (size_t i = 0; i < p->n; i++)
		if (p->snap[i].state)
			emit_snapshot(p, &p->snap[i]);
	emit_notes(p);
	return producer_end(&p->base, producer_stopped() ? "stopped" : "done");
}

static void
parse_options(struct producer *b, int argc, char *argv[])
{
	int c;

	while ((c = next_option(argc, argv, "p:hV", synopsis)) != -1)
		switch (c) {
		case 'p': b->pid = option_pid(optarg); break;
		}
	if (b->pid == 0 || optind != argc)
		usage(synopsis);
}

int
main(int argc, char *argv[])
{
	static struct profiler p = {
		.base = { .name = "stack", .object = "user code", .ready = -1 }
	};
	int status;

	parse_options(&p.base, argc, argv);
	require(&p.base, producer_open(&p.base));
	if (tracee_permitted(p.base.pid) < 0)
		require(&p.base, refusal_ptrace(&p.base, errno));
	block_child();
	status = report(&p.base, emit_stacks(&p));
	for (size_t i = 0; i < p.n; i++)
		free(p.snap[i].frame);
	free(p.snap);
	idmap_clear(&p.known);
	return finish(&p.base, producer_stopped() ? STATUS_FAILED : status);
}
