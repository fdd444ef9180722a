/*
 * rsprof-query runs SQL on a recording, and prints the rows: as lines for other programs,
 * or as a table for people.
 */
#include <err.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "base/arg.h"
#include "base/array.h"
#include "base/quote.h"
#include "base/utf8.h"
#include "cmd/status.h"
#include "record/db.h"

/* How rows are printed. */
struct format {
	const char *name;
	db_row *head, *row; /* see db_query() */
	void (*end)(void);  /* when a statement has no more rows; or NULL */
};

static const struct format *format;
static int head;         /* -H: print the columns' names before the rows */
static int in_statement; /* whose end() is to come */

static const char synopsis[] =
    "usage: rsprof-query [-hHV] [-f csv|json|table|tsv] [-t DURATION] FILE SQL\n";

/* Print the texts of all columns, db_text() or db_name(), by put(), with a character between
 * them.  Returns as a db_row. */
static int
put_line(struct db_stmt *s, int columns, const char *(*text)(struct db_stmt *s, int column),
    void (*put)(const char *s), char between)
{
	for (int i = 0; i < columns; i++) {
		put(text(s, i));
		putchar(i + 1 < columns ? between : '\n');
	}
	return ferror(stdout);
}

/* ---- tsv ---------------------------------------------------------------- */

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
put_tsv(const char *s)
{
	if (s)
		put_string(s);
	else
		putchar('-');
}

static int
tsv_row(void *ctx, struct db_stmt *s, int columns)
{
	(void)ctx;
	return put_line(s, columns, db_text, put_tsv, '\t');
}

static int
tsv_head(void *ctx, struct db_stmt *s, int columns)
{
	(void)ctx;
	return head ? put_line(s, columns, db_name, put_tsv, '\t') : 0;
}

/* ---- csv ---------------------------------------------------------------- */

static void
put_csv(const char *s)
{
	if (s)
		quote_csv(stdout, s);
}

static int
csv_row(void *ctx, struct db_stmt *s, int columns)
{
	(void)ctx;
	return put_line(s, columns, db_text, put_csv, ',');
}

static int
csv_head(void *ctx, struct db_stmt *s, int columns)
{
	(void)ctx;
	return put_line(s, columns, db_name, put_csv, ',');
}

/* ---- json --------------------------------------------------------------- */

static int is_first_row;

static int
json_head(void *ctx, struct db_stmt *s, int columns)
{
	(void)ctx;
	(void)s;
	(void)columns;
	putchar('[');
	is_first_row = 1;
	return 0;
}

/* Write a number, or null for one that JSON has no word for. */
static void
put_number(const char *s)
{
	fputs(strpbrk(s, "In") ? "null" : s, stdout);
}

static int
json_row(void *ctx, struct db_stmt *s, int columns)
{
	(void)ctx;
	fputs(is_first_row ? "\n{" : ",\n{", stdout);
	is_first_row = 0;
	for (int i = 0; i < columns; i++) {
		quote_json(stdout, db_name(s, i));
		putchar(':');
		if (db_is_number(s, i))
			put_number(db_text(s, i));
		else
			quote_json(stdout, db_text(s, i));
		putchar(i + 1 < columns ? ',' : '}');
	}
	return ferror(stdout);
}

static void
json_end(void)
{
	fputs(is_first_row ? "]\n" : "\n]\n", stdout);
}

/* ---- table -------------------------------------------------------------- */

struct column {
	int width;
	int numbers; /* nothing but these and NULL */
};

struct cell {
	char *text;
	int width;
};

/* The cells of a statement, row by row, the names first. */
static struct {
	struct cell *cell;
	size_t n, room;
	struct column *column;
	int columns;
} table;

/* Returns what to print for a character that would move the cursor or do more. */
static const char *
escape(uint32_t c)
{
	static char text[16];

	switch (c) {
	case '\t': return "\\t";
	case '\n': return "\\n";
	default: break;
	}
	if (!utf8_is_control(c) && !utf8_is_format(c))
		return NULL;
	snprintf(text, sizeof text, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
	return text;
}

/* Returns a copy of a string, which may be NULL, that a terminal can show, and its width. */
static char *
shown(const char *s, int *width)
{
	char *copy = NULL;
	size_t len, size;
	FILE *out = open_memstream(&copy, &size);
	uint32_t c;

	*width = 0;
	if (out == NULL)
		err(STATUS_FAILED, NULL);
	for (s = s ? s : "-"; *s; s += len) {
		size_t is = utf8_decode(s, &c);
		const char *text = is ? escape(c) : "?";
		int columns = text ? (int)strlen(text) : wcwidth((wchar_t)c);

		len = is ? is : 1;
		fwrite(text ? text : s, 1, text ? strlen(text) : len, out);
		*width += columns > 0 ? columns : 0;
	}
	if (fclose(out) == EOF)
		err(STATUS_FAILED, NULL);
	return copy;
}

static void
add_cell(int column, const char *s)
{
	struct cell *c;

	if (array_room(&table.cell, table.n, &table.room, sizeof *table.cell) < 0)
		err(STATUS_FAILED, NULL);
	c = &table.cell[table.n++];
	c->text = shown(s, &c->width);
	if (c->width > table.column[column].width)
		table.column[column].width = c->width;
}

static int
table_head(void *ctx, struct db_stmt *s, int columns)
{
	(void)ctx;
	table.columns = columns;
	table.column = calloc((size_t)columns, sizeof *table.column);
	if (table.column == NULL)
		err(STATUS_FAILED, NULL);
	for (int i = 0; i < columns; i++) {
		table.column[i].numbers = 1;
		add_cell(i, db_name(s, i));
	}
	return 0;
}

static int
table_row(void *ctx, struct db_stmt *s, int columns)
{
	(void)ctx;
	for (int i = 0; i < columns; i++) {
		table.column[i].numbers &= db_is_number(s, i) || db_is_null(s, i);
		add_cell(i, db_text(s, i));
	}
	return 0;
}

static void
print_cell(const struct cell *cell, const struct column *c, int is_last)
{
	int left = c->width - cell->width;

	if (c->numbers)
		printf("%*s%s", left, "", cell->text);
	else
		printf("%s%*s", cell->text, is_last ? 0 : left, "");
	fputs(is_last ? "\n" : "  ", stdout);
}

static void
table_end(void)
{
	for (size_t i = 0; i < table.n; i++) {
		int column = (int)(i % (size_t)table.columns);

		print_cell(&table.cell[i], &table.column[column], column + 1 == table.columns);
		free(table.cell[i].text);
	}
	free(table.column);
	table.column = NULL;
	table.n = 0;
}

/* ---- all ---------------------------------------------------------------- */

static const struct format formats[] = {
	{ "tsv", tsv_head, tsv_row, NULL },
	{ "table", table_head, table_row, table_end },
	{ "csv", csv_head, csv_row, NULL },
	{ "json", json_head, json_row, json_end },
};

static void
end_statement(void)
{
	if (in_statement && format->end)
		format->end();
	in_statement = 0;
}

static int
on_head(void *ctx, struct db_stmt *s, int columns)
{
	end_statement();
	in_statement = 1;
	return format->head(ctx, s, columns);
}

static const struct format *
find_format(const char *name)
{
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	errx(STATUS_USAGE, "-f %s: no such format: csv, json, table or tsv", name);
}

static uint64_t
parse_limit(const char *s)
{
	uint64_t ns;

	if (arg_duration(s, &ns) < 0)
		errx(STATUS_USAGE, "-t %s: no duration, as 2s or 1m30s", s);
	return ns;
}

/* Returns the exit status. */
static int
query(const char *file, const char *sql, uint64_t limit)
{
	const char *error;
	struct db *db = db_open(file, DB_READ, &error);
	int got;

	if (db == NULL)
		errx(STATUS_DATABASE, "%s", error);
	if (limit)
		db_set_limit(db, limit);
	got = db_query(db, sql, on_head, format->row, NULL);
	end_statement();
	if (got < 0)
		warnx("%s", db_error(db));
	db_close(db);
	close_output();
	return got < 0 ? STATUS_DATABASE : STATUS_OK;
}

int
main(int argc, char **argv)
{
	uint64_t limit = 0;
	int c;

	setlocale(LC_CTYPE, "");
	format = find_format(isatty(STDOUT_FILENO) ? "table" : "tsv");
	while ((c = next_option(argc, argv, "+f:Ht:hV", synopsis)) != -1)
		switch (c) {
		case 'f': format = find_format(optarg); break;
		case 'H': head = 1; break;
		case 't': limit = parse_limit(optarg); break;
		}
	if (argc - optind != 2)
		usage(synopsis);
	return query(argv[optind], argv[optind + 1], limit);
}
