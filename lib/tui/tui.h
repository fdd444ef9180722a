/*
 * The view without a terminal: keys go in, a grid comes out.
 */
#ifndef TUI_H
#define TUI_H

struct grid;
struct tui;
struct session;

#define TUI_ROWS_MIN 8
#define TUI_COLUMNS_MIN 40

enum tui_request {
	TUI_NOTHING,
	TUI_REPAIR, /* repaint the whole terminal */
	TUI_COPY,   /* copy tui_copied() to the clipboard */
	TUI_INSIDE, /* have allocations sampled inside the process: the user has agreed */
	TUI_QUIT
};

/* Create the view.  The caller keeps the session.  Returns NULL if out of memory. */
struct tui *tui_open(struct session *session);
void tui_close(struct tui *t);

/* Say whether TUI_INSIDE can be done.  At first it cannot, and the user is told how else. */
void tui_allow_inside(struct tui *t, int can);

enum tui_request tui_key(struct tui *t, int key);

const char *tui_copied(const struct tui *t); /* valid until the next key */

/* Read new rows.  Returns whether the screen has to be drawn.  To be called now and then. */
int tui_tick(struct tui *t);

void tui_draw(struct tui *t, struct grid *g);

#endif
