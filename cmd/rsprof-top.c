/*
 * rsprof-top prints a table of where a recording's time went (on the CPU, off
 * it, or both), or of what holds its memory: one function, line, crate, module
 * or thread a row, with self and total.
 */
#include <err.h>
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
#include "cmd/status.h"
#include "profile/inuse.h"
#include "profile/inuse_report.h"
#include "profile/profile.h"
#include "profile/report.h"
#include "record/db.h"

#define ROWS 20     /* shown without -n */

static const struct format {
	const char *name;
	void (*print)(FILE *out, const struct report *r);
	void (*print_heap)(FILE *out, const struct inuse_report *r);
} formats[] = {
	{ "text", report_text, inuse_text },
	{ "json", report_json, inuse_json },
	{ "csv", report_csv, inuse_csv },
};
#define NFORMATS (sizeof formats / sizeof formats[0])

static const struct format *format = formats;
static enum profile_metric metric;
static enum profile_group group = PROFILE_FUNCTION;
static uint64_t max_rows = ROWS;
static double threshold; /* -t: percent of the whole */
static uint64_t since, until = UINT64_MAX;
static uint64_t leak_age; /* -l: ns; 0: not only suspected leaks */
static int raw;           /* -r: runtime frames are charged too */
static struct bounds bounds; /* -x, -X */
static const struct order {
	const char *name;
	size_t offset; /* in struct inuse_sum */
} orders[] = {
	{ "live", offsetof(struct inuse_sum, live) },
	{ "peak", offsetof(struct inuse_sum, peak) },
	{ "bytes", offsetof(struct inuse_sum, bytes) },
	{ "allocs", offsetof(struct inuse_sum, allocs) },
	{ "temps", offsetof(struct inuse_sum, temps) },
};
#define NORDERS (sizeof orders / sizeof orders[0])
static const struct order *order;

static const char synopsis[] =
    "usage: rsprof-top [-hVX] [-n N] [-t PCT] [-f text|json|csv]"
    " [-g function|generic|line|crate|module|thread] [-s SINCE] [-u UNTIL] [-x BOUND]"
    " cpu|off|wall FILE\n"
    "       rsprof-top [-rX] [-l AGE] [-n N] [-t PCT]"
    " [-f text|json|csv] [-g function|generic|line|crate|module|thread]"
    " [-o live|peak|bytes|allocs|temps] [-s SINCE] [-u UNTIL] [-x BOUND]"
    " heap FILE\n";

/* ---- the report -------------------------------------------------------- */

static int
compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* Order rows by cost, the highest first, and equal ones by name, so that the order is the same
 * every time. */
static int
compare(const void *x, const void *y)
{
	const struct profile_row *a = x, *b = y;
	int c;

	if (a->self != b->self)
		return a->self > b->self ? -1 : 1;
	if (a->total != b->total)
		return a->total > b->total ? -1 : 1;
	if ((c = compare_text(a->name, b->name)) ||
	    (c = compare_text(a->file, b->file)))
		return c;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Sort rows and move those that -t hides to the end.  Returns how many to show. */
static size_t
choose(struct profile_row *row, size_t n, uint64_t whole)
{
	struct profile_row hidden;
	size_t i, to = 0;

	qsort(row, n, sizeof *row, compare);
	for (i = 0; i < n; i++) {
		if (100.0 * (double)row[i].total < threshold * (double)whole)
			continue;
		hidden = row[to];
		row[to++] = row[i];
		row[i] = hidden;
	}
	return max_rows && to > max_rows ? (size_t)max_rows : to;
}

static void
print(struct report *r)
{
	const struct profile_row *row = profile_rows(r->profile, &r->rows);
	struct profile_row *sorted = calloc(r->rows + 1, sizeof *sorted);

	if (sorted == NULL)
		err(STATUS_FAILED, NULL);
	if (r->rows)
		memcpy(sorted, row, r->rows * sizeof *row);
	r->row = sorted;
	r->shown = choose(sorted, r->rows, profile_summary(r->profile)->ns);
	r->columns = output_columns();
	format->print(stdout, r);
	free(sorted);
}

/* ---- memory ------------------------------------------------------------ */

/* Returns the number by which -o sorts. */
static uint64_t
ordered(const struct inuse_sum *s)
{
	uint64_t n;

	memcpy(&n, (const char *)s + order->offset, sizeof n);
	return n;
}

static int
compare_heap(const void *x, const void *y)
{
	const struct inuse_row *a = x, *b = y;
	uint64_t n = ordered(&a->self), m = ordered(&b->self);
	int c;

	if (n != m)
		return n > m ? -1 : 1;
	/* Unknown comes before nothing. */
	if (a->self.live_most != b->self.live_most)
		return a->self.live_most > b->self.live_most ? -1 : 1;
	n = ordered(&a->total);
	m = ordered(&b->total);
	if (n != m)
		return n > m ? -1 : 1;
	if (a->self.bytes != b->self.bytes)
		return a->self.bytes > b->self.bytes ? -1 : 1;
	if ((c = compare_text(a->name, b->name)) ||
	    (c = compare_text(a->file, b->file)))
		return c;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->tid < b->tid ? -1 : a->tid > b->tid;
}

/* Sort rows and move those that -t hides to the end.  Returns how many to show. */
static size_t
choose_heap(struct inuse_row *row, size_t n, const struct inuse_sum *all)
{
	double least = threshold * (double)ordered(all);
	struct inuse_row hidden;
	size_t i, to = 0;

	qsort(row, n, sizeof *row, compare_heap);
	for (i = 0; i < n; i++) {
		if (100.0 * (double)ordered(&row[i].total) < least)
			continue;
		hidden = row[to];
		row[to++] = row[i];
		row[i] = hidden;
	}
	return max_rows && to > max_rows ? (size_t)max_rows : to;
}

static int
print_heap(struct db *db, const char *path)
{
	const struct inuse_options o = { .group = group, .since = since, .until = until,
		.age = leak_age, .raw = raw };
	struct inuse *inuse = inuse_open(db, &o);
	struct inuse_report r = { path, db, inuse, &o, NULL, 0, 0, output_columns() };
	struct inuse_row *row;

	if (inuse == NULL) {
		warnx("%s", db_error(db));
		return STATUS_DATABASE;
	}
	if (!inuse_any(inuse)) {
		warnx("%s: the recording has no memory (rsprof-heap(1) records it)", path);
		inuse_close(inuse);
		return STATUS_FAILED;
	}
	row = inuse_rows(inuse, &r.rows);
	r.shown = choose_heap(row, r.rows, &inuse_summary(inuse)->all);
	r.row = row;
	format->print_heap(stdout, &r);
	inuse_close(inuse);
	return 0;
}


/* ---- time -------------------------------------------------------------- */

static int
print_time(struct db *db, const char *path)
{
	struct report r = { .path = path, .db = db };

	r.profile = profile_open(db, metric, group, since, until, 0);
	if (r.profile == NULL) {
		warnx("%s", db_error(db));
		return STATUS_DATABASE;
	}
	print(&r);
	profile_close(r.profile);
	return STATUS_OK;
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

static int
report(const char *path, int heap)
{
	const char *why;
	struct db *db = db_open(path, DB_READ, &why);
	int status;

	if (db == NULL)
		errx(STATUS_DATABASE, "%s", why);
	status = heap ? print_heap(db, path) : print_time(db, path);
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
	if ((group = profile_group(s)) == PROFILE_NGROUPS)
		errx(STATUS_USAGE, "cannot group by %s (by function, generic, line, "
		        "crate, module or thread)",
		    s);
}

static void
rows_option(const char *s)
{
	if (arg_number(s, 0, SIZE_MAX, &max_rows) < 0)
		errx(STATUS_USAGE, "bad number of rows: %s", s);
}

static void
time_option(const char *s, uint64_t *ns)
{
	if (arg_duration(s, ns) < 0)
		errx(STATUS_USAGE, "bad time: %s (such as 90, 1.5, 30s or 1h30m)", s);
}

static void
order_option(const char *s)
{
	size_t i = 0;

	while (i < NORDERS && strcmp(s, orders[i].name))
		i++;
	if (i == NORDERS)
		errx(STATUS_USAGE, "cannot sort by %s (by live, peak, bytes, allocs or temps)", s);
	order = &orders[i];
}

static void
age_option(const char *s)
{
	time_option(s, &leak_age);
	if (leak_age == 0)
		leak_age = 1;
}

static void
parse_options(int argc, char **argv)
{
	int c;

	while ((c = next_option(argc, argv, "+n:t:f:g:l:o:rs:u:x:XhV", synopsis)) != -1)
		switch (c) {
		case 'n': rows_option(optarg); break;
		case 't': percent_option(optarg); break;
		case 'f': format_option(optarg); break;
		case 'g': group_option(optarg); break;
		case 'l': age_option(optarg); break;
		case 'o': order_option(optarg); break;
		case 'r': raw = 1; break;
		case 's': time_option(optarg, &since); break;
		case 'u': time_option(optarg, &until); break;
		case 'x': bounds_add(&bounds, optarg, 0); break;
		case 'X': bounds.strict = 1; break;
		}
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
	if (!heap && (leak_age || raw || order))
		errx(STATUS_USAGE, "-l, -o and -r apply only to heap");
	if (until <= since)
		errx(STATUS_USAGE, "-u must be later than -s");
	if (order == NULL)
		order = orders;
	status = report(argv[optind + 1], heap);
	close_output();
	return status;
}
