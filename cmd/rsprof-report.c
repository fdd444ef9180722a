/*
 * rsprof-report says in one page what a recording has: what ran, who took its time and memory,
 * what is wrong, and what to look at next.
 */
#include <err.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/columns.h"
#include "cmd/options.h"
#include "cmd/status.h"
#include "profile/digest.h"
#include "profile/digest_advice.h"
#include "profile/digest_report.h"
#include "record/db.h"

static const struct format {
	const char *name;
	void (*print)(FILE *out, const struct digest *d, size_t columns);
} formats[] = {
	{ "text", digest_text },
	{ "json", digest_json },
	{ "markdown", digest_markdown },
};
#define NFORMATS (sizeof formats / sizeof formats[0])

static const struct format *format = formats;
static uint64_t since, until = UINT64_MAX;

static const char synopsis[] =
    "usage: rsprof-report [-hV] [-f text|json|markdown] [-s SINCE] [-u UNTIL] FILE\n";

static void
format_option(const char *s)
{
	size_t i = 0;

	while (i < NFORMATS && strcmp(s, formats[i].name))
		i++;
	if (i == NFORMATS)
		errx(STATUS_USAGE, "unknown format: %s (text, json or markdown)", s);
	format = &formats[i];
}

static void
report(const char *path)
{
	const char *why;
	struct db *db = db_open(path, DB_READ, &why);
	struct digest *d;

	if (db == NULL)
		errx(STATUS_DATABASE, "%s", why);
	if ((d = digest_open(db, path, since, until)) == NULL)
		errx(STATUS_DATABASE, "%s", db_error(db));
	digest_advise(d);
	format->print(stdout, d, output_columns());
	digest_close(d);
	db_close(db);
}

int
main(int argc, char **argv)
{
	int c;

	setlocale(LC_CTYPE, "");
	while ((c = next_option(argc, argv, "+f:s:u:hV", synopsis)) != -1)
		switch (c) {
		case 'f': format_option(optarg); break;
		case 's': since = time_option(optarg); break;
		case 'u': until = time_option(optarg); break;
		}
	if (argc - optind != 1)
		usage(synopsis);
	if (until <= since)
		errx(STATUS_USAGE, "-u must be later than -s");
	report(argv[optind]);
	close_output();
	return STATUS_OK;
}
