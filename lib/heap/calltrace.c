/*
 * Calls are appended to one array in the order of their entries.  Each thread
 * has a stack of indexes of its open calls; a return closes the innermost open
 * call of its function, and all calls inside it that never returned.
 */
#include "heap/calltrace.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"
#include "bpf/calltrace.h"
#include "heap/probe.h"
#include "os/loader.h"
#include "os/proc.h"
#include "os/uprobes.h"

#include "calltrace.skel.h"

#define DEPTH 256 /* calls within calls */
#define ROUND_MS 10

/* A thread's open calls, the innermost last. */
struct open_calls {
	uint32_t call[DEPTH];
	size_t n;
};

struct calltrace {
	struct calltrace_bpf *bpf;
	struct ring_buffer *ring;
	int sessions; /* whether the kernel has uprobe sessions */
	struct uprobes_hold *hold[UPROBES_HOLDS];
	size_t nhold, nplaced;
	struct calltrace_calls *out;
	size_t max;
	uint32_t now;    /* events so far */
	struct idmap of; /* thread -> index in thread */
	struct open_calls **thread;
	size_t nthread, thread_room;
	int failed;
};

/* ---- calls ------------------------------------------------------------- */

/* Returns the open calls of a thread, made if it is new; NULL if memory is
 * short. */
static struct open_calls *
thread_of(struct calltrace *c, uint32_t tid)
{
	uint32_t i = idmap_get(&c->of, tid);
	struct open_calls *new;

	if (i != IDMAP_NONE)
		return c->thread[i];
	if (array_room(&c->thread, c->nthread, &c->thread_room, sizeof new) < 0 ||
	    (new = calloc(1, sizeof *new)) == NULL)
		return NULL;
	c->thread[c->nthread] = new;
	if (idmap_put(&c->of, tid, (uint32_t)c->nthread) < 0) {
		free(new);
		return NULL;
	}
	c->nthread++;
	return new;
}

/* Append a call at its entry.  Returns -1 if memory is short. */
static int
begin_call(struct calltrace *c, struct open_calls *t, const struct calltrace_event *e)
{
	struct calltrace_calls *out = c->out;
	struct calltrace_call *call;

	if (out->n >= c->max || t->n == DEPTH)
		return 0;
	if (array_room(&out->call, out->n, &out->room, sizeof *call) < 0)
		return -1;
	call = &out->call[out->n];
	*call = (struct calltrace_call){ .fn = e->fn, .tid = e->tid, .enter = c->now,
		.leave = CALLTRACE_NONE, .outer = t->n ? t->call[t->n - 1] : CALLTRACE_NONE };
	memcpy(call->arg, e->word, sizeof call->arg);
	t->call[t->n++] = (uint32_t)out->n++;
	return 0;
}

/* Close a call at its return.  Functions that jump to each other share an entry
 * and a frame; then the last one entered returns first. */
static void
end_call(struct calltrace *c, struct open_calls *t, const struct calltrace_event *e)
{
	for (size_t i = t->n; i-- > 0;) {
		struct calltrace_call *call = &c->out->call[t->call[i]];

		if (call->fn != (e->fn & ~CALLTRACE_RETURN))
			continue;
		call->ret = e->word[0];
		call->out = e->word[1];
		call->leave = c->now;
		t->n = i;
		return;
	}
}

static int
on_event(void *ctx, void *event, size_t len)
{
	struct calltrace *c = ctx;
	const struct calltrace_event *e = event;
	struct open_calls *t;

	if (len < sizeof *e)
		return 0;
	t = thread_of(c, e->tid);
	if (t == NULL) {
		c->failed = ENOMEM;
		return 0;
	}
	c->now++;
	if (e->fn & CALLTRACE_RETURN)
		end_call(c, t, e);
	else if (begin_call(c, t, e) < 0)
		c->failed = ENOMEM;
	return 0;
}

/* ---- probes ------------------------------------------------------------ */

static int
load(struct calltrace *c)
{
	int sessions = c->sessions;

	c->bpf = calltrace_bpf__open();
	if (c->bpf == NULL)
		return -1;
	bpf_program__set_autoload(c->bpf->progs.on_session, sessions != 0);
	bpf_program__set_autoload(c->bpf->progs.on_entry, !sessions);
	bpf_program__set_autoload(c->bpf->progs.on_return, !sessions);
	if (sessions)
		bpf_program__set_expected_attach_type(c->bpf->progs.on_session,
		    LOADER_SESSION);
	if (calltrace_bpf__load(c->bpf) < 0)
		return -1;
	c->ring = ring_buffer__new(bpf_map__fd(c->bpf->maps.ring), on_event, c, NULL);
	return c->ring ? 0 : -1;
}

static int
place(struct calltrace *c, const struct uprobes *u)
{
	struct uprobes_hold *hold = c->nhold < UPROBES_HOLDS ? uprobes_hold_new() : NULL;

	if (hold)
		c->hold[c->nhold++] = hold;
	else if (c->nhold)
		hold = c->hold[c->nplaced % c->nhold];
	c->nplaced++;
	return hold ? uprobes_place(hold, u) : -1;
}

static int
is_same_file(const struct probe *a, const struct probe *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/* Arm functions of one file by sessions, without those that the kernel refuses to probe, which
 * it does by refusing all.  Returns -1 with errno if it refuses for another reason. */
static int
arm_some(struct calltrace *c, struct uprobes u)
{
	struct uprobes half = u;

	if (place(c, &u) == 0)
		return 0;
	if (errno != UPROBES_REFUSED)
		return -1;
	if (u.n == 1) {
		c->out->refused++;
		return 0;
	}
	half.n = u.n / 2;
	u.offset += half.n;
	u.cookie += half.n;
	u.n -= half.n;
	return arm_some(c, half) < 0 ? -1 : arm_some(c, u);
}

/* Arm all functions that are in the file of the first, by sessions. */
static int
arm_file(struct calltrace *c, pid_t pid, const struct probe *probe, size_t first, size_t n)
{
	uint64_t offset[CALLTRACE_MOST], number[CALLTRACE_MOST];
	struct uprobes u = { .program = bpf_program__fd(c->bpf->progs.on_session),
		.attach = LOADER_SESSION, .file = probe[first].file,
		.dev = probe[first].dev, .ino = probe[first].ino, .offset = offset,
		.cookie = number, .pid = pid };

	for (size_t i = first; i < n; i++) {
		if (!is_same_file(&probe[i], &probe[first]))
			continue;
		offset[u.n] = probe[i].offset;
		number[u.n++] = i;
	}
	return arm_some(c, u);
}

static int
arm_session(struct calltrace *c, pid_t pid, const struct probe *probe, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t first = 0;

		while (!is_same_file(&probe[first], &probe[i]))
			first++;
		if (first == i && arm_file(c, pid, probe, i, n) < 0)
			return -1;
	}
	return 0;
}

/* Arm each function without sessions, returns first: a call whose entry is seen
 * must be seen to return. */
static int
arm_each(struct calltrace *c, pid_t pid, const struct probe *probe, size_t n)
{
	for (int returns = 1; returns >= 0; returns--)
		for (size_t i = 0; i < n; i++) {
			const uint64_t number = i;
			const struct uprobes u = { .program = bpf_program__fd(returns
				        ? c->bpf->progs.on_return : c->bpf->progs.on_entry),
				.file = probe[i].file, .dev = probe[i].dev, .ino = probe[i].ino, .offset = &probe[i].offset,
				.cookie = &number, .n = 1, .at_return = returns, .pid = pid };

			if (place(c, &u) == 0)
				continue;
			if (errno != UPROBES_REFUSED)
				return -1;
			c->out->refused += !returns;
		}
	return 0;
}

static void
disarm(struct calltrace *c)
{
	for (size_t i = 0; i < c->nhold; i++)
		uprobes_let_go(c->hold[i]);
	while (c->nhold)
		uprobes_gone(c->hold[--c->nhold], 1);
}

static void
clear(struct calltrace *c)
{
	disarm(c);
	ring_buffer__free(c->ring);
	calltrace_bpf__destroy(c->bpf);
	for (size_t i = 0; i < c->nthread; i++)
		free(c->thread[i]);
	free(c->thread);
	idmap_clear(&c->of);
}

int
calltrace_run(pid_t pid, const struct probe *probe, size_t n, size_t max,
    uint64_t ns, struct calltrace_calls *out, char *why, size_t size)
{
	struct calltrace c = { .sessions = loader_has_sessions(), .out = out, .max = max };
	uint64_t end_time;
	int error = 0;

	loader_listen();
	if (n > CALLTRACE_MOST)
		n = CALLTRACE_MOST;
	if (load(&c) < 0 || (c.sessions ? arm_session(&c, pid, probe, n)
	                                : arm_each(&c, pid, probe, n)) < 0)
		error = errno;
	end_time = proc_now() + ns;
	while (!error && !c.failed && out->n < max && proc_now() < end_time)
		if (ring_buffer__poll(c.ring, ROUND_MS) < 0)
			error = errno;
	disarm(&c);
	if (c.bpf && c.bpf->bss)
		out->missed = c.bpf->bss->missed;
	clear(&c);
	if (error == 0)
		error = c.failed;
	if (error == EINTR)
		snprintf(why, size, "interrupted");
	else if (error == ESRCH)
		snprintf(why, size, "the process has ended");
	else if (error)
		loader_explain(error, why, size);
	return error ? -1 : 0;
}
