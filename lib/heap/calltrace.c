#include "heap/calltrace.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/idmap.h"
#include "bpf/spy.h"
#include "heap/probe.h"
#include "os/loader.h"
#include "os/proc.h"
#include "os/rawbpf.h"

#include "spy.skel.h"

#define DEPTH 256     /* of calls within calls */
#define ROUND_MS 10

/* The calls of a thread that are under way: the innermost last. */
struct under_way {
	uint32_t call[DEPTH];
	size_t n;
};

struct calltrace {
	struct spy_bpf *bpf;
	struct ring_buffer *ring;
	int sessions; /* the kernel has them; */
	int session;  /* a link for all */
	struct bpf_link *link[2 * CALLTRACE_MOST];
	size_t nlink;
	struct calltrace_calls *out;
	size_t most;
	uint32_t now; /* events so far */
	struct idmap of; /* thread -> index */
	struct under_way **thread;
	size_t nthread, thread_room;
	int failed;
};

/* ---- calls ------------------------------------------------------------- */

static struct under_way *
thread_of(struct calltrace *s, uint32_t tid)
{
	uint32_t i = idmap_get(&s->of, tid);
	struct under_way *new;

	if (i != IDMAP_NONE)
		return s->thread[i];
	if (array_room(&s->thread, s->nthread, &s->thread_room, sizeof new) < 0 ||
	    (new = calloc(1, sizeof *new)) == NULL)
		return NULL;
	s->thread[s->nthread] = new;
	if (idmap_put(&s->of, tid, (uint32_t)s->nthread) < 0) {
		free(new);
		return NULL;
	}
	s->nthread++;
	return new;
}

static int
begin(struct calltrace *s, struct under_way *t, const struct spy_event *e)
{
	struct calltrace_calls *c = s->out;
	struct calltrace_call *call;

	if (c->n >= s->most || t->n == DEPTH)
		return 0;
	if (array_room(&c->call, c->n, &c->room, sizeof *call) < 0)
		return -1;
	call = &c->call[c->n];
	*call = (struct calltrace_call){ .fn = e->fn, .tid = e->tid, .enter = s->now,
		.leave = CALLTRACE_NONE, .outer = t->n ? t->call[t->n - 1] : CALLTRACE_NONE };
	memcpy(call->arg, e->word, sizeof call->arg);
	t->call[t->n++] = (uint32_t)c->n++;
	return 0;
}

/* Of calls that began at the same place, which jump to one another, the last
 * returns first. */
static void
end(struct calltrace *s, struct under_way *t, const struct spy_event *e)
{
	for (size_t i = t->n; i-- > 0;) {
		struct calltrace_call *call = &s->out->call[t->call[i]];

		if (call->fn != (e->fn & ~SPY_RETURN))
			continue;
		call->ret = e->word[0];
		call->out = e->word[1];
		call->leave = s->now;
		t->n = i;
		return;
	}
}

static int
on_event(void *ctx, void *event, size_t len)
{
	struct calltrace *s = ctx;
	const struct spy_event *e = event;
	struct under_way *t;

	if (len < sizeof *e)
		return 0;
	t = thread_of(s, e->tid);
	if (t == NULL) {
		s->failed = ENOMEM;
		return 0;
	}
	s->now++;
	if (e->fn & SPY_RETURN)
		end(s, t, e);
	else if (begin(s, t, e) < 0)
		s->failed = ENOMEM;
	return 0;
}

/* ---- probes ------------------------------------------------------------ */

static int
load(struct calltrace *s)
{
	int sessions = s->sessions;

	s->bpf = spy_bpf__open();
	if (s->bpf == NULL)
		return -1;
	bpf_program__set_autoload(s->bpf->progs.on_session, sessions != 0);
	bpf_program__set_autoload(s->bpf->progs.on_entry, !sessions);
	bpf_program__set_autoload(s->bpf->progs.on_return, !sessions);
	if (sessions)
		bpf_program__set_expected_attach_type(s->bpf->progs.on_session,
		    LOADER_SESSION);
	if (spy_bpf__load(s->bpf) < 0)
		return -1;
	s->ring = ring_buffer__new(bpf_map__fd(s->bpf->maps.ring), on_event, s, NULL);
	return s->ring ? 0 : -1;
}

static int
arm_session(struct calltrace *s, pid_t pid, const struct probe *probe, size_t n)
{
	uint64_t offset[CALLTRACE_MOST], number[CALLTRACE_MOST];

	for (size_t i = 0; i < n; i++) {
		offset[i] = probe[i].offset;
		number[i] = i;
	}
	s->session = rawbpf_uprobes(bpf_program__fd(s->bpf->progs.on_session),
	    LOADER_SESSION, probe[0].file, offset, number, (unsigned)n, (unsigned)pid);
	return s->session < 0 ? -1 : 0;
}

/* Returns first: what is entered is to be seen to return. */
static int
arm_each(struct calltrace *s, pid_t pid, const struct probe *probe, size_t n)
{
	for (int returns = 1; returns >= 0; returns--)
		for (size_t i = 0; i < n; i++) {
			struct bpf_uprobe_opts o = { .sz = sizeof o, .bpf_cookie = i,
				.retprobe = returns };
			struct bpf_link *link = bpf_program__attach_uprobe_opts(
			    returns ? s->bpf->progs.on_return : s->bpf->progs.on_entry,
			    pid, probe[i].file, probe[i].offset, &o);

			if (link == NULL)
				return -1;
			s->link[s->nlink++] = link;
		}
	return 0;
}

static void
disarm(struct calltrace *s)
{
	if (s->session >= 0)
		close(s->session);
	s->session = -1;
	while (s->nlink)
		bpf_link__destroy(s->link[--s->nlink]);
}

static void
free_spy(struct calltrace *s)
{
	disarm(s);
	ring_buffer__free(s->ring);
	spy_bpf__destroy(s->bpf);
	for (size_t i = 0; i < s->nthread; i++)
		free(s->thread[i]);
	free(s->thread);
	idmap_clear(&s->of);
}

/* All probes are of one file. */
int
calltrace_watch(pid_t pid, const struct probe *probe, size_t n, size_t most,
    uint64_t ns, struct calltrace_calls *out, char *why, size_t size)
{
	struct calltrace s = { .sessions = loader_has_sessions(), .session = -1, .out = out,
		.most = most };
	uint64_t end_time;
	int error = 0;

	loader_listen();
	if (n > CALLTRACE_MOST)
		n = CALLTRACE_MOST;
	if (load(&s) < 0 || (s.sessions ? arm_session(&s, pid, probe, n)
	                                : arm_each(&s, pid, probe, n)) < 0)
		error = errno;
	end_time = proc_now() + ns;
	while (!error && !s.failed && out->n < most && proc_now() < end_time)
		if (ring_buffer__poll(s.ring, ROUND_MS) < 0)
			error = errno;
	disarm(&s);
	if (s.bpf && s.bpf->bss)
		out->missed = s.bpf->bss->missed;
	free_spy(&s);
	if (error == 0)
		error = s.failed;
	if (error == EINTR)
		snprintf(why, size, "interrupted");
	else if (error)
		loader_explain(error, why, size);
	return error ? -1 : 0;
}
