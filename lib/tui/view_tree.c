#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"
#include "profile/recording.h"
#include "tui/column.h"
#include "tui/forest.h"
#include "tui/grid.h"
#include "tui/keys.h"
#include "tui/session.h"
#include "tui/table.h"
#include "tui/view.h"

/*
 * Call trees: of everything, or the callers and callees of the focused function.  Each
 * part is a calltree; `open` has the keys of the nodes whose children are shown, which
 * survive merging anew.  `line` is what can be seen, in display order: nodes reached
 * through open ones, and the titles of parts.  The table gets these lines as its rows,
 * already sorted.
 */

enum column { TOTAL, SELF, BAR, NAME, NCOLUMNS };
#define ABOVE 2 /* rows of callers above the node selected at first */

enum part { ALL, CALLERS, CALLEES, NPARTS };

#define HOT 2      /* the hot path follows children with half of their parent */
#define DEEP 200   /* longest hot path */
#define INDENT_MAX 24 /* columns */

/* A visible node, or the title of a part. */
struct line {
	enum part part;
	uint32_t node; /* CALLTREE_NONE: title */
};

struct view_tree {
	struct forest forest;
	int focused; /* callers and callees of the session's focus */
	struct calltree calls[NPARTS];
	struct idmap open[NPARTS]; /* keys of open nodes */
	struct line *line;
	size_t n, room;
	struct table table;
	int begun;   /* the hot path has been opened */
	unsigned of; /* number of the session's focus */
};

static const struct table_column columns[2][NCOLUMNS] = {
	{ { "Total%", 8, 1, 0 }, { "Self%", 6, 1, 50 }, { "", 10, 0, 66 },
	    { "Function", 0, 0, 0 } },
	{ { "Live", 8, 1, 0 }, { "Self", 7, 1, 50 }, { "", 10, 0, 66 },
	    { "Function", 0, 0, 0 } },
};

/* ---- lines -------------------------------------------------------------- */

static const struct calltree_node *
node_of(const struct view_tree *v, const struct line *l)
{
	return &v->calls[l->part].node[l->node];
}

static int
is_open(const struct view_tree *v, enum part part, uint32_t node)
{
	return idmap_get(&v->open[part], v->calls[part].node[node].key) != IDMAP_NONE;
}

static int
set_open(struct view_tree *v, enum part part, uint32_t node, int open)
{
	uint64_t key = v->calls[part].node[node].key;

	if (open)
		return idmap_put(&v->open[part], key, 1);
	idmap_delete(&v->open[part], key);
	return 0;
}

static int
add_line(struct view_tree *v, enum part part, uint32_t node)
{
	if (array_room(&v->line, v->n, &v->room, sizeof *v->line) < 0)
		return -1;
	v->line[v->n++] = (struct line){ part, node };
	return 0;
}

/* Returns the next visible node, skipping children of closed ones. */
static uint32_t
next_seen(const struct view_tree *v, enum part part, uint32_t n)
{
	const struct calltree_node *node = v->calls[part].node;

	if (node[n].child != CALLTREE_NONE && is_open(v, part, n))
		return node[n].child;
	while (n != CALLTREE_NONE && node[n].sibling == CALLTREE_NONE)
		n = node[n].parent;
	return n == CALLTREE_NONE ? CALLTREE_NONE : node[n].sibling;
}

static int
add_part(struct view_tree *v, enum part part)
{
	if (v->focused && add_line(v, part, CALLTREE_NONE) < 0)
		return -1;
	for (uint32_t n = v->calls[part].root; v->calls[part].n && n != CALLTREE_NONE;
	    n = next_seen(v, part, n))
		if (v->calls[part].node[n].total && add_line(v, part, n) < 0)
			return -1;
	return 0;
}

static int
add_lines(struct view_tree *v)
{
	v->n = 0;
	if (!v->focused)
		return add_part(v, ALL);
	return add_part(v, CALLERS) < 0 ? -1 : add_part(v, CALLEES);
}

/* Open the hot path below a node. */
static int
open_hot(struct view_tree *v, enum part part, uint32_t n)
{
	const struct calltree_node *node = v->calls[part].node;

	for (int i = 0; n != CALLTREE_NONE && i < DEEP; i++) {
		uint32_t child = node[n].child;

		if (child == CALLTREE_NONE)
			break;
		if (set_open(v, part, n, 1) < 0)
			return -1;
		if (node[child].total * HOT < node[n].total)
			break;
		n = child;
	}
	return 0;
}

/* ---- merging ----------------------------------------------------------- */

static int
merge(struct view_tree *v)
{
	const struct session_focus *focus = session_focus(v->forest.session);
	const struct calltree_stacks *s = &v->forest.stacks;
	uint32_t row;

	if (!v->focused)
		return calltree_down(&v->calls[ALL], s);
	row = focus->function ? recording_find(session_recording(v->forest.session),
	    v->forest.group, focus->function, focus->module) : CALLTREE_NONE;
	return calltree_to(&v->calls[CALLERS], s, row) < 0 ? -1 :
	    calltree_from(&v->calls[CALLEES], s, row);
}

static int
open_first(struct view_tree *v)
{
	v->begun = 1;
	for (enum part part = ALL; part < NPARTS; part++)
		if (v->calls[part].n && open_hot(v, part, v->calls[part].root) < 0)
			return -1;
	return 0;
}

static unsigned
row_id(const void *rows, size_t i)
{
	const struct view_tree *v = rows;
	const struct line *l = &v->line[i];

	return l->node == CALLTREE_NONE ? (unsigned)l->part :
	    (unsigned)node_of(v, l)->key ^ (unsigned)l->part;
}

static int
row_compare(const void *rows, size_t a, size_t b, int column)
{
	(void)rows;
	(void)column;
	return a < b ? -1 : a > b;
}

static const char *
row_text(const void *rows, size_t i)
{
	const struct view_tree *v = rows;
	const struct line *l = &v->line[i];
	const char *module;

	return l->node == CALLTREE_NONE ? NULL :
	    forest_name(&v->forest, node_of(v, l)->row, &module);
}

/* ---- cells ------------------------------------------------------------- */

static void
draw_bar(struct grid *g, const struct grid_area *cell, uint64_t part, uint64_t whole)
{
	static const wchar_t eighth[] = L" ▏▎▍▌▋▊▉█";
	int all = cell->columns * 8;
	int full = whole ? (int)((double)part / (double)whole * all + 0.5) : 0;

	for (int x = 0; x < cell->columns; x++, full -= 8) {
		struct grid_area at = { cell->y, cell->x + x, 1, 1 };
		int part_of = full < 0 ? 0 : full > 8 ? 8 : full;

		grid_fill(g, at, column_heat(part, whole),
		    grid_utf8(g) ? eighth[part_of] : part_of >= 4 ? L'#' : L' ');
	}
}

static const char *
sign(const struct grid *g, const struct calltree_node *n, int open)
{
	if (n->child == CALLTREE_NONE)
		return "  ";
	if (grid_utf8(g))
		return open ? "▾ " : "▸ ";
	return open ? "- " : "+ ";
}

/* Indent a name by its depth, as a number if it is too deep.  Returns the column after it. */
static int
draw_indent(struct grid *g, const struct grid_area *cell, unsigned depth)
{
	unsigned most = (unsigned)cell->columns / 3;
	char deep[16];

	most = most > INDENT_MAX ? INDENT_MAX : most;
	if (depth <= most)
		return cell->x + (int)depth;
	snprintf(deep, sizeof deep, "%u", depth);
	return grid_put_right(g, cell->y, cell->x, (int)most, GRID_FRAME, deep) +
	    grid_width(g, deep);
}

static void
draw_name(const struct view_tree *v, const struct line *l, struct grid *g,
    const struct grid_area *cell)
{
	const struct calltree_node *n = node_of(v, l);
	const char *module, *name = forest_name(&v->forest, n->row, &module);
	struct grid_area rest = *cell;

	rest.x = draw_indent(g, cell, n->depth);
	rest.x = grid_put(g, cell->y, rest.x, 2, GRID_FRAME, sign(g, n, is_open(v, l->part, l->node)));
	rest.columns = cell->x + cell->columns - rest.x;
	if (rest.columns > 0)
		column_function(g, &rest, name ? name : "?");
}

static void
draw_title(const struct view_tree *v, const struct line *l, struct grid *g,
    const struct grid_area *cell)
{
	const char *name = session_focus(v->forest.session)->function;
	char buf[COLUMN_SIZE];
	int x = grid_put(g, cell->y, cell->x, cell->columns, GRID_HEADER,
	    l->part == CALLERS ? "callers of " : "callees of ");

	column_shorten(buf, name ? name : "?", 0, cell->x + cell->columns - x);
	grid_put(g, cell->y, x, cell->x + cell->columns - x, GRID_STRONG, buf);
}

static void
row_draw(const void *rows, size_t i, int column, struct grid *g,
    const struct grid_area *cell)
{
	const struct view_tree *v = rows;
	const struct line *l = &v->line[i];
	uint64_t whole = forest_whole(&v->forest, v->calls[l->part].total);

	if (l->node == CALLTREE_NONE) {
		if (column == NAME)
			draw_title(v, l, g, cell);
		return;
	}
	switch ((enum column)column) {
	case TOTAL:
		forest_figure(&v->forest, g, cell, node_of(v, l)->total, whole);
		break;
	case SELF:
		if (l->part != CALLERS)
			forest_figure(&v->forest, g, cell, node_of(v, l)->self, whole);
		break;
	case BAR:
		draw_bar(g, cell, node_of(v, l)->total, whole);
		break;
	default:
		draw_name(v, l, g, cell);
	}
}

static struct table *
tree_table(void *view, struct table_source *s)
{
	struct view_tree *v = view;

	*s = (struct table_source){ v, v->n, row_id, row_compare, row_draw,
		columns[v->forest.memory != 0], NCOLUMNS, row_text, NULL, NULL };
	return &v->table;
}

static int
lay_out(struct view_tree *v)
{
	struct table_source s;

	if (add_lines(v) < 0)
		return -1;
	v->table.sort = TOTAL;
	v->table.reverse = 0;
	return table_update(tree_table(v, &s), &s);
}

/* Select the node where calls branch, with a few callers above it. */
static void
go_first(struct view_tree *v)
{
	uint32_t at = v->focused ? CALLTREE_NONE : calltree_parting(&v->calls[ALL]);
	struct table_source s;
	size_t i = 0;

	while (i < v->n && v->line[i].node != at)
		i++;
	if (at == CALLTREE_NONE || i == v->n || i == 0)
		return;
	table_move(tree_table(v, &s), &s, (long)i - (long)v->table.at);
	v->table.top = i > ABOVE ? i - ABOVE : 0;
}

static int
tree_update(void *view)
{
	struct view_tree *v = view;
	const struct session_focus *focus = session_focus(v->forest.session);

	if (v->of != focus->number) {
		v->of = focus->number;
		v->begun = 0;
		v->table.held = 0;
		v->forest.memory = focus->memory;
	}
	if (forest_update(&v->forest) < 0 || merge(v) < 0)
		return -1;
	if (v->begun || (v->calls[ALL].n == 0 && !v->focused))
		return lay_out(v);
	if (open_first(v) < 0 || lay_out(v) < 0)
		return -1;
	go_first(v);
	return 0;
}

/* ---- keys -------------------------------------------------------------- */

static struct line *
selected(struct view_tree *v)
{
	long i = table_selected(&v->table);

	return i < 0 || v->line[i].node == CALLTREE_NONE ? NULL : &v->line[i];
}

static const char *
relay(struct view_tree *v)
{
	v->table.held = 1;
	return lay_out(v) < 0 ? "out of memory" : NULL;
}

enum { CLOSE, OPEN, TOGGLE };

static const char *
act_open(void *view, int how)
{
	struct view_tree *v = view;
	struct line *l = selected(v);
	struct table_source s;
	int open;

	if (l == NULL)
		return NULL;
	open = is_open(v, l->part, l->node);
	if (node_of(v, l)->child == CALLTREE_NONE || (how == CLOSE && !open)) {
		/* nothing to close: go to the caller */
		for (size_t i = (size_t)(l - v->line); how == CLOSE && i-- > 0;)
			if (v->line[i].node == node_of(v, l)->parent) {
				table_move(tree_table(v, &s), &s,
				    (long)i - (long)(l - v->line));
				break;
			}
		return NULL;
	}
	if (set_open(v, l->part, l->node, how == TOGGLE ? !open : how) < 0)
		return "out of memory";
	return relay(v);
}

static const char *
act_hot(void *view, int arg)
{
	struct view_tree *v = view;
	struct line *l = selected(v);

	(void)arg;
	return l && open_hot(v, l->part, l->node) < 0 ? "out of memory" : relay(v);
}

static const char *
act_all(void *view, int arg)
{
	struct view_tree *v = view;
	struct line *l = selected(v);
	const struct calltree *c = l ? &v->calls[l->part] : NULL;

	(void)arg;
	for (uint32_t n = l ? l->node : 0; l && n < c->n; n++) {
		uint32_t up = n;

		while (up != CALLTREE_NONE && up > l->node)
			up = c->node[up].parent;
		if (up == l->node && set_open(v, l->part, n, 1) < 0)
			return "out of memory";
	}
	return relay(v);
}

static const char *
act_none(void *view, int arg)
{
	struct view_tree *v = view;

	(void)arg;
	for (enum part part = ALL; part < NPARTS; part++)
		idmap_clear(&v->open[part]);
	return relay(v);
}

static const char *
act_memory(void *view, int arg)
{
	struct view_tree *v = view;

	(void)arg;
	v->forest.memory = !v->forest.memory;
	v->begun = 0;
	return tree_update(v) < 0 ? "out of memory" : NULL;
}

static const char *
act_generic(void *view, int arg)
{
	struct view_tree *v = view;

	(void)arg;
	v->forest.group = v->forest.group == PROFILE_FUNCTION ? PROFILE_GENERIC :
	    PROFILE_FUNCTION;
	v->begun = 0;
	return tree_update(v) < 0 ? "out of memory" : NULL;
}

static const struct view_key keys[] = {
	{ KEYS_ENTER, TOGGLE, act_open, "open or close", "open" },
	{ KEYS_SPACE, TOGGLE, act_open, "open or close", NULL },
	{ KEYS_RIGHT, OPEN, act_open, "open", NULL },
	{ KEYS_LEFT, CLOSE, act_open, "close, or go to the caller", NULL },
	{ 'H', 0, act_hot, "open the hot path below", "hot path" },
	{ '*', 0, act_all, "open all below", NULL },
	{ '0', 0, act_none, "close all", NULL },
	{ 'w', 0, act_memory, "show time or live memory", "memory" },
	{ 'G', 0, act_generic, "merge all instances of generic functions", NULL },
};

/* ---- the view ---------------------------------------------------------- */

static void
tree_close(void *view)
{
	struct view_tree *v = view;

	if (v == NULL)
		return;
	for (enum part part = ALL; part < NPARTS; part++) {
		calltree_free(&v->calls[part]);
		idmap_clear(&v->open[part]);
	}
	forest_free(&v->forest);
	table_free(&v->table);
	free(v->line);
	free(v);
}

static void *
open_either(struct session *session, int focused)
{
	struct view_tree *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	v->forest.session = session;
	v->forest.memory = session_focus(session)->memory;
	v->of = session_focus(session)->number;
	v->focused = focused;
	return v;
}

static void *
tree_open(struct session *session)
{
	return open_either(session, 0);
}

static void *
callers_open(struct session *session)
{
	return open_either(session, 1);
}

static void
tree_draw(void *view, struct grid *g, const struct grid_area *area)
{
	struct view_tree *v = view;
	struct table_source s;
	struct table *t = tree_table(v, &s);

	table_draw(t, &s, g, area);
	if (t->n == 0)
		column_middle(g, area, t->filter ? "nothing matches the filter: F changes it" :
		    v->forest.memory ? "no live memory" : "no samples yet");
}

static void
tree_position(void *view, char *buf, size_t size)
{
	const struct view_tree *v = view;
	const struct table *t = &v->table;

	snprintf(buf, size, "%s of %s %zu/%zu", v->focused ? "callers" : "calls",
	    forest_what(&v->forest), t->n ? t->at + 1 : 0, t->n);
}

static const char *
tree_focus(void *view, const char **module, int *memory)
{
	struct view_tree *v = view;
	struct line *l = selected(v);

	*memory = v->forest.memory;
	return l ? forest_name(&v->forest, node_of(v, l)->row, module) : NULL;
}

static const char *const words[] = {
	"Total%", "with callees",
	"Self%", "without callees",
	"Live", "allocated below and not freed",
	NULL
};

#define COMMON .close = tree_close, .update = tree_update, .table = tree_table, \
	.draw = tree_draw, .position = tree_position, .focus = tree_focus, .key = keys, \
	.nkeys = sizeof keys / sizeof keys[0], .words = words

const struct view_type *
view_tree(void)
{
	static const struct view_type type = { .name = "calls", .open = tree_open, COMMON };

	return &type;
}

const struct view_type *
view_callers(void)
{
	static const struct view_type type = { .name = "callers", .open = callers_open,
		COMMON };

	return &type;
}
