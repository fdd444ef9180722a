#include "profile/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "profile/calltree.h"
#include "profile/profile.h"
#include "record/db.h"

/*
 * Rows come from the readers in no order; they are sorted by what a list is about, and the
 * first of them are kept.  Names belong to the readers, which stay open.
 */

#define BUCKETS 16 /* of the time, to see growth */

/* ---- lists ------------------------------------------------------------- */

static int
by_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int
by_self(const void *x, const void *y)
{
	const struct profile_row *a = x, *b = y;
	int c;

	if (a->self != b->self)
		return a->self > b->self ? -1 : 1;
	if (a->total != b->total)
		return a->total > b->total ? -1 : 1;
	if ((c = by_text(a->name, b->name)) || (c = by_text(a->file, b->file)))
		return c;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Order by what is not the list's own column. */
static int
by_rest(const struct inuse_row *a, const struct inuse_row *b)
{
	int c;

	if (a->self.bytes != b->self.bytes)
		return a->self.bytes > b->self.bytes ? -1 : 1;
	if ((c = by_text(a->name, b->name)) || (c = by_text(a->file, b->file)))
		return c;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int
by_live(const void *x, const void *y)
{
	const struct inuse_row *a = x, *b = y;

	if (a->self.live != b->self.live)
		return a->self.live > b->self.live ? -1 : 1;
	return by_rest(a, b);
}

static int
by_bytes(const void *x, const void *y)
{
	return by_rest(x, y);
}

/* Returns whether a row stands for time or memory without a function, such as [no-stack]. */
static int
is_aside(const char *name, const char *module)
{
	return name && *name == '[' && module == NULL;
}

/* ---- time -------------------------------------------------------------- */

/* Set the heaviest stack in which a row is the innermost. */
static void
find_stack(const struct calltree *tree, uint32_t row,
    const char *(*name)(const void *reader, uint32_t row), const void *reader,
    struct digest_stack *s)
{
	uint32_t best = CALLTREE_NONE;

	for (uint32_t i = 0; i < tree->n; i++)
		if (tree->node[i].row == row && tree->node[i].self &&
		    (best == CALLTREE_NONE || tree->node[i].self > tree->node[best].self ||
		        (tree->node[i].self == tree->node[best].self &&
		            tree->node[i].key < tree->node[best].key)))
			best = i;
	if (best == CALLTREE_NONE)
		return;
	s->value = tree->node[best].self;
	while (s->n < DIGEST_CALLERS && (best = tree->node[best].parent) != CALLTREE_NONE)
		s->caller[s->n++] = name(reader, tree->node[best].row);
}

static const char *
time_name(const void *reader, uint32_t row)
{
	const char *module;

	return profile_function(reader, PROFILE_FUNCTION, row, &module);
}

/* Copy the first rows with self time: those of functions, and those that are aside. */
static void
take_time(struct digest *d, const struct profile_row *row, size_t n,
    const struct calltree *tree, struct digest_time *list, size_t *len)
{
	for (size_t i = 0; i < n && row[i].self; i++) {
		int aside = is_aside(row[i].name, row[i].module);
		struct digest_time *to = aside ? &d->aside[d->naside] : &list[*len];

		if ((aside ? d->naside : *len) == DIGEST_ROWS || (aside && list != d->hot))
			continue;
		*to = (struct digest_time){ .name = row[i].name, .file = row[i].file,
			.module = row[i].module, .line = row[i].line, .self = row[i].self,
			.total = row[i].total };
		if (!aside)
			find_stack(tree, row[i].id, time_name, d->time, &to->stack);
		*(aside ? &d->naside : len) += 1;
	}
}

/* Read the hottest rows of a metric. */
static int
read_rows(struct digest *d, enum profile_metric metric, struct digest_time *list, size_t *len)
{
	struct calltree_stacks stacks = { 0 };
	struct profile_row *sorted = NULL;
	const struct profile_row *row;
	struct calltree tree = { 0 };
	size_t n;
	int r;

	if (profile_measure(d->time, metric) < 0 ||
	    profile_stacks(d->time, PROFILE_FUNCTION, &stacks) < 0)
		return -1;
	row = profile_rows(d->time, &n);
	r = calltree_down(&tree, &stacks);
	if (r == 0 && (sorted = calloc(n + 1, sizeof *sorted)) == NULL)
		r = -1;
	if (r == 0) {
		if (n)
			memcpy(sorted, row, n * sizeof *sorted);
		qsort(sorted, n, sizeof *sorted, by_self);
		take_time(d, sorted, n, &tree, list, len);
	}
	free(sorted);
	calltree_free(&tree);
	calltree_stacks_free(&stacks);
	return r;
}

static int
read_time(struct digest *d, uint64_t since, uint64_t until)
{
	const struct profile_summary *s;

	d->time = profile_open(d->db, PROFILE_CPU, PROFILE_FUNCTION, since, until, 0);
	if (d->time == NULL)
		return -1;
	if (profile_collapse(d->time, 1) < 0)
		return db_no_memory(d->db);
	s = profile_summary(d->time);
	for (int i = PROFILE_READY; i < PROFILE_NSTATES; i++)
		d->off_ns += s->in[i];
	d->waited = s->waits;
	if (d->off_ns && read_rows(d, PROFILE_OFF, d->waits, &d->nwaits) < 0)
		return db_no_memory(d->db);
	if (read_rows(d, PROFILE_CPU, d->hot, &d->nhot) < 0)
		return db_no_memory(d->db);
	return 0;
}

/* ---- memory ------------------------------------------------------------ */

static const char *
memory_name(const void *reader, uint32_t row)
{
	const char *module;

	return inuse_function(reader, row, &module);
}

/* Set by how much a row has grown since the first quarter. */
static void
set_grown(const uint64_t *series, struct digest_memory *to, unsigned id)
{
	uint64_t before = series[id * BUCKETS + BUCKETS / 4 - 1];
	uint64_t after = series[id * BUCKETS + BUCKETS - 1];

	to->grown_known = before != INUSE_UNKNOWN && after != INUSE_UNKNOWN;
	if (to->grown_known)
		to->grown = (int64_t)(after - before);
}

/* Copy the first rows of functions of which `any` is more than nothing. */
static size_t
take_memory(const struct digest *d, const struct inuse_row *row, size_t n, int live,
    const uint64_t *series, const struct calltree *tree, struct digest_memory *list)
{
	size_t len = 0;

	for (size_t i = 0; i < n && len < DIGEST_ROWS; i++) {
		struct digest_memory *to = &list[len];

		if ((live ? row[i].self.live : row[i].self.bytes) == 0 ||
		    is_aside(row[i].name, row[i].module))
			continue;
		*to = (struct digest_memory){ .name = row[i].name, .file = row[i].file,
			.module = row[i].module, .line = row[i].line, .self = row[i].self };
		set_grown(series, to, row[i].id);
		find_stack(tree, row[i].id, memory_name, d->memory, &to->stack);
		len++;
	}
	return len;
}

/* Fill both lists of memory. */
static int
list_memory(struct digest *d, const uint64_t *series, const struct calltree *tree)
{
	struct inuse_row *sorted, *row;
	size_t n;

	row = inuse_rows(d->memory, &n);
	if ((sorted = calloc(n + 1, sizeof *sorted)) == NULL)
		return -1;
	if (n)
		memcpy(sorted, row, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_live);
	d->nholds = take_memory(d, sorted, n, 1, series, tree, d->holds);
	qsort(sorted, n, sizeof *sorted, by_bytes);
	d->nallocates = take_memory(d, sorted, n, 0, series, tree, d->allocates);
	free(sorted);
	return 0;
}

static int
read_lists(struct digest *d)
{
	const struct inuse_summary *s = inuse_summary(d->memory);
	uint64_t width = s->last > s->first ? (s->last - s->first) / BUCKETS + 1 : 1;
	uint64_t *series = calloc(inuse_ids(d->memory) + 1, BUCKETS * sizeof *series);
	struct calltree_stacks stacks = { 0 };
	struct calltree tree = { 0 };
	int r = series ? 0 : -1;

	if (r == 0)
		r = inuse_series_all(d->memory, s->first, width, series, BUCKETS);
	if (r == 0 && (r = inuse_stacks(d->memory, 1, &stacks)) == 0)
		r = calltree_down(&tree, &stacks);
	if (r == 0)
		r = list_memory(d, series, &tree);
	calltree_free(&tree);
	calltree_stacks_free(&stacks);
	free(series);
	return r;
}

static int
read_memory(struct digest *d, uint64_t since, uint64_t until)
{
	const struct inuse_options o = { .group = PROFILE_FUNCTION, .since = since,
		.until = until, .collapse = 1 };

	if ((d->memory = inuse_open(d->db, &o)) == NULL)
		return -1;
	if (!inuse_any(d->memory)) {
		inuse_close(d->memory);
		d->memory = NULL;
		return 0;
	}
	return read_lists(d) < 0 ? db_no_memory(d->db) : 0;
}

/* ---- both -------------------------------------------------------------- */

/* Returns whether a producer of time wrote into the recording. */
static int
has_time(struct db *db)
{
	struct db_stmt *s = db_prepare(db, "SELECT 1 FROM stream WHERE producer = 'cpu'"
	    " UNION ALL SELECT 1 FROM cpu LIMIT 1");
	int has = s && db_start(s, "") == 0 && db_step(s) == 1;

	db_finalize(s);
	return has;
}

struct digest *
digest_open(struct db *db, const char *path, uint64_t since, uint64_t until)
{
	struct digest *d = calloc(1, sizeof *d);

	if (d == NULL) {
		db_no_memory(db);
		return NULL;
	}
	d->path = path;
	d->db = db;
	if ((has_time(db) && read_time(d, since, until) < 0) || read_memory(d, since, until) < 0) {
		digest_close(d);
		return NULL;
	}
	return d;
}

void
digest_close(struct digest *d)
{
	if (d == NULL)
		return;
	profile_close(d->time);
	if (d->memory)
		inuse_close(d->memory);
	free(d);
}

int
digest_has_grown(const struct digest *d)
{
	for (size_t i = 0; i < d->nholds; i++)
		if (d->holds[i].grown_known && d->holds[i].grown > 0)
			return 1;
	return 0;
}
