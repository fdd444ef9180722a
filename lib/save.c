#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "idmap.h"
#include "rec.h"
#include "save.h"
#include "strtab.h"

#define NONE UINT32_MAX /* as IDMAP_NONE and STRTAB_NONE */

/* What is referred to but not defined gets a row of its own as well: it may
 * be defined later. */
#define UNDEFINED "undefined"

#define COMPLAINTS 6 /* of one record */

enum statement {
	ADD_META,
	ADD_STREAM,
	END_STREAM,
	FIND_STRING,
	ADD_STRING,
	ADD_PROCESS,
	SET_PROCESS,
	END_PROCESS,
	ADD_THREAD,
	NAME_THREAD,
	END_THREAD,
	ADD_MODULE,
	SET_MODULE,
	ADD_MAP,
	ADD_FRAME,
	SET_FRAME,
	ADD_STACK,
	SET_STACK,
	CUT_STACK,
	ADD_CPU,
	ADD_LOST,
	ADD_COST,
	ADD_NOTE,
	NSTATEMENTS
};

static const char *const sql[NSTATEMENTS] = {
	[ADD_META] = "INSERT OR IGNORE INTO meta(key, value) VALUES(?, ?)",
	[ADD_STREAM] = "INSERT INTO stream(producer, offset, attributes, began)"
	    " VALUES(?, ?, ?, ?)",
	[END_STREAM] = "UPDATE stream SET ended = ?, how = ? WHERE id = "
	    "(SELECT max(id) FROM stream WHERE producer = ? AND ended IS NULL)",
	[FIND_STRING] = "SELECT id FROM string WHERE text = ?",
	[ADD_STRING] = "INSERT INTO string(text) VALUES(?)",
	[ADD_PROCESS] = "INSERT INTO process(pid, ppid, name, exe, command, "
	    "began) VALUES(?, ?, ?, ?, ?, ?)",
	[SET_PROCESS] = "UPDATE process SET ppid = ?, name = ?, exe = ?, "
	    "command = ?, began = ? WHERE id = ?",
	[END_PROCESS] = "UPDATE process SET ended = ? WHERE id = ?",
	[ADD_THREAD] = "INSERT INTO thread(process, tid, name, began) "
	    "VALUES(?, ?, ?, ?)",
	[NAME_THREAD] = "UPDATE thread SET name = ? WHERE id = ?",
	[END_THREAD] = "UPDATE thread SET ended = ? WHERE id = ?",
	[ADD_MODULE] = "INSERT INTO module(hash, buildid, path) "
	    "VALUES(?, ?, ?)",
	[SET_MODULE] = "UPDATE module SET buildid = ?, path = ? WHERE id = ?",
	[ADD_MAP] = "INSERT INTO map(time, process, start, \"end\", offset, "
	    "module) VALUES(?, ?, ?, ?, ?, ?)",
	[ADD_FRAME] = "INSERT INTO frame(hash, function, file, line) "
	    "VALUES(?, ?, ?, ?)",
	[SET_FRAME] = "UPDATE frame SET function = ?, file = ?, line = ? "
	    "WHERE id = ?",
	[ADD_STACK] = "INSERT INTO stack(hash, parent, module, offset, frame, "
	    "inlined, cut) VALUES(?, ?, ?, ?, ?, ?, ?)",
	[SET_STACK] = "UPDATE stack SET parent = ?, module = ?, offset = ?, "
	    "frame = ?, inlined = ?, cut = ? WHERE id = ?",
	[CUT_STACK] = "UPDATE stack SET cut = ? WHERE id = ?",
	[ADD_CPU] = "INSERT INTO cpu(time, thread, stack, ns, cut) "
	    "VALUES(?, ?, ?, ?, ?)",
	[ADD_LOST] = "INSERT INTO lost(time, producer, count, reason) "
	    "VALUES(?, ?, ?, ?)",
	[ADD_COST] = "INSERT INTO cost(time, producer, ns, bytes) "
	    "VALUES(?, ?, ?, ?)",
	[ADD_NOTE] = "INSERT INTO note(time, producer, text) VALUES(?, ?, ?)",
};

/* A module or a frame. */
struct thing {
	int64_t row;
	int undefined;
};

struct stack {
	int64_t row;
	uint32_t parent; /* index */
	uint32_t cut;    /* text */
	int undefined, named;
};

struct process {
	int64_t row, began;
	uint64_t hash; /* of what its record says */
	int ended, undefined;
};

/* A thread that executes another program goes on as a new row, of the new
 * process. */
enum state { RUNNING, ENDED, EXECUTED };

struct thread {
	int64_t row;
	uint32_t process; /* index */
	uint32_t name;    /* text */
	enum state state;
};

struct things {
	struct idmap map; /* id to index */
	struct thing *thing;
	size_t n, size;
};

struct save {
	struct db *db;
	struct db_stmt *st[NSTATEMENTS];
	int64_t start, offset;
	int started, has_main; /* meta has the start; the process */
	uint64_t main_pid;     /* 0: the first that comes */
	const char *complaint[COMPLAINTS + 1];
	size_t complaints;

	struct strtab text;
	struct things modules, frames;
	struct idmap stack_map, process_map, thread_map;
	struct stack *stack;
	struct process *process;
	struct thread *thread;
	size_t nstacks, stacks_size, nprocesses, processes_size, nthreads,
	    threads_size;
	int recut; /* a stack has got other callers: its cut may be wrong in
		    * the nodes below */
};

/* ---- small things ----------------------------------------------------- */

/* The array with room for one more, or NULL. */
static void *
room(void *array, size_t n, size_t *size, size_t each)
{
	size_t more = *size ? 2 * *size : 64;

	if (n < *size)
		return array;
	if (n >= NONE - 1 || (array = realloc(array, more * each)) == NULL)
		return NULL;
	*size = more;
	return array;
}

#define ROOM(array, n, size) __extension__ ({ \
	void *room_ = room(array, n, &(size), sizeof(*(array))); \
	if (room_) \
		(array) = room_; \
	room_ ? 0 : -1; \
})

static int
no_memory(struct save *s)
{
	return db_no_memory(s->db);
}

static int
complain(struct save *s, const char *what)
{
	if (s->complaints < COMPLAINTS)
		s->complaint[s->complaints++] = what;
	return 0;
}

/* A time of the recording. */
static int64_t
when(const struct save *s, uint64_t time)
{
	return (int64_t)(time + (uint64_t)s->offset);
}

static int
keep_text(struct save *s, const char *text, uint32_t *number)
{
	return strtab_add(&s->text, text, number) == -1 ? no_memory(s) : 0;
}

/* The row of a string, 0 for none. */
static int
string_row(struct save *s, const char *text, int64_t *row)
{
	struct db_stmt *find = s->st[FIND_STRING];
	int r;

	*row = 0;
	if (text == NULL)
		return 0;
	if (db_start(find, "t", text) == -1 || (r = db_step(find)) == -1)
		return -1;
	if (r == 1) {
		*row = db_int(find, 0);
		db_reset(find);
		return 0;
	}
	if (db_run(s->st[ADD_STRING], "t", text) == -1)
		return -1;
	*row = db_last_id(s->db);
	return 0;
}

static int
add_meta(struct save *s, const char *key, const char *value)
{
	return value ? db_run(s->st[ADD_META], "tt", key, value) : 0;
}

/* ---- streams ---------------------------------------------------------- */

static uint64_t
number_attr(const struct rec_rsprof *r, const char *key)
{
	const char *value = rec_attr(r, key);

	return value ? strtoull(value, NULL, 10) : 0;
}

/* What the first stream says of everything. */
static int
begin_recording(struct save *s, const struct rec_rsprof *r)
{
	static const char *const keys[] = {
		"pid", "host", "kernel", "arch", "hz"
	};
	char start[24];
	size_t i;

	s->start = (int64_t)number_attr(r, "wall");
	s->started = 1;
	s->main_pid = number_attr(r, "pid");
	snprintf(start, sizeof(start), "%lld", (long long)s->start);
	if (add_meta(s, "start", start) == -1 ||
	    add_meta(s, "version", VERSION) == -1)
		return -1;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (add_meta(s, keys[i], rec_attr(r, keys[i])) == -1)
			return -1;
	return 0;
}

/* The attributes as they stand in the header. */
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
save_rsprof(struct save *s, const struct rec *r)
{
	uint64_t mono = number_attr(&r->rsprof, "mono");
	uint64_t wall = number_attr(&r->rsprof, "wall");

	if (mono > INT64_MAX || wall > INT64_MAX)
		return complain(s, "skipped: time out of range");
	if (!s->started && begin_recording(s, &r->rsprof) == -1)
		return -1;
	s->offset = (int64_t)(wall - mono - (uint64_t)s->start);
	return db_run(s->st[ADD_STREAM], "titi", r->rsprof.producer, s->offset,
	    attributes(r), when(s, mono));
}

/* ---- processes and threads -------------------------------------------- */

static int
add_process(struct save *s, uint64_t pid, const struct process *process)
{
	if (ROOM(s->process, s->nprocesses, s->processes_size) == -1 ||
	    idmap_put(&s->process_map, pid, (uint32_t)s->nprocesses) == -1)
		return no_memory(s);
	s->process[s->nprocesses++] = *process;
	return 0;
}

static int
find_process(struct save *s, uint64_t pid, int64_t time, uint32_t *index)
{
	struct process process = { .began = time, .undefined = 1 };

	if ((*index = idmap_get(&s->process_map, pid)) != NONE)
		return 0;
	complain(s, "undefined process");
	if (db_run(s->st[ADD_PROCESS], "irttti", (int64_t)pid, (int64_t)0,
	    (char *)NULL, (char *)NULL, (char *)NULL, time) == -1)
		return -1;
	process.row = db_last_id(s->db);
	*index = (uint32_t)s->nprocesses;
	return add_process(s, pid, &process);
}

/* The process and its threads have ended, or become something else. */
static int
end_process(struct save *s, uint32_t index, int64_t time, enum state state)
{
	size_t i;

	s->process[index].ended = 1;
	for (i = 0; i < s->nthreads; i++) {
		if (s->thread[i].process != index ||
		    s->thread[i].state != RUNNING)
			continue;
		s->thread[i].state = state;
		if (db_run(s->st[END_THREAD], "ii", time,
		    s->thread[i].row) == -1)
			return -1;
	}
	return db_run(s->st[END_PROCESS], "ii", time, s->process[index].row);
}

/* The process that the recording is about goes into meta. */
static int
meta_process(struct save *s, const struct rec_proc *p)
{
	char pid[24];

	if (s->has_main || (s->main_pid && s->main_pid != p->pid))
		return 0;
	s->has_main = 1;
	snprintf(pid, sizeof(pid), "%llu", (unsigned long long)p->pid);
	if (add_meta(s, "pid", pid) == -1 ||
	    add_meta(s, "name", p->name) == -1 ||
	    add_meta(s, "exe", p->exe) == -1)
		return -1;
	return add_meta(s, "command", p->cmdline);
}

static uint64_t
process_hash(uint64_t ppid, const char *name, const char *exe,
    const char *command)
{
	uint64_t h = rec_hash_str(rec_hash_u64(REC_HASH, ppid), name);

	return rec_hash_str(rec_hash_str(h, exe), command);
}

/* The same process said by two producers is one. */
static int
save_proc(struct save *s, const struct rec_proc *p)
{
	uint32_t i = idmap_get(&s->process_map, p->pid);
	struct process new = { .began = when(s, p->time),
		.hash = process_hash(p->ppid, p->name, p->exe, p->cmdline) };

	if (meta_process(s, p) == -1)
		return -1;
	if (i != NONE && s->process[i].undefined) {
		new.row = s->process[i].row;
		s->process[i] = new;
		return db_run(s->st[SET_PROCESS], "itttii", (int64_t)p->ppid,
		    p->name, p->exe, p->cmdline, new.began, new.row);
	}
	if (i != NONE && !s->process[i].ended) {
		if (s->process[i].hash == new.hash)
			return 0;
		if (end_process(s, i, new.began, EXECUTED) == -1)
			return -1;
	}
	if (db_run(s->st[ADD_PROCESS], "iittti", (int64_t)p->pid,
	    (int64_t)p->ppid, p->name, p->exe, p->cmdline, new.began) == -1)
		return -1;
	new.row = db_last_id(s->db);
	return add_process(s, p->pid, &new);
}

static uint64_t
thread_key(uint64_t pid, uint64_t tid)
{
	return pid << 32 | tid;
}

static int
keep_thread(struct save *s, uint64_t key, const struct thread *thread)
{
	if (ROOM(s->thread, s->nthreads, s->threads_size) == -1 ||
	    idmap_put(&s->thread_map, key, (uint32_t)s->nthreads) == -1)
		return no_memory(s);
	s->thread[s->nthreads++] = *thread;
	return 0;
}

static int
add_thread(struct save *s, uint64_t pid, uint64_t tid, uint32_t name,
    int64_t time, uint32_t *index)
{
	struct thread new = { .name = name };

	if (find_process(s, pid, time, &new.process) == -1 ||
	    db_run(s->st[ADD_THREAD], "iiti", s->process[new.process].row,
	    (int64_t)tid, strtab_text(&s->text, name), time) == -1)
		return -1;
	new.row = db_last_id(s->db);
	*index = (uint32_t)s->nthreads;
	return keep_thread(s, thread_key(pid, tid), &new);
}

static int
save_thread(struct save *s, const struct rec_thread *t)
{
	uint32_t i = idmap_get(&s->thread_map, thread_key(t->pid, t->tid));
	uint32_t name;

	if (keep_text(s, t->name, &name) == -1)
		return -1;
	if (i == NONE || s->thread[i].state != RUNNING)
		return add_thread(s, t->pid, t->tid, name, when(s, t->time),
		    &i);
	if (s->thread[i].name == name)
		return 0;
	s->thread[i].name = name;
	return db_run(s->st[NAME_THREAD], "ti", t->name, s->thread[i].row);
}

/* The thread of a sample.  One that has ended still gets what comes late. */
static int
find_thread(struct save *s, const struct rec_cpu *cpu, uint32_t *index)
{
	uint32_t i = idmap_get(&s->thread_map, thread_key(cpu->pid, cpu->tid));
	uint32_t name = NONE, now;

	*index = i;
	if (i != NONE && s->thread[i].state != EXECUTED)
		return 0;
	if (i == NONE) {
		complain(s, "undefined thread");
	} else {
		name = s->thread[i].name;
		now = idmap_get(&s->process_map, cpu->pid);
		if (when(s, cpu->time) < s->process[now].began)
			return 0;
	}
	return add_thread(s, cpu->pid, cpu->tid, name, when(s, cpu->time),
	    index);
}

static int
save_exit(struct save *s, const struct rec_exit *e)
{
	uint32_t i;

	if (e->tid == 0) {
		i = idmap_get(&s->process_map, e->pid);
		if (i == NONE)
			return complain(s, "undefined process");
		return s->process[i].ended ? 0 :
		    end_process(s, i, when(s, e->time), ENDED);
	}
	i = idmap_get(&s->thread_map, thread_key(e->pid, e->tid));
	if (i == NONE)
		return complain(s, "undefined thread");
	if (s->thread[i].state != RUNNING)
		return 0;
	s->thread[i].state = ENDED;
	return db_run(s->st[END_THREAD], "ii", when(s, e->time),
	    s->thread[i].row);
}

/* ---- modules and frames ----------------------------------------------- */

static int
keep_thing(struct save *s, struct things *t, uint64_t id, int64_t row,
    int undefined)
{
	uint32_t i = idmap_get(&t->map, id);

	if (i != NONE) {
		t->thing[i].undefined = undefined;
		return 0;
	}
	if (ROOM(t->thing, t->n, t->size) == -1 ||
	    idmap_put(&t->map, id, (uint32_t)t->n) == -1)
		return no_memory(s);
	t->thing[t->n++] = (struct thing){ row, undefined };
	return 0;
}

/* Its row, or 0 where it has none yet; *known: and need not be set. */
static int64_t
thing_row(const struct things *t, uint64_t id, int *known)
{
	uint32_t i = idmap_get(&t->map, id);

	*known = i != NONE && !t->thing[i].undefined;
	return i == NONE ? 0 : t->thing[i].row;
}

static int
save_module(struct save *s, const struct rec_module *m)
{
	int known;
	int64_t row = thing_row(&s->modules, m->id, &known);

	if (known)
		return 0;
	if (row) {
		if (db_run(s->st[SET_MODULE], "tti", m->buildid, m->path,
		    row) == -1)
			return -1;
	} else {
		if (db_run(s->st[ADD_MODULE], "itt", (int64_t)m->id,
		    m->buildid, m->path) == -1)
			return -1;
		row = db_last_id(s->db);
	}
	return keep_thing(s, &s->modules, m->id, row, 0);
}

static int
find_module(struct save *s, uint64_t id, int64_t *row)
{
	int known;

	if ((*row = thing_row(&s->modules, id, &known)) || id == 0)
		return 0;
	complain(s, "undefined module");
	if (db_run(s->st[ADD_MODULE], "itt", (int64_t)id, (char *)NULL,
	    (char *)NULL) == -1)
		return -1;
	*row = db_last_id(s->db);
	return keep_thing(s, &s->modules, id, *row, 1);
}

static int
save_frame(struct save *s, const struct rec_frame *f)
{
	int64_t row, function, file;
	int known;

	row = thing_row(&s->frames, f->id, &known);
	if (known)
		return 0;
	if (string_row(s, f->function, &function) == -1 ||
	    string_row(s, f->file, &file) == -1)
		return -1;
	if (row) {
		if (db_run(s->st[SET_FRAME], "rrri", function, file,
		    (int64_t)f->line, row) == -1)
			return -1;
	} else {
		if (db_run(s->st[ADD_FRAME], "irrr", (int64_t)f->id, function,
		    file, (int64_t)f->line) == -1)
			return -1;
		row = db_last_id(s->db);
	}
	return keep_thing(s, &s->frames, f->id, row, 0);
}

static int
find_frame(struct save *s, uint64_t id, int64_t *row)
{
	int known;

	if ((*row = thing_row(&s->frames, id, &known)) || id == 0)
		return 0;
	complain(s, "undefined frame");
	if (db_run(s->st[ADD_FRAME], "irrr", (int64_t)id, (int64_t)0,
	    (int64_t)0, (int64_t)0) == -1)
		return -1;
	*row = db_last_id(s->db);
	return keep_thing(s, &s->frames, id, *row, 1);
}

static int
save_map(struct save *s, const struct rec_map *m)
{
	int64_t module;
	uint32_t process;

	if (find_process(s, m->pid, when(s, m->time), &process) == -1 ||
	    find_module(s, m->module, &module) == -1)
		return -1;
	return db_run(s->st[ADD_MAP], "iiiiir", when(s, m->time),
	    s->process[process].row, (int64_t)m->start, (int64_t)m->end,
	    (int64_t)m->offset, module);
}

/* ---- stacks ----------------------------------------------------------- */

static int
keep_stack(struct save *s, uint64_t id, const struct stack *stack)
{
	if (ROOM(s->stack, s->nstacks, s->stacks_size) == -1 ||
	    idmap_put(&s->stack_map, id, (uint32_t)s->nstacks) == -1)
		return no_memory(s);
	s->stack[s->nstacks++] = *stack;
	return 0;
}

/* The index of a stack that is referred to: NONE for none. */
static int
find_stack(struct save *s, uint64_t id, uint32_t *index)
{
	struct stack new = { .parent = NONE, .undefined = 1 };

	*index = NONE;
	if (id == 0 || (*index = idmap_get(&s->stack_map, id)) != NONE)
		return 0;
	complain(s, "undefined stack");
	if (keep_text(s, UNDEFINED, &new.cut) == -1 ||
	    db_run(s->st[ADD_STACK], "irrrrit", (int64_t)id, (int64_t)0,
	    (int64_t)0, (int64_t)0, (int64_t)0, (int64_t)0, UNDEFINED) == -1)
		return -1;
	new.row = db_last_id(s->db);
	*index = (uint32_t)s->nstacks;
	return keep_stack(s, id, &new);
}

static int64_t
stack_row(const struct save *s, uint32_t index)
{
	return index == NONE ? 0 : s->stack[index].row;
}

/* Is `inner` the node `outer`, or below it? */
static int
is_within(const struct save *s, uint32_t inner, uint32_t outer)
{
	while (inner != NONE && inner != outer)
		inner = s->stack[inner].parent;
	return inner == outer;
}

/* Where a node hangs. */
static int
find_caller(struct save *s, const struct rec_ref *caller, struct stack *stack)
{
	if (find_stack(s, caller->id, &stack->parent) == -1)
		return -1;
	if (stack->parent == NONE)
		return keep_text(s, caller->cut, &stack->cut);
	stack->cut = s->stack[stack->parent].cut;
	return 0;
}

static int
add_stack(struct save *s, const struct rec_stack *r, struct stack *new,
    int64_t module, int64_t frame)
{
	if (db_run(s->st[ADD_STACK], "irririt", (int64_t)r->id,
	    stack_row(s, new->parent), module, (int64_t)r->offset, frame,
	    (int64_t)r->inlined, strtab_text(&s->text, new->cut)) == -1)
		return -1;
	new->row = db_last_id(s->db);
	return keep_stack(s, r->id, new);
}

/* What was only referred to is defined now, or what was raw is named. */
static int
set_stack(struct save *s, const struct rec_stack *r, struct stack *new,
    int64_t module, int64_t frame, uint32_t index)
{
	if (is_within(s, new->parent, index))
		return complain(s, "skipped: stack that is its own caller");
	new->row = s->stack[index].row;
	s->stack[index] = *new;
	s->recut = 1;
	return db_run(s->st[SET_STACK], "rririti", stack_row(s, new->parent),
	    module, (int64_t)r->offset, frame, (int64_t)r->inlined,
	    strtab_text(&s->text, new->cut), new->row);
}

static int
save_stack(struct save *s, const struct rec_stack *r)
{
	struct stack new = { .parent = NONE, .named = r->frame != 0 };
	uint32_t i = idmap_get(&s->stack_map, r->id);
	int64_t module, frame;

	if (i != NONE && !s->stack[i].undefined &&
	    (s->stack[i].named || !new.named))
		return 0;
	if (find_caller(s, &r->caller, &new) == -1 ||
	    find_module(s, r->module, &module) == -1 ||
	    find_frame(s, r->frame, &frame) == -1)
		return -1;
	i = idmap_get(&s->stack_map, r->id); /* it may be its own caller */
	return i == NONE ? add_stack(s, r, &new, module, frame) :
	    set_stack(s, r, &new, module, frame, i);
}

static int
set_cut(struct save *s, struct stack *stack, uint32_t cut)
{
	if (stack->cut == cut)
		return 0;
	stack->cut = cut;
	return db_run(s->st[CUT_STACK], "ti", strtab_text(&s->text, cut),
	    stack->row);
}

/* Give each node the cut of its outermost caller: up to a node that has it,
 * and back. */
static int
recut_node(struct save *s, uint32_t i, char *done, uint32_t *path)
{
	size_t n = 0;

	for (; i != NONE && !done[i]; i = s->stack[i].parent) {
		path[n++] = i;
		done[i] = 1;
	}
	while (n-- > 0) {
		if (i != NONE &&
		    set_cut(s, &s->stack[path[n]], s->stack[i].cut) == -1)
			return -1;
		i = path[n];
	}
	return 0;
}

int
save_finish(struct save *s)
{
	uint32_t *path = calloc(s->nstacks + 1, sizeof(*path)), i;
	char *done = calloc(s->nstacks + 1, 1);
	int r = path && done ? 0 : no_memory(s);

	for (i = 0; s->recut && r == 0 && i < s->nstacks; i++)
		r = recut_node(s, i, done, path);
	free(path);
	free(done);
	s->recut = 0;
	return r;
}

/* ---- what happened ---------------------------------------------------- */

static int
save_cpu(struct save *s, const struct rec_cpu *cpu)
{
	uint32_t thread, stack;
	const char *cut = cpu->stack.cut;

	if (cpu->ns > INT64_MAX)
		return complain(s, "skipped: nanoseconds out of range");
	if (find_thread(s, cpu, &thread) == -1 ||
	    find_stack(s, cpu->stack.id, &stack) == -1)
		return -1;
	if (stack == NONE && cut == NULL)
		cut = "no-stack";
	return db_run(s->st[ADD_CPU], "iirit", when(s, cpu->time),
	    s->thread[thread].row, stack_row(s, stack), (int64_t)cpu->ns, cut);
}

static int
save_lost(struct save *s, const struct rec_lost *l)
{
	if (l->count > INT64_MAX)
		return complain(s, "skipped: count out of range");
	return db_run(s->st[ADD_LOST], "itit", when(s, l->time), l->producer,
	    (int64_t)l->count, l->reason);
}

static int
save_cost(struct save *s, const struct rec_cost *c)
{
	if (c->ns > INT64_MAX || c->bytes > INT64_MAX)
		return complain(s, "skipped: cost out of range");
	return db_run(s->st[ADD_COST], "itii", when(s, c->time), c->producer,
	    (int64_t)c->ns, (int64_t)c->bytes);
}

static int
save_note(struct save *s, const struct rec_note *n)
{
	return db_run(s->st[ADD_NOTE], "itt", when(s, n->time), n->producer,
	    n->text);
}

static int
save_end(struct save *s, const struct rec_end *e)
{
	return db_run(s->st[END_STREAM], "itt", when(s, e->time), e->reason,
	    e->producer);
}

/* ---- all records ------------------------------------------------------ */

/* Numbers that the recording has no room for.  Every record that has a time
 * has it first. */
static const char *
out_of_range(const struct rec *r)
{
	switch (r->type) {
	case REC_PROC:
	case REC_THREAD:
	case REC_EXIT:
	case REC_MAP:
	case REC_CPU:
	case REC_LOST:
	case REC_COST:
	case REC_NOTE:
	case REC_END:
		break;
	default:
		return NULL;
	}
	if (r->cpu.time > INT64_MAX)
		return "skipped: time out of range";
	if (r->type == REC_LOST || r->type == REC_COST ||
	    r->type == REC_NOTE || r->type == REC_END)
		return NULL;
	if (r->cpu.pid > UINT32_MAX)
		return "skipped: process out of range";
	if ((r->type == REC_THREAD || r->type == REC_EXIT ||
	    r->type == REC_CPU) && r->cpu.tid > UINT32_MAX)
		return "skipped: thread out of range";
	return NULL;
}

static int
save_any(struct save *s, const struct rec *r)
{
	switch (r->type) {
	case REC_RSPROF: return save_rsprof(s, r);
	case REC_PROC: return save_proc(s, &r->proc);
	case REC_THREAD: return save_thread(s, &r->thread);
	case REC_EXIT: return save_exit(s, &r->exit);
	case REC_MODULE: return save_module(s, &r->module);
	case REC_MAP: return save_map(s, &r->map);
	case REC_FRAME: return save_frame(s, &r->frame);
	case REC_STACK: return save_stack(s, &r->stack);
	case REC_CPU: return save_cpu(s, &r->cpu);
	case REC_LOST: return save_lost(s, &r->lost);
	case REC_COST: return save_cost(s, &r->cost);
	case REC_NOTE: return save_note(s, &r->note);
	case REC_END: return save_end(s, &r->end);
	default: return 0;
	}
}

int
save_record(struct save *s, const struct rec *r)
{
	const char *why = out_of_range(r);
	int status;

	s->complaints = 0;
	status = why ? complain(s, why) : save_any(s, r);
	s->complaint[s->complaints] = NULL;
	return status;
}

const char *const *
save_complaints(const struct save *s)
{
	return s->complaint;
}

/* ---- going on with what is there ---------------------------------------- */

static int
load_thing(struct save *s, struct db_stmt *row, struct things *t)
{
	return keep_thing(s, t, (uint64_t)db_int(row, 1), db_int(row, 0),
	    (int)db_int(row, 2));
}

static int
load_module(struct save *s, struct db_stmt *row)
{
	return load_thing(s, row, &s->modules);
}

static int
load_frame(struct save *s, struct db_stmt *row)
{
	return load_thing(s, row, &s->frames);
}

static int
load_stack(struct save *s, struct db_stmt *row)
{
	struct stack stack = { .row = db_int(row, 0), .parent = NONE,
		.named = !db_is_null(row, 2), .undefined = (int)db_int(row, 4) };

	if (keep_text(s, db_text(row, 3), &stack.cut) == -1)
		return -1;
	return keep_stack(s, (uint64_t)db_int(row, 1), &stack);
}

/* The columns are the ids of a stack and of its caller. */
static int
load_caller(struct save *s, struct db_stmt *row)
{
	uint32_t i = idmap_get(&s->stack_map, (uint64_t)db_int(row, 0));
	uint32_t caller = idmap_get(&s->stack_map, (uint64_t)db_int(row, 1));

	if (i != NONE && caller != NONE && !is_within(s, caller, i))
		s->stack[i].parent = caller;
	return 0;
}

static int
load_process(struct save *s, struct db_stmt *row)
{
	struct process process = { .row = db_int(row, 0),
		.began = db_int(row, 2), .undefined = (int)db_int(row, 7) };

	process.hash = process_hash((uint64_t)db_int(row, 3), db_text(row, 4),
	    db_text(row, 5), db_text(row, 6));
	return add_process(s, (uint64_t)db_int(row, 1), &process);
}

static int
load_thread(struct save *s, struct db_stmt *row)
{
	uint64_t pid = (uint64_t)db_int(row, 1);
	struct thread thread = { .row = db_int(row, 0),
		.process = idmap_get(&s->process_map, pid) };

	if (thread.process == NONE)
		return 0;
	if (keep_text(s, db_text(row, 3), &thread.name) == -1)
		return -1;
	return keep_thread(s, thread_key(pid, (uint64_t)db_int(row, 2)),
	    &thread);
}

static const struct {
	const char *sql;
	int (*load)(struct save *s, struct db_stmt *row);
} loads[] = {
	{ "SELECT id, hash, buildid IS NULL AND path IS NULL FROM module",
	    load_module },
	{ "SELECT id, hash, function IS NULL AND file IS NULL FROM frame",
	    load_frame },
	{ "SELECT id, hash, frame, cut, cut IS '" UNDEFINED "' AND "
	    "parent IS NULL AND module IS NULL FROM stack", load_stack },
	{ "SELECT stack.hash, caller.hash FROM stack "
	    "JOIN stack caller ON caller.id = stack.parent", load_caller },
	{ "SELECT id, pid, began, ppid, name, exe, command, "
	    "name IS NULL AND exe IS NULL FROM process WHERE ended IS NULL",
	    load_process },
	{ "SELECT thread.id, pid, tid, thread.name FROM thread "
	    "JOIN process ON process.id = thread.process "
	    "WHERE thread.ended IS NULL AND process.ended IS NULL "
	    "ORDER BY thread.id", load_thread },
};

static int
load_table(struct save *s, size_t i)
{
	struct db_stmt *row = db_prepare(s->db, loads[i].sql);
	int r = -1;

	while (row && (r = db_step(row)) == 1)
		if (loads[i].load(s, row) == -1) {
			r = -1;
			break;
		}
	db_finalize(row);
	return r;
}

static void
load_meta(struct save *s)
{
	const char *value = db_meta(s->db, "start");

	s->started = value != NULL;
	s->start = value ? strtoll(value, NULL, 10) : 0;
	value = db_meta(s->db, "pid");
	s->main_pid = value ? strtoull(value, NULL, 10) : 0;
	s->has_main = db_meta(s->db, "name") != NULL;
}

static int
load(struct save *s)
{
	size_t i;

	load_meta(s);
	for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		if (load_table(s, i) == -1)
			return -1;
	for (i = 0; i < NSTATEMENTS; i++)
		if ((s->st[i] = db_prepare(s->db, sql[i])) == NULL)
			return -1;
	return 0;
}

struct save *
save_open(struct db *db)
{
	struct save *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		db_no_memory(db);
		return NULL;
	}
	s->db = db;
	if (load(s) == 0)
		return s;
	save_close(s);
	return NULL;
}

void
save_close(struct save *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < NSTATEMENTS; i++)
		db_finalize(s->st[i]);
	strtab_clear(&s->text);
	idmap_clear(&s->modules.map);
	idmap_clear(&s->frames.map);
	idmap_clear(&s->stack_map);
	idmap_clear(&s->process_map);
	idmap_clear(&s->thread_map);
	free(s->modules.thing);
	free(s->frames.thing);
	free(s->stack);
	free(s->process);
	free(s->thread);
	free(s);
}
