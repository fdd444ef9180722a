#include "record/store_tasks.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "record/db.h"
#include "record/warnings.h"
#include "stream/rec.h"
#include "stream/task.h"

/*
 * Two arrays with maps from numbers to indexes: the last process of each pid,
 * and the last thread of each pid and tid.  A successor (a reused number, or
 * an exec) takes its predecessor's slot, so a thread keeps the row of its
 * process beside the slot: they differ once that process has been succeeded.
 * Ended tasks stay, because records of two producers may come late.
 */

#define NONE IDMAP_NONE

enum statement {
	ADD_PROCESS,
	SET_PROCESS,
	END_PROCESS,
	ADD_THREAD,
	COPY_THREAD,
	NAME_THREAD,
	END_THREAD,
	NSTATEMENTS
};

static const char *const sql[NSTATEMENTS] = {
	[ADD_PROCESS] = "INSERT INTO process(pid, ppid, name, exe, command, "
	                "began) VALUES(?, ?, ?, ?, ?, ?)",
	[SET_PROCESS] = "UPDATE process SET ppid = ?, name = ?, exe = ?, "
	                "command = ?, began = ? WHERE id = ?",
	[END_PROCESS] = "UPDATE process SET ended = ? WHERE id = ?",
	[ADD_THREAD] = "INSERT INTO thread(process, tid, name, began) "
	               "VALUES(?, ?, ?, ?)",
	[COPY_THREAD] = "INSERT INTO thread(process, tid, name, began) "
	                "SELECT ?, tid, name, ? FROM thread WHERE id = ?",
	[NAME_THREAD] = "UPDATE thread SET name = ? WHERE id = ?",
	[END_THREAD] = "UPDATE thread SET ended = ? WHERE id = ?",
};

/* The last process of its pid. */
struct process {
	int64_t row, began;
	int64_t ended;    /* TASK_RUNS: it has not */
	int64_t last;     /* end of the last of its threads that have ended */
	int undefined;    /* only referred to */
	uint64_t program; /* hash_program() */
	uint32_t running; /* threads that have not ended */
};

/* The last thread of its pid and tid. */
struct thread {
	int64_t row, began;
	int64_t ended;   /* TASK_RUNS: it has not */
	int64_t process; /* row; may differ from that of the process in the slot */
	uint32_t at;     /* slot of its process */
	uint64_t name;   /* its hash */
};

struct store_tasks {
	struct db *db;
	struct warnings *warnings;
	struct db_stmt *st[NSTATEMENTS];
	struct idmap process_map, thread_map;
	struct process *process;
	struct thread *thread;
	size_t nprocess, process_room, nthread, thread_room;
};

/* Find the slot of an id, or give it slot n. */
static int
find_slot(struct store_tasks *t, struct idmap *map, uint64_t id, size_t n,
    uint32_t *at)
{
	if ((*at = idmap_get(map, id)) != NONE)
		return 0;
	*at = (uint32_t)n;
	return idmap_put(map, id, *at) < 0 ? db_no_memory(t->db) : 0;
}

/* ---- processes --------------------------------------------------------- */

/* Put a process into the slot of its pid. */
static int
put_process(struct store_tasks *t, uint64_t pid, const struct process *process)
{
	uint32_t i;

	if (array_room(&t->process, t->nprocess, &t->process_room,
	        sizeof *t->process) < 0)
		return db_no_memory(t->db);
	if (find_slot(t, &t->process_map, pid, t->nprocess, &i) < 0)
		return -1;
	t->process[i] = *process;
	t->nprocess += i == t->nprocess;
	return 0;
}

static struct process *
find_process(const struct store_tasks *t, uint64_t pid)
{
	uint32_t i = idmap_get(&t->process_map, pid);

	return i == NONE ? NULL : &t->process[i];
}

/* Find the slot of a process, also if it has ended; an unknown one is added as undefined. */
static int
ensure_process(struct store_tasks *t, uint64_t pid, int64_t time, uint32_t *at)
{
	struct process new = { .began = time, .ended = TASK_RUNS, .undefined = 1 };

	if ((*at = idmap_get(&t->process_map, pid)) != NONE)
		return 0;
	warnings_add(t->warnings, "undefined process");
	if (db_run(t->st[ADD_PROCESS], "irttti", (int64_t)pid, (int64_t)0,
	        (char *)NULL, (char *)NULL, (char *)NULL, time) < 0)
		return -1;
	new.row = db_last_id(t->db);
	*at = (uint32_t)t->nprocess;
	return put_process(t, pid, &new);
}

int
store_tasks_find_process(struct store_tasks *t, uint64_t pid, int64_t time,
    int64_t *row)
{
	uint32_t at;

	if (ensure_process(t, pid, time, &at) < 0)
		return -1;
	*row = t->process[at].row;
	return 0;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* End a thread, of process p unless that has been succeeded. */
static int
end_thread(struct store_tasks *t, struct process *p, struct thread *th, int64_t time)
{
	th->ended = time;
	if (th->process == p->row) {
		p->running--;
		p->last = later(p->last, time);
	}
	return db_run(t->st[END_THREAD], "ii", time, th->row);
}

/* End all threads of a process. */
static int
end_threads(struct store_tasks *t, struct process *p, int64_t time)
{
	struct thread *th;
	size_t i;

	/* Recent threads are the likely ones. */
	for (i = t->nthread; p->running > 0 && i-- > 0;) {
		th = &t->thread[i];
		if (th->process == p->row && th->ended == TASK_RUNS &&
		    end_thread(t, p, th, later(time, th->began)) < 0)
			return -1;
	}
	return 0;
}

/* End a process and its threads, also those that came after its end.  It ends with the last
 * of them, which another producer may have told of. */
static int
end_process(struct store_tasks *t, struct process *p, int64_t time)
{
	if (end_threads(t, p, time) < 0)
		return -1;
	if (p->ended != TASK_RUNS)
		return 0;
	p->ended = later(time, p->last);
	return db_run(t->st[END_PROCESS], "ii", p->ended, p->row);
}

/* Hash what changes in an exec and only then, which tells it from a second producer's record
 * of the same process: parent and name also change without one. */
static uint64_t
hash_program(const char *name, const char *exe, const char *command)
{
	if (exe == NULL && command == NULL)
		return hash_str(HASH_INIT, name);
	return hash_str(hash_str(HASH_INIT, exe), command);
}

int
store_tasks_proc(struct store_tasks *t, const struct rec_proc *p, int64_t time)
{
	struct process *known = find_process(t, p->pid);
	struct process new = { .began = time,
		.ended = TASK_RUNS,
		.program = hash_program(p->name, p->exe, p->cmdline) };

	if (known && known->undefined) {
		known->undefined = 0;
		known->began = time;
		known->program = new.program;
		return db_run(t->st[SET_PROCESS], "itttii", (int64_t)p->ppid,
		    p->name, p->exe, p->cmdline, time, known->row);
	}
	if (known && !task_begins(known->began, known->ended, known->program == new.program, time))
		return 0;
	if (known && end_process(t, known, time) < 0)
		return -1;
	if (db_run(t->st[ADD_PROCESS], "iittti", (int64_t)p->pid,
	        (int64_t)p->ppid, p->name, p->exe, p->cmdline, time) < 0)
		return -1;
	new.row = db_last_id(t->db);
	return put_process(t, p->pid, &new);
}

/* ---- threads ----------------------------------------------------------- */

static uint64_t
thread_key(uint64_t pid, uint64_t tid)
{
	return pid << 32 | tid;
}

static struct thread *
find_thread(const struct store_tasks *t, uint64_t pid, uint64_t tid)
{
	uint32_t i = idmap_get(&t->thread_map, thread_key(pid, tid));

	return i == NONE ? NULL : &t->thread[i];
}

/* Put a thread into the slot of its numbers; its process is in slot thread->at, and may have
 * ended: then this is told late, and the thread has ended, too. */
static int
put_thread(struct store_tasks *t, uint64_t pid, uint64_t tid,
    const struct thread *thread)
{
	struct process *p = &t->process[thread->at];
	struct thread *th;
	uint32_t i;

	if (array_room(&t->thread, t->nthread, &t->thread_room,
	        sizeof *t->thread) < 0)
		return db_no_memory(t->db);
	if (find_slot(t, &t->thread_map, thread_key(pid, tid), t->nthread, &i) < 0)
		return -1;
	th = &t->thread[i];
	*th = *thread;
	th->process = p->row;
	th->ended = TASK_RUNS;
	p->running++;
	t->nthread += i == t->nthread;
	return p->ended == TASK_RUNS ? 0 : end_thread(t, p, th, p->ended);
}

static int
add_thread(struct store_tasks *t, uint64_t pid, uint64_t tid, const char *name,
    int64_t time, int64_t *row)
{
	struct thread new = { .name = hash_str(HASH_INIT, name) };
	const struct process *p;

	if (ensure_process(t, pid, time, &new.at) < 0)
		return -1;
	p = &t->process[new.at];
	new.began = time < p->ended ? time : p->ended;
	if (db_run(t->st[ADD_THREAD], "iiti", p->row, (int64_t)tid, name, new.began) < 0)
		return -1;
	*row = new.row = db_last_id(t->db);
	return put_thread(t, pid, tid, &new);
}

/* Add a thread to its process's new program like the old one, for a sample that comes before
 * any thread record after the exec. */
static int
copy_thread(struct store_tasks *t, uint64_t pid, uint64_t tid,
    const struct thread *old, int64_t *row)
{
	const struct process *p = &t->process[old->at];
	struct thread new = { .at = old->at, .began = p->began, .name = old->name };

	if (db_run(t->st[COPY_THREAD], "iii", p->row, p->began, old->row) < 0)
		return -1;
	*row = new.row = db_last_id(t->db);
	return put_thread(t, pid, tid, &new);
}

int
store_tasks_thread(struct store_tasks *t, const struct rec_thread *r,
    int64_t time)
{
	struct thread *known = find_thread(t, r->pid, r->tid);
	uint64_t name = hash_str(HASH_INIT, r->name);
	const struct process *p = known ? &t->process[known->at] : NULL;
	int current = known && known->process == p->row;
	int64_t row;

	if (known == NULL || (current ? time > known->ended : time >= p->began))
		return add_thread(t, r->pid, r->tid, r->name, time, &row);
	/* A name from before its process' exec is told late. */
	if (!current || known->name == name)
		return 0;
	known->name = name;
	return db_run(t->st[NAME_THREAD], "ti", r->name, known->row);
}

/* A late record of a thread that has ended still finds its row. */
int
store_tasks_find_thread(struct store_tasks *t, uint64_t pid, uint64_t tid,
    int64_t time, int64_t *row)
{
	const struct thread *known = find_thread(t, pid, tid);
	const struct process *p;

	if (known == NULL) {
		warnings_add(t->warnings, "undefined thread");
		return add_thread(t, pid, tid, NULL, time, row);
	}
	p = &t->process[known->at];
	if (known->process != p->row && time >= p->began)
		return copy_thread(t, pid, tid, known, row);
	*row = known->row;
	return 0;
}

int
store_tasks_exit(struct store_tasks *t, const struct rec_exit *e, int64_t time)
{
	struct process *p = find_process(t, e->pid);
	struct thread *th = find_thread(t, e->pid, e->tid);

	if (e->tid && th == NULL)
		warnings_add(t->warnings, "undefined thread");
	else if (e->tid && th->ended == TASK_RUNS && time >= th->began)
		return end_thread(t, &t->process[th->at], th, time);
	if (e->tid)
		return 0;
	if (p == NULL)
		warnings_add(t->warnings, "undefined process");
	else if (p->ended == TASK_RUNS && time >= p->began)
		return end_process(t, p, time);
	return 0;
}

/* ---- opening and closing ----------------------------------------------- */

static int
load_process(void *ctx, struct db_stmt *row, int columns)
{
	struct process p = { .row = db_int(row, 0), .began = db_int(row, 2), .ended = TASK_RUNS };

	(void)columns;
	p.undefined = (int)db_int(row, 6);
	p.program = hash_program(db_text(row, 3), db_text(row, 4), db_text(row, 5));
	return put_process(ctx, (uint64_t)db_int(row, 1), &p);
}

static int
load_thread(void *ctx, struct db_stmt *row, int columns)
{
	struct store_tasks *t = ctx;
	uint64_t pid = (uint64_t)db_int(row, 1);
	struct thread th = { .row = db_int(row, 0),
		.at = idmap_get(&t->process_map, pid),
		.name = hash_str(HASH_INIT, db_text(row, 3)), .began = db_int(row, 4) };

	(void)columns;
	if (th.at == NONE)
		return 0;
	return put_thread(t, pid, (uint64_t)db_int(row, 2), &th);
}

struct store_tasks *
store_tasks_open(struct db *db, struct warnings *w)
{
	static const char processes[] = "SELECT id, pid, began, name, exe, "
	                                "command, coalesce(name, exe) IS NULL FROM process "
	                                "WHERE ended IS NULL ORDER BY id";
	static const char threads[] = "SELECT thread.id, pid, tid, thread.name, thread.began "
	                              "FROM thread JOIN process ON process.id = thread.process "
	                              "WHERE thread.ended IS NULL AND process.ended IS NULL "
	                              "ORDER BY thread.id";
	struct store_tasks *t = calloc(1, sizeof *t);

	if (t == NULL) {
		db_no_memory(db);
		return NULL;
	}
	t->db = db;
	t->warnings = w;
	if (db_query(db, processes, NULL, load_process, t) == 0 &&
	    db_query(db, threads, NULL, load_thread, t) == 0 &&
	    db_prepare_all(db, t->st, sql, NSTATEMENTS) == 0)
		return t;
	store_tasks_close(t);
	return NULL;
}

void
store_tasks_close(struct store_tasks *t)
{
	if (t == NULL)
		return;
	db_finalize_all(t->st, NSTATEMENTS);
	idmap_clear(&t->process_map);
	idmap_clear(&t->thread_map);
	free(t->process);
	free(t->thread);
	free(t);
}
