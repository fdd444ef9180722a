#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "idmap.h"
#include "profile.h"
#include "rec.h"
#include "strtab.h"

#define NONE UINT32_MAX /* as IDMAP_NONE and STRTAB_NONE */

/*
 * Everything is an index into an array of its kind, NONE for none; a map
 * leads there from the row's id in the recording.
 */

struct array {
	size_t n, size;
};

/* A place in the source. */
struct frame {
	uint32_t function, file; /* text */
	uint64_t line;
};

/* Time, of everything and of the present window. */
struct sum {
	uint64_t ns, now;
};

/*
 * A node of the tree of stacks.  A sample without a stack has one too, which
 * stands for the reason.
 */
struct node {
	int64_t id, parent_id; /* in the recording; 0: none */
	uint64_t samples;
	struct sum self, sum; /* of this node; with all below it */
	uint32_t parent, child, sibling;
	uint32_t cut; /* text; why the callers are not known */
	uint32_t row[PROFILE_THREAD]; /* by function, line, module */
	uint32_t state;
};

enum { NODE_NEW, NODE_WALKED, NODE_LINKED };

struct thread {
	uint64_t pid, tid;
	uint32_t name; /* text */
	struct sum self;
};

struct sample {
	uint64_t time, ns;
	uint32_t node, thread;
};

struct row {
	uint32_t name, module, file; /* text */
	uint64_t line;
	uint32_t owner;  /* of a line: its function's row */
	uint32_t best;   /* of a function: its costliest line's row */
	uint32_t onpath; /* how often on the path being summed up */
	struct sum self, total;
};

struct grouping {
	struct idmap map;
	struct row *row;
	struct array rows;
};

struct cost {
	uint32_t producer; /* text */
	uint64_t ns, bytes;
};

struct loss {
	uint32_t producer, reason; /* text */
	uint64_t count;
};

enum table {
	T_STRING,
	T_FRAME,
	T_MODULE,
	T_STACK,
	T_PROCESS,
	T_THREAD,
	T_CPU,
	T_LOST,
	T_COST,
	T_NOTE,
	NTABLES
};

struct profile {
	struct db *db;
	enum profile_group group;
	uint64_t since, until, window;
	int64_t seen[NTABLES]; /* the last row read of each */

	struct strtab text, notes;
	struct idmap string_map, frame_map, module_map, node_map, process_map,
	    thread_map, reason_map;
	struct frame *frame;
	struct node *node;
	struct thread *thread;
	struct sample *sample;
	struct cost *cost;
	struct loss *loss;
	struct array frames, nodes, threads, samples, costs, losses;
	size_t linked;      /* nodes that hang in the tree */
	size_t now;         /* samples before this one are not "now" */
	uint32_t roots;     /* the first of the outermost nodes */
	struct grouping grouping[PROFILE_THREAD];

	struct profile_row *out;
	struct array outs;
	struct profile_count *loss_out, *cut_out;
	struct array loss_outs, cut_outs;
	struct profile_summary summary;
};

/* ---- small things ----------------------------------------------------- */

static const char *const group_name[PROFILE_NGROUPS] = {
	"function", "line", "module", "thread"
};

const char *
profile_group_name(enum profile_group group)
{
	return group_name[group];
}

enum profile_group
profile_group(const char *name)
{
	unsigned g = 0;

	while (g < PROFILE_NGROUPS && strcmp(name, group_name[g]))
		g++;
	return (enum profile_group)g;
}

/* Room for one more of `size` bytes: the array, moved perhaps.  NULL: out of
 * memory, the array is as before. */
static void *
room(void *array, struct array *a, size_t size)
{
	size_t more = a->size ? 2 * a->size : 64;

	if (a->n < a->size)
		return array;
	if (a->n >= NONE - 1 || (array = realloc(array, more * size)) == NULL)
		return NULL;
	a->size = more;
	return array;
}

/* Make room for one in an array of the profile; the value is 0 or -1. */
#define ROOM(p, array, count) __extension__ ({ \
	void *room_ = room((p)->array, &(p)->count, sizeof(*(p)->array)); \
	if (room_) \
		(p)->array = room_; \
	room_ ? 0 : -1; \
})

static uint64_t
unsigned_time(int64_t t)
{
	return t < 0 ? 0 : (uint64_t)t;
}

static int
in_range(const struct profile *p, uint64_t time)
{
	return time >= p->since && (time < p->until || p->until == UINT64_MAX);
}

static void
saw_time(struct profile *p, uint64_t time)
{
	if (time > p->until)
		time = p->until;
	if (time > p->summary.last)
		p->summary.last = time;
}

/* ---- rows ------------------------------------------------------------- */

static int
same_row(const struct row *a, const struct row *b)
{
	return a->name == b->name && a->module == b->module &&
	    a->file == b->file && a->line == b->line;
}

/* The row that is like `key`, made where there is none. */
static int
find_row(struct grouping *g, const struct row *key, uint32_t *found)
{
	uint64_t h = rec_hash_u64(REC_HASH,
	    (uint64_t)key->name << 32 | key->module);

	h = rec_hash_u64(rec_hash_u64(h, key->file), key->line);
	for (; (*found = idmap_get(&g->map, h)) != NONE; h++)
		if (same_row(&g->row[*found], key))
			return 0;
	if (ROOM(g, row, rows) == -1 ||
	    idmap_put(&g->map, h, (uint32_t)g->rows.n) == -1)
		return -1;
	*found = (uint32_t)g->rows.n++;
	g->row[*found] = *key;
	return 0;
}

/* The rows of a node: `function` may be a made-up name. */
static int
node_rows(struct profile *p, struct node *node, uint32_t function,
    uint32_t module, const struct frame *frame)
{
	struct row key = { .name = function, .module = module, .file = NONE,
		.best = NONE, .owner = NONE };
	struct row whole = { .name = module == NONE ? function : module,
		.module = module, .file = NONE };

	if (find_row(&p->grouping[PROFILE_FUNCTION], &key,
	    &node->row[PROFILE_FUNCTION]) == -1)
		return -1;
	key.file = frame ? frame->file : NONE;
	key.line = frame ? frame->line : 0;
	key.owner = node->row[PROFILE_FUNCTION];
	if (find_row(&p->grouping[PROFILE_LINE], &key,
	    &node->row[PROFILE_LINE]) == -1)
		return -1;
	return find_row(&p->grouping[PROFILE_MODULE], &whole,
	    &node->row[PROFILE_MODULE]);
}

/* ---- reading: what samples refer to ------------------------------------ */

static int
take_string(struct profile *p, struct db_stmt *s)
{
	uint32_t text;

	if (strtab_add(&p->text, db_text(s, 1), &text) == -1)
		return -1;
	return text == NONE ? 0 :
	    idmap_put(&p->string_map, (uint64_t)db_int(s, 0), text);
}

static int
take_module(struct profile *p, struct db_stmt *s)
{
	const char *path = db_text(s, 1);
	uint32_t text;

	if (strtab_add(&p->text, path ? path : "?", &text) == -1)
		return -1;
	return idmap_put(&p->module_map, (uint64_t)db_int(s, 0), text);
}

static int
take_frame(struct profile *p, struct db_stmt *s)
{
	if (ROOM(p, frame, frames) == -1 || idmap_put(&p->frame_map,
	    (uint64_t)db_int(s, 0), (uint32_t)p->frames.n) == -1)
		return -1;
	p->frame[p->frames.n++] = (struct frame){
		.function = idmap_get(&p->string_map, (uint64_t)db_int(s, 1)),
		.file = idmap_get(&p->string_map, (uint64_t)db_int(s, 2)),
		.line = unsigned_time(db_int(s, 3)),
	};
	return 0;
}

/* The name of code that has none: libc.so.6+0x1f001. */
static int
raw_name(struct profile *p, uint32_t module, uint64_t offset, uint32_t *text)
{
	const char *path = strtab_text(&p->text, module), *base;
	char *name;
	int r;

	if (path == NULL)
		return strtab_add(&p->text, "[undefined]", text);
	base = strrchr(path, '/');
	base = base && base[1] ? base + 1 : path;
	if (asprintf(&name, "%s+0x%" PRIx64, base, offset) == -1)
		return -1;
	r = strtab_add(&p->text, name, text);
	free(name);
	return r;
}

static int
add_node(struct profile *p, const struct node *node)
{
	if (ROOM(p, node, nodes) == -1)
		return -1;
	p->node[p->nodes.n++] = *node;
	return 0;
}

static int
take_stack(struct profile *p, struct db_stmt *s)
{
	struct node node = { .id = db_int(s, 0), .parent_id = db_int(s, 1),
		.parent = NONE, .child = NONE, .sibling = NONE };
	uint32_t module = idmap_get(&p->module_map, (uint64_t)db_int(s, 2));
	uint32_t f = idmap_get(&p->frame_map, (uint64_t)db_int(s, 4));
	const struct frame *frame = f == NONE ? NULL : &p->frame[f];
	uint32_t name = frame ? frame->function : NONE;

	if (strtab_add(&p->text, db_text(s, 5), &node.cut) == -1 ||
	    (name == NONE &&
	     raw_name(p, module, (uint64_t)db_int(s, 3), &name) == -1) ||
	    node_rows(p, &node, name, module, frame) == -1 ||
	    idmap_put(&p->node_map, (uint64_t)node.id,
	    (uint32_t)p->nodes.n) == -1)
		return -1;
	return add_node(p, &node);
}

static int
take_process(struct profile *p, struct db_stmt *s)
{
	saw_time(p, unsigned_time(db_int(s, 2)));
	return idmap_put(&p->process_map, (uint64_t)db_int(s, 0),
	    (uint32_t)db_int(s, 1));
}

static int
add_thread(struct profile *p, int64_t id, uint32_t *t)
{
	if (ROOM(p, thread, threads) == -1 || idmap_put(&p->thread_map,
	    (uint64_t)id, (uint32_t)p->threads.n) == -1)
		return -1;
	*t = (uint32_t)p->threads.n++;
	p->thread[*t] = (struct thread){ .name = NONE };
	return 0;
}

/* Threads come again as long as they run: their names may change. */
static int
take_thread(struct profile *p, struct db_stmt *s)
{
	uint32_t t = idmap_get(&p->thread_map, (uint64_t)db_int(s, 0)), pid;

	if (t == NONE && add_thread(p, db_int(s, 0), &t) == -1)
		return -1;
	pid = idmap_get(&p->process_map, (uint64_t)db_int(s, 1));
	p->thread[t].pid = pid == NONE ? 0 : pid;
	p->thread[t].tid = (uint64_t)db_int(s, 2);
	saw_time(p, unsigned_time(db_int(s, 4)));
	return strtab_add(&p->text, db_text(s, 3), &p->thread[t].name);
}

/* ---- the tree --------------------------------------------------------- */

static void
hang(struct profile *p, uint32_t n)
{
	struct node *node = &p->node[n];
	uint32_t *first = node->parent == NONE ? &p->roots :
	    &p->node[node->parent].child;

	node->sibling = *first;
	*first = n;
	node->state = NODE_LINKED;
	if (node->parent != NONE && node->cut == NONE)
		node->cut = p->node[node->parent].cut;
}

static int
find_parent(struct profile *p, struct node *node, uint32_t damaged)
{
	if (node->parent_id == 0)
		return 0;
	node->parent = idmap_get(&p->node_map, (uint64_t)node->parent_id);
	if (node->parent != NONE &&
	    p->node[node->parent].state != NODE_WALKED)
		return 1;
	/* Its caller is missing, or lies further in on this very walk. */
	node->parent = NONE;
	node->cut = damaged;
	return 0;
}

/* Walk from a node outwards to what is linked already; then back, linking. */
static void
link_node(struct profile *p, uint32_t n, uint32_t damaged)
{
	uint32_t inner = NONE, outer;

	while (p->node[n].state == NODE_NEW) {
		p->node[n].state = NODE_WALKED;
		p->node[n].sibling = inner; /* the way back */
		inner = n;
		if (!find_parent(p, &p->node[n], damaged))
			break;
		n = p->node[n].parent;
	}
	for (; inner != NONE; inner = outer) {
		outer = p->node[inner].sibling;
		hang(p, inner);
	}
}

static int
link_nodes(struct profile *p)
{
	uint32_t damaged;

	if (strtab_add(&p->text, "damaged", &damaged) == -1)
		return -1;
	for (; p->linked < p->nodes.n; p->linked++)
		link_node(p, (uint32_t)p->linked, damaged);
	return 0;
}

/* The node that stands for a reason why a sample has no stack. */
static int
reason_node(struct profile *p, const char *reason, uint32_t *n)
{
	struct node node = { .parent = NONE, .child = NONE, .sibling = NONE };
	uint32_t text;
	char *name;
	int r;

	if (strtab_add(&p->text, reason, &node.cut) == -1)
		return -1;
	if ((*n = idmap_get(&p->reason_map, node.cut)) != NONE)
		return 0;
	if (asprintf(&name, "[%s]", reason) == -1)
		return -1;
	r = strtab_add(&p->text, name, &text);
	free(name);
	*n = (uint32_t)p->nodes.n;
	if (r == -1 || node_rows(p, &node, text, NONE, NULL) == -1 ||
	    idmap_put(&p->reason_map, node.cut, *n) == -1)
		return -1;
	return add_node(p, &node);
}

/* ---- reading: what happened --------------------------------------------- */

/* Ids count from 1 and nodes from 0: the place to look at first. */
static uint32_t
find_node(const struct profile *p, int64_t id)
{
	uint64_t guess = (uint64_t)id - 1;

	if (guess < p->nodes.n && p->node[guess].id == id)
		return (uint32_t)guess;
	return idmap_get(&p->node_map, (uint64_t)id);
}

static int
sample_node(struct profile *p, struct db_stmt *s, uint32_t *n)
{
	const char *reason;
	int64_t id = db_int(s, 3);

	if (id) {
		*n = find_node(p, id);
		return *n == NONE ? reason_node(p, "damaged", n) : 0;
	}
	reason = db_text(s, 5);
	return reason_node(p, reason ? reason : "damaged", n);
}

/* A thread that the recording does not know has the id 0. */
static int
sample_thread(struct profile *p, struct db_stmt *s, uint32_t *t)
{
	*t = idmap_get(&p->thread_map, (uint64_t)db_int(s, 2));
	if (*t == NONE)
		*t = idmap_get(&p->thread_map, 0);
	return *t == NONE ? add_thread(p, 0, t) : 0;
}

static int
take_cpu(struct profile *p, struct db_stmt *s)
{
	struct sample sample = { .time = unsigned_time(db_int(s, 1)),
		.ns = unsigned_time(db_int(s, 4)) };

	saw_time(p, sample.time);
	if (!in_range(p, sample.time))
		return 0;
	if (sample_node(p, s, &sample.node) == -1 ||
	    sample_thread(p, s, &sample.thread) == -1 ||
	    ROOM(p, sample, samples) == -1)
		return -1;
	p->sample[p->samples.n++] = sample;
	p->node[sample.node].self.ns += sample.ns;
	p->node[sample.node].samples++;
	p->thread[sample.thread].self.ns += sample.ns;
	p->summary.ns += sample.ns;
	return 0;
}

static int
take_lost(struct profile *p, struct db_stmt *s)
{
	struct loss loss = { .count = unsigned_time(db_int(s, 3)) };
	uint64_t time = unsigned_time(db_int(s, 1));
	size_t i;

	saw_time(p, time);
	if (!in_range(p, time))
		return 0;
	if (strtab_add(&p->text, db_text(s, 2), &loss.producer) == -1 ||
	    strtab_add(&p->text, db_text(s, 4), &loss.reason) == -1 ||
	    ROOM(p, loss, losses) == -1)
		return -1;
	p->summary.lost += loss.count;
	for (i = 0; i < p->losses.n; i++)
		if (p->loss[i].producer == loss.producer &&
		    p->loss[i].reason == loss.reason) {
			p->loss[i].count += loss.count;
			return 0;
		}
	p->loss[p->losses.n++] = loss;
	return 0;
}

static struct cost *
find_cost(struct profile *p, uint32_t producer)
{
	size_t i;

	for (i = 0; i < p->costs.n; i++)
		if (p->cost[i].producer == producer)
			return &p->cost[i];
	if (ROOM(p, cost, costs) == -1)
		return NULL;
	p->cost[p->costs.n] = (struct cost){ .producer = producer };
	return &p->cost[p->costs.n++];
}

/* A producer says what it cost since its start; where that becomes less,
 * another one of the same kind has started. */
static int
take_cost(struct profile *p, struct db_stmt *s)
{
	uint64_t time = unsigned_time(db_int(s, 1)), ns, bytes;
	struct cost *cost;
	uint32_t producer;

	ns = unsigned_time(db_int(s, 3));
	bytes = unsigned_time(db_int(s, 4));
	saw_time(p, time);
	if (strtab_add(&p->text, db_text(s, 2), &producer) == -1 ||
	    (cost = find_cost(p, producer)) == NULL)
		return -1;
	if (in_range(p, time)) {
		p->summary.cost_ns += ns < cost->ns ? ns : ns - cost->ns;
		if (bytes > cost->bytes) {
			p->summary.cost_max_rss += bytes - cost->bytes;
			cost->bytes = bytes;
		}
	}
	cost->ns = ns;
	return 0;
}

static int
take_note(struct profile *p, struct db_stmt *s)
{
	uint64_t time = unsigned_time(db_int(s, 1));
	uint32_t n;

	saw_time(p, time);
	return in_range(p, time) ? strtab_add(&p->notes, db_text(s, 2), &n) : 0;
}

/* ---- reading ---------------------------------------------------------- */

/* In an order in which everything is known before it is referred to; the
 * first column is the number that goes up. */
static const struct source {
	const char *sql;
	int (*take)(struct profile *p, struct db_stmt *s);
} source[NTABLES] = {
	[T_STRING] = { "SELECT id, text FROM string WHERE id > ?1",
	    take_string },
	[T_FRAME] = { "SELECT id, function, file, line FROM frame "
	    "WHERE id > ?1", take_frame },
	[T_MODULE] = { "SELECT id, path FROM module WHERE id > ?1",
	    take_module },
	[T_STACK] = { "SELECT id, parent, module, offset, frame, cut "
	    "FROM stack WHERE id > ?1", take_stack },
	[T_PROCESS] = { "SELECT id, pid, began FROM process WHERE id > ?1",
	    take_process },
	[T_THREAD] = { "SELECT id, process, tid, name, began FROM thread "
	    "WHERE id > ?1 OR ended IS NULL OR ended > ?2", take_thread },
	[T_CPU] = { "SELECT rowid, time, thread, stack, ns, cut FROM cpu "
	    "WHERE rowid > ?1", take_cpu },
	[T_LOST] = { "SELECT rowid, time, producer, count, reason FROM lost "
	    "WHERE rowid > ?1", take_lost },
	[T_COST] = { "SELECT rowid, time, producer, ns, bytes FROM cost "
	    "WHERE rowid > ?1", take_cost },
	[T_NOTE] = { "SELECT rowid, time, text FROM note WHERE rowid > ?1",
	    take_note },
};

/* A thread that ended so long before the last thing seen has the name it had
 * then (records of different threads are not in order of time). */
#define LATE 10000000000

static int
read_rows(struct profile *p, enum table t, struct db_stmt *s)
{
	int r;

	while ((r = db_step(s)) == 1) {
		if (source[t].take(p, s) == -1)
			return db_no_memory(p->db);
		if (db_int(s, 0) > p->seen[t])
			p->seen[t] = db_int(s, 0);
	}
	return r;
}

static int
read_table(struct profile *p, enum table t, int64_t recent)
{
	struct db_stmt *s = db_prepare(p->db, source[t].sql);
	int r = -1;

	if (s && db_start(s, t == T_THREAD ? "ii" : "i", p->seen[t],
	    recent) == 0)
		r = read_rows(p, t, s);
	db_finalize(s);
	return r;
}

static int
read_streams(struct profile *p)
{
	struct db_stmt *s = db_prepare(p->db, "SELECT began, ended FROM stream");
	uint64_t began, first = UINT64_MAX;
	int r = -1, running = 0;

	while (s && (r = db_step(s)) == 1) {
		began = unsigned_time(db_int(s, 0));
		if (began < first)
			first = began;
		saw_time(p, began);
		saw_time(p, unsigned_time(db_int(s, 1)));
		running |= db_is_null(s, 1);
	}
	db_finalize(s);
	if (first == UINT64_MAX)
		first = 0;
	p->summary.first = first > p->since ? first : p->since;
	if (p->summary.last < p->summary.first)
		p->summary.last = p->summary.first;
	p->summary.live = running && db_live(p->db);
	return r;
}

/* All tables as they are at one moment. */
static int
read_tables(struct profile *p)
{
	int64_t recent = (int64_t)p->summary.last - LATE;
	enum table t;

	if (db_exec(p->db, "BEGIN") == -1)
		return -1;
	for (t = 0; t < NTABLES; t++)
		if (read_table(p, t, recent) == -1)
			return -1;
	if (read_streams(p) == -1)
		return -1;
	return link_nodes(p) == -1 ? db_no_memory(p->db) : 0;
}

/* ---- self and total --------------------------------------------------- */

static void
sum_add(struct sum *to, const struct sum *sum)
{
	to->ns += sum->ns;
	to->now += sum->now;
}

/* Nodes in an order in which callers come first: the next one after n. */
static uint32_t
next_node(const struct profile *p, uint32_t n)
{
	if (p->node[n].child != NONE)
		return p->node[n].child;
	while (n != NONE && p->node[n].sibling == NONE)
		n = p->node[n].parent;
	return n == NONE ? NONE : p->node[n].sibling;
}

static void
enter_node(struct node *node, struct row *row)
{
	node->sum = node->self;
	sum_add(&row->self, &node->self);
	row->onpath++;
}

/* A row's total is what its outermost occurrence on each path has. */
static void
leave_node(struct profile *p, struct node *node, struct row *row)
{
	if (--row->onpath == 0)
		sum_add(&row->total, &node->sum);
	if (node->parent != NONE)
		sum_add(&p->node[node->parent].sum, &node->sum);
}

static void
sum_rows(struct profile *p, enum profile_group group)
{
	struct row *row = p->grouping[group].row;
	uint32_t n = p->roots, next;
	size_t i;

	for (i = 0; i < p->grouping[group].rows.n; i++)
		row[i].self = row[i].total = (struct sum){ 0 };
	while (n != NONE) {
		enter_node(&p->node[n], &row[p->node[n].row[group]]);
		if ((next = p->node[n].child) != NONE) {
			n = next;
			continue;
		}
		do {
			leave_node(p, &p->node[n],
			    &row[p->node[n].row[group]]);
			next = p->node[n].sibling;
			n = next == NONE ? p->node[n].parent : NONE;
		} while (n != NONE);
		n = next;
	}
}

/* Is line a rather than b where its function is shown? */
static int
is_better(const struct row *a, const struct row *b)
{
	if (a->self.ns != b->self.ns)
		return a->self.ns > b->self.ns;
	if (a->total.ns != b->total.ns)
		return a->total.ns > b->total.ns;
	return a->line < b->line;
}

static void
find_best_lines(struct profile *p)
{
	const struct grouping *lines = &p->grouping[PROFILE_LINE];
	struct row *function = p->grouping[PROFILE_FUNCTION].row, *f;
	size_t i;

	for (i = 0; i < p->grouping[PROFILE_FUNCTION].rows.n; i++)
		function[i].best = NONE;
	for (i = 0; i < lines->rows.n; i++) {
		f = &function[lines->row[i].owner];
		if (f->best == NONE ||
		    is_better(&lines->row[i], &lines->row[f->best]))
			f->best = (uint32_t)i;
	}
}

/* Count anew what lies in the last window; last never goes back, so what has
 * left the window does not return. */
static void
sum_now(struct profile *p)
{
	uint64_t last = p->summary.last;
	const struct sample *s;
	size_t i;

	for (i = 0; i < p->nodes.n; i++)
		p->node[i].self.now = 0;
	for (i = 0; i < p->threads.n; i++)
		p->thread[i].self.now = 0;
	p->summary.now_ns = 0;
	while (p->now < p->samples.n &&
	    last - p->sample[p->now].time >= p->window)
		p->now++;
	for (i = p->now; i < p->samples.n; i++) {
		s = &p->sample[i];
		if (last - s->time >= p->window)
			continue;
		p->node[s->node].self.now += s->ns;
		p->thread[s->thread].self.now += s->ns;
		p->summary.now_ns += s->ns;
	}
}

/* ---- what the caller sees --------------------------------------------- */

static void
show_row(struct profile *p, enum profile_group group, size_t id)
{
	const struct row *row = &p->grouping[group].row[id], *place = row;

	if (row->total.ns == 0)
		return;
	if (group == PROFILE_FUNCTION && row->best != NONE)
		place = &p->grouping[PROFILE_LINE].row[row->best];
	p->out[p->outs.n++] = (struct profile_row){
		.id = (unsigned)id,
		.name = strtab_text(&p->text, row->name),
		.file = strtab_text(&p->text, place->file),
		.line = place->line,
		.module = strtab_text(&p->text, row->module),
		.self = row->self.ns, .total = row->total.ns,
		.now_self = row->self.now, .now_total = row->total.now,
	};
}

static void
show_thread(struct profile *p, size_t id)
{
	const struct thread *t = &p->thread[id];
	const char *name = strtab_text(&p->text, t->name);

	if (t->self.ns == 0)
		return;
	p->out[p->outs.n++] = (struct profile_row){
		.id = (unsigned)id, .name = name ? name : "?",
		.pid = t->pid, .tid = t->tid,
		.self = t->self.ns, .total = t->self.ns,
		.now_self = t->self.now, .now_total = t->self.now,
	};
}

static size_t
group_size(const struct profile *p, enum profile_group group)
{
	return group == PROFILE_THREAD ? p->threads.n :
	    p->grouping[group].rows.n;
}

static int
show(struct profile *p, enum profile_group group)
{
	size_t n = group_size(p, group), i;
	struct profile_row *out = p->out;

	if (n > p->outs.size) {
		if ((out = realloc(out, n * sizeof(*out))) == NULL)
			return -1;
		p->out = out;
		p->outs.size = n;
	}
	p->outs.n = 0;
	if (group == PROFILE_FUNCTION) {
		sum_rows(p, PROFILE_LINE);
		find_best_lines(p);
	}
	if (group != PROFILE_THREAD)
		sum_rows(p, group);
	for (i = 0; i < n; i++)
		if (group == PROFILE_THREAD)
			show_thread(p, i);
		else
			show_row(p, group, i);
	p->group = group;
	return 0;
}

static int
show_losses(struct profile *p)
{
	size_t i;

	p->loss_outs.n = 0;
	for (i = 0; i < p->losses.n; i++) {
		if (ROOM(p, loss_out, loss_outs) == -1)
			return -1;
		p->loss_out[p->loss_outs.n++] = (struct profile_count){
			.producer = strtab_text(&p->text, p->loss[i].producer),
			.reason = strtab_text(&p->text, p->loss[i].reason),
			.count = p->loss[i].count,
		};
	}
	return 0;
}

static int
count_cut(struct profile *p, const struct node *node)
{
	const char *reason = strtab_text(&p->text, node->cut);
	size_t i;

	for (i = 0; i < p->cut_outs.n; i++)
		if (p->cut_out[i].reason == reason) {
			p->cut_out[i].count += node->samples;
			return 0;
		}
	if (ROOM(p, cut_out, cut_outs) == -1)
		return -1;
	p->cut_out[p->cut_outs.n++] = (struct profile_count){
		.reason = reason, .count = node->samples };
	return 0;
}

static int
show_cuts(struct profile *p)
{
	size_t i;

	p->cut_outs.n = 0;
	p->summary.samples = p->samples.n;
	p->summary.complete = 0;
	for (i = 0; i < p->nodes.n; i++)
		if (p->node[i].cut == NONE)
			p->summary.complete += p->node[i].samples;
		else if (p->node[i].samples && count_cut(p, &p->node[i]) == -1)
			return -1;
	return 0;
}

int
profile_update(struct profile *p)
{
	if (read_tables(p) == -1) {
		db_undo(p->db);
		return -1;
	}
	if (db_exec(p->db, "COMMIT") == -1)
		return -1;
	sum_now(p);
	if (show_losses(p) == -1 || show_cuts(p) == -1 ||
	    show(p, p->group) == -1)
		return db_no_memory(p->db);
	return 0;
}

int
profile_regroup(struct profile *p, enum profile_group group)
{
	return show(p, group);
}

struct profile *
profile_open(struct db *db, enum profile_group group, uint64_t since,
    uint64_t until, uint64_t window)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		db_no_memory(db);
		return NULL;
	}
	p->db = db;
	p->group = group;
	p->since = since;
	p->until = until;
	p->window = window;
	p->roots = NONE;
	if (profile_update(p) == 0)
		return p;
	profile_close(p);
	return NULL;
}

static void
clear_maps(struct profile *p)
{
	size_t i;

	idmap_clear(&p->string_map);
	idmap_clear(&p->frame_map);
	idmap_clear(&p->module_map);
	idmap_clear(&p->node_map);
	idmap_clear(&p->process_map);
	idmap_clear(&p->thread_map);
	idmap_clear(&p->reason_map);
	for (i = 0; i < PROFILE_THREAD; i++)
		idmap_clear(&p->grouping[i].map);
}

void
profile_close(struct profile *p)
{
	size_t i;

	if (p == NULL)
		return;
	clear_maps(p);
	for (i = 0; i < PROFILE_THREAD; i++)
		free(p->grouping[i].row);
	strtab_clear(&p->text);
	strtab_clear(&p->notes);
	free(p->frame);
	free(p->node);
	free(p->thread);
	free(p->sample);
	free(p->cost);
	free(p->loss);
	free(p->out);
	free(p->loss_out);
	free(p->cut_out);
	free(p);
}

const struct profile_row *
profile_rows(const struct profile *p, size_t *n)
{
	*n = p->outs.n;
	return p->out;
}

const struct profile_summary *
profile_summary(const struct profile *p)
{
	return &p->summary;
}

const struct profile_count *
profile_losses(const struct profile *p, size_t *n)
{
	*n = p->loss_outs.n;
	return p->loss_out;
}

const struct profile_count *
profile_cuts(const struct profile *p, size_t *n)
{
	*n = p->cut_outs.n;
	return p->cut_out;
}

const char *
profile_note(const struct profile *p, size_t i)
{
	return i < p->notes.n ? strtab_text(&p->notes, (uint32_t)i) : NULL;
}

/* ---- one row over time ------------------------------------------------ */

/* For each node: does a sample there count for the row? */
static void
mark_nodes(const struct profile *p, unsigned id, char what, char *mark)
{
	uint32_t n, up;

	for (n = p->roots; n != NONE; n = next_node(p, n)) {
		up = p->node[n].parent;
		mark[n] = p->node[n].row[p->group] == id ||
		    (what == 't' && up != NONE && mark[up]);
	}
}

static int
counts(const struct profile *p, const struct sample *s, unsigned id,
    const char *mark)
{
	return p->group == PROFILE_THREAD ? s->thread == id : mark[s->node];
}

int
profile_series(const struct profile *p, unsigned id, char what, uint64_t from,
    uint64_t width, uint64_t *bucket, size_t n)
{
	char *mark = calloc(p->nodes.n + 1, 1);
	const struct sample *s;
	size_t i, b;

	if (mark == NULL)
		return -1;
	if (p->group != PROFILE_THREAD)
		mark_nodes(p, id, what, mark);
	memset(bucket, 0, n * sizeof(*bucket));
	for (i = 0; i < p->samples.n && width; i++) {
		s = &p->sample[i];
		if (s->time < from || !counts(p, s, id, mark))
			continue;
		if ((b = (s->time - from) / width) < n)
			bucket[b] += s->ns;
	}
	free(mark);
	return 0;
}
