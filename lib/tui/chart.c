#include "tui/chart.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/units.h"
#include "tui/grid.h"

#define LABEL 8 /* columns of labels and axis, at the left */
#define SECOND UINT64_C(1000000000)
#define MILLISECOND UINT64_C(1000000)

/* The glyphs of a grid, and how many steps a cell can show. */
struct ink {
	int across, down; /* steps per cell */
	const wchar_t *axis, *tick, *corner, *line;
};

static const struct ink braille = { 2, 4, L"│", L"┤", L"└", L"─" };
static const struct ink ascii = { 1, 3, L"|", L"+", L"+", L"-" };

static const struct ink *
ink(const struct grid *g)
{
	return grid_utf8(g) ? &braille : &ascii;
}

static int
plot_columns(const struct grid_area *area)
{
	return area->columns > LABEL + 1 ? area->columns - LABEL - 1 : 0;
}

size_t
chart_buckets(const struct grid *g, const struct grid_area *area)
{
	return (size_t)(plot_columns(area) * ink(g)->across);
}

const char *
chart_value(double value, int bytes, char *buf, size_t size)
{
	static const char unit[] = "BKMGTPE";
	size_t u = 0;

	if (!bytes) {
		snprintf(buf, size, "%.4g%%", value);
		return buf;
	}
	for (; value >= 1000 && unit[u + 1]; u++)
		value /= 1024;
	snprintf(buf, size, "%.3g%c", value, unit[u]);
	return buf;
}

/* Round bytes up to a multiple of a power of 2. */
static double
round_bytes(double value)
{
	double unit = 1024;

	while (value > unit * 8)
		unit *= 2;
	for (int i = 5; i <= 8; i++)
		if (value <= unit * i)
			return unit * i;
	return unit * 8;
}

double
chart_round(double value)
{
	static const double round[] = { 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6,
		8, 10 };
	double unit = 10;
	size_t i = 0;

	while (value > 10 * unit)
		unit *= 10;
	while (value > round[i] * unit)
		i++;
	return round[i] * unit;
}

uint64_t
chart_bucket(uint64_t duration, size_t buckets, uint64_t least)
{
	static const unsigned milliseconds[] = { 10, 20, 50, 100, 250, 500,
		1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000,
		600000, 900000, 1800000, 3600000 };
	const size_t n = sizeof milliseconds / sizeof milliseconds[0];
	uint64_t length = 0;

	if (!buckets)
		return SECOND;
	for (size_t i = 0; i < n; i++) {
		length = milliseconds[i] * MILLISECOND;
		if (length >= least && duration / buckets < length)
			return length;
	}
	while (duration / buckets >= length && length <= UINT64_MAX / 2)
		length *= 2;
	return length;
}

static double
sum(const struct chart *c, size_t i)
{
	return c->value[i] + (c->over ? c->over[i] : 0);
}

/* The filled part of a step, in steps of height: from `low` to `first` by the first
 * series, up to `both` by the second. */
struct bar {
	int low, first, both;
};

/* The range of values of an axis. */
struct range {
	double low, high;
};

static int
height(double value, const struct range *r, int all)
{
	double h = (value - r->low) / (r->high - r->low) * all + 0.5;

	if (!(value > r->low))
		return 0;
	return h < 1 ? 1 : h > all ? all : (int)h;
}

/* Returns the stroke of a line from the height before to the one now. */
static struct bar
stroke(int last, int now)
{
	struct bar b = { (last < now ? last : now) - 1, last > now ? last : now, 0 };

	b.both = b.first;
	return b;
}

static size_t
bucket(const struct chart *c, int step, int steps)
{
	return (size_t)step * c->buckets / (size_t)steps;
}

static struct bar
bar(const struct chart *c, const struct range *r, int step, int steps, int all)
{
	size_t i = bucket(c, step, steps), before = step ? bucket(c, step - 1, steps) : i;
	struct bar b = { 0, 0, 0 };

	if (i >= c->n)
		return b;
	b.first = height(c->value[i], r, all);
	b.both = height(sum(c, i), r, all);
	return c->line ? stroke(height(sum(c, before), r, all), b.both) : b;
}

/* Returns whether a dot is set: the second series has every other dot, and its upper edge. */
static int
is_set(struct bar b, int x, int y)
{
	return y >= b.low && (y < b.first || y == b.both - 1 || (y < b.both && (x + y) % 2));
}

static wchar_t
dots(const struct bar *b, int x, int below)
{
	static const int dot[2][4] = { { 0x40, 0x04, 0x02, 0x01 },
		{ 0x80, 0x20, 0x10, 0x08 } };
	wchar_t c = 0;

	for (int i = 0; i < 2; i++)
		for (int y = 0; y < 4; y++)
			if (is_set(b[i], 2 * x + i, below + y))
				c |= dot[i][y];
	return c ? 0x2800 + c : L' ';
}

static int
part(int filled, int below, int down)
{
	filled -= below;
	return filled < 0 ? 0 : filled > down ? down : filled;
}

static wchar_t
sign(struct bar b, int below)
{
	if (below + 3 <= b.low)
		return L' ';
	if (b.first > below)
		return L" .:#"[part(b.first, below, 3)];
	return L" -=o"[part(b.both, below, 3)];
}

const char *
chart_sign(const struct grid *g, int over)
{
	if (grid_utf8(g))
		return over ? "⢕" : "⣿";
	return over ? "o" : "#";
}

void
chart_bar(struct grid *g, const struct grid_area *area, int eighths, int style)
{
	static const wchar_t bars[] = L" ▁▂▃▄▅▆▇█", plain[] = L" ..::-=##";

	for (int y = 0; y < area->rows; y++) {
		int level = eighths - 8 * (area->rows - 1 - y);
		struct grid_area row = { area->y + y, area->x, 1, area->columns };

		level = level < 0 ? 0 : level > 8 ? 8 : level;
		grid_fill(g, row, style, grid_utf8(g) ? bars[level] : plain[level]);
	}
}

static void
draw_column(struct grid *g, const struct grid_area *plot, int x,
    const struct chart *c, const struct range *r)
{
	const struct ink *k = ink(g);
	int steps = plot->columns * k->across, all = plot->rows * k->down;
	struct grid_area cell = { 0, plot->x + x, 1, 1 };
	struct bar b[2];

	for (int i = 0; i < 2; i++)
		b[i] = bar(c, r, x * k->across + i % k->across, steps, all);
	for (int y = 0; y < plot->rows; y++) {
		int below = (plot->rows - 1 - y) * k->down;
		int first = b[0].first > below || b[1].first > below;

		cell.y = plot->y + y;
		grid_fill(g, cell, first ? GRID_CHART : GRID_CHART_OVER,
		    k == &ascii ? sign(b[0], below) : dots(b, x, below));
	}
}

/* ---- lines ------------------------------------------------------------- */

static struct bar
line_bar(const struct chart *c, const struct chart_line *line, const struct range *r,
    int step, int steps, int all)
{
	size_t i = bucket(c, step, steps), before = step ? bucket(c, step - 1, steps) : i;

	if (i >= c->n)
		return (struct bar){ 0, 0, 0 };
	return stroke(height(line->value[before], r, all), height(line->value[i], r, all));
}

/* Draw a line's part of a column.  In a cell where lines meet, dots add up and the last
 * line gives the color. */
static void
draw_line_column(struct grid *g, const struct grid_area *plot, int x, const struct chart *c,
    const struct chart_line *line, const struct range *r)
{
	const struct ink *k = ink(g);
	int steps = plot->columns * k->across, all = plot->rows * k->down;
	struct grid_area cell = { 0, plot->x + x, 1, 1 };
	struct bar b[2];

	for (int i = 0; i < 2; i++)
		b[i] = line_bar(c, line, r, x * k->across + i % k->across, steps, all);
	for (int y = 0; y < plot->rows; y++) {
		int below = (plot->rows - 1 - y) * k->down, style;
		wchar_t new = dots(b, x, below), old;

		if (new == L' ')
			continue;
		cell.y = plot->y + y;
		style = grid_cell(g, cell.y, cell.x)->style;
		old = grid_cell(g, cell.y, cell.x)->text[0];
		if (k == &ascii)
			new = L'0' + line->number;
		else if (style >= GRID_LINE && style <= GRID_LINE_LAST && old > 0x2800)
			new |= old;
		grid_fill(g, cell, GRID_LINE + line->number - 1, new);
	}
}

/* Draw the number at the end of a line, which identifies it without colors, too. */
static void
draw_number(struct grid *g, const struct grid_area *plot, const struct chart *c,
    const struct chart_line *line, const struct range *r)
{
	int all = plot->rows, x = (int)(c->n * (size_t)plot->columns / c->buckets);
	int h = height(line->value[c->n - 1], r, all), y = all - (h ? h : 1);

	x = x >= plot->columns ? plot->columns - 1 : x;
	grid_printf(g, plot->y + y, plot->x + x, 1, GRID_LINE + line->number - 1, "%d",
	    line->number);
}

static void
draw_lines(struct grid *g, const struct grid_area *plot, const struct chart *c,
    const struct range *r)
{
	for (size_t i = 0; c->n && i < c->nlines; i++)
		for (int x = 0; x < plot->columns; x++)
			draw_line_column(g, plot, x, c, &c->lines[i], r);
	for (size_t i = 0; c->n && i < c->nlines; i++)
		draw_number(g, plot, c, &c->lines[i], r);
}

/* ---- axes -------------------------------------------------------------- */

static void
draw_value(struct grid *g, const struct grid_area *plot, int y, double value,
    int bytes, const wchar_t *tick)
{
	char buf[32];

	chart_value(value, bytes, buf, sizeof buf);
	grid_put_right(g, plot->y + y, plot->x - LABEL, LABEL - 2, GRID_FRAME,
	    buf);
	grid_fill(g, (struct grid_area){ plot->y + y, plot->x - 1, 1, 1 },
	    GRID_FRAME, *tick);
}

static void
draw_values(struct grid *g, const struct grid_area *plot, const struct range *r, int bytes)
{
	const struct ink *k = ink(g);

	grid_fill(g, (struct grid_area){ plot->y, plot->x - 1, plot->rows, 1 },
	    GRID_FRAME, *k->axis);
	draw_value(g, plot, 0, r->high, bytes, k->tick);
	if (plot->rows >= 4)
		draw_value(g, plot, plot->rows / 2, (r->low + r->high) / 2, bytes, k->tick);
	draw_value(g, plot, plot->rows, r->low, bytes, k->corner);
}

static void
draw_times(struct grid *g, const struct grid_area *plot, const struct chart *c)
{
	const uint64_t time[] = { c->from, c->from + (c->to - c->from) / 2,
		c->to };
	int tenths = c->to - c->from < 20 * SECOND, x, width;
	char text[UNITS_MAX], buf[UNITS_MAX + 1];

	grid_fill(g, (struct grid_area){ plot->y + plot->rows, plot->x, 1,
	    plot->columns }, GRID_FRAME, *ink(g)->line);
	for (int i = 0; i < 3; i++) {
		snprintf(buf, sizeof buf, " %s", units_time(text, time[i], tenths));
		width = grid_width(g, buf) + 1;
		if (i == 1 && plot->columns < 4 * width)
			continue;
		x = i * (plot->columns - width) / 2;
		x = grid_put(g, plot->y + plot->rows, plot->x + x, width,
		    GRID_FRAME, buf);
		grid_put(g, plot->y + plot->rows, x, 1, GRID_FRAME, " ");
	}
}

/* Returns the column of a time; -1 if it is before the axis, the number of columns if
 * it is after. */
static int
column_of(const struct grid_area *plot, const struct chart *c, uint64_t time)
{
	if (time < c->from)
		return -1;
	if (time >= c->to)
		return plot->columns;
	return (int)((double)(time - c->from) / (double)(c->to - c->from) * plot->columns);
}

static void
draw_cursor(struct grid *g, const struct grid_area *plot, const struct chart *c)
{
	int x = c->cursor ? column_of(plot, c, c->cursor) : -1;

	if (x >= 0 && x < plot->columns)
		grid_add_style(g, (struct grid_area){ plot->y, plot->x + x, plot->rows + 1, 1 },
		    GRID_SELECTED);
}

/* Mark the selected range by a thick axis. */
static void
draw_range(struct grid *g, const struct grid_area *plot, const struct chart *c)
{
	int from = column_of(plot, c, c->mark_from), to = column_of(plot, c, c->mark_to);

	if (c->mark_from == 0 && c->mark_to == UINT64_MAX)
		return;
	from = from < 0 ? 0 : from;
	to = to >= plot->columns ? plot->columns : to > from ? to : from + 1;
	for (int x = plot->x + from, y = plot->y + plot->rows; x < plot->x + to; x++)
		if (grid_cell(g, y, x)->text[0] == *ink(g)->line)
			grid_fill(g, (struct grid_area){ y, x, 1, 1 }, GRID_CHART,
			    grid_utf8(g) ? L'━' : L'=');
}

struct grid_area
chart_area(const struct grid_area *area)
{
	return (struct grid_area){ area->y, area->x + LABEL, area->rows - 1,
		plot_columns(area) };
}

static struct range
range(const struct chart *c)
{
	struct range r = { 0, 0 };
	double least = c->n ? sum(c, 0) : 0, step;

	for (size_t i = 0; i < c->n; i++) {
		r.high = sum(c, i) > r.high ? sum(c, i) : r.high;
		least = sum(c, i) < least ? sum(c, i) : least;
		for (size_t l = 0; l < c->nlines; l++) {
			r.high = c->lines[l].value[i] > r.high ? c->lines[l].value[i] : r.high;
			least = c->lines[l].value[i] < least ? c->lines[l].value[i] : least;
		}
	}
	if (c->close && least > 0 && r.high > least) {
		step = c->bytes ? round_bytes(r.high - least) : chart_round(r.high - least);
		r.low = (double)(uint64_t)(least / step * 4) * step / 4;
	}
	r.high = r.low + (c->bytes ? round_bytes(r.high - r.low) : chart_round(r.high - r.low));
	return r;
}

void
chart_draw(struct grid *g, const struct grid_area *area, const struct chart *c)
{
	struct grid_area plot = chart_area(area);
	struct range r = range(c);

	grid_fill(g, *area, GRID_PLAIN, L' ');
	if (area->rows < CHART_ROWS_MIN || area->columns < CHART_COLUMNS_MIN)
		return;
	draw_values(g, &plot, &r, c->bytes);
	draw_times(g, &plot, c);
	for (int x = 0; x < plot.columns; x++)
		draw_column(g, &plot, x, c, &r);
	draw_lines(g, &plot, c, &r);
	draw_range(g, &plot, c);
	draw_cursor(g, &plot, c);
}
