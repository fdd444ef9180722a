#include "profile/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "profile/calltree.h"
#include "profile/figures.h"
#include "profile/order.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "record/db.h"

/*
 * Rows come from the readers in no order; they are sorted by what a list is about, and the
 * first of them are kept.  Names belong to the readers, which stay open.
 */

#define BUCKETS 16 /* of the time, to see growth */

/* ---- time -------------------------------------------------------------- */

/* Set the heaviest stack in which a row is the innermost.  Returns 0, or -1 if out of
 * memory. */
static int
find_stack(const struct calltree_stacks *stacks, uint32_t row, const struct recording *of,
    struct digest_stack *s)
{
	const char *module;
	uint32_t frame;

	if (calltree_heaviest(stacks, row, &frame, &s->value) < 0)
		return -1;
	while (frame != CALLTREE_NONE && s->n < DIGEST_CALLERS &&
	    (frame = calltree_caller(stacks, frame)) != CALLTREE_NONE)
		s->caller[s->n++] = recording_function(of, PROFILE_FUNCTION, stacks->row[frame],
		    &module);
	return 0;
}

/* Copy the first rows with self time: those of functions, and those that are aside.  Returns
 * 0, or -1 if out of memory. */
static int
take_time(struct digest *d, const struct profile_row *row, size_t n,
    const struct calltree_stacks *stacks, struct digest_time *list, size_t *len)
{
	for (size_t i = 0; i < n; i++) {
		int aside = row[i].special;
		struct digest_time *to = aside ? &d->aside[d->naside] : &list[*len];

		if ((aside ? d->naside : *len) == DIGEST_ROWS || (aside && list != d->hot))
			continue;
		*to = (struct digest_time){ .name = row[i].name, .file = row[i].file,
			.module = row[i].module, .line = row[i].line, .self = row[i].self,
			.total = row[i].total };
		if (!aside && find_stack(stacks, row[i].id, d->of_time, &to->stack) < 0)
			return -1;
		*(aside ? &d->naside : len) += 1;
	}
	return 0;
}

/* Read the hottest rows of a metric. */
static int
read_rows(struct digest *d, enum profile_metric metric, struct digest_time *list, size_t *len)
{
	struct calltree_stacks stacks = { 0 };
	struct profile_row *sorted = NULL;
	const struct profile_row *row;
	const struct order_rule rule = { 0, 0 };
	struct order_split split;
	size_t n;
	int r = 0;

	if (profile_measure(d->time, metric) < 0 ||
	    profile_stacks(d->time, PROFILE_FUNCTION, &stacks) < 0)
		return -1;
	row = profile_rows(d->time, &n);
	if ((sorted = calloc(n + 1, sizeof *sorted)) == NULL)
		r = -1;
	if (r == 0) {
		if (n)
			memcpy(sorted, row, n * sizeof *sorted);
		r = order_time(sorted, n, ORDER_SELF, &rule, 0, &split);
	}
	if (r == 0)
		r = take_time(d, sorted, split.code + split.special, &stacks, list, len);
	free(sorted);
	calltree_stacks_free(&stacks);
	return r;
}

static int
read_time(struct digest *d, uint64_t since, uint64_t until)
{
	const struct profile_summary *s;

	d->of_time = recording_open(d->db, RECORDING_TIME, since, until);
	if (d->of_time)
		d->time = profile_open(d->of_time, PROFILE_CPU, PROFILE_FUNCTION, 0);
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

/* Copy the first rows of functions of which live or allocated bytes are more than nothing.
 * Returns 0, or -1 if out of memory. */
static int
take_memory(const struct digest *d, const struct inuse_row *row, size_t n, int live,
    const uint64_t *series, const struct calltree_stacks *stacks, struct digest_memory *list,
    size_t *len)
{
	for (size_t i = 0; i < n && *len < DIGEST_ROWS; i++) {
		struct digest_memory *to = &list[*len];

		if ((live ? row[i].self.live : row[i].self.bytes) == 0 ||
		    row[i].special)
			continue;
		*to = (struct digest_memory){ .name = row[i].name, .file = row[i].file,
			.module = row[i].module, .line = row[i].line, .self = row[i].self };
		set_grown(series, to, row[i].id);
		if (find_stack(stacks, row[i].id, d->of_memory, &to->stack) < 0)
			return -1;
		++*len;
	}
	return 0;
}

/* Fill both lists of memory. */
static int
list_memory(struct digest *d, const uint64_t *series, const struct calltree_stacks *stacks)
{
	const struct order_rule rule = { 0, 0 };
	const struct inuse_sum none = { 0 };
	struct inuse_row *sorted, *row;
	struct order_split split;
	size_t n;
	int r;

	row = inuse_rows(d->memory, &n);
	if ((sorted = calloc(n + 1, sizeof *sorted)) == NULL)
		return -1;
	if (n)
		memcpy(sorted, row, n * sizeof *sorted);
	r = order_memory(sorted, n, ORDER_LIVE, &rule, &none, &split);
	if (r == 0)
		r = take_memory(d, sorted, split.code, 1, series, stacks, d->holds, &d->nholds);
	if (r == 0)
		r = order_memory(sorted, n, ORDER_BYTES, &rule, &none, &split);
	if (r == 0)
		r = take_memory(d, sorted, split.code, 0, series, stacks, d->allocates,
		    &d->nallocates);
	free(sorted);
	return r;
}

static int
read_lists(struct digest *d)
{
	const struct inuse_summary *s = inuse_summary(d->memory);
	uint64_t width = s->last > s->first ? (s->last - s->first) / BUCKETS + 1 : 1;
	uint64_t *series = calloc(inuse_ids(d->memory) + 1, BUCKETS * sizeof *series);
	struct calltree_stacks stacks = { 0 };
	int r = series ? 0 : -1;

	if (r == 0)
		r = inuse_series_all(d->memory, s->first, width, series, BUCKETS);
	if (r == 0)
		r = inuse_stacks(d->memory, PROFILE_FUNCTION, &stacks);
	if (r == 0)
		r = list_memory(d, series, &stacks);
	calltree_stacks_free(&stacks);
	free(series);
	return r;
}

static int
read_memory(struct digest *d, uint64_t since, uint64_t until)
{
	const struct inuse_options o = { .group = PROFILE_FUNCTION,
		.select = { since, until, PROFILE_ALL }, .collapse = 1 };
	int bounded = since || until != UINT64_MAX;

	d->of_memory = d->of_time && !bounded ? d->of_time :
	    recording_open(d->db, RECORDING_HEAP, 0, UINT64_MAX);
	if (d->of_memory == NULL || (d->memory = inuse_open(d->of_memory, &o)) == NULL)
		return -1;
	if (!inuse_any(d->memory)) {
		inuse_close(d->memory);
		d->memory = NULL;
		return 0;
	}
	return read_lists(d) < 0 ? db_no_memory(d->db) : 0;
}

/* ---- both -------------------------------------------------------------- */

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
	if ((figures_has_time(db) && read_time(d, since, until) < 0) || read_memory(d, since, until) < 0) {
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
	inuse_close(d->memory);
	if (d->of_memory != d->of_time)
		recording_close(d->of_memory);
	recording_close(d->of_time);
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
