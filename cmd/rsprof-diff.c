/*
 * rsprof-diff says what has changed from one recording to another, or within one, and checks
 * bounds on that.  On a terminal it becomes the view of it.
 */
#include <err.h>
#include <libgen.h>
#include <limits.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arg.h"
#include "base/array.h"
#include "cmd/bounds.h"
#include "cmd/columns.h"
#include "cmd/options.h"
#include "cmd/status.h"
#include "profile/compare.h"
#include "profile/compare_report.h"
#include "record/db.h"

#define ROWS 20 /* shown as text and Markdown without -n */

static const struct format {
	const char *name;
	void (*print)(FILE *out, const struct compare_report *r);
	int all; /* all rows, where -n is not given */
} formats[] = {
	{ "text", compare_text, 0 },
	{ "json", compare_json, 1 },
	{ "csv", compare_csv, 1 },
	{ "markdown", compare_markdown, 0 },
};
#define NFORMATS (sizeof formats / sizeof formats[0])

/* The recordings of a side: the one that is compared first, then those of -a or -b. */
struct recordings {
	const char **path;
	struct db **db;
	struct figures **figures;
	size_t n, room;
};

static const struct format *format;      /* -f */
static uint64_t max_rows = UINT64_MAX;   /* -n; UINT64_MAX: as many as usual */
static struct bounds bounds;             /* -x, -X */
static struct recordings sides[COMPARE_SIDES];
static struct compare_of of[COMPARE_SIDES];

static const char synopsis[] =
    "usage: rsprof-diff [-hVX] [-a FILE] [-b FILE] [-f text|json|csv|markdown] [-n N]"
    " [-x BOUND] OLD NEW\n"
    "       rsprof-diff [-X] [-f text|json|csv|markdown] [-n N] [-x BOUND]"
    " FILE FROM-TO FROM-TO\n";

/* ---- options ----------------------------------------------------------- */

static void
add_recording(struct recordings *r, const char *path)
{
	if (array_room(&r->path, r->n, &r->room, sizeof *r->path) < 0)
		err(STATUS_FAILED, NULL);
	r->path[r->n++] = path;
}

static void
format_option(const char *s)
{
	size_t i = 0;

	while (i < NFORMATS && strcmp(s, formats[i].name))
		i++;
	if (i == NFORMATS)
		errx(STATUS_USAGE, "unknown format: %s (text, json, csv or markdown)", s);
	format = &formats[i];
}

static void
parse_options(int argc, char **argv)
{
	int c;

	while ((c = next_option(argc, argv, "+a:b:f:n:Xx:hV", synopsis)) != -1)
		switch (c) {
		case 'a': add_recording(&sides[COMPARE_OLD], optarg); break;
		case 'b': add_recording(&sides[COMPARE_NEW], optarg); break;
		case 'f': format_option(optarg); break;
		case 'n': max_rows = rows_option(optarg); break;
		case 'X': bounds.strict = 1; break;
		case 'x': bounds_add(&bounds, optarg, 1); break;
		}
}

/* Set what is compared from the arguments: two files, or one and two ranges. */
static void
parse_arguments(int n, char **arg)
{
	for (int i = 0; i < COMPARE_SIDES; i++) {
		const char *range = n == 3 ? arg[i + 1] : "-";

		of[i].path = n == 3 ? arg[0] : arg[i];
		if (arg_range(range, &of[i].since, &of[i].until) < 0)
			errx(STATUS_USAGE, "not a time range: %s (such as 0-30s or 1m30s-)", range);
		if (n == 3 && sides[i].n)
			errx(STATUS_USAGE, "-a and -b need two recordings");
		/* The one that is compared comes first. */
		add_recording(&sides[i], of[i].path);
		sides[i].path[sides[i].n - 1] = sides[i].path[0];
		sides[i].path[0] = of[i].path;
	}
	if ((sides[0].n > 1) != (sides[1].n > 1))
		errx(STATUS_USAGE, "-a and -b: their spread needs two recordings or more on each side");
}

/* ---- the view ---------------------------------------------------------- */

/* Become the view, which stands beside this program or in PATH. */
static _Noreturn void
become_view(int n, char **arg)
{
	char self[PATH_MAX], view[PATH_MAX + 16];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	static char name[] = "rsprof-tui", diff[] = "-d", old[] = "-R", new[] = "-r";
	char *two[] = { name, diff, arg[0], arg[1], NULL };
	char *three[] = { name, old, arg[1], new, arg[2], arg[0], NULL };
	char **argv = n == 3 ? three : two;

	if (len > 0) {
		self[len] = '\0';
		snprintf(view, sizeof view, "%s/rsprof-tui", dirname(self));
		execv(view, argv);
	}
	execvp(name, argv);
	err(STATUS_FAILED, "%s", name);
}

/* ---- the comparison ---------------------------------------------------- */

/* Open the recordings of a side. */
static void
open_side(struct recordings *r, const struct compare_of *what)
{
	const char *why;

	r->db = calloc(r->n, sizeof *r->db);
	r->figures = calloc(r->n, sizeof *r->figures);
	if (r->db == NULL || r->figures == NULL)
		err(STATUS_FAILED, NULL);
	for (size_t i = 0; i < r->n; i++) {
		if ((r->db[i] = db_open(r->path[i], DB_READ, &why)) == NULL)
			errx(STATUS_DATABASE, "%s", why);
		if ((r->figures[i] = figures_open(r->db[i], what->since, what->until)) == NULL)
			err(STATUS_FAILED, NULL);
	}
}

static void
close_side(struct recordings *r)
{
	for (size_t i = 0; i < r->n; i++) {
		figures_close(r->figures[i]);
		db_close(r->db[i]);
	}
	free(r->path);
	free(r->db);
	free(r->figures);
}

static void
print(void)
{
	struct compare_report r = { .rows = SIZE_MAX, .columns = output_columns() };
	struct db *bad;

	for (int i = 0; i < COMPARE_SIDES; i++)
		of[i].db = sides[i].db[0];
	if ((r.compare = compare_open(of, &bad)) == NULL)
		errx(STATUS_DATABASE, "%s", db_error(bad));
	if (max_rows == UINT64_MAX)
		max_rows = format->all ? 0 : ROWS;
	if (max_rows && max_rows < SIZE_MAX)
		r.rows = (size_t)max_rows;
	format->print(stdout, &r);
	compare_close(r.compare);
}

int
main(int argc, char **argv)
{
	int status = STATUS_OK;

	setlocale(LC_CTYPE, "");
	parse_options(argc, argv);
	argc -= optind;
	argv += optind;
	if (argc != 2 && argc != 3)
		usage(synopsis);
	parse_arguments(argc, argv);
	if (format == NULL && bounds.n == 0 && isatty(STDOUT_FILENO))
		become_view(argc, argv);
	if (format == NULL)
		format = formats;
	for (int i = 0; i < COMPARE_SIDES; i++)
		open_side(&sides[i], &of[i]);
	print();
	if (bounds.n && fflush(stdout) == 0)
		status = bounds_check(&bounds, sides[COMPARE_OLD].figures, sides[COMPARE_OLD].n,
		    sides[COMPARE_NEW].figures, sides[COMPARE_NEW].n);
	for (int i = 0; i < COMPARE_SIDES; i++)
		close_side(&sides[i]);
	free(bounds.bound);
	close_output();
	return status;
}
