#include "stream/resume_tasks.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "stream/rec.h"
#include "stream/task.h"

#define FEW 64 /* ended tasks that are never too many */

static uint64_t
thread_key(uint64_t pid, uint64_t tid)
{
	return pid << 32 | tid;
}

/* Returns whether two strings are equal; each may be NULL. */
static int
equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Replace *to by a copy of s, which may be NULL.  Returns -1 when out of memory. */
static int
set(char **to, const char *s)
{
	char *copy = NULL;

	if (s && (copy = strdup(s)) == NULL)
		return -1;
	free(*to);
	*to = copy;
	return 0;
}

struct resume_process *
resume_tasks_process(const struct resume_tasks *t, uint64_t pid)
{
	uint32_t i = idmap_get(&t->process_map, pid);

	return i == IDMAP_NONE ? NULL : &t->process[i];
}

struct resume_thread *
resume_tasks_find(const struct resume_tasks *t, uint64_t pid, uint64_t tid)
{
	uint32_t i = idmap_get(&t->thread_map, thread_key(pid, tid));

	return i == IDMAP_NONE ? NULL : &t->thread[i];
}

/* ---- beginning ---------------------------------------------------------- */

/* Returns the process of a number, adding one without names; NULL when out of memory. */
static struct resume_process *
ensure_process(struct resume_tasks *t, uint64_t pid)
{
	struct resume_process *p = resume_tasks_process(t, pid);

	if (p)
		return p;
	if (array_room(&t->process, t->nprocess, &t->process_room, sizeof *p) < 0 ||
	    idmap_put(&t->process_map, pid, (uint32_t)t->nprocess) < 0)
		return NULL;
	p = &t->process[t->nprocess++];
	*p = (struct resume_process){ .pid = pid };
	return p;
}

static struct resume_thread *
ensure_thread(struct resume_tasks *t, uint64_t pid, uint64_t tid)
{
	struct resume_thread *th = resume_tasks_find(t, pid, tid);
	struct resume_process *p;

	if (th)
		return th;
	if ((p = ensure_process(t, pid)) == NULL ||
	    array_room(&t->thread, t->nthread, &t->thread_room, sizeof *th) < 0 ||
	    idmap_put(&t->thread_map, thread_key(pid, tid), (uint32_t)t->nthread) < 0)
		return NULL;
	p->threads++;
	p->running++;
	th = &t->thread[t->nthread++];
	*th = (struct resume_thread){ .pid = pid, .tid = tid };
	return th;
}

/* End a thread, unless it has ended. */
static void
end_thread(struct resume_tasks *t, struct resume_process *p, struct resume_thread *th,
    uint64_t time)
{
	if (th->ended)
		return;
	th->ended = time ? time : 1;
	t->nended++;
	p->running--;
}

static void
end_threads(struct resume_tasks *t, struct resume_process *p, uint64_t time)
{
	for (size_t i = t->nthread; p->running > 0 && i-- > 0;)
		if (t->thread[i].pid == p->pid)
			end_thread(t, p, &t->thread[i], time);
}

/* Returns whether a record is of the program that a process executes, or did. */
static int
is_program(const struct resume_process *p, const struct rec_proc *r)
{
	return equal(p->exe, r->exe) && equal(p->cmdline, r->cmdline) &&
	    (p->exe || p->cmdline || equal(p->name, r->name));
}

int
resume_tasks_proc(struct resume_tasks *t, const struct rec_proc *r, int written, uint64_t *gone)
{
	struct resume_process *p = resume_tasks_process(t, r->pid);
	int same = p && is_program(p, r);
	int begins = p == NULL || task_begins((int64_t)p->began,
	    p->ended ? (int64_t)p->ended : TASK_RUNS, same, (int64_t)r->time);

	*gone = 0;
	/* What another producer tells late; but a parent and a name may have changed. */
	if (!begins && (p->ended || !same))
		return 0;
	if (p && begins) {
		*gone = r->pid;
		/* Threads of the new program may begin at the same time. */
		end_threads(t, p, r->time - (r->time > 0));
	}
	if ((p = ensure_process(t, r->pid)) == NULL || set(&p->name, r->name) < 0 ||
	    set(&p->exe, r->exe) < 0 || set(&p->cmdline, r->cmdline) < 0)
		return -1;
	p->ppid = r->ppid;
	if (begins)
		p->began = r->time;
	if (p->ended)
		t->nended--;
	p->ended = 0;
	p->written |= written;
	return 0;
}

int
resume_tasks_thread(struct resume_tasks *t, const struct rec_thread *r, int written)
{
	struct resume_thread *th = resume_tasks_find(t, r->pid, r->tid);
	struct resume_process *p;

	if (th && th->ended && r->time <= th->ended)
		return 0;
	if ((th = ensure_thread(t, r->pid, r->tid)) == NULL || set(&th->name, r->name) < 0)
		return -1;
	if (th->ended) {
		th->ended = 0;
		t->nended--;
		if ((p = resume_tasks_process(t, r->pid)))
			p->running++;
	}
	th->written |= written;
	return 0;
}

/* ---- ending ------------------------------------------------------------- */

uint64_t
resume_tasks_exit(struct resume_tasks *t, const struct rec_exit *e)
{
	struct resume_process *p = resume_tasks_process(t, e->pid);
	struct resume_thread *th = resume_tasks_find(t, e->pid, e->tid);

	if (e->tid && th)
		end_thread(t, p, th, e->time);
	if (e->tid || p == NULL || p->ended)
		return 0;
	end_threads(t, p, e->time);
	p->ended = e->time ? e->time : 1;
	t->nended++;
	return p->pid;
}

void
resume_tasks_rewind(struct resume_tasks *t)
{
	for (size_t i = 0; i < t->nprocess; i++)
		t->process[i].written = 0;
	for (size_t i = 0; i < t->nthread; i++)
		t->thread[i].written = 0;
}

int
resume_tasks_crowded(const struct resume_tasks *t)
{
	return t->nended > FEW && t->nended > t->enough;
}

/* Take thread i out of the array. */
static void
remove_thread(struct resume_tasks *t, size_t i)
{
	struct resume_thread *th = &t->thread[i], *last = &t->thread[t->nthread - 1];
	struct resume_process *p = resume_tasks_process(t, th->pid);

	if (p)
		p->threads--;
	idmap_delete(&t->thread_map, thread_key(th->pid, th->tid));
	free(th->name);
	if (th != last) {
		*th = *last;
		idmap_put(&t->thread_map, thread_key(th->pid, th->tid), (uint32_t)i);
	}
	t->nthread--;
	t->nended--;
}

static void
free_process(struct resume_process *p)
{
	free(p->name);
	free(p->exe);
	free(p->cmdline);
}

static void
remove_process(struct resume_tasks *t, size_t i)
{
	struct resume_process *p = &t->process[i], *last = &t->process[t->nprocess - 1];

	idmap_delete(&t->process_map, p->pid);
	free_process(p);
	if (p != last) {
		*p = *last;
		idmap_put(&t->process_map, p->pid, (uint32_t)i);
	}
	t->nprocess--;
	t->nended--;
}

void
resume_tasks_forget(struct resume_tasks *t, uint64_t time)
{
	for (size_t i = t->nthread; i-- > 0;) {
		const struct resume_thread *th = &t->thread[i];

		if (th->ended && th->ended <= time && th->sites == 0)
			remove_thread(t, i);
	}
	for (size_t i = t->nprocess; i-- > 0;) {
		const struct resume_process *p = &t->process[i];

		if (p->ended && p->ended <= time && p->threads == 0)
			remove_process(t, i);
	}
	t->enough = 2 * t->nended;
}

void
resume_tasks_clear(struct resume_tasks *t)
{
	for (size_t i = 0; i < t->nthread; i++)
		free(t->thread[i].name);
	for (size_t i = 0; i < t->nprocess; i++)
		free_process(&t->process[i]);
	free(t->thread);
	free(t->process);
	idmap_clear(&t->process_map);
	idmap_clear(&t->thread_map);
	memset(t, 0, sizeof *t);
}
