/*
 * The terminal view without a terminal: keys go in, a grid comes out.
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
	TUI_REPAIR, /* draw all of the terminal anew */
	TUI_COPY,   /* tui_copied() belongs into the clipboard */
	TUI_QUIT
};

/* The watch stays the caller's.  NULL: out of memory. */
struct tui *tui_open(struct session *session);
void tui_close(struct tui *t);

enum tui_request tui_key(struct tui *t, int key);

const char *tui_copied(const struct tui *t); /* until the next key */

/* Some time has passed: read what is new.  Whether there is any to draw. */
int tui_tick(struct tui *t);

void tui_draw(struct tui *t, struct grid *g);

#endif
