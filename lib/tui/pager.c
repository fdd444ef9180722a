#include "tui/pager.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/grid.h"

struct line {
	char *label, *text;
	int style, columns;
};

struct pager {
	struct line *line;
	size_t n, size;
	long lines;     /* number of lines, wrapped */
	long top, seen; /* first visible line; number of visible ones */
	int failed;
	int fold; /* as pager_fold() sets it; 0: one column */
};

struct pager *
pager_open(void)
{
	return calloc(1, sizeof(struct pager));
}

void
pager_close(struct pager *p)
{
	if (p == NULL)
		return;
	pager_clear(p);
	free(p->line);
	free(p);
}

void
pager_clear(struct pager *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->line[i].label);
		free(p->line[i].text);
	}
	p->n = 0;
	p->failed = 0;
}

static int
grow(struct pager *p)
{
	size_t size = p->size ? 2 * p->size : 64;
	struct line *line = reallocarray(p->line, size, sizeof *line);

	if (line == NULL)
		return -1;
	p->line = line;
	p->size = size;
	return 0;
}

static int
append(struct pager *p, const char *label, const char *text)
{
	struct line *l;

	if (p->n == p->size && grow(p) < 0)
		return -1;
	l = &p->line[p->n];
	l->label = strdup(label ? label : "");
	l->text = strdup(text ? text : "");
	if (l->label && l->text)
		return 0;
	free(l->label);
	free(l->text);
	return -1;
}

void
pager_add(struct pager *p, int style, const char *label, int columns,
    const char *text)
{
	if (append(p, label, text) < 0) {
		p->failed = 1;
		return;
	}
	p->line[p->n].style = style;
	p->line[p->n].columns = columns;
	p->n++;
}

void
pager_printf(struct pager *p, int style, const char *label, int columns,
    const char *format, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		p->failed = 1;
		return;
	}
	pager_add(p, style, label, columns, text);
	free(text);
}

int
pager_check(const struct pager *p)
{
	return p->failed ? -1 : 0;
}

/* ---- scrolling and drawing --------------------------------------------- */

void
pager_scroll(struct pager *p, long lines)
{
	p->top += lines;
}

void
pager_turn(struct pager *p, long pages)
{
	p->top += pages * (p->seen > 1 ? p->seen - 1 : 1);
}

void
pager_position(const struct pager *p, char *buf, size_t size)
{
	*buf = '\0';
	if (p->lines > p->seen)
		snprintf(buf, size, "%ld-%ld/%ld", p->top + 1,
		    p->top + p->seen, p->lines);
}

static int
text_columns(const struct line *l, const struct grid_area *area)
{
	int room = area->columns - 1 - l->columns;

	return room > 0 ? room : 1;
}

static int
is_seen(const struct grid_area *area, long row)
{
	return row >= 0 && row < area->rows;
}

/* Draw a line at a row of the area, which may be outside of it.  Returns the rows that
 * it takes. */
static long
draw_line(struct line *l, struct grid *g, const struct grid_area *area,
    long row)
{
	int x = area->x + 1, room = text_columns(l, area);
	char *text = l->text, *end, c;
	long first = row;

	if (is_seen(area, row))
		grid_put(g, area->y + (int)row, x, l->columns ? l->columns :
		    area->columns - 1, l->style, l->label);
	do {
		end = text + grid_fit(g, text, room);
		c = *end;
		*end = '\0';
		if (is_seen(area, row))
			grid_put(g, area->y + (int)row, x + l->columns, room,
			    GRID_PLAIN, text);
		*end = c;
		text = end;
		row++;
	} while (*text);
	return row - first;
}

static long
draw_lines(struct pager *p, struct grid *g, const struct grid_area *area,
    long row)
{
	long first = row;

	for (size_t i = 0; i < p->n; i++)
		row += draw_line(&p->line[i], g, area, row);
	return row - first;
}

void
pager_fold(struct pager *p, int columns)
{
	p->fold = columns;
}

void
pager_draw(struct pager *p, struct grid *g, const struct grid_area *area)
{
	int folds = p->fold && area->columns / 2 >= p->fold ? 2 : 1;
	struct grid_area part = { area->y, area->x, area->rows, area->columns / folds };
	struct grid_area nowhere = { area->y, area->x, 0, part.columns };

	p->seen = folds * area->rows;
	p->lines = draw_lines(p, g, &nowhere, 0);
	if (p->top > p->lines - p->seen)
		p->top = p->lines - p->seen;
	if (p->top < 0)
		p->top = 0;
	for (int i = 0; i < folds; i++, part.x += part.columns)
		draw_lines(p, g, &part, -p->top - i * area->rows);
}
