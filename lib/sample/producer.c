#include "sample/producer.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/mapguard.h"
#include "os/proc.h"
#include "os/proc_check.h"
#include "sample/stackmap.h"
#include "sample/target.h"
#include "unwind/module.h"
#include "unwind/unwind.h"

#define DELAY_NS 1000000    /* until records of all CPUs are visible: see perf_next() */
#define REREAD_NS 100000000 /* between two reads of a process' mappings */
#define HELD_MS 10000       /* for a held command to be stopped */

static volatile sig_atomic_t stopped;

enum producer_result
producer_fail(struct producer *p, enum producer_result result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->why, sizeof p->why, format, args);
	va_end(args);
	return result;
}

void
producer_note(struct producer *p, const char *format, ...)
{
	char text[4300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	targets_note(p->targets, proc_now(), text);
}

/* ---- beginning --------------------------------------------------------- */

static void
on_signal(int sig)
{
	stopped = sig;
}

int
producer_stopped(void)
{
	return stopped != 0;
}

/* Catch what ends a producer, but for what the caller ignores, as nohup(1) does.
 * Writing to a pipe without a reader is an error, and no signal. */
static void
catch_signals(void)
{
	static const int sig[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction a, old;

	memset(&a, 0, sizeof a);
	a.sa_handler = on_signal;
	for (size_t i = 0; i < sizeof sig / sizeof *sig; i++) {
		sigaction(sig[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(sig[i], &a, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	mapguard_begin();
}

/* Check that there is a process of that number which runs a program. */
static enum producer_result
check_process(struct producer *p)
{
	switch (proc_check(p->pid, p->object, p->why, sizeof p->why)) {
	case PROC_CHECK_OK: return PRODUCER_OK;
	case PROC_CHECK_PERM: return PRODUCER_PERM;
	case PROC_CHECK_NOTHING: return PRODUCER_NOTHING;
	default: return PRODUCER_NOPROC;
	}
}

/* Wait until a command held by rsprof-exec(1) has stopped itself. */
static enum producer_result
await_held(struct producer *p)
{
	const struct timespec pause = { 0, 2000000 };
	struct proc_stat st;

	for (int i = 0; i < HELD_MS / 2; i++) {
		if (proc_stat(p->pid, &st) < 0 || proc_has_ended(p->pid))
			return producer_fail(p, PRODUCER_NOPROC, "process %d has ended",
			    (int)p->pid);
		if (st.state == 'T' || st.state == 't') /* rsprof-guard(1) may trace it */
			return PRODUCER_OK;
		nanosleep(&pause, NULL);
	}
	return producer_fail(p, PRODUCER_FAILED, "process %d is not stopped: -%c takes a "
	    "command held by rsprof-exec(1)", (int)p->pid, p->held);
}

enum producer_result
producer_open(struct producer *p)
{
	enum producer_result got = check_process(p);

	if (got != PRODUCER_OK)
		return got;
	catch_signals();
	rec_out_init(&p->out, STDOUT_FILENO, REC_PRODUCER_MAX);
	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pidfd < 0 && errno == ESRCH)
		return producer_fail(p, PRODUCER_NOPROC, "process %d has ended", (int)p->pid);
	if (p->pidfd < 0)
		return producer_fail(p, PRODUCER_FAILED, "process %d: %s", (int)p->pid,
		    strerror(errno));
	p->targets = targets_new(&p->out, p->name);
	if (p->targets == NULL)
		return producer_fail(p, PRODUCER_FAILED, "%s", strerror(errno));
	p->fd[0] = (struct pollfd){ p->pidfd, POLLIN, 0 };
	p->fd[1] = (struct pollfd){ p->out.fd, 0, 0 };
	p->nfd = 2;
	producer_wake_on(p, targets_fd(p->targets));
	return p->held ? await_held(p) : PRODUCER_OK;
}

char *
producer_held_command(const struct producer *p)
{
	char *line = proc_cmdline(p->pid), *space = line ? strchr(line, ' ') : NULL;

	if (space)
		memmove(line, space + 1, strlen(space));
	return line;
}

enum producer_result
producer_close(struct producer *p)
{
	targets_free(p->targets);
	p->targets = NULL;
	close(p->pidfd);
	if (close(p->out.fd) < 0)
		return producer_fail(p, PRODUCER_CANNOT_WRITE, "%s", strerror(errno));
	return PRODUCER_OK;
}

enum producer_result
producer_ready(struct producer *p)
{
	if (p->ready < 0) {
		if (p->held)
			kill(p->pid, SIGCONT);
		return PRODUCER_OK;
	}
	if (write(p->ready, "ready\n", 6) < 0)
		return producer_fail(p, PRODUCER_FAILED, "-R %d: %s", p->ready,
		    strerror(errno));
	close(p->ready);
	return PRODUCER_OK;
}

/* ---- the loop ---------------------------------------------------------- */

void
producer_wake_on(struct producer *p, int fd)
{
	if (fd >= 0 && p->nfd < PRODUCER_FDS)
		p->fd[p->nfd++] = (struct pollfd){ fd, POLLIN, 0 };
}

uint64_t
producer_visible(void)
{
	const struct timespec delay = { 0, DELAY_NS };
	uint64_t time = proc_now();

	nanosleep(&delay, NULL);
	return time;
}

/* Wait for news, or until a time.  Returns -1 with errno if poll(2) fails. */
static int
wait_for_news(struct producer *p, const struct producer_ops *ops, void *ctx, uint64_t end)
{
	uint64_t due = ops->due(ctx), now = proc_now();
	int milliseconds, got;

	if (end < due)
		due = end;
	milliseconds = due > now ? (int)((due - now) / 1000000) + 1 : 1;
	for (size_t i = 0; i < p->nfd; i++)
		p->fd[i].revents = 0;
	got = ops->wait ? ops->wait(ctx, p->fd, p->nfd, milliseconds)
	                : poll(p->fd, p->nfd, milliseconds);
	return got < 0 && errno != EINTR ? -1 : 0;
}

/* Run rounds until something ends them.  Returns its name, as an end record has
 * it; NULL if the reader has gone, or if something has failed: then *error is
 * its errno, unless targets_error() has it. */
static const char *
run_rounds(struct producer *p, const struct producer_ops *ops, void *ctx, int *error)
{
	uint64_t end = p->duration ? proc_now() + p->duration : UINT64_MAX;
	int ended = 0;

	while (!stopped && proc_now() < end) {
		if (wait_for_news(p, ops, ctx, end) < 0) {
			*error = errno;
			return NULL;
		}
		if (p->fd[1].revents & (POLLERR | POLLHUP | POLLNVAL))
			return NULL;
		if (p->fd[0].revents) {
			ended = 1;
			p->fd[0].fd = -1;
		}
		ops->round(ctx, proc_now() - DELAY_NS);
		if (targets_error(p->targets))
			return NULL;
		if (ended && (!p->children || targets_count(p->targets) == 0))
			return "exited";
	}
	return stopped ? "stopped" : "duration";
}

/* Returns whether output or memory have failed. */
static enum producer_result
result_of(struct producer *p)
{
	int error = targets_error(p->targets);

	if (error == 0)
		return PRODUCER_OK;
	return producer_fail(p, error == EPIPE ? PRODUCER_UNREAD
	        : error == p->out.error        ? PRODUCER_CANNOT_WRITE
	                                       : PRODUCER_FAILED,
	    "%s", strerror(error));
}

enum producer_result
producer_end(struct producer *p, const char *reason)
{
	targets_end(p->targets, proc_now(), reason);
	rec_out_flush(&p->out);
	return result_of(p);
}

enum producer_result
producer_run(struct producer *p, const struct producer_ops *ops, void *ctx)
{
	enum producer_result got;
	int error = 0;
	const char *reason = run_rounds(p, ops, ctx, &error);

	if (reason) {
		ops->round(ctx, UINT64_MAX);
		return producer_end(p, reason);
	}
	if (error)
		return producer_fail(p, PRODUCER_FAILED, "poll: %s", strerror(error));
	got = result_of(p);
	return got != PRODUCER_OK ? got : producer_fail(p, PRODUCER_UNREAD, "no reader");
}

/* ---- stacks and code --------------------------------------------------- */

/* Take the code of gates out of the last walk. */
static void
leave_gate(struct addrspace_walk *w)
{
	size_t n = 0;

	if (w->n && w->frame[0].module && w->frame[0].module->gate) {
		w->n = 0;
		w->cut = TARGET_PROBES;
	}
	for (size_t i = 0; i < w->n; i++)
		if (w->frame[i].module == NULL || !w->frame[i].module->gate)
			w->frame[n++] = w->frame[i];
	w->n = n;
}

/* Emit the last walk.  Returns the innermost frame. */
static struct rec_ref
emit_walk(struct producer *p)
{
	struct rec_ref leaf;

	if (p->no_gate)
		leave_gate(&p->walk);
	targets_walk(p->targets, &p->walk, &leaf);
	return leaf;
}

struct rec_ref
producer_walk(struct producer *p, struct target *t, const struct unwind_stack *stack,
    struct step_regs regs, uint64_t time)
{
	addrspace_walk(&t->space, stack, regs, &p->walk);
	if (p->walk.unknown && time >= t->scanned + REREAD_NS) {
		target_scan(p->targets, t);
		addrspace_walk(&t->space, stack, regs, &p->walk);
	}
	return emit_walk(p);
}

struct rec_ref
producer_resolve(struct producer *p, const struct target *t, const struct stackmap_stack *s)
{
	struct rec_ref leaf;

	addrspace_walked(&t->space, s->version, s->addr + s->nkernel, s->n - s->nkernel,
	    s->cut, &p->walk);
	leaf = emit_walk(p);
	targets_kernel(p->targets, proc_now(), s->addr, s->nkernel, &leaf);
	return leaf;
}

/* Have the part of a table made that the walk of a stack has not found. */
static void
want_part(const struct target *t, const struct stackmap_stack *s)
{
	const struct addrspace_map *map;
	uint64_t addr;
	uint32_t rule;

	if (s->cut == NULL || s->n == s->nkernel)
		return;
	addr = s->addr[s->n - 1];
	map = addrspace_find(&t->space, addr);
	if (map)
		module_early(map->module, addr - map->start + map->offset, &rule);
}

void
producer_on_stack(void *ctx, struct stackmap_stack *s)
{
	struct producer *p = ctx;
	const struct target *t = target_find(p->targets, s->pid);

	if (t == NULL || !t->emitted)
		return;
	s->leaf = producer_resolve(p, t, s);
	s->resolved = 1;
	want_part(t, s);
}

enum producer_result
producer_put_maps(struct producer *p,
    int (*put)(void *ctx, struct addrspace *space, const struct module **full), void *ctx,
    const char *effect)
{
	const struct module *full;

	targets_ready(p->targets);
	for (size_t i = 0; i < targets_count(p->targets); i++) {
		struct target *t = targets_nth(p->targets, i);

		if (!t->emitted)
			continue;
		if (put(ctx, &t->space, &full) < 0)
			return producer_fail(p, PRODUCER_FAILED, "process %d: BPF maps: %s",
			    (int)t->pid, strerror(errno));
		if (full && module_first_time(full))
			producer_note(p, "%s: no room in the kernel for its unwind table: "
			    "%s", full->path, effect);
	}
	return PRODUCER_OK;
}
