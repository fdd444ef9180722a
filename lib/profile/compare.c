#include "profile/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "profile/figures.h"
#include "profile/inuse.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "record/db.h"

/*
 * A side keeps its readers open, to which names belong.  Rows of both sides are found by the
 * hash of their name.
 */

struct side {
	struct compare_of of;
	struct recording *of_time, *of_memory; /* memory before `since` counts, too */
	struct profile *time;
	struct inuse *memory;
	double weight; /* ns of a sample */
};

struct compare {
	struct side side[COMPARE_SIDES];
	struct compare_row *row;
	size_t n, room;
	struct idmap at;
};

/* ---- sides ------------------------------------------------------------- */

static int
open_side(struct side *s, const struct compare_of *of)
{
	const struct inuse_options o = { .group = PROFILE_FUNCTION,
		.select = { of->since, of->until, PROFILE_ALL }, .collapse = 1 };

	s->of = *of;
	if (figures_has_time(of->db)) {
		s->of_time = recording_open(of->db, RECORDING_TIME, of->since, of->until);
		if (s->of_time)
			s->time = profile_open(s->of_time, PROFILE_CPU, PROFILE_FUNCTION, 0);
		if (s->time == NULL)
			return -1;
		if (profile_collapse(s->time, 1) < 0)
			return db_no_memory(of->db);
		s->weight = figures_weight(of->db, of->since, of->until);
	}
	s->of_memory = recording_open(of->db, RECORDING_HEAP, 0, UINT64_MAX);
	if (s->of_memory == NULL || (s->memory = inuse_open(s->of_memory, &o)) == NULL)
		return -1;
	if (!inuse_any(s->memory)) {
		inuse_close(s->memory);
		s->memory = NULL;
	}
	return 0;
}

/* ---- rows -------------------------------------------------------------- */

static struct compare_row *
find(struct compare *c, const char *name)
{
	uint64_t key = hash_id(hash_str(HASH_INIT, name));
	uint32_t i = idmap_get(&c->at, key);

	if (i != IDMAP_NONE)
		return &c->row[i];
	if (array_room(&c->row, c->n, &c->room, sizeof *c->row) < 0 ||
	    idmap_put(&c->at, key, (uint32_t)c->n) < 0)
		return NULL;
	c->row[c->n] = (struct compare_row){ .name = name };
	return &c->row[c->n++];
}

static void
locate(struct compare_row *r, const char *file, uint64_t line, const char *module)
{
	if (r->file || r->module)
		return;
	r->file = file;
	r->line = line;
	r->module = module;
}

static int
add_time(struct compare *c, enum compare_side side)
{
	const struct profile_row *row;
	struct compare_row *to;
	size_t n;

	row = profile_rows(c->side[side].time, &n);
	for (; n--; row++) {
		if (row->special && strcmp(row->name, "[probes]") == 0)
			continue;
		if ((to = find(c, row->name ? row->name : "?")) == NULL)
			return -1;
		to->side[side].self += row->self;
		to->side[side].total += row->total;
		locate(to, row->file, row->line, row->module);
	}
	return 0;
}

static int
add_memory(struct compare *c, enum compare_side side)
{
	const struct inuse_row *row;
	struct compare_row *to;
	size_t n;

	row = inuse_rows(c->side[side].memory, &n);
	for (; n--; row++) {
		if (!inuse_has(&row->self))
			continue;
		if ((to = find(c, row->name ? row->name : "?")) == NULL)
			return -1;
		to->side[side].live += row->self.live;
		to->side[side].bytes += row->self.bytes;
		to->side[side].allocs += row->self.allocs;
		locate(to, row->file, row->line, row->module);
	}
	return 0;
}

/* Add the rows of both sides.  The new one comes first: its locations win. */
static int
add_rows(struct compare *c)
{
	for (int i = COMPARE_SIDES; i-- > 0;)
		if ((c->side[i].time && add_time(c, (enum compare_side)i) < 0) ||
		    (c->side[i].memory && add_memory(c, (enum compare_side)i) < 0))
			return db_no_memory(c->side[i].of.db);
	return 0;
}

/* Returns the share of the time that a row has on a side, and sets its bounds. */
static double
share(const struct compare *c, const struct compare_row *r, enum compare_side side,
    struct interval *bounds)
{
	const struct side *s = &c->side[side];
	double whole = (double)compare_ns(c, side);
	double weight = s->weight > 0 ? s->weight : 1, part = (double)r->side[side].self;

	*bounds = interval_share(part / weight, whole / weight);
	return whole > 0 ? part / whole : 0;
}

static void
set_change(const struct compare *c, struct compare_row *r)
{
	struct interval of_old, of_new;
	double old = share(c, r, COMPARE_OLD, &of_old), new = share(c, r, COMPARE_NEW, &of_new);

	r->change = old > 0 ? new / old : new > 0 ? INFINITY : 1;
	r->range = interval_ratio(new, &of_new, old, &of_old);
	r->sure = c->side[COMPARE_OLD].time && c->side[COMPARE_NEW].time &&
	    (r->range.least > 1 || r->range.most < 1);
}

/* ---- order ------------------------------------------------------------- */

static uint64_t
distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* A row as sorted, by two figures of which the first counts more. */
struct order {
	double first, second;
	const struct compare_row *row;
};

static int
by_order(const void *x, const void *y)
{
	const struct order *a = x, *b = y;
	int c;

	if (a->first != b->first)
		return a->first > b->first ? -1 : 1;
	if (a->second != b->second)
		return a->second > b->second ? -1 : 1;
	c = strcmp(a->row->name, b->row->name);
	return c ? c : a->row < b->row ? -1 : a->row > b->row;
}

/* Returns what a row is sorted by. */
static struct order
order_of(const struct compare *c, const struct compare_row *r, int memory)
{
	const struct compare_figures *old = &r->side[COMPARE_OLD], *new = &r->side[COMPARE_NEW];
	struct interval unused;

	if (memory)
		return (struct order){ (double)distance(old->live, new->live),
			(double)distance(old->bytes, new->bytes), r };
	return (struct order){ fabs(share(c, r, COMPARE_NEW, &unused) -
		                   share(c, r, COMPARE_OLD, &unused)),
		(double)distance(old->live, new->live), r };
}

const struct compare_row *
compare_rows(struct compare *c, int memory, size_t *n)
{
	struct order *o = calloc(c->n + 1, sizeof *o);
	struct compare_row *sorted = calloc(c->n + 1, sizeof *sorted);

	*n = c->n;
	if (o && sorted && c->n) {
		for (size_t i = 0; i < c->n; i++)
			o[i] = order_of(c, &c->row[i], memory);
		qsort(o, c->n, sizeof *o, by_order);
		for (size_t i = 0; i < c->n; i++)
			sorted[i] = *o[i].row;
		memcpy(c->row, sorted, c->n * sizeof *sorted);
	}
	free(o);
	free(sorted);
	return c->row;
}

/* ---- both -------------------------------------------------------------- */

struct compare *
compare_open(const struct compare_of of[COMPARE_SIDES], struct db **bad)
{
	struct compare *c = calloc(1, sizeof *c);
	int r = c ? 0 : db_no_memory(of[0].db);

	*bad = of[0].db;
	for (int i = 0; r == 0 && i < COMPARE_SIDES; i++) {
		*bad = of[i].db;
		r = open_side(&c->side[i], &of[i]);
	}
	if (r == 0)
		r = add_rows(c);
	if (r < 0) {
		compare_close(c);
		return NULL;
	}
	for (size_t i = 0; i < c->n; i++)
		set_change(c, &c->row[i]);
	return c;
}

void
compare_close(struct compare *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < COMPARE_SIDES; i++) {
		profile_close(c->side[i].time);
		inuse_close(c->side[i].memory);
		recording_close(c->side[i].of_time);
		recording_close(c->side[i].of_memory);
	}
	idmap_clear(&c->at);
	free(c->row);
	free(c);
}

const struct compare_of *
compare_of(const struct compare *c, enum compare_side side)
{
	return &c->side[side].of;
}

const struct profile_summary *
compare_time(const struct compare *c, enum compare_side side)
{
	return c->side[side].time ? profile_summary(c->side[side].time) : NULL;
}

uint64_t
compare_ns(const struct compare *c, enum compare_side side)
{
	const struct profile_summary *t = compare_time(c, side);

	return t ? t->ns - t->probes_ns : 0;
}

const struct inuse_summary *
compare_memory(const struct compare *c, enum compare_side side)
{
	return c->side[side].memory ? inuse_summary(c->side[side].memory) : NULL;
}
