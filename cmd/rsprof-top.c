/*
 * rsprof-top prints a table of where a recording's time went (on the CPU, off
 * it, or both), or of what holds its memory: one function, line, crate, module
 * or thread a row, with self and total.
 */
#include <err.h>
#include <limits.h>
#include <locale.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arg.h"
#include "cmd/bounds.h"
#include "cmd/columns.h"
#include "cmd/options.h"
#include "cmd/status.h"
#include "profile/calls.h"
#include "profile/calls_report.h"
#include "profile/inuse.h"
#include "profile/inuse_report.h"
#include "profile/order.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "profile/report.h"
#include "record/db.h"

#define ROWS 20         /* shown without -n */
#define LINES 60        /* of calls and source */
#define LINES_PERCENT 1 /* of calls without -t */

static const struct format {
	const char *name;
	void (*print)(FILE *out, const struct report *r);
	void (*print_heap)(FILE *out, const struct inuse_report *r);
	void (*print_calls)(FILE *out, const struct calls_report *r);
} formats[] = {
	{ "text", report_text, inuse_text, calls_text },
	{ "json", report_json, inuse_json, calls_json },
	{ "csv", report_csv, inuse_csv, NULL },
};
#define NFORMATS (sizeof formats / sizeof formats[0])

static const struct format *format = formats;
static enum profile_metric metric;
static enum profile_group group = PROFILE_FUNCTION;
static uint64_t max_rows = UINT64_MAX; /* -n; UINT64_MAX: not given */
static double threshold = -1; /* -t: percent of the whole; below 0: not given */
static int calls;             /* -g: calls or lines, instead of rows of a group */
static struct calls_options calls_options = { .depth = UINT_MAX };
static uint64_t since, until = UINT64_MAX;
static uint64_t leak_age; /* -l: ns; 0: not only suspected leaks */
static int raw;           /* -r: nothing is collapsed or left out */
static struct bounds bounds; /* -x, -X */
static const struct order {
	const char *name;
	int time, memory; /* enum order_time, enum order_memory, or -1: does not apply */
} orders[] = {
	{ "self", ORDER_SELF, -1 },
	{ "total", ORDER_TOTAL, -1 },
	{ "live", -1, ORDER_LIVE },
	{ "peak", -1, ORDER_PEAK },
	{ "bytes", -1, ORDER_BYTES },
	{ "allocs", -1, ORDER_ALLOCS },
	{ "temps", -1, ORDER_TEMPS },
};
#define NORDERS (sizeof orders / sizeof orders[0])
static const struct order *order; /* -o */

static const char synopsis[] =
    "usage: rsprof-top [-hrVX] [-n N] [-t PCT] [-f text|json|csv]"
    " [-g function|generic|line|crate|module|thread] [-o self|total] [-s SINCE]"
    " [-u UNTIL] [-x BOUND] cpu|off|wall FILE\n"
    "       rsprof-top [-rX] [-l AGE] [-n N] [-t PCT]"
    " [-f text|json|csv] [-g function|generic|line|crate|module|thread]"
    " [-o live|peak|bytes|allocs|temps] [-s SINCE] [-u UNTIL] [-x BOUND]"
    " heap FILE\n"
    "       rsprof-top -g tree|callers|source [-rX] [-D DEPTH] [-N NAME] [-n N] [-t PCT]"
    " [-f text|json] [-s SINCE] [-u UNTIL] [-x BOUND] cpu|off|wall|heap FILE\n";

/* ---- the report -------------------------------------------------------- */

/* Returns how many of n rows to show. */
static size_t
limit(size_t n)
{
	return max_rows && n > max_rows ? (size_t)max_rows : n;
}

/* ---- memory ------------------------------------------------------------ */

static void
print_memory(struct inuse_report *r)
{
	const struct order_rule rule = { threshold, raw || threshold >= 0 };
	struct inuse_row *row = inuse_rows(r->inuse, &r->rows);
	struct order_split split;

	if (order_memory(row, r->rows, order ? (enum order_memory)order->memory : ORDER_LIVE,
	        &rule, &inuse_summary(r->inuse)->all, &split) < 0)
		err(STATUS_FAILED, NULL);
	r->row = row;
	r->rows = split.code;
	r->shown = limit(split.code);
	r->special = row + split.code;
	r->specials = split.special;
	format->print_heap(stdout, r);
}

static int
report_heap(struct recording *recording, const char *path)
{
	const struct inuse_options o = { .group = group, .select = { since, until, PROFILE_ALL },
		.age = leak_age, .collapse = !raw };
	struct inuse *inuse = inuse_open(recording, &o);
	struct inuse_report r = { .path = path, .db = recording->db, .recording = recording,
		.inuse = inuse, .options = &o, .columns = output_columns() };
	int status;

	if (inuse == NULL) {
		warnx("%s", db_error(recording->db));
		return STATUS_DATABASE;
	}
	if (inuse_any(inuse))
		print_memory(&r);
	else
		warnx("%s: the recording has no memory (rsprof-heap(1) records it)", path);
	status = inuse_any(inuse) ? 0 : STATUS_FAILED;
	inuse_close(inuse);
	return status;
}

/* ---- time -------------------------------------------------------------- */

static void
print_time(struct report *r)
{
	const struct order_rule rule = { threshold, raw || threshold >= 0 };
	const struct profile_row *row = profile_rows(r->profile, &r->rows);
	struct profile_row *sorted = calloc(r->rows + 1, sizeof *sorted);
	struct order_split split;

	if (sorted == NULL)
		err(STATUS_FAILED, NULL);
	if (r->rows)
		memcpy(sorted, row, r->rows * sizeof *row);
	if (order_time(sorted, r->rows, order ? (enum order_time)order->time : ORDER_SELF, &rule,
	        profile_summary(r->profile)->ns, &split) < 0)
		err(STATUS_FAILED, NULL);
	r->row = sorted;
	r->shown = limit(split.code);
	r->special = sorted + split.code;
	r->specials = split.special;
	r->columns = output_columns();
	format->print(stdout, r);
	free(sorted);
}

static int
report_time(struct recording *recording, const char *path)
{
	struct report r = { .path = path, .db = recording->db };
	int status = STATUS_DATABASE;

	r.profile = profile_open(recording, metric, group, 0);
	if (r.profile && profile_collapse(r.profile, !raw) == 0) {
		print_time(&r);
		status = 0;
	} else {
		warnx("%s", db_error(recording->db));
	}
	profile_close(r.profile);
	return status;
}

/* ---- calls ------------------------------------------------------------- */

static int
report_calls(struct recording *recording, const char *path, int heap)
{
	struct calls_report r = { path, NULL, &calls_options, SIZE_MAX, output_columns() };
	struct calls *c;
	int status = STATUS_OK;

	calls_options.memory = heap;
	calls_options.metric = metric;
	calls_options.since = since;
	calls_options.until = until;
	calls_options.raw = raw;
	calls_options.threshold = threshold;
	if (max_rows && max_rows < SIZE_MAX)
		r.lines = (size_t)max_rows;
	if ((c = calls_open(recording, &calls_options)) == NULL) {
		warnx("%s", db_error(recording->db));
		return STATUS_DATABASE;
	}
	r.calls = c;
	if (calls_error(c)) {
		warnx("%s: %s", path, calls_error(c));
		status = STATUS_FAILED;
	} else {
		format->print_calls(stdout, &r);
	}
	calls_close(c);
	return status;
}

/* ---- bounds ------------------------------------------------------------ */

static int
check_bounds(struct db *db)
{
	struct figures *f = figures_open(db, since, until);
	int status;

	if (f == NULL)
		err(STATUS_FAILED, NULL);
	status = bounds_check(&bounds, NULL, 0, &f, 1);
	figures_close(f);
	free(bounds.bound);
	return status;
}

/* Report on a recording.  Memory before `since` counts as a baseline, so that all of it
 * is read. */
static int
report(const char *path, int heap)
{
	const char *why;
	struct db *db = db_open(path, DB_READ, &why);
	struct recording *r;
	int status = STATUS_DATABASE;

	if (db == NULL)
		errx(STATUS_DATABASE, "%s", why);
	r = heap ? recording_open(db, RECORDING_HEAP, 0, UINT64_MAX) :
	    recording_open(db, RECORDING_TIME, since, until);
	if (r)
		status = calls ? report_calls(r, path, heap) :
		    heap       ? report_heap(r, path) :
		                 report_time(r, path);
	else
		warnx("%s", db_error(db));
	recording_close(r);
	if (bounds.n && fflush(stdout) == 0)
		status = bounds_worse(status, check_bounds(db));
	db_close(db);
	return status;
}

/* ---- options ----------------------------------------------------------- */

static void
format_option(const char *s)
{
	size_t i = 0;

	while (i < NFORMATS && strcmp(s, formats[i].name))
		i++;
	if (i == NFORMATS)
		errx(STATUS_USAGE, "unknown format: %s (text, json or csv)", s);
	format = &formats[i];
}

static void
percent_option(const char *s)
{
	char *end;

	threshold = strtod(s, &end);
	if (*s == '\0' || s[strspn(s, "0123456789.")] || *end ||
	    !(threshold >= 0 && threshold <= 100))
		errx(STATUS_USAGE, "bad percentage: %s (0 to 100)", s);
}

static void
group_option(const char *s)
{
	static const char *const whats[] = { "tree", "callers", "source" };

	for (unsigned i = 0; i < sizeof whats / sizeof *whats; i++)
		if (strcmp(s, whats[i]) == 0) {
			calls_options.what = (enum calls_what)i;
			calls = 1;
			return;
		}
	calls = 0;
	if ((group = profile_group(s)) == PROFILE_NGROUPS)
		errx(STATUS_USAGE, "cannot group by %s (by function, generic, line, crate, "
		    "module, thread, tree, callers or source)", s);
}

static void
depth_option(const char *s)
{
	uint64_t n;

	if (arg_number(s, 0, UINT_MAX, &n) < 0)
		errx(STATUS_USAGE, "bad depth: %s", s);
	calls_options.depth = (unsigned)n;
}

static void
order_option(const char *s)
{
	size_t i = 0;

	while (i < NORDERS && strcmp(s, orders[i].name))
		i++;
	if (i == NORDERS)
		errx(STATUS_USAGE, "cannot sort by %s (by self or total; memory by live, peak, "
		    "bytes, allocs or temps)", s);
	order = &orders[i];
}

static void
age_option(const char *s)
{
	leak_age = time_option(s);
	if (leak_age == 0)
		leak_age = 1;
}

static void
parse_options(int argc, char **argv)
{
	int c;

	while ((c = next_option(argc, argv, "+D:f:g:l:N:n:o:rs:t:u:Xx:hV", synopsis)) != -1)
		switch (c) {
		case 'D': depth_option(optarg); break;
		case 'f': format_option(optarg); break;
		case 'g': group_option(optarg); break;
		case 'l': age_option(optarg); break;
		case 'N': calls_options.name = optarg; break;
		case 'n': max_rows = rows_option(optarg); break;
		case 'o': order_option(optarg); break;
		case 'r': raw = 1; break;
		case 's': since = time_option(optarg); break;
		case 't': percent_option(optarg); break;
		case 'u': until = time_option(optarg); break;
		case 'X': bounds.strict = 1; break;
		case 'x': bounds_add(&bounds, optarg, 0); break;
		}
}

/* Check that options belong together, and choose those of calls that were not given. */
static void
settle_options(int heap)
{
	if (calls && (leak_age || order))
		errx(STATUS_USAGE, "-l and -o do not apply to calls and source");
	if (calls && format->print_calls == NULL)
		errx(STATUS_USAGE, "calls and source are text or json");
	if (!calls && (calls_options.name || calls_options.depth != UINT_MAX))
		errx(STATUS_USAGE, "-D and -N apply only to -g tree, callers and source");
	if (!heap && leak_age)
		errx(STATUS_USAGE, "-l applies only to heap");
	if (order && (heap ? order->memory : order->time) < 0)
		errx(STATUS_USAGE, "cannot sort %s by %s", heap ? "memory" : "time", order->name);
	if (until <= since)
		errx(STATUS_USAGE, "-u must be later than -s");
	if (calls && threshold < 0)
		threshold = calls_options.what != CALLS_SOURCE ? LINES_PERCENT : 0;
	if (max_rows == UINT64_MAX)
		max_rows = calls ? LINES : ROWS;
}

int
main(int argc, char **argv)
{
	int status, heap;

	setlocale(LC_CTYPE, "");
	parse_options(argc, argv);
	if (argc - optind != 2)
		usage(synopsis);
	heap = strcmp(argv[optind], "heap") == 0;
	metric = profile_metric(argv[optind]);
	if (!heap && metric == PROFILE_NMETRICS)
		errx(STATUS_USAGE, "unknown metric: %s (cpu, off, wall or heap)", argv[optind]);
	settle_options(heap);
	status = report(argv[optind + 1], heap);
	close_output();
	return status;
}
