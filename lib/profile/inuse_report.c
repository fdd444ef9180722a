#include "profile/inuse_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/quote.h"
#include "base/units.h"
#include "profile/recording.h"
#include "record/db.h"
#include "symbol/shorten.h"

#define NAME_SIZE 8192
#define LABEL "%-10s"
#define FIGURES 52 /* columns before the name */
#define COVERED 95 /* percent of the time from which recording was complete */
#define ERRORS 10  /* more of them with errors */
#define CALLEE_COLUMNS 32 /* with its live bytes */
#define CALLEE_FROM 120   /* width of lines from which callees are printed */

/* ---- figures ----------------------------------------------------------- */

/* Format bytes without padding. */
static const char *
size(char buf[UNITS_MAX], uint64_t bytes)
{
	const char *s = units_size(buf, bytes);

	return s + strspn(s, " ");
}

/* Extrapolate live bytes to the growth per minute. */
static uint64_t
growth(const struct inuse_report *r, uint64_t live)
{
	const struct inuse_summary *sum = inuse_summary(r->inuse);
	uint64_t ns = sum->cutoff > sum->from ? sum->cutoff - sum->from : 0;

	return ns ? (uint64_t)((double)live * 60e9 / (double)ns) : 0;
}

/* ---- text -------------------------------------------------------------- */

/* Format bytes without padding, or say that they are not known. */
static const char *
known_size(char buf[UNITS_MAX], uint64_t bytes, const struct inuse_range *range)
{
	return range->known ? size(buf, bytes) : "not known";
}

/* Print between what bounds a figure is, unless it is exact or nearly so. */
static void
put_bounds(FILE *out, const struct inuse_range *range)
{
	char a[UNITS_MAX], b[UNITS_MAX];

	if (!range->known)
		fprintf(out, ", between %s and %s", size(a, range->least),
		    size(b, range->most));
	else if (range->error > INUSE_ERROR_SHOWN)
		fprintf(out, " (%s to %s)", size(a, range->least), size(b, range->most));
}

static void
put_process(FILE *out, const struct inuse_report *r)
{
	const char *s = db_meta(r->db, "name");
	char buf[NAME_SIZE];

	shorten_text(buf, sizeof buf, s ? s : "?", 40);
	fprintf(out, LABEL "%s", "Process", buf);
	if ((s = db_meta(r->db, "pid")))
		fprintf(out, " (pid %s)", s);
	putc('\n', out);
}

static void
put_how(FILE *out, const struct inuse_report *r)
{
	const struct inuse_summary *s = inuse_summary(r->inuse);
	uint64_t ns = s->last > s->first ? s->last - s->first : 0;
	char buf[UNITS_MAX];

	fprintf(out, LABEL "%.3f s, ", "Recorded", (double)ns / 1e9);
	if (!s->found && !s->growth) {
		fputs("no allocation: no function that allocates was found\n", out);
		return;
	}
	if (s->growth)
		fputs("memory by page faults, ", out);
	if (s->growth && s->sample)
		fprintf(out, "one per %s sampled: estimates", size(buf, s->sample));
	else if (s->growth)
		fputs(s->lost ? "but for those lost" : "all of them", out);
	else if (s->sample)
		fprintf(out, "one allocation per %s sampled: estimates", size(buf, s->sample));
	else if (s->estimated)
		fputs("sampled or in windows, in part: estimates", out);
	else
		fputs(inuse_is_exact(s) ? "every allocation" : "allocations", out);
	if (s->missing)
		fprintf(out, " but for %" PRIu64 " functions that are not probed", s->missing);
	else if (s->doubts)
		fputs(", of which some may be missing", out);
	if (s->layer && strcmp(s->layer, "otel_memory") == 0)
		fputs(", sampled by its allocator (otel_memory)", out);
	else if (s->layer)
		fprintf(out, ", probed at %s's functions", s->layer);
	if (!s->growth && inuse_covered(r->inuse) < COVERED)
		fprintf(out, ", %.1f %% of the time", inuse_covered(r->inuse));
	putc('\n', out);
	if (s->cost)
		fprintf(out, LABEL "%" PRIu64 " probe hits, about %.3f s of the "
		    "process's CPU time\n", "Cost", s->hits, (double)s->cost / 1e9);
	if (s->lost)
		fprintf(out, LABEL "%" PRIu64 ", see the lost records\n", "Lost", s->lost);
}

/* Say how much of what is live the rows tell. */
static void
put_known(FILE *out, const struct inuse_summary *s)
{
	char a[UNITS_MAX], b[UNITS_MAX];

	if (!s->windows)
		return;
	if (s->inuse)
		fprintf(out, LABEL "%s by the allocator's own state, older memory included\n",
		    "In use", size(a, s->inuse));
	fprintf(out, LABEL "%s by place", "Known", size(a, s->known));
	if (inuse_live_range(&s->all).known && s->all.live > s->known)
		fprintf(out, ", %s (%.0f %% of what is live) not",
		    size(b, s->all.live - s->known),
		    units_percent(s->all.live - s->known, s->all.live));
	fputs(": probes are armed in windows of time (-I samples inside the process)\n", out);
}

static void
put_live(FILE *out, const struct inuse_summary *s)
{
	struct inuse_range range = inuse_live_range(&s->all);
	char a[UNITS_MAX], b[UNITS_MAX];

	fprintf(out, LABEL "%s", "Live", known_size(a, s->all.live, &range));
	if (range.known)
		fprintf(out, " in %" PRIu64 " %s", s->all.count,
		    s->growth ? "pages" : "allocations");
	put_bounds(out, &range);
	fprintf(out, ", peak %s", size(a, s->all.peak));
	if (s->rss)
		fprintf(out, "; resident %s", size(b, s->rss));
	if (s->rss && !s->growth && range.known && s->all.live > s->rss)
		fputs(": the rest was never touched, or is swapped out", out);
	putc('\n', out);
	put_known(out, s);
}

static void
put_allocated(FILE *out, const struct inuse_summary *s)
{
	struct inuse_range range = inuse_bytes_range(&s->all);
	char a[UNITS_MAX];

	if (s->growth) {
		fprintf(out, LABEL "%s in %" PRIu64 " pages became resident\n", "Grown",
		    size(a, s->all.bytes), s->all.allocs);
		return;
	}
	fprintf(out, LABEL "%s", "Allocated", known_size(a, s->all.bytes, &range));
	if (range.known)
		fprintf(out, " in %" PRIu64 " allocations", s->all.allocs);
	put_bounds(out, &range);
	fprintf(out, ", %.1f %% of them temporary\n",
	    units_percent(s->all.temps, s->all.allocs));
}

static void
put_sums(FILE *out, const struct inuse_report *r)
{
	const struct inuse_summary *s = inuse_summary(r->inuse);
	char a[UNITS_MAX];

	if (r->options->age) {
		fprintf(out, LABEL, "Suspected");
		if (s->snapshot == 0)
			fputs("unknown: no snapshot of ages was taken\n", out);
		else
			fprintf(out, "%s in %" PRIu64 " allocations live at %.3f s that were "
			    "made before %.3f s\n", size(a, s->all.live), s->all.count,
			    (double)s->snapshot / 1e9, (double)s->cutoff / 1e9);
		return;
	}
	put_live(out, s);
	put_allocated(out, s);
	if (s->unknown)
		fprintf(out, LABEL "%" PRIu64 " frees of allocations that were not recorded\n",
		    "Unknown", s->unknown);
}

/* Returns whether frames were collapsed in fact. */
static int
is_collapsed(const struct inuse_report *r)
{
	return r->options->collapse && recording_has_own(r->recording);
}

/* Returns the width of the column of callees, 0 if there is none. */
static size_t
callee_columns(const struct inuse_report *r)
{
	for (size_t i = 0; r->columns >= CALLEE_FROM && i < r->shown; i++)
		if (r->row[i].callee_live)
			return CALLEE_COLUMNS;
	return 0;
}

static void
put_titles(FILE *out, const struct inuse_report *r)
{
	static const char *const what[PROFILE_NGROUPS] = { "Function", "Generic function",
		"Function", "Crate", "Module", "Thread" };

	if (r->options->age)
		fprintf(out, "\n%6s %6s %8s  %-7s", "Live", "Total", "Count", "Per min");
	else if (inuse_has_errors(r->inuse))
		fprintf(out, "\n%6s %4s %6s %6s %8s %6s %4s %9s %5s", "Live", "+-%", "Total",
		    "Peak", "Count", "Alloc", "+-%", "Allocs", "Temp%");
	else
		fprintf(out, "\n%6s %6s %6s %8s %6s %9s %5s", "Live", "Total", "Peak",
		    "Count", "Alloc", "Allocs", "Temp%");
	fprintf(out, "  %s%s%s\n", what[r->options->group],
	    r->options->group <= PROFILE_LINE ? "  Location" : "",
	    callee_columns(r) && r->options->group <= PROFILE_LINE ? "  Mostly in" : "");
}

/* Format bytes for a column: ? where they are not known. */
static const char *
cell(char buf[UNITS_MAX], uint64_t bytes, const struct inuse_range *range)
{
	return range->known ? units_size(buf, bytes) : "?";
}

/* Format an error of a figure in percent, unless it is small. */
static const char *
error_cell(char buf[UNITS_MAX], const struct inuse_range *range)
{
	*buf = '\0';
	if (range->known && range->error > INUSE_ERROR_SHOWN)
		snprintf(buf, UNITS_MAX, "%.0f", fmin(100 * range->error, 999));
	return buf;
}

/* Print the figures of a row of which some may be off. */
static void
put_uncertain(FILE *out, const struct inuse_row *row)
{
	struct inuse_range live = inuse_live_range(&row->self);
	struct inuse_range total = inuse_live_range(&row->total);
	struct inuse_range bytes = inuse_bytes_range(&row->self);
	const struct inuse_sum *s = &row->self;
	char a[UNITS_MAX], b[UNITS_MAX], c[UNITS_MAX], d[UNITS_MAX];

	fprintf(out, "%6s %4s ", cell(a, s->live, &live), error_cell(b, &live));
	fprintf(out, "%6s %6s ", cell(a, row->total.live, &total),
	    live.known ? units_size(b, s->peak) : "?");
	snprintf(c, sizeof c, live.known ? "%" PRIu64 : "?", s->count);
	fprintf(out, "%8s %6s %4s ", c, cell(a, s->bytes, &bytes), error_cell(b, &bytes));
	snprintf(d, sizeof d, bytes.known ? "%" PRIu64 : "?", s->allocs);
	fprintf(out, "%9s %5.1f", d, units_percent(s->temps, s->allocs));
}

static void
put_figures(FILE *out, const struct inuse_report *r, const struct inuse_row *row)
{
	const struct inuse_sum *s = &row->self;
	char a[UNITS_MAX], b[UNITS_MAX], c[UNITS_MAX], d[UNITS_MAX];

	if (r->options->age)
		fprintf(out, "%6s %6s %8" PRIu64 "  %6s ", units_size(a, s->live),
		    units_size(b, row->total.live), s->count,
		    units_size(c, growth(r, s->live)));
	else if (inuse_has_errors(r->inuse))
		put_uncertain(out, row);
	else
		fprintf(out, "%6s %6s %6s %8" PRIu64 " %6s %9" PRIu64 " %5.1f",
		    units_size(a, s->live), units_size(b, row->total.live),
		    units_size(c, s->peak), s->count, units_size(d, s->bytes), s->allocs,
		    units_percent(s->temps, s->allocs));
}

/* Print where a row allocates.  Returns the columns that it takes. */
static size_t
put_location(FILE *out, const struct inuse_row *row, size_t width)
{
	char buf[NAME_SIZE], line[32] = "";
	size_t used = shorten_source(buf, sizeof buf, row->file ? row->file : row->module, width);

	if (row->file && row->line)
		snprintf(line, sizeof line, ":%" PRIu64, row->line);
	fprintf(out, row->file ? "  %s%s" : "  [%s]%s", buf, line);
	return used + strlen(line) + (row->file ? 2 : 4);
}

/* Print what most of a row's live bytes went to below, and how much. */
static void
put_callee(FILE *out, const struct inuse_row *row, size_t width)
{
	char buf[NAME_SIZE], live[UNITS_MAX];

	if (row->callee_live == 0)
		return;
	shorten_function(buf, sizeof buf, row->callee, width - 8);
	fprintf(out, "  %s %s", buf, size(live, row->callee_live));
}

static void
put_row(FILE *out, const struct inuse_report *r, const struct inuse_row *row)
{
	size_t figures = inuse_has_errors(r->inuse) && !r->options->age ? FIGURES + ERRORS : FIGURES;
	size_t callee = callee_columns(r), name, used = 0, width;
	int located = r->options->group <= PROFILE_LINE;
	char buf[NAME_SIZE];

	figures += callee ? callee + 2 : 0;
	width = name = r->columns > figures + 20 ? r->columns - figures : 20;
	put_figures(out, r, row);
	if (located)
		name = width * 3 / 5;
	if (r->options->group == PROFILE_MODULE || r->options->group == PROFILE_CRATE)
		shorten_path(buf, sizeof buf, row->name, name);
	else
		shorten_function(buf, sizeof buf, row->name, name);
	fprintf(out, "  %s", buf);
	if (located && (row->file || row->module)) {
		fprintf(out, "%*s", (int)(name - shorten_columns(buf)), "");
		used = put_location(out, row, width - name > 8 ? width - name - 8 : 8);
	} else if (r->options->group == PROFILE_THREAD) {
		fprintf(out, "  (%" PRIu64 ")", row->tid);
	} else if (row->version) {
		fprintf(out, " %s", row->version);
	}
	if (located && callee && row->callee_live) {
		fprintf(out, "%*s", (int)(width - name > used ? width - name - used : 0), "");
		put_callee(out, row, callee);
	}
	putc('\n', out);
}

/* Say that nothing was collapsed for want of anything to collapse into. */
static void
put_shown(FILE *out, const struct inuse_report *r)
{
	if (r->options->collapse && !is_collapsed(r))
		fprintf(out, LABEL "all frames: none is known to be of the program's own code\n",
		    "Shown");
}

void
inuse_text(FILE *out, const struct inuse_report *r)
{
	put_process(out, r);
	put_how(out, r);
	put_sums(out, r);
	put_shown(out, r);
	put_titles(out, r);
	for (size_t i = 0; i < r->shown; i++)
		put_row(out, r, &r->row[i]);
	if (r->shown < r->rows)
		fprintf(out, "%zu more (-n 0 shows all)\n", r->rows - r->shown);
	if (r->specials)
		putc('\n', out);
	for (size_t i = 0; i < r->specials; i++)
		put_row(out, r, &r->special[i]);
}

/* ---- for programs ------------------------------------------------------ */

static const struct column {
	const char *name;
	size_t offset; /* in struct inuse_sum */
} columns[] = {
	{ "live", offsetof(struct inuse_sum, live) },
	{ "count", offsetof(struct inuse_sum, count) },
	{ "peak", offsetof(struct inuse_sum, peak) },
	{ "bytes", offsetof(struct inuse_sum, bytes) },
	{ "allocs", offsetof(struct inuse_sum, allocs) },
	{ "frees", offsetof(struct inuse_sum, frees) },
	{ "temps", offsetof(struct inuse_sum, temps) },
	{ "moved", offsetof(struct inuse_sum, moved) },
	{ "copied", offsetof(struct inuse_sum, copied) },
};

#define COLUMNS (sizeof columns / sizeof *columns)

static uint64_t
value(const struct inuse_sum *s, size_t column)
{
	uint64_t n;

	memcpy(&n, (const char *)s + columns[column].offset, sizeof n);
	return n;
}

static void
json_sum(FILE *out, const struct inuse_sum *s)
{
	struct inuse_range live = inuse_live_range(s), bytes = inuse_bytes_range(s);

	for (size_t i = 0; i < COLUMNS; i++)
		fprintf(out, "%c\"%s\":%" PRIu64, i ? ',' : '{', columns[i].name,
		    value(s, i));
	fprintf(out, ",\"live_min\":%" PRIu64 ",\"live_max\":%" PRIu64
	    ",\"live_known\":%s,\"bytes_min\":%" PRIu64 ",\"bytes_max\":%" PRIu64
	    ",\"bytes_known\":%s}", live.least, live.most, live.known ? "true" : "false",
	    bytes.least, bytes.most, bytes.known ? "true" : "false");
}

static void
json_row(FILE *out, const struct inuse_report *r, const struct inuse_row *row)
{
	fputs("{\"name\":", out);
	quote_json(out, row->name);
	if (r->options->group == PROFILE_THREAD)
		fprintf(out, ",\"pid\":%" PRIu64 ",\"tid\":%" PRIu64, row->pid, row->tid);
	if (r->options->group <= PROFILE_LINE) {
		fputs(",\"file\":", out);
		quote_json(out, row->file);
		fprintf(out, ",\"line\":%" PRIu64 ",\"module\":", row->line);
		quote_json(out, row->module);
	}
	if (r->options->group == PROFILE_CRATE) {
		fputs(",\"version\":", out);
		quote_json(out, row->version);
	}
	if (r->options->group != PROFILE_THREAD) {
		fputs(",\"callee\":", out);
		quote_json(out, row->callee);
		fprintf(out, ",\"callee_live\":%" PRIu64, row->callee_live);
	}
	fprintf(out, ",\"special\":%s", row->special ? "true" : "false");
	fputs(",\"self\":", out);
	json_sum(out, &row->self);
	fputs(",\"total\":", out);
	json_sum(out, &row->total);
	putc('}', out);
}

void
inuse_json(FILE *out, const struct inuse_report *r)
{
	const struct inuse_summary *s = inuse_summary(r->inuse);

	fputs("{\"file\":", out);
	quote_json(out, r->path);
	fputs(",\"name\":", out);
	quote_json(out, db_meta(r->db, "name"));
	fprintf(out, ",\"group\":\"%s\",\"collapsed\":%s,\"exact\":%s,\"sample\":%" PRIu64
	    ",\"layer\":",
	    profile_group_name(r->options->group), is_collapsed(r) ? "true" : "false",
	    inuse_is_exact(s) ? "true" : "false", s->sample);
	quote_json(out, s->layer);
	fprintf(out, ",\"first_ns\":%" PRIu64 ",\"last_ns\":%" PRIu64
	    ",\"covered_ns\":%" PRIu64 ",\"hits\":%" PRIu64 ",\"cost_ns\":%" PRIu64
	    ",\"rss\":%" PRIu64 ",\"anon\":%" PRIu64 ",\"windows\":%s,\"inuse\":%" PRIu64
	    ",\"known_live\":%" PRIu64 ",\"unknown\":%" PRIu64
	    ",\"lost\":%" PRIu64 ",\"not_probed\":%" PRIu64 ",\"all\":", s->first, s->last,
	    s->covered, s->hits, s->cost, s->rss, s->anon, s->windows ? "true" : "false",
	    s->inuse, s->known, s->unknown, s->lost, s->missing);
	json_sum(out, &s->all);
	fputs(",\"rows\":[", out);
	for (size_t i = 0; i < r->shown + r->specials; i++) {
		fputs(i ? ",\n" : "\n", out);
		json_row(out, r, i < r->shown ? &r->row[i] : &r->special[i - r->shown]);
	}
	fputs("\n]}\n", out);
}

/* Print between what bounds live and bytes are, and whether those are known. */
static void
csv_ranges(FILE *out, const struct inuse_sum *s)
{
	struct inuse_range live = inuse_live_range(s), bytes = inuse_bytes_range(s);

	fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%d,%" PRIu64 ",%" PRIu64 ",%d", live.least,
	    live.most, live.known, bytes.least, bytes.most, bytes.known);
}

static void
csv_row(FILE *out, const struct inuse_report *r, const struct inuse_row *row)
{
	for (size_t i = 0; i < COLUMNS; i++)
		fprintf(out, "%" PRIu64 ",", value(&row->self, i));
	fprintf(out, "%" PRIu64 ",", row->total.live);
	if (r->options->group == PROFILE_THREAD)
		fprintf(out, "%" PRIu64 ",%" PRIu64 ",", row->pid, row->tid);
	quote_csv(out, row->name);
	if (r->options->group <= PROFILE_LINE) {
		putc(',', out);
		quote_csv(out, row->file ? row->file : "");
		fprintf(out, ",%" PRIu64 ",", row->line);
		quote_csv(out, row->module ? row->module : "");
	} else if (r->options->group == PROFILE_CRATE) {
		putc(',', out);
		quote_csv(out, row->version ? row->version : "");
	}
	csv_ranges(out, &row->self);
	fputs("\r\n", out);
}

void
inuse_csv(FILE *out, const struct inuse_report *r)
{
	static const char *const header[PROFILE_NGROUPS] = { "function,file,line,module",
		"function,file,line,module", "function,file,line,module", "crate,version",
		"module", "pid,tid,thread" };

	for (size_t i = 0; i < COLUMNS; i++)
		fprintf(out, "%s,", columns[i].name);
	fprintf(out, "total_live,%s,live_min,live_max,live_known,bytes_min,bytes_max,"
	    "bytes_known\r\n", header[r->options->group]);
	for (size_t i = 0; i < r->shown; i++)
		csv_row(out, r, &r->row[i]);
	for (size_t i = 0; i < r->specials; i++)
		csv_row(out, r, &r->special[i]);
}
