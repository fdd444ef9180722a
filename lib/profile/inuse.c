#include "profile/inuse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/interval.h"
#include "base/strtab.h"
#include "profile/calltree.h"
#include "profile/recording.h"
#include "profile/stacks.h"
#include "profile/tally.h"
#include "record/db.h"

/*
 * A reader sums the heap records of the recording that its selection wants.  `site` has
 * what is live at each of the recording's sites, a thread and a stack.  Each record
 * changes one site: the difference goes to self of the site's row and, walking up the
 * callers, to the total of every row on the stack, once per walk.  Another selection
 * repeats this without reading again.
 */

#define NONE STACKS_NONE
/* Nanoseconds of a part of which that is told: it is known by the second. */
#define COVERED_LEAST UINT64_C(10000000000)

/* What is live at a site now. */
struct site {
	uint64_t live, count, least, most; /* least and most: the range of live */
	int ranged;
	double var;         /* of live */
	uint64_t old, nold; /* suspects: bytes and number at the snapshot */
};

/* The sums of a row. */
struct row {
	struct inuse_sum self, total;
	uint64_t baseline;
	uint32_t visited;  /* number of the last walk that visited it */
};

struct inuse {
	struct recording *r;
	struct inuse_options o;
	struct inuse_summary sum, shown; /* running; as returned, with the current peak */
	struct site *site;
	struct row *row;
	struct inuse_row *out;
	struct tally_column live, bytes, weight; /* by node: live, allocated, both */
	struct tally_callee *callee;             /* by row */
	struct tally_sum *line;                  /* by row of lines */
	uint32_t *best;                          /* by row: its line */
	size_t nsite, nrow, ncallee, nline, nbest, nout;
	size_t done, memory_done; /* records of the recording that are summed */
	uint32_t interval;        /* of the last record; NONE: none yet */
	uint32_t walks;
	uint32_t *touched; /* rows changed in this interval */
	size_t ntouched, touched_room;
	struct inuse_sum total; /* live memory of the process, in windows */
	int has_baseline;       /* the start of the selection has passed */
};

static int
nomem(struct inuse *u)
{
	return db_no_memory(u->r->db);
}

static int
collapses(const struct inuse *u)
{
	return u->o.collapse && u->r->stacks->own;
}

/* Returns whether a time is before the selection's end. */
static int
is_before_end(const struct inuse *u, uint64_t time)
{
	return time < u->o.select.to || u->o.select.to == UINT64_MAX;
}

/* ---- sums -------------------------------------------------------------- */

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

/* Returns the row that a site is charged to. */
static uint32_t
row_of(const struct inuse *u, const struct recording_site *site)
{
	const struct stacks *s = u->r->stacks;

	if (u->o.group == PROFILE_THREAD)
		return site->thread;
	return s->node[stacks_as(s, site->node, collapses(u))].row[u->o.group];
}

/* Add a change to the total of a row, once per walk up a stack. */
static int
add_total(struct inuse *u, uint32_t row, const struct inuse_sum *change)
{
	struct row *r = &u->row[row];

	if (r->visited == u->walks)
		return 0;
	r->visited = u->walks;
	add(&r->total, change);
	raise_to(&r->total.peak, change->peak);
	if (array_room(&u->touched, u->ntouched, &u->touched_room,
	        sizeof *u->touched) < 0)
		return nomem(u);
	u->touched[u->ntouched++] = row;
	return 0;
}

/* Add a change of a site to its row and to all rows on its stack.  Live and count are
 * differences modulo 2^64. */
static int
add_change(struct inuse *u, const struct recording_site *site, const struct inuse_sum *change)
{
	const struct stacks *s = u->r->stacks;
	uint32_t row = row_of(u, site);
	struct row *self = &u->row[row];

	u->walks++;
	add(&u->sum.all, change);
	add(&self->self, change);
	raise_to(&self->self.peak, change->peak);
	u->bytes.value[site->node] += change->bytes;
	if (add_total(u, row, change) < 0)
		return -1;
	if (u->o.group == PROFILE_THREAD)
		return 0;
	for (uint32_t n = site->node; n != NONE; n = stacks_caller(s, n, collapses(u)))
		if (add_total(u, s->node[stacks_as(s, n, collapses(u))].row[u->o.group],
		        change) < 0)
			return -1;
	return 0;
}

/* End an interval: only now can live bytes be compared with the peak. */
static void
end_interval(struct inuse *u)
{
	for (size_t i = 0; i < u->ntouched; i++) {
		struct row *r = &u->row[u->touched[i]];

		raise_to(&r->self.peak, r->self.live);
		raise_to(&r->total.peak, r->total.live);
	}
	raise_to(&u->sum.all.peak, u->sum.all.live);
	u->ntouched = 0;
}

/* ---- records ----------------------------------------------------------- */

/* Keep what is live as each row's baseline: the first interval of the selection begins. */
static void
keep_baseline(struct inuse *u)
{
	for (size_t i = 0; i < u->nrow; i++)
		u->row[i].baseline = u->row[i].self.live;
	u->has_baseline = 1;
}

static void
begin_interval(struct inuse *u, uint32_t interval, uint64_t time)
{
	if (interval == u->interval)
		return;
	u->interval = interval;
	end_interval(u);
	if (!u->has_baseline && u->o.select.from && time >= u->o.select.from)
		keep_baseline(u);
}

/* Set what is live at a site, and the change that it makes. */
static void
change_live(struct site *site, const struct recording_heap *h,
    const struct recording_range *range, struct inuse_sum *change)
{
	struct site now = { .live = h->live, .count = h->count, .least = h->live,
		.most = h->live, .old = site->old, .nold = site->nold };

	if (range) {
		now.least = range->live_least;
		now.most = range->live_most;
		now.ranged = range->live_ranged;
		now.var = range->live_error * range->live_error;
	}
	change->live = now.live - site->live;
	change->count = now.count - site->count;
	change->live_least = now.least - site->least;
	change->live_most = now.most - site->most;
	change->ranged = (uint64_t)now.ranged - (uint64_t)site->ranged;
	change->live_var = now.var - site->var;
	*site = now;
}

/* Set what has been allocated and freed. */
static void
change_bytes(const struct recording_heap *h, const struct recording_range *range,
    struct inuse_sum *change)
{
	change->allocs = h->allocs;
	change->bytes = change->bytes_least = change->bytes_most = h->bytes;
	change->frees = h->frees;
	change->temps = h->temps;
	change->moved = h->moved;
	change->copied = h->copied;
	change->peak = h->peak;
	if (range == NULL)
		return;
	change->bytes_least = range->bytes_least;
	change->bytes_most = range->bytes_most;
	change->bytes_var = range->bytes_error * range->bytes_error;
}

static int
on_heap(struct inuse *u, const struct recording_heap *h)
{
	const struct recording *r = u->r;
	const struct recording_site *site = &r->site[h->site];
	const struct recording_range *range = h->range == NONE ? NULL : &r->range[h->range];
	uint64_t time = r->heap_time[h->interval];
	struct inuse_sum change = { 0 };

	begin_interval(u, h->interval, time);
	if (u->o.select.thread != PROFILE_ALL && site->thread != u->o.select.thread)
		return 0;
	if (!is_before_end(u, time))
		return 0;
	change_live(&u->site[h->site], h, range, &change);
	if (u->o.age)
		return 0; /* add_old() does the rest */
	if (time >= u->o.select.from)
		change_bytes(h, range, &change);
	return add_change(u, site, &change);
}

/* Set the range of all of a process' memory, which is narrower than the sum of those of
 * its stacks. */
static void
on_memory_range(struct inuse *u, const struct recording_memory *m)
{
	u->sum.windows = m->ranged;
	if (!m->ranged)
		return;
	u->total = (struct inuse_sum){ .live = m->live, .count = m->count,
		.live_least = m->live_least, .live_most = m->live_most };
	u->sum.inuse = m->inuse;
}

static void
on_memory(struct inuse *u, const struct recording_memory *m)
{
	if (!is_before_end(u, m->time))
		return;
	u->sum.rss = m->rss;
	u->sum.anon = m->anon;
	if (u->o.select.thread == PROFILE_ALL)
		raise_to(&u->sum.all.peak, m->peak);
	on_memory_range(u, m);
	if (m->time < u->o.select.from)
		return;
	u->sum.unknown += m->unknown;
	u->sum.covered += m->covered;
	u->sum.hits += m->hits;
	u->sum.cost += m->cost;
}

/* ---- suspected leaks --------------------------------------------------- */

/* Find the last snapshot before the selection's end, and the time before which its
 * allocations are suspects. */
static void
find_snapshot(struct inuse *u)
{
	const struct recording *r = u->r;
	uint64_t time = 0, tenth, old;

	for (size_t i = 0; i < r->nage; i++)
		if (r->age[i].time > time && is_before_end(u, r->age[i].time))
			time = r->age[i].time;
	u->sum.snapshot = time;
	u->sum.from = u->sum.first;
	for (size_t i = 0; i < r->nstream; i++)
		if (r->stream[i].began <= time)
			u->sum.from = r->stream[i].began;
	tenth = time - (time > u->sum.from ? (time - u->sum.from) / 10 : 0);
	old = time > u->o.age ? time - u->o.age : 0;
	u->sum.cutoff = old < tenth ? old : tenth;
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
		if (add_change(u, &u->r->site[i], &change) < 0)
			return -1;
	}
	return 0;
}

static int
sum_old(struct inuse *u)
{
	find_snapshot(u);
	for (size_t i = 0; u->sum.snapshot && i < u->r->nage; i++) {
		const struct recording_age *a = &u->r->age[i];

		if (a->time != u->sum.snapshot || a->born > u->sum.cutoff)
			continue;
		u->site[a->site].old += a->bytes;
		u->site[a->site].nold += a->count;
	}
	return add_old(u);
}

/* ---- summing ----------------------------------------------------------- */

/* Say how memory was recorded. */
static void
describe(struct inuse *u)
{
	const struct recording *r = u->r;
	struct inuse_summary *s = &u->sum;

	s->sample = s->missing = s->doubts = s->lost = 0;
	s->first = r->nstream ? r->stream[0].began : 0;
	s->last = r->heap_last;
	s->estimated = r->estimated;
	s->layer = strtab_text(r->text, r->layer);
	s->found = s->layer || r->nheap;
	for (size_t i = 0; i < r->nstream; i++) {
		if (r->stream[i].sample > s->sample)
			s->sample = r->stream[i].sample;
		s->growth |= r->stream[i].growth;
	}
	for (size_t i = 0; i < r->nloss; i++) {
		const char *producer = strtab_text(r->text, r->loss[i].producer);
		const char *reason = strtab_text(r->text, r->loss[i].reason);

		if (producer == NULL || strcmp(producer, "heap") != 0)
			continue;
		*(reason && strcmp(reason, "not-probed") == 0 ? &s->missing :
		    reason && strcmp(reason, "unverified") == 0 ? &s->doubts : &s->lost) +=
		    r->loss[i].count;
	}
}

/* Make an array longer, up to n elements, with zeroes.  Returns 0, or -1 if out of
 * memory. */
static int
extend(void *array, size_t *from, size_t n, size_t size)
{
	size_t had = *from;
	char *old, *new;

	memcpy(&old, array, sizeof old);
	if (n <= had)
		return 0;
	if ((new = reallocarray(old, n, size)) == NULL)
		return -1;
	memset(&new[had * size], 0, (n - had) * size);
	memcpy(array, &new, sizeof new);
	*from = n;
	return 0;
}

size_t
inuse_ids(const struct inuse *u)
{
	return recording_rows(u->r, u->o.group);
}

static int
reserve(struct inuse *u)
{
	return extend(&u->site, &u->nsite, u->r->nsite, sizeof *u->site) < 0 ||
	        extend(&u->row, &u->nrow, inuse_ids(u), sizeof *u->row) < 0 ||
	        tally_reserve(&u->bytes, u->r->stacks->n) < 0
	    ? nomem(u)
	    : 0;
}

static int
sum_new(struct inuse *u)
{
	const struct recording *r = u->r;

	describe(u);
	for (; u->memory_done < r->nmemory; u->memory_done++)
		on_memory(u, &r->memory[u->memory_done]);
	for (; u->done < r->nheap; u->done++)
		if (on_heap(u, &r->heap[u->done]) < 0)
			return -1;
	return u->o.age ? sum_old(u) : 0;
}

/* ---- ranges ------------------------------------------------------------ */

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

/* ---- rows -------------------------------------------------------------- */

/* Returns the live bytes, or the suspected ones, of a site. */
static uint64_t
shown_live(const struct inuse *u, const struct site *site)
{
	return u->o.age && site->old < site->live ? site->old : site->live;
}

/* Fill the figures of nodes: what is live, and that with what was allocated. */
static int
fill_nodes(struct inuse *u)
{
	if (tally_reserve(&u->live, u->r->stacks->n) < 0 ||
	    tally_reserve(&u->weight, u->r->stacks->n) < 0)
		return -1;
	tally_clear(&u->live);
	for (size_t i = 0; i < u->nsite; i++)
		u->live.value[u->r->site[i].node] += shown_live(u, &u->site[i]);
	for (uint32_t n = 0; n < u->r->stacks->n; n++)
		u->weight.value[n] = u->live.value[n] + tally_self(&u->bytes, n);
	return 0;
}

/* Find the location of each row and what most of it went to. */
static int
look_below(struct inuse *u)
{
	const struct stacks *s = u->r->stacks;

	if (fill_nodes(u) < 0)
		return -1;
	if (u->o.group == PROFILE_THREAD)
		return 0;
	if (extend(&u->line, &u->nline, s->rows[PROFILE_LINE].n, sizeof *u->line) < 0 ||
	    extend(&u->best, &u->nbest, u->nrow, sizeof *u->best) < 0 ||
	    extend(&u->callee, &u->ncallee, u->nrow, sizeof *u->callee) < 0 ||
	    tally_sum(s, PROFILE_LINE, collapses(u), &u->weight, u->line) < 0 ||
	    tally_callees(s, u->o.group, &u->live, u->callee) < 0)
		return -1;
	if (u->o.group == PROFILE_FUNCTION || u->o.group == PROFILE_GENERIC)
		tally_best(s, u->o.group, u->line, u->best);
	return 0;
}

static void
locate(const struct inuse *u, uint32_t id, struct recording_row *of)
{
	const struct stacks_key *line;

	recording_describe(u->r, u->o.group, id, of);
	if (u->o.group != PROFILE_FUNCTION && u->o.group != PROFILE_GENERIC)
		return;
	line = &u->r->stacks->rows[PROFILE_LINE].row[u->best[id]].key;
	of->file = strtab_text(u->r->text, line->file);
	of->line = line->line;
}

static void
show_callee(const struct inuse *u, uint32_t id, struct inuse_row *to)
{
	const char *module;

	if (u->o.group == PROFILE_THREAD || !collapses(u) || u->callee[id].function == NONE)
		return;
	to->callee = recording_function(u->r, PROFILE_FUNCTION, u->callee[id].function, &module);
	to->callee_live = u->callee[id].value;
}

/* Copy a row for the caller.  Live bytes may exceed the peak within an unfinished interval. */
static void
show(struct inuse *u, uint32_t id)
{
	const struct row *row = &u->row[id];
	struct inuse_row *to = &u->out[u->nout++];
	struct recording_row of;

	locate(u, id, &of);
	*to = (struct inuse_row){ .id = id, .name = of.name, .file = of.file, .line = of.line,
		.module = of.module, .version = of.version, .pid = of.pid, .tid = of.tid,
		.special = of.special, .self = row->self, .total = row->total,
		.baseline = row->baseline };
	if (!u->has_baseline && u->o.select.from)
		to->baseline = to->self.live;
	raise_to(&to->self.peak, to->self.live);
	raise_to(&to->total.peak, to->total.live);
	show_callee(u, id, to);
}

/* Put what is known of the whole process into the summary that is handed out. */
static void
show_sum(struct inuse *u)
{
	struct inuse_summary *s = &u->shown;

	if (s->windows && u->o.select.thread == PROFILE_ALL && u->o.age == 0) {
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
	if (look_below(u) < 0)
		return nomem(u);
	u->nout = 0;
	for (uint32_t i = 0; i < u->nrow; i++)
		if (inuse_has(&u->row[i].total))
			show(u, i);
	u->shown = u->sum;
	show_sum(u);
	return 0;
}

int
inuse_update(struct inuse *u)
{
	return reserve(u) == 0 && sum_new(u) == 0 && collect(u) == 0 ? 0 : -1;
}

struct inuse *
inuse_open(struct recording *r, const struct inuse_options *o)
{
	struct inuse *u = calloc(1, sizeof *u);

	if (u == NULL) {
		db_no_memory(r->db);
		return NULL;
	}
	u->r = r;
	u->o = *o;
	u->interval = NONE;
	if (recording_want(r, RECORDING_HEAP) == 0 && inuse_update(u) == 0)
		return u;
	inuse_close(u);
	return NULL;
}

void
inuse_close(struct inuse *u)
{
	if (u == NULL)
		return;
	free(u->live.value);
	free(u->bytes.value);
	free(u->weight.value);
	free(u->site);
	free(u->row);
	free(u->out);
	free(u->callee);
	free(u->line);
	free(u->best);
	free(u->touched);
	free(u);
}

int
inuse_has_gaps(const struct inuse_summary *s)
{
	return s->lost || s->missing || s->doubts;
}

int
inuse_is_exact(const struct inuse_summary *s)
{
	return (s->found || s->growth) && !s->sample && !s->estimated && !s->windows &&
	    !inuse_has_gaps(s);
}

int
inuse_is_same(const struct inuse_options *a, const struct inuse_options *b)
{
	return a->group == b->group && a->select.from == b->select.from &&
	    a->select.to == b->select.to && a->select.thread == b->select.thread &&
	    a->age == b->age && a->collapse == b->collapse;
}

double
inuse_covered(const struct inuse *u)
{
	const struct inuse_summary *s = &u->shown;
	uint64_t from = s->first > u->o.select.from ? s->first : u->o.select.from;
	uint64_t to = s->last < u->o.select.to ? s->last : u->o.select.to;
	uint64_t ns = to > from ? to - from : 0;

	if (ns == 0 || (ns < COVERED_LEAST && ns < s->last - s->first) || s->covered >= ns)
		return 100;
	return 100 * (double)s->covered / (double)ns;
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
	return u->r->nheap || u->r->nmemory;
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

/* ---- series ------------------------------------------------------------ */

/* Returns whether a site counts in the total of a row (what = 't') or in its self (what
 * = 's'). */
static int
is_of(const struct inuse *u, const struct recording_site *site, unsigned id, char what)
{
	const struct stacks *s = u->r->stacks;

	if (u->o.select.thread != PROFILE_ALL && site->thread != u->o.select.thread)
		return 0;
	if (row_of(u, site) == id)
		return 1;
	if (what == 's' || u->o.group == PROFILE_THREAD)
		return 0;
	for (uint32_t n = site->node; n != NONE; n = stacks_caller(s, n, collapses(u)))
		if (s->node[stacks_as(s, n, collapses(u))].row[u->o.group] == id)
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
alive_change(struct alive *to, struct alive *had, const struct recording *r,
    const struct recording_heap *h)
{
	struct alive now = { h->live, h->live, h->live };

	if (h->range != NONE) {
		now.least = r->range[h->range].live_least;
		now.most = r->range[h->range].live_most;
	}
	to->live += now.live - had->live;
	to->least += now.least - had->least;
	to->most += now.most - had->most;
	*had = now;
}

static uint64_t
alive_known(const struct alive *a)
{
	return a->most / 2 > a->least ? INUSE_UNKNOWN : a->live;
}

/* A leak reader has no history: its suspects are known at the snapshot only. */
static size_t
records(const struct inuse *u)
{
	return u->o.age ? 0 : u->r->nheap;
}

int
inuse_series(const struct inuse *u, unsigned id, char what, uint64_t from,
    uint64_t width, uint64_t *bucket, size_t n)
{
	const struct recording *r = u->r;
	char *of = calloc(r->nsite + 1, 1);
	struct alive *had = calloc(r->nsite + 1, sizeof *had), now = { 0 };
	size_t at = 0;

	memset(bucket, 0, n * sizeof *bucket);
	for (size_t i = 0; of && i < r->nsite; i++)
		of[i] = (char)is_of(u, &r->site[i], id, what);
	for (size_t i = 0; of && had && width && i < records(u); i++) {
		const struct recording_heap *h = &r->heap[i];

		if (!of[h->site])
			continue;
		at = fill(bucket, at, n, from, width, r->heap_time[h->interval],
		    alive_known(&now));
		alive_change(&now, &had[h->site], r, h);
	}
	fill(bucket, at, n, from, width, UINT64_MAX, alive_known(&now));
	free(had);
	free(of);
	return of && had ? 0 : -1;
}

/* Fill the buckets that end by `time` with the live bytes of every row.  Returns the
 * first one left. */
static size_t
fill_all(const struct inuse *u, const struct alive *now, uint64_t from, uint64_t width,
    uint64_t time, uint64_t *out, size_t at, size_t n)
{
	for (; at < n && from + (at + 1) * width <= time; at++)
		for (size_t i = 0; i < inuse_ids(u); i++)
			out[i * n + at] = alive_known(&now[i]);
	return at;
}

int
inuse_series_all(const struct inuse *u, uint64_t from, uint64_t width, uint64_t *out, size_t n)
{
	const struct recording *r = u->r;
	struct alive *now = calloc(inuse_ids(u) + 1, sizeof *now);
	struct alive *had = calloc(r->nsite + 1, sizeof *had);
	size_t at = 0;

	memset(out, 0, inuse_ids(u) * n * sizeof *out);
	for (size_t i = 0; now && had && width && i < records(u); i++) {
		const struct recording_heap *h = &r->heap[i];
		const struct recording_site *site = &r->site[h->site];

		if (u->o.select.thread != PROFILE_ALL && site->thread != u->o.select.thread)
			continue;
		at = fill_all(u, now, from, width, r->heap_time[h->interval], out, at, n);
		alive_change(&now[row_of(u, site)], &had[h->site], r, h);
	}
	if (now && had)
		fill_all(u, now, from, width, UINT64_MAX, out, at, n);
	free(had);
	free(now);
	return now && had ? 0 : -1;
}

/* ---- stacks ------------------------------------------------------------ */

int
inuse_stacks(const struct inuse *u, enum profile_group group, struct calltree_stacks *out)
{
	return calltree_stacks_of(out, u->r->stacks, group, collapses(u), &u->live);
}
