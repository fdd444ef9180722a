#include "profile/inuse.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "base/interval.h"
#include "base/strtab.h"
#include "profile/calltree.h"
#include "record/db.h"

/*
 * The reader's model.  A site is a thread and a stack (a node), with what is live there
 * now and the row that it is charged to; nodes point to their callers and to a frame,
 * which has names, location and category.  Each heap record changes one site: the
 * difference goes to self of the site's row and, walking up the callers, to the total
 * of every row on the stack, once per walk.  `past` keeps (site, interval, live bytes)
 * for charts. idmaps lead from ids of the recording to indices.
 */

#define NONE UINT32_MAX

struct frame {
	uint32_t function, file, crate, version, generic; /* text */
	uint64_t line;
	unsigned runtime; /* enum profile_runtime; 0: not a runtime frame */
};

struct node {
	uint32_t parent, module, frame; /* indices; module is a text; or NONE */
	uint64_t offset;
	uint32_t row;
};

struct thread {
	uint64_t pid, tid;
	uint32_t name, row;
};

/* A thread and a stack, with what is live there now. */
struct site {
	uint32_t thread, node; /* node NONE: no stack, row gives the reason */
	uint32_t row;          /* row that it is charged to */
	uint64_t live, count, least, most; /* least and most: the range of live */
	int ranged;
	double var;                        /* of live */
	uint64_t old, nold; /* suspects: bytes and number at the snapshot */
};

/* Live bytes of a site from an interval on, and their range. */
struct past {
	uint64_t live, least, most;
	uint32_t site, interval; /* interval: index into `times` */
};

struct row {
	struct inuse_row out;
	uint32_t visited;  /* number of the last walk that visited it */
};

struct stream {
	uint64_t began, pid;
};

enum table { FRAME,
	ORIGIN,
	MODULE,
	STACK,
	THREAD,
	HEAP,
	MEMORY,
	AGE,
	NTABLES };

struct inuse {
	struct db *db;
	struct inuse_options o;
	int64_t seen[NTABLES];            /* last row read of each table */
	struct inuse_summary sum, shown;  /* running; as returned, with the current peak */
	struct past *past;
	uint64_t *times; /* ends of the intervals */
	size_t npast, past_room, ntimes, times_room;
	struct strtab text;
	struct frame *frame;
	struct node *node;
	struct thread *thread;
	struct site *site;
	struct row *row;
	struct inuse_row *out;
	size_t nframe, nnode, nthread, nsite, nrow, nout;
	size_t frame_room, node_room, thread_room, site_room, row_room;
	struct idmap frame_of, node_of, thread_of, site_of, row_of, module_of;
	uint32_t walks;
	uint32_t *touched; /* rows changed in this interval */
	size_t ntouched, touched_room;
	struct stream *stream; /* heap streams in order of time */
	size_t nstream, stream_room, begun;
	struct inuse_sum total; /* live memory of the process, in windows */
	int any, has_baseline; /* memory was recorded; `since` has passed */
};

static int
nomem(struct inuse *u)
{
	return db_no_memory(u->db);
}

static uint64_t
number(struct db_stmt *s, int column)
{
	int64_t n = db_int(s, column);

	return n < 0 ? 0 : (uint64_t)n;
}

static int
text_of(struct inuse *u, const char *s, uint32_t *out)
{
	return strtab_add(&u->text, s, out) < 0 ? nomem(u) : 0;
}

/* ---- definitions ------------------------------------------------------- */

typedef int on_row(struct inuse *u, struct db_stmt *s);

static int
read_all_rows(struct inuse *u, struct db_stmt *s, on_row *handle)
{
	int r;

	while ((r = db_step(s)) == 1)
		if (handle(u, s) < 0)
			return -1;
	return r;
}

/* Run a query and handle each of its rows. */
static int
query(struct inuse *u, const char *sql, on_row *handle)
{
	struct db_stmt *s = db_prepare(u->db, sql);
	int r = s ? read_all_rows(u, s, handle) : -1;

	db_finalize(s);
	return r;
}

/* Run a query on the rows of table t after the last one read, its ?1. */
static int
query_new(struct inuse *u, enum table t, const char *sql, on_row *handle)
{
	struct db_stmt *s = db_prepare(u->db, sql);
	int r = -1;

	if (s && db_start(s, "i", u->seen[t]) == 0)
		r = read_all_rows(u, s, handle);
	db_finalize(s);
	return r;
}

static int
on_frame(struct inuse *u, struct db_stmt *s)
{
	struct frame f = { .line = number(s, 3), .crate = NONE, .version = NONE,
		.generic = NONE, .runtime = profile_runtime(db_text(s, 4)) };

	if (text_of(u, db_text(s, 1), &f.function) < 0 ||
	    text_of(u, db_text(s, 2), &f.file) < 0)
		return -1;
	if (array_room(&u->frame, u->nframe, &u->frame_room, sizeof f) < 0 ||
	    idmap_put(&u->frame_of, number(s, 0), (uint32_t)u->nframe) < 0)
		return nomem(u);
	u->frame[u->nframe++] = f;
	return 0;
}

static int
on_origin(struct inuse *u, struct db_stmt *s)
{
	uint32_t i = idmap_get(&u->frame_of, number(s, 0));

	if (i == NONE)
		return 0;
	return text_of(u, db_text(s, 1), &u->frame[i].crate) < 0 ||
	        text_of(u, db_text(s, 2), &u->frame[i].version) < 0 ||
	        text_of(u, db_text(s, 3), &u->frame[i].generic) < 0
	    ? -1
	    : 0;
}

static int
on_module(struct inuse *u, struct db_stmt *s)
{
	uint32_t text;

	if (text_of(u, db_text(s, 1), &text) < 0)
		return -1;
	return idmap_put(&u->module_of, number(s, 0), text) < 0 ? nomem(u) : 0;
}

/* Add a stack node.  Its caller may come later, if names were added later and the
 * caller was inlined. */
static int
on_stack(struct inuse *u, struct db_stmt *s)
{
	struct node n = { .offset = number(s, 3), .row = NONE };

	n.parent = idmap_get(&u->node_of, number(s, 1));
	n.module = idmap_get(&u->module_of, number(s, 2));
	n.frame = idmap_get(&u->frame_of, number(s, 4));
	if (array_room(&u->node, u->nnode, &u->node_room, sizeof n) < 0 ||
	    idmap_put(&u->node_of, number(s, 0), (uint32_t)u->nnode) < 0)
		return nomem(u);
	u->node[u->nnode++] = n;
	return 0;
}

/* Set the caller of a node from an earlier row.  Damaged recordings may contain cycles:
 * cut them. */
static int
on_caller(struct inuse *u, struct db_stmt *s)
{
	uint32_t n = idmap_get(&u->node_of, number(s, 0));
	uint32_t caller = idmap_get(&u->node_of, number(s, 1)), up = caller;

	while (up != NONE && up != n)
		up = u->node[up].parent;
	if (up == NONE)
		u->node[n].parent = caller;
	return 0;
}

static int
on_thread(struct inuse *u, struct db_stmt *s)
{
	struct thread t = { number(s, 1), number(s, 2), NONE, NONE };

	if (text_of(u, db_text(s, 3), &t.name) < 0)
		return -1;
	if (array_room(&u->thread, u->nthread, &u->thread_room, sizeof t) < 0 ||
	    idmap_put(&u->thread_of, number(s, 0), (uint32_t)u->nthread) < 0)
		return nomem(u);
	u->thread[u->nthread++] = t;
	return 0;
}

/* ---- rows -------------------------------------------------------------- */

static int
find_row(struct inuse *u, uint64_t key, const struct inuse_row *new, uint32_t *row)
{
	struct row r = { .out = *new };

	*row = idmap_get(&u->row_of, key);
	if (*row != NONE)
		return 0;
	if (array_room(&u->row, u->nrow, &u->row_room, sizeof r) < 0 ||
	    idmap_put(&u->row_of, key, (uint32_t)u->nrow) < 0)
		return nomem(u);
	*row = (uint32_t)u->nrow;
	r.out.id = *row;
	r.out.key = key;
	u->row[u->nrow++] = r;
	return 0;
}

/* Find the row of a name alone, such as [no-stack]. */
static int
named_row(struct inuse *u, const char *name, uint32_t *row)
{
	struct inuse_row new = { 0 };
	uint32_t text;

	if (text_of(u, name, &text) < 0)
		return -1;
	new.name = strtab_text(&u->text, text);
	return find_row(u, hash_id(hash_str(HASH_INIT, name)), &new, row);
}

static const char *
last_component(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && slash[1] ? slash + 1 : path ? path : "?";
}

/* Set *name to the function of a node or, without one, to its module and offset. */
static int
node_name(struct inuse *u, const struct node *n, const char **name)
{
	const struct frame *f = n->frame == NONE ? NULL : &u->frame[n->frame];
	char text[512];
	uint32_t number_;

	*name = f ? strtab_text(&u->text, f->function) : NULL;
	if (*name)
		return 0;
	snprintf(text, sizeof text, "%s+0x%" PRIx64,
	    last_component(strtab_text(&u->text, n->module)), n->offset);
	if (text_of(u, text, &number_) < 0)
		return -1;
	*name = strtab_text(&u->text, number_);
	return 0;
}

/* Find the row of a node by module, or by crate if it has one. */
static int
crate_row(struct inuse *u, struct node *n, const struct frame *f)
{
	struct inuse_row new = { .name = f ? strtab_text(&u->text, f->crate) : NULL };
	const char *module = strtab_text(&u->text, n->module);

	if (new.name == NULL || u->o.group == PROFILE_MODULE)
		new.name = new.module = module ? module : "?";
	else
		new.version = strtab_text(&u->text, f->version);
	return find_row(u,
	    hash_id(hash_str(hash_str(HASH_INIT, new.name), new.version)), &new, &n->row);
}

static int
node_row(struct inuse *u, struct node *n)
{
	const struct frame *f = n->frame == NONE ? NULL : &u->frame[n->frame];
	struct inuse_row new = { .module = strtab_text(&u->text, n->module) };
	const char *generic = f ? strtab_text(&u->text, f->generic) : NULL;
	uint64_t h = hash_str(HASH_INIT, new.module);

	if (n->row != NONE)
		return 0;
	if (u->o.group == PROFILE_MODULE || u->o.group == PROFILE_CRATE)
		return crate_row(u, n, f);
	if (node_name(u, n, &new.name) < 0)
		return -1;
	if (u->o.group == PROFILE_GENERIC && generic)
		new.name = generic;
	h = hash_str(h, new.name);
	new.file = f ? strtab_text(&u->text, f->file) : NULL;
	new.line = f ? f->line : 0;
	if (u->o.group == PROFILE_LINE)
		h = hash_u64(hash_str(h, new.file), new.line);
	else if (u->o.group == PROFILE_GENERIC)
		h = hash_str(h, f ? strtab_text(&u->text, f->crate) : NULL);
	return find_row(u, hash_id(h), &new, &n->row);
}

static int
thread_row(struct inuse *u, struct thread *t)
{
	struct inuse_row new = { .pid = t->pid, .tid = t->tid };
	uint64_t h = hash_u64(HASH_INIT, t->pid << 32 | t->tid);

	new.name = strtab_text(&u->text, t->name);
	if (new.name == NULL)
		new.name = "?";
	return t->row != NONE
	    ? 0
	    : find_row(u, hash_id(hash_str(h, new.name)), &new, &t->row);
}

/* ---- sites ------------------------------------------------------------- */

static int
is_runtime(const struct inuse *u, uint32_t node, unsigned mask)
{
	uint32_t frame = u->node[node].frame;

	return frame != NONE && (u->frame[frame].runtime & mask);
}

/* Returns the nearest node from `node` up that is not a runtime frame in `mask`, or
 * `node` itself if there is none. */
static uint32_t
skip_runtime(const struct inuse *u, uint32_t node, unsigned mask)
{
	uint32_t n = node;

	while (n != NONE && is_runtime(u, n, mask))
		n = u->node[n].parent;
	return n == NONE ? node : n;
}

/* Returns the node that an allocation with this leaf is charged to. */
static uint32_t
charged(const struct inuse *u, uint32_t leaf)
{
	return u->o.raw ? leaf : skip_runtime(u, leaf,
	    u->o.collapse ? PROFILE_RUNTIME_ALL : PROFILE_RUNTIME_ALLOCATION);
}

static int
new_site(struct inuse *u, uint32_t thread, uint32_t node, const char *cut,
    struct site *out)
{
	char text[64];

	*out = (struct site){ .thread = thread, .node = node, .row = NONE };
	if (u->o.group == PROFILE_THREAD && thread != NONE) {
		if (thread_row(u, &u->thread[thread]) < 0)
			return -1;
		out->row = u->thread[thread].row;
		return 0;
	}
	if (node == NONE) {
		snprintf(text, sizeof text, "[%s]", cut ? cut : "no-stack");
		return named_row(u, text, &out->row);
	}
	for (uint32_t n = node; n != NONE; n = u->node[n].parent)
		if (node_row(u, &u->node[n]) < 0)
			return -1;
	out->row = u->node[charged(u, node)].row;
	return 0;
}

/* Find the site of the thread and stack in columns 1 to 3 of a heap or age row. */
static struct site *
find_site(struct inuse *u, struct db_stmt *s)
{
	uint32_t thread = idmap_get(&u->thread_of, number(s, 1)), i;
	uint32_t node = idmap_get(&u->node_of, number(s, 2));
	const char *cut = db_text(s, 3);
	uint64_t h = hash_u64(HASH_INIT, (uint64_t)thread << 32 | node);

	h = hash_id(hash_str(h, node == NONE ? cut : NULL));
	i = idmap_get(&u->site_of, h);
	if (i != NONE)
		return &u->site[i];
	if (array_room(&u->site, u->nsite, &u->site_room, sizeof *u->site) < 0 ||
	    idmap_put(&u->site_of, h, (uint32_t)u->nsite) < 0) {
		nomem(u);
		return NULL;
	}
	if (new_site(u, thread, node, cut, &u->site[u->nsite]) < 0)
		return NULL;
	return &u->site[u->nsite++];
}

static void
add(struct inuse_sum *to, const struct inuse_sum *what)
{
	to->live += what->live;
	to->count += what->count;
	to->bytes += what->bytes;
	to->allocs += what->allocs;
	to->frees += what->frees;
	to->temps += what->temps;
	to->moved += what->moved;
	to->copied += what->copied;
	to->live_least += what->live_least;
	to->live_most += what->live_most;
	to->bytes_least += what->bytes_least;
	to->bytes_most += what->bytes_most;
	to->ranged += what->ranged;
	to->live_var += what->live_var;
	to->bytes_var += what->bytes_var;
}

static void
raise_to(uint64_t *peak, uint64_t value)
{
	if (value > *peak)
		*peak = value;
}

/* Add a change to the total of a row, once per walk up a stack. */
static int
add_total(struct inuse *u, uint32_t row, const struct inuse_sum *change)
{
	struct row *r = &u->row[row];

	if (r->visited == u->walks)
		return 0;
	r->visited = u->walks;
	add(&r->out.total, change);
	raise_to(&r->out.total.peak, change->peak);
	if (array_room(&u->touched, u->ntouched, &u->touched_room,
	        sizeof *u->touched) < 0)
		return nomem(u);
	u->touched[u->ntouched++] = row;
	return 0;
}

/* Add a change of a site to its row and to all rows on its stack.  Live and count are
 * differences modulo 2^64. */
static int
add_change(struct inuse *u, const struct site *site, const struct inuse_sum *change)
{
	struct row *self = &u->row[site->row];

	u->walks++;
	add(&u->sum.all, change);
	add(&self->out.self, change);
	raise_to(&self->out.self.peak, change->peak);
	if (add_total(u, site->row, change) < 0)
		return -1;
	if (u->o.group == PROFILE_THREAD)
		return 0;
	for (uint32_t n = site->node; n != NONE; n = u->node[n].parent)
		if (add_total(u, u->node[n].row, change) < 0)
			return -1;
	return 0;
}

/* End an interval: only now can live bytes be compared with the peak. */
static void
end_interval(struct inuse *u)
{
	for (size_t i = 0; i < u->ntouched; i++) {
		struct inuse_row *r = &u->row[u->touched[i]].out;

		raise_to(&r->self.peak, r->self.live);
		raise_to(&r->total.peak, r->total.live);
	}
	raise_to(&u->sum.all.peak, u->sum.all.live);
	u->ntouched = 0;
}

/* ---- events ------------------------------------------------------------ */

static void
extend_to(struct inuse *u, uint64_t time)
{
	if (time > u->sum.last)
		u->sum.last = time;
}

/* Returns whether an earlier stream is of the same process. */
static int
is_again(const struct inuse *u, size_t stream)
{
	for (size_t i = 0; i < stream; i++)
		if (u->stream[i].pid == u->stream[stream].pid)
			return 1;
	return 0;
}

static int
add_past(struct inuse *u, const struct site *site, uint64_t live, uint64_t least, uint64_t most)
{
	if (array_room(&u->past, u->npast, &u->past_room, sizeof *u->past) < 0)
		return nomem(u);
	u->past[u->npast++] = (struct past){ live, least, most,
		(uint32_t)(site - u->site),
		(uint32_t)u->ntimes - 1 };
	return 0;
}

static int
end_lives(struct inuse *u, struct site *site)
{
	struct inuse_sum change = { .live = -site->live, .count = -site->count,
		.live_least = -site->least, .live_most = -site->most,
		.ranged = -(uint64_t)site->ranged, .live_var = -site->var };

	if (site->live == 0 && site->count == 0 && site->most == 0)
		return 0;
	site->live = site->count = site->least = site->most = 0;
	site->ranged = 0;
	site->var = 0;
	if (u->o.age)
		return 0;
	return add_past(u, site, 0, 0, 0) < 0 ? -1 : add_change(u, site, &change);
}

/* Start the streams that began by `time`.  A producer that attaches again does not know
 * what was live, so end those lives. */
static int
begin_streams(struct inuse *u, uint64_t time)
{
	for (; u->begun < u->nstream && u->stream[u->begun].began <= time; u->begun++)
		for (size_t i = 0; is_again(u, u->begun) && i < u->nsite; i++)
			if (end_lives(u, &u->site[i]) < 0)
				return -1;
	return 0;
}

/* Keep what is live as each row's baseline: the first interval at or after `since` begins. */
static void
keep_baseline(struct inuse *u)
{
	for (size_t i = 0; i < u->nrow; i++)
		u->row[i].out.baseline = u->row[i].out.self.live;
	u->has_baseline = 1;
}

static int
begin_interval(struct inuse *u, uint64_t time)
{
	if (u->ntimes && time == u->times[u->ntimes - 1])
		return 0;
	end_interval(u);
	if (!u->has_baseline && u->o.since && time >= u->o.since)
		keep_baseline(u);
	if (array_room(&u->times, u->ntimes, &u->times_room, sizeof *u->times) < 0)
		return nomem(u);
	u->times[u->ntimes++] = time;
	return time < u->o.until || u->o.until == UINT64_MAX ? begin_streams(u, time) : 0;
}

static int
is_wanted(const struct inuse *u, const struct site *site)
{
	const struct thread *t = site->thread == NONE ? NULL : &u->thread[site->thread];

	return u->o.tid == 0 || (t && t->pid == u->o.pid && t->tid == u->o.tid);
}

/* Set the range of what is live at a site, by a row of heap, and the change that it makes. */
static void
change_range(struct site *site, struct db_stmt *s, uint64_t live, struct inuse_sum *change)
{
	int ranged = !db_is_null(s, 17);
	uint64_t least = ranged ? number(s, 16) : live, most = ranged ? number(s, 17) : live;
	double error = (double)number(s, 15), var = error * error;

	change->live_least = least - site->least;
	change->live_most = most - site->most;
	change->ranged = (uint64_t)ranged - (uint64_t)site->ranged;
	change->live_var = var - site->var;
	site->least = least;
	site->most = most;
	site->ranged = ranged;
	site->var = var;
}

/* Set the range of what has been allocated. */
static void
change_bytes(struct db_stmt *s, struct inuse_sum *change)
{
	double error = (double)number(s, 14);
	int ranged = !db_is_null(s, 19);

	change->bytes_least = ranged ? number(s, 18) : change->bytes;
	change->bytes_most = ranged ? number(s, 19) : change->bytes;
	change->bytes_var = error * error;
}

static int
on_heap(struct inuse *u, struct db_stmt *s)
{
	uint64_t time = number(s, 0), live = number(s, 11), count = number(s, 12);
	struct inuse_sum change = { 0 };
	struct site *site;

	u->any = 1;
	extend_to(u, time);
	if (begin_interval(u, time) < 0 || (site = find_site(u, s)) == NULL)
		return -1;
	if (!is_wanted(u, site))
		return 0;
	if (u->o.age == 0 && (db_is_null(s, 17) ? add_past(u, site, live, live, live) :
	        add_past(u, site, live, number(s, 16), number(s, 17))) < 0)
		return -1;
	if (time >= u->o.until && u->o.until != UINT64_MAX)
		return 0;
	change.live = live - site->live;
	change.count = count - site->count;
	site->live = live;
	site->count = count;
	change_range(site, s, live, &change);
	if (u->o.age)
		return 0; /* add_old() does the rest */
	if (time >= u->o.since) {
		change.allocs = number(s, 4);
		change.bytes = number(s, 5);
		change.frees = number(s, 6);
		change.temps = number(s, 8);
		change.moved = number(s, 9);
		change.copied = number(s, 10);
		change.peak = number(s, 13);
		change_bytes(s, &change);
	}
	return add_change(u, site, &change);
}

static int
on_age(struct inuse *u, struct db_stmt *s)
{
	struct site *site;

	if (number(s, 0) != u->sum.snapshot || number(s, 4) > u->sum.cutoff)
		return 0;
	site = find_site(u, s);
	if (site == NULL)
		return -1;
	site->old += number(s, 5);
	site->nold += number(s, 6);
	return 0;
}

/* Charge the suspects, limited to what is still live now. */
static int
add_old(struct inuse *u)
{
	struct inuse_sum change = { 0 };

	for (size_t i = 0; i < u->nsite; i++) {
		const struct site *site = &u->site[i];

		change.live = site->old < site->live ? site->old : site->live;
		change.count = site->nold < site->count ? site->nold : site->count;
		if (change.live == 0 && change.count == 0)
			continue;
		change.bytes = change.peak = change.live;
		change.live_least = change.live_most = change.live;
		change.bytes_least = change.bytes_most = change.live;
		change.allocs = change.count;
		if (add_change(u, site, &change) < 0)
			return -1;
	}
	return 0;
}

/* Read the range of all of a process' memory, which is narrower than the sum of those of
 * its stacks. */
static void
on_memory_range(struct inuse *u, struct db_stmt *s)
{
	u->sum.windows = !db_is_null(s, 12);
	if (!u->sum.windows)
		return;
	u->total = (struct inuse_sum){ .live = number(s, 8), .count = number(s, 9),
		.live_least = number(s, 11), .live_most = number(s, 12) };
	u->sum.inuse = number(s, 15);
}

static int
on_memory(struct inuse *u, struct db_stmt *s)
{
	uint64_t time = number(s, 0);

	u->any = 1;
	extend_to(u, time);
	if (time >= u->o.until && u->o.until != UINT64_MAX)
		return 0;
	u->sum.rss = number(s, 1);
	u->sum.anon = number(s, 2);
	if (u->o.tid == 0)
		raise_to(&u->sum.all.peak, number(s, 7));
	on_memory_range(u, s);
	if (time < u->o.since)
		return 0;
	u->sum.unknown += number(s, 3);
	u->sum.covered += number(s, 4);
	u->sum.hits += number(s, 5);
	u->sum.cost += number(s, 6);
	return 0;
}

static int
on_lost(struct inuse *u, struct db_stmt *s)
{
	u->sum.lost = number(s, 0) - number(s, 1) - number(s, 2);
	u->sum.missing = number(s, 1);
	u->sum.doubts = number(s, 2);
	return 0;
}

static int
on_layer(struct inuse *u, struct db_stmt *s)
{
	uint32_t text;

	if (text_of(u, db_text(s, 0), &text) < 0)
		return -1;
	u->sum.layer = strtab_text(&u->text, text);
	return 0;
}

/* Find a header's attribute by "key=".  Returns its value, or NULL. */
static const char *
attribute(const char *all, const char *key)
{
	size_t len = strlen(key);

	while (all) {
		all += strspn(all, " \t");
		if (strncmp(all, key, len) == 0)
			return all + len;
		all = strpbrk(all, " \t");
	}
	return NULL;
}

/* Read a stream's header: its sampling, its mode and its process. */
static int
on_stream(struct inuse *u, struct db_stmt *s)
{
	const char *attributes = db_text(s, 0);
	const char *p = attribute(attributes, "sample="), *pid = attribute(attributes, "pid=");
	const char *mode = attribute(attributes, "mode=");
	struct stream new = { number(s, 1), pid ? strtoull(pid, NULL, 10) : 0 };

	if (p && strtoull(p, NULL, 10) > u->sum.sample)
		u->sum.sample = strtoull(p, NULL, 10);
	u->sum.growth |= mode && strncmp(mode, "growth", 6) == 0;
	if (u->nstream == 0)
		u->sum.first = new.began;
	if (array_room(&u->stream, u->nstream, &u->stream_room, sizeof new) < 0)
		return nomem(u);
	u->stream[u->nstream++] = new;
	return 0;
}

static int
on_estimated(struct inuse *u, struct db_stmt *s)
{
	u->sum.estimated |= number(s, 0) != 0;
	return 0;
}

/* Read the time of a snapshot; the last one before `until` counts.  Compute the time
 * before which its allocations are suspects. */
static int
on_snapshot(struct inuse *u, struct db_stmt *s)
{
	uint64_t time = number(s, 0), tenth, old;

	if (time >= u->o.until && u->o.until != UINT64_MAX)
		return 0;
	u->sum.snapshot = time;
	u->sum.from = u->sum.first;
	for (size_t i = 0; i < u->nstream; i++)
		if (u->stream[i].began <= time)
			u->sum.from = u->stream[i].began;
	tenth = time - (time > u->sum.from ? (time - u->sum.from) / 10 : 0);
	old = time > u->o.age ? time - u->o.age : 0;
	u->sum.cutoff = old < tenth ? old : tenth;
	return 0;
}

/* ---- reading ----------------------------------------------------------- */

static int
read_names(struct inuse *u)
{
	return query_new(u, FRAME,
	           "SELECT frame.id, fn.text, fi.text, line, class.class FROM frame "
	           "LEFT JOIN string fn ON fn.id = function "
	           "LEFT JOIN string fi ON fi.id = file "
	           "LEFT JOIN class ON class.frame = frame.id WHERE frame.id > ?1",
	           on_frame) < 0 ||
	        (db_schema(u->db) >= 4 &&
	            query_new(u, ORIGIN,
	                "SELECT frame, crate.text, version.text, folded.text FROM origin "
	                "LEFT JOIN string crate ON crate.id = crate "
	                "LEFT JOIN string version ON version.id = version "
	                "LEFT JOIN string folded ON folded.id = folded WHERE frame > ?1",
	                on_origin) < 0) ||
	        query_new(u, MODULE, "SELECT id, path FROM module WHERE id > ?1",
	            on_module) < 0 ||
	        query_new(u, STACK, "SELECT id, parent, module, offset, frame FROM stack "
	                           "WHERE id > ?1 ORDER BY id", on_stack) < 0 ||
	        query_new(u, STACK, "SELECT id, parent FROM stack "
	                           "WHERE id > ?1 AND parent > id", on_caller) < 0 ||
	        query_new(u, THREAD, "SELECT thread.id, pid, tid, thread.name FROM thread "
	                            "LEFT JOIN process ON process.id = process "
	                            "WHERE thread.id > ?1", on_thread) < 0
	    ? -1
	    : 0;
}

#define HEAP_COLUMNS "SELECT time, thread, stack, cut, allocs, bytes, frees, freed, temps, " \
	"moved, copied, live, count, peak, "

static const char heap_with_ranges[] = HEAP_COLUMNS
    "bytes_err, live_err, live_min, live_max, bytes_min, bytes_max FROM heap "
    "LEFT JOIN heap_range ON heap = heap.rowid WHERE heap.rowid > ?1 ORDER BY heap.rowid";
static const char heap_alone[] = HEAP_COLUMNS
    "0, 0, NULL, NULL, NULL, NULL FROM heap WHERE rowid > ?1 ORDER BY rowid";

#define MEMORY_COLUMNS "SELECT time, rss, anon, unknown, covered, hits, cost, peak, live, " \
	"count, bytes, "

static const char memory_with_ranges[] = MEMORY_COLUMNS
    "live_min, live_max, bytes_min, bytes_max, inuse FROM memory "
    "LEFT JOIN memory_range ON memory = memory.rowid WHERE memory.rowid > ?1 "
    "ORDER BY memory.rowid";
static const char memory_alone[] = MEMORY_COLUMNS
    "NULL, NULL, NULL, NULL, NULL FROM memory WHERE rowid > ?1 ORDER BY rowid";

static int
read_sums(struct inuse *u)
{
	if (query_new(u, HEAP, db_schema(u->db) >= 5 ? heap_with_ranges : heap_alone,
	        on_heap) < 0)
		return -1;
	if (!u->o.age)
		return 0;
	return query_new(u, AGE, "SELECT time, thread, stack, cut, born, bytes, count FROM age "
	                        "WHERE rowid > ?1", on_age) < 0
	    ? -1
	    : add_old(u);
}

/* Remember the last row of each table, so that no row is read twice. */
static int
read_seen(struct inuse *u)
{
	static const char *const from[NTABLES] = { [FRAME] = "id) FROM frame",
		[ORIGIN] = "frame) FROM origin", [MODULE] = "id) FROM module",
		[STACK] = "id) FROM stack", [THREAD] = "id) FROM thread",
		[HEAP] = "rowid) FROM heap", [MEMORY] = "rowid) FROM memory",
		[AGE] = "rowid) FROM age" };
	char sql[80];

	for (size_t t = 0; t < NTABLES; t++) {
		struct db_stmt *s;
		int r = 0;

		if (t == ORIGIN && db_schema(u->db) < 4)
			continue;
		snprintf(sql, sizeof sql, "SELECT max(%s", from[t]);
		s = db_prepare(u->db, sql);
		if (s && (r = db_step(s)) == 1)
			u->seen[t] = db_int(s, 0);
		db_finalize(s);
		if (s == NULL || r < 0)
			return -1;
	}
	return 0;
}

static int
read_all(struct inuse *u)
{
	u->nstream = 0;
	return query(u, "SELECT attributes, began FROM stream WHERE producer = 'heap' "
	               "ORDER BY began, id", on_stream) < 0 ||
	        query_new(u, HEAP, "SELECT max(samples > 0 AND samples <> allocs) FROM heap "
	                          "WHERE rowid > ?1", on_estimated) < 0 ||
	        query(u, "SELECT layer FROM probe", on_layer) < 0 ||
	        query(u, "SELECT coalesce(sum(count), 0), "
	            "coalesce(sum(CASE reason WHEN 'not-probed' THEN count END), 0), "
	            "coalesce(sum(CASE reason WHEN 'unverified' THEN count END), 0) "
	            "FROM lost WHERE producer = 'heap'",
	            on_lost) < 0 ||
	        query_new(u, MEMORY, db_schema(u->db) >= 5 ? memory_with_ranges : memory_alone,
	            on_memory) < 0 ||
	        (u->o.age &&
	            query(u, "SELECT DISTINCT time FROM age ORDER BY time", on_snapshot) < 0) ||
	        read_names(u) < 0 || read_sums(u) < 0 || read_seen(u) < 0
	    ? -1
	    : 0;
}

/* Read all tables in one transaction.  Recordings before schema 3 have no memory tables. */
static int
read_recording(struct inuse *u)
{
	int64_t schema = db_schema(u->db);

	if (schema < 0)
		return -1;
	if (schema < 3)
		return 0;
	if (db_exec(u->db, "BEGIN") < 0)
		return -1;
	if (read_all(u) < 0) {
		db_undo(u->db);
		return -1;
	}
	return db_exec(u->db, "COMMIT");
}

int
inuse_has(const struct inuse_sum *s)
{
	return s->live || s->allocs || s->frees || s->live_most;
}

/* Returns a range of a figure, of so many blocks. */
static struct inuse_range
range(uint64_t figure, uint64_t blocks, uint64_t least, uint64_t most, double var)
{
	double block = (double)figure / (double)(blocks ? blocks : 1), below, above, low;
	struct inuse_range r = { .known = 1 };

	interval_margins((double)figure, var, block, &below, &above);
	low = (double)least - below;
	r.least = low > 0 ? (uint64_t)low : 0;
	r.most = most + (uint64_t)above;
	if (r.most > r.least)
		r.error = figure ? (double)(r.most - r.least) / 2 / (double)figure : 1;
	return r;
}

struct inuse_range
inuse_live_range(const struct inuse_sum *s)
{
	struct inuse_range r = range(s->live, s->count, s->live_least, s->live_most, s->live_var);

	r.known = s->live_most / 2 <= s->live_least;
	return r;
}

struct inuse_range
inuse_bytes_range(const struct inuse_sum *s)
{
	struct inuse_range r = range(s->bytes, s->allocs, s->bytes_least, s->bytes_most,
	    s->bytes_var);

	r.known = s->bytes_most / 2 <= s->bytes_least;
	return r;
}

/* Copy a row for the caller.  Live bytes may exceed the peak within an unfinished interval. */
static void
show(struct inuse *u, const struct row *row)
{
	struct inuse_row *to = &u->out[u->nout++];

	*to = row->out;
	if (!u->has_baseline && u->o.since)
		to->baseline = to->self.live;
	raise_to(&to->self.peak, to->self.live);
	raise_to(&to->total.peak, to->total.live);
}

/* Put what is known of the whole process into the summary that is handed out. */
static void
show_sum(struct inuse *u)
{
	struct inuse_summary *s = &u->shown;

	if (s->windows && u->o.tid == 0 && u->o.age == 0) {
		s->all.live = u->total.live;
		s->all.count = u->total.count;
		s->all.live_least = u->total.live_least;
		s->all.live_most = u->total.live_most;
	}
	s->known = 0;
	for (size_t i = 0; i < u->nout; i++) {
		const struct inuse_sum *self = &u->out[i].self;

		if (!inuse_has(self) || !inuse_live_range(self).known)
			continue;
		s->known += self->live;
	}
	raise_to(&s->all.peak, s->all.live);
}

static int
collect(struct inuse *u)
{
	struct inuse_row *out = reallocarray(u->out, u->nrow + 1, sizeof *u->out);

	if (out == NULL)
		return nomem(u);
	u->out = out;
	u->nout = 0;
	for (size_t i = 0; i < u->nrow; i++)
		if (inuse_has(&u->row[i].out.total))
			show(u, &u->row[i]);
	u->shown = u->sum;
	show_sum(u);
	return 0;
}

int
inuse_update(struct inuse *u)
{
	return read_recording(u) == 0 && collect(u) == 0 ? 0 : -1;
}

struct inuse *
inuse_open(struct db *db, const struct inuse_options *o)
{
	struct inuse *u = calloc(1, sizeof *u);

	if (u == NULL) {
		db_no_memory(db);
		return NULL;
	}
	u->db = db;
	u->o = *o;
	if (inuse_update(u) == 0)
		return u;
	inuse_close(u);
	return NULL;
}

void
inuse_close(struct inuse *u)
{
	if (u == NULL)
		return;
	strtab_clear(&u->text);
	idmap_clear(&u->frame_of);
	idmap_clear(&u->node_of);
	idmap_clear(&u->thread_of);
	idmap_clear(&u->site_of);
	idmap_clear(&u->row_of);
	idmap_clear(&u->module_of);
	free(u->frame);
	free(u->node);
	free(u->thread);
	free(u->site);
	free(u->row);
	free(u->out);
	free(u->touched);
	free(u->stream);
	free(u->past);
	free(u->times);
	free(u);
}

int
inuse_is_same(const struct inuse_options *a, const struct inuse_options *b)
{
	return a->group == b->group && a->since == b->since && a->until == b->until &&
	    a->age == b->age && a->raw == b->raw && a->collapse == b->collapse && a->pid == b->pid &&
	    a->tid == b->tid;
}

int
inuse_has_errors(const struct inuse *u)
{
	const struct inuse_sum *all = &u->shown.all;

	return all->live_var > 0 || all->bytes_var > 0 || all->ranged > 0 ||
	    all->bytes_most > all->bytes_least || u->shown.windows;
}

int
inuse_any(const struct inuse *u)
{
	return u->any;
}

struct inuse_row *
inuse_rows(const struct inuse *u, size_t *n)
{
	*n = u->nout;
	return u->out;
}

const struct inuse_summary *
inuse_summary(const struct inuse *u)
{
	return &u->shown;
}

unsigned
inuse_id(const struct inuse *u, uint64_t key)
{
	return idmap_get(&u->row_of, key);
}

/* ---- series ------------------------------------------------------------ */

/* Returns whether a site counts in the total of a row (what = 't') or in its self (what
 * = 's'). */
static int
is_of(const struct inuse *u, const struct site *site, unsigned id, char what)
{
	if (site->row == id)
		return 1;
	if (what == 's' || u->o.group == PROFILE_THREAD)
		return 0;
	for (uint32_t n = site->node; n != NONE; n = u->node[n].parent)
		if (u->node[n].row == id)
			return 1;
	return 0;
}

/* Fill the buckets that end by `time` with the live bytes.  Returns the first one left. */
static size_t
fill(uint64_t *bucket, size_t i, size_t n, uint64_t from, uint64_t width, uint64_t time,
    uint64_t live)
{
	while (i < n && from + (i + 1) * width <= time)
		bucket[i++] = live;
	return i;
}

/* Live bytes, and their range. */
struct alive {
	uint64_t live, least, most;
};

/* Add a change of a site, which had some before. */
static void
alive_change(struct alive *to, struct alive *had, const struct past *p)
{
	to->live += p->live - had->live;
	to->least += p->least - had->least;
	to->most += p->most - had->most;
	*had = (struct alive){ p->live, p->least, p->most };
}

static uint64_t
alive_known(const struct alive *a)
{
	return a->most / 2 > a->least ? INUSE_UNKNOWN : a->live;
}

int
inuse_series(const struct inuse *u, unsigned id, char what, uint64_t from,
    uint64_t width, uint64_t *bucket, size_t n)
{
	char *of = calloc(u->nsite + 1, 1);
	struct alive *had = calloc(u->nsite + 1, sizeof *had), now = { 0 };
	size_t at = 0;

	memset(bucket, 0, n * sizeof *bucket);
	for (size_t i = 0; of && i < u->nsite; i++)
		of[i] = (char)is_of(u, &u->site[i], id, what);
	for (size_t i = 0; of && had && width && i < u->npast; i++) {
		const struct past *p = &u->past[i];

		if (!of[p->site])
			continue;
		at = fill(bucket, at, n, from, width, u->times[p->interval],
		    alive_known(&now));
		alive_change(&now, &had[p->site], p);
	}
	fill(bucket, at, n, from, width, UINT64_MAX, alive_known(&now));
	free(had);
	free(of);
	return of && had ? 0 : -1;
}

size_t
inuse_ids(const struct inuse *u)
{
	return u->nrow;
}

/* Fill the buckets that end by `time` with the live bytes of every row.  Returns the
 * first one left. */
static size_t
fill_all(const struct inuse *u, const struct alive *now, uint64_t from, uint64_t width,
    uint64_t time, uint64_t *out, size_t at, size_t n)
{
	for (; at < n && from + (at + 1) * width <= time; at++)
		for (size_t i = 0; i < u->nrow; i++)
			out[i * n + at] = alive_known(&now[i]);
	return at;
}

int
inuse_series_all(const struct inuse *u, uint64_t from, uint64_t width, uint64_t *out, size_t n)
{
	struct alive *now = calloc(u->nrow + 1, sizeof *now);
	struct alive *had = calloc(u->nsite + 1, sizeof *had);
	size_t at = 0;

	memset(out, 0, u->nrow * n * sizeof *out);
	for (size_t i = 0; now && had && width && i < u->npast; i++) {
		const struct past *p = &u->past[i];

		at = fill_all(u, now, from, width, u->times[p->interval], out, at, n);
		alive_change(&now[u->site[p->site].row], &had[p->site], p);
	}
	if (now && had)
		fill_all(u, now, from, width, UINT64_MAX, out, at, n);
	free(had);
	free(now);
	return now && had ? 0 : -1;
}

/* ---- stacks ------------------------------------------------------------ */

/* Returns the node that node n counts for. */
static uint32_t
counts_as(const struct inuse *u, uint32_t n, int collapse)
{
	return collapse ? skip_runtime(u, n, PROFILE_RUNTIME_ALL) : n;
}

/* Add frames for sites without a stack, after those of the nodes. */
int
inuse_stacks(const struct inuse *u, int collapse, struct calltree_stacks *out)
{
	if (calltree_stacks_new(out, u->nnode + u->nsite) < 0)
		return -1;
	for (size_t i = 0; i < u->nnode; i++) {
		uint32_t up = u->node[i].parent, n = (uint32_t)i;

		out->caller[i] = up == NONE ? NONE : counts_as(u, up, collapse);
		out->row[i] = counts_as(u, n, collapse) == n ? u->node[i].row : CALLTREE_NONE;
	}
	for (size_t i = 0; i < u->nsite; i++) {
		size_t own = u->nnode + i;

		out->caller[own] = CALLTREE_NONE;
		out->row[own] = u->site[i].node == NONE ? u->site[i].row : CALLTREE_NONE;
		out->value[u->site[i].node == NONE ? own :
		        counts_as(u, u->site[i].node, collapse)] += u->site[i].live;
	}
	return 0;
}

const char *
inuse_function(const struct inuse *u, uint32_t row, const char **module)
{
	*module = u->row[row].out.module;
	return u->row[row].out.name;
}
