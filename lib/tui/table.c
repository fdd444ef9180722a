#include "tui/table.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/pattern.h"
#include "tui/grid.h"

/*
 * `order` holds the numbers of the visible rows from the top: of all rows, or of those
 * that match `filter`.  The selection is a position in it (`at`) and, once the user has
 * made one (`held`), the row's id, by which table_update() finds it again after rows
 * were added and sorted.  `top` and `page` are the visible window. table_draw()
 * remembers where it drew the header and columns, for clicks.
 */

/* ---- order ------------------------------------------------------------ */

struct sorting {
	const struct table *t;
	const struct table_source *s;
};

static enum table_rank
rank(const struct table *t, const struct table_source *s, size_t row)
{
	return s->rank ? s->rank(s->rows, row, t->sort) : TABLE_AMONG;
}

static int
compare(const void *a, const void *b, void *ctx)
{
	const struct sorting *by = ctx;
	const struct table_source *s = by->s;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	unsigned ix, iy;
	int c = (int)rank(by->t, s, x) - (int)rank(by->t, s, y);

	if (c && (rank(by->t, s, x) == TABLE_BELOW || rank(by->t, s, y) == TABLE_BELOW))
		return c;
	c = s->compare(s->rows, x, y, by->t->sort);
	if (c)
		return by->t->reverse ? -c : c;
	ix = s->id(s->rows, x);
	iy = s->id(s->rows, y);
	return ix < iy ? -1 : ix > iy;
}

/* ---- patterns ---------------------------------------------------------- */

static int
matches(const struct pattern *p, const struct table_source *s, size_t row)
{
	return pattern_matches(p, s->text ? s->text(s->rows, row) : NULL);
}

int
table_filter(struct table *t, const char *pattern)
{
	struct pattern *f = NULL;

	if (pattern && *pattern && (f = pattern_new(pattern)) == NULL)
		return -1;
	pattern_free(t->filter);
	t->filter = f;
	t->n = 0;
	t->of = SIZE_MAX; /* invalidates the order */
	return 0;
}

static int
is_listed(const struct table *t, const struct table_source *s, size_t row)
{
	return t->filter ? matches(t->filter, s, row) : rank(t, s, row) != TABLE_HIDDEN;
}

/* Renumber the rows, keeping the old order where possible: little needs sorting then. */
static int
renumber(struct table *t, const struct table_source *s)
{
	size_t *order, kept = 0, from = t->of;

	if (s->n > t->size) {
		order = reallocarray(t->order, s->n, sizeof *order);
		if (order == NULL)
			return -1;
		t->order = order;
		t->size = s->n;
	}
	if (t->filter || t->of != t->n)
		t->n = from = 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->order[i] < s->n && is_listed(t, s, t->order[i]))
			t->order[kept++] = t->order[i];
	for (size_t i = from; i < s->n; i++)
		if (is_listed(t, s, i))
			t->order[kept++] = i;
	t->n = kept;
	t->of = s->n;
	return 0;
}

static void
select_position(struct table *t, const struct table_source *s, size_t position)
{
	t->at = position;
	if (t->n)
		t->id = s->id(s->rows, t->order[position]);
}

static void
find_selected(struct table *t, const struct table_source *s)
{
	size_t i = 0;

	if (t->held)
		while (i < t->n && s->id(s->rows, t->order[i]) != t->id)
			i++;
	if (i == t->n && t->n)
		i = t->at < t->n ? t->at : t->n - 1;
	select_position(t, s, i);
}

int
table_update(struct table *t, const struct table_source *s)
{
	struct sorting by = { t, s };

	if (renumber(t, s) < 0)
		return -1;
	if (t->n)
		qsort_r(t->order, t->n, sizeof *t->order, compare, &by);
	find_selected(t, s);
	return 0;
}

void
table_free(struct table *t)
{
	free(t->order);
	pattern_free(t->filter);
	t->order = NULL;
	t->filter = NULL;
	t->n = t->size = t->of = 0;
}

void
table_sort_next(struct table *t, const struct table_source *s)
{
	for (int i = 0; i < s->columns; i++) {
		t->sort = (t->sort + 1) % s->columns;
		if (s->column[t->sort].title && t->x[t->sort] >= 0)
			break;
	}
	t->reverse = 0;
}

/* ---- selection -------------------------------------------------------- */

long
table_selected(const struct table *t)
{
	return t->n ? (long)t->order[t->at] : -1;
}

void
table_move(struct table *t, const struct table_source *s, long by)
{
	size_t last = t->n ? t->n - 1 : 0;

	t->held = 1;
	if (by < 0)
		select_position(t, s, t->at > (size_t)-by ? t->at + (size_t)by : 0);
	else
		select_position(t, s, last - t->at > (size_t)by ?
		    t->at + (size_t)by : last);
}

int
table_find(struct table *t, const struct table_source *s, const char *pattern,
    int direction)
{
	struct pattern *f = pattern_new(pattern);
	size_t i = t->at, tried;

	for (tried = 0; f && tried < t->n; tried++) {
		i = (direction < 0 ? i + t->n - 1 : i + 1) % t->n;
		if (matches(f, s, t->order[i]))
			break;
	}
	pattern_free(f);
	if (f == NULL || tried >= t->n)
		return -1;
	t->held = 1;
	select_position(t, s, i);
	return 0;
}

/* Returns the column drawn at x, or -1. */
static int
column_at(const struct table *t, const struct table_source *s, int x)
{
	int found = -1;

	for (int i = 0; i < s->columns; i++)
		if (t->x[i] >= 0 && t->x[i] <= x)
			found = i;
	return found;
}

int
table_click(struct table *t, const struct table_source *s, int y, int x)
{
	int column = column_at(t, s, x), row = y - t->y - 1;

	if (y == t->y && column >= 0) {
		t->reverse = column == t->sort ? !t->reverse : 0;
		t->sort = column;
		return 1;
	}
	if (row < 0 || row >= t->seen || t->top + (size_t)row >= t->n)
		return 0;
	t->held = 1;
	select_position(t, s, t->top + (size_t)row);
	return 1;
}

void
table_first(struct table *t, const struct table_source *s)
{
	table_move(t, s, -LONG_MAX);
}

void
table_last(struct table *t, const struct table_source *s)
{
	table_move(t, s, LONG_MAX);
}

/* ---- drawing ---------------------------------------------------------- */

static int
is_seen(const struct table_column *c, const struct grid_area *area)
{
	return c->title && area->columns >= c->from;
}

/* Compute where each column begins and how wide it is.  Columns that share the rest get
 * decreasing parts of it from left to right. */
static void
lay_out(const struct table_source *s, const struct grid_area *area,
    struct grid_area *cell)
{
	int rest = area->columns, shares = 0, x = area->x, width;

	for (int i = 0; i < s->columns; i++)
		if (is_seen(&s->column[i], area)) {
			rest -= s->column[i].width + 1;
			shares += !s->column[i].width;
		}
	for (int i = 0; i < s->columns; i++) {
		cell[i] = (struct grid_area){ area->y, x, 1, 0 };
		if (!is_seen(&s->column[i], area))
			continue;
		width = s->column[i].width;
		if (!width) {
			width = shares > 1 ? rest * 3 / (3 + 2 * (shares - 1)) : rest;
			rest -= width;
			shares--;
		}
		cell[i].columns = width;
		x += width + 1;
	}
}

static void
draw_title(const struct table *t, const struct table_source *s, int i,
    struct grid *g, const struct grid_area *cell)
{
	const struct table_column *c = &s->column[i];
	int sorted = i == t->sort, x = cell->x, room = cell->columns - 1;
	int style = sorted ? GRID_SORTED : GRID_HEADER;
	const char *up = grid_utf8(g) ? "▲" : "^";
	const char *down = grid_utf8(g) ? "▼" : "v";

	if (c->right)
		x = grid_put_right(g, cell->y, x, room, style, c->title) +
		    grid_width(g, c->title);
	else
		x = grid_put(g, cell->y, x, room, style, c->title);
	if (sorted)
		grid_put(g, cell->y, x, 1, style, t->reverse ? up : down);
}

static void
draw_row(const struct table *t, const struct table_source *s, size_t position,
    struct grid *g, const struct grid_area *row, struct grid_area *cell)
{
	int mark;

	for (int i = 0; i < s->columns; i++) {
		cell[i].y = row->y;
		if (cell[i].columns > 0)
			s->draw(s->rows, t->order[position], i, g, &cell[i]);
	}
	if (s->mark && (mark = s->mark(s->rows, t->order[position])))
		grid_printf(g, row->y, row->x, 1, GRID_LINE + mark - 1, "%d", mark);
	if (position == t->at)
		grid_add_style(g, *row, GRID_SELECTED);
}

static void
follow(struct table *t, int rows)
{
	t->page = rows > 0 ? (size_t)rows : 0;
	if (t->at < t->top || t->page == 0)
		t->top = t->at;
	else if (t->at - t->top >= t->page)
		t->top = t->at - t->page + 1;
	if (t->n - t->top < t->page)
		t->top = t->n > t->page ? t->n - t->page : 0;
}

void
table_draw(struct table *t, const struct table_source *s, struct grid *g,
    const struct grid_area *area)
{
	struct grid_area cell[TABLE_COLUMNS_MAX];
	struct grid_area row = { area->y, area->x, 1, area->columns };

	lay_out(s, area, cell);
	t->y = area->y;
	t->seen = area->rows - 1;
	for (int i = 0; i < s->columns; i++) {
		t->x[i] = cell[i].columns > 0 ? cell[i].x : -1;
		if (cell[i].columns > 0)
			draw_title(t, s, i, g, &cell[i]);
	}
	follow(t, area->rows - 1);
	for (size_t i = t->top; i < t->n && i < t->top + t->page; i++) {
		row.y++;
		draw_row(t, s, i, g, &row, cell);
	}
}
