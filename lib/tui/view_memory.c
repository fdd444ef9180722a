#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "profile/inuse.h"
#include "profile/profile.h"
#include "record/db.h"
#include "tui/column.h"
#include "tui/grid.h"
#include "tui/session.h"
#include "tui/sparkline.h"
#include "tui/stackline.h"
#include "tui/table.h"
#include "tui/timeline.h"
#include "tui/view.h"

/*
 * Memory by function, line, crate, module or thread, with live bytes over time.
 */

#define SECOND UINT64_C(1000000000)
#define AGE_LEAST SECOND
#define AGE_MOST (600 * SECOND)
#define LEAKS_EVERY 3 /* seconds */
#define COVERED 99    /* percentage of time from which the heap is exact */

enum column {
	LIVE,
	ERROR,
	GROWTH,
	PEAK,
	TOTAL,
	COUNT,
	TEMPS,
	NAME,
	LOCATION,
	CALLEE,
	TREND,
	NCOLUMNS
};

struct view_memory {
	struct session *session;
	enum profile_group group;
	struct inuse *inuse; /* the session's; NULL: unreadable */
	struct inuse_row *row; /* the rows that are not empty */
	size_t n, room;
	struct table table[PROFILE_NGROUPS];
	struct timeline *timeline;
	struct sparkline sparkline;
	struct stackline stack;
	struct inuse *leaks; /* only suspected leaks; NULL: everything is shown */
	uint64_t age;        /* least age of leaks, ns */
	struct inuse_options leaks_of;
	int64_t leaks_read;
};

#define OTHERS { "Peak", 7, 1, 0 }, { "Total", 7, 1, 62 }, { "Count", 8, 1, 72 }, \
	{ "Temp%", 6, 1, 80 }
#define NONE { NULL, 0, 0, 0 }
#define GROWTHS { "Growth", 7, 1, 0 }
#define ERRORS { "+-%", 5, 1, 44 }
#define NUMBERS { "Live", 7, 1, 0 }, NONE, NONE, OTHERS
#define NUMBERS_SINCE { "Live", 7, 1, 0 }, NONE, GROWTHS, OTHERS
#define NUMBERS_ERROR { "Live", 7, 1, 0 }, ERRORS, NONE, OTHERS
#define NUMBERS_BOTH { "Live", 7, 1, 0 }, ERRORS, GROWTHS, OTHERS

/* The columns expanded and collapsed, without and with a start of the range, and without
 * and with errors. */
static const struct table_column columns[2][2][2][PROFILE_NGROUPS][NCOLUMNS] = { {
	{ COLUMN_LAYOUT(NUMBERS, COLUMN_NONE), COLUMN_LAYOUT(NUMBERS_ERROR, COLUMN_NONE) },
	{ COLUMN_LAYOUT(NUMBERS_SINCE, COLUMN_NONE), COLUMN_LAYOUT(NUMBERS_BOTH, COLUMN_NONE) }
}, {
	{ COLUMN_LAYOUT(NUMBERS, COLUMN_CALLEE), COLUMN_LAYOUT(NUMBERS_ERROR, COLUMN_CALLEE) },
	{ COLUMN_LAYOUT(NUMBERS_SINCE, COLUMN_CALLEE),
	    COLUMN_LAYOUT(NUMBERS_BOTH, COLUMN_CALLEE) }
} };

static const struct table_column *
layout(const struct view_memory *v, enum profile_group group)
{
	int errors = v->inuse && inuse_has_errors(v->inuse) && !v->leaks;

	int since = profile_selected(session_profile(v->session))->from != 0;

	return columns[session_collapses(v->session)][since][errors][group];
}

/* ---- the rows ---------------------------------------------------------- */

static unsigned
row_id(const void *rows, size_t i)
{
	return ((const struct view_memory *)rows)->row[i].id;
}

static const char *
row_text(const void *rows, size_t i)
{
	return ((const struct view_memory *)rows)->row[i].name;
}

static double
temps(const struct inuse_row *row)
{
	return row->self.allocs ? (double)row->self.temps / (double)row->self.allocs : 0;
}

static double
growth(const struct inuse_row *row)
{
	return (double)row->self.live - (double)row->baseline;
}

static int
larger(double a, double b)
{
	return a > b ? -1 : a < b;
}

static int
by_column(const struct inuse_row *a, const struct inuse_row *b, int column)
{
	int c;

	switch ((enum column)column) {
	case LIVE:
		/* Unknown comes before nothing. */
		c = larger((double)a->self.live, (double)b->self.live);
		return c ? c : larger((double)a->self.live_most, (double)b->self.live_most);
	case ERROR:
		return larger(inuse_live_range(&a->self).error, inuse_live_range(&b->self).error);
	case GROWTH:
		return larger(growth(a), growth(b));
	case PEAK:
		return larger((double)a->self.peak, (double)b->self.peak);
	case TOTAL:
		return larger((double)a->self.bytes, (double)b->self.bytes);
	case COUNT:
		return larger((double)a->self.count, (double)b->self.count);
	case TEMPS:
		return larger(temps(a), temps(b));
	case NAME:
		return column_by_text(a->name, b->name);
	case CALLEE:
		return larger((double)a->callee_live, (double)b->callee_live);
	default:
		c = column_by_text(a->file, b->file);
		c = c ? c : column_by_text(a->version, b->version);
		return c ? c : larger((double)b->line, (double)a->line);
	}
}

static int
row_compare(const void *rows, size_t x, size_t y, int column)
{
	const struct view_memory *v = rows;
	const struct inuse_row *a = &v->row[x], *b = &v->row[y];
	int c = column == TREND ? larger(sparkline_growth(&v->sparkline, a->id),
	                              sparkline_growth(&v->sparkline, b->id)) :
	                          by_column(a, b, column);

	c = c ? c : by_column(a, b, LIVE);
	return c ? c : by_column(a, b, TOTAL);
}

/* ---- cells ------------------------------------------------------------- */

static void
draw_size(struct grid *g, const struct grid_area *cell, uint64_t part, uint64_t whole)
{
	char buf[UNITS_MAX];

	grid_put_right(g, cell->y, cell->x, cell->columns - 1, column_heat(part, whole),
	    units_size(buf, part));
}

/* Draw half the width of a range, as a percentage of the figure, unless it is small. */
static void
draw_error(struct grid *g, const struct grid_area *cell, const struct inuse_range *range)
{
	char buf[16];

	if (!range->known || range->error <= INUSE_ERROR_SHOWN)
		return;
	snprintf(buf, sizeof buf, "%.0f", range->error < 9.99 ? 100 * range->error : 999);
	grid_put_right(g, cell->y, cell->x, cell->columns - 1, GRID_FAINT, buf);
}

/* Draw that a figure is not known. */
static void
draw_unknown(struct grid *g, const struct grid_area *cell)
{
	grid_put_right(g, cell->y, cell->x, cell->columns - 1, GRID_FAINT, "?");
}

/* Returns whether a column's figure of a row is known. */
static int
is_known(const struct inuse_row *row, enum column column)
{
	if (column == TOTAL)
		return inuse_bytes_range(&row->self).known;
	return (column != LIVE && column != GROWTH && column != PEAK && column != COUNT) ||
	    inuse_live_range(&row->self).known;
}

static void
draw_growth(struct grid *g, const struct grid_area *cell, const struct inuse_row *row,
    uint64_t whole)
{
	uint64_t live = row->self.live, before = row->baseline;
	char buf[UNITS_MAX];

	grid_put_right(g, cell->y, cell->x, cell->columns - 1,
	    live >= before ? column_heat(live - before, whole) : GRID_PLAIN,
	    units_change(buf, before, live));
}

static void
draw_location(const struct view_memory *v, const struct inuse_row *row, struct grid *g,
    const struct grid_area *cell)
{
	if (v->group == PROFILE_THREAD && row->tid)
		grid_printf(g, cell->y, cell->x, cell->columns, GRID_FAINT,
		    "%" PRIu64 "/%" PRIu64, row->pid, row->tid);
	else if (v->group == PROFILE_CRATE)
		grid_put(g, cell->y, cell->x, cell->columns, GRID_FAINT,
		    row->version ? row->version : "");
	else
		column_location(g, cell, row->file, row->line, row->module);
}

static void
row_draw(const void *rows, size_t i, int column, struct grid *g,
    const struct grid_area *cell)
{
	const struct view_memory *v = rows;
	const struct inuse_row *row = &v->row[i];
	const struct inuse_sum *all = &inuse_summary(v->leaks ? v->leaks : v->inuse)->all;
	struct inuse_range range = inuse_live_range(&row->self);
	char buf[UNITS_MAX];

	if (!is_known(row, (enum column)column)) {
		draw_unknown(g, cell);
		return;
	}
	switch ((enum column)column) {
	case LIVE:
		draw_size(g, cell, row->self.live, all->live);
		break;
	case ERROR:
		draw_error(g, cell, &range);
		break;
	case GROWTH:
		draw_growth(g, cell, row, all->live);
		break;
	case PEAK:
		draw_size(g, cell, row->self.peak, all->peak);
		break;
	case TOTAL:
		draw_size(g, cell, row->self.bytes, all->bytes);
		break;
	case COUNT:
		snprintf(buf, sizeof buf, "%" PRIu64, row->self.count);
		grid_put_right(g, cell->y, cell->x, cell->columns - 1,
		    column_heat(row->self.count, all->count), buf);
		break;
	case TEMPS:
		column_percent(g, cell, row->self.temps, row->self.allocs);
		break;
	case NAME:
		column_name(g, cell, row->name, v->group);
		break;
	case CALLEE:
		units_size(buf, row->callee_live);
		column_callee(g, cell, row->callee_live ? row->callee : NULL,
		    buf + strspn(buf, " "));
		break;
	case TREND:
		sparkline_draw(&v->sparkline, row->id, g, cell);
		break;
	default:
		draw_location(v, row, g, cell);
	}
}

static int
row_mark(const void *rows, size_t i)
{
	const struct view_memory *v = rows;

	return timeline_pinned(v->timeline, v->group, v->row[i].id);
}

static enum table_rank
row_rank(const void *rows, size_t i, int column)
{
	(void)column;
	return ((const struct view_memory *)rows)->row[i].special ? TABLE_BELOW : TABLE_AMONG;
}

static struct table_source
source(const struct view_memory *v)
{
	return (struct table_source){ v, v->n, row_id, row_compare, row_draw,
		layout(v, v->group), NCOLUMNS, row_text, row_mark, row_rank };
}

static struct table *
memory_table(void *view, struct table_source *s)
{
	struct view_memory *v = view;

	*s = source(v);
	return &v->table[v->group];
}

/* ---- the chart --------------------------------------------------------- */

static struct timeline *
memory_timeline(void *view, struct timeline_source *s)
{
	struct view_memory *v = view;
	long i = table_selected(&v->table[v->group]);

	*s = (struct timeline_source){ .ctx = v->inuse, .read = timeline_bytes, .of = v->group, .bytes = 1,
		.variant = session_counted(v->session), .what = v->inuse &&
		inuse_summary(v->inuse)->windows ? "live bytes, where known" : "live bytes",
		.unit = "" };
	if (i < 0)
		return v->timeline;
	s->id = v->row[i].id;
	s->name = v->row[i].name;
	s->is_path = column_is_path(v->group);
	return v->timeline;
}

/* ---- keys -------------------------------------------------------------- */

static int
read_rows(struct view_memory *v)
{
	size_t n;
	const struct inuse_row *all = inuse_rows(v->leaks ? v->leaks : v->inuse, &n);
	struct inuse_row *row = n > v->room ? reallocarray(v->row, n, sizeof *row) : v->row;

	if (n && row == NULL)
		return -1;
	v->row = row;
	v->room = n > v->room ? n : v->room;
	for (size_t i = 0; i < n; i++)
		if (inuse_has(&all[i].self)) {
			v->row[v->n++] = all[i];
		}
	return 0;
}

/* Returns the options for suspected leaks.  What is live does not depend on when the
 * range began. */
static struct inuse_options
leaks_options(const struct view_memory *v)
{
	struct inuse_options o = session_inuse_options(v->session, v->group,
	    profile_selected(session_profile(v->session)));

	o.select.from = 0;
	o.age = v->age;
	return o;
}

/* Read the suspected leaks, if the last reading is outdated.  It is not incremental, so
 * limit how often. */
static int
read_leaks(struct view_memory *v)
{
	struct inuse_options o = leaks_options(v);
	int64_t now = session_clock();
	struct inuse *u;

	if (v->leaks && inuse_is_same(&o, &v->leaks_of) && now - v->leaks_read < LEAKS_EVERY &&
	    (v->leaks_read == now || session_state(v->session) < SESSION_CUT_OFF))
		return 0;
	u = inuse_open(session_recording(v->session), &o);
	if (u == NULL)
		return -1;
	inuse_close(v->leaks);
	v->leaks = u;
	v->leaks_of = o;
	v->leaks_read = now;
	return 0;
}

static int
read_sparkline(struct view_memory *v)
{
	unsigned of = (unsigned)v->group + PROFILE_NGROUPS * session_counted(v->session);
	int r = sparkline_begin(&v->sparkline, v->session, of, inuse_ids(v->inuse));

	if (r > 0)
		r = inuse_series_all(v->inuse, v->sparkline.from, v->sparkline.width,
		    v->sparkline.value, SPARKLINE_CELLS);
	else
		return r;
	for (size_t i = 0; r == 0 && i < inuse_ids(v->inuse) * SPARKLINE_CELLS; i++)
		if (v->sparkline.value[i] == INUSE_UNKNOWN)
			v->sparkline.value[i] = 0;
	return r;
}

static int
memory_update(void *view)
{
	struct view_memory *v = view;
	struct table_source s;

	v->inuse = session_inuse(v->session, v->group);
	v->n = 0;
	stackline_change(&v->stack);
	if (v->age && read_leaks(v) < 0)
		return -1;
	if (v->inuse && (read_rows(v) < 0 || read_sparkline(v) < 0))
		return -1;
	s = source(v);
	if (s.column[v->table[v->group].sort].title == NULL)
		v->table[v->group].sort = LIVE;
	return table_update(&v->table[v->group], &s);
}

/* Toggle leaks, with an age of an eighth of the recording, within limits. */
static const char *
act_leaks(void *view, int arg)
{
	struct view_memory *v = view;
	const struct profile_summary *all = session_summary(v->session);
	uint64_t age = (all->last - all->first) / 8;

	(void)arg;
	inuse_close(v->leaks);
	v->leaks = NULL;
	v->age = v->age ? 0 : age < AGE_LEAST ? AGE_LEAST : age > AGE_MOST ? AGE_MOST : age;
	return memory_update(v) < 0 ? "out of memory" : NULL;
}

static const char *
regroup(struct view_memory *v, enum profile_group next)
{
	const struct table *old = &v->table[v->group];

	v->table[next].sort = layout(v, next)[old->sort].title ? old->sort : LIVE;
	v->table[next].reverse = old->reverse;
	v->group = next;
	return memory_update(v) < 0 ? "out of memory" : NULL;
}

static const char *
act_group(void *view, int arg)
{
	struct view_memory *v = view;
	enum profile_group next = (v->group + 1) % PROFILE_NGROUPS;

	(void)arg;
	return regroup(v, next == PROFILE_GENERIC ? PROFILE_LINE : next);
}

static const char *
act_generic(void *view, int arg)
{
	struct view_memory *v = view;

	(void)arg;
	return regroup(v, v->group == PROFILE_GENERIC ? PROFILE_FUNCTION : PROFILE_GENERIC);
}

/* Count only what the selected thread has allocated, or everything again. */
static const char *
act_thread(void *view, int arg)
{
	struct view_memory *v = view;
	long i = table_selected(&v->table[v->group]);
	int r = session_count_thread(v->session, v->group == PROFILE_THREAD && i >= 0 ?
	    v->row[i].id : PROFILE_ALL);

	(void)arg;
	if (r == 0)
		return "select a thread first: g groups by thread";
	return r < 0 || memory_update(v) < 0 ? "out of memory" : NULL;
}

static const struct view_key keys[] = {
	{ 'g', 0, act_group, "group by function, line, crate, module, thread", "group" },
	{ 'G', 0, act_generic, "merge all instances of generic functions", NULL },
	{ 'T', 0, act_thread, "count only the selected thread, or all", NULL },
	{ 'L', 0, act_leaks, "show only suspected leaks: live for a long time", "leaks" },
};

/* ---- the view ---------------------------------------------------------- */

static void
memory_close(void *view)
{
	struct view_memory *v = view;

	if (v == NULL)
		return;
	for (int i = 0; i < PROFILE_NGROUPS; i++)
		table_free(&v->table[i]);
	timeline_close(v->timeline);
	sparkline_free(&v->sparkline);
	stackline_free(&v->stack);
	inuse_close(v->leaks);
	free(v->row);
	free(v);
}

static void *
memory_open(struct session *session)
{
	struct view_memory *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	v->session = session;
	v->timeline = timeline_open(session);
	if (v->timeline)
		return v;
	free(v);
	return NULL;
}

static const char *
memory_focus(void *view, const char **module, int *memory)
{
	const struct view_memory *v = view;
	long i = table_selected(&v->table[v->group]);

	*memory = 1;
	if (i < 0 || (v->group != PROFILE_FUNCTION && v->group != PROFILE_LINE))
		return NULL;
	*module = v->row[i].module;
	return v->row[i].name;
}

static void
draw_empty(const struct view_memory *v, struct grid *g, const struct grid_area *area)
{
	const char *text = v->inuse == NULL ? db_error(session_db(v->session)) :
	    v->table[v->group].filter ? "nothing matches the filter: F changes it" :
	    v->leaks && inuse_any(v->inuse) ? "nothing has been live for that long" :
	    inuse_any(v->inuse) ? "no allocations yet" :
	    "the recording holds no memory: rsprof attach -H records it";

	column_middle(g, area, text);
}

/* Draw the stack of the selected row that holds most, if it is of code. */
static void
draw_stack(struct view_memory *v, struct grid *g, const struct grid_area *area)
{
	const struct inuse *of = v->leaks ? v->leaks : v->inuse;
	long i = table_selected(&v->table[v->group]);

	if (of && i >= 0 && !v->row[i].special)
		stackline_draw(&v->stack, v->session, of, v->group, v->row[i].id, g, area);
}

static void
memory_draw(void *view, struct grid *g, const struct grid_area *area)
{
	struct view_memory *v = view;
	struct table *t = &v->table[v->group];
	struct table_source s = source(v);
	struct timeline_source chart;
	struct grid_area top, bottom = timeline_split(v->timeline, area, t->n > 0, &top);
	struct grid_area stack = stackline_split(v->group, &bottom, &top);

	table_draw(t, &s, g, &top);
	draw_stack(v, g, &stack);
	if (t->n == 0)
		draw_empty(v, g, &top);
	else if (bottom.rows && memory_timeline(v, &chart) && chart.name)
		timeline_draw(v->timeline, &chart, g, &bottom);
}

/* Write how far the figures can be trusted.  Recordings without ranges, in which probes
 * were armed for a part of the time, may tell more as live than is resident. */
static void
trust(const struct view_memory *v, char buf[64])
{
	const struct inuse_summary *s = v->inuse ? inuse_summary(v->inuse) : NULL;
	double covered = session_covered(v->session);
	size_t n;
	const struct session_memory *m = session_memory(v->session, &n);
	uint64_t rss = n ? m[n - 1].rss : 0;

	buf[0] = '\0';
	if (s == NULL || !(s->estimated || s->windows))
		return;
	if (s->windows && inuse_live_range(&s->all).known)
		snprintf(buf, 64, ", %.0f%% known (-I: all)", units_percent(s->known < s->all.live ?
		    s->known : s->all.live, s->all.live));
	else if (s->windows)
		snprintf(buf, 64, ", in windows (-I: all)");
	else if (rss && s->all.live > rss && covered >= 0 && covered < COVERED)
		snprintf(buf, 64, ", overestimated");
	else
		snprintf(buf, 64, ", estimated");
}

static void
memory_position(void *view, char *buf, size_t size)
{
	const struct view_memory *v = view;
	const struct table *t = &v->table[v->group];
	char age[32] = "", how[64];

	trust(v, how);
	if (v->age)
		snprintf(age, sizeof age, ", %" PRIu64 " s or older", v->age / SECOND);
	snprintf(buf, size, "memory%s%s: %ss %zu/%zu", age, how, profile_group_name(v->group),
	    t->n ? t->at + 1 : 0, t->n);
}

static const char *const words[] = {
	"Live", "allocated by the function itself and not freed; ?: not known",
	"+-%", "half the range of Live that holds the truth in 19 of 20 cases",
	"Growth", "change of Live since the range began",
	"Peak", "maximum of Live",
	"Total", "all it has allocated",
	"Count", "live allocations",
	"Temp%", "allocations freed before the thread's next one",
	"Location", "where it allocates",
	"Trend", "its live memory over the range of the chart",
	NULL
};

const struct view_type *
view_memory(void)
{
	static const struct view_type type = {
		.name = "memory", .open = memory_open, .close = memory_close,
		.update = memory_update, .table = memory_table, .timeline = memory_timeline,
		.focus = memory_focus, .draw = memory_draw, .position = memory_position,
		.key = keys, .nkeys = sizeof keys / sizeof keys[0],
		.words = words,
	};

	return &type;
}
