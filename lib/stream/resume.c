#include "stream/resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"
#include "base/strtab.h"
#include "stream/defs.h"
#include "stream/rec.h"
#include "stream/resume_state.h"
#include "stream/resume_tasks.h"

/*
 * A definition is written once in each stream: modules, frames and nodes that have been are in
 * maps of their ids, tasks are marked.  Chains of callers are written without recursion: the
 * nodes that are missing are listed on the way up, and written on the way down.
 */

#define LATE 60000000000 /* how late a record of an ended task may come, ns */

struct header {
	const char *producer;
	const char *attr[REC_ATTR_MAX];
	size_t nattr;
	int open;     /* its end has not come */
	int heap;     /* it is of live memory, */
	uint64_t pid; /* of this process */
};

struct resume {
	int (*put)(void *ctx, const struct rec *r);
	void *ctx;
	struct defs *defs;
	struct resume_tasks tasks;
	struct resume_state state;
	struct strtab text; /* of headers */
	struct header *header;
	size_t nheader, header_room;
	uint64_t offset; /* added to the stream's clock, by its last header: ns since the Epoch */
	uint64_t began;  /* the time where the stream that is written began */
	uint64_t now;    /* the latest time */
	struct idmap module, frame, node; /* ids that have been written */
	uint64_t *chain; /* nodes that are to be written, the innermost first */
	size_t chain_room;
};

static int
write_record(struct resume *s, const struct rec *r)
{
	return s->put(s->ctx, r);
}

int64_t
resume_wall(const struct resume *s, uint64_t time)
{
	return (int64_t)(time + s->offset);
}

/* ---- headers ------------------------------------------------------------ */

/* Set *text to a copy of s that lives as long as we do. */
static int
copy(struct resume *s, const char *from, const char **text)
{
	uint32_t number;

	if (strtab_add(&s->text, from, &number) < 0)
		return -1;
	*text = strtab_text(&s->text, number);
	return 0;
}

/* Take a header out of the list. */
static void
remove_header(struct resume *s, size_t i)
{
	s->nheader--;
	memmove(&s->header[i], &s->header[i + 1], (s->nheader - i) * sizeof *s->header);
}

/* Returns whether an attribute says where a stream begins. */
static int
is_start(const char *attr)
{
	return strncmp(attr, "mono=", 5) == 0 || strncmp(attr, "wall=", 5) == 0 ||
	    strncmp(attr, "from=", 5) == 0;
}

/* Make room for a header: those that have ended are forgotten, but for who had known what is live,
 * and where a producer attaches to a process again, it does not know that. */
static void
replace_headers(struct resume *s, const struct header *new)
{
	for (size_t i = s->nheader; i-- > 0;) {
		const struct header *h = &s->header[i];
		int again = h->heap && new->heap && h->pid == new->pid;

		if (again)
			resume_state_free_all(&s->state, &s->tasks);
		if (!h->open && (again || !h->heap))
			remove_header(s, i);
	}
}

static int
on_header(struct resume *s, const struct rec_rsprof *r)
{
	struct header h = { .nattr = r->nattr, .open = 1, .pid = rec_attr_number(r, "pid") };

	if (copy(s, r->producer, &h.producer) < 0)
		return -1;
	h.heap = strcmp(h.producer, "heap") == 0;
	for (size_t i = 0; i < r->nattr; i++)
		if (!is_start(r->attr[i]) && copy(s, r->attr[i], &h.attr[i]) < 0)
			return -1;
	replace_headers(s, &h);
	if (array_room(&s->header, s->nheader, &s->header_room, sizeof h) < 0)
		return -1;
	s->header[s->nheader++] = h;
	s->offset = rec_attr_number(r, "wall") - rec_attr_number(r, "mono");
	return 0;
}

/* Close the last open header of a producer. */
static void
on_end(struct resume *s, const struct rec_end *e)
{
	for (size_t i = s->nheader; i-- > 0;)
		if (s->header[i].open && strcmp(s->header[i].producer, e->producer) == 0) {
			s->header[i].open = 0;
			return;
		}
}

/* Returns whether a producer has a stream that has not ended. */
static int
is_open(const struct resume *s, const char *producer)
{
	for (size_t i = 0; i < s->nheader; i++)
		if (s->header[i].open && strcmp(s->header[i].producer, producer) == 0)
			return 1;
	return 0;
}

/* Write a header of a stream that begins at `wall`. */
static int
put_header(struct resume *s, const struct header *h, uint64_t wall)
{
	static char line[REC_LINE_MAX];
	char clock[3][32];
	struct rec r = { .type = REC_RSPROF };
	uint64_t mono = wall - s->offset;

	snprintf(clock[0], sizeof *clock, "mono=%" PRIu64, mono);
	snprintf(clock[1], sizeof *clock, "wall=%" PRIu64, wall);
	snprintf(clock[2], sizeof *clock, "from=%" PRIu64, mono);
	r.rsprof.version = REC_VERSION;
	r.rsprof.producer = h->producer;
	for (size_t i = 0; i < 3; i++)
		r.rsprof.attr[r.rsprof.nattr++] = clock[i];
	for (size_t i = 0; i < h->nattr && r.rsprof.nattr < REC_ATTR_MAX; i++)
		if (h->attr[i])
			r.rsprof.attr[r.rsprof.nattr++] = h->attr[i];
	r.len = rec_print(line, sizeof line, &r);
	if (r.len == 0)
		return 0;
	line[--r.len] = '\0';
	r.line = line;
	return write_record(s, &r);
}

/* Write the headers of what has not ended; the last one where all has. */
static int
put_headers(struct resume *s, uint64_t wall)
{
	int any = 0, e;

	for (size_t i = 0; i < s->nheader; i++) {
		const struct header *h = &s->header[i];

		if (!h->open && (any || i < s->nheader - 1))
			continue;
		any = 1;
		if ((e = put_header(s, h, wall)))
			return e;
	}
	return 0;
}

/* ---- modules, frames and stacks ------------------------------------------ */

/* Mark an id as written.  Returns 1 if it was not, 0 if it was, -1 when out of memory. */
static int
mark(struct idmap *m, uint64_t id)
{
	if (idmap_get(m, id) != IDMAP_NONE)
		return 0;
	return idmap_put(m, id, 1) < 0 ? -1 : 1;
}

static int
need_module(struct resume *s, uint64_t id)
{
	struct rec r = { .type = REC_MODULE };
	int e;

	r.module = (struct rec_module){ id, defs_buildid(s->defs, id), defs_module(s->defs, id) };
	if (r.module.path == NULL || (e = mark(&s->module, id)) == 0)
		return 0;
	return e < 0 ? -1 : write_record(s, &r);
}

static int
need_frame(struct resume *s, uint64_t id)
{
	const struct defs_frame *f = id ? defs_frame(s->defs, id) : NULL;
	struct rec r = { .type = REC_FRAME };
	int e;

	if (f == NULL || (e = mark(&s->frame, id)) == 0)
		return 0;
	r.frame = (struct rec_frame){ id, f->function, f->file, f->line, f->class, f->column,
		f->crate, f->version, f->folded };
	return e < 0 ? -1 : write_record(s, &r);
}

static int
put_node(struct resume *s, uint64_t id)
{
	const struct defs_node *n = defs_node(s->defs, id);
	struct rec r = { .type = REC_STACK };
	int e;

	r.stack = (struct rec_stack){ id, { n->caller, n->cut }, n->module, n->offset, n->frame,
		n->inlined };
	if ((e = need_module(s, n->module)) || (e = need_frame(s, n->frame)))
		return e;
	return write_record(s, &r);
}

static int
need_stack(struct resume *s, uint64_t id)
{
	const struct defs_node *n;
	size_t len = 0;
	int e = 0;

	/* A node is marked before its callers are looked at, so that a circle ends. */
	for (; id && (n = defs_node(s->defs, id)) && (e = mark(&s->node, id)) > 0; id = n->caller) {
		if (array_room(&s->chain, len, &s->chain_room, sizeof id) < 0)
			return -1;
		s->chain[len++] = id;
	}
	while (e >= 0 && len > 0)
		if ((e = put_node(s, s->chain[--len])))
			return e;
	return e < 0 ? -1 : 0;
}

/* ---- tasks -------------------------------------------------------------- */

/* A task that has ended is defined just before its end, so that a reader that knows it does not
 * take it for another one of the same number. */

static int
put_exit(struct resume *s, uint64_t time, uint64_t pid, uint64_t tid)
{
	struct rec r = { .type = REC_EXIT };

	r.exit = (struct rec_exit){ time, pid, tid };
	return write_record(s, &r);
}

static int
put_process(struct resume *s, struct resume_process *p)
{
	struct rec r = { .type = REC_PROC };

	p->written = 1;
	r.proc = (struct rec_proc){ p->ended ? p->ended - 1 : s->began, p->pid, p->ppid, p->name,
		p->exe, p->cmdline };
	return write_record(s, &r);
}

static int
put_thread(struct resume *s, struct resume_thread *th)
{
	struct rec r = { .type = REC_THREAD };
	int e;

	th->written = 1;
	r.thread = (struct rec_thread){ th->ended ? th->ended - 1 : s->began, th->pid, th->tid,
		th->name };
	e = write_record(s, &r);
	return e || !th->ended ? e : put_exit(s, th->ended, th->pid, th->tid);
}

/* Write a process and, unless tid is 0, a thread of it, that a record refers to. */
static int
need_task(struct resume *s, uint64_t pid, uint64_t tid)
{
	struct resume_process *p = resume_tasks_process(&s->tasks, pid);
	struct resume_thread *th = tid ? resume_tasks_find(&s->tasks, pid, tid) : NULL;
	int new = p && !p->written, e;

	if (new && (e = put_process(s, p)))
		return e;
	if (th && !th->written && (e = put_thread(s, th)))
		return e;
	return new && p->ended ? put_exit(s, p->ended, pid, 0) : 0;
}

/* ---- what a record needs ------------------------------------------------- */

static int
need_sample(struct resume *s, uint64_t pid, uint64_t tid, const struct rec_ref *stack)
{
	int e = need_task(s, pid, tid);

	return e ? e : need_stack(s, stack->id);
}

static int
need_node(struct resume *s, const struct rec_stack *r)
{
	int e;

	if ((e = need_module(s, r->module)) || (e = need_frame(s, r->frame)))
		return e;
	return need_stack(s, r->caller.id);
}

static int
need_both(struct resume *s, uint64_t pid, uint64_t module)
{
	int e = need_task(s, pid, 0);

	return e ? e : need_module(s, module);
}

/* Write what a record refers to, unless that has been done. */
static int
need(struct resume *s, const struct rec *r)
{
	switch (r->type) {
	case REC_THREAD: return need_task(s, r->thread.pid, 0);
	case REC_EXIT: return need_task(s, r->exit.pid, r->exit.tid);
	case REC_MAP: return need_both(s, r->map.pid, r->map.module);
	case REC_PROBE: return need_both(s, r->probe.pid, r->probe.module);
	case REC_MEMORY: return need_task(s, r->memory.pid, 0);
	case REC_STACK: return need_node(s, &r->stack);
	case REC_CPU: return need_sample(s, r->cpu.pid, r->cpu.tid, &r->cpu.stack);
	case REC_OFF: return need_sample(s, r->off.pid, r->off.tid, &r->off.stack);
	case REC_STATE: return need_sample(s, r->state.pid, r->state.tid, &r->state.stack);
	case REC_HEAP: return need_sample(s, r->heap.pid, r->heap.tid, &r->heap.stack);
	case REC_AGE: return need_sample(s, r->age.pid, r->age.tid, &r->age.stack);
	default: return 0;
	}
}

/* ---- the stream that is read ---------------------------------------------- */

/* Forget ended tasks, and their memory, where they have become too many. */
static void
forget(struct resume *s)
{
	uint64_t time = s->now > LATE ? s->now - LATE : 0;

	if (!resume_tasks_crowded(&s->tasks))
		return;
	resume_state_forget(&s->state, &s->tasks, time);
	resume_tasks_forget(&s->tasks, time);
}

/* Remember a definition, and whether it has been written. */
static int
define(struct resume *s, const struct rec *r, int written)
{
	struct idmap *m = r->type == REC_MODULE ? &s->module : r->type == REC_FRAME ? &s->frame : &s->node;
	uint64_t id = r->type == REC_MODULE ? r->module.id :
	    r->type == REC_FRAME            ? r->frame.id :
	                                      r->stack.id;

	if (written && mark(m, id) < 0)
		return -1;
	return defs_record(s->defs, r);
}

/* Remember where a task begins or ends. */
static int
on_task(struct resume *s, const struct rec *r, int written)
{
	uint64_t pid = 0; /* whose program is gone */
	int e = 0;

	if (r->type == REC_PROC)
		e = resume_tasks_proc(&s->tasks, &r->proc, written, &pid);
	else if (r->type == REC_THREAD)
		e = resume_tasks_thread(&s->tasks, &r->thread, written);
	else
		pid = resume_tasks_exit(&s->tasks, &r->exit);
	if (pid)
		resume_state_gone(&s->state, pid);
	if (pid && r->type == REC_PROC)
		resume_state_free(&s->state, &s->tasks, pid);
	if (r->type == REC_EXIT)
		forget(s);
	return e;
}

/* Remember what a record says, and whether it has been written. */
static int
remember(struct resume *s, const struct rec *r, int written)
{
	if (rec_time(r) > s->now)
		s->now = rec_time(r);
	switch (r->type) {
	case REC_RSPROF: return on_header(s, &r->rsprof);
	case REC_END: on_end(s, &r->end); return 0;
	case REC_PROC:
	case REC_THREAD:
	case REC_EXIT: return on_task(s, r, written);
	case REC_MODULE:
	case REC_FRAME:
	case REC_STACK: return define(s, r, written);
	default: return resume_state_record(&s->state, &s->tasks, r);
	}
}

int
resume_put(struct resume *s, const struct rec *r)
{
	int e;

	if ((e = need(s, r)) || (e = write_record(s, r)))
		return e;
	return remember(s, r, 1);
}

int
resume_skip(struct resume *s, const struct rec *r)
{
	return remember(s, r, 0);
}

/* ---- the stream that is written ------------------------------------------- */

int
resume_end(struct resume *s, int64_t wall)
{
	struct rec r = { .type = REC_END };
	int e;

	for (size_t i = s->nheader; i-- > 0;) {
		if (!s->header[i].open)
			continue;
		r.end = (struct rec_end){ (uint64_t)wall - s->offset, s->header[i].producer,
			"continued" };
		if ((e = write_record(s, &r)))
			return e;
	}
	return 0;
}

/* Write the processes and threads that there are. */
static int
put_tasks(struct resume *s)
{
	struct resume_tasks *t = &s->tasks;
	int e;

	for (size_t i = 0; i < t->nprocess; i++)
		if (!t->process[i].ended && (e = put_process(s, &t->process[i])))
			return e;
	for (size_t i = 0; i < t->nthread; i++)
		if (!t->thread[i].ended && (e = need_task(s, t->thread[i].pid, t->thread[i].tid)))
			return e;
	return 0;
}

/* Write a record that stands in the state, with the time where the stream begins. */
static int
put_state(struct resume *s, struct rec *r)
{
	int e;

	r->cpu.time = s->began; /* the first member of each */
	return (e = need(s, r)) ? e : write_record(s, r);
}

static int
put_maps(struct resume *s)
{
	struct rec r;
	int e;

	for (size_t i = 0; i < s->state.nmap; i++) {
		r = (struct rec){ .type = REC_MAP, .map = s->state.map[i] };
		if ((e = put_state(s, &r)))
			return e;
	}
	for (size_t i = 0; i < s->state.nprobe; i++) {
		r = (struct rec){ .type = REC_PROBE, .probe = s->state.probe[i] };
		if ((e = put_state(s, &r)))
			return e;
	}
	return 0;
}

/* Order by falling costs: of several runs of one producer a reader finds those that have cost
 * the most first. */
static int
order_costs(const void *a, const void *b)
{
	const struct rec_cost *x = a, *y = b;

	return x->ns < y->ns ? 1 : -(x->ns > y->ns);
}

/* Write what producers that have not ended have said of themselves. */
static int
put_producers(struct resume *s)
{
	struct rec r;
	int e;

	for (size_t i = 0; i < s->state.nnote; i++) {
		r = (struct rec){ .type = REC_NOTE, .note = s->state.note[i] };
		if (is_open(s, r.note.producer) && (e = put_state(s, &r)))
			return e;
	}
	if (s->state.ncost > 1)
		qsort(s->state.cost, s->state.ncost, sizeof *s->state.cost, order_costs);
	for (size_t i = 0; i < s->state.ncost; i++) {
		r = (struct rec){ .type = REC_COST, .cost = s->state.cost[i] };
		if (is_open(s, r.cost.producer) && (e = put_state(s, &r)))
			return e;
	}
	return 0;
}

/* Write the live memory of processes that have not ended, without changes. */
static int
put_memory(struct resume *s)
{
	struct rec r;
	int e;

	for (size_t i = 0; i < s->state.nsite; i++) {
		const struct resume_site *site = &s->state.site[i];
		const struct resume_process *p = resume_tasks_process(&s->tasks, site->pid);

		if (p && p->ended)
			continue;
		memset(&r, 0, sizeof r);
		r.type = REC_HEAP;
		r.heap.pid = site->pid;
		r.heap.tid = site->tid;
		r.heap.stack = site->stack;
		r.heap.live = site->live;
		r.heap.count = site->count;
		r.heap.peak = site->peak;
		r.heap.live_err = site->live_err;
		r.heap.live_min = site->live_min;
		r.heap.live_max = site->live_max;
		if ((e = put_state(s, &r)))
			return e;
	}
	for (size_t i = 0; i < s->state.nmemory; i++) {
		r = (struct rec){ .type = REC_MEMORY, .memory = s->state.memory[i] };
		if ((e = put_state(s, &r)))
			return e;
	}
	return 0;
}

int
resume_begin(struct resume *s, int64_t wall)
{
	int e;

	s->began = (uint64_t)wall - s->offset;
	idmap_clear(&s->module);
	idmap_clear(&s->frame);
	idmap_clear(&s->node);
	resume_tasks_rewind(&s->tasks);
	if ((e = put_headers(s, (uint64_t)wall)) || (e = put_tasks(s)) || (e = put_maps(s)) ||
	    (e = put_producers(s)))
		return e;
	return put_memory(s);
}

/* ---- opening and closing --------------------------------------------------- */

struct resume *
resume_new(int (*put)(void *ctx, const struct rec *r), void *ctx)
{
	struct resume *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->put = put;
	s->ctx = ctx;
	if ((s->defs = defs_new()) == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
resume_free(struct resume *s)
{
	if (s == NULL)
		return;
	defs_free(s->defs);
	resume_tasks_clear(&s->tasks);
	resume_state_clear(&s->state);
	strtab_clear(&s->text);
	idmap_clear(&s->module);
	idmap_clear(&s->frame);
	idmap_clear(&s->node);
	free(s->header);
	free(s->chain);
	free(s);
}
