#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "db.h"
#include "profile_data.h"
#include "profile_rows.h"
#include "profile_runs.h"
#include "profile_tree.h"
#include "strtab.h"

#define NONE PROFILE_NONE

struct profile {
	struct db *db;
	enum profile_group group;
	uint64_t window;
	size_t now; /* samples before this one are not "now" */
	struct profile_data *data;

	struct profile_row *row;
	struct profile_count *loss, *cut;
	size_t nrow, row_room, nloss, loss_room, ncut, cut_room;
	struct profile_summary summary;
};

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

static const char *
text(const struct profile *p, uint32_t number)
{
	return strtab_text(p->data->text, number);
}

/* ---- now --------------------------------------------------------------- */

static void
clear_now(struct profile_data *d)
{
	size_t i;

	for (i = 0; i < d->tree->n; i++)
		d->tree->node[i].self.now = 0;
	for (i = 0; i < d->nthread; i++)
		d->thread[i].now = 0;
}

/* Count anew what lies in the last window; last never goes back, so what has
 * left the window does not return. */
static void
sum_now(struct profile *p)
{
	struct profile_data *d = p->data;
	uint64_t last = p->summary.last;
	const struct profile_sample *s;
	size_t i;

	clear_now(d);
	p->summary.now_ns = 0;
	while (p->now < d->nsample && last - d->sample[p->now].time >= p->window)
		p->now++;
	for (i = p->now; i < d->nsample; i++) {
		s = &d->sample[i];
		if (last - s->time >= p->window)
			continue;
		d->tree->node[s->node].self.now += s->ns;
		d->thread[s->thread].now += s->ns;
		p->summary.now_ns += s->ns;
	}
}

/* ---- rows -------------------------------------------------------------- */

static void
show_row(struct profile *p, enum profile_group group, size_t id)
{
	const struct profile_tally *row = &p->data->rows[group]->row[id];
	const struct profile_key *place = &row->key;

	if (row->total == 0)
		return;
	if (group == PROFILE_FUNCTION && row->best != NONE)
		place = &p->data->rows[PROFILE_LINE]->row[row->best].key;
	p->row[p->nrow++] = (struct profile_row){
		.id = (unsigned)id,
		.name = text(p, row->key.name),
		.file = text(p, place->file),
		.line = place->line,
		.module = text(p, row->key.module),
		.self = row->self,
		.total = row->total,
		.now_self = row->now_self,
		.now_total = row->now_total,
	};
}

static void
show_thread(struct profile *p, size_t id)
{
	const struct profile_thread *t = &p->data->thread[id];
	const char *name = text(p, t->name);

	if (t->ns == 0)
		return;
	p->row[p->nrow++] = (struct profile_row){
		.id = (unsigned)id,
		.name = name ? name : "?",
		.pid = t->pid,
		.tid = t->tid,
		.self = t->ns,
		.total = t->ns,
		.now_self = t->now,
		.now_total = t->now,
	};
}

/* Room for all rows of a grouping. */
static int
reserve(struct profile *p, size_t n)
{
	struct profile_row *row;

	if (n <= p->row_room)
		return 0;
	if ((row = reallocarray(p->row, n, sizeof(*row))) == NULL)
		return -1;
	p->row = row;
	p->row_room = n;
	return 0;
}

static int
show_threads(struct profile *p)
{
	size_t i;

	if (reserve(p, p->data->nthread) == -1)
		return -1;
	p->nrow = 0;
	for (i = 0; i < p->data->nthread; i++)
		show_thread(p, i);
	return 0;
}

static int
show_nodes(struct profile *p, enum profile_group group)
{
	struct profile_rows *rows = p->data->rows[group];
	struct profile_rows *lines = p->data->rows[PROFILE_LINE];
	size_t i;

	if (reserve(p, rows->n) == -1)
		return -1;
	profile_rows_sum(rows, p->data->tree, group);
	if (group == PROFILE_FUNCTION) {
		profile_rows_sum(lines, p->data->tree, PROFILE_LINE);
		profile_rows_best(rows, lines);
	}
	p->nrow = 0;
	for (i = 0; i < rows->n; i++)
		show_row(p, group, i);
	return 0;
}

int
profile_regroup(struct profile *p, enum profile_group group)
{
	if ((group == PROFILE_THREAD ? show_threads(p) : show_nodes(p, group)) == -1)
		return -1;
	p->group = group;
	return 0;
}

enum profile_group
profile_grouping(const struct profile *p)
{
	return p->group;
}

/* ---- what is not in rows ----------------------------------------------- */

static int
show_losses(struct profile *p)
{
	const struct profile_loss *loss;

	for (p->nloss = 0; p->nloss < p->data->nloss; p->nloss++) {
		loss = &p->data->loss[p->nloss];
		if (array_room(&p->loss, p->nloss, &p->loss_room,
		        sizeof(*p->loss)) == -1)
			return -1;
		p->loss[p->nloss] = (struct profile_count){
			.producer = text(p, loss->producer),
			.reason = text(p, loss->reason),
			.count = loss->count,
		};
	}
	return 0;
}

static int
count_cut(struct profile *p, const struct profile_node *node)
{
	const char *reason = text(p, node->cut);
	size_t i;

	for (i = 0; i < p->ncut; i++)
		if (p->cut[i].reason == reason) {
			p->cut[i].count += node->samples;
			return 0;
		}
	if (array_room(&p->cut, p->ncut, &p->cut_room, sizeof(*p->cut)) == -1)
		return -1;
	p->cut[p->ncut++] = (struct profile_count){
		.reason = reason, .count = node->samples
	};
	return 0;
}

static int
show_cuts(struct profile *p)
{
	const struct profile_node *node;
	size_t i;

	p->ncut = 0;
	p->summary.complete = 0;
	for (i = 0; i < p->data->tree->n; i++) {
		node = &p->data->tree->node[i];
		if (node->cut == NONE)
			p->summary.complete += node->samples;
		else if (node->samples && count_cut(p, node) == -1)
			return -1;
	}
	return 0;
}

static void
sum_up(struct profile *p)
{
	struct profile_summary *s = &p->summary;
	const struct profile_data *d = p->data;
	uint64_t first = profile_runs_first(d->runs);

	s->first = first > d->since ? first : d->since;
	s->last = d->last > s->first ? d->last : s->first;
	s->recorded = profile_runs_covered(d->runs, s->first, s->last);
	s->samples = d->nsample;
	s->ns = d->ns;
	s->lost = d->lost;
	s->cost_ns = profile_runs_ns(d->runs);
	s->cost_max_rss = profile_runs_bytes(d->runs);
	s->live = profile_runs_open(d->runs) && db_live(p->db);
	sum_now(p);
}

/* ---- open, update, close ----------------------------------------------- */

int
profile_update(struct profile *p)
{
	if (profile_data_read(p->data, p->db) == -1)
		return -1;
	sum_up(p);
	if (show_losses(p) == -1 || show_cuts(p) == -1 ||
	    profile_regroup(p, p->group) == -1)
		return db_no_memory(p->db);
	return 0;
}

struct profile *
profile_open(struct db *db, enum profile_group group, uint64_t since,
    uint64_t until, uint64_t window)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (p == NULL || (p->data = profile_data_new(since, until)) == NULL) {
		db_no_memory(db);
		profile_close(p);
		return NULL;
	}
	p->db = db;
	p->group = group;
	p->window = window;
	if (profile_update(p) == 0)
		return p;
	profile_close(p);
	return NULL;
}

void
profile_close(struct profile *p)
{
	if (p == NULL)
		return;
	profile_data_free(p->data);
	free(p->row);
	free(p->loss);
	free(p->cut);
	free(p);
}

const struct profile_row *
profile_rows(const struct profile *p, size_t *n)
{
	*n = p->nrow;
	return p->row;
}

const struct profile_summary *
profile_summary(const struct profile *p)
{
	return &p->summary;
}

const struct profile_count *
profile_losses(const struct profile *p, size_t *n)
{
	*n = p->nloss;
	return p->loss;
}

const struct profile_count *
profile_cuts(const struct profile *p, size_t *n)
{
	*n = p->ncut;
	return p->cut;
}

const char *
profile_note(const struct profile *p, size_t i)
{
	return strtab_text(p->data->notes, i < PROFILE_NONE ? (uint32_t)i : PROFILE_NONE);
}

/* ---- one row over time ------------------------------------------------- */

/* For each node: does a sample there count for the row? */
static void
mark_nodes(const struct profile *p, unsigned id, char what, char *mark)
{
	const struct profile_tree *t = p->data->tree;
	uint32_t n, up;

	for (n = t->roots; n != NONE; n = profile_tree_next(t, n)) {
		up = t->node[n].parent;
		mark[n] = t->node[n].row[p->group] == id ||
		    (what == 't' && up != NONE && mark[up]);
	}
}

static int
counts(const struct profile *p, const struct profile_sample *s, unsigned id,
    const char *mark)
{
	return p->group == PROFILE_THREAD ? s->thread == id : mark[s->node];
}

int
profile_series(const struct profile *p, unsigned id, char what, uint64_t from,
    uint64_t width, uint64_t *bucket, size_t n)
{
	const struct profile_sample *s;
	char *mark = calloc(p->data->tree->n + 1, 1);
	size_t i, b;

	if (mark == NULL)
		return -1;
	if (p->group != PROFILE_THREAD)
		mark_nodes(p, id, what, mark);
	memset(bucket, 0, n * sizeof(*bucket));
	for (i = 0; width && i < p->data->nsample; i++) {
		s = &p->data->sample[i];
		if (s->time < from || !counts(p, s, id, mark))
			continue;
		if ((b = (s->time - from) / width) < n)
			bucket[b] += s->ns;
	}
	free(mark);
	return 0;
}
