#include <inttypes.h>
#include <time.h>

#include "base/arg.h"
#include "base/units.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "profile/report.h"
#include "record/db.h"
#include "symbol/shorten.h"

#define NAME_SIZE 8192
#define LABEL "%-10s"
#define GAP 1000000000 /* ns without a producer that are worth a remark */

/* ---- figures ----------------------------------------------------------- */

static double
seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static uint64_t
meta_number(const struct report *r, const char *key)
{
	const char *s = db_meta(r->db, key);
	uint64_t n = 0;

	if (s)
		arg_number(s, 0, UINT64_MAX, &n);
	return n;
}

/* Returns whether there is anything to tabulate; samples may have no time at all. */
static int
has_rows(const struct report *r)
{
	const struct profile_summary *sum = profile_summary(r->profile);

	return sum->ns || (sum->samples && profile_measured(r->profile) == PROFILE_CPU);
}

static void
put_text(FILE *out, const char *s, size_t width)
{
	char buf[NAME_SIZE];

	shorten_text(buf, sizeof buf, s, width);
	fputs(buf, out);
}

/* ---- the summary ------------------------------------------------------- */

static void
put_process(FILE *out, const struct report *r)
{
	uint64_t pid = meta_number(r, "pid");
	const char *s = db_meta(r->db, "name");

	if (s == NULL && pid == 0)
		return;
	fprintf(out, LABEL, "Process");
	put_text(out, s ? s : "?", 40);
	if (pid)
		fprintf(out, " (pid %" PRIu64 ")", pid);
	if ((s = db_meta(r->db, "command"))) {
		fputs(": ", out);
		put_text(out, s, r->columns - 20);
	}
	putc('\n', out);
}

static void
put_start(FILE *out, const struct report *r)
{
	uint64_t start = meta_number(r, "start");
	time_t t = (time_t)((start + profile_summary(r->profile)->first) / 1000000000);
	struct tm tm;
	char buf[64];

	if (start && localtime_r(&t, &tm) &&
	    strftime(buf, sizeof buf, "%Y-%m-%d %H:%M:%S %z", &tm))
		fprintf(out, "%s, ", buf);
}

static void
put_recorded(FILE *out, const struct report *r)
{
	const struct profile_summary *sum = profile_summary(r->profile);
	uint64_t all = sum->last - sum->first;
	const char *s;

	fprintf(out, LABEL, "Recorded");
	put_start(out, r);
	fprintf(out, "%.3f s", seconds(sum->recorded));
	if (all - sum->recorded >= GAP)
		fprintf(out, " within %.3f s", seconds(all));
	if ((s = db_meta(r->db, "hz"))) {
		fputs(" at ", out);
		put_text(out, s, 10);
		fputs(" Hz", out);
	}
	if ((s = db_meta(r->db, "host"))) {
		fputs(" on ", out);
		put_text(out, s, 40);
	}
	fputs(sum->live ? ", still recording\n" : "\n", out);
}

static void
put_cpu(FILE *out, const struct report *r)
{
	const struct profile_summary *sum = profile_summary(r->profile);
	uint64_t on = sum->in[PROFILE_ON];

	fprintf(out, LABEL "%.3f s in %" PRIu64 " samples", "CPU", seconds(on),
	    sum->samples);
	if (sum->recorded)
		fprintf(out, ", %.2f CPUs on average",
		    (double)on / (double)sum->recorded);
	putc('\n', out);
}

static void
put_probes(FILE *out, const struct report *r)
{
	const struct profile_summary *sum = profile_summary(r->profile);

	if (sum->probes_ns == 0)
		return;
	fprintf(out, LABEL "%.3f s more, %.2f %% of the whole\n", "Probes", seconds(sum->probes_ns),
	    units_percent(sum->probes_ns, sum->ns));
}

static void
put_off(FILE *out, const struct report *r)
{
	const struct profile_summary *sum = profile_summary(r->profile);
	uint64_t off = 0;
	unsigned i, n = 0;

	for (i = PROFILE_READY; i < PROFILE_NSTATES; i++)
		off += sum->in[i];
	fprintf(out, LABEL, "Off CPU");
	if (!sum->off) {
		fputs("not recorded\n", out);
		return;
	}
	fprintf(out, "%.3f s in %" PRIu64 " waits", seconds(off), sum->waits);
	for (i = PROFILE_READY; i < PROFILE_NSTATES; i++)
		if (sum->in[i])
			fprintf(out, "%s%s %.3f s", n++ ? ", " : ": ",
			    profile_state_name(i), seconds(sum->in[i]));
	putc('\n', out);
}

/* Returns a share of incomplete stacks: of samples for CPU time, as all of them stand
 * for about the same time, else of time. */
static double
cut_percent(const struct report *r, uint64_t samples, uint64_t ns)
{
	const struct profile_summary *sum = profile_summary(r->profile);

	return profile_measured(r->profile) == PROFILE_CPU ?
	    units_percent(samples, sum->samples) :
	    units_percent(ns, sum->ns - sum->probes_ns);
}

static void
put_stacks(FILE *out, const struct report *r)
{
	const struct profile_summary *sum = profile_summary(r->profile);
	const struct profile_count *cut;
	size_t n, i;

	if (!has_rows(r))
		return;
	cut = profile_cuts(r->profile, &n);
	fprintf(out, LABEL "%.2f %% complete", "Stacks",
	    cut_percent(r, sum->complete, sum->complete_ns));
	for (i = 0; i < n; i++) {
		fputs(i ? ", " : " (", out);
		put_text(out, cut[i].reason, 40);
		fprintf(out, " %.2f %%", cut_percent(r, cut[i].count, cut[i].ns));
	}
	fputs(n ? ")\n" : "\n", out);
}

static void
put_lost(FILE *out, const struct report *r)
{
	const struct profile_count *lost;
	size_t n, i;

	lost = profile_losses(r->profile, &n);
	fprintf(out, LABEL "%s", "Lost", n ? "" : "nothing");
	for (i = 0; i < n; i++) {
		fprintf(out, "%s%" PRIu64 " ", i ? ", " : "", lost[i].count);
		put_text(out, lost[i].producer ? lost[i].producer : "?", 40);
		putc(' ', out);
		put_text(out, lost[i].reason ? lost[i].reason : "?", 40);
	}
	putc('\n', out);
}

static void
put_cost(FILE *out, const struct report *r)
{
	const struct profile_summary *sum = profile_summary(r->profile);

	fprintf(out, LABEL "%.3f s CPU", "Profiler", seconds(sum->cost_ns));
	if (sum->recorded)
		fprintf(out, " (%.2f %% of one CPU)",
		    units_percent(sum->cost_ns, sum->recorded));
	fprintf(out, ", %.1f MB\n", (double)sum->cost_max_rss / 1e6);
}

static void
put_notes(FILE *out, const struct report *r)
{
	const char *note;
	size_t i;

	for (i = 0; (note = profile_note(r->profile, i)); i++) {
		fprintf(out, LABEL, "Note");
		put_text(out, note, SIZE_MAX);
		putc('\n', out);
	}
}

/* Say that nothing was collapsed for want of anything to collapse into. */
static void
put_shown(FILE *out, const struct report *r)
{
	if (profile_is_collapsed(r->profile) &&
	    !recording_has_own(profile_recording(r->profile)))
		fprintf(out, LABEL "all frames: none is known to be of the program's own code\n",
		    "Shown");
}

/* ---- the table --------------------------------------------------------- */

/* Columns of figures, each 9 wide plus two blanks. */
enum figure {
	F_END,
	F_SELF,
	F_TOTAL,
	F_ON,
	F_OFF,
	F_READY,
	F_SLEEPING,
	F_DISK,
	F_STOPPED,
	F_FIGURES
};

static const char *const title[F_FIGURES] = {
	[F_SELF] = "Self s",
	[F_TOTAL] = "Total s",
	[F_ON] = "On s",
	[F_OFF] = "Off s",
	[F_READY] = "Ready s",
	[F_SLEEPING] = "Sleep s",
	[F_DISK] = "Disk s",
	[F_STOPPED] = "Stop s",
};

#define FIGURES_MAX 6

static const enum figure figures[PROFILE_NMETRICS][2][FIGURES_MAX + 1] = {
	[PROFILE_CPU] = { { F_SELF, F_TOTAL }, { F_SELF, F_TOTAL } },
	[PROFILE_OFF] = { { F_READY, F_SLEEPING, F_DISK, F_STOPPED },
	    { F_READY, F_SLEEPING, F_DISK, F_STOPPED, F_TOTAL } },
	[PROFILE_WALL] = { { F_ON, F_OFF, F_TOTAL },
	    { F_ON, F_READY, F_SLEEPING, F_DISK, F_STOPPED, F_TOTAL } },
};

/* Choose the figures to print: few programs are ever stopped. */
static size_t
choose_figures(const struct report *r, enum figure *f)
{
	int thread = profile_grouping(r->profile) == PROFILE_THREAD;
	const enum figure *all = figures[profile_measured(r->profile)][thread];
	size_t n = 0;

	for (; *all; all++)
		if (*all != F_STOPPED ||
		    profile_summary(r->profile)->in[PROFILE_STOPPED])
			f[n++] = *all;
	return n;
}

static uint64_t
figure(const struct profile_row *row, enum figure f)
{
	switch (f) {
	case F_SELF: return row->self;
	case F_ON: return row->in[PROFILE_ON];
	case F_OFF: return row->total - row->in[PROFILE_ON];
	case F_READY: return row->in[PROFILE_READY];
	case F_SLEEPING: return row->in[PROFILE_SLEEPING];
	case F_DISK: return row->in[PROFILE_DISK];
	case F_STOPPED: return row->in[PROFILE_STOPPED];
	default: return row->total;
	}
}

/* Returns whether to print how much of each thread's life is accounted for.  Its share
 * of all wall time would say nothing: that is about the same for all threads. */
static int
has_known(const struct report *r)
{
	return profile_grouping(r->profile) == PROFILE_THREAD &&
	    profile_measured(r->profile) == PROFILE_WALL;
}

static void
put_titles(FILE *out, const struct report *r)
{
	enum figure f[FIGURES_MAX];
	size_t n = choose_figures(r, f), i;

	putc('\n', out);
	if (!has_known(r))
		fprintf(out, "%6s  %7s  ", "Self %", "Total %");
	for (i = 0; i < n; i++)
		fprintf(out, "%9s  ", title[f[i]]);
	if (has_known(r))
		fputs("Known %  ", out);
}

static void
put_figures(FILE *out, const struct report *r, const struct profile_row *row)
{
	uint64_t all = profile_summary(r->profile)->ns;
	enum figure f[FIGURES_MAX];
	size_t n = choose_figures(r, f), i;

	if (!has_known(r))
		fprintf(out, "%6.2f  %7.2f  ", units_percent(row->self, all),
		    units_percent(row->total, all));
	for (i = 0; i < n; i++)
		fprintf(out, "%9.3f  ", seconds(figure(row, f[i])));
	if (has_known(r))
		fprintf(out, "%7.2f  ", units_percent(row->total, row->present));
}

/* Returns the columns left beside the figures and `more` others. */
static size_t
columns_left(const struct report *r, size_t more)
{
	enum figure f[FIGURES_MAX];

	more += 17 + 11 * choose_figures(r, f);
	return r->columns > more + 30 ? r->columns - more : 30;
}

/* Format the source location of a row or else its file or module. */
static void
location(char *buf, size_t size, const struct profile_row *row)
{
	if (row->file && row->line)
		snprintf(buf, size, "%s:%" PRIu64, row->file, row->line);
	else
		snprintf(buf, size, "%s", row->file ? row->file : row->module ? row->module
		                                                              : "");
}

static size_t
location_columns(const struct profile_row *row)
{
	char buf[NAME_SIZE];

	location(buf, sizeof buf, row);
	return shorten_columns(buf);
}

/* Widths of the columns after the figures. */
struct widths {
	size_t name, location, callee; /* callee 0: not printed */
};

#define CALLEE_COLUMNS 32 /* with its percentage */
#define CALLEE_FROM 110   /* width of lines from which callees are printed */
#define CALLEE_LEAST 0.05 /* percent of the whole that a callee is printed from */

static int
has_callee(const struct report *r, const struct profile_row *row)
{
	return row->callee && units_percent(row->callee_ns,
	    profile_summary(r->profile)->ns) >= CALLEE_LEAST;
}

/* Returns the width of the column of callees, 0 if there is none. */
static size_t
callee_columns(const struct report *r)
{
	for (size_t i = 0; r->columns >= CALLEE_FROM && i < r->shown; i++)
		if (has_callee(r, &r->row[i]))
			return CALLEE_COLUMNS;
	return 0;
}

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Divide what is left between names and locations: what both need, or else two fifths
 * for locations, or whatever the names leave. */
static struct widths
share(const struct report *r)
{
	struct widths w = { 8, 8, callee_columns(r) };
	size_t width = columns_left(r, 2 + (w.callee ? w.callee + 2 : 0));
	size_t need;

	for (size_t i = 0; i < r->shown; i++) {
		w.name = larger(w.name, shorten_columns(r->row[i].name));
		w.location = larger(w.location, location_columns(&r->row[i]));
	}
	need = w.location;
	if (w.name + w.location <= width)
		return w;
	w.location = width * 2 / 5;
	if (w.name < width - w.location)
		w.location = width - w.name;
	if (w.location > need)
		w.location = need;
	w.name = width - w.location;
	return w;
}

static void
put_padded(FILE *out, const char *s, size_t used, size_t width)
{
	fprintf(out, "%s%*s", s, (int)(width > used ? width - used : 0), "");
}

/* Print what most of a row's self went to below, and how much. */
static void
put_callee(FILE *out, const struct report *r, const struct profile_row *row, size_t width)
{
	char buf[NAME_SIZE];

	shorten_function(buf, sizeof buf, row->callee, width - 6);
	fprintf(out, "  %s %.1f", buf,
	    units_percent(row->callee_ns, profile_summary(r->profile)->ns));
}

static void
put_location(FILE *out, const struct report *r, const struct profile_row *row,
    const struct widths *w)
{
	char buf[NAME_SIZE], whole[NAME_SIZE];
	size_t used = shorten_function(buf, sizeof buf, row->name, w->name);
	int callee = w->callee && has_callee(r, row);

	location(whole, sizeof whole, row);
	if (*whole || callee) {
		put_padded(out, buf, used, w->name + 2);
		used = shorten_source(buf, sizeof buf, whole, w->location);
	}
	if (callee) {
		put_padded(out, buf, used, w->location);
		put_callee(out, r, row, w->callee);
		putc('\n', out);
	} else {
		fprintf(out, "%s\n", buf);
	}
}

static void
put_crate(FILE *out, const struct report *r, const struct profile_row *row)
{
	char buf[NAME_SIZE];
	size_t used = shorten_path(buf, sizeof buf, row->name, columns_left(r, 10));

	put_padded(out, buf, used, row->version ? 24 : 0);
	if (row->version)
		fprintf(out, " %s", row->version);
	putc('\n', out);
}

static void
put_module(FILE *out, const struct report *r, const struct profile_row *row)
{
	char buf[NAME_SIZE];

	shorten_path(buf, sizeof buf, row->name, columns_left(r, 0));
	fprintf(out, "%s\n", buf);
}

static void
put_thread(FILE *out, const struct profile_row *row)
{
	if (row->special)
		fprintf(out, "%7s  ", "");
	else
		fprintf(out, "%7" PRIu64 "  ", row->tid);
	put_text(out, row->name, 64);
	putc('\n', out);
}

static void
put_rows(FILE *out, const struct report *r, const struct profile_row *row, size_t n,
    const struct widths *w)
{
	for (; n--; row++) {
		put_figures(out, r, row);
		switch (profile_grouping(r->profile)) {
		case PROFILE_THREAD: put_thread(out, row); break;
		case PROFILE_MODULE: put_module(out, r, row); break;
		case PROFILE_CRATE: put_crate(out, r, row); break;
		default: put_location(out, r, row, w);
		}
	}
}

static void
put_left_out(FILE *out, const struct report *r)
{
	uint64_t self = 0;
	size_t n = 0;

	for (size_t i = r->shown; i < r->rows; i++)
		if (!r->row[i].special && r->row[i].self) {
			self += r->row[i].self;
			n++;
		}
	if (n)
		fprintf(out, "%6.2f  in %zu more row%s (-n 0 -t 0 shows all)\n",
		    units_percent(self, profile_summary(r->profile)->ns), n, n == 1 ? "" : "s");
}

/* Print the titles of the columns after the figures. */
static void
put_names(FILE *out, const struct report *r, const struct widths *w)
{
	static const char *const what[PROFILE_NGROUPS] = { "Function", "Function", "Function",
		"Crate", "Module", "    TID  Thread" };
	enum profile_group group = profile_grouping(r->profile);

	if (group > PROFILE_LINE) {
		fprintf(out, "%s\n", what[group]);
		return;
	}
	put_padded(out, what[group], 8, w->name + 2);
	if (w->callee) {
		put_padded(out, "Location", 8, w->location);
		fputs("  Mostly in\n", out);
	} else {
		fputs("Location\n", out);
	}
}

static void
put_table(FILE *out, const struct report *r)
{
	struct widths w = share(r);

	put_titles(out, r);
	put_names(out, r, &w);
	put_rows(out, r, r->row, r->shown, &w);
	put_left_out(out, r);
	if (r->specials)
		putc('\n', out);
	put_rows(out, r, r->special, r->specials, &w);
}

void
report_text(FILE *out, const struct report *r)
{
	put_process(out, r);
	put_recorded(out, r);
	if (profile_measured(r->profile) != PROFILE_OFF)
		put_cpu(out, r);
	put_probes(out, r);
	if (profile_measured(r->profile) != PROFILE_CPU)
		put_off(out, r);
	put_stacks(out, r);
	put_lost(out, r);
	put_cost(out, r);
	put_notes(out, r);
	put_shown(out, r);
	if (has_rows(r))
		put_table(out, r);
	else if (profile_measured(r->profile) == PROFILE_OFF)
		fputs("\nNo off-CPU time in the recording, or in this part of it.\n",
		    out);
	else
		fputs("\nNo samples in the recording, or in this part of it.\n",
		    out);
}
