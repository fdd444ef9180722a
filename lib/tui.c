#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "head.h"
#include "keys.h"
#include "page.h"
#include "tui.h"
#include "view.h"
#include "watch.h"

#define SPACED_ROWS 20 /* of the screen, from which there is room for air */
#define AIRY_ROWS 30   /* and for more of it */

struct pane {
	const struct view_type *type;
	void *view;
};

struct tui {
	struct watch *watch;
	struct pane main, info;
	struct pane *shown;  /* NULL: the help */
	struct page *help;
	const char *message; /* until the next key */
	int paused;
	enum tui_wish wish;
};

/* ---- keys -------------------------------------------------------------- */

static const char *
act_pause(void *tui, int arg)
{
	struct tui *t = tui;

	(void)arg;
	if (!t->paused && watch_state(t->watch) >= WATCH_CUT_OFF)
		return "nothing to pause: the recording has ended";
	t->paused = !t->paused;
	if (!t->paused)
		tui_tick(t);
	return NULL;
}

static void
show(struct tui *t, struct pane *pane)
{
	t->shown = t->shown == pane ? &t->main : pane;
	if (t->shown && t->shown->type->update(t->shown->view) < 0)
		t->message = "out of memory";
}

static const char *
act_info(void *tui, int arg)
{
	struct tui *t = tui;

	(void)arg;
	show(t, &t->info);
	return t->message;
}

static const char *
act_help(void *tui, int arg)
{
	struct tui *t = tui;

	(void)arg;
	show(t, NULL);
	return t->message;
}

static const char *
act_wish(void *tui, int wish)
{
	struct tui *t = tui;

	t->wish = (enum tui_wish)wish;
	return NULL;
}

static const char *
act_back(void *tui, int arg)
{
	struct tui *t = tui;

	(void)arg;
	show(t, &t->main);
	return t->message;
}

static const char *
act_scroll(void *page, int lines)
{
	page_scroll(page, lines);
	return NULL;
}

static const char *
act_turn(void *page, int pages)
{
	page_turn(page, pages);
	return NULL;
}

static const char *
act_end(void *page, int last)
{
	page_scroll(page, last < 0 ? -INT_MAX : INT_MAX);
	return NULL;
}

/* Of every screen.  The terminal itself makes signals of ^Z and ^C. */
static const struct view_key common_keys[] = {
	{ 'q', TUI_QUIT, act_wish, "quit", "quit" },
	{ KEYS_CONTROL('c'), TUI_QUIT, act_wish, "quit", NULL },
	{ '?', 0, act_help, "this help", "help" },
	{ 'p', 0, act_pause, "pause: the recording goes on", "pause" },
	{ 'i', 0, act_info, "information: losses, notes, origin", "info" },
	{ KEYS_CONTROL('l'), TUI_REPAIR, act_wish, "draw the screen again", NULL },
	{ KEYS_CONTROL('z'), TUI_NOTHING, act_wish, "suspend", NULL },
};
#define COMMON (sizeof(common_keys) / sizeof(common_keys[0]))

/* Of a text, in front of them. */
static const struct view_key back_keys[] = {
	{ 'q', 0, act_back, "back", "back" },
	{ KEYS_ESC, 0, act_back, "back", NULL },
};
#define BACK (sizeof(back_keys) / sizeof(back_keys[0]))

static const struct view_key text_keys[] = {
	{ 'j', 1, act_scroll, "a line down", "scroll" },
	{ KEYS_DOWN, 1, act_scroll, "a line down", NULL },
	{ 'k', -1, act_scroll, "a line up", "scroll" },
	{ KEYS_UP, -1, act_scroll, "a line up", NULL },
	{ KEYS_PAGE_DOWN, 1, act_turn, "a page down", NULL },
	{ KEYS_SPACE, 1, act_turn, "a page down", NULL },
	{ KEYS_PAGE_UP, -1, act_turn, "a page up", NULL },
	{ 'g', -1, act_end, "the beginning", NULL },
	{ KEYS_HOME, -1, act_end, "the beginning", NULL },
	{ 'G', 1, act_end, "the end", NULL },
	{ KEYS_END, 1, act_end, "the end", NULL },
};
#define TEXT (sizeof(text_keys) / sizeof(text_keys[0]))

static struct page *
text(const struct tui *t)
{
	if (!t->shown)
		return t->help;
	return t->shown->type->page ? t->shown->type->page(t->shown->view) :
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

enum tui_wish
tui_key(struct tui *t, int key)
{
	const struct view_type *type = t->shown ? t->shown->type : NULL;
	struct page *page = text(t);

	t->wish = TUI_NOTHING;
	t->message = NULL;
	if (page && (try_keys(t, text_keys, TEXT, page, key) ||
	    try_keys(t, back_keys, BACK, t, key)))
		return t->wish;
	if (!page && type &&
	    try_keys(t, type->key, type->nkeys, t->shown->view, key))
		return t->wish;
	if (!try_keys(t, common_keys, COMMON, t, key))
		t->message = "no such key here: ? lists them";
	return t->wish;
}

/* ---- the help ---------------------------------------------------------- */

#define HELP_LABEL 14 /* columns */

static void
add_key(char *label, size_t size, int key)
{
	char buf[16];
	size_t used = strlen(label);

	snprintf(label + used, size - used, "%s%s", used ? " " : "",
	    keys_name(key, buf, sizeof(buf)));
}

static void
help_keys(struct page *p, const struct view_key *key, size_t n)
{
	char label[64];

	for (size_t i = 0; i < n; i++) {
		*label = '\0';
		add_key(label, sizeof(label), key[i].key);
		while (i + 1 < n && strcmp(key[i].help, key[i + 1].help) == 0)
			add_key(label, sizeof(label), key[++i].key);
		page_add(p, GRID_KEY, label, HELP_LABEL, key[i].help);
	}
}

static void
help_words(struct page *p, const char *const *word)
{
	for (; word && word[0]; word += 2)
		page_add(p, GRID_STRONG, word[0], HELP_LABEL, word[1]);
}

static struct page *
make_help(const struct view_type *type)
{
	struct page *p = page_open();

	if (!p)
		return NULL;
	help_keys(p, type->key, type->nkeys);
	page_add(p, GRID_PLAIN, NULL, 0, NULL);
	help_keys(p, common_keys, COMMON);
	page_add(p, GRID_PLAIN, NULL, 0, NULL);
	help_words(p, type->words);
	help_words(p, head_words());
	if (page_check(p) == 0)
		return p;
	page_close(p);
	return NULL;
}

/* ---- open and close ----------------------------------------------------- */

static int
pane_open(struct pane *p, const struct view_type *type, struct watch *w)
{
	p->type = type;
	p->view = type->open(w);
	return p->view ? type->update(p->view) : -1;
}

static void
pane_close(struct pane *p)
{
	if (p->type)
		p->type->close(p->view);
}

struct tui *
tui_open(struct watch *w)
{
	struct tui *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->watch = w;
	t->shown = &t->main;
	t->help = make_help(view_cpu());
	if (t->help && pane_open(&t->main, view_cpu(), w) == 0 &&
	    pane_open(&t->info, view_info(), w) == 0)
		return t;
	tui_close(t);
	return NULL;
}

void
tui_close(struct tui *t)
{
	if (!t)
		return;
	pane_close(&t->main);
	pane_close(&t->info);
	page_close(t->help);
	free(t);
}

int
tui_tick(struct tui *t)
{
	int news;

	if (t->paused)
		return 0;
	news = watch_update(t->watch);
	if (news > 0 && t->shown &&
	    t->shown->type->update(t->shown->view) < 0)
		t->message = "out of memory";
	return news != 0 || watch_state(t->watch) == WATCH_STALLED;
}

/* ---- drawing ----------------------------------------------------------- */

static int
draw_hint(struct grid *g, const struct grid_area *area, int x,
    const struct view_key *key, size_t n, size_t i)
{
	char label[64] = "";
	int end = area->x + area->columns - 1;

	for (size_t j = i; j < n; j++)
		if (key[j].hint && strcmp(key[j].hint, key[i].hint) == 0)
			add_key(label, sizeof(label), key[j].key);
	if (x + grid_width(g, label) + 1 + grid_width(g, key[i].hint) > end)
		return x;
	x = grid_put(g, area->y, x, end - x, GRID_KEY, label) + 1;
	return grid_put(g, area->y, x, end - x, GRID_FAINT, key[i].hint) + 2;
}

static int
is_first(const struct view_key *key, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (key[j].hint && strcmp(key[j].hint, key[i].hint) == 0)
			return 0;
	return 1;
}

static int
draw_hints(struct grid *g, const struct grid_area *area, int x,
    const struct view_key *key, size_t n, const struct pane *pane)
{
	for (size_t i = 0; i < n; i++)
		if (key[i].hint && is_first(key, i) &&
		    (!pane || !pane->type->hinted ||
		    pane->type->hinted(pane->view, key[i].key)))
			x = draw_hint(g, area, x, key, n, i);
	return x;
}

static void
draw_foot(const struct tui *t, struct grid *g, const struct grid_area *area)
{
	int x = area->x + 1;

	if (t->message) {
		grid_put(g, area->y, x, area->columns - 2, GRID_STRONG,
		    t->message);
		return;
	}
	if (text(t)) {
		x = draw_hints(g, area, x, text_keys, TEXT, NULL);
		draw_hints(g, area, x, back_keys, BACK, NULL);
		return;
	}
	x = draw_hints(g, area, x, common_keys, COMMON, NULL);
	draw_hints(g, area, x, t->shown->type->key, t->shown->type->nkeys,
	    t->shown);
}

static void
draw_body(const struct tui *t, struct grid *g, const struct grid_area *area)
{
	struct page *page = text(t);

	if (page)
		page_draw(page, g, area);
	else
		t->shown->type->draw(t->shown->view, g, area);
}

/* The head of a table is always as high, that of a text as it needs. */
static void
draw_all(const struct tui *t, struct grid *g)
{
	struct grid_area all = grid_all(g);
	struct grid_area head = { 0, 0, head_rows(t->watch), all.columns };
	struct grid_area foot = { all.rows - 1, 0, 1, all.columns };
	struct grid_area body = { head.rows, 0, 0, all.columns };
	char place[64] = "";

	if (all.rows >= SPACED_ROWS)
		body.y = text(t) ? head.rows + 1 :
		    HEAD_ROWS_MAX + (all.rows >= AIRY_ROWS);
	body.rows = foot.y - body.y;
	draw_body(t, g, &body);
	if (text(t))
		page_place(text(t), place, sizeof(place));
	else
		t->shown->type->place(t->shown->view, place, sizeof(place));
	head_draw(t->watch, t->paused, place, g, &head);
	draw_foot(t, g, &foot);
}

static void
draw_too_small(struct grid *g)
{
	struct grid_area all = grid_all(g);
	char need[64];
	int y = all.rows / 2 - 1;

	snprintf(need, sizeof(need), "%dx%d is needed", TUI_COLUMNS_MIN,
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
	if (all.rows < TUI_ROWS_MIN || all.columns < TUI_COLUMNS_MIN)
		draw_too_small(g);
	else
		draw_all(t, g);
}
