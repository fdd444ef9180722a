#include "profile/figures.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/interval.h"
#include "profile/bound.h"
#include "profile/inuse.h"
#include "profile/near.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "record/db.h"

/*
 * Time is read once by a profile that is regrouped, memory once for a reader of each grouping,
 * collapsed or not.  Names are looked up among all frames; self is what it is when collapsed.
 * `find` walks the rows of either as named things: how a name is matched is said in one place.
 */

#define ERROR_SIZE 2048
#define LOST_MOST 0.01 /* of the samples: with more, shares are not estimates of anything */

struct figures {
	struct db *db;
	uint64_t since, until;
	struct recording *of_time, *of_memory; /* memory before `since` counts, too */
	struct profile *time;
	struct inuse *memory[2][PROFILE_NGROUPS]; /* expanded, collapsed */
	double weight; /* ns of a sample, as those count that stand for unequal times */
	uint64_t threads;
	char error[ERROR_SIZE];
};

/* A row of either reader, as far as its name goes. */
struct named {
	const char *name, *version, *module;
	size_t index;
};

static enum figures_result fail(struct figures *f, enum figures_result r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum figures_result
fail(struct figures *f, enum figures_result r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(f->error, sizeof f->error, format, ap);
	va_end(ap);
	return r;
}

/* ---- readers ----------------------------------------------------------- */

/* Returns the only number of a query, or 0. */
static uint64_t
ask(struct db *db, const char *sql, const char *types, uint64_t a, uint64_t b)
{
	struct db_stmt *s = db_prepare(db, sql);
	uint64_t n = 0;

	if (s && db_start(s, types, (int64_t)a, (int64_t)b) == 0 && db_step(s) == 1)
		n = (uint64_t)db_int(s, 0);
	db_finalize(s);
	return n;
}

int
figures_has_time(struct db *db)
{
	return ask(db, "SELECT EXISTS (SELECT 1 FROM stream WHERE producer = 'cpu')"
	    " OR EXISTS (SELECT 1 FROM cpu)", "", 0, 0) != 0;
}

double
figures_weight(struct db *db, uint64_t since, uint64_t until)
{
	return (double)ask(db, "SELECT CAST(total(1.0 * ns * ns) / total(ns) AS INTEGER)"
	    " FROM cpu WHERE time >= ?1 AND time < ?2", "ii", since,
	    until > INT64_MAX ? INT64_MAX : until);
}

static enum figures_result
open_time(struct figures *f, const struct bound *b)
{
	if (!figures_has_time(f->db))
		return fail(f, FIGURES_ABSENT, "no time was recorded");
	if (f->time == NULL) {
		f->of_time = recording_open(f->db, RECORDING_TIME, f->since, f->until);
		if (f->of_time)
			f->time = profile_open(f->of_time, PROFILE_CPU, PROFILE_GENERIC, 0);
		if (f->time == NULL)
			return fail(f, FIGURES_FAILED, "%s", db_error(f->db));
		f->weight = figures_weight(f->db, f->since, f->until);
		f->threads = ask(f->db, "SELECT count(*) FROM thread", "", 0, 0);
	}
	if (profile_measure(f->time, b->what == BOUND_OFF ? PROFILE_OFF : PROFILE_CPU) < 0)
		return fail(f, FIGURES_FAILED, "out of memory");
	if (b->what == BOUND_OFF && !profile_summary(f->time)->off)
		return fail(f, FIGURES_ABSENT, "no time off the CPU was recorded (-w records it)");
	return FIGURES_OK;
}

static enum figures_result
open_memory(struct figures *f, enum profile_group group, int collapse)
{
	const struct inuse_options o = { .group = group,
		.select = { f->since, f->until, PROFILE_ALL }, .collapse = collapse };
	struct inuse **u = &f->memory[collapse][group];

	if (f->of_memory == NULL)
		f->of_memory = recording_open(f->db, RECORDING_HEAP, 0, UINT64_MAX);
	if (f->of_memory == NULL || (*u == NULL && (*u = inuse_open(f->of_memory, &o)) == NULL))
		return fail(f, FIGURES_FAILED, "%s", db_error(f->db));
	if (!inuse_any(*u))
		return fail(f, FIGURES_ABSENT, "no memory was recorded");
	return FIGURES_OK;
}

/* Open what a bound is about, grouped. */
static enum figures_result
open_reader(struct figures *f, const struct bound *b, enum profile_group group)
{
	enum figures_result r;

	if (bound_is_memory(b->what))
		return open_memory(f, group, 0);
	if ((r = open_time(f, b)))
		return r;
	if (profile_regroup(f->time, group) < 0 || profile_collapse(f->time, 0) < 0)
		return fail(f, FIGURES_FAILED, "out of memory");
	return FIGURES_OK;
}

/* Set *to to row i of what is open.  Returns 0 past the last. */
static int
row_at(const struct figures *f, const struct bound *b, enum profile_group group, size_t i,
    struct named *to)
{
	const struct profile_row *time;
	const struct inuse_row *memory;
	size_t n;

	if (bound_is_memory(b->what)) {
		memory = inuse_rows(f->memory[0][group], &n);
		if (i < n)
			*to = (struct named){ memory[i].name, memory[i].version, memory[i].module, i };
	} else {
		time = profile_rows(f->time, &n);
		if (i < n)
			*to = (struct named){ time[i].name, time[i].version, time[i].module, i };
	}
	return i < n;
}

/* ---- names ------------------------------------------------------------- */

/* Returns whether a crate, or a crate and a version, is meant by a name. */
static int
is_crate(const struct named *row, const char *name)
{
	size_t len = strlen(row->name);

	for (size_t i = 0; i < len; i++)
		if (name[i] != row->name[i] && !(name[i] == '-' && row->name[i] == '_'))
			return 0;
	if (name[len] == '\0')
		return 1;
	return row->version && name[len] == ' ' && strcmp(name + len + 1, row->version) == 0;
}

/* Returns whether a function is meant by its whole name or the last components of it. */
static int
is_function(const struct named *row, const char *name)
{
	size_t len = strlen(name), all = strlen(row->name);

	if (len > all || strcmp(row->name + all - len, name) != 0)
		return 0;
	if (len == all || strncmp(name, "::", 2) == 0)
		return 1;
	return all - len >= 2 && strncmp(row->name + all - len - 2, "::", 2) == 0;
}

/* Append the name of a row to the error, with what tells it from others. */
static void
list(struct figures *f, const struct named *row, const char *before)
{
	size_t used = strlen(f->error);

	snprintf(f->error + used, sizeof f->error - used, "%s%.200s%s%.30s%s%.200s", before,
	    row->name, row->version ? " " : "", row->version ? row->version : "",
	    row->module && !row->version ? " of " : "",
	    row->module && !row->version ? row->module : "");
}

/* Find the rows that a name means in a grouping: *n of them, the last in *found. */
static enum figures_result
find_in(struct figures *f, const struct bound *b, enum profile_group group, const char *name,
    struct named *found, size_t *n)
{
	enum figures_result r = open_reader(f, b, group);
	struct named row;

	*n = 0;
	for (size_t i = 0; r == FIGURES_OK && row_at(f, b, group, i, &row); i++) {
		int is = group == PROFILE_CRATE ? is_crate(&row, name) : is_function(&row, name);

		/* The whole name is not one of several. */
		if (is && group != PROFILE_CRATE && strcmp(row.name, name) == 0 && *n &&
		    strcmp(found->name, name) != 0)
			*n = 0;
		if (is && *n && group != PROFILE_CRATE && strcmp(found->name, name) == 0 &&
		    strcmp(row.name, name) != 0)
			continue;
		if (!is)
			continue;
		if (*n == 0)
			fail(f, FIGURES_NAME, "\"%s\" is more than one: ", name);
		list(f, &row, *n ? "; " : "");
		*found = row;
		++*n;
	}
	near_clean(f->error, sizeof f->error);
	return r ? r : *n > 1 ? FIGURES_NAME : FIGURES_OK;
}

/* Say that nothing has a name, and what has one like it. */
static enum figures_result
fail_near(struct figures *f, const struct bound *b, const char *name)
{
	static const enum profile_group groups[] = { PROFILE_CRATE, PROFILE_GENERIC };
	struct near near = { .wanted = name };
	struct named row;
	size_t used;

	fail(f, FIGURES_NAME, "no function or crate \"%s\" in the recording", name);
	for (size_t g = 0; g < 2; g++)
		if (open_reader(f, b, groups[g]) == FIGURES_OK)
			for (size_t i = 0; row_at(f, b, groups[g], i, &row); i++)
				near_offer(&near, row.name);
	for (size_t i = 0; i < near.n; i++) {
		used = strlen(f->error);
		snprintf(f->error + used, sizeof f->error - used, "%s%.300s",
		    i ? ", " : "; near misses: ", near.name[i]);
	}
	near_clean(f->error, sizeof f->error);
	return FIGURES_NAME;
}

/* Returns whether a name is in the recording at all: it may have no time, or no memory. */
static int
is_known(struct figures *f, const char *name)
{
	struct db_stmt *s = db_prepare(f->db, "SELECT 1 FROM string WHERE text = ?1"
	    " OR text = replace(?1, '-', '_')"
	    " OR substr(text, -length(?1) - 2) = '::' || ?1 LIMIT 1");
	int known = s && db_start(s, "t", name) == 0 && db_step(s) == 1;

	db_finalize(s);
	return known;
}

/* Find the row that a bound is about.  *group is PROFILE_NGROUPS if it has nothing. */
static enum figures_result
find(struct figures *f, const struct bound *b, struct named *row, enum profile_group *group)
{
	static const enum profile_group groups[] = { PROFILE_CRATE, PROFILE_GENERIC,
		PROFILE_FUNCTION };
	enum figures_result r = FIGURES_OK;
	char name[ERROR_SIZE / 4];
	size_t n = 0;

	if (b->name_len >= sizeof name)
		return fail(f, FIGURES_NAME, "the name is too long");
	memcpy(name, b->name, b->name_len);
	name[b->name_len] = '\0';
	for (size_t g = 0; n == 0 && g < 3; g++) {
		*group = groups[g];
		if (*group == PROFILE_CRATE && strstr(name, "::"))
			continue;
		if ((r = find_in(f, b, *group, name, row, &n)))
			return r;
	}
	if (n)
		return FIGURES_OK;
	*group = PROFILE_NGROUPS;
	return is_known(f, name) ? FIGURES_OK : fail_near(f, b, name);
}

/* ---- time -------------------------------------------------------------- */

/* Returns the self time of a row, with that of runtime frames it calls; its own if it is one. */
static enum figures_result
self_time(struct figures *f, const struct named *row, uint64_t *ns)
{
	const struct profile_row *all;
	unsigned id;
	size_t n;

	all = profile_rows(f->time, &n);
	id = all[row->index].id;
	*ns = all[row->index].self;
	if (profile_collapse(f->time, 1) < 0)
		return fail(f, FIGURES_FAILED, "out of memory");
	all = profile_rows(f->time, &n);
	for (size_t i = 0; i < n; i++)
		if (all[i].id == id)
			*ns = all[i].self;
	return FIGURES_OK;
}

/* Returns the time of the process itself, without that in probes. */
static uint64_t
own_time(const struct figures *f)
{
	const struct profile_summary *s = profile_summary(f->time);

	return s->ns - s->probes_ns;
}

/* Set *part and *whole, in ns: the time of what a bound names, and of everything. */
static enum figures_result
read_time(struct figures *f, const struct bound *b, double *part, double *whole)
{
	enum profile_group group = PROFILE_GENERIC;
	enum figures_result r;
	struct named row;
	uint64_t ns = 0;
	size_t n;

	r = b->name ? find(f, b, &row, &group) : open_reader(f, b, group);
	if (r)
		return r;
	if (b->name == NULL)
		ns = own_time(f);
	else if (group != PROFILE_NGROUPS && b->self)
		r = self_time(f, &row, &ns);
	else if (group != PROFILE_NGROUPS)
		ns = profile_rows(f->time, &n)[row.index].total;
	*part = (double)ns;
	*whole = (double)own_time(f);
	return r;
}

/* Returns whether so much was lost that samples are none of what ran. */
static int
is_lossy(const struct figures *f)
{
	const struct profile_summary *s = profile_summary(f->time);

	return (double)s->lost > LOST_MOST * (double)s->samples;
}

/* Set a share of the time. */
static void
share(const struct figures *f, const struct bound *b, double part, double whole,
    struct bound_figure *out)
{
	double weight = f->weight > 0 ? f->weight : 1;
	struct interval i = interval_share(part / weight, whole / weight);

	out->value = whole > 0 ? part / whole : 0;
	out->least = i.least;
	out->most = i.most;
	out->basis = is_lossy(f) ? BOUND_UNBOUNDED : BOUND_SAMPLED;
	if (b->what == BOUND_OFF && out->basis == BOUND_SAMPLED) {
		out->least = out->most = out->value;
		out->basis = BOUND_EXACT;
	}
}

/* Set a time: of all threads it is known up to their last samples; of a name it is a share of
 * that. */
static void
duration(const struct figures *f, const struct bound *b, double part, double whole,
    struct bound_figure *out)
{
	double rest = b->what == BOUND_CPU ? f->weight * (double)f->threads : 0;

	share(f, b, part, whole, out);
	out->value = part;
	if (b->name == NULL)
		out->least = out->most = 1;
	out->least *= whole;
	out->most *= whole + rest;
}

static enum figures_result
get_time(struct figures *f, const struct bound *b, struct bound_figure *out)
{
	double part, whole;
	enum figures_result r = read_time(f, b, &part, &whole);

	if (r)
		return r;
	/* A change of what has a name is that of its share. */
	if (b->unit == BOUND_SHARE || (b->unit == BOUND_CHANGE && b->name))
		share(f, b, part, whole, out);
	else
		duration(f, b, part, whole, out);
	return FIGURES_OK;
}

/* ---- memory ------------------------------------------------------------ */

static void
set_range(const struct inuse_summary *s, const struct inuse_range *r, struct bound_figure *out)
{
	out->least = (double)r->least;
	out->most = (double)r->most;
	if (inuse_has_gaps(s))
		out->basis = BOUND_UNBOUNDED;
	else
		out->basis = r->least == r->most ? BOUND_EXACT : BOUND_RANGE;
}

static void
memory_figure(const struct inuse_summary *s, const struct inuse_sum *sum, enum bound_what what,
    struct bound_figure *out)
{
	const uint64_t values[BOUND_NWHATS] = { [BOUND_LIVE] = sum->live,
		[BOUND_PEAK] = sum->peak, [BOUND_BYTES] = sum->bytes,
		[BOUND_ALLOCS] = sum->allocs, [BOUND_TEMPS] = sum->temps };
	struct inuse_range r;

	*out = (struct bound_figure){ .value = (double)values[what] };
	out->least = out->most = out->value;
	out->basis = BOUND_EXACT;
	if (inuse_is_exact(s))
		return;
	out->basis = BOUND_UNBOUNDED;
	r = what == BOUND_BYTES ? inuse_bytes_range(sum) : inuse_live_range(sum);
	if (what == BOUND_LIVE || what == BOUND_BYTES)
		set_range(s, &r, out);
}

/* Set *row to that of the collapsed reader, unless the row is a runtime frame itself. */
static enum figures_result
self_memory(struct figures *f, enum profile_group group, const struct inuse_row **row)
{
	enum figures_result r = open_memory(f, group, 1);
	const struct inuse_row *all;
	unsigned id = (*row)->id;
	size_t n;

	if (r)
		return r;
	for (all = inuse_rows(f->memory[1][group], &n); n--; all++)
		if (all->id == id)
			*row = all;
	return FIGURES_OK;
}

static enum figures_result
get_memory(struct figures *f, const struct bound *b, struct bound_figure *out)
{
	static const struct inuse_sum nothing;
	enum profile_group group = PROFILE_GENERIC;
	const struct inuse_sum *sum = &nothing;
	const struct inuse_row *row;
	enum figures_result r;
	struct named found;
	size_t n;

	r = b->name ? find(f, b, &found, &group) : open_reader(f, b, group);
	if (r)
		return r;
	if (group == PROFILE_NGROUPS) {
		group = PROFILE_FUNCTION; /* which was looked through last */
	} else if (b->name == NULL) {
		sum = &inuse_summary(f->memory[0][group])->all;
	} else {
		row = &inuse_rows(f->memory[0][group], &n)[found.index];
		if (b->self && (r = self_memory(f, group, &row)))
			return r;
		sum = b->self ? &row->self : &row->total;
	}
	memory_figure(inuse_summary(f->memory[0][group]), sum, b->what, out);
	return FIGURES_OK;
}

/* ---- for bounds -------------------------------------------------------- */

struct figures *
figures_open(struct db *db, uint64_t since, uint64_t until)
{
	struct figures *f = calloc(1, sizeof *f);

	if (f)
		*f = (struct figures){ .db = db, .since = since, .until = until };
	return f;
}

void
figures_close(struct figures *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < PROFILE_NGROUPS; i++)
		for (size_t collapse = 0; collapse < 2; collapse++)
			inuse_close(f->memory[collapse][i]);
	profile_close(f->time);
	recording_close(f->of_time);
	recording_close(f->of_memory);
	free(f);
}

const char *
figures_error(const struct figures *f)
{
	return f->error;
}

enum figures_result
figures_get(struct figures *f, const struct bound *b, struct bound_figure *out)
{
	return bound_is_memory(b->what) ? get_memory(f, b, out) : get_time(f, b, out);
}

/* Read a figure of each of n recordings. */
static enum figures_result
get_all(struct figures *const *f, size_t n, const struct bound *b, struct bound_figure *out,
    struct figures **bad)
{
	for (size_t i = 0; i < n; i++) {
		enum figures_result r = figures_get(f[i], b, &out[i]);

		*bad = f[i];
		if (r)
			return r;
	}
	return FIGURES_OK;
}

/* Returns the change from one figure to another. */
static struct bound_figure
change_of(const struct bound_figure *old, const struct bound_figure *new)
{
	const struct interval of_new = { new->least, new->most }, of_old = { old->least, old->most };
	struct interval i = interval_ratio(new->value, &of_new, old->value, &of_old);
	struct bound_figure c = { .least = i.least, .most = i.most, .basis = new->basis };

	if (c.basis == BOUND_EXACT || old->basis == BOUND_UNBOUNDED)
		c.basis = old->basis;
	c.value = old->value > 0 ? new->value / old->value : new->value > 0 ? INFINITY : 1;
	if (old->basis == BOUND_EXACT && new->basis == BOUND_EXACT)
		c.least = c.most = c.value;
	return c;
}

/* Set the change between several figures a side, if all of them are more than nothing. */
static enum figures_result
spread(const struct bound_figure *old, size_t n, const struct bound_figure *new, size_t m,
    struct bound_figure *out)
{
	double *v = calloc(n + m, sizeof *v), sum = 0;
	struct interval i;

	*out = (struct bound_figure){ 1, 1, 1, BOUND_UNBOUNDED };
	if (v == NULL)
		return FIGURES_FAILED;
	for (size_t k = 0; k < n + m; k++) {
		v[k] = k < n ? old[k].value : new[k - n].value;
		sum += k < n ? -log(v[k]) / (double)n : log(v[k]) / (double)m;
	}
	if (isfinite(sum)) {
		i = interval_spread(v + n, m, v, n);
		*out = (struct bound_figure){ exp(sum), i.least, i.most, BOUND_SPREAD };
	}
	free(v);
	return FIGURES_OK;
}

enum figures_result
figures_change(struct figures *const *old, size_t n, struct figures *const *new, size_t m,
    const struct bound *b, struct bound_figure *out, struct figures **bad)
{
	struct bound_figure *before = calloc(n + 1, sizeof *before);
	struct bound_figure *after = calloc(m + 1, sizeof *after);
	enum figures_result r = FIGURES_FAILED;

	*bad = new[0];
	if (before == NULL || after == NULL)
		fail(new[0], r, "out of memory");
	else if ((r = get_all(old, n, b, before, bad)) == FIGURES_OK &&
	    (r = get_all(new, m, b, after, bad)) == FIGURES_OK) {
		if (n == 1 && m == 1)
			*out = change_of(&before[0], &after[0]);
		else if ((r = spread(before, n, after, m, out)))
			fail(new[0], r, "out of memory");
	}
	free(before);
	free(after);
	return r;
}
