#include "profile/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/strtab.h"
#include "profile/calltree.h"
#include "profile/profile_data.h"
#include "profile/profile_rows.h"
#include "profile/profile_runs.h"
#include "profile/profile_tree.h"
#include "record/db.h"

/*
 * profile_data reads the recording; this file turns it into what callers see.  Each
 * update sums the samples of the window into the tree's "now" column, has profile_rows
 * sum self and total of the grouping's rows over the tree, and copies the rows that are
 * not empty into `row`, with texts in place of numbers.  `loss` and `cut` are the same
 * for losses and incomplete stacks.  Other groupings, metrics and selections repeat
 * this without reading again.
 */

#define NONE PROFILE_NONE
#define OFF_LAG 2000000000 /* ns; it is reported every second */

_Static_assert(PROFILE_TIMES == PROFILE_NSTATES, "a column for each state");

struct profile {
	struct db *db;
	enum profile_metric metric;
	enum profile_group group;
	uint64_t window;
	size_t now; /* first sample that may be in the window */
	struct profile_data *data;

	struct profile_row *row;
	struct profile_count *loss, *cut;
	size_t nrow, row_room, nloss, loss_room, ncut, cut_room;
	struct profile_summary summary;
};

/* The columns of time that make up each metric, as bits. */
static const unsigned metric_columns[PROFILE_NMETRICS] = {
	[PROFILE_CPU] = 1u << PROFILE_ON,
	[PROFILE_OFF] = (1u << PROFILE_NSTATES) - 1 - (1u << PROFILE_ON),
	[PROFILE_WALL] = (1u << PROFILE_NSTATES) - 1,
};

static const char *
text(const struct profile *p, uint32_t number)
{
	return strtab_text(p->data->text, number);
}

static int
is_measured(const struct profile *p, unsigned state)
{
	return metric_columns[p->metric] >> state & 1;
}

/* Returns the sum of the columns that belong to the metric. */
static uint64_t
measured(const struct profile *p, const uint64_t *column)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < PROFILE_NSTATES; i++)
		if (is_measured(p, i))
			sum += column[i];
	return sum;
}

/* ---- the window -------------------------------------------------------- */

static void
clear_now(struct profile *p)
{
	struct profile_data *d = p->data;
	size_t i;

	profile_tree_clear(d->tree, PROFILE_NOW);
	for (i = 0; i < d->nthread; i++)
		d->thread[i].column[PROFILE_NOW] = 0;
	p->summary.now_ns = p->summary.now_on = 0;
}

static int
is_of_thread(const struct profile *p, const struct profile_sample *s)
{
	uint32_t thread = p->data->select.thread;

	return thread == PROFILE_ALL || s->thread == thread;
}

static int
count_now(struct profile *p, const struct profile_sample *s)
{
	struct profile_data *d = p->data;

	if (s->state == PROFILE_ON)
		p->summary.now_on += s->ns;
	if (!is_measured(p, s->state) || !is_of_thread(p, s))
		return 0;
	if (s->node != d->probes_node) {
		p->summary.now_ns += s->ns;
		d->thread[s->thread].column[PROFILE_NOW] += s->ns;
	}
	return profile_tree_count(d->tree, PROFILE_NOW, s->node, s->ns);
}

/* Sum the samples within the window, whatever time is selected.  The window never moves
 * back for a metric, so samples that left it are not visited again. */
static int
sum_now(struct profile *p)
{
	struct profile_data *d = p->data;
	uint64_t last = p->summary.measured;
	const struct profile_sample *s;
	size_t i;

	clear_now(p);
	while (p->now < d->nsample && d->sample[p->now].time <= last &&
	    last - d->sample[p->now].time >= p->window)
		p->now++;
	for (i = p->now; i < d->nsample; i++) {
		s = &d->sample[i];
		if (s->time <= last && last - s->time < p->window &&
		    count_now(p, s) < 0)
			return -1;
	}
	return 0;
}

/* ---- rows -------------------------------------------------------------- */

static void
show_row(struct profile *p, enum profile_group group, size_t id)
{
	const struct profile_tally *row = &p->data->rows[group]->row[id];
	const struct profile_key *location = &row->key;
	struct profile_row *to = &p->row[p->nrow];
	size_t i;

	if (row->all.total == 0)
		return;
	if (group == PROFILE_FUNCTION || group == PROFILE_GENERIC)
		location = &p->data->rows[PROFILE_LINE]->row[row->best].key;
	*to = (struct profile_row){
		.id = (unsigned)id,
		.name = text(p, row->key.name),
		.file = group == PROFILE_CRATE ? NULL : text(p, location->file),
		.line = location->line,
		.version = group == PROFILE_CRATE ? text(p, row->key.file) : NULL,
		.module = text(p, row->key.module),
		.self = row->all.self,
		.total = row->all.total,
		.now_self = row->sum[PROFILE_NOW].self,
		.now_total = row->sum[PROFILE_NOW].total,
		.waits = row->sum[PROFILE_WAITS].total,
	};
	for (i = 0; i < PROFILE_NSTATES; i++)
		to->in[i] = row->sum[i].total;
	p->nrow++;
}

/* Returns how long a thread could have been measured. */
static uint64_t
present(const struct profile *p, const struct profile_thread *t)
{
	uint64_t from = p->summary.first, to = p->summary.last;

	if (t->began > from)
		from = t->began;
	if (t->ended < to)
		to = t->ended;
	return from < to ? profile_runs_covered(p->data->runs, from, to) : 0;
}

static void
show_thread(struct profile *p, size_t id)
{
	const struct profile_thread *t = &p->data->thread[id];
	const char *name = text(p, t->name);
	uint64_t ns = measured(p, t->column), now = t->column[PROFILE_NOW];
	struct profile_row *to = &p->row[p->nrow];
	unsigned i;

	if (ns == 0)
		return;
	*to = (struct profile_row){
		.id = (unsigned)id,
		.name = name ? name : "?",
		.pid = t->pid,
		.tid = t->tid,
		.self = ns,
		.total = ns,
		.now_self = now,
		.now_total = now,
		.present = present(p, t),
		.waits = p->metric == PROFILE_CPU ? 0 : t->column[PROFILE_WAITS],
	};
	for (i = 0; i < PROFILE_NSTATES; i++)
		to->in[i] = is_measured(p, i) ? t->column[i] : 0;
	p->nrow++;
}

/* Make room for n rows. */
static int
reserve(struct profile *p, size_t n)
{
	struct profile_row *row;

	if (n <= p->row_room)
		return 0;
	if ((row = reallocarray(p->row, n, sizeof *row)) == NULL)
		return -1;
	p->row = row;
	p->row_room = n;
	return 0;
}

static int
show_threads(struct profile *p)
{
	size_t i;

	if (reserve(p, p->data->nthread) < 0)
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
	struct profile_rows *functions = p->data->rows[PROFILE_FUNCTION];
	unsigned times = metric_columns[p->metric], others = 1u << PROFILE_NOW;
	size_t i;

	if (reserve(p, rows->n) < 0)
		return -1;
	if (p->metric != PROFILE_CPU)
		others |= 1u << PROFILE_WAITS;
	profile_rows_sum(rows, p->data->tree, group, times | others);
	if (group == PROFILE_FUNCTION || group == PROFILE_GENERIC) {
		profile_rows_sum(lines, p->data->tree, PROFILE_LINE, times);
		profile_rows_best(rows, functions, lines);
	}
	p->nrow = 0;
	for (i = 0; i < rows->n; i++)
		show_row(p, group, i);
	return 0;
}

static int
show_rows(struct profile *p, enum profile_group group)
{
	if ((group == PROFILE_THREAD ? show_threads(p) : show_nodes(p, group)) < 0)
		return -1;
	p->group = group;
	return 0;
}

int
profile_regroup(struct profile *p, enum profile_group group)
{
	return group == p->group ? 0 : show_rows(p, group);
}

enum profile_group
profile_grouping(const struct profile *p)
{
	return p->group;
}

/* ---- losses and incomplete stacks -------------------------------------- */

static int
show_losses(struct profile *p)
{
	const struct profile_loss *loss;

	for (p->nloss = 0; p->nloss < p->data->nloss; p->nloss++) {
		loss = &p->data->loss[p->nloss];
		if (array_room(&p->loss, p->nloss, &p->loss_room,
		        sizeof *p->loss) < 0)
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
count_cut(struct profile *p, const char *reason, uint64_t count, uint64_t ns)
{
	size_t i;

	for (i = 0; i < p->ncut; i++)
		if (p->cut[i].reason == reason) {
			p->cut[i].count += count;
			p->cut[i].ns += ns;
			return 0;
		}
	if (array_room(&p->cut, p->ncut, &p->cut_room, sizeof *p->cut) < 0)
		return -1;
	p->cut[p->ncut++] = (struct profile_count){
		.reason = reason, .count = count, .ns = ns
	};
	return 0;
}

static int
show_cuts(struct profile *p)
{
	const struct profile_tree *t = p->data->tree;
	const char *reason;
	uint64_t column[PROFILE_NSTATES], samples, ns;
	uint32_t n;
	size_t i;

	p->ncut = 0;
	p->summary.complete = p->summary.complete_ns = 0;
	p->summary.short_ns = 0;
	for (n = 0; n < t->n; n++) {
		if (n == p->data->probes_node)
			continue;
		for (i = 0; i < PROFILE_NSTATES; i++)
			column[i] = profile_tree_self(t, i, n);
		ns = measured(p, column);
		samples = is_measured(p, PROFILE_ON) ? t->node[n].samples : 0;
		if (t->node[n].cut == NONE) {
			p->summary.complete += t->node[n].samples;
			p->summary.complete_ns += ns;
			continue;
		}
		reason = text(p, t->node[n].cut);
		if (strcmp(reason, "short") == 0)
			p->summary.short_ns += ns;
		if ((samples || ns) && count_cut(p, reason, samples, ns) < 0)
			return -1;
	}
	return 0;
}

/* Returns the time up to which the metric is complete: in a live recording off-CPU time
 * arrives later than CPU samples. */
static uint64_t
measured_until(const struct profile *p)
{
	const struct profile_summary *s = &p->summary;

	return p->metric != PROFILE_CPU && s->live && s->off_last &&
	        s->last - s->off_last < OFF_LAG ?
	    s->off_last : s->last;
}

/* Returns how much of the selected time had a producer. */
static uint64_t
covered(const struct profile *p)
{
	const struct profile_select *of = &p->data->select;
	uint64_t from = p->summary.first, to = p->summary.last;

	from = of->from > from ? of->from : from;
	to = of->to < to ? of->to : to;
	return from < to ? profile_runs_covered(p->data->runs, from, to) : 0;
}

static int
sum_up(struct profile *p)
{
	struct profile_summary *s = &p->summary;
	const struct profile_data *d = p->data;
	uint64_t first = profile_runs_first(d->runs);

	s->first = first > d->since ? first : d->since;
	s->last = d->last > s->first ? d->last : s->first;
	s->recorded = profile_runs_covered(d->runs, s->first, s->last);
	s->covered = covered(p);
	s->samples = d->ncpu;
	s->ns = measured(p, d->column);
	s->probes_ns = measured(p, d->probes);
	memcpy(s->in, d->column, sizeof s->in);
	s->waits = d->column[PROFILE_WAITS];
	s->off_records = d->noff;
	s->off_last = d->off_last;
	s->off = d->noff || d->off_least != UINT64_MAX;
	s->off_least = d->off_least;
	s->lost = d->lost;
	s->cost_ns = profile_runs_ns(d->runs);
	s->cost_max_rss = profile_runs_bytes(d->runs);
	s->live = profile_runs_open(d->runs) && db_live(p->db);
	s->measured = measured_until(p);
	return sum_now(p) < 0 || show_cuts(p) < 0 ? -1 : 0;
}

/* ---- open, update, close ----------------------------------------------- */

int
profile_update(struct profile *p)
{
	if (profile_data_read(p->data, p->db) < 0)
		return -1;
	if (sum_up(p) < 0 || show_losses(p) < 0 ||
	    show_rows(p, p->group) < 0)
		return db_no_memory(p->db);
	return 0;
}

enum profile_metric
profile_measured(const struct profile *p)
{
	return p->metric;
}

int
profile_measure(struct profile *p, enum profile_metric metric)
{
	if (metric == p->metric)
		return 0;
	p->metric = metric;
	p->now = 0;
	return sum_up(p) < 0 || show_rows(p, p->group) < 0 ? -1 : 0;
}

const struct profile_select *
profile_selected(const struct profile *p)
{
	return &p->data->select;
}

int
profile_select(struct profile *p, const struct profile_select *select)
{
	profile_data_select(p->data, select);
	p->now = 0;
	return sum_up(p) < 0 || show_rows(p, p->group) < 0 ? -1 : 0;
}

void
profile_thread(const struct profile *p, uint32_t id, uint64_t *pid, uint64_t *tid)
{
	*pid = *tid = 0;
	if (id < p->data->nthread) {
		*pid = p->data->thread[id].pid;
		*tid = p->data->thread[id].tid;
	}
}

uint32_t
profile_thread_id(const struct profile *p, uint64_t pid, uint64_t tid)
{
	const struct profile_data *d = p->data;

	for (size_t i = 0; i < d->nthread; i++)
		if (d->thread[i].pid == pid && d->thread[i].tid == tid)
			return (uint32_t)i;
	return PROFILE_ALL;
}

int
profile_is_collapsed(const struct profile *p)
{
	return p->data->tree->collapsed;
}

int
profile_collapse(struct profile *p, int collapse)
{
	profile_tree_collapse(p->data->tree, collapse);
	return show_rows(p, p->group);
}

struct profile *
profile_open(struct db *db, enum profile_metric metric,
    enum profile_group group, uint64_t since, uint64_t until, uint64_t window)
{
	struct profile *p = calloc(1, sizeof *p);

	if (p == NULL || (p->data = profile_data_new(since, until)) == NULL) {
		db_no_memory(db);
		profile_close(p);
		return NULL;
	}
	p->db = db;
	p->metric = metric;
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

/* ---- series ------------------------------------------------------------ */

#define INTERVAL 1000000000 /* ns between off-CPU reports */

struct buckets {
	uint64_t *bucket;
	size_t n;
	uint64_t from, width;
};

/* Mark the nodes whose samples count for a row. */
static void
mark_nodes(const struct profile *p, unsigned id, char what, char *mark)
{
	const struct profile_tree *t = p->data->tree;
	uint32_t n, up;

	for (n = t->roots; n != NONE; n = profile_tree_next(t, n)) {
		up = t->node[n].parent;
		mark[n] = t->node[t->node[n].as].row[p->group] == id ||
		    (what == 't' && up != NONE && mark[up]);
	}
}

static int
counts(const struct profile *p, const struct profile_sample *s, unsigned id,
    const char *mark)
{
	if (!is_of_thread(p, s))
		return 0;
	return p->group == PROFILE_THREAD ? s->thread == id : mark[s->node];
}

/* The last two times at which a thread's off-CPU time was reported, or its start. */
struct interval {
	uint64_t last, before;
};

/* Returns when the off-CPU time of a sample began: at the thread's previous report,
 * unless that is so long ago that the thread must have been on the CPU in between. */
static uint64_t
interval_begin(const struct profile_sample *s, struct interval *i)
{
	uint64_t length;

	if (s->time != i->last) {
		i->before = i->last;
		i->last = s->time;
	}
	length = s->time > i->before ? s->time - i->before : 0;
	if (length > OFF_LAG)
		length = INTERVAL;
	if (length < s->ns)
		length = s->ns;
	return s->time > length ? s->time - length : 0;
}

/* Add to each bucket its share of the time from begin to end. */
static void
spread(struct buckets *b, uint64_t begin, uint64_t end, uint64_t ns)
{
	uint64_t from = begin > b->from ? begin : b->from, to;
	double per_ns = (double)ns / (double)(end - begin);
	size_t i;

	for (; from < end; from = to) {
		if ((i = (from - b->from) / b->width) >= b->n)
			return;
		to = b->from + (i + 1) * b->width;
		if (to > end)
			to = end;
		b->bucket[i] += (uint64_t)((double)(to - from) * per_ns);
	}
}

static void
put_sample(struct buckets *b, const struct profile_sample *s, uint64_t begin)
{
	size_t i;

	if (begin < s->time) {
		spread(b, begin, s->time, s->ns);
		return;
	}
	if (s->time >= b->from && (i = (s->time - b->from) / b->width) < b->n)
		b->bucket[i] += s->ns;
}

static void
fill_buckets(const struct profile *p, struct buckets *b, unsigned id,
    unsigned columns, const char *mark, struct interval *intervals)
{
	const struct profile_sample *s;
	uint64_t begin;
	size_t i;

	for (i = 0; i < p->data->nthread; i++)
		intervals[i].last = p->data->thread[i].began;
	for (i = 0; i < p->data->nsample; i++) {
		s = &p->data->sample[i];
		if (!(columns >> s->state & 1))
			continue;
		begin = s->time;
		if (s->state != PROFILE_ON)
			begin = interval_begin(s, &intervals[s->thread]);
		if (counts(p, s, id, mark))
			put_sample(b, s, begin);
	}
}

int
profile_series(const struct profile *p, unsigned id, char what,
    enum profile_metric metric, uint64_t from, uint64_t width,
    uint64_t *bucket, size_t n)
{
	struct buckets b = { bucket, n, from, width };
	char *mark = calloc(p->data->tree->n + 1, 1);
	struct interval *intervals = calloc(p->data->nthread + 1, sizeof *intervals);
	int r = mark && intervals ? 0 : -1;

	memset(bucket, 0, n * sizeof *bucket);
	if (r == 0 && p->group != PROFILE_THREAD)
		mark_nodes(p, id, what, mark);
	if (r == 0 && width)
		fill_buckets(p, &b, id, metric_columns[metric], mark, intervals);
	free(intervals);
	free(mark);
	return r;
}

const uint64_t *
profile_history(const struct profile *p, size_t *n)
{
	*n = p->data->nhistory;
	return p->data->history;
}

size_t
profile_ids(const struct profile *p)
{
	return p->group == PROFILE_THREAD ? p->data->nthread : p->data->rows[p->group]->n;
}

void
profile_series_all(const struct profile *p, uint64_t from, uint64_t width, uint64_t *out,
    size_t n)
{
	const struct profile_data *d = p->data;
	const struct profile_node *node = d->tree->node;

	memset(out, 0, profile_ids(p) * n * sizeof *out);
	for (size_t i = 0; width && i < d->nsample; i++) {
		const struct profile_sample *s = &d->sample[i];
		uint64_t bucket = s->time >= from ? (s->time - from) / width : n;
		size_t id = s->thread;

		if (bucket >= n || !is_measured(p, s->state) || !is_of_thread(p, s))
			continue;
		if (p->group != PROFILE_THREAD)
			id = node[node[s->node].as].row[p->group];
		out[id * n + bucket] += s->ns;
	}
}

/* ---- stacks ------------------------------------------------------------ */

int
profile_stacks(const struct profile *p, enum profile_group group, struct calltree_stacks *out)
{
	const struct profile_tree *t = p->data->tree;
	uint64_t column[PROFILE_NSTATES];

	if (calltree_stacks_new(out, t->n) < 0)
		return -1;
	for (uint32_t n = 0; n < t->n; n++) {
		const struct profile_node *node = &t->node[n];

		for (size_t i = 0; i < PROFILE_NSTATES; i++)
			column[i] = profile_tree_self(t, i, n);
		out->caller[n] = node->parent == NONE ? CALLTREE_NONE : t->node[node->parent].as;
		out->row[n] = node->as == n ? node->row[group] : CALLTREE_NONE;
		out->value[node->as] += measured(p, column);
	}
	return 0;
}

const char *
profile_function(const struct profile *p, enum profile_group group, uint32_t row,
    const char **module)
{
	const struct profile_key *key = &p->data->rows[group]->row[row].key;

	*module = text(p, key->module);
	return text(p, key->name);
}
