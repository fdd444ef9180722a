#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "profile/inuse.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "tui/column.h"
#include "tui/grid.h"
#include "tui/session.h"
#include "tui/stackline.h"
#include "tui/table.h"
#include "tui/timeline.h"
#include "tui/view.h"

/*
 * CPU time and memory by function: rows of the same id; either pointer may be NULL.
 * The chart shows CPU time or, for functions without, live bytes; the kind tells pins of
 * the two apart.
 */

enum column { TOTAL, SELF, NOW, LIVE, PEAK, NAME, LOCATION, NCOLUMNS };

struct row {
	unsigned id;
	const char *name, *file, *module;
	uint64_t line;
	int special;
	const struct profile_row *cpu; /* NULL: no CPU time */
	const struct inuse_row *heap;  /* NULL: no allocations */
};

struct view_both {
	struct session *session;
	struct inuse *inuse; /* the session's; NULL: unreadable */
	struct row *row;
	size_t n;
	struct table table;
	struct timeline *timeline;
	struct stackline time, memory;
};

static const struct table_column columns[NCOLUMNS] = {
	{ "Total%", 8, 1, 0 }, { "Self%", 6, 1, 0 }, { "Now%", 6, 1, 80 },
	{ "Live", 7, 1, 0 }, { "Peak", 7, 1, 66 }, { "Function", 0, 0, 0 },
	{ "Location", 0, 0, 56 },
};

/* ---- the rows ---------------------------------------------------------- */

/* Put the rows of time and of memory, which have the same ids, into `row` by id. */
static void
join(struct view_both *v)
{
	const struct profile_row *cpu;
	const struct inuse_row *heap;
	size_t n = 0;

	memset(v->row, 0, v->n * sizeof *v->row);
	for (cpu = profile_rows(session_profile(v->session), &n); n--; cpu++)
		v->row[cpu->id] = (struct row){ cpu->id, cpu->name, cpu->file, cpu->module,
			cpu->line, cpu->special, cpu, NULL };
	heap = v->inuse ? inuse_rows(v->inuse, &n) : NULL;
	for (; heap && n--; heap++) {
		struct row *r = &v->row[heap->id];

		if (!inuse_has(&heap->self))
			continue;
		if (r->cpu == NULL)
			*r = (struct row){ heap->id, heap->name, heap->file, heap->module,
				heap->line, heap->special, NULL, NULL };
		r->heap = heap;
	}
}

/* Join the rows and close the gaps between them. */
static int
read_rows(struct view_both *v)
{
	size_t all = recording_rows(session_recording(v->session), PROFILE_FUNCTION), n = 0;
	struct row *row = reallocarray(v->row, all + 1, sizeof *row);

	if (row == NULL)
		return -1;
	v->row = row;
	v->n = all;
	join(v);
	for (size_t i = 0; i < all; i++)
		if (v->row[i].name)
			v->row[n++] = v->row[i];
	v->n = n;
	return 0;
}

static unsigned
row_id(const void *rows, size_t i)
{
	return ((const struct view_both *)rows)->row[i].id;
}

static const char *
row_text(const void *rows, size_t i)
{
	return ((const struct view_both *)rows)->row[i].name;
}

static uint64_t
figure(const struct row *r, enum column column)
{
	switch (column) {
	case TOTAL: return r->cpu ? r->cpu->total : 0;
	case SELF: return r->cpu ? r->cpu->self : 0;
	case NOW: return r->cpu ? r->cpu->now_self : 0;
	case LIVE: return r->heap ? r->heap->self.live : 0;
	case PEAK: return r->heap ? r->heap->self.peak : 0;
	default: return 0;
	}
}

static int
by_column(const struct row *a, const struct row *b, enum column column)
{
	uint64_t x = figure(a, column), y = figure(b, column);

	if (column == NAME)
		return strcmp(a->name, b->name);
	if (column == LOCATION && a->file && b->file)
		return strcmp(a->file, b->file);
	return x > y ? -1 : x < y;
}

/* Compare by a column, then by self time, then by live bytes. */
static int
row_compare(const void *rows, size_t x, size_t y, int column)
{
	const struct view_both *v = rows;
	const struct row *a = &v->row[x], *b = &v->row[y];
	int c = by_column(a, b, (enum column)column);

	c = c ? c : by_column(a, b, SELF);
	return c ? c : by_column(a, b, LIVE);
}

static void
draw_size(struct grid *g, const struct grid_area *cell, const struct row *r,
    uint64_t part, uint64_t whole)
{
	int known = r->heap == NULL || inuse_live_range(&r->heap->self).known;
	char buf[UNITS_MAX];

	grid_put_right(g, cell->y, cell->x, cell->columns - 1,
	    known ? column_heat(part, whole) : GRID_FAINT,
	    !r->heap ? "-" : known ? units_size(buf, part) : "?");
}

static void
row_draw(const void *rows, size_t i, int column, struct grid *g,
    const struct grid_area *cell)
{
	const struct view_both *v = rows;
	const struct row *r = &v->row[i];
	const struct profile_summary *cpu = session_summary(v->session);
	const struct inuse_sum none = { 0 };
	const struct inuse_sum *heap = v->inuse ? &inuse_summary(v->inuse)->all : &none;
	uint64_t part = figure(r, (enum column)column);

	switch ((enum column)column) {
	case TOTAL:
	case SELF:
		column_percent(g, cell, part, r->cpu ? cpu->ns : 0);
		break;
	case NOW:
		column_percent(g, cell, part, r->cpu ? cpu->now_ns : 0);
		break;
	case LIVE:
		draw_size(g, cell, r, part, heap->live);
		break;
	case PEAK:
		draw_size(g, cell, r, part, heap->peak);
		break;
	case NAME:
		column_function(g, cell, r->name);
		break;
	default:
		column_location(g, cell, r->file, r->line, r->module);
	}
}

/* What the chart shows of a row. */
enum kind { TIME, BYTES };

static enum kind
kind(const struct row *r)
{
	return r->cpu ? TIME : BYTES;
}

static int
row_mark(const void *rows, size_t i)
{
	const struct view_both *v = rows;
	const struct row *r = &v->row[i];

	return timeline_pinned(v->timeline, kind(r), r->id);
}

/* Returns how a row is listed: only if it has any time or memory of its own, unless
 * everything is shown or the order is by other figures. */
static enum table_rank
row_rank(const void *rows, size_t i, int column)
{
	const struct view_both *v = rows;
	const struct row *r = &v->row[i];

	if (r->special)
		return TABLE_BELOW;
	return r->heap || r->cpu->self || column == TOTAL || column >= NAME ||
	        !session_collapses(v->session)
	    ? TABLE_AMONG
	    : TABLE_HIDDEN;
}

static struct table *
both_table(void *view, struct table_source *s)
{
	struct view_both *v = view;

	*s = (struct table_source){ v, v->n, row_id, row_compare, row_draw, columns,
		NCOLUMNS, row_text, row_mark, row_rank };
	return &v->table;
}

static int
both_update(void *view)
{
	struct view_both *v = view;
	struct profile *p = session_profile(v->session);
	struct table_source s;

	if (profile_measure(p, PROFILE_CPU) < 0 || profile_regroup(p, PROFILE_FUNCTION) < 0)
		return -1;
	v->inuse = session_inuse(v->session, PROFILE_FUNCTION);
	stackline_change(&v->time);
	stackline_change(&v->memory);
	if (read_rows(v) < 0)
		return -1;
	both_table(v, &s);
	return table_update(&v->table, &s);
}

/* ---- the chart --------------------------------------------------------- */

static int
time_series(void *view, uint64_t id, uint64_t from, uint64_t width, uint64_t last,
    size_t n, double *value, double *over)
{
	const struct view_both *v = view;

	memset(over, 0, n * sizeof *over);
	return timeline_time(session_profile(v->session), id, PROFILE_CPU, from, width, last, n, value);
}

static struct timeline *
both_timeline(void *view, struct timeline_source *s)
{
	struct view_both *v = view;
	long i = table_selected(&v->table);
	const struct row *r = i < 0 ? NULL : &v->row[i];

	*s = (struct timeline_source){ .ctx = v, .read = time_series, .what = "total",
		.unit = "% of a core",
		.variant = session_counted(v->session) };
	if (r == NULL)
		return v->timeline;
	if (kind(r) == BYTES) {
		s->ctx = v->inuse;
		s->read = timeline_bytes;
		s->bytes = 1;
		s->what = "live bytes";
		s->unit = "";
	}
	s->of = kind(r);
	s->id = r->id;
	s->name = r->name;
	return v->timeline;
}

/* ---- the view ---------------------------------------------------------- */

static void
both_close(void *view)
{
	struct view_both *v = view;

	if (v == NULL)
		return;
	table_free(&v->table);
	timeline_close(v->timeline);
	stackline_free(&v->time);
	stackline_free(&v->memory);
	free(v->row);
	free(v);
}

static void *
both_open(struct session *session)
{
	struct view_both *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	v->session = session;
	v->table.sort = SELF;
	v->timeline = timeline_open(session);
	if (v->timeline)
		return v;
	free(v);
	return NULL;
}

static const char *
both_focus(void *view, const char **module, int *memory)
{
	const struct view_both *v = view;
	long i = table_selected(&v->table);

	*memory = 0;
	if (i < 0)
		return NULL;
	*memory = v->row[i].cpu == NULL;
	*module = v->row[i].module;
	return v->row[i].name;
}

/* Draw the heaviest stack of the selected row, of what its chart shows. */
static void
draw_stack(struct view_both *v, struct grid *g, const struct grid_area *area)
{
	long i = table_selected(&v->table);
	const struct row *r = i < 0 ? NULL : &v->row[i];

	if (r == NULL || r->special)
		return;
	if (kind(r) == BYTES)
		stackline_draw(&v->memory, v->session, v->inuse, PROFILE_FUNCTION, r->id, g,
		    area);
	else
		stackline_draw(&v->time, v->session, NULL, PROFILE_FUNCTION, r->id, g, area);
}

static void
both_draw(void *view, struct grid *g, const struct grid_area *area)
{
	struct view_both *v = view;
	struct table_source s;
	struct table *t = both_table(v, &s);
	struct timeline_source chart;
	struct grid_area top, bottom = timeline_split(v->timeline, area, t->n > 0, &top);
	struct grid_area stack = stackline_split(PROFILE_FUNCTION, &bottom, &top);

	table_draw(t, &s, g, &top);
	draw_stack(v, g, &stack);
	if (t->n == 0)
		column_middle(g, &top, t->filter ? "nothing matches the filter: F changes it" :
		    "no CPU time or memory yet");
	else if (bottom.rows && both_timeline(v, &chart) && chart.name)
		timeline_draw(v->timeline, &chart, g, &bottom);
}

static void
both_position(void *view, char *buf, size_t size)
{
	const struct table *t = &((struct view_both *)view)->table;

	snprintf(buf, size, "CPU and memory: functions %zu/%zu", t->n ? t->at + 1 : 0, t->n);
}

static const char *const words[] = {
	"Total%", "share of CPU time with the function anywhere on the stack",
	"Self%", "share of CPU time in the function itself",
	"Now%", "Self% of the last 5 seconds",
	"Live", "allocated by the function itself and not freed",
	"Peak", "maximum of Live",
	"Location", "where it spends most of its own time, or else allocates",
	NULL
};

const struct view_type *
view_both(void)
{
	static const struct view_type type = {
		.name = "both", .open = both_open, .close = both_close,
		.update = both_update, .table = both_table, .timeline = both_timeline, .focus = both_focus,
		.draw = both_draw, .position = both_position, .words = words,
	};

	return &type;
}
