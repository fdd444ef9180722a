#include "record/dump_tasks.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"
#include "record/db.h"
#include "record/dump_out.h"
#include "stream/rec.h"

/*
 * One array of tasks, processes and threads, and one of events, two for each task, in the order
 * of time.  An event that a reference has brought forward is passed over when its time comes.
 * A number that is used again must have been given back before: `holder` is the task that has it.
 */

#define NONE IDMAP_NONE

enum statement {
	PROCESSES,
	THREADS,
	PROCESS,
	THREAD,
	NSTATEMENTS
};

static const char *const sql[NSTATEMENTS] = {
	[PROCESSES] = "SELECT id, pid, began, ended, ppid IS NULL AND name IS NULL "
	              "FROM process "
	              "ORDER BY began, id",
	[THREADS] = "SELECT id, tid, began, ended, process, name FROM thread ORDER BY began, id",
	[PROCESS] = "SELECT ppid, name, exe, command FROM process WHERE id = ?",
	[THREAD] = "SELECT name FROM thread WHERE id = ?",
};

struct task {
	int64_t row, began, ended; /* ended: INT64_MAX if it has not */
	uint64_t pid, tid;
	uint32_t process;          /* of a thread: its index; NONE: it is a process */
	unsigned undefined : 1;    /* a process that was only referred to */
	unsigned wanted : 1;
	unsigned has_begun : 1; /* its record has been written */
	unsigned has_ended : 1;
};

struct event {
	int64_t time;
	int kind; /* the order at equal times */
	uint32_t task;
};

enum {
	END_OF_THREAD,
	END_OF_PROCESS,
	START_OF_PROCESS,
	START_OF_THREAD
};

struct dump_tasks {
	struct db *db;
	struct dump_out *out;
	struct db_stmt *st[NSTATEMENTS];
	struct task *task;
	size_t n, room;
	struct event *event;
	size_t nevent, next;
	struct idmap processes, threads; /* rows to indexes */
	struct idmap holder;             /* numbers to indexes */
};

static int
is_thread(const struct task *task)
{
	return task->process != NONE;
}

/* ---- loading ------------------------------------------------------------ */

static int
add(struct dump_tasks *t, struct idmap *rows, const struct task *task)
{
	if (array_room(&t->task, t->n, &t->room, sizeof *task) < 0 ||
	    idmap_put(rows, (uint64_t)task->row, (uint32_t)t->n) < 0)
		return db_no_memory(t->db);
	t->task[t->n++] = *task;
	return 0;
}

/* Returns a task with the columns that both tables begin with. */
static struct task
read_task(struct db_stmt *st)
{
	return (struct task){ .row = db_int(st, 0), .began = db_int(st, 2), .process = NONE,
		.ended = db_is_null(st, 3) ? INT64_MAX : db_int(st, 3) };
}

static int
load_processes(struct dump_tasks *t, uint64_t pid, const char *thread)
{
	struct db_stmt *st = t->st[PROCESSES];
	int e;

	if (db_start(st, "") < 0)
		return -1;
	while ((e = db_step(st)) == 1) {
		struct task task = read_task(st);

		task.pid = (uint64_t)db_int(st, 1);
		task.undefined = db_int(st, 4) != 0;
		/* A thread that is wanted brings its process. */
		task.wanted = thread == NULL && (pid == 0 || pid == task.pid);
		if (add(t, &t->processes, &task) < 0)
			return -1;
	}
	return e;
}

/* Returns whether a thread is the one that -t names, by number or name. */
static int
is_named(const char *thread, uint64_t tid, const char *name)
{
	char number[24];

	snprintf(number, sizeof number, "%llu", (unsigned long long)tid);
	return thread == NULL || strcmp(thread, number) == 0 || (name && strcmp(thread, name) == 0);
}

static int
load_threads(struct dump_tasks *t, uint64_t pid, const char *thread)
{
	struct db_stmt *st = t->st[THREADS];
	int e;

	if (db_start(st, "") < 0)
		return -1;
	while ((e = db_step(st)) == 1) {
		struct task task = read_task(st);
		struct task *process;

		task.tid = (uint64_t)db_int(st, 1);
		task.process = idmap_get(&t->processes, (uint64_t)db_int(st, 4));
		if (task.process == NONE) {
			t->out->damaged++;
			continue;
		}
		process = &t->task[task.process];
		task.pid = process->pid;
		task.wanted = (pid == 0 || pid == task.pid) &&
		    is_named(thread, task.tid, db_text(st, 5));
		process->wanted |= task.wanted;
		if (add(t, &t->threads, &task) < 0)
			return -1;
	}
	return e;
}

static int
compare_events(const void *x, const void *y)
{
	const struct event *a = x, *b = y;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->task < b->task ? -1 : a->task > b->task;
}

static int
make_events(struct dump_tasks *t)
{
	if ((t->event = calloc(2 * t->n + 1, sizeof *t->event)) == NULL)
		return db_no_memory(t->db);
	for (uint32_t i = 0; i < t->n; i++) {
		const struct task *task = &t->task[i];

		if (!task->wanted)
			continue;
		t->event[t->nevent++] = (struct event){ task->began,
			is_thread(task) ? START_OF_THREAD : START_OF_PROCESS, i };
		if (task->ended != INT64_MAX)
			t->event[t->nevent++] = (struct event){ task->ended,
				is_thread(task) ? END_OF_THREAD : END_OF_PROCESS, i };
	}
	qsort(t->event, t->nevent, sizeof *t->event, compare_events);
	return 0;
}

/* ---- records ------------------------------------------------------------ */

static int start_task(struct dump_tasks *t, uint32_t i);

static int
end_task(struct dump_tasks *t, uint32_t i)
{
	struct task *task = &t->task[i];
	struct rec r = { .type = REC_EXIT };
	int e;

	if (task->has_ended)
		return 0;
	if ((e = start_task(t, i)))
		return e;
	task->has_ended = 1;
	/* The idle task's thread: an exit of number 0 is of a whole process. */
	if (is_thread(task) && task->tid == 0)
		return 0;
	r.exit = (struct rec_exit){ dump_time(t->out, task->ended), task->pid, task->tid };
	return t->out->put(t->out->ctx, &r);
}

/* Let a task have its number, after whoever has it has given it back. */
static int
take_number(struct dump_tasks *t, uint32_t i)
{
	/* No thread has the highest number. */
	uint64_t key = t->task[i].pid << 32 | (is_thread(&t->task[i]) ? t->task[i].tid : UINT32_MAX);
	uint32_t before = idmap_get(&t->holder, key);
	int e = 0;

	if (before != NONE && t->task[before].ended != INT64_MAX)
		e = end_task(t, before);
	if (e == 0 && idmap_put(&t->holder, key, i) < 0)
		return db_no_memory(t->db);
	return e;
}

static int
put_process(struct dump_tasks *t, const struct task *task)
{
	struct db_stmt *st = t->st[PROCESS];
	struct rec r = { .type = REC_PROC };
	int e;

	if (task->undefined)
		return 0;
	if (db_start(st, "i", task->row) < 0 || (e = db_step(st)) < 0)
		return -1;
	r.proc = (struct rec_proc){ .time = dump_time(t->out, task->began), .pid = task->pid };
	if (e == 1) {
		r.proc.ppid = (uint64_t)db_int(st, 0);
		r.proc.name = db_text(st, 1);
		r.proc.exe = db_text(st, 2);
		r.proc.cmdline = db_text(st, 3);
	}
	e = t->out->put(t->out->ctx, &r);
	db_reset(st);
	return e;
}

static int
put_thread(struct dump_tasks *t, const struct task *task)
{
	struct db_stmt *st = t->st[THREAD];
	struct rec r = { .type = REC_THREAD };
	int e;

	if (db_start(st, "i", task->row) < 0 || (e = db_step(st)) < 0)
		return -1;
	r.thread = (struct rec_thread){ dump_time(t->out, task->began), task->pid, task->tid,
		e == 1 ? db_text(st, 0) : NULL };
	e = t->out->put(t->out->ctx, &r);
	db_reset(st);
	return e;
}

static int
start_task(struct dump_tasks *t, uint32_t i)
{
	struct task *task = &t->task[i];
	int e;

	if (task->has_begun)
		return 0;
	task->has_begun = 1;
	if (task->process != NONE && (e = start_task(t, task->process)))
		return e;
	if ((e = take_number(t, i)))
		return e;
	return is_thread(task) ? put_thread(t, task) : put_process(t, task);
}

int
dump_tasks_next(const struct dump_tasks *t, int64_t *time)
{
	if (t->next == t->nevent)
		return 0;
	*time = t->event[t->next].time;
	return 1;
}

int
dump_tasks_put(struct dump_tasks *t)
{
	const struct event *event = &t->event[t->next++];

	if (event->kind == START_OF_PROCESS || event->kind == START_OF_THREAD)
		return start_task(t, event->task);
	return end_task(t, event->task);
}

/* ---- references --------------------------------------------------------- */

/* Start the task of a row, and set *task to it; NULL if it is not wanted. */
static int
refer(struct dump_tasks *t, const struct idmap *rows, int64_t row, const struct task **task)
{
	uint32_t i = idmap_get(rows, (uint64_t)row);

	*task = NULL;
	if (i == NONE)
		t->out->damaged++;
	if (i == NONE || !t->task[i].wanted)
		return 0;
	*task = &t->task[i];
	return start_task(t, i);
}

int
dump_tasks_process(struct dump_tasks *t, int64_t row, uint64_t *pid, int *wanted)
{
	const struct task *task;
	int e = refer(t, &t->processes, row, &task);

	*wanted = task != NULL;
	*pid = task ? task->pid : 0;
	return e;
}

int
dump_tasks_thread(struct dump_tasks *t, int64_t row, uint64_t *pid, uint64_t *tid, int *wanted)
{
	const struct task *task;
	int e = refer(t, &t->threads, row, &task);

	*wanted = task != NULL;
	*pid = task ? task->pid : 0;
	*tid = task ? task->tid : 0;
	return e;
}

/* ---- opening and closing ------------------------------------------------ */

struct dump_tasks *
dump_tasks_open(struct db *db, struct dump_out *out, uint64_t pid, const char *thread)
{
	struct dump_tasks *t = calloc(1, sizeof *t);

	if (t == NULL) {
		db_no_memory(db);
		return NULL;
	}
	t->db = db;
	t->out = out;
	if (db_prepare_all(db, t->st, sql, NSTATEMENTS) == 0 &&
	    load_processes(t, pid, thread) == 0 && load_threads(t, pid, thread) == 0 &&
	    make_events(t) == 0)
		return t;
	dump_tasks_close(t);
	return NULL;
}

void
dump_tasks_close(struct dump_tasks *t)
{
	if (t == NULL)
		return;
	db_finalize_all(t->st, NSTATEMENTS);
	idmap_clear(&t->processes);
	idmap_clear(&t->threads);
	idmap_clear(&t->holder);
	free(t->task);
	free(t->event);
	free(t);
}
