#include "tui/tui.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "profile/inuse.h"
#include "profile/profile.h"
#include "tui/export.h"
#include "tui/grid.h"
#include "tui/keyhelp.h"
#include "tui/keys.h"
#include "tui/overview.h"
#include "tui/page.h"
#include "tui/pager.h"
#include "tui/prompt.h"
#include "tui/session.h"
#include "tui/status.h"
#include "tui/table.h"
#include "tui/timeline.h"
#include "tui/view.h"

/*
 * The view is a stack of panes, one per view type, opened when first shown; `shown` is
 * the current one and `before` the one that "back" returns to.  Help covers it while
 * `help` is set.  A key is looked up in a list of tables: those of a text, or of the
 * view, its table, search and timeline, and then the common ones.  The same tables
 * print help and hints.  `request` is what the key asks of the terminal.
 */

#define SPACED_ROWS 20 /* height from which there are blank rows */
#define OVERVIEW_ROWS 22  /* height from which there is an overview */
#define AIRY_ROWS 30   /* height from which it has two rows */

struct pane {
	const struct view_type *type;
	void *view;
};

/* m cycles through the first views. */
#define CYCLE 3
#define MEMORY 1
#define TREE 3
#define CALLERS 4
#define FLAME 5
#define SOURCE 6
#define DIFF 7
static const struct view_type *(*const types[])(void) = {
	view_cpu, view_memory, view_both, view_tree, view_callers, view_flame,
	view_source, view_diff, view_info
};
#define PANES (sizeof types / sizeof types[0])
#define INFO (PANES - 1)

struct tui {
	struct session *session;
	struct pane pane[PANES];
	struct pane *shown, *before; /* before: for "back"; or NULL */
	struct pager *help;           /* shown instead of the view; NULL: not shown */
	struct prompt prompt;
	char wanted[256];            /* last pattern searched for */
	char filter[256];
	const char *message;         /* until the next key */
	char text[512];              /* memory of a composed message */
	char *copied;                /* NULL: nothing */
	int rows, columns, utf8;     /* of the last drawing */
	int paused;
	int can_inside, agreeing;    /* TUI_INSIDE can be done; the next key says whether */
	enum tui_request request;
};

static struct pager *make_help(const struct tui *t);

static const char *
update(struct tui *t)
{
	return t->shown->type->update(t->shown->view) < 0 ? "out of memory" : NULL;
}

/* ---- tables ------------------------------------------------------------ */

/* The current table, for its keys. */
struct sheet {
	struct tui *tui;
	struct table *table;
	struct table_source source;
};

/* Find the current table.  Returns 0 if the view has none. */
static int
find_sheet(struct tui *t, struct sheet *s)
{
	const struct view_type *type = t->shown->type;

	s->tui = t;
	s->table = type->table ? type->table(t->shown->view, &s->source) : NULL;
	return s->table != NULL;
}

/* Apply the filter, which is common to all tables. */
static const char *
refilter(struct tui *t)
{
	struct sheet s;

	return find_sheet(t, &s) && table_filter(s.table, t->filter) < 0 ? "out of memory" :
	    update(t);
}

static const char *
act_move(void *sheet, int by)
{
	struct sheet *s = sheet;

	table_move(s->table, &s->source, by);
	return NULL;
}

static const char *
act_page(void *sheet, int halves)
{
	struct sheet *s = sheet;
	long page = s->table->page > 1 ? (long)s->table->page : 2;

	table_move(s->table, &s->source, halves * page / 2);
	return NULL;
}

static const char *
act_row(void *sheet, int last)
{
	struct sheet *s = sheet;

	(last ? table_last : table_first)(s->table, &s->source);
	return NULL;
}

static const char *
resort(struct sheet *s)
{
	return table_update(s->table, &s->source) < 0 ? "out of memory" : NULL;
}

static const char *
act_sort(void *sheet, int arg)
{
	struct sheet *s = sheet;

	(void)arg;
	table_sort_next(s->table, &s->source);
	return resort(s);
}

static const char *
act_reverse(void *sheet, int arg)
{
	struct sheet *s = sheet;

	(void)arg;
	s->table->reverse ^= 1;
	return resort(s);
}

static const char *
act_copy(void *sheet, int arg)
{
	struct sheet *s = sheet;
	struct tui *t = s->tui;

	(void)arg;
	free(t->copied);
	t->copied = export_row(s->table, &s->source);
	if (t->copied == NULL)
		return "no row to copy";
	t->request = TUI_COPY;
	return "copied, if the terminal supports it (OSC 52)";
}

static const char *
act_prompt(void *tui, int kind)
{
	struct tui *t = tui;

	prompt_begin(&t->prompt, kind, kind == 'F' ? "filter" : "search",
	    kind == 'F' ? t->filter : "");
	return NULL;
}

static const char *
act_filter(void *sheet, int arg)
{
	(void)arg;
	return act_prompt(((struct sheet *)sheet)->tui, 'F');
}

static const char *
act_find(void *tui, int direction)
{
	struct tui *t = tui;
	const struct view_type *type = t->shown->type;
	struct sheet s;
	int r = -1;

	if (!*t->wanted)
		return "nothing to search for: start with /";
	if (find_sheet(t, &s))
		r = table_find(s.table, &s.source, t->wanted, direction);
	else if (type->find)
		r = type->find(t->shown->view, t->wanted, direction);
	return r < 0 ? "not found" : NULL;
}

static const struct view_key table_keys[] = {
	{ 'j', 1, act_move, "next row", NULL },
	{ KEYS_DOWN, 1, act_move, "next row", NULL },
	{ 'k', -1, act_move, "previous row", NULL },
	{ KEYS_UP, -1, act_move, "previous row", NULL },
	{ KEYS_PAGE_DOWN, 2, act_page, "page down, half a page down", NULL },
	{ KEYS_CONTROL('d'), 1, act_page, "page down, half a page down", NULL },
	{ KEYS_PAGE_UP, -2, act_page, "page up, half a page up", NULL },
	{ KEYS_CONTROL('u'), -1, act_page, "page up, half a page up", NULL },
	{ KEYS_HOME, 0, act_row, "first row", NULL },
	{ KEYS_END, 1, act_row, "last row", NULL },
	{ 's', 0, act_sort, "sort by the next column", "sort" },
	{ 'S', 0, act_reverse, "reverse the order", NULL },
	{ 'y', 0, act_copy, "copy the row to the clipboard", NULL },
};
#define TABLE (sizeof table_keys / sizeof table_keys[0])

/* Keys of tables and of other views with names. */
static const struct view_key search_keys[] = {
	{ '/', '/', act_prompt, "search by name", "search" },
	{ 'n', 1, act_find, "next match", NULL },
	{ 'N', -1, act_find, "previous match", NULL },
};
#define SEARCH (sizeof search_keys / sizeof search_keys[0])

/* Further keys of tables. */
static const struct view_key filter_keys[] = {
	{ 'F', 0, act_filter, "filter by name: a text or regular expression", "filter" },
};
#define FILTER (sizeof filter_keys / sizeof filter_keys[0])

/* ---- the prompt -------------------------------------------------------- */

static const char *
set_filter(struct tui *t, const char *text)
{
	snprintf(t->filter, sizeof t->filter, "%s", text);
	return refilter(t);
}

static const char *
search(struct tui *t, const char *text)
{
	if (*text)
		snprintf(t->wanted, sizeof t->wanted, "%s", text);
	return act_find(t, 1);
}

/* Handle a key of the prompt.  A filter is applied while it is typed. */
static const char *
type_key(struct tui *t, int key)
{
	int kind = t->prompt.kind;
	enum prompt_state state = prompt_key(&t->prompt, key);

	if (kind == 'F')
		return set_filter(t, state == PROMPT_LEFT ? "" : t->prompt.text);
	return state == PROMPT_DONE ? search(t, t->prompt.text) : NULL;
}

/* ---- keys -------------------------------------------------------------- */

static const char *
act_pause(void *tui, int arg)
{
	struct tui *t = tui;

	(void)arg;
	if (!t->paused && session_state(t->session) >= SESSION_CUT_OFF)
		return "nothing to pause: the recording has ended";
	t->paused = !t->paused;
	if (!t->paused)
		tui_tick(t);
	return NULL;
}

/* Show a view, opening it the first time. */
static const char *
show(struct tui *t, size_t i)
{
	struct pane *p = &t->pane[i];

	if (p->view == NULL)
		p->view = p->type->open(t->session);
	if (p->view == NULL)
		return "out of memory";
	if (t->shown != p)
		t->before = t->shown;
	t->shown = p;
	return refilter(t);
}

static const char *
act_show(void *tui, int i)
{
	return show(tui, (size_t)i);
}

/* Focus the selected function. */
static const char *
focus(struct tui *t)
{
	const struct pane *p = t->shown;
	const char *module = NULL, *function = NULL;
	int memory = 0;

	if (p && p->view && p->type->focus)
		function = p->type->focus(p->view, &module, &memory);
	if (function == NULL)
		return "select a function first";
	return session_set_focus(t->session, function, module, memory) < 0 ? "out of memory" :
	    NULL;
}

static const char *
act_calls(void *tui, int i)
{
	struct tui *t = tui;
	const char *why = focus(t);

	return why && (i == CALLERS || i == SOURCE) ? why : show(t, (size_t)i);
}

static const char *
act_cycle(void *tui, int arg)
{
	struct tui *t = tui;
	size_t i = (size_t)(t->shown - t->pane);

	(void)arg;
	return show(t, i < CYCLE ? (i + 1) % CYCLE : 0);
}

static void
close_help(struct tui *t)
{
	pager_close(t->help);
	t->help = NULL;
}

static const char *
act_back(void *tui, int arg)
{
	struct tui *t = tui;

	(void)arg;
	if (t->help == NULL)
		return show(t, t->before ? (size_t)(t->before - t->pane) : 0);
	close_help(t);
	return NULL;
}

static const char *
act_info(void *tui, int arg)
{
	struct tui *t = tui;

	(void)arg;
	return t->shown == &t->pane[INFO] ? act_back(t, 0) : show(t, INFO);
}

static const char *
act_help(void *tui, int arg)
{
	struct tui *t = tui;

	(void)arg;
	if (t->help)
		return act_back(t, 0);
	t->help = make_help(t);
	return t->help ? NULL : "out of memory";
}

static const char *
act_collapse(void *tui, int arg)
{
	struct tui *t = tui;
	struct profile *p = session_profile(t->session);
	const char *why;

	(void)arg;
	if (profile_collapse(p, !profile_is_collapsed(p)) < 0)
		return "out of memory";
	why = update(t);
	return why ? why : profile_is_collapsed(p) ?
	    "collapsed: std, runtimes and allocators count for callers" :
	    "expanded: std, runtimes and allocators are shown";
}

static const char *
act_request(void *tui, int request)
{
	struct tui *t = tui;

	t->request = (enum tui_request)request;
	return NULL;
}

static const char *
act_scroll(void *pager, int lines)
{
	pager_scroll(pager, lines);
	return NULL;
}

static const char *
act_turn(void *pager, int pages)
{
	pager_turn(pager, pages);
	return NULL;
}

static const char *
act_end(void *pager, int last)
{
	pager_scroll(pager, last < 0 ? -INT_MAX : INT_MAX);
	return NULL;
}

/* ---- sampling inside the process ----------------------------------------- */

/* Ask whether to sample inside the process, or say how. */
static const char *
act_inside(void *tui, int arg)
{
	struct tui *t = tui;
	const char *pid = session_pid(t->session);

	(void)arg;
	if (session_state(t->session) >= SESSION_CUT_OFF || pid == NULL)
		return "nothing to change: the recording has ended";
	if (session_is_inside(t->session))
		return "allocations are sampled inside the process already";
	if (!t->can_inside) {
		snprintf(t->text, sizeof t->text, "type: sudo rsprof attach -I %s: that samples "
		    "inside it", pid);
		return t->text;
	}
	t->agreeing = 1;
	snprintf(t->text, sizeof t->text, "lead malloc and free of process %s through code "
	    "written into it? (y/n)", pid);
	return t->text;
}

static const char *
agree(struct tui *t, int key)
{
	t->agreeing = 0;
	if (key != 'y' && key != 'Y')
		return "nothing is changed";
	t->can_inside = 0;
	t->request = TUI_INSIDE;
	return "asked for: a note will say whether it could be done";
}

void
tui_allow_inside(struct tui *t, int can)
{
	t->can_inside = can;
}

/* ---- export ------------------------------------------------------------ */

static int
write_text(void *tui, FILE *out)
{
	struct tui *t = tui;
	struct grid *g = grid_open(t->rows, t->columns, t->utf8);
	char *screen = NULL;

	if (g) {
		tui_draw(t, g);
		screen = grid_text(g);
		grid_close(g);
	}
	if (screen)
		fputs(screen, out);
	free(screen);
	return screen ? 0 : -1;
}

static int
write_table(void *sheet, FILE *out)
{
	struct sheet *s = sheet;

	return export_csv(out, s->table, &s->source);
}

static int
write_svg(void *tui, FILE *out)
{
	struct tui *t = tui;

	return t->shown->type->svg(t->shown->view, out);
}

static int
write_page(void *tui, FILE *out)
{
	struct tui *t = tui;

	return page_write(t->session, out);
}

/* Write the pictures of a view that has some; the page is made by other programs, and by
 * what they can do. */
static int
export_pictures(struct tui *t, const char *name, char *names, size_t size)
{
	if (t->shown->type->svg == NULL)
		return 0;
	if (export_file(name, "svg", write_svg, t, names, size) < 0)
		return -1;
	if (export_file(name, "html", write_page, t, names, size) < 0)
		snprintf(names + strlen(names), size - strlen(names), " (rsprof flame has failed)");
	return 0;
}

static const char *
act_export(void *tui, int arg)
{
	struct tui *t = tui;
	const char *name = t->shown->type->name;
	char names[400] = "";
	struct sheet s;

	(void)arg;
	if (export_file(name, "txt", write_text, t, names, sizeof names) < 0 ||
	    (find_sheet(t, &s) &&
	        export_file(name, "csv", write_table, &s, names, sizeof names) < 0) ||
	    export_pictures(t, name, names, sizeof names) < 0)
		snprintf(t->text, sizeof t->text, "cannot export here: %s", strerror(errno));
	else
		snprintf(t->text, sizeof t->text, "written: %s", names);
	return t->text;
}

/* Keys of every view.  The terminal itself turns ^Z and ^C into signals. */
static const struct view_key common_keys[] = {
	{ 'q', TUI_QUIT, act_request, "quit", "quit" },
	{ KEYS_CONTROL('c'), TUI_QUIT, act_request, "quit", NULL },
	{ '?', 0, act_help, "this help", "help" },
	{ '1', 0, act_show, "time on and off the CPU", NULL },
	{ '2', 1, act_show, "memory", NULL },
	{ '3', 2, act_show, "both, by function", NULL },
	{ 'm', 0, act_cycle, "next of these views", "view" },
	{ 't', TREE, act_calls, "call tree", "tree" },
	{ 'c', CALLERS, act_calls, "callers and callees of the selected function", "callers" },
	{ 'f', FLAME, act_calls, "flame graph", "flame" },
	{ 'o', SOURCE, act_calls, "source of the selected function, with costs per line",
	    NULL },
	{ 'd', DIFF, act_show, "changes between two recordings or ranges", NULL },
	{ 'x', 0, act_collapse, "show std, runtimes and allocators, or collapse them", "expand" },
	{ 'e', 0, act_export, "export the view: text, CSV, SVG, HTML", NULL },
	{ 'p', 0, act_pause, "pause the display, not the recording", "pause" },
	{ 'I', 0, act_inside, "sample allocations inside the process: what is live, at less cost",
	    NULL },
	{ 'i', 0, act_info, "information: origin, losses, notes", "info" },
	{ KEYS_CONTROL('l'), TUI_REPAIR, act_request, "redraw the screen", NULL },
	{ KEYS_CONTROL('z'), TUI_NOTHING, act_request, "suspend", NULL },
};
#define COMMON (sizeof common_keys / sizeof common_keys[0])
#define FIRST 12 /* hinted before those of the view */

/* Further keys of a text. */
static const struct view_key back_keys[] = {
	{ 'q', 0, act_back, "back", "back" },
	{ KEYS_ESC, 0, act_back, "back", NULL },
};
#define BACK (sizeof back_keys / sizeof back_keys[0])

static const struct view_key text_keys[] = {
	{ 'j', 1, act_scroll, "line down", "scroll" },
	{ KEYS_DOWN, 1, act_scroll, "line down", NULL },
	{ 'k', -1, act_scroll, "line up", "scroll" },
	{ KEYS_UP, -1, act_scroll, "line up", NULL },
	{ KEYS_PAGE_DOWN, 1, act_turn, "page down", NULL },
	{ KEYS_SPACE, 1, act_turn, "page down", NULL },
	{ KEYS_PAGE_UP, -1, act_turn, "page up", NULL },
	{ 'g', -1, act_end, "beginning", NULL },
	{ KEYS_HOME, -1, act_end, "beginning", NULL },
	{ 'G', 1, act_end, "end", NULL },
	{ KEYS_END, 1, act_end, "end", NULL },
};
#define TEXT (sizeof text_keys / sizeof text_keys[0])

static struct pager *
text(const struct tui *t)
{
	if (t->help)
		return t->help;
	return t->shown->type->pager ? t->shown->type->pager(t->shown->view) :
	    NULL;
}

static int
try_keys(struct tui *t, const struct view_key *keys, size_t n, void *on,
    int key)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].key == key) {
			t->message = keys[i].act(on, keys[i].arg);
			return 1;
		}
	return 0;
}

/* Try the keys of the timeline.  They can change what is selected, and with it the rows. */
static int
try_timeline_keys(struct tui *t, int key)
{
	const struct view_type *type = t->shown->type;
	const struct view_key *keys;
	struct timeline_source source;
	struct timeline_at at = { .source = &source };
	const char *why;
	size_t n;

	if (type->timeline == NULL)
		return 0;
	keys = timeline_keys(&n);
	at.timeline = type->timeline(t->shown->view, &source);
	if (!try_keys(t, keys, n, &at, key))
		return 0;
	why = update(t);
	t->message = why ? why : t->message;
	return 1;
}

static int
try_view_keys(struct tui *t, int key)
{
	const struct view_type *type = t->shown->type;
	struct sheet s;

	return try_keys(t, type->key, type->nkeys, t->shown->view, key) ||
	    (find_sheet(t, &s) && (try_keys(t, table_keys, TABLE, &s, key) ||
	        try_keys(t, filter_keys, FILTER, &s, key))) ||
	    ((type->table || type->find) && try_keys(t, search_keys, SEARCH, t, key)) ||
	    try_timeline_keys(t, key);
}

/* Scroll the text or table, or move as by the arrow keys. */
static const char *
wheel(struct tui *t, int up)
{
	struct pager *pager = text(t);
	struct sheet s;
	int by = up ? -3 : 3;

	if (pager)
		return act_scroll(pager, by);
	if (find_sheet(t, &s))
		return act_move(&s, by);
	try_view_keys(t, up ? KEYS_UP : KEYS_DOWN);
	return t->message;
}

/* Handle the mouse: the wheel scrolls; a click selects a row or box, sorts by a column,
 * or is in the chart. */
static const char *
mouse(struct tui *t, int key)
{
	const struct view_type *type = t->shown->type;
	enum keys_mouse what = KEYS_MOUSE_WHAT(key);
	int y = KEYS_MOUSE_Y(key), x = KEYS_MOUSE_X(key);
	struct timeline_source chart;
	struct sheet s;

	if (what == KEYS_WHEEL_UP || what == KEYS_WHEEL_DOWN)
		return wheel(t, what == KEYS_WHEEL_UP);
	if (text(t))
		return NULL;
	if (type->timeline &&
	    timeline_mouse(type->timeline(t->shown->view, &chart), what == KEYS_RELEASE, y, x))
		return update(t);
	if (what != KEYS_PRESS)
		return NULL;
	if (find_sheet(t, &s))
		return table_click(s.table, &s.source, y, x) ? resort(&s) : NULL;
	if (type->click)
		type->click(t->shown->view, y, x);
	return NULL;
}

static int
try_text_keys(struct tui *t, struct pager *pager, int key)
{
	if (try_keys(t, text_keys, TEXT, pager, key) || try_keys(t, back_keys, BACK, t, key))
		return 1;
	if (t->help && key != '?')
		close_help(t);
	return 0;
}

enum tui_request
tui_key(struct tui *t, int key)
{
	struct pager *pager = text(t);

	t->request = TUI_NOTHING;
	t->message = NULL;
	if (KEYS_MOUSE_IS(key))
		t->message = mouse(t, key);
	else if (t->agreeing)
		t->message = agree(t, key);
	else if (t->prompt.kind)
		t->message = type_key(t, key);
	else if (!(pager ? try_text_keys(t, pager, key) : try_view_keys(t, key)) &&
	    !try_keys(t, common_keys, COMMON, t, key))
		t->message = "no such key: ? lists them";
	return t->request;
}

/* ---- the help ---------------------------------------------------------- */

#define HELP_COLUMNS 60 /* of a column of it, where there is room for two */

/* Build the help for what is shown. */
static struct pager *
make_help(const struct tui *t)
{
	const struct view_type *type = t->shown->type;
	const struct view_key *keys;
	struct pager *p = pager_open();
	size_t n;

	if (p == NULL)
		return NULL;
	pager_fold(p, HELP_COLUMNS);
	keyhelp_help(p, common_keys, COMMON);
	keyhelp_help(p, type->key, type->nkeys);
	if (type->table) {
		keyhelp_title(p, "Table");
		keyhelp_help(p, table_keys, TABLE);
	}
	if (type->table || type->find)
		keyhelp_help(p, search_keys, SEARCH);
	if (type->table)
		keyhelp_help(p, filter_keys, FILTER);
	if (type->timeline) {
		keyhelp_title(p, "Chart");
		keys = timeline_keys(&n);
		keyhelp_help(p, keys, n);
	}
	keyhelp_title(p, "Words");
	keyhelp_words(p, type->words);
	keyhelp_words(p, overview_words());
	keyhelp_words(p, status_words());
	if (pager_check(p) == 0)
		return p;
	pager_close(p);
	return NULL;
}

/* ---- open and close ----------------------------------------------------- */

/* Returns the first view to show: changes if there is something to compare with, memory
 * if that is all there is, else time. */
static size_t
first_pane(struct session *session)
{
	const struct profile_summary *s = session_summary(session);
	struct inuse *u;

	if (session_other(session) || session_baseline(session))
		return DIFF;
	if (s->samples || s->off || session_state(session) < SESSION_CUT_OFF)
		return 0;
	u = session_inuse(session, PROFILE_FUNCTION);
	return u && inuse_any(u) ? MEMORY : 0;
}

struct tui *
tui_open(struct session *session)
{
	struct tui *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->session = session;
	for (size_t i = 0; i < PANES; i++)
		t->pane[i].type = types[i]();
	if (show(t, first_pane(session)) == NULL)
		return t;
	tui_close(t);
	return NULL;
}

void
tui_close(struct tui *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < PANES; i++)
		t->pane[i].type->close(t->pane[i].view);
	pager_close(t->help);
	free(t->copied);
	free(t);
}

const char *
tui_copied(const struct tui *t)
{
	return t->copied;
}

int
tui_tick(struct tui *t)
{
	int news;

	if (t->paused)
		return 0;
	news = session_update(t->session);
	if (news > 0 && update(t))
		t->message = "out of memory";
	return news != 0 || session_state(t->session) == SESSION_STALLED;
}

/* ---- drawing ----------------------------------------------------------- */

static void
draw_foot(const struct tui *t, struct grid *g, const struct grid_area *area)
{
	const struct view_type *type = t->shown->type;
	const struct view_key *keys;
	int x = area->x + 1;
	size_t n;

	if (t->prompt.kind) {
		prompt_draw(&t->prompt, g, area);
		return;
	}
	if (t->message) {
		grid_put(g, area->y, x, area->columns - 2, GRID_STRONG,
		    t->message);
		return;
	}
	if (text(t)) {
		x = keyhelp_hints(g, area, x, text_keys, TEXT, NULL, NULL);
		keyhelp_hints(g, area, x, back_keys, BACK, NULL, NULL);
		return;
	}
	x = keyhelp_hints(g, area, x, common_keys, FIRST, NULL, NULL);
	x = keyhelp_hints(g, area, x, type->key, type->nkeys, type->hinted, t->shown->view);
	if (type->table)
		x = keyhelp_hints(g, area, x, table_keys, TABLE, NULL, NULL);
	if (type->table || type->find)
		x = keyhelp_hints(g, area, x, search_keys, SEARCH, NULL, NULL);
	if (type->table)
		x = keyhelp_hints(g, area, x, filter_keys, FILTER, NULL, NULL);
	if (type->timeline) {
		keys = timeline_keys(&n);
		x = keyhelp_hints(g, area, x, keys, n, NULL, NULL);
	}
	keyhelp_hints(g, area, x, common_keys + FIRST, COMMON - FIRST, NULL, NULL);
}

static void
draw_body(const struct tui *t, struct grid *g, const struct grid_area *area)
{
	struct pager *pager = text(t);

	if (pager)
		pager_draw(pager, g, area);
	else
		t->shown->type->draw(t->shown->view, g, area);
}

static void
append(char *buf, size_t size, const char *text)
{
	size_t used = strlen(buf);

	snprintf(buf + used, size - used, "%s", text);
}

/* Format the position, after the limits on what is shown. */
static void
position(const struct tui *t, char *buf, size_t size)
{
	const struct profile *p = session_profile(t->session);
	const struct profile_select *s = profile_selected(p);
	char at[128] = "", range[UNITS_MAX];

	*buf = '\0';
	if (text(t)) {
		pager_position(text(t), buf, size);
		return;
	}
	if (s->from || s->to != UINT64_MAX) {
		append(buf, size, units_range(range, s->from, s->to));
		append(buf, size, "  ");
	}
	if (s->thread != PROFILE_ALL)
		append(buf, size, "one thread  ");
	if (!profile_is_collapsed(p))
		append(buf, size, "expanded  ");
	else if (session_summary(t->session)->ns && !session_collapses(t->session))
		append(buf, size, "all frames  ");
	if (*t->filter && t->shown->type->table)
		append(buf, size, "filtered  ");
	t->shown->type->position(t->shown->view, at, sizeof at);
	append(buf, size, at);
}

static int
overview_rows(const struct tui *t, int rows)
{
	return text(t) || rows < OVERVIEW_ROWS ? 0 : rows < AIRY_ROWS ? 1 : 2;
}

/* Lay out the screen.  Tables start at a constant row, a text where the status lines end. */
static void
draw_all(const struct tui *t, struct grid *g)
{
	struct grid_area all = grid_all(g);
	struct grid_area status = { 0, 0, status_rows(t->session), all.columns };
	struct grid_area foot = { all.rows - 1, 0, 1, all.columns };
	struct grid_area overview = { STATUS_ROWS_MAX, 0, overview_rows(t, all.rows), all.columns };
	struct grid_area body = { status.rows, 0, 0, all.columns };
	char where[192];

	if (all.rows >= SPACED_ROWS)
		body.y = text(t) ? status.rows + 1 : overview.y + overview.rows;
	body.rows = foot.y - body.y;
	draw_body(t, g, &body);
	if (overview.rows)
		overview_draw(t->session, g, &overview);
	position(t, where, sizeof where);
	status_draw(t->session, t->paused, where, g, &status);
	draw_foot(t, g, &foot);
}

static void
draw_too_small(struct grid *g)
{
	struct grid_area all = grid_all(g);
	char need[64];
	int y = all.rows / 2 - 1;

	snprintf(need, sizeof need, "needs %dx%d", TUI_COLUMNS_MIN,
	    TUI_ROWS_MIN);
	y = y < 0 ? 0 : y;
	grid_printf(g, y, 0, all.columns, GRID_STRONG, "too small: %dx%d",
	    all.columns, all.rows);
	grid_put(g, y + 1, 0, all.columns, GRID_PLAIN, need);
}

void
tui_draw(struct tui *t, struct grid *g)
{
	struct grid_area all = grid_all(g);

	grid_clear(g);
	t->rows = all.rows;
	t->columns = all.columns;
	t->utf8 = grid_utf8(g);
	if (all.rows < TUI_ROWS_MIN || all.columns < TUI_COLUMNS_MIN)
		draw_too_small(g);
	else
		draw_all(t, g);
}
