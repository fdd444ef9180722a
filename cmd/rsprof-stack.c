/*
 * rsprof-stack takes one look at what every thread of a process is doing: its
 * state, and its stack.  A thread that waits is not even stopped where that
 * can be helped; others are, one after the other, for a moment.
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

#define ROUNDS 8    /* of looking for new threads, at most */
#define STUCK_MS 10 /* a wait without an end */

/* What was seen of a thread. */
struct look {
	pid_t tid;
	const char *state;  /* NULL: it has ended meanwhile, or was not reached */
	uint64_t time;
	int unknown;        /* its stack leads into no known mapping */
	int held;           /* it was stopped for it */
	const char *cut;    /* why the stack ends early, or NULL */
	struct addrspace_frame *frame; /* the innermost first */
	size_t n;
};

struct stacks {
	struct producer base;
	struct target *target;
	struct look *look;
	size_t n, room, first; /* those from the first on are to be looked at */
	struct idmap known;    /* their numbers */
	struct tracee_memory memory;
	unsigned seen, held;   /* threads looked at; of these, stopped for it */
	uint64_t stopping, holding; /* the longest of each, in nanoseconds */
	int refused;           /* errno of stopping a thread, or 0 */
	pid_t tracer;          /* who traces the process already, or 0 */
};

static void
usage(void)
{
	fputs("usage: rsprof-stack [-V] -p PID\n", stderr);
	exit(STATUS_USAGE);
}

static void *
checked(void *p)
{
	if (p == NULL)
		err(STATUS_FAILED, NULL);
	return p;
}

/* ---- one thread -------------------------------------------------------- */

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

static void
walk(struct stacks *s, pid_t tid, const struct step_regs *regs)
{
	const struct unwind_stack stack = { NULL, regs->sp, 0, tracee_word,
		&s->memory };

	tracee_memory(&s->memory, tid);
	addrspace_walk(&s->target->space, &stack, *regs, &s->base.walk);
}

/* There is nothing to walk. */
static void
no_walk(struct stacks *s, const char *why)
{
	s->base.walk.n = 0;
	s->base.walk.unknown = 0;
	s->base.walk.missing = NULL;
	s->base.walk.cut = why;
}

/* Take over what was walked. */
static void
keep(struct stacks *s, struct look *l)
{
	size_t size = s->base.walk.n * sizeof *l->frame;

	free(l->frame);
	l->frame = checked(malloc(size + 1));
	memcpy(l->frame, s->base.walk.frame, size);
	l->n = s->base.walk.n;
	l->cut = s->base.walk.cut;
	l->unknown = s->base.walk.unknown != 0;
}

/* Look at a thread as it stands in the kernel: 0, or -1 where it is not there
 * or has not stayed there. */
static int
look_waiting(struct stacks *s, pid_t tid)
{
	struct tracee_peek p;
	struct step_regs regs;

	if (tracee_peek(&p, tid, &regs) < 0)
		return -1;
	if (p.pc == 0) /* a worker of io_uring(7) has never been elsewhere */
		no_walk(s, "no-stack");
	else
		walk(s, tid, &regs);
	return tracee_still(&p) ? 0 : -1;
}

/* Is that all there is?  If not, what is missing may be for want of a
 * register. */
static int
is_whole(const struct stacks *s)
{
	return s->base.walk.cut == NULL || s->base.walk.n == 0;
}

static void
longest(uint64_t *most, uint64_t ns)
{
	if (ns > *most)
		*most = ns;
}

/* Look at a thread that is stopped for it. */
static int
look_stopped(struct stacks *s, struct look *l)
{
	uint64_t asked = proc_now(), stopped;
	struct step_regs regs;
	int signal;

	if (tracee_stop(l->tid, &regs, &signal) < 0)
		return -1;
	stopped = proc_now();
	walk(s, l->tid, &regs);
	tracee_go(l->tid, signal);
	longest(&s->stopping, stopped - asked);
	longest(&s->holding, proc_now() - stopped);
	l->held = 1;
	return 0;
}

/* As much as can be seen of a thread that cannot be stopped. */
static void
look_from_outside(struct stacks *s, pid_t tid)
{
	if (look_waiting(s, tid) < 0)
		no_walk(s, "no-registers");
	else if (!is_whole(s))
		s->base.walk.cut = "no-registers";
}

/* Is it in a wait that nothing interrupts, and not just for a moment, as for
 * a page of memory? */
static int
is_stuck(pid_t tid)
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

/* 0, or -1 where the thread has ended. */
static int
look_at(struct stacks *s, struct look *l, char state)
{
	pid_t tid = l->tid;

	if (state == 'Z') {
		no_walk(s, "no-stack");
		return 0;
	}
	if (state != 'R' && look_waiting(s, tid) == 0 &&
	    (is_whole(s) || s->base.walk.missing))
		return 0;
	/* Some do not stop, or not for us. */
	if (s->tracer == 0 && (state != 'D' || !is_stuck(tid))) {
		if (look_stopped(s, l) == 0)
			return 0;
		if (errno == ESRCH)
			return -1;
		s->refused = errno;
	}
	look_from_outside(s, tid);
	return 0;
}

/* Unwind tables are made in the background, some of them for seconds.  One
 * that is missing is waited for, while nobody is held, and then the thread is
 * looked at again. */
static void
look(struct stacks *s, struct look *l)
{
	struct proc_stat st;

	l->state = NULL;
	for (;;) {
		l->time = proc_now();
		if (proc_stat(l->tid, &st) < 0 || st.state == 'X' ||
		    look_at(s, l, st.state) < 0)
			return;
		if (s->base.walk.missing == NULL)
			break;
		module_wait(s->base.walk.missing);
	}
	keep(s, l);
	l->state = state_word(st.state);
}

/* ---- all of them ------------------------------------------------------- */

/* On a busy machine, whoever is held would wait until we get a CPU. */
static void
hurry(void)
{
	const struct sched_param p = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO, &p); /* where that is permitted */
}

/* Whatever this thread still traces at its end is let go by the kernel. */
static void *
look_at_new(void *ctx)
{
	struct stacks *s = ctx;

	hurry();
	for (; s->first < s->n && !producer_stopped(); s->first++)
		look(s, &s->look[s->first]);
	return NULL;
}

/* Code that came without our knowing is known now. */
static void *
look_again(void *ctx)
{
	struct stacks *s = ctx;

	hurry();
	for (size_t i = 0; i < s->n && !producer_stopped(); i++)
		if (s->look[i].state && s->look[i].unknown)
			look(s, &s->look[i]);
	return NULL;
}

static void
apart(struct stacks *s, void *(*job)(void *ctx))
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, job, s);
	if (errno)
		err(STATUS_FAILED, NULL);
	pthread_join(thread, NULL);
}

/* List the threads that are new: how many. */
static size_t
find_threads(struct stacks *s)
{
	size_t n = 0, fresh = 0;
	pid_t *tid = proc_threads(s->base.pid, &n);

	for (size_t i = 0; tid && i < n; i++) {
		if (idmap_get(&s->known, (uint64_t)tid[i]) != IDMAP_NONE)
			continue;
		if (idmap_put(&s->known, (uint64_t)tid[i], 0) < 0 ||
		    array_room(&s->look, s->n, &s->room, sizeof *s->look) < 0)
			err(STATUS_FAILED, NULL);
		s->look[s->n++] = (struct look){ .tid = tid[i] };
		target_ensure_thread(s->base.targets, proc_now(), s->target, tid[i]);
		fresh++;
	}
	free(tid);
	return fresh;
}

static int
any_unknown(const struct stacks *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->look[i].state && s->look[i].unknown)
			return 1;
	return 0;
}

static void
look_at_all(struct stacks *s)
{
	for (int i = 0; i < ROUNDS && !producer_stopped() && find_threads(s) > 0; i++)
		apart(s, look_at_new);
	if (!any_unknown(s))
		return;
	target_scan(s->base.targets, s->target);
	apart(s, look_again);
}

/* ---- what is told ------------------------------------------------------ */

static void
put_header(struct stacks *s)
{
	struct rec r;

	header_begin(&r, "stack");
	header_add(&r, "pid=%d", (int)s->base.pid);
	header_add(&r, "stacks=live");
	header_end(&r);
	targets_emit(s->base.targets, &r);
}

static void
put_look(struct stacks *s, const struct look *l)
{
	struct rec r = { .type = REC_STATE };

	r.state.time = l->time;
	r.state.pid = (uint64_t)s->base.pid;
	r.state.tid = (uint64_t)l->tid;
	r.state.state = l->state;
	r.state.stack.cut = l->cut;
	for (size_t i = l->n; i-- > 0;)
		targets_stack(s->base.targets, &r.state.stack, l->frame[i].module,
		    l->frame[i].offset);
	targets_emit(s->base.targets, &r);
}

/* Who traces the process, for a message: "gdb (77)". */
static void
name_tracer(const struct stacks *s, char *out, size_t size)
{
	struct proc_stat st;
	int known = proc_stat(s->tracer, &st) == 0;

	snprintf(out, size, "%s (%d)", known ? st.name : "process", (int)s->tracer);
}

static void
put_notes(struct stacks *s)
{
	char text[256], name[PROC_NAME_MAX + 16];

	if (s->tracer) {
		name_tracer(s, name, sizeof name);
		snprintf(text, sizeof text, "process %d is traced by %s: its threads were "
		    "looked at without stopping them", (int)s->base.pid, name);
	} else if (s->refused) {
		snprintf(text, sizeof text, "process %d: threads could not be stopped: %s",
		    (int)s->base.pid,
		    s->refused == ETIMEDOUT ? "they did not within a second" : strerror(s->refused));
	} else if (s->held) {
		snprintf(text, sizeof text, "%u of %u threads were stopped to be looked "
		    "at, one by one: it took each at most %" PRIu64 " us to stop, and "
		    "at most %" PRIu64 " us to be read", s->held, s->seen,
		    s->stopping / 1000 + 1, s->holding / 1000 + 1);
	} else {
		snprintf(text, sizeof text, "no thread was stopped");
	}
	targets_note(s->base.targets, proc_now(), text);
}

/* Could anything be seen at all? */
static void
check_looks(struct stacks *s)
{
	char name[PROC_NAME_MAX + 16];
	size_t stacks = 0;

	for (size_t i = 0; i < s->n; i++) {
		s->seen += s->look[i].state != NULL;
		s->held += s->look[i].state && s->look[i].held;
		stacks += s->look[i].state && s->look[i].n > 0;
	}
	if (s->seen == 0 && !producer_stopped())
		errx(STATUS_NOPROC, "process %d has ended", (int)s->base.pid);
	if (stacks == 0 && s->tracer) {
		name_tracer(s, name, sizeof name);
		errx(STATUS_PERM, "process %d is running, and traced by %s: nobody else "
		    "may stop it", (int)s->base.pid, name);
	}
	if (stacks == 0 && (s->refused == EPERM || s->refused == EACCES))
		errx(STATUS_PERM, "process %d: ptrace is not permitted: a seccomp filter "
		    "or a missing CAP_SYS_PTRACE forbids it", (int)s->base.pid);
}

/* ---- the program ------------------------------------------------------- */

/* Prepare for tracee_stop(). */
static void
block_child(void)
{
	sigset_t child;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
}

/* Whatever takes long comes before the first thread is stopped, or after the
 * last one goes on. */
static enum producer_result
take_stacks(struct stacks *s)
{
	struct tracee_status status;

	s->target = checked(target_add(s->base.targets, s->base.pid));
	s->base.walk.hurried = 1;
	put_header(s);
	target_describe(s->base.targets, s->target, NULL);
	rec_out_flush(&s->base.out);
	if (tracee_status(s->base.pid, &status) == 0)
		s->tracer = status.tracer;
	look_at_all(s);
	check_looks(s);
	targets_ready(s->base.targets);
	for (size_t i = 0; i < s->n; i++)
		if (s->look[i].state)
			put_look(s, &s->look[i]);
	put_notes(s);
	return producer_end(&s->base, producer_stopped() ? "stopped" : "done");
}

static void
parse_options(struct producer *b, int argc, char *argv[])
{
	int c;

	while ((c = getopt(argc, argv, "p:V")) != -1)
		switch (c) {
		case 'p': b->pid = option_pid(optarg); break;
		case 'V':
			print_version("rsprof-stack");
		default: usage();
		}
	if (b->pid == 0 || optind != argc)
		usage();
}

int
main(int argc, char *argv[])
{
	static struct stacks s = {
		.base = { .name = "stack", .object = "user code", .ready = -1 }
	};
	int status;

	parse_options(&s.base, argc, argv);
	require(&s.base, producer_open(&s.base));
	if (tracee_permitted(s.base.pid) < 0)
		require(&s.base, refusal_ptrace(&s.base, errno));
	block_child();
	status = report(&s.base, take_stacks(&s));
	for (size_t i = 0; i < s.n; i++)
		free(s.look[i].frame);
	free(s.look);
	idmap_clear(&s.known);
	return finish(&s.base, producer_stopped() ? STATUS_FAILED : status);
}
