#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "profile/profile.h"
#include "tui/column.h"
#include "tui/grid.h"
#include "tui/session.h"
#include "tui/sparkline.h"
#include "tui/stackline.h"
#include "tui/table.h"
#include "tui/timeline.h"
#include "tui/view.h"

/*
 * Time on the CPU, off it, or both, by function, line, crate, module or thread.
 */

enum column { TOTAL, SELF, ON, OFF, NOW, NAME, LOCATION, CALLEE, TREND, NCOLUMNS };

struct view_cpu {
	struct session *session;
	enum profile_metric metric;
	int chosen; /* metric chosen by the user */
	enum profile_group group;
	const struct profile_row *row;
	size_t n;
	struct table table[PROFILE_NGROUPS];
	struct timeline *timeline;
	struct sparkline sparkline;
	struct stackline stack;
};

#define NUMBERS \
	{ "Total%", 8, 1, 0 }, { "Self%", 6, 1, 0 }, { NULL, 0, 0, 0 }, \
	{ NULL, 0, 0, 0 }, { "Now%", 6, 1, 50 }
#define NUMBERS_WALL \
	{ "Total%", 8, 1, 0 }, { "Self%", 6, 1, 0 }, { "On%", 6, 1, 50 }, \
	{ "Off%", 6, 1, 50 }, { "Now%", 6, 1, 72 }

static const struct table_column
    layouts[2][PROFILE_NMETRICS][PROFILE_NGROUPS][NCOLUMNS] = { {
	[PROFILE_CPU] = COLUMN_LAYOUT(NUMBERS, COLUMN_NONE),
	[PROFILE_OFF] = COLUMN_LAYOUT(NUMBERS, COLUMN_NONE),
	[PROFILE_WALL] = COLUMN_LAYOUT(NUMBERS_WALL, COLUMN_NONE),
}, {
	[PROFILE_CPU] = COLUMN_LAYOUT(NUMBERS, COLUMN_CALLEE),
	[PROFILE_OFF] = COLUMN_LAYOUT(NUMBERS, COLUMN_CALLEE),
	[PROFILE_WALL] = COLUMN_LAYOUT(NUMBERS_WALL, COLUMN_CALLEE),
} };

static const struct table_column *
layout(const struct view_cpu *v)
{
	return layouts[session_collapses(v->session)][v->metric][v->group];
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
by_location(const struct profile_row *a, const struct profile_row *b)
{
	int c = column_by_text(a->file, b->file);

	c = c ? c : column_by_text(a->version, b->version);
	c = c ? c : larger(b->line, a->line);
	c = c ? c : larger(b->pid, a->pid);
	return c ? c : larger(b->tid, a->tid);
}

static int
by_growth(const struct sparkline *t, const struct profile_row *a, const struct profile_row *b)
{
	double x = sparkline_growth(t, a->id), y = sparkline_growth(t, b->id);

	return x > y ? -1 : x < y;
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
		return column_by_text(a->name, b->name);
	case CALLEE:
		return larger(a->callee_ns, b->callee_ns);
	case TREND:
		return by_growth(&v->sparkline, a, b);
	default:
		return by_location(a, b);
	}
}

/* ---- cells ------------------------------------------------------------- */

static void
draw_location(const struct view_cpu *v, const struct profile_row *row,
    struct grid *g, const struct grid_area *cell)
{
	if (v->group == PROFILE_THREAD)
		grid_printf(g, cell->y, cell->x, cell->columns, GRID_FAINT,
		    "%" PRIu64 "/%" PRIu64, row->pid, row->tid);
	else if (row->version)
		grid_put(g, cell->y, cell->x, cell->columns, GRID_FAINT, row->version);
	else
		column_location(g, cell, row->file, row->line, row->module);
}

static void
row_draw(const void *rows, size_t i, int column, struct grid *g,
    const struct grid_area *cell)
{
	const struct view_cpu *v = rows;
	const struct profile_row *row = &v->row[i];
	const struct profile_summary *all = session_summary(v->session);
	char buf[16];

	switch ((enum column)column) {
	case TOTAL:
		column_percent(g, cell, row->total, all->ns);
		break;
	case SELF:
		column_percent(g, cell, row->self, all->ns);
		break;
	case ON:
		column_percent(g, cell, row->in[PROFILE_ON], all->ns);
		break;
	case OFF:
		column_percent(g, cell, off(row), all->ns);
		break;
	case NOW:
		column_percent(g, cell, row->now_self, all->now_ns);
		break;
	case NAME:
		column_name(g, cell, row->name, v->group);
		break;
	case CALLEE:
		snprintf(buf, sizeof buf, "%.1f", units_percent(row->callee_ns, all->ns));
		column_callee(g, cell, row->callee, buf);
		break;
	case TREND:
		sparkline_draw(&v->sparkline, row->id, g, cell);
		break;
	default:
		draw_location(v, row, g, cell);
	}
}

static const char *
row_text(const void *rows, size_t i)
{
	const struct view_cpu *v = rows;

	return v->row[i].name;
}

static int
row_mark(const void *rows, size_t i)
{
	const struct view_cpu *v = rows;

	return timeline_pinned(v->timeline, v->group, v->row[i].id);
}

/* Returns how a row is listed: unless everything is shown, only if it has what the order
 * is by. */
static enum table_rank
row_rank(const void *rows, size_t i, int column)
{
	const struct view_cpu *v = rows;
	const struct profile_row *row = &v->row[i];

	if (row->special)
		return TABLE_BELOW;
	return row->self || !session_collapses(v->session) ||
	        (column != SELF && column != NOW && column != TREND)
	    ? TABLE_AMONG
	    : TABLE_HIDDEN;
}

static struct table_source
source(const struct view_cpu *v)
{
	return (struct table_source){ v, v->n, row_id, row_compare, row_draw,
		layout(v), NCOLUMNS, row_text, row_mark, row_rank };
}

/* ---- the chart --------------------------------------------------------- */

/* Read a row's time on the CPU and, stacked on it, off it. */
static int
cpu_series(void *view, uint64_t id, uint64_t from, uint64_t width, uint64_t last, size_t n,
    double *value, double *over)
{
	const struct view_cpu *v = view;
	int r = 0;

	for (int i = PROFILE_CPU; r == 0 && i <= PROFILE_OFF; i++) {
		double *to = i == PROFILE_CPU ? value : over;

		memset(to, 0, n * sizeof *to);
		if (v->metric == (enum profile_metric)i || v->metric == PROFILE_WALL)
			r = timeline_time(session_profile(v->session), id, (enum profile_metric)i, from,
			    width, last, n, to);
	}
	return r;
}

/* Format what distinguishes a row from others of its name. */
static void
which(const struct view_cpu *v, const struct profile_row *row, char *buf,
    size_t size)
{
	if (v->group == PROFILE_THREAD)
		snprintf(buf, size, "%" PRIu64 "/%" PRIu64, row->pid, row->tid);
	else if (v->group == PROFILE_LINE && row->file)
		snprintf(buf, size, "%s:%" PRIu64, column_base(row->file),
		    row->line);
}

static struct timeline *
cpu_timeline(void *view, struct timeline_source *s)
{
	struct view_cpu *v = view;
	long i = table_selected(&v->table[v->group]);

	*s = (struct timeline_source){ .ctx = v, .read = cpu_series, .of = v->group };
	s->what = v->metric == PROFILE_OFF ? "total off CPU" : "total";
	s->unit = v->metric == PROFILE_CPU ? "% of a core" : "% of a thread";
	if (v->metric == PROFILE_WALL) {
		s->first = "on";
		s->over = "off CPU";
	}
	s->variant = (unsigned)v->metric + PROFILE_NMETRICS * session_counted(v->session);
	if (i < 0)
		return v->timeline;
	s->id = v->row[i].id;
	s->name = v->row[i].name;
	s->is_path = column_is_path(v->group);
	which(v, &v->row[i], s->which, sizeof s->which);
	return v->timeline;
}

/* ---- keys -------------------------------------------------------------- */

static struct table *
cpu_table(void *view, struct table_source *s)
{
	struct view_cpu *v = view;

	*s = source(v);
	return &v->table[v->group];
}

static const char *
resort(struct view_cpu *v)
{
	struct table_source s = source(v);

	return table_update(&v->table[v->group], &s) < 0 ? "out of memory" :
	    NULL;
}

/* Apply the metric: until the user chooses one, all time that was recorded. */
static int
measure(struct view_cpu *v)
{
	if (!v->chosen)
		v->metric = session_summary(v->session)->off ? PROFILE_WALL :
		    PROFILE_CPU;
	if (v->metric == profile_measured(session_profile(v->session)))
		return 0;
	for (int i = 0; i < PROFILE_NGROUPS; i++)
		if (layouts[0][v->metric][i][v->table[i].sort].title == NULL)
			v->table[i].sort = SELF;
	return profile_measure(session_profile(v->session), v->metric);
}

static int
read_sparkline(struct view_cpu *v)
{
	const struct profile *p = session_profile(v->session);
	unsigned of = (unsigned)v->group + PROFILE_NGROUPS * ((unsigned)v->metric +
	    PROFILE_NMETRICS * session_counted(v->session));
	int r = sparkline_begin(&v->sparkline, v->session, of, profile_ids(p));

	if (r > 0)
		profile_series_all(p, v->sparkline.from, v->sparkline.width, v->sparkline.value,
		    SPARKLINE_CELLS);
	return r;
}

static int
cpu_update(void *view)
{
	struct view_cpu *v = view;

	stackline_change(&v->stack);
	if (measure(v) < 0 || profile_regroup(session_profile(v->session), v->group) < 0)
		return -1;
	v->row = profile_rows(session_profile(v->session), &v->n);
	if (read_sparkline(v) < 0)
		return -1;
	return resort(v) ? -1 : 0;
}

/* Change the grouping.  Each has its own selection; the sort column is common. */
static const char *
regroup(struct view_cpu *v, enum profile_group next)
{
	const struct table *old = &v->table[v->group];

	if (profile_regroup(session_profile(v->session), next) < 0)
		return "out of memory";
	v->group = next;
	v->table[next].sort = layout(v)[old->sort].title ? old->sort : SELF;
	v->table[next].reverse = old->reverse;
	return cpu_update(v) < 0 ? "out of memory" : NULL;
}

static const char *
act_group(void *view, int arg)
{
	struct view_cpu *v = view;
	enum profile_group next = (v->group + 1) % PROFILE_NGROUPS;

	(void)arg;
	return regroup(v, next == PROFILE_GENERIC ? PROFILE_LINE : next);
}

static const char *
act_generic(void *view, int arg)
{
	struct view_cpu *v = view;

	(void)arg;
	return regroup(v, v->group == PROFILE_GENERIC ? PROFILE_FUNCTION : PROFILE_GENERIC);
}

/* Count only the selected thread, or all again. */
static const char *
act_thread(void *view, int arg)
{
	struct view_cpu *v = view;
	long i = table_selected(&v->table[v->group]);
	int r = session_count_thread(v->session, v->group == PROFILE_THREAD && i >= 0 ?
	    v->row[i].id : PROFILE_ALL);

	(void)arg;
	if (r == 0)
		return "select a thread first: g groups by thread";
	return r < 0 || cpu_update(v) < 0 ? "out of memory" : NULL;
}

static int
has_off(const struct view_cpu *v)
{
	return session_summary(v->session)->off;
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
		return "off-CPU time was not recorded: record it with -w";
	v->chosen = 1;
	v->metric = next[v->metric];
	return cpu_update(v) < 0 ? "out of memory" : NULL;
}

static const struct view_key keys[] = {
	{ 'g', 0, act_group, "group by function, line, crate, module, thread", "group" },
	{ 'G', 0, act_generic, "merge all instances of generic functions", NULL },
	{ 'T', 0, act_thread, "count only the selected thread, or all", NULL },
	{ 'w', 0, act_measure, "measure wall time, off-CPU time or CPU time", "off" },
};

/* ---- the view ---------------------------------------------------------- */

static void *
cpu_open(struct session *session)
{
	struct view_cpu *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	v->session = session;
	v->timeline = timeline_open(session);
	for (int i = 0; i < PROFILE_NGROUPS; i++)
		v->table[i].sort = SELF;
	if (v->timeline)
		return v;
	free(v);
	return NULL;
}

static void
cpu_close(void *view)
{
	struct view_cpu *v = view;

	if (v == NULL)
		return;
	for (int i = 0; i < PROFILE_NGROUPS; i++)
		table_free(&v->table[i]);
	timeline_close(v->timeline);
	sparkline_free(&v->sparkline);
	stackline_free(&v->stack);
	free(v);
}

static void
draw_empty(const struct view_cpu *v, struct grid *g,
    const struct grid_area *area)
{
	static const char *const going[PROFILE_NMETRICS] = {
		[PROFILE_CPU] = "no samples yet: the program has not used CPU time",
		[PROFILE_OFF] = "no off-CPU time yet",
		[PROFILE_WALL] = "no time yet",
	};
	const char *text = session_state(v->session) < SESSION_CUT_OFF ?
	    going[v->metric] : v->metric == PROFILE_OFF ?
	    "the recording holds no off-CPU time" :
	    "the recording holds no samples";

	column_middle(g, area, text);
}

/* Draw the heaviest stack of the selected row, if it is of code. */
static void
draw_stack(struct view_cpu *v, struct grid *g, const struct grid_area *area)
{
	long i = table_selected(&v->table[v->group]);

	if (i >= 0 && !v->row[i].special)
		stackline_draw(&v->stack, v->session, NULL, v->group, v->row[i].id, g, area);
}

static void
cpu_draw(void *view, struct grid *g, const struct grid_area *area)
{
	struct view_cpu *v = view;
	struct table_source s = source(v);
	struct timeline_source chart;
	struct grid_area top, bottom = timeline_split(v->timeline, area, v->n > 0, &top);
	struct grid_area stack = stackline_split(v->group, &bottom, &top);

	table_draw(&v->table[v->group], &s, g, &top);
	draw_stack(v, g, &stack);
	if (v->n == 0)
		draw_empty(v, g, &top);
	else if (bottom.rows && cpu_timeline(v, &chart) && chart.name)
		timeline_draw(v->timeline, &chart, g, &bottom);
}

static int
cpu_hinted(void *view, int key)
{
	return key != 'w' || has_off(view);
}

static void
cpu_position(void *view, char *buf, size_t size)
{
	const struct view_cpu *v = view;
	const struct table *t = &v->table[v->group];
	static const char *const of[PROFILE_NMETRICS] = {
		"on CPU: ", "off CPU: ", "wall: "
	};

	snprintf(buf, size, "%s%ss %zu/%zu",
	    session_summary(v->session)->off ? of[v->metric] : "",
	    profile_group_name(v->group), t->n ? t->at + 1 : 0, t->n);
}

static const char *const words[] = {
	"Total%", "share of time with the function anywhere on the stack",
	"Self%", "share of time in the function itself",
	"On% Off%", "parts of Total% on and off the CPU",
	"Now%", "Self% of the last 5 seconds",
	"Location", "where it spends most of its own time",
	"Mostly in", "what most of its own time went to in std and the like",
	"Trend", "its own time over the range of the chart",
	NULL
};

static const char *
cpu_focus(void *view, const char **module, int *memory)
{
	const struct view_cpu *v = view;
	long i = table_selected(&v->table[v->group]);

	*memory = 0;
	if (i < 0 || (v->group != PROFILE_FUNCTION && v->group != PROFILE_LINE))
		return NULL;
	*module = v->row[i].module;
	return v->row[i].name;
}

const struct view_type *
view_cpu(void)
{
	static const struct view_type type = {
		.name = "CPU", .open = cpu_open, .close = cpu_close,
		.update = cpu_update, .draw = cpu_draw, .position = cpu_position,
		.key = keys, .nkeys = sizeof keys / sizeof keys[0],
		.table = cpu_table, .timeline = cpu_timeline, .focus = cpu_focus,
		.hinted = cpu_hinted,
		.words = words,
	};

	return &type;
}
