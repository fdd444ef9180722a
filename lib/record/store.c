#include "record/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/db.h"
#include "record/store_defs.h"
#include "record/store_stacks.h"
#include "record/store_tasks.h"
#include "record/warnings.h"
#include "stream/rec.h"

enum statement {
	ADD_META,
	ADD_STREAM,
	END_STREAM,
	ADD_MAP,
	ADD_CPU,
	ADD_OFF,
	ADD_PROBE,
	ADD_HEAP,
	ADD_AGE,
	ADD_MEMORY,
	ADD_HEAP_RANGE,
	ADD_MEMORY_RANGE,
	ADD_LOST,
	ADD_COST,
	ADD_NOTE,
	NSTATEMENTS
};

static const char *const sql[NSTATEMENTS] = {
	[ADD_META] = "INSERT OR IGNORE INTO meta(key, value) VALUES(?, ?)",
	[ADD_STREAM] = "INSERT INTO stream(producer, offset, attributes, began) "
	               "VALUES(?, ?, ?, ?)",
	[END_STREAM] = "UPDATE stream SET ended = ?, how = ? WHERE id = "
	               "(SELECT max(id) FROM stream WHERE producer = ? AND ended IS NULL)",
	[ADD_MAP] = "INSERT INTO map(time, process, start, \"end\", offset, module) "
	            "VALUES(?, ?, ?, ?, ?, ?)",
	[ADD_CPU] = "INSERT INTO cpu(time, thread, stack, ns, cut) VALUES(?, ?, ?, ?, ?)",
	[ADD_OFF] = "INSERT INTO off(time, thread, stack, ns, count, state, cut) "
	            "VALUES(?, ?, ?, ?, ?, ?, ?)",
	[ADD_PROBE] = "INSERT INTO probe(time, process, layer, function, module, "
	              "offset, how) VALUES(?, ?, ?, ?, ?, ?, ?)",
	[ADD_HEAP] = "INSERT INTO heap(time, thread, stack, allocs, bytes, frees, "
	             "freed, temps, inplace, moved, copied, samples, live, count, "
	             "peak, sizes, lives, cut) "
	             "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ADD_AGE] = "INSERT INTO age(time, thread, stack, born, bytes, count, cut) "
	            "VALUES(?, ?, ?, ?, ?, ?, ?)",
	[ADD_MEMORY] = "INSERT INTO memory(time, process, live, count, peak, rss, "
	               "anon, allocs, bytes, frees, freed, unknown, covered, hits, "
	               "cost) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ADD_HEAP_RANGE] = "INSERT INTO heap_range(heap, bytes_err, live_err, live_min, "
	                   "live_max, bytes_min, bytes_max) VALUES(?, ?, ?, ?, ?, ?, ?)",
	[ADD_MEMORY_RANGE] = "INSERT INTO memory_range(memory, bytes_err, live_err, "
	                     "live_min, live_max, bytes_min, bytes_max, inuse, period) "
	                     "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ADD_LOST] = "INSERT INTO lost(time, producer, count, reason) VALUES(?, ?, ?, ?)",
	[ADD_COST] = "INSERT INTO cost(time, producer, ns, bytes) VALUES(?, ?, ?, ?)",
	[ADD_NOTE] = "INSERT INTO note(time, producer, text) VALUES(?, ?, ?)",
};

struct store {
	struct db *db;
	struct db_stmt *st[NSTATEMENTS];
	struct warnings warnings;
	struct store_defs *defs;
	struct store_stacks *stacks;
	struct store_tasks *tasks;
	int64_t start;  /* wall clock of the recording's start, ns */
	int64_t offset; /* what is added to the stream's clock */
	int started;    /* meta has the start */
	int has_main;   /* meta has the main process */
	uint64_t main_pid; /* 0: the first process of the stream */
};

/* Warn that the record is not stored.  Returns 0. */
static int
skip(struct store *s, const char *why)
{
	warnings_add(&s->warnings, why);
	return 0;
}

/* Convert a time of the stream to one of the recording. */
static int64_t
recording_time(const struct store *s, uint64_t time)
{
	return (int64_t)(time + (uint64_t)s->offset);
}

/* ---- meta -------------------------------------------------------------- */

static int
add_meta(struct store *s, const char *key, const char *value)
{
	return value ? db_run(s->st[ADD_META], "tt", key, value) : 0;
}

/* Store the attributes of the first stream, which describe the whole recording. */
static int
begin_recording(struct store *s, const struct rec_rsprof *r)
{
	static const char *const keys[] = {
		"pid", "host", "kernel", "arch", "hz"
	};
	char start[24];
	size_t i;

	s->start = (int64_t)rec_attr_number(r, "wall");
	s->started = 1;
	s->main_pid = rec_attr_number(r, "pid");
	snprintf(start, sizeof start, "%lld", (long long)s->start);
	if (add_meta(s, "start", start) < 0 ||
	    add_meta(s, "version", VERSION) < 0)
		return -1;
	for (i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (add_meta(s, keys[i], rec_attr(r, keys[i])) < 0)
			return -1;
	return 0;
}

/* Store the main process of the recording in meta. */
static int
meta_process(struct store *s, const struct rec_proc *p)
{
	char pid[24];

	if (s->has_main || (s->main_pid && s->main_pid != p->pid))
		return 0;
	s->has_main = 1;
	snprintf(pid, sizeof pid, "%llu", (unsigned long long)p->pid);
	if (add_meta(s, "pid", pid) < 0 ||
	    add_meta(s, "name", p->name) < 0 ||
	    add_meta(s, "exe", p->exe) < 0)
		return -1;
	return add_meta(s, "command", p->cmdline);
}

static void
load_meta(struct store *s)
{
	const char *value = db_meta(s->db, "start");

	s->started = value != NULL;
	s->start = value ? strtoll(value, NULL, 10) : 0;
	value = db_meta(s->db, "pid");
	s->main_pid = value ? strtoull(value, NULL, 10) : 0;
	s->has_main = db_meta(s->db, "name") != NULL;
}

/* ---- records ----------------------------------------------------------- */

/* Returns the attributes as written in the header, NULL if there are none. */
static const char *
attributes(const struct rec *r)
{
	const char *p = r->line;
	int i;

	for (i = 0; i < 3 && p; i++)
		if ((p = strchr(p, '\t')))
			p++;
	return p;
}

static int
store_rsprof(struct store *s, const struct rec *r)
{
	uint64_t mono = rec_attr_number(&r->rsprof, "mono");
	uint64_t wall = rec_attr_number(&r->rsprof, "wall");

	if (mono > INT64_MAX || wall > INT64_MAX)
		return skip(s, "skipped: time out of range");
	if (!s->started && begin_recording(s, &r->rsprof) < 0)
		return -1;
	/* The first stream that has a rate sets it. */
	if (add_meta(s, "hz", rec_attr(&r->rsprof, "hz")) < 0)
		return -1;
	s->offset = (int64_t)(wall - mono - (uint64_t)s->start);
	return db_run(s->st[ADD_STREAM], "titi", r->rsprof.producer, s->offset,
	    attributes(r), recording_time(s, mono));
}

static int
store_proc(struct store *s, const struct rec_proc *p)
{
	if (meta_process(s, p) < 0)
		return -1;
	return store_tasks_proc(s->tasks, p, recording_time(s, p->time));
}

static int
store_map(struct store *s, const struct rec_map *m)
{
	int64_t process, module;

	if (store_tasks_find_process(s->tasks, m->pid, recording_time(s, m->time),
	        &process) < 0 ||
	    store_defs_find_module(s->defs, m->module, &module) < 0)
		return -1;
	return db_run(s->st[ADD_MAP], "iiiiir", recording_time(s, m->time), process,
	    (int64_t)m->start, (int64_t)m->end, (int64_t)m->offset, module);
}

/* Find the row of a stack, or 0 with the reason in *cut. */
static int
find_stack(struct store *s, const struct rec_ref *ref, int64_t *row,
    const char **cut)
{
	if (store_stacks_find(s->stacks, ref->id, row) < 0)
		return -1;
	*cut = *row == 0 && ref->cut == NULL ? "no-stack" : ref->cut;
	return 0;
}

static int
store_cpu(struct store *s, const struct rec_cpu *cpu)
{
	int64_t time = recording_time(s, cpu->time), thread, stack;
	const char *cut;

	if (cpu->ns > INT64_MAX)
		return skip(s, "skipped: nanoseconds out of range");
	if (store_tasks_find_thread(s->tasks, cpu->pid, cpu->tid, time,
	        &thread) < 0 ||
	    find_stack(s, &cpu->stack, &stack, &cut) < 0)
		return -1;
	return db_run(s->st[ADD_CPU], "iirit", time, thread, stack,
	    (int64_t)cpu->ns, cut);
}

static int
store_off(struct store *s, const struct rec_off *off)
{
	int64_t time = recording_time(s, off->time), thread, stack;
	const char *cut;

	if (off->ns > INT64_MAX)
		return skip(s, "skipped: nanoseconds out of range");
	if (off->count > INT64_MAX)
		return skip(s, "skipped: count out of range");
	if (store_tasks_find_thread(s->tasks, off->pid, off->tid, time,
	        &thread) < 0 ||
	    find_stack(s, &off->stack, &stack, &cut) < 0)
		return -1;
	return db_run(s->st[ADD_OFF], "iiriitt", time, thread, stack,
	    (int64_t)off->ns, (int64_t)off->count, off->state, cut);
}

/* ---- the heap ---------------------------------------------------------- */

static int
store_probe(struct store *s, const struct rec_probe *p)
{
	int64_t time = recording_time(s, p->time), process, module = 0;

	if (store_tasks_find_process(s->tasks, p->pid, time, &process) < 0 ||
	    (p->module && store_defs_find_module(s->defs, p->module, &module) < 0))
		return -1;
	return db_run(s->st[ADD_PROBE], "iittrit", time, process, p->layer,
	    p->function, module, (int64_t)p->offset, p->how);
}

/* Returns whether all of these numbers fit SQLite's signed integers. */
static int
in_range(const uint64_t *n, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (n[i] > INT64_MAX)
			return 0;
	return 1;
}

/* Store how far the figures of the row of heap that was added last may be off: errors of
 * samples, or ranges. */
static int
store_heap_range(struct store *s, const struct rec_heap *h)
{
	if (!h->bytes_err && !h->live_err && !h->live_max && !h->bytes_max)
		return 0;
	return db_run(s->st[ADD_HEAP_RANGE],
	    h->live_max || h->bytes_max ? "iiiiiii" : "iiirrrr", db_last_id(s->db),
	    (int64_t)h->bytes_err, (int64_t)h->live_err, (int64_t)h->live_min,
	    (int64_t)h->live_max, (int64_t)h->bytes_min, (int64_t)h->bytes_max);
}

static int
store_heap(struct store *s, const struct rec_heap *h)
{
	char sizes[REC_HISTOGRAM_MAX], lives[REC_HISTOGRAM_MAX];
	int64_t time = recording_time(s, h->time), thread, stack;
	const char *cut;

	if (!in_range(&h->allocs, 9) || !in_range(&h->live, 9))
		return skip(s, "skipped: number out of range");
	if (store_tasks_find_thread(s->tasks, h->pid, h->tid, time, &thread) < 0 ||
	    find_stack(s, &h->stack, &stack, &cut) < 0)
		return -1;
	if (db_run(s->st[ADD_HEAP], "iiriiiiiiiiiiiittt", time, thread, stack,
	    (int64_t)h->allocs, (int64_t)h->bytes, (int64_t)h->frees,
	    (int64_t)h->freed, (int64_t)h->temps, (int64_t)h->inplace,
	    (int64_t)h->moved, (int64_t)h->copied, (int64_t)h->samples,
	    (int64_t)h->live, (int64_t)h->count, (int64_t)h->peak,
	    rec_histogram(sizes, h->sizes), rec_histogram(lives, h->lives), cut) < 0)
		return -1;
	return store_heap_range(s, h);
}

static int
store_age(struct store *s, const struct rec_age *a)
{
	int64_t time = recording_time(s, a->time), thread, stack;
	const char *cut;

	if (!in_range(&a->born, 3))
		return skip(s, "skipped: number out of range");
	if (store_tasks_find_thread(s->tasks, a->pid, a->tid, time, &thread) < 0 ||
	    find_stack(s, &a->stack, &stack, &cut) < 0)
		return -1;
	return db_run(s->st[ADD_AGE], "iiriiit", time, thread, stack,
	    recording_time(s, a->born), (int64_t)a->bytes, (int64_t)a->count, cut);
}

/* The same, of memory. */
static int
store_memory_range(struct store *s, const struct rec_memory *m)
{
	if (!m->bytes_err && !m->live_err && !m->live_max && !m->bytes_max && !m->period)
		return 0;
	if (m->live_max || m->bytes_max)
		return db_run(s->st[ADD_MEMORY_RANGE], "iiiiiiiri", db_last_id(s->db),
		    (int64_t)m->bytes_err, (int64_t)m->live_err, (int64_t)m->live_min,
		    (int64_t)m->live_max, (int64_t)m->bytes_min, (int64_t)m->bytes_max,
		    (int64_t)m->inuse, (int64_t)m->period);
	return db_run(s->st[ADD_MEMORY_RANGE], "iiirrrrri", db_last_id(s->db),
	    (int64_t)m->bytes_err, (int64_t)m->live_err, (int64_t)0, (int64_t)0, (int64_t)0,
	    (int64_t)0, (int64_t)m->inuse, (int64_t)m->period);
}

static int
store_memory(struct store *s, const struct rec_memory *m)
{
	int64_t time = recording_time(s, m->time), process;

	if (!in_range(&m->live, 21))
		return skip(s, "skipped: number out of range");
	if (store_tasks_find_process(s->tasks, m->pid, time, &process) < 0)
		return -1;
	if (db_run(s->st[ADD_MEMORY], "iiiiiiiiiiiiiii", time, process,
	    (int64_t)m->live, (int64_t)m->count, (int64_t)m->peak, (int64_t)m->rss,
	    (int64_t)m->anon, (int64_t)m->allocs, (int64_t)m->bytes,
	    (int64_t)m->frees, (int64_t)m->freed, (int64_t)m->unknown,
	    (int64_t)m->covered, (int64_t)m->hits, (int64_t)m->cost) < 0)
		return -1;
	return store_memory_range(s, m);
}

/* ---- the producer ------------------------------------------------------ */

static int
store_lost(struct store *s, const struct rec_lost *l)
{
	if (l->count > INT64_MAX)
		return skip(s, "skipped: count out of range");
	return db_run(s->st[ADD_LOST], "itit", recording_time(s, l->time), l->producer,
	    (int64_t)l->count, l->reason);
}

static int
store_cost(struct store *s, const struct rec_cost *c)
{
	if (c->ns > INT64_MAX || c->bytes > INT64_MAX)
		return skip(s, "skipped: cost out of range");
	return db_run(s->st[ADD_COST], "itii", recording_time(s, c->time), c->producer,
	    (int64_t)c->ns, (int64_t)c->bytes);
}

static int
store_note(struct store *s, const struct rec_note *n)
{
	return db_run(s->st[ADD_NOTE], "itt", recording_time(s, n->time), n->producer,
	    n->text);
}

static int
store_end(struct store *s, const struct rec_end *e)
{
	return db_run(s->st[END_STREAM], "itt", recording_time(s, e->time), e->reason,
	    e->producer);
}

static int
store_any(struct store *s, const struct rec *r)
{
	switch (r->type) {
	case REC_RSPROF: return store_rsprof(s, r);
	case REC_PROC: return store_proc(s, &r->proc);
	case REC_THREAD:
		return store_tasks_thread(s->tasks, &r->thread,
		    recording_time(s, r->thread.time));
	case REC_EXIT:
		return store_tasks_exit(s->tasks, &r->exit, recording_time(s, r->exit.time));
	case REC_MODULE: return store_defs_module(s->defs, &r->module);
	case REC_MAP: return store_map(s, &r->map);
	case REC_FRAME: return store_defs_frame(s->defs, &r->frame);
	case REC_STACK: return store_stacks_define(s->stacks, &r->stack);
	case REC_CPU: return store_cpu(s, &r->cpu);
	case REC_OFF: return store_off(s, &r->off);
	case REC_PROBE: return store_probe(s, &r->probe);
	case REC_HEAP: return store_heap(s, &r->heap);
	case REC_AGE: return store_age(s, &r->age);
	case REC_MEMORY: return store_memory(s, &r->memory);
	case REC_LOST: return store_lost(s, &r->lost);
	case REC_COST: return store_cost(s, &r->cost);
	case REC_NOTE: return store_note(s, &r->note);
	case REC_END: return store_end(s, &r->end);
	default: return 0;
	}
}

/* Returns a warning if the time, process or thread of a record is out of range,
 * or NULL.  In every struct of a record the time comes first, then the process,
 * then the thread, so that struct rec_cpu stands for all of them. */
static const char *
out_of_range(const struct rec *r)
{
	switch (r->type) {
	case REC_THREAD:
	case REC_EXIT:
	case REC_CPU:
	case REC_OFF:
	case REC_HEAP:
	case REC_AGE:
		if (r->cpu.tid > UINT32_MAX)
			return "skipped: thread out of range";
		/* fall through */
	case REC_PROC:
	case REC_MAP:
	case REC_PROBE:
	case REC_MEMORY:
		if (r->cpu.pid > UINT32_MAX)
			return "skipped: process out of range";
		/* fall through */
	case REC_LOST:
	case REC_COST:
	case REC_NOTE:
	case REC_END:
		return r->cpu.time > INT64_MAX ? "skipped: time out of range" : NULL;
	default:
		return NULL;
	}
}

int
store_record(struct store *s, const struct rec *r)
{
	const char *why = out_of_range(r);

	warnings_clear(&s->warnings);
	return why ? skip(s, why) : store_any(s, r);
}

const char *const *
store_warnings(const struct store *s)
{
	return s->warnings.text;
}

int
store_flush(struct store *s)
{
	return store_stacks_flush(s->stacks);
}

/* ---- opening and closing ----------------------------------------------- */

/* Load the parts of the recording that records refer to. */
static int
open_parts(struct store *s)
{
	struct warnings *w = &s->warnings;

	load_meta(s);
	if ((s->defs = store_defs_open(s->db, w)) == NULL ||
	    (s->stacks = store_stacks_open(s->db, w, s->defs)) == NULL ||
	    (s->tasks = store_tasks_open(s->db, w)) == NULL)
		return -1;
	return db_prepare_all(s->db, s->st, sql, NSTATEMENTS);
}

struct store *
store_open(struct db *db)
{
	struct store *s = calloc(1, sizeof *s);

	if (s == NULL) {
		db_no_memory(db);
		return NULL;
	}
	s->db = db;
	if (open_parts(s) == 0)
		return s;
	store_close(s);
	return NULL;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	db_finalize_all(s->st, NSTATEMENTS);
	store_tasks_close(s->tasks);
	store_stacks_close(s->stacks);
	store_defs_close(s->defs);
	free(s);
}
