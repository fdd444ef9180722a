/*
 * rsprof-query runs SQL on a recording: one row in, one line of fields
 * separated by TAB out.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/status.h"
#include "record/db.h"

static int head; /* -H: print the columns' names before the rows */

static void
usage(void)
{
	fputs("usage: rsprof-query [-HV] FILE SQL\n", stderr);
	exit(STATUS_USAGE);
}

/* Print a string with the escapes of rsprof-records(5). */
static void
put_string(const char *s)
{
	if (strcmp(s, "-") == 0)
		putchar('\\');
	for (; *s; s++)
		switch (*s) {
		case '\t':
			fputs("\\t", stdout);
			break;
		case '\n':
			fputs("\\n", stdout);
			break;
		case '\\':
			fputs("\\\\", stdout);
			break;
		default:
			putchar(*s);
		}
}

static void
put_field(const char *s, int column, int columns)
{
	if (s)
		put_string(s);
	else
		putchar('-');
	putchar(column + 1 < columns ? '\t' : '\n');
}

static int
put_row(void *ctx, struct db_stmt *s, int columns)
{
	(void)ctx;
	for (int i = 0; i < columns; i++)
		put_field(db_text(s, i), i, columns);
	return ferror(stdout);
}

static int
put_head(void *ctx, struct db_stmt *s, int columns)
{
	(void)ctx;
	for (int i = 0; head && i < columns; i++)
		put_field(db_name(s, i), i, columns);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *error;
	struct db *db;
	int c;

	while ((c = getopt(argc, argv, "+HV")) != -1)
		switch (c) {
		case 'H': head = 1; break;
		case 'V': print_version("rsprof-query");
		default: usage();
		}
	if (argc - optind != 2)
		usage();

	if ((db = db_open(argv[optind], DB_READ, &error)) == NULL)
		errx(STATUS_DATABASE, "%s", error);
	if (db_query(db, argv[optind + 1], put_head, put_row, NULL) < 0) {
		warnx("%s", db_error(db));
		db_close(db);
		close_output();
		return STATUS_DATABASE;
	}
	db_close(db);
	close_output();
	return STATUS_OK;
}
