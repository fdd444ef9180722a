#include "profile/profile_data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"
#include "base/strtab.h"
#include "profile/profile_rows.h"
#include "profile/profile_runs.h"
#include "profile/profile_tree.h"
#include "record/db.h"

/*
 * Rows of the database become elements of arrays: frames (names and location), stack
 * nodes in a tree, threads, samples.  Maps in `ids` lead from the database's ids to
 * indices; strings are interned in `text`.  A node carries the row of each grouping
 * that it belongs to, found once when it is read, so that summing by any grouping is a
 * walk over the tree.  Samples are kept in order of arrival: selecting another range or
 * thread counts them again.
 */

#define HISTORY_MAX (UINT64_C(31) * 86400 * 4) /* a month, in steps */
#define NONE PROFILE_NONE

/* Threads that ended this long before the last time seen keep their names: records of
 * different threads are not in order of time.  Nanoseconds. */
#define LATE 10000000000

/* A frame: function, location and origin. */
struct frame {
	uint32_t function, file, crate, version, generic; /* text */
	uint64_t line;
	unsigned runtime; /* enum profile_runtime; 0: not a runtime frame */
};

enum table {
	T_STREAM,
	T_FRAME,
	T_ORIGIN,
	T_CLASS,
	T_MODULE,
	T_STACK,
	T_THREAD,
	T_CPU,
	T_OFF,
	T_LOST,
	T_COST,
	T_NOTE,
	NTABLES
};

/* Maps from ids of the recording to indices. */
struct profile_ids {
	int64_t seen[NTABLES]; /* last row read of each table */
	struct idmap frame_map, module_map, thread_map;
	struct idmap reason_map; /* from a reason to the node that stands for it */
	struct frame *frame;
	size_t nframe, frame_room;
};

/* ---- helpers ----------------------------------------------------------- */

static uint64_t
unsigned_time(int64_t t)
{
	return t < 0 ? 0 : (uint64_t)t;
}

static int
in_range(const struct profile_data *d, uint64_t time)
{
	return time >= d->since && (time < d->until || d->until == UINT64_MAX);
}

static void
extend_to(struct profile_data *d, uint64_t time)
{
	if (time > d->until)
		time = d->until;
	if (time > d->last)
		d->last = time;
}

/* ---- definitions ------------------------------------------------------- */

/* Returns the number that an attribute of a stream's header has, or UINT64_MAX. */
static uint64_t
attribute(const char *attributes, const char *key)
{
	size_t len = strlen(key);
	const char *p = attributes;

	while (p && strncmp(p, key, len) != 0)
		if ((p = strchr(p, '\t')))
			p++;
	return p ? strtoull(p + len, NULL, 10) : UINT64_MAX;
}

static int
on_stream(struct profile_data *d, struct db_stmt *s)
{
	uint64_t least = attribute(db_text(s, 4), "off=");
	uint64_t began = unsigned_time(db_int(s, 2)), ended = PROFILE_RUNNING;
	uint32_t producer;

	extend_to(d, began);
	if (!db_is_null(s, 3)) {
		ended = unsigned_time(db_int(s, 3));
		extend_to(d, ended);
	}
	if (least < d->off_least)
		d->off_least = least;
	if (strtab_add(d->text, db_text(s, 1), &producer) < 0)
		return -1;
	return profile_runs_stream(d->runs, db_int(s, 0), producer, began, ended,
	    attribute(db_text(s, 4), "from=") != UINT64_MAX);
}

static int
on_module(struct profile_data *d, struct db_stmt *s)
{
	const char *path = db_text(s, 1);
	uint32_t text;

	if (strtab_add(d->text, path ? path : "?", &text) < 0)
		return -1;
	return idmap_put(&d->ids->module_map, (uint64_t)db_int(s, 0), text);
}

static int
on_frame(struct profile_data *d, struct db_stmt *s)
{
	struct profile_ids *ids = d->ids;
	struct frame frame = { .line = unsigned_time(db_int(s, 3)), .crate = NONE,
		.version = NONE, .generic = NONE };

	if (strtab_add(d->text, db_text(s, 1), &frame.function) < 0 ||
	    strtab_add(d->text, db_text(s, 2), &frame.file) < 0 ||
	    array_room(&ids->frame, ids->nframe, &ids->frame_room,
	        sizeof *ids->frame) < 0 ||
	    idmap_put(&ids->frame_map, (uint64_t)db_int(s, 0),
	        (uint32_t)ids->nframe) < 0)
		return -1;
	ids->frame[ids->nframe++] = frame;
	return 0;
}

static int
on_origin(struct profile_data *d, struct db_stmt *s)
{
	uint32_t f = idmap_get(&d->ids->frame_map, (uint64_t)db_int(s, 0));
	struct frame *frame = f == NONE ? NULL : &d->ids->frame[f];

	if (frame == NULL)
		return 0;
	return strtab_add(d->text, db_text(s, 1), &frame->crate) < 0 ||
	        strtab_add(d->text, db_text(s, 2), &frame->version) < 0 ||
	        strtab_add(d->text, db_text(s, 3), &frame->generic) < 0
	    ? -1
	    : 0;
}

static int
on_category(struct profile_data *d, struct db_stmt *s)
{
	uint32_t f = idmap_get(&d->ids->frame_map, (uint64_t)db_int(s, 0));

	if (f != NONE)
		d->ids->frame[f].runtime = profile_runtime(db_text(s, 1));
	return 0;
}

/* Name code without a function, as in "libc.so.6+0x1f001". */
static int
raw_name(struct profile_data *d, uint32_t module, uint64_t offset,
    uint32_t *text)
{
	const char *path = strtab_text(d->text, module), *base;
	char *name;
	int r;

	if (path == NULL)
		return strtab_add(d->text, "[undefined]", text);
	base = strrchr(path, '/');
	base = base && base[1] ? base + 1 : path;
	if (asprintf(&name, "%s+0x%" PRIx64, base, offset) < 0)
		return -1;
	r = strtab_add(d->text, name, text);
	free(name);
	return r;
}

static int
find_row(struct profile_data *d, struct profile_node *node, enum profile_group group,
    const struct profile_key *key)
{
	return profile_rows_find(d->rows[group], key, &node->row[group]);
}

/* Find the rows of a node in every grouping.  `function` may be a synthetic name. */
static int
find_rows(struct profile_data *d, struct profile_node *node,
    uint32_t function, uint32_t module, const struct frame *frame)
{
	static const struct frame none = { .function = NONE, .file = NONE, .crate = NONE,
		.version = NONE, .generic = NONE };
	const struct frame *f = frame ? frame : &none;
	uint32_t of = module == NONE ? function : module;
	const struct profile_key by[PROFILE_ROWS] = {
		[PROFILE_FUNCTION] = { function, module, NONE, 0 },
		[PROFILE_GENERIC] = { f->generic == NONE ? function : f->generic, module,
		    f->crate, 0 },
		[PROFILE_LINE] = { function, module, f->file, f->line },
		[PROFILE_CRATE] = { f->crate == NONE ? of : f->crate, NONE, f->version, 0 },
		[PROFILE_MODULE] = { of, module, NONE, 0 },
	};
	const uint32_t *row = node->row;

	for (unsigned g = 0; g < PROFILE_ROWS; g++)
		if (find_row(d, node, g, &by[g]) < 0)
			return -1;
	d->rows[PROFILE_LINE]->row[row[PROFILE_LINE]].owner = row[PROFILE_FUNCTION];
	d->rows[PROFILE_FUNCTION]->row[row[PROFILE_FUNCTION]].owner = row[PROFILE_GENERIC];
	return 0;
}

static int
on_stack(struct profile_data *d, struct db_stmt *s)
{
	struct profile_node node = { .id = db_int(s, 0), .caller = db_int(s, 1) };
	uint32_t module = idmap_get(&d->ids->module_map, (uint64_t)db_int(s, 2));
	uint32_t f = idmap_get(&d->ids->frame_map, (uint64_t)db_int(s, 4));
	const struct frame *frame = f == NONE ? NULL : &d->ids->frame[f];
	uint32_t name = frame ? frame->function : NONE, n;

	node.runtime = frame ? frame->runtime : 0;
	if (strtab_add(d->text, db_text(s, 5), &node.cut) < 0 ||
	    (name == NONE &&
	        raw_name(d, module, (uint64_t)db_int(s, 3), &name) < 0) ||
	    find_rows(d, &node, name, module, frame) < 0)
		return -1;
	return profile_tree_add(d->tree, &node, &n);
}

static int
add_thread(struct profile_data *d, int64_t id, uint32_t *t)
{
	if (array_room(&d->thread, d->nthread, &d->thread_room,
	        sizeof *d->thread) < 0 ||
	    idmap_put(&d->ids->thread_map, (uint64_t)id, (uint32_t)d->nthread) < 0)
		return -1;
	*t = (uint32_t)d->nthread++;
	d->thread[*t] = (struct profile_thread){ .name = NONE, .ended = UINT64_MAX };
	return 0;
}

/* Add or update a thread.  Running threads are read again: they may be renamed. */
static int
on_thread(struct profile_data *d, struct db_stmt *s)
{
	uint32_t t = idmap_get(&d->ids->thread_map, (uint64_t)db_int(s, 0));

	if (t == NONE && add_thread(d, db_int(s, 0), &t) < 0)
		return -1;
	d->thread[t].pid = (uint64_t)db_int(s, 1);
	d->thread[t].tid = (uint64_t)db_int(s, 2);
	d->thread[t].began = unsigned_time(db_int(s, 4));
	d->thread[t].ended = db_is_null(s, 5) ? UINT64_MAX : unsigned_time(db_int(s, 5));
	extend_to(d, d->thread[t].began);
	return strtab_add(d->text, db_text(s, 3), &d->thread[t].name);
}

/* ---- events ------------------------------------------------------------ */

/* Find or add the node that stands for a reason why a sample has no stack. */
static int
reason_node(struct profile_data *d, const char *reason, uint32_t *n)
{
	struct profile_node node = { 0 };
	uint32_t text;
	char *name;
	int r;

	if (strtab_add(d->text, reason, &node.cut) < 0)
		return -1;
	if ((*n = idmap_get(&d->ids->reason_map, node.cut)) != NONE)
		return 0;
	if (asprintf(&name, "[%s]", reason) < 0)
		return -1;
	r = strtab_add(d->text, name, &text);
	free(name);
	if (r < 0 || find_rows(d, &node, text, NONE, NULL) < 0 ||
	    profile_tree_add(d->tree, &node, n) < 0)
		return -1;
	if (strcmp(reason, "probes") == 0)
		d->probes_node = *n;
	return idmap_put(&d->ids->reason_map, node.cut, *n);
}

static int
find_node(struct profile_data *d, struct db_stmt *s, uint32_t *n)
{
	const char *reason = db_text(s, 5);
	int64_t id = db_int(s, 3);

	if (id && (*n = profile_tree_find(d->tree, id)) != NONE)
		return 0;
	return reason_node(d, id == 0 && reason ? reason : "damaged", n);
}

/* Find the thread of a sample; unknown threads share one with id 0. */
static int
find_thread(struct profile_data *d, struct db_stmt *s, uint32_t *t)
{
	*t = idmap_get(&d->ids->thread_map, (uint64_t)db_int(s, 2));
	if (*t == NONE)
		*t = idmap_get(&d->ids->thread_map, 0);
	return *t == NONE ? add_thread(d, 0, t) : 0;
}

/* Add an amount to a column of the sample's node, and of its thread and the whole or, if
 * it is of probes, of these.  An amount of 0 reserves memory, so that the next call
 * cannot fail. */
static int
count(struct profile_data *d, const struct profile_sample *sample,
    size_t column, uint64_t amount)
{
	if (sample->node == d->probes_node) {
		d->probes[column] += amount;
	} else {
		d->column[column] += amount;
		d->thread[sample->thread].column[column] += amount;
	}
	return profile_tree_count(d->tree, column, sample->node, amount);
}

static int
counts(const struct profile_data *d, const struct profile_sample *s)
{
	const struct profile_select *want = &d->select;

	return s->time >= want->from && (s->time < want->to || want->to == UINT64_MAX) &&
	    (want->thread == PROFILE_ALL || s->thread == want->thread);
}

static void
count_sample(struct profile_data *d, const struct profile_sample *s, uint64_t waits)
{
	if (!counts(d, s))
		return;
	count(d, s, s->state, s->ns);
	if (s->state == PROFILE_ON) {
		d->tree->node[s->node].samples++;
		d->ncpu += s->node != d->probes_node;
	} else if (waits) {
		count(d, s, PROFILE_WAITS, waits);
	}
}

/* Add a sample.  Rows of cpu and off have the same columns in the same order, as far as
 * both have them. */
static int
add_sample(struct profile_data *d, struct db_stmt *s,
    struct profile_sample *sample, uint64_t waits)
{
	uint32_t thread;

	if (find_node(d, s, &sample->node) < 0 ||
	    find_thread(d, s, &thread) < 0 ||
	    array_room(&d->sample, d->nsample, &d->sample_room,
	        sizeof *d->sample) < 0)
		return -1;
	sample->thread = thread;
	if (count(d, sample, sample->state, 0) < 0 ||
	    (waits && count(d, sample, PROFILE_WAITS, 0) < 0))
		return -1;
	count_sample(d, sample, waits);
	d->sample[d->nsample++] = *sample;
	return 0;
}

/* Add a sample to the history.  Times that no real recording reaches are ignored. */
static int
count_history(struct profile_data *d, const struct profile_sample *s)
{
	uint64_t i = s->time / PROFILE_HISTORY_STEP;

	if (i >= HISTORY_MAX)
		return 0;
	for (; d->nhistory <= i; d->nhistory++) {
		if (array_room(&d->history, d->nhistory, &d->history_room,
		        sizeof *d->history) < 0)
			return -1;
		d->history[d->nhistory] = 0;
	}
	d->history[i] += s->ns;
	return 0;
}

static int
on_cpu(struct profile_data *d, struct db_stmt *s)
{
	struct profile_sample sample = { .time = unsigned_time(db_int(s, 1)),
		.ns = unsigned_time(db_int(s, 4)), .state = PROFILE_ON };

	extend_to(d, sample.time);
	if (!in_range(d, sample.time))
		return 0;
	return count_history(d, &sample) < 0 ? -1 : add_sample(d, s, &sample, 0);
}

static void
clear_counts(struct profile_data *d)
{
	memset(d->column, 0, sizeof d->column);
	memset(d->probes, 0, sizeof d->probes);
	d->ncpu = 0;
	for (size_t i = 0; i < d->nthread; i++)
		memset(d->thread[i].column, 0, sizeof d->thread[i].column);
	for (size_t i = 0; i < d->tree->n; i++)
		d->tree->node[i].samples = 0;
	for (size_t i = 0; i < PROFILE_COLUMNS; i++)
		profile_tree_clear(d->tree, i);
}

void
profile_data_select(struct profile_data *d, const struct profile_select *select)
{
	size_t off = 0;

	d->select = *select;
	clear_counts(d);
	for (size_t i = 0; i < d->nsample; i++)
		count_sample(d, &d->sample[i],
		    d->sample[i].state == PROFILE_ON ? 0 : d->waits[off++]);
}

/* Returns the state with a name; unknown names count as sleeping. */
static enum profile_state
find_state(const char *name)
{
	enum profile_state state = PROFILE_READY;

	while (name && state < PROFILE_NSTATES &&
	    strcmp(name, profile_state_name(state)))
		state++;
	return name && state < PROFILE_NSTATES ? state : PROFILE_SLEEPING;
}

static int
on_off(struct profile_data *d, struct db_stmt *s)
{
	struct profile_sample sample = { .time = unsigned_time(db_int(s, 1)),
		.ns = unsigned_time(db_int(s, 4)) };
	enum profile_state state = find_state(db_text(s, 7));
	uint64_t waits = 0;

	extend_to(d, sample.time);
	if (!in_range(d, sample.time))
		return 0;
	sample.state = state;
	if (state != PROFILE_READY)
		waits = unsigned_time(db_int(s, 6));
	if (array_room(&d->waits, d->noff, &d->waits_room, sizeof *d->waits) < 0 ||
	    add_sample(d, s, &sample, waits) < 0)
		return -1;
	d->waits[d->noff] = waits < UINT32_MAX ? (uint32_t)waits : UINT32_MAX;
	if (sample.time > d->off_last)
		d->off_last = sample.time;
	d->noff++;
	return 0;
}

static int
on_lost(struct profile_data *d, struct db_stmt *s)
{
	struct profile_loss loss = { .count = unsigned_time(db_int(s, 3)) };
	uint64_t time = unsigned_time(db_int(s, 1));
	size_t i;

	extend_to(d, time);
	if (!in_range(d, time))
		return 0;
	if (strtab_add(d->text, db_text(s, 2), &loss.producer) < 0 ||
	    strtab_add(d->text, db_text(s, 4), &loss.reason) < 0 ||
	    array_room(&d->loss, d->nloss, &d->loss_room, sizeof *d->loss) < 0)
		return -1;
	d->lost += loss.count;
	for (i = 0; i < d->nloss; i++)
		if (d->loss[i].producer == loss.producer &&
		    d->loss[i].reason == loss.reason) {
			d->loss[i].count += loss.count;
			return 0;
		}
	d->loss[d->nloss++] = loss;
	return 0;
}

static int
on_cost(struct profile_data *d, struct db_stmt *s)
{
	struct profile_cost cost = { .time = unsigned_time(db_int(s, 1)),
		.ns = unsigned_time(db_int(s, 3)),
		.bytes = unsigned_time(db_int(s, 4)) };

	extend_to(d, cost.time);
	if (strtab_add(d->text, db_text(s, 2), &cost.producer) < 0)
		return -1;
	return profile_runs_cost(d->runs, &cost, in_range(d, cost.time));
}

static int
on_note(struct profile_data *d, struct db_stmt *s)
{
	uint64_t time = unsigned_time(db_int(s, 1));
	uint32_t n;

	extend_to(d, time);
	return in_range(d, time) ? strtab_add(d->notes, db_text(s, 2), &n) : 0;
}

/* ---- reading ----------------------------------------------------------- */

/* The tables, each after those it refers to.  The first column of a query only ever
 * grows; tables whose rows may still change, such as threads, are read again. */
static const struct source {
	const char *sql;
	const char *types; /* of ?1, the last row read, and ?2, a recent time */
	int (*on_row)(struct profile_data *d, struct db_stmt *s);
	int schema; /* first schema with the table; 0: all */
} source[NTABLES] = {
	[T_STREAM] = { "SELECT id, producer, began, ended, attributes FROM stream",
	    "", on_stream, 0 },
	[T_FRAME] = { "SELECT frame.id, fn.text, fi.text, line FROM frame "
	              "LEFT JOIN string fn ON fn.id = function "
	              "LEFT JOIN string fi ON fi.id = file WHERE frame.id > ?1",
	    "i", on_frame, 0 },
	[T_ORIGIN] = { "SELECT frame, crate.text, version.text, folded.text FROM origin "
	               "LEFT JOIN string crate ON crate.id = crate "
	               "LEFT JOIN string version ON version.id = version "
	               "LEFT JOIN string folded ON folded.id = folded WHERE frame > ?1",
	    "i", on_origin, 4 },
	[T_CLASS] = { "SELECT frame, class FROM class WHERE frame > ?1", "i", on_category, 3 },
	[T_MODULE] = { "SELECT id, path FROM module WHERE id > ?1", "i", on_module, 0 },
	[T_STACK] = { "SELECT id, parent, module, offset, frame, cut FROM stack "
	              "WHERE id > ?1",
	    "i", on_stack, 0 },
	[T_THREAD] = { "SELECT thread.id, pid, tid, thread.name, thread.began, "
	               "thread.ended "
	               "FROM thread LEFT JOIN process ON process.id = process "
	               "WHERE thread.id > ?1 OR thread.ended IS NULL OR thread.ended > ?2",
	    "ii", on_thread, 0 },
	[T_CPU] = { "SELECT rowid, time, thread, stack, ns, cut FROM cpu "
	            "WHERE rowid > ?1",
	    "i", on_cpu, 0 },
	[T_OFF] = { "SELECT rowid, time, thread, stack, ns, cut, count, state "
	            "FROM off WHERE rowid > ?1",
	    "i", on_off, 2 },
	[T_LOST] = { "SELECT rowid, time, producer, count, reason FROM lost "
	             "WHERE rowid > ?1",
	    "i", on_lost, 0 },
	[T_COST] = { "SELECT rowid, time, producer, ns, bytes FROM cost "
	             "WHERE rowid > ?1",
	    "i", on_cost, 0 },
	[T_NOTE] = { "SELECT rowid, time, text FROM note WHERE rowid > ?1",
	    "i", on_note, 0 },
};

static int
read_rows(struct profile_data *d, struct db *db, enum table t,
    struct db_stmt *s)
{
	int r;

	while ((r = db_step(s)) == 1) {
		if (source[t].on_row(d, s) < 0)
			return db_no_memory(db);
		if (db_int(s, 0) > d->ids->seen[t])
			d->ids->seen[t] = db_int(s, 0);
	}
	return r;
}

static int
read_table(struct profile_data *d, struct db *db, enum table t,
    int64_t recent)
{
	struct db_stmt *s = db_prepare(db, source[t].sql);
	int r = -1;

	if (s && db_start(s, source[t].types, d->ids->seen[t], recent) == 0)
		r = read_rows(d, db, t, s);
	db_finalize(s);
	return r;
}

static int
read_tables(struct profile_data *d, struct db *db)
{
	int64_t recent = (int64_t)d->last - LATE, schema = db_schema(db);
	enum table t;

	if (schema < 0)
		return -1;
	for (t = 0; t < NTABLES; t++)
		if (source[t].schema <= schema &&
		    read_table(d, db, t, recent) < 0)
			return -1;
	return 0;
}

static int
link_nodes(struct profile_data *d, struct db *db)
{
	uint32_t damaged;

	if (strtab_add(d->text, "damaged", &damaged) < 0)
		return db_no_memory(db);
	profile_tree_link(d->tree, damaged);
	return 0;
}

int
profile_data_read(struct profile_data *d, struct db *db)
{
	/* read all tables as of one moment */
	if (db_exec(db, "BEGIN") < 0)
		return -1;
	if (read_tables(d, db) < 0 || link_nodes(d, db) < 0) {
		db_undo(db);
		return -1;
	}
	return db_exec(db, "COMMIT");
}

/* ---- new and free ------------------------------------------------------ */

static int
allocate(struct profile_data *d)
{
	size_t i;

	for (i = 0; i < PROFILE_ROWS; i++)
		if ((d->rows[i] = profile_rows_new()) == NULL)
			return -1;
	d->text = calloc(1, sizeof *d->text);
	d->notes = calloc(1, sizeof *d->notes);
	d->tree = profile_tree_new();
	d->runs = profile_runs_new();
	d->ids = calloc(1, sizeof *d->ids);
	return d->text && d->notes && d->tree && d->runs && d->ids ? 0 : -1;
}

struct profile_data *
profile_data_new(uint64_t since, uint64_t until)
{
	struct profile_data *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->since = since;
	d->until = until;
	d->select = (struct profile_select){ 0, UINT64_MAX, PROFILE_ALL };
	d->off_least = UINT64_MAX;
	d->probes_node = NONE;
	if (allocate(d) == 0)
		return d;
	profile_data_free(d);
	return NULL;
}

static void
free_ids(struct profile_ids *ids)
{
	if (ids == NULL)
		return;
	idmap_clear(&ids->frame_map);
	idmap_clear(&ids->module_map);
	idmap_clear(&ids->thread_map);
	idmap_clear(&ids->reason_map);
	free(ids->frame);
	free(ids);
}

static void
free_texts(struct strtab *t)
{
	if (t)
		strtab_clear(t);
	free(t);
}

void
profile_data_free(struct profile_data *d)
{
	size_t i;

	if (d == NULL)
		return;
	for (i = 0; i < PROFILE_ROWS; i++)
		profile_rows_free(d->rows[i]);
	profile_tree_free(d->tree);
	profile_runs_free(d->runs);
	free_texts(d->text);
	free_texts(d->notes);
	free_ids(d->ids);
	free(d->thread);
	free(d->sample);
	free(d->history);
	free(d->waits);
	free(d->loss);
	free(d);
}
