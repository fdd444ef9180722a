#include "profile/compare_report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/members.h"
#include "base/quote.h"
#include "base/units.h"
#include "profile/compare.h"
#include "profile/inuse.h"
#include "profile/profile.h"
#include "record/db.h"
#include "symbol/shorten.h"

#define NAME_SIZE 8192
#define TIME_FIGURES 44 /* columns before a name */
#define MEMORY_FIGURES 48

static const char *const words[] = { "Old", "New" };
static const char *const keys[] = { "old", "new" };

/* ---- sentences --------------------------------------------------------- */

/* Returns a size without padding. */
static const char *
size(char buf[UNITS_MAX], uint64_t bytes)
{
	const char *s = units_size(buf, bytes);

	return s + strspn(s, " ");
}

/* Write what a side is into buf. */
static void
describe(char *buf, size_t bytes, const struct compare *c, enum compare_side side)
{
	const struct compare_of *of = compare_of(c, side);
	const struct profile_summary *t = compare_time(c, side);
	const struct inuse_summary *m = compare_memory(c, side);
	const char *name = db_meta(of->db, "name");
	char a[UNITS_MAX];
	size_t n;

	n = (size_t)snprintf(buf, bytes, "%.1000s: %.200s", of->path, name ? name : "?");
	if (of->since || of->until != UINT64_MAX)
		n += (size_t)snprintf(buf + n, bytes - n, ", %s", units_range(a, of->since, of->until));
	if (t)
		n += (size_t)snprintf(buf + n, bytes - n, ", CPU %.3f s of %.3f s in %" PRIu64
		    " samples", (double)compare_ns(c, side) / 1e9, (double)t->recorded / 1e9, t->samples);
	if (m)
		n += (size_t)snprintf(buf + n, bytes - n, ", heap %s live, %" PRIu64 " allocations%s",
		    size(a, m->all.live), m->all.allocs,
		    m->sample || m->estimated || m->windows ? ", estimated" : "");
	if (t == NULL && m == NULL)
		snprintf(buf + n, bytes - n, ", nothing was recorded");
}

/* Returns the share of a side's time, in percent. */
static double
percent(const struct compare *c, const struct compare_row *r, enum compare_side side)
{
	return units_percent(r->side[side].self, compare_ns(c, side));
}

/* Format by how much the share has changed, between what bounds: "+9.1 to +19.8 %". */
static const char *
change_words(char buf[UNITS_MAX], const struct compare_row *r)
{
	double least = 100 * (r->range.least - 1), most = 100 * (r->range.most - 1);

	if (!isfinite(r->change))
		snprintf(buf, UNITS_MAX, "new");
	else if (r->change <= 0 && r->sure)
		snprintf(buf, UNITS_MAX, "gone");
	else if (!isfinite(most))
		snprintf(buf, UNITS_MAX, "%+.0f %% or more", least);
	else
		snprintf(buf, UNITS_MAX, "%+.1f to %+.1f %%", least, most);
	return buf;
}

static int
has_both_times(const struct compare *c)
{
	return compare_time(c, COMPARE_OLD) && compare_time(c, COMPARE_NEW);
}

static int
has_both_memories(const struct compare *c)
{
	return compare_memory(c, COMPARE_OLD) && compare_memory(c, COMPARE_NEW);
}

/* Returns whether a row says anything about time, or about memory. */
static int
has_time(const struct compare_row *r)
{
	return r->side[COMPARE_OLD].self || r->side[COMPARE_NEW].self;
}

static int
has_memory(const struct compare_row *r)
{
	return memcmp(&r->side[COMPARE_OLD].live, &r->side[COMPARE_NEW].live,
	           3 * sizeof(uint64_t)) != 0;
}

/* ---- text -------------------------------------------------------------- */

static void
put_place(FILE *out, const struct compare_report *r, const struct compare_row *row,
    size_t figures)
{
	size_t width = r->columns > figures + 24 ? r->columns - figures : 24;
	size_t place = width * 2 / 5, used;
	char buf[NAME_SIZE], where[NAME_SIZE];

	if (row->file && row->line)
		snprintf(where, sizeof where, "%s:%" PRIu64, row->file, row->line);
	else
		snprintf(where, sizeof where, "%s", row->file ? row->file : row->module ? row->module : "");
	used = shorten_function(buf, sizeof buf, row->name, width - place - 2);
	fputs(buf, out);
	if (*where) {
		shorten_source(buf, sizeof buf, where, place);
		fprintf(out, "%*s%s", (int)(width - place - used), "", buf);
	}
	putc('\n', out);
}

static void
put_times(FILE *out, const struct compare_report *r)
{
	const struct compare_row *row;
	size_t n, shown = 0, more = 0;
	char buf[UNITS_MAX];

	if (!has_both_times(r->compare))
		return;
	row = compare_rows(r->compare, 0, &n);
	fputs("\nCPU time: share of it, and its change; ~ may be chance\n", out);
	fputs("Before%  After%  Change   95 % bounds        Function\n", out);
	for (size_t i = 0; i < n; i++) {
		double old = percent(r->compare, &row[i], COMPARE_OLD);
		double new = percent(r->compare, &row[i], COMPARE_NEW);

		if (!has_time(&row[i]))
			continue;
		if (shown == r->rows) {
			more++;
			continue;
		}
		fprintf(out, "%7.2f %7.2f %+7.2f %c %-17s  ", old, new, new - old,
		    row[i].sure ? ' ' : '~', change_words(buf, &row[i]));
		put_place(out, r, &row[i], TIME_FIGURES);
		shown++;
	}
	if (more)
		fprintf(out, "%zu more (-n 0 shows all)\n", more);
}

static void
put_memories(FILE *out, const struct compare_report *r)
{
	const struct compare_row *row;
	size_t n, shown = 0, more = 0;
	char a[UNITS_MAX], b[UNITS_MAX], c[UNITS_MAX];

	if (!has_both_memories(r->compare))
		return;
	row = compare_rows(r->compare, 1, &n);
	fputs("\nMemory: what has changed\n", out);
	fputs("  Live  Before    Growth     Allocs     Before  Function\n", out);
	for (size_t i = 0; i < n; i++) {
		const struct compare_figures *old = &row[i].side[COMPARE_OLD];
		const struct compare_figures *new = &row[i].side[COMPARE_NEW];

		if (!has_memory(&row[i]))
			continue;
		if (shown == r->rows) {
			more++;
			continue;
		}
		fprintf(out, "%6s  %6s  %8s %10" PRIu64 " %10" PRIu64 "  ", units_size(a, new->live),
		    units_size(b, old->live), units_change(c, old->live, new->live), new->allocs,
		    old->allocs);
		put_place(out, r, &row[i], MEMORY_FIGURES);
		shown++;
	}
	if (shown == 0)
		fputs("nothing\n", out);
	if (more)
		fprintf(out, "%zu more (-n 0 shows all)\n", more);
}

void
compare_text(FILE *out, const struct compare_report *r)
{
	char line[NAME_SIZE], buf[NAME_SIZE];

	for (int i = 0; i < COMPARE_SIDES; i++) {
		describe(line, sizeof line, r->compare, (enum compare_side)i);
		shorten_text(buf, sizeof buf, line, r->columns - 5);
		fprintf(out, "%s  %s\n", words[i], buf);
	}
	put_times(out, r);
	put_memories(out, r);
}

/* ---- JSON -------------------------------------------------------------- */

static void
put_side(FILE *out, const struct compare *c, enum compare_side side)
{
	const struct compare_of *of = compare_of(c, side);
	const struct profile_summary *t = compare_time(c, side);
	const struct inuse_summary *m = compare_memory(c, side);

	member_key(out, keys[side]);
	member_text(out, "{file", of->path);
	member_text(out, "name", db_meta(of->db, "name"));
	member_number(out, "since_ns", of->since);
	member_some(out, "until_ns", of->until == UINT64_MAX ? 0 : of->until);
	member_bool(out, "time", t != NULL);
	member_number(out, "cpu_ns", compare_ns(c, side));
	member_number(out, "samples", t ? t->samples : 0);
	member_bool(out, "memory", m != NULL);
	member_bool(out, "exact", m && !(m->sample || m->estimated || m->windows || m->lost));
	member_number(out, "live", m ? m->all.live : 0);
	member_number(out, "bytes", m ? m->all.bytes : 0);
	member_number(out, "allocs", m ? m->all.allocs : 0);
	putc('}', out);
}

static void
put_figures(FILE *out, const char *key, const struct compare_figures *f)
{
	member_key(out, key);
	member_number(out, "{self_ns", f->self);
	member_number(out, "total_ns", f->total);
	member_number(out, "live", f->live);
	member_number(out, "bytes", f->bytes);
	member_number(out, "allocs", f->allocs);
	putc('}', out);
}

/* Write a factor, or null if it has no bound. */
static void
put_factor(FILE *out, const char *key, double factor)
{
	member_key(out, key);
	if (isfinite(factor))
		fprintf(out, "%.6f", factor);
	else
		fputs("null", out);
}

static void
put_row(FILE *out, const struct compare *c, const struct compare_row *r)
{
	member_text(out, "{function", r->name);
	member_text(out, "file", r->file);
	member_some(out, "line", r->line);
	member_text(out, "module", r->module);
	put_figures(out, "old", &r->side[COMPARE_OLD]);
	put_figures(out, "new", &r->side[COMPARE_NEW]);
	if (has_both_times(c)) {
		put_factor(out, "change", r->change);
		put_factor(out, "change_min", r->range.least);
		put_factor(out, "change_max", r->range.most);
	} else {
		member_text(out, "change", NULL);
		member_text(out, "change_min", NULL);
		member_text(out, "change_max", NULL);
	}
	member_bool(out, "sure", r->sure);
	putc('}', out);
}

void
compare_json(FILE *out, const struct compare_report *r)
{
	const struct compare_row *row;
	size_t n;

	row = compare_rows(r->compare, !has_both_times(r->compare), &n);
	member_number(out, "{diff", COMPARE_VERSION);
	put_side(out, r->compare, COMPARE_OLD);
	put_side(out, r->compare, COMPARE_NEW);
	member_number(out, "rows_total", n);
	member_key(out, "rows");
	putc('[', out);
	for (size_t i = 0; i < n && i < r->rows; i++) {
		members_element(out, i);
		put_row(out, r->compare, &row[i]);
	}
	fputs("]}\n", out);
}

/* ---- CSV --------------------------------------------------------------- */

void
compare_csv(FILE *out, const struct compare_report *r)
{
	const struct compare_row *row;
	size_t n;

	row = compare_rows(r->compare, !has_both_times(r->compare), &n);
	fputs("function,file,line,module,old_self_ns,new_self_ns,old_total_ns,new_total_ns,"
	      "old_live,new_live,old_bytes,new_bytes,old_allocs,new_allocs,sure\r\n", out);
	for (size_t i = 0; i < n && i < r->rows; i++) {
		const struct compare_figures *old = &row[i].side[COMPARE_OLD];
		const struct compare_figures *new = &row[i].side[COMPARE_NEW];

		quote_csv(out, row[i].name);
		putc(',', out);
		quote_csv(out, row[i].file ? row[i].file : "");
		fprintf(out, ",%" PRIu64 ",", row[i].line);
		quote_csv(out, row[i].module ? row[i].module : "");
		fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
		    old->self, new->self, old->total, new->total, old->live, new->live);
		fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%d\r\n", old->bytes,
		    new->bytes, old->allocs, new->allocs, row[i].sure);
	}
}

/* ---- Markdown ---------------------------------------------------------- */

static void
put_cells(FILE *out, const struct compare *c, const struct compare_row *r)
{
	const struct compare_figures *old = &r->side[COMPARE_OLD], *new = &r->side[COMPARE_NEW];
	double before = percent(c, r, COMPARE_OLD), after = percent(c, r, COMPARE_NEW);
	char a[UNITS_MAX], b[UNITS_MAX];

	putc('|', out);
	if (has_both_times(c))
		fprintf(out, "%.1f |%.1f |%s%+.1f%s |%s%s |", before, after, r->sure ? "**" : "",
		    after - before, r->sure ? "**" : "", change_words(a, r), r->sure ? "" : ", may be chance");
	if (has_both_memories(c))
		fprintf(out, "%s |%s |%" PRIu64 " |%+" PRId64 " |", size(a, new->live),
		    units_change(b, old->live, new->live), new->allocs,
		    (int64_t)(new->allocs - old->allocs));
	quote_markdown(out, r->name);
	fputs(" |\n", out);
}

static void
put_table(FILE *out, const struct compare_report *r)
{
	int time = has_both_times(r->compare), memory = has_both_memories(r->compare);
	const struct compare_row *row;
	size_t n;

	if (!time && !memory)
		return;
	row = compare_rows(r->compare, !time, &n);
	fprintf(out, "\n|%s%sFunction |\n",
	    time ? "Before % |After % |Change |95 % bounds |" : "",
	    memory ? "Live |Growth |Allocations |Change |" : "");
	fprintf(out, "|%s%s--- |\n", time ? "---: |---: |---: |--- |" : "",
	    memory ? "---: |---: |---: |---: |" : "");
	for (size_t i = 0, shown = 0; i < n && shown < r->rows; i++) {
		if (!(time && has_time(&row[i])) && !(memory && has_memory(&row[i])))
			continue;
		put_cells(out, r->compare, &row[i]);
		shown++;
	}
}

void
compare_markdown(FILE *out, const struct compare_report *r)
{
	char line[NAME_SIZE];

	for (int i = 0; i < COMPARE_SIDES; i++) {
		describe(line, sizeof line, r->compare, (enum compare_side)i);
		fprintf(out, "- %s: ", words[i]);
		quote_markdown_text(out, line);
		putc('\n', out);
	}
	put_table(out, r);
}
