#include "tui/grid.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

#define GRID_REPLACEMENT 0xfffd
#define GRID_UTF8_MAX 4 /* bytes per character */

struct grid {
	int rows, columns, utf8;
	struct grid_cell *cell;
};

/* A character as it will be displayed. */
struct glyph {
	wchar_t c;
	int columns; /* 0: combines with the previous one */
};

static const struct grid_cell empty = { { L' ' }, 1, GRID_PLAIN };

/* ---- characters ------------------------------------------------------- */

static size_t
encode(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static struct glyph
glyph_next(const struct grid *g, const char **s)
{
	uint32_t c;
	size_t bytes = utf8_decode(*s, &c);
	int columns;

	*s += bytes ? bytes : 1;
	if (bytes && c >= 0x20 && c < 0x7f)
		return (struct glyph){ (wchar_t)c, 1 };
	if (!g->utf8)
		return (struct glyph){ L'?', 1 };
	columns = !bytes || c < 0xa0 || utf8_is_format(c) ? -1 : wcwidth((wchar_t)c);
	if (columns < 0 || columns > 2)
		return (struct glyph){ GRID_REPLACEMENT, 1 };
	return (struct glyph){ (wchar_t)c, columns };
}

/* ---- cells ------------------------------------------------------------ */

struct grid *
grid_open(int rows, int columns, int utf8)
{
	struct grid *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	g->utf8 = utf8;
	if (grid_resize(g, rows, columns) < 0) {
		free(g);
		return NULL;
	}
	return g;
}

void
grid_close(struct grid *g)
{
	if (g == NULL)
		return;
	free(g->cell);
	free(g);
}

int
grid_resize(struct grid *g, int rows, int columns)
{
	size_t n;
	struct grid_cell *cell;

	rows = rows < 1 ? 1 : rows;
	columns = columns < 1 ? 1 : columns;
	n = (size_t)rows * (size_t)columns;
	cell = reallocarray(g->cell, n, sizeof *cell);
	if (cell == NULL)
		return -1;
	g->cell = cell;
	g->rows = rows;
	g->columns = columns;
	grid_clear(g);
	return 0;
}

void
grid_clear(struct grid *g)
{
	size_t n = (size_t)g->rows * (size_t)g->columns;

	for (size_t i = 0; i < n; i++)
		g->cell[i] = empty;
}

int
grid_rows(const struct grid *g)
{
	return g->rows;
}

int
grid_columns(const struct grid *g)
{
	return g->columns;
}

int
grid_utf8(const struct grid *g)
{
	return g->utf8;
}

struct grid_area
grid_all(const struct grid *g)
{
	return (struct grid_area){ 0, 0, g->rows, g->columns };
}

static int
inside(const struct grid *g, int y, int x)
{
	return y >= 0 && x >= 0 && y < g->rows && x < g->columns;
}

static struct grid_cell *
at(const struct grid *g, int y, int x)
{
	return &g->cell[(size_t)y * (size_t)g->columns + (size_t)x];
}

const struct grid_cell *
grid_cell(const struct grid *g, int y, int x)
{
	return inside(g, y, x) ? at(g, y, x) : NULL;
}

/* Blank the other half of a wide character of which one half is overwritten. */
static void
split(struct grid *g, int y, int x)
{
	struct grid_cell *cell;

	if (x < 1 || !inside(g, y, x) || at(g, y, x)->columns > 0)
		return;
	cell = at(g, y, x - 1);
	cell[0].text[0] = cell[1].text[0] = L' ';
	cell[0].text[1] = cell[1].text[1] = L'\0';
	cell[0].columns = cell[1].columns = 1;
}

static void
set(struct grid *g, int y, int x, int style, struct glyph glyph)
{
	if (!inside(g, y, x) || !inside(g, y, x + glyph.columns - 1))
		return;
	split(g, y, x);
	split(g, y, x + glyph.columns);
	*at(g, y, x) = (struct grid_cell){ { glyph.c }, glyph.columns, style };
	if (glyph.columns == 2)
		*at(g, y, x + 1) = (struct grid_cell){ { L'\0' }, 0, style };
}

static void
combine(struct grid *g, int y, int x, wchar_t c)
{
	struct grid_cell *cell = at(g, y, x);
	size_t n;

	if (cell->columns == 0)
		cell--;
	n = wcslen(cell->text);
	if (n > 0 && n <= GRID_MARKS) {
		cell->text[n] = c;
		cell->text[n + 1] = L'\0';
	}
}

/* Returns whether a text needs more columns. */
static int
overflows(const struct grid *g, const char *text, int columns)
{
	while (*text && columns >= 0)
		columns -= glyph_next(g, &text).columns;
	return columns < 0;
}

int
grid_put(struct grid *g, int y, int x, int columns, int style, const char *text)
{
	struct glyph glyph;
	int end, start = x, cut;

	if (columns > g->columns - x)
		columns = g->columns - x;
	if (y < 0 || y >= g->rows || x < 0 || columns <= 0)
		return x;
	cut = overflows(g, text, columns);
	end = x + columns - cut;
	while (*text) {
		glyph = glyph_next(g, &text);
		if (x + glyph.columns > end)
			break;
		if (glyph.columns > 0)
			set(g, y, x, style, glyph);
		else if (x > start)
			combine(g, y, x - 1, glyph.c);
		x += glyph.columns;
	}
	if (cut)
		set(g, y, x++, style,
		    (struct glyph){ g->utf8 ? L'\u2026' : L'~', 1 });
	return x;
}

int
grid_printf(struct grid *g, int y, int x, int columns, int style,
    const char *format, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(buf, sizeof buf, format, ap);
	va_end(ap);
	return grid_put(g, y, x, columns, style, buf);
}

int
grid_put_right(struct grid *g, int y, int x, int columns, int style,
    const char *text)
{
	int spare = overflows(g, text, columns) ? 0 :
	    columns - grid_width(g, text);

	grid_put(g, y, x + spare, columns - spare, style, text);
	return x + spare;
}

void
grid_fill(struct grid *g, struct grid_area area, int style, wchar_t c)
{
	for (int y = area.y; y < area.y + area.rows; y++)
		for (int x = area.x; x < area.x + area.columns; x++)
			set(g, y, x, style, (struct glyph){ c, 1 });
}

void
grid_add_style(struct grid *g, struct grid_area area, int style)
{
	for (int y = area.y; y < area.y + area.rows; y++)
		for (int x = area.x; x < area.x + area.columns; x++)
			if (inside(g, y, x))
				at(g, y, x)->style |= style;
}

int
grid_width(const struct grid *g, const char *text)
{
	int columns = 0;

	while (*text && columns < INT32_MAX - 2)
		columns += glyph_next(g, &text).columns;
	return columns;
}

size_t
grid_fit(const struct grid *g, const char *text, int columns)
{
	const char *s = text, *next = text, *fits = text, *blank = text;

	while (*s) {
		columns -= glyph_next(g, &next).columns;
		if (columns < 0)
			return (size_t)((blank > text ? blank :
			    fits > text ? fits : next) - text);
		if (*s == ' ')
			blank = next;
		s = fits = next;
	}
	return (size_t)(s - text);
}

/* ---- as text ---------------------------------------------------------- */

static int
last_column(const struct grid *g, int y)
{
	int x = g->columns;

	while (x > 0 && wcscmp(at(g, y, x - 1)->text, L" ") == 0)
		x--;
	return x;
}

char *
grid_text(const struct grid *g)
{
	size_t line = (size_t)g->columns * (1 + GRID_MARKS) * GRID_UTF8_MAX + 1;
	char *text = malloc((size_t)g->rows * line + 1), *p = text;

	if (text == NULL)
		return NULL;
	for (int y = 0; y < g->rows; y++) {
		int end = last_column(g, y);

		for (int x = 0; x < end; x++)
			for (const wchar_t *c = at(g, y, x)->text; *c; c++)
				p += encode(p, (uint32_t)*c);
		*p++ = '\n';
	}
	*p = '\0';
	return text;
}
