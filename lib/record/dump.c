#include "record/dump.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/db.h"
#include "record/dump_defs.h"
#include "record/dump_out.h"
#include "record/dump_tasks.h"
#include "stream/rec.h"

/*
 * The tables of a recording are merged by time, each in the order of its rows: each is a source,
 * and the one whose next record is the oldest writes it.  A table is a row of tables[], and a
 * column of it a row of a list; the query and the record are made from these.
 */

/* ---- tables ------------------------------------------------------------- */

enum kind {
	C_END,
	C_TIME,
	C_NUM,    /* a change since the last record */
	C_STATE,  /* a value at the time of the record */
	C_TEXT,
	C_WORD,   /* a text that a record must have */
	C_PROCESS,
	C_THREAD, /* sets the process, too: in every record it stands before the thread */
	C_MODULE,
	C_STACK,
	C_CUT,    /* why there is no stack: after C_STACK, of the same reference */
	C_BUCKETS /* a histogram of changes */
};

struct column {
	enum kind kind;
	const char *name;
	size_t offset; /* in struct rec */
	int version;   /* of the schema that added it; 0: with its table */
};

#define COLUMN(kind, record, name) { kind, #name, offsetof(struct rec, record.name), 0 }
#define AT(kind, name, record, member) { kind, name, offsetof(struct rec, record.member), 0 }

#define RANGE(kind, record, name) { kind, \
	"(SELECT " #name " FROM " #record "_range r WHERE r." #record " = " #record ".rowid)", \
	offsetof(struct rec, record.name), 5 }

static const struct column map_columns[] = {
	COLUMN(C_TIME, map, time), AT(C_PROCESS, "process", map, pid),
	AT(C_NUM, "\"start\"", map, start), AT(C_NUM, "\"end\"", map, end),
	COLUMN(C_NUM, map, offset), COLUMN(C_MODULE, map, module), { 0 }
};
static const struct column probe_columns[] = {
	COLUMN(C_TIME, probe, time), AT(C_PROCESS, "process", probe, pid),
	COLUMN(C_WORD, probe, layer), COLUMN(C_TEXT, probe, function),
	COLUMN(C_MODULE, probe, module), COLUMN(C_NUM, probe, offset),
	COLUMN(C_WORD, probe, how), { 0 }
};
static const struct column cpu_columns[] = {
	COLUMN(C_TIME, cpu, time), AT(C_THREAD, "thread", cpu, pid),
	COLUMN(C_STACK, cpu, stack), AT(C_CUT, "cut", cpu, stack),
	COLUMN(C_NUM, cpu, ns), { 0 }
};
static const struct column off_columns[] = {
	COLUMN(C_TIME, off, time), AT(C_THREAD, "thread", off, pid),
	COLUMN(C_STACK, off, stack), AT(C_CUT, "cut", off, stack), COLUMN(C_NUM, off, ns),
	COLUMN(C_NUM, off, count), COLUMN(C_WORD, off, state), { 0 }
};
static const struct column heap_columns[] = {
	COLUMN(C_TIME, heap, time), AT(C_THREAD, "thread", heap, pid),
	COLUMN(C_STACK, heap, stack), AT(C_CUT, "cut", heap, stack),
	COLUMN(C_NUM, heap, allocs), COLUMN(C_NUM, heap, bytes), COLUMN(C_NUM, heap, frees),
	COLUMN(C_NUM, heap, freed), COLUMN(C_NUM, heap, temps), COLUMN(C_NUM, heap, inplace),
	COLUMN(C_NUM, heap, moved), COLUMN(C_NUM, heap, copied), COLUMN(C_NUM, heap, samples),
	COLUMN(C_BUCKETS, heap, sizes), COLUMN(C_BUCKETS, heap, lives),
	COLUMN(C_STATE, heap, live), COLUMN(C_STATE, heap, count), COLUMN(C_STATE, heap, peak),
	RANGE(C_NUM, heap, bytes_err), RANGE(C_STATE, heap, live_err),
	RANGE(C_STATE, heap, live_min), RANGE(C_STATE, heap, live_max),
	RANGE(C_NUM, heap, bytes_min), RANGE(C_NUM, heap, bytes_max), { 0 }
};
static const struct column age_columns[] = {
	COLUMN(C_TIME, age, time), AT(C_THREAD, "thread", age, pid),
	COLUMN(C_STACK, age, stack), AT(C_CUT, "cut", age, stack), COLUMN(C_TIME, age, born),
	COLUMN(C_NUM, age, bytes), COLUMN(C_NUM, age, count), { 0 }
};
static const struct column memory_columns[] = {
	COLUMN(C_TIME, memory, time), AT(C_PROCESS, "process", memory, pid),
	COLUMN(C_STATE, memory, live), COLUMN(C_STATE, memory, count),
	COLUMN(C_STATE, memory, peak), COLUMN(C_STATE, memory, rss),
	COLUMN(C_STATE, memory, anon), COLUMN(C_NUM, memory, allocs),
	COLUMN(C_NUM, memory, bytes), COLUMN(C_NUM, memory, frees),
	COLUMN(C_NUM, memory, freed), COLUMN(C_NUM, memory, unknown),
	COLUMN(C_NUM, memory, covered), COLUMN(C_NUM, memory, hits),
	COLUMN(C_NUM, memory, cost),
	RANGE(C_NUM, memory, bytes_err), RANGE(C_STATE, memory, live_err),
	RANGE(C_STATE, memory, live_min), RANGE(C_STATE, memory, live_max),
	RANGE(C_NUM, memory, bytes_min), RANGE(C_NUM, memory, bytes_max),
	RANGE(C_STATE, memory, inuse), RANGE(C_STATE, memory, period), { 0 }
};
static const struct column lost_columns[] = {
	COLUMN(C_TIME, lost, time), COLUMN(C_WORD, lost, producer), COLUMN(C_NUM, lost, count),
	COLUMN(C_WORD, lost, reason), { 0 }
};
static const struct column cost_columns[] = {
	COLUMN(C_TIME, cost, time), COLUMN(C_WORD, cost, producer), COLUMN(C_NUM, cost, ns),
	COLUMN(C_NUM, cost, bytes), { 0 }
};
static const struct column note_columns[] = {
	COLUMN(C_TIME, note, time), COLUMN(C_WORD, note, producer), COLUMN(C_TEXT, note, text),
	{ 0 }
};

/* In the order of records of the same time. */
static const struct table {
	const char *name;
	enum rec_type type;
	int version;      /* of the schema that added it */
	int early;        /* what is older than a range is part of it */
	int whole;        /* it is of all threads of a process together */
	const char *site; /* what a state is of; NULL: it has none */
	const struct column *column;
} tables[] = {
	{ "map", REC_MAP, 1, 1, 0, NULL, map_columns },
	{ "note", REC_NOTE, 1, 1, 0, NULL, note_columns },
	{ "probe", REC_PROBE, 3, 1, 0, NULL, probe_columns },
	{ "heap", REC_HEAP, 3, 0, 0, "thread, stack, cut", heap_columns },
	{ "memory", REC_MEMORY, 3, 0, 1, "process", memory_columns },
	{ "cpu", REC_CPU, 1, 0, 0, NULL, cpu_columns },
	{ "off", REC_OFF, 2, 0, 0, NULL, off_columns },
	{ "age", REC_AGE, 3, 0, 0, NULL, age_columns },
	{ "lost", REC_LOST, 1, 0, 0, NULL, lost_columns },
	{ "cost", REC_COST, 1, 0, 0, NULL, cost_columns },
};
#define NTABLES (sizeof tables / sizeof *tables)

/* ---- sources ------------------------------------------------------------ */

struct dump;

struct source {
	struct db_stmt *st;        /* NULL: of the tasks */
	const struct table *table; /* NULL: of the streams, or the tasks */
	int (*put)(struct dump *d, struct source *s); /* writes the next record */
	int at_start;              /* it is the state where the range begins */
	int more;                  /* there is a next record, */
	int64_t time;              /* of this time */
};

#define NSOURCES (2 * NTABLES + 3)

struct dump {
	struct db *db;
	const struct dump_options *o;
	int64_t version;
	struct dump_out out;
	struct dump_defs *defs;
	struct dump_tasks *tasks;
	struct source source[NSOURCES];
	size_t n;
	int has_rest; /* definitions without references have been written, or are not wanted */
};

/* Go to the next record of a source. */
static int
advance(struct dump *d, struct source *s)
{
	int e;

	if (s->st == NULL) {
		s->more = dump_tasks_next(d->tasks, &s->time);
		return 0;
	}
	if ((e = db_step(s->st)) < 0)
		return -1;
	s->more = e;
	if (e)
		s->time = db_int(s->st, 0);
	return 0;
}

/* ---- records of tables -------------------------------------------------- */

/* Parse a histogram as a heap record has it.  Returns -1 if it is none. */
static int
read_buckets(const char *s, uint64_t *bucket)
{
	unsigned long at, n;
	int len;

	while (s && *s) {
		if (sscanf(s, "%lu:%lu%n", &at, &n, &len) < 2 || at >= REC_BUCKETS)
			return -1;
		bucket[at] = n;
		s += len;
		s += *s == ',';
	}
	return 0;
}

/* Read column i into *r.  *wanted becomes 0 if the record is of another process or thread, or no
 * record at all. */
static int
read_column(struct dump *d, const struct source *s, int i, struct rec *r, int *wanted)
{
	const struct column *c = &s->table->column[i];
	void *to = (char *)r + c->offset;
	uint64_t *n = to;
	const char **text = to;
	struct rec_ref *ref = to;
	int64_t value = db_int(s->st, i);

	switch (c->kind) {
	case C_TIME: *n = dump_time(&d->out, value); break;
	case C_STATE: *n = (uint64_t)value; break;
	case C_NUM: *n = s->at_start ? 0 : (uint64_t)value; break;
	case C_TEXT: *text = db_text(s->st, i); break;
	case C_WORD:
		if ((*text = db_text(s->st, i)) == NULL || **text == '\0') {
			d->out.damaged++;
			*wanted = 0;
		}
		break;
	case C_PROCESS: return dump_tasks_process(d->tasks, value, n, wanted);
	case C_THREAD: return dump_tasks_thread(d->tasks, value, n, n + 1, wanted);
	case C_MODULE: return dump_defs_module(d->defs, value, n);
	case C_STACK: return dump_defs_stack(d->defs, value, &ref->id);
	case C_CUT: ref->cut = ref->id ? NULL : db_text(s->st, i); break;
	case C_BUCKETS:
		if (!s->at_start && read_buckets(db_text(s->st, i), n) < 0)
			d->out.damaged++;
		break;
	case C_END: break;
	}
	return 0;
}

static int
put_row(struct dump *d, struct source *s)
{
	struct rec r;
	int e, wanted = 1;

	memset(&r, 0, sizeof r);
	r.type = s->table->type;
	for (int i = 0; s->table->column[i].kind != C_END; i++) {
		if ((e = read_column(d, s, i, &r, &wanted)))
			return e;
		if (!wanted)
			return 0;
	}
	return d->out.put(d->out.ctx, &r);
}

/* ---- records of streams ------------------------------------------------- */

/* Returns the attributes that say which part of a stream is in the dump, in buf. */
static const char *
range_attributes(struct dump *d, char buf[64])
{
	size_t n = 0;

	buf[0] = '\0';
	if (d->o->since)
		n = (size_t)snprintf(buf, 64, "\tfrom=%" PRIu64, dump_time(&d->out, d->o->since));
	if (d->o->until != INT64_MAX)
		snprintf(buf + n, 64 - n, "\tto=%" PRIu64, dump_time(&d->out, d->o->until));
	return buf;
}

/* Write the header of a stream: began, offset, producer, attributes.  From here on times are of
 * its clock. */
static int
put_header(struct dump *d, struct source *s)
{
	const char *producer = db_text(s->st, 2), *attributes = db_text(s->st, 3);
	char range[64], *line;
	struct rec r = { .type = REC_RSPROF };
	int len, e = 0;

	d->out.offset = db_int(s->st, 1);
	len = asprintf(&line, "rsprof\t1\t%s\t%s%s", producer ? producer : "-",
	    attributes ? attributes : "", range_attributes(d, range));
	if (len < 0)
		return db_no_memory(d->db);
	r.line = line;
	r.len = (size_t)len;
	if (producer == NULL || attributes == NULL || len >= REC_LINE_MAX || strchr(line, '\n'))
		d->out.damaged++;
	else
		e = d->out.put(d->out.ctx, &r);
	free(line);
	return e;
}

/* Write what nothing has referred to, unless only a part of the recording is wanted. */
static int
put_rest(struct dump *d)
{
	if (d->has_rest)
		return 0;
	d->has_rest = 1;
	return dump_defs_rest(d->defs);
}

/* Write the end of a stream: ended, producer, how. */
static int
put_end(struct dump *d, struct source *s)
{
	int64_t time = s->time < d->o->until ? s->time : d->o->until;
	struct rec r = { .type = REC_END };
	int e = put_rest(d);

	if (e)
		return e;
	r.end = (struct rec_end){ dump_time(&d->out, time), db_text(s->st, 1), db_text(s->st, 2) };
	if (r.end.producer == NULL || r.end.reason == NULL) {
		d->out.damaged++;
		return 0;
	}
	return d->out.put(d->out.ctx, &r);
}

static int
put_task(struct dump *d, struct source *s)
{
	(void)s;
	return dump_tasks_put(d->tasks);
}

/* ---- opening ------------------------------------------------------------ */

/* Add a source, of a query with the range's bounds ?1 and ?2, or of the tasks for NULL. */
static int
add_source(struct dump *d, const char *sql, const struct table *table,
    int (*put)(struct dump *d, struct source *s))
{
	struct source *s = &d->source[d->n++];

	*s = (struct source){ .table = table, .put = put };
	if (sql) {
		if ((s->st = db_prepare(d->db, sql)) == NULL ||
		    db_start(s->st, "ii", d->o->since, d->o->until) < 0)
			return -1;
	}
	return advance(d, s);
}

/* Write the query's columns into sql; `time` is the first one.  Returns their length. */
static size_t
list_columns(const struct dump *d, const struct table *t, const char *time, char *sql, size_t size)
{
	size_t n = (size_t)snprintf(sql, size, "SELECT %s", time);

	for (const struct column *c = t->column + 1; c->kind != C_END; c++)
		n += (size_t)snprintf(sql + n, size - n, ", %s",
		    c->version <= d->version ? c->name : "NULL");
	return n;
}

/* Add a table's state where the range begins: the last row of each site before it, since a producer
 * attached to a process again, if one did: it did not know what was live. */
static int
add_state(struct dump *d, const struct table *t)
{
	static const char again[] =
	    "WITH heaps AS (SELECT id, began, CAST(substr(attributes, instr(char(9) || attributes, "
	    "char(9) || 'pid=') + 4) AS INTEGER) AS pid FROM stream WHERE producer = 'heap') "
	    "SELECT max(s.began) FROM heaps s WHERE s.began <= ?1 "
	    "AND EXISTS (SELECT 1 FROM heaps o WHERE o.pid = s.pid AND o.id < s.id)";
	char sql[2048];
	size_t n = list_columns(d, t, "?1", sql, sizeof sql);

	snprintf(sql + n, sizeof sql - n,
	    " FROM %s WHERE rowid IN (SELECT max(rowid) FROM %s WHERE time < ?1 AND ?1 < ?2 "
	    "AND time >= coalesce((%s), 0) GROUP BY %s) AND live > 0 ORDER BY rowid",
	    t->name, t->name, again, t->site);
	if (add_source(d, sql, t, put_row) < 0)
		return -1;
	d->source[d->n - 1].at_start = 1;
	return 0;
}

static int
add_table(struct dump *d, const struct table *t)
{
	char sql[2048];
	size_t n;

	if (t->version > d->version || (t->whole && d->o->thread))
		return 0;
	if (t->site && d->o->since && add_state(d, t) < 0)
		return -1;
	n = list_columns(d, t, "time", sql, sizeof sql);
	snprintf(sql + n, sizeof sql - n,
	    " FROM %s WHERE %s AND (time < ?2 OR ?2 = %" PRId64 ") ORDER BY rowid", t->name,
	    t->early || d->o->since == 0 ? "?1 IS NOT NULL" : "time >= ?1", INT64_MAX);
	return add_source(d, sql, t, put_row);
}

/* Open all sources, in the order of records of the same time. */
static int
open_sources(struct dump *d)
{
	/* The header of the first stream is the first record, whatever its time. */
	static const char headers[] =
	    "SELECT CASE WHEN id = (SELECT min(id) FROM stream) THEN -9223372036854775808 "
	    "ELSE began END, offset, producer, attributes FROM stream WHERE ?1 < ?2 "
	    "AND (began < ?2 OR id = (SELECT min(id) FROM stream)) ORDER BY id";
	static const char ends[] =
	    "SELECT ended, producer, how FROM stream WHERE ?1 < ?2 AND began < ?2 "
	    "AND ended IS NOT NULL ORDER BY ended, id DESC";

	if (add_source(d, headers, NULL, put_header) < 0 ||
	    add_source(d, NULL, NULL, put_task) < 0)
		return -1;
	for (size_t i = 0; i < NTABLES; i++)
		if (add_table(d, &tables[i]) < 0)
			return -1;
	return add_source(d, ends, NULL, put_end);
}

/* ---- the dump ----------------------------------------------------------- */

/* Returns the source of the oldest record, or NULL after the last one. */
static struct source *
oldest(struct dump *d)
{
	struct source *best = NULL;

	for (struct source *s = d->source; s < d->source + d->n; s++)
		if (s->more && (best == NULL || s->time < best->time))
			best = s;
	return best;
}

static int
merge(struct dump *d)
{
	struct source *s;
	int e;

	while ((s = oldest(d)) != NULL) {
		/* What ends later than the range is still there at its end. */
		if (s->st == NULL && s->time >= d->o->until && d->o->until != INT64_MAX) {
			s->more = 0;
			continue;
		}
		if ((e = s->put(d, s)))
			return e;
		if (advance(d, s) < 0)
			return -1;
	}
	return put_rest(d);
}

static int
open_parts(struct dump *d)
{
	if ((d->version = db_schema(d->db)) < 0 ||
	    (d->defs = dump_defs_open(d->db, &d->out)) == NULL ||
	    (d->tasks = dump_tasks_open(d->db, &d->out, d->o->pid, d->o->thread)) == NULL)
		return -1;
	return open_sources(d);
}

int
dump_recording(struct db *db, const struct dump_options *o,
    int (*put)(void *ctx, const struct rec *r), void *ctx, unsigned long *damaged)
{
	struct dump d = { .db = db, .o = o, .out = { .put = put, .ctx = ctx } };
	int e;

	d.has_rest = o->since || o->until != INT64_MAX || o->pid || o->thread;
	/* Whoever writes goes on; this is the recording of one moment. */
	if (db_exec(db, "BEGIN") < 0)
		return -1;
	e = open_parts(&d);
	if (e == 0)
		e = merge(&d);
	for (size_t i = 0; i < d.n; i++)
		db_finalize(d.source[i].st);
	dump_tasks_close(d.tasks);
	dump_defs_close(d.defs);
	db_undo(db);
	*damaged = d.out.damaged;
	return e;
}
