#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pattern.h"
#include "base/units.h"
#include "tui/column.h"
#include "tui/forest.h"
#include "tui/grid.h"
#include "tui/keys.h"
#include "tui/session.h"
#include "tui/view.h"

#define ABOVE 2 /* rows of callers above the node selected at first */

/*
 * A flame graph that grows downwards: callees below their callers, each as wide as its
 * share of what is measured, the widest at the left.
 */

/* Nodes are renumbered by each merge, so they are remembered by key. */
struct view_flame {
	struct forest forest;
	struct calltree calls;
	uint64_t zoom, at;  /* keys; 0: everything, and where calls branch */
	unsigned of;        /* number of the session's focus */
	unsigned top;       /* depth of the first visible row */
	struct grid_area drawn; /* the boxes, when last drawn */
};

static uint32_t
find(const struct view_flame *v, uint64_t key)
{
	for (uint32_t i = 0; key && i < v->calls.n; i++)
		if (v->calls.node[i].key == key)
			return i;
	return CALLTREE_NONE;
}

static const struct calltree_node *
node(const struct view_flame *v, uint32_t i)
{
	return &v->calls.node[i];
}

/* Returns the selected node, within the zoomed one. */
static uint32_t
selected(const struct view_flame *v)
{
	uint32_t at = v->at ? find(v, v->at) : calltree_parting(&v->calls), zoom = find(v, v->zoom), up;

	for (up = at; up != CALLTREE_NONE && zoom != CALLTREE_NONE && up != zoom;)
		up = node(v, up)->parent;
	if (at != CALLTREE_NONE && (zoom == CALLTREE_NONE || up == zoom))
		return at;
	return zoom != CALLTREE_NONE ? zoom : v->calls.n ? v->calls.root : CALLTREE_NONE;
}

static int
flame_update(void *view)
{
	struct view_flame *v = view;
	const struct session_focus *focus = session_focus(v->forest.session);

	if (v->of != focus->number) {
		v->of = focus->number;
		v->forest.memory = focus->memory;
	}
	return forest_update(&v->forest) < 0 ? -1 : calltree_down(&v->calls, &v->forest.stacks);
}

/* ---- drawing ----------------------------------------------------------- */

struct canvas {
	struct grid *g;
	struct grid_area area;
	uint64_t whole; /* value of the full width */
	uint32_t at;
};

static int
column(const struct grid_area *area, uint64_t value, uint64_t whole)
{
	double part = whole ? (double)value / (double)whole : 0;

	return (int)(part * area->columns + 0.5);
}

/* Returns the color of a function, the same in all of its boxes. */
static int
style(const struct calltree_node *n)
{
	static const int styles[] = { GRID_FLAME_HOT, GRID_FLAME_WARM, GRID_FLAME_MILD };

	return styles[(n->row * 2654435761u >> 16) % 3];
}

static void
draw_box(const struct view_flame *v, const struct canvas *c, uint32_t i, uint64_t left)
{
	const struct calltree_node *n = node(v, i);
	int x = column(&c->area, left, c->whole);
	int end = column(&c->area, left + n->total, c->whole);
	int y = (int)n->depth - (int)v->top;
	struct grid_area box = { c->area.y + y, c->area.x + x, 1, end - x };
	const char *module, *name = forest_name(&v->forest, n->row, &module);
	char buf[COLUMN_SIZE];

	if (end <= x || y < 0 || y >= c->area.rows)
		return;
	grid_fill(c->g, box, style(n), L' ');
	grid_put(c->g, box.y, box.x, 1, style(n), grid_utf8(c->g) ? "▏" : "|");
	if (box.columns > 2) {
		column_shorten(buf, name ? name : "?", 0, box.columns - 1);
		grid_put(c->g, box.y, box.x + 1, box.columns - 1, style(n), buf);
	}
	if (i == c->at)
		grid_add_style(c->g, box, GRID_SELECTED);
}

/* Set where each child begins, given where its parent does. */
static void
lay_out_children(const struct view_flame *v, uint64_t *left, uint32_t first,
    uint64_t begin)
{
	for (uint32_t i = first; i != CALLTREE_NONE; i = node(v, i)->sibling) {
		left[i] = begin;
		begin += node(v, i)->total;
	}
}

/* Compute where each node begins, UINT64_MAX outside of the zoomed one.  Parents come
 * before their children.  Returns NULL if out of memory; the caller frees it. */
static uint64_t *
lay_out(const struct view_flame *v, uint32_t zoom)
{
	uint64_t *left = malloc((v->calls.n + 1) * sizeof *left);

	if (left == NULL)
		return NULL;
	memset(left, 0xff, (v->calls.n + 1) * sizeof *left);
	if (zoom == CALLTREE_NONE)
		lay_out_children(v, left, v->calls.n ? v->calls.root : CALLTREE_NONE, 0);
	else
		left[zoom] = 0;
	for (uint32_t i = 0; i < v->calls.n; i++)
		if (left[i] != UINT64_MAX)
			lay_out_children(v, left, node(v, i)->child, left[i]);
	return left;
}

static int
draw_graph(const struct view_flame *v, const struct canvas *c, uint32_t zoom)
{
	uint64_t *left = lay_out(v, zoom);

	for (uint32_t i = 0; left && i < v->calls.n; i++)
		if (left[i] != UINT64_MAX)
			draw_box(v, c, i, left[i]);
	free(left);
	return left ? 0 : -1;
}

/* Draw the callers of the zoomed node, at full width. */
static void
draw_callers(const struct view_flame *v, struct canvas *c, uint32_t zoom)
{
	struct canvas wide = *c;

	for (uint32_t i = node(v, zoom)->parent; i != CALLTREE_NONE; i = node(v, i)->parent) {
		wide.whole = node(v, i)->total;
		draw_box(v, &wide, i, 0);
	}
}

/* Draw a line with the figures of the selected node. */
static void
draw_line(const struct view_flame *v, struct grid *g, const struct grid_area *area,
    uint32_t at)
{
	uint64_t whole = forest_whole(&v->forest, v->calls.total);
	const struct calltree_node *n = node(v, at);
	const char *module, *name = forest_name(&v->forest, n->row, &module);
	struct grid_area cell = { area->y, area->x, 1, 9 };
	int x = area->x + 1, end = area->x + area->columns - 1;
	char buf[COLUMN_SIZE];

	forest_figure(&v->forest, g, &cell, n->total, whole);
	x = grid_put(g, area->y, cell.x + 9, end - x, GRID_FAINT, "total");
	cell.x = x;
	forest_figure(&v->forest, g, &cell, n->self, whole);
	x = grid_put(g, area->y, cell.x + 9, end - x, GRID_FAINT, "self  ");
	column_shorten(buf, name ? name : "?", 0, end - x);
	grid_put(g, area->y, x, end - x, GRID_STRONG, buf);
}

static unsigned
deepest(const struct view_flame *v)
{
	unsigned deep = 0;

	for (uint32_t i = 0; i < v->calls.n; i++)
		deep = node(v, i)->depth > deep ? node(v, i)->depth : deep;
	return deep;
}

/* Scroll to the selected node.  Until the user moves, prefer rows below it to rows above. */
static void
follow(struct view_flame *v, uint32_t at, int rows)
{
	unsigned depth = node(v, at)->depth;

	if (!v->at && !v->zoom && rows > 0)
		v->top = deepest(v) < (unsigned)rows || depth < ABOVE ? 0 : depth - ABOVE;
	if (depth < v->top)
		v->top = depth;
	if (rows > 0 && depth >= v->top + (unsigned)rows)
		v->top = depth - (unsigned)rows + 1;
}

static void
flame_draw(void *view, struct grid *g, const struct grid_area *area)
{
	struct view_flame *v = view;
	uint32_t zoom = find(v, v->zoom), at = selected(v);
	struct canvas c = { g, { area->y + 1, area->x, area->rows - 1, area->columns },
		v->calls.total, at };

	if (at == CALLTREE_NONE || v->calls.total == 0) {
		column_middle(g, area, v->forest.memory ? "no live memory" :
		    "no samples yet");
		return;
	}
	draw_line(v, g, area, at);
	follow(v, at, c.area.rows);
	v->drawn = c.area;
	if (zoom != CALLTREE_NONE) {
		draw_callers(v, &c, zoom);
		c.whole = node(v, zoom)->total;
	}
	if (draw_graph(v, &c, zoom) < 0)
		column_middle(g, area, "out of memory");
}

/* ---- SVG --------------------------------------------------------------- */

#define SVG_WIDTH 1200.0
#define SVG_ROW 18
#define SVG_LETTER 7.2

static void
put_escaped(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		default: putc(*text, out);
		}
}

/* Write a name cut to a number of columns, made as harmless as on the screen.  Returns
 * 0, or -1 if out of memory. */
static int
put_name(FILE *out, const char *name, int columns)
{
	char buf[COLUMN_SIZE], *text;
	struct grid *g = grid_open(1, columns, 1);

	if (g == NULL)
		return -1;
	column_shorten(buf, name ? name : "?", 0, columns);
	grid_put(g, 0, 0, columns, GRID_PLAIN, buf);
	text = grid_text(g);
	grid_close(g);
	if (text == NULL)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	put_escaped(out, text);
	free(text);
	return 0;
}

static int
put_box(const struct view_flame *v, FILE *out, uint32_t i, uint64_t left, uint64_t whole,
    unsigned top)
{
	static const char *const colour[] = { "#e8a0a0", "#f0c060", "#d9d080" };
	const struct calltree_node *n = node(v, i);
	double x = SVG_WIDTH * (double)left / (double)whole;
	double width = SVG_WIDTH * (double)n->total / (double)whole;
	int y = (int)(n->depth - top) * SVG_ROW, letters = (int)(width / SVG_LETTER) - 1;
	const char *module, *name = forest_name(&v->forest, n->row, &module);
	int r;

	if (width < 0.2)
		return 0;
	fprintf(out, "<g><rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"%s\" "
	    "stroke=\"#fff\" stroke-width=\"0.5\"/><title>", x, y, width, SVG_ROW - 1,
	    colour[style(n) - GRID_FLAME_HOT]);
	r = put_name(out, name, COLUMN_COLUMNS);
	fprintf(out, ": %.2f%% total, %.2f%% self</title>",
	    units_percent(n->total, forest_whole(&v->forest, v->calls.total)),
	    units_percent(n->self, forest_whole(&v->forest, v->calls.total)));
	if (letters > 2) {
		fprintf(out, "<text x=\"%.2f\" y=\"%d\">", x + 3, y + SVG_ROW - 5);
		r |= put_name(out, name, letters);
		fputs("</text>", out);
	}
	fputs("</g>\n", out);
	return r;
}

/* Write the graph, with the zoomed node as wide as the picture. */
static int
flame_svg(void *view, FILE *out)
{
	const struct view_flame *v = view;
	uint32_t zoom = find(v, v->zoom);
	uint64_t whole = zoom == CALLTREE_NONE ? v->calls.total : node(v, zoom)->total;
	unsigned top = zoom == CALLTREE_NONE ? 0 : node(v, zoom)->depth, deep = top;
	uint64_t *left = lay_out(v, zoom);
	int r = 0;

	if (left == NULL)
		return -1;
	for (uint32_t i = 0; i < v->calls.n; i++)
		if (left[i] != UINT64_MAX && node(v, i)->depth > deep)
			deep = node(v, i)->depth;
	fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%u\" "
	    "font-family=\"monospace\" font-size=\"12\">\n", SVG_WIDTH,
	    (deep - top + 1) * SVG_ROW);
	for (uint32_t i = 0; whole && r == 0 && i < v->calls.n; i++)
		if (left[i] != UINT64_MAX)
			r = put_box(v, out, i, left[i], whole, top);
	fputs("</svg>\n", out);
	free(left);
	return r;
}

/* ---- keys -------------------------------------------------------------- */

static const char *
go(struct view_flame *v, uint32_t to)
{
	if (to != CALLTREE_NONE)
		v->at = node(v, to)->key;
	return NULL;
}

static const char *
act_down(void *view, int arg)
{
	struct view_flame *v = view;
	uint32_t at = selected(v);

	(void)arg;
	return at == CALLTREE_NONE ? NULL : go(v, node(v, at)->child);
}

/* Move to the caller, zooming out if that is outside of the zoomed node. */
static const char *
act_up(void *view, int arg)
{
	struct view_flame *v = view;
	uint32_t at = selected(v), parent = at == CALLTREE_NONE ? at : node(v, at)->parent;

	(void)arg;
	if (parent != CALLTREE_NONE && node(v, at)->key == v->zoom)
		v->zoom = node(v, parent)->parent == CALLTREE_NONE ? 0 : node(v, parent)->key;
	return go(v, parent);
}

static const char *
act_side(void *view, int by)
{
	struct view_flame *v = view;
	uint32_t at = selected(v), i;

	if (at == CALLTREE_NONE || node(v, at)->key == v->zoom)
		return NULL;
	if (by > 0)
		return go(v, node(v, at)->sibling);
	i = node(v, at)->parent == CALLTREE_NONE ? v->calls.root :
	    node(v, node(v, at)->parent)->child;
	while (i != at && node(v, i)->sibling != at)
		i = node(v, i)->sibling;
	return go(v, i);
}

static const char *
act_zoom(void *view, int in)
{
	struct view_flame *v = view;
	uint32_t at = selected(v);

	v->zoom = in && at != CALLTREE_NONE ? node(v, at)->key : 0;
	v->top = 0;
	return NULL;
}

static const char *
act_memory(void *view, int arg)
{
	struct view_flame *v = view;

	(void)arg;
	v->forest.memory = !v->forest.memory;
	v->zoom = v->at = 0;
	return flame_update(v) < 0 ? "out of memory" : NULL;
}

static const char *
act_generic(void *view, int arg)
{
	struct view_flame *v = view;

	(void)arg;
	v->forest.group = v->forest.group == PROFILE_FUNCTION ? PROFILE_GENERIC :
	    PROFILE_FUNCTION;
	v->zoom = v->at = 0;
	return flame_update(v) < 0 ? "out of memory" : NULL;
}

/* Returns the caller of the zoomed node that is drawn at a depth. */
static uint32_t
caller_at(const struct view_flame *v, uint32_t zoom, unsigned depth)
{
	uint32_t i = zoom;

	while (i != CALLTREE_NONE && node(v, i)->depth > depth)
		i = node(v, i)->parent;
	return i;
}

static uint32_t
box_at(const struct view_flame *v, uint32_t zoom, unsigned depth, int x)
{
	uint64_t whole = zoom == CALLTREE_NONE ? v->calls.total : node(v, zoom)->total;
	uint64_t *left = lay_out(v, zoom);
	uint32_t found = CALLTREE_NONE;

	for (uint32_t i = 0; left && i < v->calls.n; i++)
		if (left[i] != UINT64_MAX && node(v, i)->depth == depth &&
		    column(&v->drawn, left[i], whole) <= x &&
		    column(&v->drawn, left[i] + node(v, i)->total, whole) > x)
			found = i;
	free(left);
	return found;
}

/* Select the box at (y, x), or zoom into it if it is selected already. */
static int
flame_click(void *view, int y, int x)
{
	struct view_flame *v = view;
	const struct grid_area *a = &v->drawn;
	uint32_t zoom = find(v, v->zoom), at;
	unsigned depth = v->top + (unsigned)(y - a->y);

	if (y < a->y || y >= a->y + a->rows || x < a->x || x >= a->x + a->columns)
		return 0;
	if (zoom != CALLTREE_NONE && depth < node(v, zoom)->depth) {
		at = caller_at(v, zoom, depth);
		v->zoom = at == CALLTREE_NONE ? 0 : node(v, at)->key;
	} else {
		at = box_at(v, zoom, depth, x - a->x);
		if (at != CALLTREE_NONE && at == selected(v))
			v->zoom = node(v, at)->key;
	}
	go(v, at);
	return 1;
}

/* Search the nodes in order of their numbers, wrapping around.  A match outside of the
 * zoomed node ends the zoom. */
static int
flame_find(void *view, const char *text, int direction)
{
	struct view_flame *v = view;
	struct pattern *p = pattern_new(text);
	uint32_t n = (uint32_t)v->calls.n, at = selected(v), i = at;
	const char *module;
	uint32_t tried;

	for (tried = 0; p && at != CALLTREE_NONE && tried < n; tried++) {
		i = (direction < 0 ? i + n - 1 : i + 1) % n;
		if (pattern_matches(p, forest_name(&v->forest, node(v, i)->row, &module)))
			break;
	}
	pattern_free(p);
	if (p == NULL || at == CALLTREE_NONE || tried >= n)
		return -1;
	v->at = node(v, i)->key;
	if (selected(v) != i)
		v->zoom = 0;
	return 0;
}

static const struct view_key keys[] = {
	{ KEYS_ENTER, 1, act_zoom, "zoom in", "zoom" },
	{ KEYS_BACKSPACE, 0, act_zoom, "zoom out", NULL },
	{ '=', 0, act_zoom, "zoom out", "all" },
	{ 'j', 0, act_down, "to the largest callee", "move" },
	{ KEYS_DOWN, 0, act_down, "to the largest callee", NULL },
	{ 'k', 0, act_up, "to the caller", "move" },
	{ KEYS_UP, 0, act_up, "to the caller", NULL },
	{ 'h', -1, act_side, "to the left", "move" },
	{ KEYS_LEFT, -1, act_side, "to the left", NULL },
	{ 'l', 1, act_side, "to the right", "move" },
	{ KEYS_RIGHT, 1, act_side, "to the right", NULL },
	{ 'w', 0, act_memory, "show time or live memory", "memory" },
	{ 'G', 0, act_generic, "merge all instances of generic functions", NULL },
};

/* ---- the view ---------------------------------------------------------- */

static void
flame_close(void *view)
{
	struct view_flame *v = view;

	if (v == NULL)
		return;
	calltree_free(&v->calls);
	forest_free(&v->forest);
	free(v);
}

static void *
flame_open(struct session *session)
{
	struct view_flame *v = calloc(1, sizeof *v);

	if (v)
		v->forest.session = session;
	return v;
}

static void
flame_position(void *view, char *buf, size_t size)
{
	const struct view_flame *v = view;

	snprintf(buf, size, "flame graph of %s", forest_what(&v->forest));
}

static const char *
flame_focus(void *view, const char **module, int *memory)
{
	struct view_flame *v = view;
	uint32_t at = selected(v);

	*memory = v->forest.memory;
	return at == CALLTREE_NONE ? NULL : forest_name(&v->forest, node(v, at)->row, module);
}

static const char *const words[] = {
	"total", "with callees",
	"self", "without callees",
	NULL
};

const struct view_type *
view_flame(void)
{
	static const struct view_type type = {
		.name = "flame", .open = flame_open, .close = flame_close,
		.update = flame_update, .draw = flame_draw, .position = flame_position, .svg = flame_svg,
		.find = flame_find, .click = flame_click,
		.focus = flame_focus, .key = keys, .nkeys = sizeof keys / sizeof keys[0],
		.words = words,
	};

	return &type;
}
