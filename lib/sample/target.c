/*
 * Targets are kept in an array of pointers, so that they can be handed out, and
 * threads of all targets in another one, whose removed elements are used again;
 * target_of and thread_of find both by their numbers.  A thread belongs to the
 * target of its member pid, which counts its threads and ends with the last one.
 * Modules are shared by all targets and live as long as targets do.
 */
#include "sample/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "os/proc.h"
#include "stream/rec.h"
#include "unwind/addrspace.h"
#include "unwind/mapping.h"
#include "unwind/module.h"

#define UNTABLED 4096 /* bytes of code without unwind tables that are worth a note */

/* How long a new program's arguments are waited for; an empty list of them is rare. */
#define ARGUMENTS_MS 20

/* Stacks that are remembered as emitted; with more of them all are forgotten, and
 * emitted again when they come again. */
#define STACKS_MOST 1000000

/* What has been emitted of a module: values of its member written. */
enum { MODULE_EMITTED = 1, MODULE_TABLE_EMITTED };

struct thread {
	pid_t pid, tid;
	char name[PROC_NAME_MAX];
};

struct targets {
	struct rec_out *out;
	const char *producer;
	int error;
	struct modules *modules;
	struct target **target;
	size_t ntarget, target_room;
	struct thread *thread; /* removed ones are in free_thread */
	size_t nthread, thread_room;
	uint32_t *free_thread;
	size_t nfree, free_room;
	struct idmap target_of; /* pid -> index */
	struct idmap thread_of; /* tid -> index */
	struct idmap stacks;    /* ids of emitted stacks -> 0 */
};

struct targets *
targets_new(struct rec_out *out, const char *producer)
{
	struct targets *ts = calloc(1, sizeof *ts);

	if (ts == NULL)
		return NULL;
	ts->out = out;
	ts->producer = producer;
	ts->modules = modules_new();
	if (ts->modules)
		return ts;
	free(ts);
	return NULL;
}

static void
free_target(struct target *t)
{
	addrspace_clear(&t->space);
	free(t->exe);
	free(t->command);
	free(t->next);
	free(t);
}

void
targets_free(struct targets *ts)
{
	if (ts == NULL)
		return;
	for (size_t i = 0; i < ts->ntarget; i++)
		free_target(ts->target[i]);
	modules_free(ts->modules);
	idmap_clear(&ts->target_of);
	idmap_clear(&ts->thread_of);
	idmap_clear(&ts->stacks);
	free(ts->target);
	free(ts->thread);
	free(ts->free_thread);
	free(ts);
}

int
targets_error(const struct targets *ts)
{
	return ts->error ? ts->error : ts->out->error;
}

/* Set the error if p is NULL.  Returns p. */
static void *
checked(struct targets *ts, void *p)
{
	if (p == NULL)
		ts->error = ENOMEM;
	return p;
}

/* Put an index into m.  Returns -1, with the error set, if memory is short. */
static int
index_put(struct targets *ts, struct idmap *m, uint64_t id, size_t index)
{
	if (idmap_put(m, id, (uint32_t)index) == 0)
		return 0;
	ts->error = ENOMEM;
	return -1;
}

/* Make room for one more, as array_room().  Returns -1 with the error set. */
static int
reserve(struct targets *ts, void *array, size_t n, size_t *room, size_t size)
{
	if (array_room(array, n, room, size) == 0)
		return 0;
	ts->error = ENOMEM;
	return -1;
}

/* ---- plain records ----------------------------------------------------- */

void
targets_emit(struct targets *ts, const struct rec *r)
{
	rec_out_put(ts->out, r); /* a failure sticks to the output */
}

void
targets_note(struct targets *ts, uint64_t time, const char *text)
{
	struct rec r = { .type = REC_NOTE };

	r.note.time = time;
	r.note.producer = ts->producer;
	r.note.text = text;
	targets_emit(ts, &r);
}

void
targets_lost(struct targets *ts, uint64_t time, uint64_t *count,
    const char *reason)
{
	struct rec r = { .type = REC_LOST };

	if (*count == 0)
		return;
	r.lost.time = time;
	r.lost.producer = ts->producer;
	r.lost.count = *count;
	r.lost.reason = reason;
	targets_emit(ts, &r);
	*count = 0;
}

static uint64_t
nanoseconds(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_usec * 1000;
}

void
targets_cost(struct targets *ts, uint64_t time)
{
	struct rec r = { .type = REC_COST };
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	r.cost.time = time;
	r.cost.producer = ts->producer;
	r.cost.ns = nanoseconds(u.ru_utime) + nanoseconds(u.ru_stime);
	r.cost.bytes = (uint64_t)u.ru_maxrss * 1024;
	targets_emit(ts, &r);
}

void
targets_end(struct targets *ts, uint64_t time, const char *reason)
{
	struct rec r = { .type = REC_END };

	r.end.time = time;
	r.end.producer = ts->producer;
	r.end.reason = reason;
	targets_emit(ts, &r);
}

/* Describe where a module's rows come from, if a part of its code worth mentioning has
 * no unwind tables.  Returns 0 if there is nothing to say. */
static int
describe_rows(const struct module *m, char *text, size_t size)
{
	const struct unwind_table *t = &m->table;
	double all = (double)t->listed + t->made + t->bare;

	if ((uint64_t)t->made + t->bare < UNTABLED)
		return 0;
	if (100.0 * t->made < all && !(m->rust && 100.0 * t->bare >= all))
		return 0;
	snprintf(text, size, "%s: %.1f %% of its code has unwind tables, %.1f %% rows made "
	    "from the code, %.1f %% neither%s", m->path, 100 * t->listed / all,
	    100 * t->made / all, 100 * t->bare / all, 100.0 * t->bare < all ? ""
	        : m->rust ? ": -C force-unwind-tables=yes makes tables"
	                  : ": -fasynchronous-unwind-tables makes tables");
	return 1;
}

/* Emit a note if a module's table is missing or damaged, or not all of its code has one. */
static void
emit_table_note(struct targets *ts, uint64_t time, const struct module *m)
{
	char text[4200];

	if (m->absolute)
		return;
	if (m->problem)
		snprintf(text, sizeof text, "%s: stacks end there: %s", m->path,
		    m->problem);
	else if (m->table.skipped)
		snprintf(text, sizeof text,
		    "%s: %u damaged entries in .eh_frame are ignored", m->path,
		    m->table.skipped);
	else if (!describe_rows(m, text, sizeof text))
		return;
	targets_note(ts, time, text);
}

/* Emit the note about a module's table once, when the table is ready. */
static void
emit_ready(struct targets *ts, uint64_t time, struct module *m)
{
	if (m->written != MODULE_EMITTED || !module_ready(m))
		return;
	m->written = MODULE_TABLE_EMITTED;
	emit_table_note(ts, time, m);
}

/* Emit a module unless that is done. */
static void
emit_module(struct targets *ts, uint64_t time, struct module *m)
{
	struct rec r = { .type = REC_MODULE };

	if (m->written)
		return;
	m->written = MODULE_EMITTED;
	r.module.id = m->id;
	r.module.buildid = m->buildid[0] ? m->buildid : NULL;
	r.module.path = m->path;
	targets_emit(ts, &r);
	emit_ready(ts, time, m);
}

int
targets_fd(const struct targets *ts)
{
	return modules_fd(ts->modules);
}

void
targets_ready(struct targets *ts)
{
	modules_settle(ts->modules);
	if (!modules_news(ts->modules))
		return;
	for (struct module *m = modules_first(ts->modules); m; m = m->next)
		emit_ready(ts, proc_now(), m);
	for (size_t i = 0; i < ts->ntarget; i++)
		ts->target[i]->space.changed = 1;
}

/* ---- processes --------------------------------------------------------- */

size_t
targets_count(const struct targets *ts)
{
	return ts->ntarget;
}

struct target *
targets_nth(const struct targets *ts, size_t n)
{
	return ts->target[n];
}

struct target *
target_find(const struct targets *ts, pid_t pid)
{
	uint32_t i = idmap_get(&ts->target_of, (uint64_t)pid);

	return i == IDMAP_NONE ? NULL : ts->target[i];
}

/* Returns the parent of a process, or 0.  Asked for later, it may be gone. */
static pid_t
parent_of(pid_t pid)
{
	struct proc_stat st;

	return proc_stat(pid, &st) == 0 ? st.ppid : 0;
}

struct target *
target_add(struct targets *ts, pid_t pid)
{
	struct target *t = target_find(ts, pid);

	if (t)
		return t;
	if (reserve(ts, &ts->target, ts->ntarget, &ts->target_room, sizeof t) < 0)
		return NULL;
	t = checked(ts, calloc(1, sizeof *t));
	if (t == NULL)
		return NULL;
	if (index_put(ts, &ts->target_of, (uint64_t)pid, ts->ntarget) < 0) {
		free(t);
		return NULL;
	}
	t->pid = t->space.pid = pid;
	t->ppid = parent_of(pid);
	ts->target[ts->ntarget++] = t;
	return t;
}

/* Forget a process that has ended. */
static void
remove_target(struct targets *ts, struct target *t)
{
	uint32_t i = idmap_get(&ts->target_of, (uint64_t)t->pid);
	struct target *last = ts->target[--ts->ntarget];

	idmap_delete(&ts->target_of, (uint64_t)t->pid);
	if (last != t) {
		ts->target[i] = last;
		index_put(ts, &ts->target_of, (uint64_t)last->pid, i);
	}
	free_target(t);
}

/* Set a text of a target, which may be NULL. */
static void
set_text(struct targets *ts, char **to, const char *text)
{
	char *copy = text ? checked(ts, strdup(text)) : NULL;

	free(*to);
	*to = copy;
}

/* Replace a text of a target by one that becomes its own. */
static void
take_text(char **to, char *text)
{
	free(*to);
	*to = text;
}

void
target_will_execute(struct target *t, char *command)
{
	take_text(&t->next, command);
}

/* Returns the path that a command line begins with, to be freed; NULL if it begins
 * with none. */
static char *
first_word(const char *command)
{
	return command && *command == '/' ? strndup(command, strcspn(command, " "))
	                                  : NULL;
}

/* Read a command line, to be freed; NULL if there is none.  An exec is told before the new
 * program's arguments are in place, and until they are the kernel shows none. */
static char *
read_command(pid_t pid)
{
	static const struct timespec moment = { 0, 1000000 };
	char *line;

	for (int i = 0; (line = proc_cmdline(pid)) == NULL && i < ARGUMENTS_MS &&
	     !proc_has_ended(pid); i++)
		nanosleep(&moment, NULL);
	return line;
}

/* Read what a target executes. */
static void
read_program(struct targets *ts, struct target *t)
{
	take_text(&t->exe, proc_exe(t->pid));
	take_text(&t->command, read_command(t->pid));
	if (t->exe == NULL)
		t->exe = first_word(t->next);
	if (t->command == NULL)
		set_text(ts, &t->command, t->next);
}

/* Emit a process.  name stands in for what /proc no longer has. */
static void
emit_process(struct targets *ts, uint64_t time, struct target *t, const char *name)
{
	struct rec r = { .type = REC_PROC };
	struct proc_stat st;
	int alive = proc_stat(t->pid, &st) == 0;

	if (alive)
		t->ppid = st.ppid;
	r.proc.time = time;
	r.proc.pid = (uint64_t)t->pid;
	r.proc.ppid = (uint64_t)t->ppid;
	r.proc.name = name ? name : alive ? st.name : NULL;
	r.proc.exe = t->exe;
	r.proc.cmdline = t->command;
	targets_emit(ts, &r);
	t->emitted = 1;
}

/* ---- mappings ---------------------------------------------------------- */

void
target_map(struct targets *ts, uint64_t time, struct target *t,
    const struct proc_map *map)
{
	struct module *m = checked(ts, modules_get(ts->modules, t->pid, map));
	struct addrspace_map s = { map->start, map->end, map->offset, m, 0 };
	const struct addrspace_map *known = addrspace_find(&t->space, map->start);
	struct rec r = { .type = REC_MAP };

	if (m == NULL || (known && known->start == s.start &&
	                     known->end == s.end && known->module == m &&
	                     known->offset == s.offset))
		return;
	if (addrspace_add(&t->space, &s) < 0) {
		ts->error = ENOMEM;
		return;
	}
	emit_module(ts, time, m);
	r.map.time = time;
	r.map.pid = (uint64_t)t->pid;
	r.map.start = s.start;
	r.map.end = s.end;
	r.map.offset = m->absolute ? s.start : s.offset;
	r.map.module = m->id;
	targets_emit(ts, &r);
}

struct map_scan {
	struct targets *ts;
	struct target *t;
};

/* Add a mapping that /proc lists: see mapping_code(). */
static void
on_map(void *ctx, const struct proc_map *map)
{
	struct map_scan *scan = ctx;

	target_map(scan->ts, scan->t->scanned, scan->t, map);
}

/* Read the mappings of a process; if not even the first time permits that, emit a
 * note. */
static void
scan_maps(struct targets *ts, struct target *t, uint64_t time)
{
	struct map_scan scan = { ts, t };
	char text[128];
	int first = t->scanned == 0;

	t->scanned = time;
	if (mapping_code(t->pid, on_map, &scan) == 0 || errno != EACCES || !first)
		return;
	snprintf(text, sizeof text,
	    "process %d: its mappings cannot be read, so stacks cannot be walked: "
	    "give CAP_SYS_PTRACE", (int)t->pid);
	targets_note(ts, time, text);
}

/* Open the module of a mapping, so that its table is made. */
static void
on_expected_map(void *ctx, const struct proc_map *map)
{
	struct map_scan *scan = ctx;

	checked(scan->ts, modules_get(scan->ts->modules, scan->t->pid, map));
}

void
target_expect(struct targets *ts, const struct target *t)
{
	struct target copy = *t;
	struct map_scan scan = { ts, &copy };

	mapping_code(t->pid, on_expected_map, &scan);
}

void
target_scan(struct targets *ts, struct target *t)
{
	scan_maps(ts, t, proc_now());
}

int
target_is_rust(const struct target *t)
{
	int ready = 1;

	for (size_t i = 0; i < t->space.n; i++) {
		const struct module *m = t->space.map[i].module;

		if (!module_ready(m))
			ready = 0;
		else if (m->rust || m->unopened)
			return 1;
	}
	/* Without mappings nothing speaks against it, nor does a file that cannot be read. */
	return t->space.n == 0 ? 1 : ready ? 0 : -1;
}

/* ---- threads ----------------------------------------------------------- */

static struct thread *
find_thread(const struct targets *ts, pid_t tid)
{
	uint32_t i = idmap_get(&ts->thread_of, (uint64_t)tid);

	return i == IDMAP_NONE ? NULL : &ts->thread[i];
}

static struct thread *
add_thread(struct targets *ts, struct target *t, pid_t tid)
{
	size_t i;

	if (ts->nfree) {
		i = ts->free_thread[--ts->nfree];
	} else {
		if (reserve(ts, &ts->thread, ts->nthread, &ts->thread_room,
		        sizeof *ts->thread) < 0)
			return NULL;
		i = ts->nthread++;
	}
	if (index_put(ts, &ts->thread_of, (uint64_t)tid, i) < 0)
		return NULL;
	memset(&ts->thread[i], 0, sizeof ts->thread[i]);
	ts->thread[i].tid = tid;
	t->threads++;
	return &ts->thread[i];
}

static void
remove_thread(struct targets *ts, struct thread *th)
{
	idmap_delete(&ts->thread_of, (uint64_t)th->tid);
	if (reserve(ts, &ts->free_thread, ts->nfree, &ts->free_room,
	        sizeof *ts->free_thread) == 0)
		ts->free_thread[ts->nfree++] = (uint32_t)(th - ts->thread);
}

void
target_thread(struct targets *ts, uint64_t time, struct target *t, pid_t tid,
    const char *name)
{
	struct thread *th = find_thread(ts, tid);
	struct rec r = { .type = REC_THREAD };

	if (th && th->pid == t->pid && strcmp(th->name, name) == 0)
		return;
	if (th == NULL && (th = add_thread(ts, t, tid)) == NULL)
		return;
	th->pid = t->pid;
	snprintf(th->name, sizeof th->name, "%s", name);
	r.thread.time = time;
	r.thread.pid = (uint64_t)t->pid;
	r.thread.tid = (uint64_t)tid;
	r.thread.name = th->name;
	targets_emit(ts, &r);
}

void
target_new_thread(struct targets *ts, uint64_t time, struct target *t, pid_t tid,
    pid_t parent_tid)
{
	const struct thread *parent = find_thread(ts, parent_tid);
	char name[PROC_NAME_MAX] = "";

	/* A thread has its creator's name until it gives itself another. */
	if (parent)
		snprintf(name, sizeof name, "%s", parent->name);
	target_thread(ts, time, t, tid, name);
}

int
target_has_thread(const struct targets *ts, pid_t tid)
{
	return find_thread(ts, tid) != NULL;
}

void
target_ensure_thread(struct targets *ts, uint64_t time, struct target *t, pid_t tid)
{
	char name[PROC_NAME_MAX] = "";

	if (find_thread(ts, tid))
		return;
	proc_thread_name(t->pid, tid, name);
	target_thread(ts, time, t, tid, name);
}

/* ---- events ------------------------------------------------------------ */

void
target_describe(struct targets *ts, struct target *t)
{
	uint64_t time = proc_now();
	size_t n;
	pid_t *tid;

	read_program(ts, t);
	emit_process(ts, time, t, NULL);
	scan_maps(ts, t, time);
	tid = proc_threads(t->pid, &n);
	for (size_t i = 0; tid && i < n; i++)
		target_ensure_thread(ts, time, t, tid[i]);
	free(tid);
}

/* After an exec, one thread is left, with the process' number. */
void
target_exec(struct targets *ts, uint64_t time, struct target *t, pid_t tid,
    const char *name)
{
	addrspace_clear(&t->space);
	read_program(ts, t);
	emit_process(ts, time, t, name);
	target_thread(ts, time, t, tid, name);
}

void
target_fork(struct targets *ts, uint64_t time, struct target *t, pid_t pid,
    pid_t parent_tid)
{
	const struct thread *parent = find_thread(ts, parent_tid);
	struct target *child;

	if (target_find(ts, pid) || (child = target_add(ts, pid)) == NULL)
		return;
	if (child->ppid == 0)
		child->ppid = t->pid;
	if (addrspace_copy(&child->space, &t->space) < 0)
		ts->error = ENOMEM;
	if (t->emitted) {
		/* By now /proc may show another program. */
		set_text(ts, &child->exe, t->exe);
		set_text(ts, &child->command, t->command);
	} else {
		read_program(ts, child);
	}
	emit_process(ts, time, child, parent ? parent->name : NULL);
	target_new_thread(ts, time, child, pid, parent_tid);
}

static void
emit_exit(struct targets *ts, uint64_t time, pid_t pid, pid_t tid)
{
	struct rec r = { .type = REC_EXIT };

	r.exit.time = time;
	r.exit.pid = (uint64_t)pid;
	r.exit.tid = (uint64_t)tid;
	targets_emit(ts, &r);
}

int
target_exit(struct targets *ts, uint64_t time, struct target *t, pid_t tid)
{
	struct thread *th = find_thread(ts, tid);

	if (th == NULL)
		return 0;
	emit_exit(ts, time, t->pid, tid);
	remove_thread(ts, th);
	if (--t->threads > 0)
		return 0;
	emit_exit(ts, time, t->pid, 0);
	remove_target(ts, t);
	return 1;
}

/* ---- stacks ------------------------------------------------------------ */

/* Returns 1 if a stack has not been emitted yet, and remembers it. */
static int
first_time(struct targets *ts, uint64_t id)
{
	if (idmap_get(&ts->stacks, id) != IDMAP_NONE)
		return 0;
	if (ts->stacks.used >= STACKS_MOST)
		idmap_clear(&ts->stacks);
	index_put(ts, &ts->stacks, id, 0);
	return 1;
}

void
targets_stack(struct targets *ts, struct rec_ref *caller,
    const struct module *module, uint64_t offset)
{
	struct rec r = { .type = REC_STACK };
	uint64_t h = hash_u64(HASH_INIT, caller->id);

	h = hash_str(h, caller->cut);
	h = hash_u64(h, module ? module->id : 0);
	r.stack.id = hash_id(hash_u64(h, offset));
	r.stack.caller = *caller;
	r.stack.module = module ? module->id : 0;
	r.stack.offset = offset;
	caller->id = r.stack.id;
	caller->cut = NULL;
	if (first_time(ts, r.stack.id))
		targets_emit(ts, &r);
}

void
targets_walk(struct targets *ts, const struct addrspace_walk *walk,
    struct rec_ref *leaf)
{
	leaf->id = 0;
	leaf->cut = walk->cut;
	for (size_t i = walk->n; i-- > 0;)
		targets_stack(ts, leaf, walk->frame[i].module, walk->frame[i].offset);
}

void
targets_kernel(struct targets *ts, uint64_t time, const uint64_t *addr, size_t n,
    struct rec_ref *leaf)
{
	int probes = leaf->id == 0 && leaf->cut && strcmp(leaf->cut, TARGET_PROBES) == 0;
	struct module *kernel = n && !probes ? checked(ts, modules_kernel(ts->modules)) : NULL;

	if (kernel == NULL)
		return;
	emit_module(ts, time, kernel);
	/* All but the innermost are return addresses: take the call before. */
	for (size_t i = n; i-- > 0;)
		targets_stack(ts, leaf, kernel, addr[i] - (i > 0));
}
