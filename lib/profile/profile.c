#include "profile/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/strtab.h"
#include "profile/calltree.h"
#include "profile/profile_runs.h"
#include "profile/recording.h"
#include "profile/stacks.h"
#include "profile/tally.h"
#include "record/db.h"

/*
 * A profile counts samples of the recording that its selection wants, by node and by
 * thread, in a column for each state.  Each update adds those that are new, sums those of
 * the window, has tally sum self and total of the grouping's rows over the tree, and
 * copies the rows that are not empty into `row`, with texts in place of numbers.  `loss`
 * and `cut` are the same for losses and incomplete stacks.  Other groupings, metrics and
 * selections repeat this without reading again.
 */

#define NONE STACKS_NONE
#define OFF_LAG 2000000000 /* ns; it is reported every second */

/* Columns: time in each enum profile_state, then: */
enum {
	WAITS = PROFILE_NSTATES,
	NOW,     /* time within the current window */
	SAMPLES, /* CPU samples */
	NCOLUMNS
};

struct column_sums {
	uint64_t column[NCOLUMNS];
};

struct profile {
	struct recording *r;
	enum profile_metric metric;
	enum profile_group group;
	uint64_t window;
	struct profile_select select;
	int collapse;
	size_t now;              /* first sample that may be in the window */
	size_t counted, waited;  /* samples, and those off the CPU, that are counted */
	struct tally_column column[NCOLUMNS]; /* by node */
	struct tally_column self;             /* by node: of the metric */
	struct column_sums *thread;           /* by thread, without probes */
	struct column_sums all, probes;       /* without probes; of these */
	size_t nthread;

	struct tally_sum *sum[NCOLUMNS], *line; /* by row; scratch */
	uint32_t *best;
	struct tally_callee *callee;

	struct profile_row *row;
	struct profile_count *loss, *cut;
	size_t nrow, nloss, loss_room, ncut, cut_room;
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
	return strtab_text(p->r->text, number);
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

/* Returns whether frames are collapsed in fact. */
static int
collapses(const struct profile *p)
{
	return p->collapse && p->r->stacks->own;
}

/* ---- counting ---------------------------------------------------------- */

static int
reserve_threads(struct profile *p)
{
	size_t n = p->r->nthread;
	struct column_sums *thread;

	if (n <= p->nthread)
		return 0;
	thread = reallocarray(p->thread, n, sizeof *thread);
	if (thread == NULL)
		return -1;
	memset(thread + p->nthread, 0, (n - p->nthread) * sizeof *thread);
	p->thread = thread;
	p->nthread = n;
	return 0;
}

/* Make room for what is not counted yet, so that counting cannot fail. */
static int
reserve_counts(struct profile *p)
{
	unsigned columns = 1u << NOW | 1u << SAMPLES;

	for (size_t i = p->counted; i < p->r->nsample; i++)
		columns |= 1u << p->r->sample[i].state;
	if (columns & metric_columns[PROFILE_OFF])
		columns |= 1u << WAITS;
	for (size_t c = 0; c < NCOLUMNS; c++)
		if (columns >> c & 1 && tally_reserve(&p->column[c], p->r->stacks->n) < 0)
			return -1;
	return reserve_threads(p);
}

/* Add an amount to a column of the sample's node, and of its thread and the whole or, if
 * it is of probes, of these. */
static void
add(struct profile *p, const struct recording_sample *s, size_t column, uint64_t amount)
{
	p->column[column].value[s->node] += amount;
	if (s->node == p->r->probes) {
		p->probes.column[column] += amount;
		return;
	}
	p->all.column[column] += amount;
	p->thread[s->thread].column[column] += amount;
}

static int
is_of_thread(const struct profile *p, const struct recording_sample *s)
{
	return p->select.thread == PROFILE_ALL || s->thread == p->select.thread;
}

static int
is_selected(const struct profile *p, const struct recording_sample *s)
{
	const struct profile_select *want = &p->select;

	return s->time >= want->from && (s->time < want->to || want->to == UINT64_MAX) &&
	    is_of_thread(p, s);
}

static void
count_sample(struct profile *p, const struct recording_sample *s, uint64_t waits)
{
	if (!is_selected(p, s))
		return;
	add(p, s, s->state, s->ns);
	if (s->state == PROFILE_ON)
		add(p, s, SAMPLES, 1);
	else if (waits)
		add(p, s, WAITS, waits);
}

/* Count the samples that were read since. */
static int
count_new(struct profile *p)
{
	const struct recording *r = p->r;

	if (reserve_counts(p) < 0)
		return -1;
	for (; p->counted < r->nsample; p->counted++) {
		const struct recording_sample *s = &r->sample[p->counted];

		count_sample(p, s, s->state == PROFILE_ON ? 0 : r->waits[p->waited++]);
	}
	return 0;
}

static void
clear_counts(struct profile *p)
{
	p->counted = p->waited = p->now = 0;
	p->all = p->probes = (struct column_sums){ 0 };
	if (p->nthread)
		memset(p->thread, 0, p->nthread * sizeof *p->thread);
	for (size_t c = 0; c < NCOLUMNS; c++)
		tally_clear(&p->column[c]);
}

/* ---- the window -------------------------------------------------------- */

static void
clear_now(struct profile *p)
{
	tally_clear(&p->column[NOW]);
	for (size_t i = 0; i < p->nthread; i++)
		p->thread[i].column[NOW] = 0;
	p->all.column[NOW] = p->probes.column[NOW] = 0;
	p->summary.now_ns = p->summary.now_on = 0;
}

static void
count_now(struct profile *p, const struct recording_sample *s)
{
	if (s->state == PROFILE_ON)
		p->summary.now_on += s->ns;
	if (!is_measured(p, s->state) || !is_of_thread(p, s))
		return;
	p->summary.now_ns += s->ns;
	add(p, s, NOW, s->ns);
}

/* Sum the samples within the window, whatever time is selected.  The window never moves
 * back for a metric, so samples that left it are not visited again. */
static void
sum_now(struct profile *p)
{
	uint64_t last = p->summary.measured;
	const struct recording_sample *s = p->r->sample;

	clear_now(p);
	while (p->now < p->counted && s[p->now].time <= last &&
	    last - s[p->now].time >= p->window)
		p->now++;
	for (size_t i = p->now; i < p->counted; i++)
		if (s[i].time <= last && last - s[i].time < p->window)
			count_now(p, &s[i]);
}

/* ---- rows -------------------------------------------------------------- */

static void
locate(const struct profile *p, enum profile_group group, uint32_t id, struct recording_row *of)
{
	const struct stacks_key *line;

	recording_describe(p->r, group, id, of);
	if (group != PROFILE_FUNCTION && group != PROFILE_GENERIC)
		return;
	line = &p->r->stacks->rows[PROFILE_LINE].row[p->best[id]].key;
	of->file = text(p, line->file);
	of->line = line->line;
}

static void
show_callee(const struct profile *p, uint32_t id, struct profile_row *to)
{
	const struct tally_callee *callee = &p->callee[id];
	const char *module;

	if (!collapses(p) || callee->function == NONE)
		return;
	to->callee = recording_function(p->r, PROFILE_FUNCTION, callee->function, &module);
	to->callee_ns = callee->value;
}

static void
show_row(struct profile *p, enum profile_group group, uint32_t id)
{
	struct profile_row *to = &p->row[p->nrow];
	struct recording_row of;
	uint64_t self = 0, total = 0;
	size_t i;

	for (i = 0; i < PROFILE_NSTATES; i++) {
		self += p->sum[i][id].self;
		total += p->sum[i][id].total;
	}
	if (total == 0)
		return;
	locate(p, group, id, &of);
	*to = (struct profile_row){ .id = id, .name = of.name, .file = of.file,
		.line = of.line, .version = of.version, .module = of.module,
		.special = of.special, .self = self, .total = total,
		.now_self = p->sum[NOW][id].self, .now_total = p->sum[NOW][id].total,
		.waits = p->sum[WAITS][id].total,
	};
	for (i = 0; i < PROFILE_NSTATES; i++)
		to->in[i] = p->sum[i][id].total;
	show_callee(p, id, to);
	p->nrow++;
}

/* Returns how long a thread could have been measured. */
static uint64_t
present(const struct profile *p, const struct recording_thread *t)
{
	uint64_t from = p->summary.first, to = p->summary.last;

	if (t->began > from)
		from = t->began;
	if (t->ended < to)
		to = t->ended;
	return from < to ? profile_runs_covered(p->r->runs, from, to) : 0;
}

/* Show a row of threads: of these sums, or none if there is no time. */
static void
show_sums(struct profile *p, struct profile_row of, const struct column_sums *sums)
{
	uint64_t ns = measured(p, sums->column);

	if (ns == 0)
		return;
	of.self = of.total = ns;
	of.now_self = of.now_total = sums->column[NOW];
	of.waits = p->metric == PROFILE_CPU ? 0 : sums->column[WAITS];
	for (unsigned i = 0; i < PROFILE_NSTATES; i++)
		of.in[i] = is_measured(p, i) ? sums->column[i] : 0;
	p->row[p->nrow++] = of;
}

static void
show_thread(struct profile *p, uint32_t id)
{
	struct recording_row of;

	recording_describe(p->r, PROFILE_THREAD, id, &of);
	show_sums(p, (struct profile_row){ .id = id, .name = of.name, .pid = of.pid,
	    .tid = of.tid, .present = present(p, &p->r->thread[id]) }, &p->thread[id]);
}

/* Make an array of at least n elements. */
static int
reserve(void *array, size_t n, size_t size)
{
	void *old, *new;

	memcpy(&old, array, sizeof old);
	if ((new = reallocarray(old, n + 1, size)) == NULL)
		return -1;
	memcpy(array, &new, sizeof new);
	return 0;
}

static int
show_threads(struct profile *p)
{
	if (reserve(&p->row, p->nthread + 1, sizeof *p->row) < 0)
		return -1;
	p->nrow = 0;
	for (uint32_t i = 0; i < p->nthread; i++)
		show_thread(p, i);
	show_sums(p, (struct profile_row){ .id = (unsigned)p->r->nthread, .name = "[probes]",
	    .special = 1 }, &p->probes);
	return 0;
}

static int
reserve_rows(struct profile *p, enum profile_group group)
{
	size_t n = p->r->stacks->rows[group].n, lines = p->r->stacks->rows[PROFILE_LINE].n;

	for (size_t c = 0; c < NCOLUMNS; c++)
		if (reserve(&p->sum[c], n, sizeof *p->sum[c]) < 0)
			return -1;
	return reserve(&p->row, n, sizeof *p->row) < 0 ||
	        reserve(&p->best, n, sizeof *p->best) < 0 ||
	        reserve(&p->callee, n, sizeof *p->callee) < 0 ||
	        reserve(&p->line, lines, sizeof *p->line) < 0
	    ? -1
	    : 0;
}

/* Fill p->self with the metric's time of each node. */
static int
sum_metric(struct profile *p)
{
	size_t n = p->r->stacks->n;

	if (tally_reserve(&p->self, n) < 0)
		return -1;
	tally_clear(&p->self);
	for (unsigned c = 0; c < PROFILE_NSTATES; c++)
		for (uint32_t i = 0; is_measured(p, c) && i < p->column[c].n && i < n; i++)
			p->self.value[i] += p->column[c].value[i];
	return 0;
}

static int
sum_rows(struct profile *p, enum profile_group group)
{
	const struct stacks *s = p->r->stacks;
	unsigned columns = metric_columns[p->metric] | 1u << NOW;

	if (p->metric != PROFILE_CPU)
		columns |= 1u << WAITS;
	for (size_t c = 0; c < NCOLUMNS; c++)
		if (columns >> c & 1) {
			if (tally_sum(s, group, collapses(p), &p->column[c], p->sum[c]) < 0)
				return -1;
		} else {
			memset(p->sum[c], 0, s->rows[group].n * sizeof *p->sum[c]);
		}
	if (sum_metric(p) < 0)
		return -1;
	return collapses(p) ? tally_callees(s, group, &p->self, p->callee) : 0;
}

static int
show_nodes(struct profile *p, enum profile_group group)
{
	const struct stacks *s = p->r->stacks;

	if (reserve_rows(p, group) < 0 || sum_rows(p, group) < 0)
		return -1;
	if (group == PROFILE_FUNCTION || group == PROFILE_GENERIC) {
		if (tally_sum(s, PROFILE_LINE, collapses(p), &p->self, p->line) < 0)
			return -1;
		tally_best(s, group, p->line, p->best);
	}
	p->nrow = 0;
	for (uint32_t i = 0; i < s->rows[group].n; i++)
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
	const struct recording_loss *loss;

	for (p->nloss = 0; p->nloss < p->r->nloss; p->nloss++) {
		loss = &p->r->loss[p->nloss];
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
	const struct stacks *t = p->r->stacks;
	const char *reason;
	uint64_t samples, ns;
	uint32_t n;

	p->ncut = 0;
	p->summary.complete = p->summary.complete_ns = 0;
	p->summary.short_ns = 0;
	for (n = 0; n < t->n; n++) {
		if (n == p->r->probes)
			continue;
		ns = tally_self(&p->self, n);
		samples = tally_self(&p->column[SAMPLES], n);
		if (t->node[n].cut == NONE) {
			p->summary.complete += samples;
			p->summary.complete_ns += ns;
			continue;
		}
		reason = text(p, t->node[n].cut);
		if (!is_measured(p, PROFILE_ON))
			samples = 0;
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
	const struct profile_select *of = &p->select;
	uint64_t from = p->summary.first, to = p->summary.last;

	from = of->from > from ? of->from : from;
	to = of->to < to ? of->to : to;
	return from < to ? profile_runs_covered(p->r->runs, from, to) : 0;
}

static int
sum_up(struct profile *p)
{
	struct profile_summary *s = &p->summary;
	const struct recording *r = p->r;
	uint64_t first = profile_runs_first(r->runs);

	s->first = first > r->since ? first : r->since;
	s->last = r->last > s->first ? r->last : s->first;
	s->recorded = profile_runs_covered(r->runs, s->first, s->last);
	s->covered = covered(p);
	s->samples = p->all.column[SAMPLES];
	s->probes_ns = measured(p, p->probes.column);
	s->ns = measured(p, p->all.column) + s->probes_ns;
	memcpy(s->in, p->all.column, sizeof s->in);
	s->waits = p->all.column[WAITS];
	s->off_records = r->noff;
	s->off_last = r->off_last;
	s->off = r->noff || r->off_least != UINT64_MAX;
	s->off_least = r->off_least;
	s->lost = r->lost;
	s->cost_ns = profile_runs_ns(r->runs);
	s->cost_max_rss = profile_runs_bytes(r->runs);
	s->live = profile_runs_open(r->runs) && db_live(r->db);
	s->measured = measured_until(p);
	sum_now(p);
	return sum_metric(p) < 0 || show_cuts(p) < 0 ? -1 : 0;
}

/* ---- open, update, close ----------------------------------------------- */

static int
count_and_show(struct profile *p)
{
	return count_new(p) < 0 || sum_up(p) < 0 || show_rows(p, p->group) < 0 ? -1 : 0;
}

int
profile_update(struct profile *p)
{
	return count_and_show(p) < 0 || show_losses(p) < 0 ? db_no_memory(p->r->db) : 0;
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
	return count_and_show(p);
}

const struct profile_select *
profile_selected(const struct profile *p)
{
	return &p->select;
}

int
profile_select(struct profile *p, const struct profile_select *select)
{
	p->select = *select;
	clear_counts(p);
	return count_and_show(p);
}

struct recording *
profile_recording(const struct profile *p)
{
	return p->r;
}

int
profile_is_collapsed(const struct profile *p)
{
	return p->collapse;
}

int
profile_collapse(struct profile *p, int collapse)
{
	p->collapse = collapse;
	return show_rows(p, p->group);
}

struct profile *
profile_open(struct recording *r, enum profile_metric metric, enum profile_group group,
    uint64_t window)
{
	struct profile *p = calloc(1, sizeof *p);

	if (p == NULL) {
		db_no_memory(r->db);
		return NULL;
	}
	p->r = r;
	p->metric = metric;
	p->group = group;
	p->window = window;
	p->select = (struct profile_select){ 0, UINT64_MAX, PROFILE_ALL };
	if (recording_want(r, RECORDING_TIME) == 0 && profile_update(p) == 0)
		return p;
	profile_close(p);
	return NULL;
}

void
profile_close(struct profile *p)
{
	if (p == NULL)
		return;
	for (size_t c = 0; c < NCOLUMNS; c++) {
		free(p->column[c].value);
		free(p->sum[c]);
	}
	free(p->self.value);
	free(p->thread);
	free(p->line);
	free(p->best);
	free(p->callee);
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
	return strtab_text(p->r->notes, i < NONE ? (uint32_t)i : NONE);
}

/* ---- series ------------------------------------------------------------ */

#define INTERVAL 1000000000 /* ns between off-CPU reports */

struct buckets {
	uint64_t *bucket;
	size_t n;
	uint64_t from, width;
};

/* Returns the row that a sample counts for. */
static uint32_t
row_of(const struct profile *p, const struct recording_sample *s)
{
	const struct stacks *t = p->r->stacks;

	if (p->group != PROFILE_THREAD)
		return t->node[stacks_as(t, s->node, collapses(p))].row[p->group];
	return s->node == p->r->probes ? (uint32_t)p->r->nthread : s->thread;
}

/* Mark the nodes whose samples count for a row. */
static void
mark_nodes(const struct profile *p, unsigned id, char what, char *mark)
{
	const struct stacks *t = p->r->stacks;
	uint32_t n, up;

	for (n = t->roots; n != NONE; n = stacks_next(t, n)) {
		up = stacks_caller(t, n, collapses(p)) == NONE ? NONE : t->node[n].parent;
		mark[n] = t->node[stacks_as(t, n, collapses(p))].row[p->group] == id ||
		    (what == 't' && up != NONE && mark[up]);
	}
}

static int
counts(const struct profile *p, const struct recording_sample *s, unsigned id, const char *mark)
{
	if (!is_of_thread(p, s))
		return 0;
	return p->group == PROFILE_THREAD ? row_of(p, s) == id : mark[s->node];
}

/* The last two times at which a thread's off-CPU time was reported, or its start. */
struct interval {
	uint64_t last, before;
};

/* Returns when the off-CPU time of a sample began: at the thread's previous report,
 * unless that is so long ago that the thread must have been on the CPU in between. */
static uint64_t
interval_begin(const struct recording_sample *s, struct interval *i)
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
put_sample(struct buckets *b, const struct recording_sample *s, uint64_t begin)
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
	const struct recording_sample *s;
	uint64_t begin;
	size_t i;

	for (i = 0; i < p->r->nthread; i++)
		intervals[i].last = p->r->thread[i].began;
	for (i = 0; i < p->r->nsample; i++) {
		s = &p->r->sample[i];
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
	char *mark = calloc(p->r->stacks->n + 1, 1);
	struct interval *intervals = calloc(p->r->nthread + 1, sizeof *intervals);
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
	*n = p->r->nhistory;
	return p->r->history;
}

size_t
profile_ids(const struct profile *p)
{
	return recording_rows(p->r, p->group) + (p->group == PROFILE_THREAD);
}

void
profile_series_all(const struct profile *p, uint64_t from, uint64_t width, uint64_t *out,
    size_t n)
{
	const struct recording *r = p->r;

	memset(out, 0, profile_ids(p) * n * sizeof *out);
	for (size_t i = 0; width && i < r->nsample; i++) {
		const struct recording_sample *s = &r->sample[i];
		uint64_t bucket = s->time >= from ? (s->time - from) / width : n;

		if (bucket < n && is_measured(p, s->state) && is_of_thread(p, s))
			out[row_of(p, s) * n + bucket] += s->ns;
	}
}

/* ---- stacks ------------------------------------------------------------ */

int
profile_stacks(const struct profile *p, enum profile_group group, struct calltree_stacks *out)
{
	return calltree_stacks_of(out, p->r->stacks, group, collapses(p), &p->self);
}
