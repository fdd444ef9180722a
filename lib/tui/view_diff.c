#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "base/units.h"
#include "profile/inuse.h"
#include "profile/profile.h"
#include "tui/column.h"
#include "tui/grid.h"
#include "tui/session.h"
#include "tui/table.h"
#include "tui/view.h"

/*
 * Changes between two recordings, or two ranges of one: functions of the same name with
 * their time, as a share of all that was measured or of a core, and live memory on both
 * sides.
 */

enum column { BEFORE, AFTER, CHANGE, TOTAL, LIVE, GROWTH, NAME, LOCATION, NCOLUMNS };
enum side { OLD, NEW, SIDES };

struct row {
	unsigned id;
	const char *name, *file, *module;
	uint64_t line;
	uint64_t self[SIDES], total[SIDES], live[SIDES];
};

/* The rows and totals of a side. */
struct part {
	const struct profile_row *cpu;
	size_t n;
	struct inuse *heap;    /* or NULL */
	uint64_t ns, covered; /* measured; length of the time covered */
};

/* A baseline range of the same recording: a copy of its rows, and what it was read for. */
struct baseline {
	struct inuse_options of;
	enum profile_metric metric;
	int valid;
	unsigned version; /* of the session */
	struct profile_row *row;
	struct part part;
};

struct view_diff {
	struct session *session;
	struct baseline baseline;
	struct part part[SIDES];
	int by_time; /* percent of a core, else of all that was measured */
	struct row *row;
	size_t n, room;
	struct table table;
};

static const struct table_column columns[NCOLUMNS] = {
	{ "Before%", 8, 1, 0 }, { "After%", 7, 1, 0 }, { "Change", 8, 1, 0 }, { "Total", 7, 1, 90 },
	{ "Live", 7, 1, 72 }, { "Growth", 8, 1, 72 }, { "Function", 0, 0, 0 },
	{ "Location", 0, 0, 64 },
};

/* ---- the rows ---------------------------------------------------------- */

static struct row *
find(struct view_diff *v, struct idmap *at, const char *name)
{
	uint64_t key = hash_id(hash_str(HASH_INIT, name));
	uint32_t i = idmap_get(at, key);

	if (i != IDMAP_NONE)
		return &v->row[i];
	if (array_room(&v->row, v->n, &v->room, sizeof *v->row) < 0 ||
	    idmap_put(at, key, (uint32_t)v->n) < 0)
		return NULL;
	v->row[v->n] = (struct row){ .id = (unsigned)key, .name = name };
	return &v->row[v->n++];
}

static void
locate(struct row *r, const char *file, uint64_t line, const char *module)
{
	if (r->file == NULL && r->module == NULL) {
		r->file = file;
		r->line = line;
		r->module = module;
	}
}

/* Add the rows of a side.  The new side comes first: its locations win. */
static int
add_side(struct view_diff *v, enum side side, struct idmap *at)
{
	const struct part *part = &v->part[side];
	const struct profile_row *cpu = part->cpu;
	const struct inuse_row *heap;
	struct row *r;
	size_t n;

	for (n = part->n; n--; cpu++) {
		if ((r = find(v, at, cpu->name)) == NULL)
			return -1;
		r->self[side] += cpu->self;
		r->total[side] += cpu->total;
		locate(r, cpu->file, cpu->line, cpu->module);
	}
	heap = part->heap ? inuse_rows(part->heap, &n) : NULL;
	for (; heap && n--; heap++) {
		if (!inuse_has(&heap->self))
			continue;
		if ((r = find(v, at, heap->name)) == NULL)
			return -1;
		r->live[side] += heap->self.live;
		locate(r, heap->file, heap->line, heap->module);
	}
	return 0;
}

/* Read the time of the selection. */
static int
read_time(struct profile *p, struct part *part)
{
	if (profile_regroup(p, PROFILE_FUNCTION) < 0)
		return -1;
	part->cpu = profile_rows(p, &part->n);
	part->ns = profile_summary(p)->ns;
	part->covered = profile_summary(p)->covered;
	return 0;
}

/* Read the time and memory of the selection. */
static int
read_part(struct session *session, struct part *part)
{
	part->heap = session_inuse(session, PROFILE_FUNCTION);
	return read_time(session_profile(session), part);
}

/* Measure and collapse the old recording as the new one is. */
static int
follow(const struct view_diff *v, struct session *other)
{
	struct profile *new = session_profile(v->session), *old = session_profile(other);

	if (profile_measure(old, profile_measured(new)) < 0)
		return -1;
	if (profile_is_collapsed(old) != profile_is_collapsed(new) &&
	    profile_collapse(old, profile_is_collapsed(new)) < 0)
		return -1;
	return 0;
}

/* ---- the baseline ------------------------------------------------------- */

static void
baseline_clear(struct baseline *b)
{
	free(b->row);
	inuse_close(b->part.heap);
	*b = (struct baseline){ 0 };
}

/* Returns whether the copy is still valid.  Later samples do not change it. */
static int
is_valid(const struct view_diff *v, const struct inuse_options *of)
{
	const struct baseline *b = &v->baseline;

	return b->valid && inuse_is_same(&b->of, of) &&
	    b->metric == profile_measured(session_profile(v->session)) &&
	    (b->version == session_version(v->session) ||
	        of->select.to < session_summary(v->session)->last);
}

/* Copy the rows: they are about to be counted for another selection.  Their strings
 * last as long as the profile. */
static int
copy_rows(struct baseline *b)
{
	size_t n = b->part.n;

	b->row = reallocarray(NULL, n + 1, sizeof *b->row);
	if (b->row == NULL)
		return -1;
	if (n)
		memcpy(b->row, b->part.cpu, n * sizeof *b->row);
	b->part.cpu = b->row;
	return 0;
}

static int
read_baseline(struct view_diff *v, const struct profile_select *select,
    const struct inuse_options *of)
{
	struct baseline *b = &v->baseline;
	struct profile *p = session_profile(v->session);
	struct profile_select now = *profile_selected(p);
	int r;

	baseline_clear(b);
	b->of = *of;
	b->metric = profile_measured(p);
	b->version = session_version(v->session);
	r = profile_select(p, select) < 0 || read_time(p, &b->part) < 0 || copy_rows(b) < 0 ?
	    -1 : 0;
	if (profile_select(p, &now) < 0 || r < 0)
		return -1;
	b->part.heap = inuse_open(session_recording(v->session), of);
	b->valid = 1;
	return 0;
}

static int
ensure_baseline(struct view_diff *v, struct part *part)
{
	struct profile_select select = *session_baseline(v->session);
	struct inuse_options of;

	select.thread = profile_selected(session_profile(v->session))->thread;
	of = session_inuse_options(v->session, PROFILE_FUNCTION, &select);
	if (!is_valid(v, &of) && read_baseline(v, &select, &of) < 0)
		return -1;
	*part = v->baseline.part;
	return 0;
}

/* ---- figures ------------------------------------------------------------ */

/* Returns a side's time as a percentage of what it is normalized by. */
static double
percent(const struct view_diff *v, const uint64_t *ns, enum side side)
{
	const struct part *part = &v->part[side];
	uint64_t whole = v->by_time ? part->covered : part->ns;

	return units_percent(ns[side], whole);
}

static double
share(const struct view_diff *v, const struct row *r, enum side side)
{
	return percent(v, r->self, side);
}

/* Returns all live bytes of the new side. */
static uint64_t
live(const struct view_diff *v)
{
	struct inuse *u = v->part[NEW].heap;

	return u ? inuse_summary(u)->all.live : 0;
}

static double
change(const struct view_diff *v, const struct row *r)
{
	return share(v, r, NEW) - share(v, r, OLD);
}

static double
change_total(const struct view_diff *v, const struct row *r)
{
	return percent(v, r->total, NEW) - percent(v, r->total, OLD);
}

static unsigned
row_id(const void *rows, size_t i)
{
	return ((const struct view_diff *)rows)->row[i].id;
}

static const char *
row_text(const void *rows, size_t i)
{
	return ((const struct view_diff *)rows)->row[i].name;
}

static double
absolute(double x)
{
	return x < 0 ? -x : x;
}

static double
figure(const struct view_diff *v, const struct row *r, int column)
{
	switch ((enum column)column) {
	case BEFORE: return share(v, r, OLD);
	case AFTER: return share(v, r, NEW);
	case CHANGE: return absolute(change(v, r));
	case TOTAL: return absolute(change_total(v, r));
	case LIVE: return (double)r->live[NEW];
	case GROWTH: return absolute((double)r->live[NEW] - (double)r->live[OLD]);
	default: return 0;
	}
}

static int
row_compare(const void *rows, size_t x, size_t y, int column)
{
	const struct view_diff *v = rows;
	const struct row *a = &v->row[x], *b = &v->row[y];
	double p = figure(v, a, column), q = figure(v, b, column);

	if (column == NAME)
		return strcmp(a->name, b->name);
	if (column == LOCATION && a->file && b->file)
		return strcmp(a->file, b->file);
	if (p == q && column != CHANGE)
		return row_compare(rows, x, y, CHANGE);
	return p > q ? -1 : p < q;
}

/* Draw a change: red for more, green for less, faint if it does not matter. */
static void
draw_change(struct grid *g, const struct grid_area *cell, double by, double matters,
    const char *text)
{
	int style = absolute(by) < matters ? GRID_FAINT : by > 0 ? GRID_HOT : GRID_MILD;

	grid_put_right(g, cell->y, cell->x, cell->columns - 1, style, text);
}

static void
draw_live(const struct view_diff *v, const struct row *r, int column, struct grid *g,
    const struct grid_area *cell)
{
	uint64_t new = r->live[NEW], old = r->live[OLD];
	char buf[UNITS_MAX];

	if (column == LIVE)
		grid_put_right(g, cell->y, cell->x, cell->columns - 1,
		    column_heat(new, live(v)), new || old ? units_size(buf, new) : "-");
	else
		draw_change(g, cell, (double)new - (double)old, (double)live(v) / 100,
		    new || old ? units_change(buf, old, new) : "-");
}

static void
row_draw(const void *rows, size_t i, int column, struct grid *g,
    const struct grid_area *cell)
{
	const struct view_diff *v = rows;
	const struct row *r = &v->row[i];
	char text[32];

	switch ((enum column)column) {
	case BEFORE:
	case AFTER:
		snprintf(text, sizeof text, "%.1f", share(v, r, column == AFTER ? NEW : OLD));
		grid_put_right(g, cell->y, cell->x, cell->columns - 1, GRID_PLAIN, text);
		break;
	case CHANGE:
		snprintf(text, sizeof text, "%+.1f", change(v, r));
		draw_change(g, cell, change(v, r), 0.5, text);
		break;
	case TOTAL:
		snprintf(text, sizeof text, "%+.1f", change_total(v, r));
		draw_change(g, cell, change_total(v, r), 0.5, text);
		break;
	case LIVE:
	case GROWTH:
		draw_live(v, r, column, g, cell);
		break;
	case NAME:
		column_function(g, cell, r->name);
		break;
	default:
		column_location(g, cell, r->file, r->line, r->module);
	}
}

static struct table *
diff_table(void *view, struct table_source *s)
{
	struct view_diff *v = view;

	*s = (struct table_source){ v, v->n, row_id, row_compare, row_draw, columns, NCOLUMNS,
		row_text, NULL, NULL };
	return &v->table;
}

static int
is_compared(const struct view_diff *v)
{
	return session_other(v->session) || session_baseline(v->session);
}

/* Read the old side first: it may select another range for a moment. */
static int
read_sides(struct view_diff *v)
{
	struct session *other = session_other(v->session);

	if (other && (follow(v, other) < 0 || read_part(other, &v->part[OLD]) < 0))
		return -1;
	if (other == NULL && ensure_baseline(v, &v->part[OLD]) < 0)
		return -1;
	return read_part(v->session, &v->part[NEW]);
}

static int
diff_update(void *view)
{
	struct view_diff *v = view;
	struct idmap at = { 0 };
	struct table_source s;
	int r = 0;

	v->n = 0;
	if (is_compared(v))
		r = read_sides(v) < 0 || add_side(v, NEW, &at) < 0 || add_side(v, OLD, &at) < 0 ?
		    -1 : 0;
	idmap_clear(&at);
	return r < 0 ? -1 : table_update(diff_table(v, &s), &s);
}

/* ---- keys -------------------------------------------------------------- */

static const char *
act_by(void *view, int arg)
{
	struct view_diff *v = view;
	struct table_source s;

	(void)arg;
	v->by_time = !v->by_time;
	if (table_update(diff_table(v, &s), &s) < 0)
		return "out of memory";
	return v->by_time ? "percent of a core" : "percent of all measured time";
}

static const struct view_key keys[] = {
	{ 'w', 0, act_by, "percent of all measured time, or of a core", "of a core" },
};

/* ---- the view ---------------------------------------------------------- */

static void
diff_close(void *view)
{
	struct view_diff *v = view;

	if (v == NULL)
		return;
	table_free(&v->table);
	baseline_clear(&v->baseline);
	free(v->row);
	free(v);
}

static void *
diff_open(struct session *session)
{
	struct view_diff *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	v->session = session;
	v->table.sort = CHANGE;
	return v;
}

static void
diff_draw(void *view, struct grid *g, const struct grid_area *area)
{
	struct view_diff *v = view;
	struct table_source s;
	struct table *t = diff_table(v, &s);

	table_draw(t, &s, g, area);
	if (t->n == 0)
		column_middle(g, area, !is_compared(v) ?
		    "nothing to compare with: D on a range, or rsprof diff" : t->filter ?
		    "nothing matches the filter: F changes it" : "nothing was recorded");
}

static void
diff_position(void *view, char *buf, size_t size)
{
	const struct view_diff *v = view;
	const struct profile_select *b = session_baseline(v->session);
	const struct table *t = &v->table;
	char what[UNITS_MAX + 16] = "changes", range[UNITS_MAX];

	if (b && session_other(v->session) == NULL)
		snprintf(what, sizeof what, "against %s", units_range(range, b->from, b->to));
	snprintf(buf, size, "%s%s: functions %zu/%zu", what, v->by_time ? ", % of a core" : "",
	    t->n ? t->at + 1 : 0, t->n);
}

static const char *
diff_focus(void *view, const char **module, int *memory)
{
	struct view_diff *v = view;
	long i = table_selected(&v->table);

	*memory = 0;
	if (i < 0)
		return NULL;
	*module = v->row[i].module;
	return v->row[i].name;
}

static const char *const words[] = {
	"Before%", "its own time in the old recording, or in the baseline",
	"After%", "its own time in the new recording, or in the selection",
	"Change", "After% minus Before%",
	"Total", "the same difference, callees included",
	"Live", "bytes live at the end of the new recording",
	"Growth", "Live minus that of the old recording",
	NULL
};

const struct view_type *
view_diff(void)
{
	static const struct view_type type = {
		.name = "diff", .open = diff_open, .close = diff_close, .update = diff_update,
		.table = diff_table, .draw = diff_draw, .position = diff_position,
		.focus = diff_focus, .key = keys, .nkeys = sizeof keys / sizeof keys[0],
		.words = words,
	};

	return &type;
}
