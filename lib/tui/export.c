#include "tui/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/quote.h"
#include "tui/grid.h"
#include "tui/table.h"

#define NUMBERS 1000
#define CELL 400 /* widest cell in CSV, in columns */

/* Create the file with the first free number.  Returns its descriptor, or -1. */
static int
create(const char *name, const char *suffix, char *path, size_t size)
{
	int fd = -1;

	for (int i = 1; fd < 0 && i <= NUMBERS; i++) {
		snprintf(path, size, "rsprof.%s.%d.%s", name, i, suffix);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd;
}

int
export_file(const char *name, const char *suffix, int (*write)(void *ctx, FILE *out),
    void *ctx, char *names, size_t size)
{
	size_t used = strlen(names);
	char path[128];
	int fd = create(name, suffix, path, sizeof path), bad, cause;
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (out == NULL) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	errno = 0;
	bad = write(ctx, out) < 0 || ferror(out);
	bad |= fclose(out) == EOF;
	cause = errno;
	if (bad) {
		unlink(path);
		errno = cause ? cause : ENOMEM;
		return -1;
	}
	snprintf(names + used, size - used, "%s%s", used ? ", " : "", path);
	return 0;
}

static int
put_cell(FILE *out, struct grid *g, const struct table_source *s, size_t row, int column,
    void (*put)(FILE *out, const char *text))
{
	struct grid_area all = grid_all(g);
	char *text;

	grid_clear(g);
	s->draw(s->rows, row, column, g, &all);
	text = grid_text(g);
	if (text == NULL)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	put(out, text + strspn(text, " "));
	free(text);
	return 0;
}

static int
is_exported(const struct table_source *s, int column)
{
	return s->column[column].title && *s->column[column].title;
}

/* Write the cells of a row by put(), separated by `between`. */
static int
put_row(FILE *out, struct grid *g, const struct table_source *s, size_t row, int between,
    void (*put)(FILE *out, const char *text))
{
	int r = 0;

	for (int c = 0, n = 0; r == 0 && c < s->columns; c++) {
		if (!is_exported(s, c))
			continue;
		if (n++)
			putc(between, out);
		r = put_cell(out, g, s, row, c, put);
	}
	return r;
}

static void
put_plain(FILE *out, const char *text)
{
	fputs(text, out);
}

char *
export_row(const struct table *t, const struct table_source *s)
{
	long row = table_selected(t);
	struct grid *g = row < 0 ? NULL : grid_open(1, CELL, 1);
	char *text = NULL;
	size_t size;
	FILE *out = g ? open_memstream(&text, &size) : NULL;
	int bad = out == NULL || put_row(out, g, s, (size_t)row, '\t', put_plain) < 0;

	if (out)
		bad |= fclose(out) == EOF;
	if (g)
		grid_close(g);
	if (!bad)
		return text;
	free(text);
	return NULL;
}

int
export_csv(FILE *out, const struct table *t, const struct table_source *s)
{
	struct grid *g = grid_open(1, CELL, 1);
	int r = g ? 0 : -1;

	for (int c = 0, n = 0; c < s->columns; c++)
		if (is_exported(s, c))
			fprintf(out, "%s%s", n++ ? "," : "", s->column[c].title);
	fputs("\r\n", out);
	for (size_t i = 0; r == 0 && i < t->n; i++) {
		r = put_row(out, g, s, t->order[i], ',', quote_csv);
		fputs("\r\n", out);
	}
	if (g)
		grid_close(g);
	return r;
}
