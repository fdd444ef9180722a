#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "grid.h"
#include "keys.h"
#include "name.h"
#include "profile.h"
#include "table.h"
#include "view.h"
#include "watch.h"

/*
 * A table of functions, lines, modules or threads with the time that they
 * were on the CPU, off it, or both, and that of the selected one over time.
 */

#define NAME_MAX_COLUMNS 1024
#define CELL_SIZE (4 * NAME_MAX_COLUMNS) /* bytes of a name on the screen */
#define NAME_TAIL 4096 /* bytes of a name that are looked at: its end */
#define CHART_AUTO_ROWS 16 /* of the view, from which there is a chart */
#define CHART_LEAST_ROWS 10 /* from which there can be one */
#define CHART_SAMPLES 20 /* a busy thread has in a bucket, at least */

enum column { TOTAL, SELF, ON, OFF, NOW, NAME, PLACE, NCOLUMNS };
enum show { SHOW_AUTO, SHOW_YES, SHOW_NO };

struct series {
	uint64_t from, width, last; /* what value[] was made from */
	unsigned id;
	enum profile_metric metric;
	enum profile_group group;
	int valid;
	uint64_t *ns;
	double *value, *over;
	size_t n, buckets, size;
};

struct view_cpu {
	struct watch *watch;
	enum profile_metric metric;
	int chosen; /* the user has chosen it */
	enum profile_group group;
	const struct profile_row *row;
	size_t n;
	struct table table[PROFILE_NGROUPS];
	enum show chart;
	int rows; /* of the area that was drawn last */
	struct series series;
};

#define NUMBERS \
	{ "Total%", 8, 1, 0 }, { "Self%", 6, 1, 0 }, { NULL, 0, 0, 0 }, \
	{ NULL, 0, 0, 0 }, { "Now%", 6, 1, 50 }
#define NUMBERS_WALL \
	{ "Total%", 8, 1, 0 }, { "Self%", 6, 1, 0 }, { "On%", 6, 1, 50 }, \
	{ "Off%", 6, 1, 50 }, { "Now%", 6, 1, 72 }

#define LAYOUT(numbers) { \
	[PROFILE_FUNCTION] = { numbers, { "Function", 0, 0, 0 }, \
	    { "Location", 0, 0, 56 } }, \
	[PROFILE_GENERIC] = { numbers, { "Generic function", 0, 0, 0 }, \
	    { "Location", 0, 0, 56 } }, \
	[PROFILE_LINE] = { numbers, { "Function", 0, 0, 0 }, \
	    { "Line", 0, 0, 0 } }, \
	[PROFILE_CRATE] = { numbers, { "Crate", 0, 0, 0 }, \
	    { "Version", 0, 0, 56 } }, \
	[PROFILE_MODULE] = { numbers, { "Module", 0, 0, 0 }, \
	    { NULL, 0, 0, 0 } }, \
	[PROFILE_THREAD] = { numbers, { "Thread", 0, 0, 0 }, \
	    { "PID/TID", 0, 0, 0 } }, \
}

static const struct table_column
    layouts[PROFILE_NMETRICS][PROFILE_NGROUPS][NCOLUMNS] = {
	[PROFILE_CPU] = LAYOUT(NUMBERS),
	[PROFILE_OFF] = LAYOUT(NUMBERS),
	[PROFILE_WALL] = LAYOUT(NUMBERS_WALL),
};

static const struct table_column *
layout(const struct view_cpu *v)
{
	return layouts[v->metric][v->group];
}

/* ---- the rows ---------------------------------------------------------- */

static unsigned
row_id(const void *rows, size_t i)
{
	const struct view_cpu *v = rows;

	return v->row[i].id;
}

static uint64_t
off(const struct profile_row *row)
{
	return row->total - row->in[PROFILE_ON];
}

static int
larger(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

static int
by_text(const char *a, const char *b)
{
	if (!a || !b)
		return !a - !b;
	return strcmp(a, b);
}

static int
by_place(const struct profile_row *a, const struct profile_row *b)
{
	int c = by_text(a->file, b->file);

	c = c ? c : by_text(a->version, b->version);
	c = c ? c : larger(b->line, a->line);
	c = c ? c : larger(b->pid, a->pid);
	return c ? c : larger(b->tid, a->tid);
}

static int
row_compare(const void *rows, size_t x, size_t y, int column)
{
	const struct view_cpu *v = rows;
	const struct profile_row *a = &v->row[x], *b = &v->row[y];
	int c;

	switch ((enum column)column) {
	case TOTAL:
		c = larger(a->total, b->total);
		return c ? c : larger(a->self, b->self);
	case SELF:
		c = larger(a->self, b->self);
		return c ? c : larger(a->total, b->total);
	case ON:
		c = larger(a->in[PROFILE_ON], b->in[PROFILE_ON]);
		return c ? c : larger(a->self, b->self);
	case OFF:
		c = larger(off(a), off(b));
		return c ? c : larger(a->self, b->self);
	case NOW:
		c = larger(a->now_self, b->now_self);
		return c ? c : larger(a->self, b->self);
	case NAME:
		return by_text(a->name, b->name);
	default:
		return by_place(a, b);
	}
}

/* ---- cells ------------------------------------------------------------- */

static int
heat(double percent)
{
	return percent >= 20 ? GRID_HOT : percent >= 10 ? GRID_WARM :
	    percent >= 5 ? GRID_MILD : percent < 0.05 ? GRID_FAINT :
	    GRID_PLAIN;
}

static void
draw_percent(struct grid *g, const struct grid_area *cell, uint64_t part,
    uint64_t whole)
{
	double percent = whole ? 100.0 * (double)part / (double)whole : 0;
	char buf[32];

	snprintf(buf, sizeof(buf), whole ? "%.1f" : "-", percent);
	grid_put_right(g, cell->y, cell->x, cell->columns - 1, heat(percent),
	    buf);
}

/* The row's name in so many columns. */
static void
shorten(const struct view_cpu *v, const struct profile_row *row, int columns,
    char *buf, size_t size)
{
	const char *name = row->name;
	size_t len = strlen(name);

	if (columns > NAME_MAX_COLUMNS)
		columns = NAME_MAX_COLUMNS;
	if (v->group == PROFILE_MODULE || v->group == PROFILE_CRATE) {
		name_path(buf, size, name, (size_t)columns);
		return;
	}
	if (len > NAME_TAIL)
		name += len - NAME_TAIL;
	while ((*name & 0xc0) == 0x80)
		name++;
	name_short(buf, size, name, (size_t)columns);
}

/* How many bytes of a Rust path stand before its last component. */
static size_t
leading(const char *name)
{
	size_t last = 0;
	int depth = 0;

	for (size_t i = 0; name[i]; i++) {
		if (strchr("<([{", name[i]))
			depth++;
		else if (strchr(">)]}", name[i]))
			depth -= !(name[i] == '>' && i && name[i - 1] == '-');
		else if (depth == 0 && name[i] == ':' && name[i + 1] == ':' &&
		    name[i + 2] != '{')
			last = i + 2;
	}
	return last;
}

static void
draw_path(struct grid *g, const struct grid_area *cell, char *name)
{
	int end = cell->x + cell->columns, x;
	char *last = name + leading(name);
	char c = *last;

	*last = '\0';
	x = grid_put(g, cell->y, cell->x, cell->columns, GRID_FAINT, name);
	*last = c;
	grid_put(g, cell->y, x, end - x, GRID_PLAIN, last);
}

static void
draw_name(const struct view_cpu *v, const struct profile_row *row,
    struct grid *g, const struct grid_area *cell)
{
	char buf[CELL_SIZE];

	shorten(v, row, cell->columns, buf, sizeof(buf));
	if (v->group <= PROFILE_LINE)
		draw_path(g, cell, buf);
	else
		grid_put(g, cell->y, cell->x, cell->columns, GRID_PLAIN, buf);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void
draw_file(const struct profile_row *row, struct grid *g,
    const struct grid_area *cell)
{
	char buf[CELL_SIZE], line[32] = "";
	int room = cell->columns, x;

	if (row->line)
		snprintf(line, sizeof(line), ":%" PRIu64, row->line);
	room -= (int)strlen(line);
	if (room < 1)
		return;
	if (room > NAME_MAX_COLUMNS)
		room = NAME_MAX_COLUMNS;
	name_source(buf, sizeof(buf), row->file, (size_t)room);
	x = grid_put(g, cell->y, cell->x, room, GRID_FAINT, buf);
	grid_put(g, cell->y, x, cell->x + cell->columns - x, GRID_FAINT, line);
}

static void
draw_place(const struct view_cpu *v, const struct profile_row *row,
    struct grid *g, const struct grid_area *cell)
{
	if (v->group == PROFILE_THREAD)
		grid_printf(g, cell->y, cell->x, cell->columns, GRID_FAINT,
		    "%" PRIu64 "/%" PRIu64, row->pid, row->tid);
	else if (row->version)
		grid_put(g, cell->y, cell->x, cell->columns, GRID_FAINT, row->version);
	else if (row->file)
		draw_file(row, g, cell);
	else if (row->module)
		grid_printf(g, cell->y, cell->x, cell->columns, GRID_FAINT,
		    *row->module == '[' ? "%.*s" : "[%.*s]",
		    NAME_MAX_COLUMNS / 4, base_name(row->module));
}

static void
row_draw(const void *rows, size_t i, int column, struct grid *g,
    const struct grid_area *cell)
{
	const struct view_cpu *v = rows;
	const struct profile_row *row = &v->row[i];
	const struct profile_summary *all = watch_summary(v->watch);

	switch ((enum column)column) {
	case TOTAL:
		draw_percent(g, cell, row->total, all->ns);
		break;
	case SELF:
		draw_percent(g, cell, row->self, all->ns);
		break;
	case ON:
		draw_percent(g, cell, row->in[PROFILE_ON], all->ns);
		break;
	case OFF:
		draw_percent(g, cell, off(row), all->ns);
		break;
	case NOW:
		draw_percent(g, cell, row->now_self, all->now_ns);
		break;
	case NAME:
		draw_name(v, row, g, cell);
		break;
	default:
		draw_place(v, row, g, cell);
	}
}

static struct table_source
source(const struct view_cpu *v)
{
	return (struct table_source){ v, v->n, row_id, row_compare, row_draw,
		layout(v), NCOLUMNS };
}

/* ---- the chart --------------------------------------------------------- */

static int
series_room(struct series *s, size_t n)
{
	uint64_t *ns;
	double *value, *over;

	if (n <= s->size)
		return 0;
	ns = reallocarray(s->ns, n, sizeof(*ns));
	if (ns)
		s->ns = ns;
	value = reallocarray(s->value, n, sizeof(*value));
	if (value)
		s->value = value;
	over = reallocarray(s->over, n, sizeof(*over));
	if (over)
		s->over = over;
	if (!ns || !value || !over)
		return -1;
	s->size = n;
	return 0;
}

/*
 * Divide the time there is into buckets.  While it goes on they are round
 * ones and stay what they are until the axis is full; the one that is not
 * over yet is left out until half of it is.
 */
static void
series_axis(const struct view_cpu *v, struct series *s, size_t room)
{
	const struct profile_summary *all = watch_summary(v->watch);
	uint64_t last = all->measured > all->first ? all->measured : all->first;
	uint64_t duration = last - all->first;

	s->from = all->first;
	s->last = last;
	s->width = chart_bucket(duration, room,
	    CHART_SAMPLES * watch_period(v->watch));
	if (watch_state(v->watch) < WATCH_CUT_OFF) {
		s->buckets = room;
		s->n = (size_t)((duration + s->width / 2) / s->width);
		return;
	}
	s->n = s->buckets = (size_t)(duration / s->width);
	if (s->n == 0)
		s->n = s->buckets = 1;
	s->width = duration / s->n + 1;
}

static void
series_percent(const struct series *s, double *value)
{
	uint64_t begin, length;

	for (size_t i = 0; i < s->n; i++) {
		begin = s->from + i * s->width;
		length = s->last > begin && s->last - begin < s->width ?
		    s->last - begin : s->width;
		value[i] = 100.0 * (double)s->ns[i] / (double)length;
	}
}

/* Whether what is drawn from them is the same, or nearly: long buckets need
 * not be counted again for each sample. */
static int
is_same(const struct series *a, const struct series *b)
{
	return a->valid && a->id == b->id && a->group == b->group &&
	    a->metric == b->metric &&
	    a->from == b->from && a->width == b->width && a->n == b->n &&
	    a->buckets == b->buckets && b->last - a->last <= a->width / 8;
}

/* One of the two series; 0 where it is not measured. */
static int
series_count(const struct view_cpu *v, const struct series *s,
    enum profile_metric metric, double *value)
{
	memset(value, 0, s->n * sizeof(*value));
	if (v->metric != metric && v->metric != PROFILE_WALL)
		return 0;
	if (profile_series(watch_profile(v->watch), s->id, 't', metric,
	    s->from, s->width, s->ns, s->n) < 0)
		return -1;
	series_percent(s, value);
	return 0;
}

/* What a row used over time, in at most so many buckets. */
static int
series_read(struct view_cpu *v, unsigned id, size_t room)
{
	struct series *s = &v->series, next = *s;

	next.id = id;
	next.metric = v->metric;
	next.group = v->group;
	series_axis(v, &next, room);
	if (is_same(s, &next))
		return 0;
	next.valid = series_room(&next, room) == 0 &&
	    series_count(v, &next, PROFILE_CPU, next.value) == 0 &&
	    series_count(v, &next, PROFILE_OFF, next.over) == 0;
	*s = next;
	return s->valid ? 0 : -1;
}

/* What tells a row from others of its name. */
static const char *
which(const struct view_cpu *v, const struct profile_row *row, char *buf,
    size_t size)
{
	*buf = '\0';
	if (v->group == PROFILE_THREAD)
		snprintf(buf, size, "%" PRIu64 "/%" PRIu64, row->pid, row->tid);
	else if (v->group == PROFILE_LINE && row->file)
		snprintf(buf, size, "%s:%" PRIu64, base_name(row->file),
		    row->line);
	return buf;
}

/* What the chart shows, as far as there is room for it. */
static const char *
unit(const struct view_cpu *v, const struct grid *g, int columns, char *buf,
    size_t size)
{
	*buf = '\0';
	if (v->metric == PROFILE_WALL && columns >= 50)
		snprintf(buf, size, " %s on %s off CPU%s ", chart_sign(g, 0),
		    chart_sign(g, 1), columns < 72 ? "" : ", % of a thread");
	else if (columns >= 60)
		snprintf(buf, size, " total%s ", v->metric == PROFILE_OFF ?
		    " off CPU, % of a thread" : ", % of a core");
	return buf;
}

static void
draw_rule(const struct view_cpu *v, const struct profile_row *row,
    struct grid *g, const struct grid_area *area)
{
	struct grid_area rule = { area->y, area->x, 1, area->columns };
	char legend[64];
	const char *what = unit(v, g, area->columns, legend, sizeof(legend));
	int end = area->x + area->columns - grid_width(g, what) - 2;
	int x = area->x + 3, y = area->y, room;
	char buf[CELL_SIZE], place[128];

	grid_fill(g, rule, GRID_FRAME, grid_utf8(g) ? L'─' : L'-');
	grid_put(g, y, end, area->columns, GRID_FRAME, what);
	grid_put(g, y, x - 1, 1, GRID_PLAIN, " ");
	which(v, row, place, sizeof(place));
	room = end - x - 2 - grid_width(g, place);
	room = room < 8 ? 8 : room;
	shorten(v, row, room, buf, sizeof(buf));
	x = grid_put(g, y, x, room, GRID_STRONG, buf);
	x = grid_put(g, y, x, 1, GRID_PLAIN, " ");
	if (*place && x + 2 < end) {
		x = grid_put(g, y, x, end - x - 1, GRID_FRAME, place);
		grid_put(g, y, x, 1, GRID_PLAIN, " ");
	}
}

static void
draw_chart(struct view_cpu *v, struct grid *g, struct grid_area area)
{
	long row = table_selected(&v->table[v->group]);
	struct series *s = &v->series;
	struct chart c;

	if (row < 0)
		return;
	draw_rule(v, &v->row[row], g, &area);
	area.y++;
	area.rows--;
	if (series_read(v, v->row[row].id, chart_buckets(g, &area)) < 0) {
		grid_put(g, area.y, area.x + 1, area.columns - 1, GRID_WARN,
		    "out of memory");
		return;
	}
	c = (struct chart){ s->value, s->over, s->n, s->buckets, s->from,
		s->from + s->buckets * s->width };
	chart_draw(g, &area, &c);
}

/* The rows that the chart gets of so many; 0: none. */
static int
chart_rows(const struct view_cpu *v, int rows)
{
	int want = rows * 2 / 5;

	if (v->chart == SHOW_NO || rows < CHART_LEAST_ROWS ||
	    (v->chart == SHOW_AUTO && rows < CHART_AUTO_ROWS))
		return 0;
	return want < CHART_ROWS_MIN + 1 ? CHART_ROWS_MIN + 1 :
	    want > 16 ? 16 : want;
}

/* ---- keys -------------------------------------------------------------- */

static const char *
act_move(void *view, int by)
{
	struct view_cpu *v = view;
	struct table_source s = source(v);

	table_move(&v->table[v->group], &s, by);
	return NULL;
}

static const char *
act_page(void *view, int halves)
{
	struct view_cpu *v = view;
	struct table_source s = source(v);
	struct table *t = &v->table[v->group];
	long page = t->page > 1 ? (long)t->page : 2;

	table_move(t, &s, halves * page / 2);
	return NULL;
}

static const char *
act_end(void *view, int last)
{
	struct view_cpu *v = view;
	struct table_source s = source(v);

	(last ? table_last : table_first)(&v->table[v->group], &s);
	return NULL;
}

static const char *
resort(struct view_cpu *v)
{
	struct table_source s = source(v);

	return table_update(&v->table[v->group], &s) < 0 ? "out of memory" :
	    NULL;
}

static const char *
act_sort(void *view, int arg)
{
	struct view_cpu *v = view;
	struct table_source s = source(v);

	(void)arg;
	table_sort_next(&v->table[v->group], &s);
	return resort(v);
}

static const char *
act_reverse(void *view, int arg)
{
	struct view_cpu *v = view;

	(void)arg;
	v->table[v->group].reverse ^= 1;
	return resort(v);
}

/* Until somebody chooses, all of the time that was recorded is shown. */
static int
measure(struct view_cpu *v)
{
	if (!v->chosen)
		v->metric = watch_summary(v->watch)->off ? PROFILE_WALL :
		    PROFILE_CPU;
	if (v->metric == profile_measured(watch_profile(v->watch)))
		return 0;
	for (int i = 0; i < PROFILE_NGROUPS; i++)
		if (!layouts[v->metric][i][v->table[i].sort].title)
			v->table[i].sort = SELF;
	return profile_measure(watch_profile(v->watch), v->metric);
}

static int
cpu_update(void *view)
{
	struct view_cpu *v = view;

	if (measure(v) < 0)
		return -1;
	v->row = profile_rows(watch_profile(v->watch), &v->n);
	return resort(v) ? -1 : 0;
}

/* Each grouping has a selection of its own; the sorting is common. */
static const char *
act_group(void *view, int arg)
{
	struct view_cpu *v = view;
	const struct table *old = &v->table[v->group];
	enum profile_group next = (v->group + 1) % PROFILE_NGROUPS;

	(void)arg;
	if (profile_regroup(watch_profile(v->watch), next) < 0)
		return "out of memory";
	v->group = next;
	v->table[next].sort = layout(v)[old->sort].title ? old->sort : SELF;
	v->table[next].reverse = old->reverse;
	return cpu_update(v) < 0 ? "out of memory" : NULL;
}

static int
has_off(const struct view_cpu *v)
{
	return watch_summary(v->watch)->off;
}

static const char *
act_measure(void *view, int arg)
{
	static const enum profile_metric next[] = {
		[PROFILE_WALL] = PROFILE_OFF, [PROFILE_OFF] = PROFILE_CPU,
		[PROFILE_CPU] = PROFILE_WALL
	};
	struct view_cpu *v = view;

	(void)arg;
	if (!has_off(v))
		return "time off the CPU was not recorded: -w records it";
	v->chosen = 1;
	v->metric = next[v->metric];
	return cpu_update(v) < 0 ? "out of memory" : NULL;
}

static const char *
act_chart(void *view, int arg)
{
	struct view_cpu *v = view;

	(void)arg;
	if (chart_rows(v, v->rows)) {
		v->chart = SHOW_NO;
		return NULL;
	}
	v->chart = SHOW_YES;
	return chart_rows(v, v->rows) ? NULL : "no room for the chart";
}

static const struct view_key keys[] = {
	{ 'j', 1, act_move, "next row", "move" },
	{ KEYS_DOWN, 1, act_move, "next row", NULL },
	{ 'k', -1, act_move, "row before", "move" },
	{ KEYS_UP, -1, act_move, "row before", NULL },
	{ KEYS_PAGE_DOWN, 2, act_page, "a page on, or half a page", NULL },
	{ KEYS_CONTROL('d'), 1, act_page, "a page on, or half a page", NULL },
	{ KEYS_PAGE_UP, -2, act_page, "a page back, or half a page", NULL },
	{ KEYS_CONTROL('u'), -1, act_page, "a page back, or half a page", NULL },
	{ 'g', 0, act_end, "first row", NULL },
	{ KEYS_HOME, 0, act_end, "first row", NULL },
	{ 'G', 1, act_end, "last row", NULL },
	{ KEYS_END, 1, act_end, "last row", NULL },
	{ 's', 0, act_sort, "sort by the next column", "sort" },
	{ 'S', 0, act_reverse, "reverse the order", NULL },
	{ 'l', 0, act_group, "by function, generic, line, crate, module, thread", "group" },
	{ 'w', 0, act_measure, "time on and off the CPU: both, off, on", "off" },
	{ KEYS_ENTER, 0, act_chart, "show or hide the chart", "chart" },
};

/* ---- the view ---------------------------------------------------------- */

static void *
cpu_open(struct watch *w)
{
	struct view_cpu *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->watch = w;
	for (int i = 0; i < PROFILE_NGROUPS; i++)
		v->table[i].sort = SELF;
	return v;
}

static void
cpu_close(void *view)
{
	struct view_cpu *v = view;

	if (!v)
		return;
	for (int i = 0; i < PROFILE_NGROUPS; i++)
		table_free(&v->table[i]);
	free(v->series.ns);
	free(v->series.value);
	free(v->series.over);
	free(v);
}

static void
draw_empty(const struct view_cpu *v, struct grid *g,
    const struct grid_area *area)
{
	static const char *const going[PROFILE_NMETRICS] = {
		[PROFILE_CPU] = "no samples yet: they come when the program uses CPU time",
		[PROFILE_OFF] = "no time off the CPU yet",
		[PROFILE_WALL] = "no time yet",
	};
	const char *text = watch_state(v->watch) < WATCH_CUT_OFF ?
	    going[v->metric] : v->metric == PROFILE_OFF ?
	    "the recording holds no time off the CPU" :
	    "the recording holds no samples";
	int width = grid_width(g, text);
	int x = area->columns > width ? (area->columns - width) / 2 : 0;

	grid_put(g, area->y + area->rows / 2, area->x + x, area->columns - x,
	    GRID_FAINT, text);
}

static void
cpu_draw(void *view, struct grid *g, const struct grid_area *area)
{
	struct view_cpu *v = view;
	struct table_source s = source(v);
	struct grid_area top = *area, bottom = *area;

	v->rows = area->rows;
	bottom.rows = v->n ? chart_rows(v, area->rows) : 0;
	top.rows -= bottom.rows;
	bottom.y += top.rows;
	table_draw(&v->table[v->group], &s, g, &top);
	if (v->n == 0)
		draw_empty(v, g, &top);
	else if (bottom.rows)
		draw_chart(v, g, bottom);
}

static int
cpu_hinted(void *view, int key)
{
	return key != 'w' || has_off(view);
}

static void
cpu_place(void *view, char *buf, size_t size)
{
	const struct view_cpu *v = view;
	const struct table *t = &v->table[v->group];
	static const char *const of[PROFILE_NMETRICS] = {
		"on CPU: ", "off CPU: ", "wall: "
	};

	snprintf(buf, size, "%s%ss %zu/%zu",
	    watch_summary(v->watch)->off ? of[v->metric] : "",
	    profile_group_name(v->group), t->n ? t->at + 1 : 0, t->n);
}

static const char *const words[] = {
	"Total%", "of all that time: with it anywhere on the stack",
	"Self%", "of all that time: in itself, not in what it calls",
	"On% Off%", "what part of Total% was on the CPU, and off it",
	"Now%", "its share of the last 5 seconds, in itself",
	"Location", "where most of its own time is spent",
	NULL
};

const struct view_type *
view_cpu(void)
{
	static const struct view_type type = {
		.name = "CPU", .open = cpu_open, .close = cpu_close,
		.update = cpu_update, .draw = cpu_draw, .place = cpu_place,
		.key = keys, .nkeys = sizeof(keys) / sizeof(keys[0]),
		.hinted = cpu_hinted,
		.words = words,
	};

	return &type;
}
