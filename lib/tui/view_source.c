#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/units.h"
#include "profile/inuse.h"
#include "profile/profile.h"
#include "symbol/shorten.h"
#include "tui/column.h"
#include "tui/grid.h"
#include "tui/session.h"
#include "tui/table.h"
#include "tui/view.h"

/*
 * The source file of the focused function, with time and live memory of each line.
 */

#define FILE_MAX_BYTES (8 << 20)
#define HOT 100 /* a hot line has one part in so many of all */

enum column { TOTAL, SELF, LIVE, NUMBER, TEXT, NCOLUMNS };

struct line {
	const char *text;
	uint64_t total, self, live;
};

struct view_source {
	struct session *session;
	unsigned of;     /* number of the session's focus */
	char *file;      /* path, or NULL */
	uint64_t first;  /* the function's costliest line; 0: unknown */
	char *text;      /* NULL: unreadable, see `why` */
	const char *why;
	struct line *line;
	size_t n, room;
	uint64_t whole, live;
	struct table table;
	int positioned;      /* the function's line has been selected */
	int centred;         /* and scrolled into the middle */
};

static const struct table_column columns[NCOLUMNS] = {
	{ "Total%", 8, 1, 0 }, { "Self%", 6, 1, 0 }, { "Live", 6, 1, 72 }, { "Line", 6, 1, 0 },
	{ "Source", 0, 0, 0 },
};

/* ---- the file ---------------------------------------------------------- */

static int
is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Find the file and line where the function has most of its time or else allocates. */
static int
find_file(struct view_source *v, const struct session_focus *focus)
{
	struct profile *p = session_profile(v->session);
	const struct profile_row *row;
	const struct inuse_row *heap;
	const char *file = NULL;
	struct inuse *u;
	size_t n;

	v->first = 0;
	if (focus->function == NULL)
		return 0;
	if (profile_regroup(p, PROFILE_FUNCTION) < 0)
		return -1;
	for (row = profile_rows(p, &n); file == NULL && n--; row++)
		if (is_same(row->name, focus->function) && is_same(row->module, focus->module)) {
			file = row->file;
			v->first = row->line;
		}
	u = file ? NULL : session_inuse(v->session, PROFILE_FUNCTION);
	heap = u ? inuse_rows(u, &n) : NULL;
	for (; heap && file == NULL && n--; heap++)
		if (is_same(heap->name, focus->function)) {
			file = heap->file;
			v->first = heap->line;
		}
	v->file = file ? strdup(file) : NULL;
	return file && v->file == NULL ? -1 : 0;
}

static int
split(struct view_source *v)
{
	char *p = v->text, *end;

	for (v->n = 0; *p; p = end) {
		if (array_room(&v->line, v->n, &v->room, sizeof *v->line) < 0)
			return -1;
		v->line[v->n++] = (struct line){ .text = p };
		end = p + strcspn(p, "\n");
		if (*end)
			*end++ = '\0';
	}
	return 0;
}

/* Read a file.  NUL bytes and tabs become blanks. */
static char *
slurp(const char *path, const char **why)
{
	struct stat st;
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t n;

	*why = "cannot be read here";
	if (f && fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode)) {
		*why = "is too large";
		if (st.st_size <= FILE_MAX_BYTES)
			text = malloc((size_t)st.st_size + 1);
	}
	if (text) {
		n = fread(text, 1, (size_t)st.st_size, f);
		text[n] = '\0';
		for (size_t i = 0; i < n; i++)
			if (text[i] == '\0' || text[i] == '\t')
				text[i] = ' ';
	}
	if (f)
		fclose(f);
	return text;
}

static int
load(struct view_source *v, const struct session_focus *focus)
{
	free(v->file);
	free(v->text);
	v->file = v->text = NULL;
	v->n = 0;
	v->positioned = v->centred = 0;
	v->why = NULL;
	v->table.held = 0;
	v->of = focus->number;
	if (find_file(v, focus) < 0)
		return -1;
	if (v->file)
		v->text = slurp(v->file, &v->why);
	return v->text ? split(v) : 0;
}

/* ---- costs of lines ---------------------------------------------------- */

static struct line *
line_of(struct view_source *v, const char *file, uint64_t number)
{
	return number && number <= v->n && is_same(file, v->file) ? &v->line[number - 1] : NULL;
}

static int
count(struct view_source *v)
{
	struct profile *p = session_profile(v->session);
	const struct profile_row *row;
	const struct inuse_row *heap;
	struct inuse *u = session_inuse(v->session, PROFILE_LINE);
	struct line *l;
	size_t n;

	if (profile_regroup(p, PROFILE_LINE) < 0)
		return -1;
	for (size_t i = 0; i < v->n; i++)
		v->line[i].total = v->line[i].self = v->line[i].live = 0;
	v->whole = session_summary(v->session)->ns;
	for (row = profile_rows(p, &n); n--; row++)
		if ((l = line_of(v, row->file, row->line))) {
			/* functions on one line may call each other */
			l->total = l->total > row->total ? l->total : row->total;
			l->self += row->self;
		}
	v->live = u ? inuse_summary(u)->all.live : 0;
	heap = u ? inuse_rows(u, &n) : NULL;
	for (; heap && n--; heap++)
		if ((l = line_of(v, heap->file, heap->line)))
			l->live += heap->self.live;
	return 0;
}

/* ---- the table --------------------------------------------------------- */

static unsigned
row_id(const void *rows, size_t i)
{
	(void)rows;
	return (unsigned)i;
}

static int
row_compare(const void *rows, size_t a, size_t b, int column)
{
	const struct view_source *v = rows;
	const struct line *x = &v->line[a], *y = &v->line[b];
	uint64_t p = column == TOTAL ? x->total : column == SELF ? x->self :
	    column == LIVE ? x->live : 0;
	uint64_t q = column == TOTAL ? y->total : column == SELF ? y->self :
	    column == LIVE ? y->live : 0;

	if (p != q)
		return p > q ? -1 : 1;
	return a < b ? -1 : a > b;
}

static const char *
row_text(const void *rows, size_t i)
{
	return ((const struct view_source *)rows)->line[i].text;
}

/* Returns the style of a line's text: the heat of its own time or live bytes. */
static int
text_style(const struct view_source *v, const struct line *l)
{
	int style = l->self ? column_heat(l->self, v->whole) : column_heat(l->live, v->live);

	if (style != GRID_FAINT)
		return style;
	return l->total || l->self || l->live ? GRID_PLAIN : GRID_FAINT;
}

static void
row_draw(const void *rows, size_t i, int column, struct grid *g,
    const struct grid_area *cell)
{
	const struct view_source *v = rows;
	const struct line *l = &v->line[i];
	char buf[UNITS_MAX];

	switch ((enum column)column) {
	case TOTAL:
		if (l->total)
			column_percent(g, cell, l->total, v->whole);
		break;
	case SELF:
		if (l->self)
			column_percent(g, cell, l->self, v->whole);
		break;
	case LIVE:
		if (l->live)
			grid_put_right(g, cell->y, cell->x, cell->columns - 1,
			    column_heat(l->live, v->live), units_size(buf, l->live));
		break;
	case NUMBER:
		snprintf(buf, sizeof buf, "%zu", i + 1);
		grid_put_right(g, cell->y, cell->x, cell->columns - 1, GRID_FRAME, buf);
		break;
	default:
		grid_put(g, cell->y, cell->x, cell->columns, text_style(v, l), l->text);
	}
}

static struct table *
source_table(void *view, struct table_source *s)
{
	struct view_source *v = view;

	*s = (struct table_source){ v, v->n, row_id, row_compare, row_draw, columns, NCOLUMNS,
		row_text, NULL, NULL };
	return &v->table;
}

static int
source_update(void *view)
{
	struct view_source *v = view;
	const struct session_focus *focus = session_focus(v->session);
	struct table_source s;
	struct table *t;

	if ((v->of != focus->number && load(v, focus) < 0) || count(v) < 0)
		return -1;
	t = source_table(v, &s);
	if (table_update(t, &s) < 0)
		return -1;
	if (!v->positioned && v->first && v->first <= v->n && t->sort == NUMBER && t->filter == NULL) {
		v->positioned = 1;
		table_first(t, &s);
		table_move(t, &s, (long)v->first - 1);
	}
	return 0;
}

/* ---- keys -------------------------------------------------------------- */

static int
is_hot(const struct view_source *v, size_t i)
{
	const struct line *l = &v->line[i];

	return (l->self && l->self * HOT >= v->whole) || (l->live && l->live * HOT >= v->live);
}

/* Select the next hot line, or with -1 the previous one. */
static const char *
act_hot(void *view, int by)
{
	struct view_source *v = view;
	struct table_source s;
	struct table *t = source_table(v, &s);

	for (size_t i = t->at + (size_t)by; i < t->n; i += (size_t)by)
		if (is_hot(v, t->order[i])) {
			table_move(t, &s, (long)i - (long)t->at);
			return NULL;
		}
	return by > 0 ? "no hot line below" : "no hot line above";
}

static const struct view_key keys[] = {
	{ '}', 1, act_hot, "next hot line: with a hundredth of all", "hot line" },
	{ '{', -1, act_hot, "previous hot line", NULL },
};

/* ---- the view ---------------------------------------------------------- */

static void
source_close(void *view)
{
	struct view_source *v = view;

	if (v == NULL)
		return;
	table_free(&v->table);
	free(v->line);
	free(v->text);
	free(v->file);
	free(v);
}

static void *
source_open(struct session *session)
{
	struct view_source *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	v->session = session;
	v->table.sort = NUMBER;
	v->of = session_focus(session)->number - 1;
	return v;
}

static void
source_draw(void *view, struct grid *g, const struct grid_area *area)
{
	struct view_source *v = view;
	const char *function = session_focus(v->session)->function;
	struct table_source s;
	struct table *t = source_table(v, &s);
	char text[COLUMN_SIZE + 64], name[COLUMN_SIZE];

	if (t->n) {
		if (v->positioned && !v->centred)
			t->top = t->at > (size_t)area->rows / 2 ? t->at - (size_t)area->rows / 2 : 0;
		v->centred = v->positioned;
		table_draw(t, &s, g, area);
		return;
	}
	column_shorten(name, v->file ? v->file : function ? function : "?", v->file != NULL,
	    area->columns > 40 ? area->columns - 40 : 8);
	if (v->file)
		snprintf(text, sizeof text, "%s %s", name, v->why ? v->why : "has no such lines");
	else
		snprintf(text, sizeof text, "no source file is known for %s", name);
	column_middle(g, area, text);
}

static void
source_position(void *view, char *buf, size_t size)
{
	const struct view_source *v = view;
	const struct table *t = &v->table;
	char name[160];

	shorten_source(name, sizeof name, v->file ? v->file : "source", 36);
	snprintf(buf, size, "%s %zu/%zu", name, t->n ? t->order[t->at] + 1 : 0, v->n);
}

static const char *const words[] = {
	"Total%", "share of time with the line anywhere on the stack",
	"Self%", "share of time in the line itself",
	"Live", "allocated by it and not freed",
	NULL
};

const struct view_type *
view_source(void)
{
	static const struct view_type type = {
		.name = "source", .open = source_open, .close = source_close,
		.update = source_update, .table = source_table, .draw = source_draw,
		.position = source_position, .words = words, .key = keys,
		.nkeys = sizeof keys / sizeof keys[0],
	};

	return &type;
}
