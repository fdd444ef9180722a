/*
 * The terminal: shows a grid, reads keys.  The one user of ncursesw.
 *
 * Between screen_open() and screen_close() the signals HUP, INT, QUIT, TERM,
 * TSTP and WINCH are blocked and become events, so that the terminal is never left
 * in a state of ours.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include <stddef.h>

struct grid;
struct screen;

enum screen_event {
	SCREEN_NONE,   /* time is up */
	SCREEN_KEY,
	SCREEN_RESIZE, /* the size may have changed, or all must be drawn again */
	SCREEN_SIGNAL  /* asked to end; the terminal's end counts as SIGHUP */
};

/*
 * Take over the terminal of standard output; keys come from standard input,
 * or from /dev/tty where that is no terminal.  NO_COLOR in the environment turns colours
 * off.
 * NULL: why (of `size` bytes) says it, and nothing was changed.
 */
struct screen *screen_open(char *why, size_t size);

/* Give it back as it was.  NULL is allowed. */
void screen_close(struct screen *s);

void screen_size(const struct screen *s, int *rows, int *columns);
void screen_draw(struct screen *s, const struct grid *g);
void screen_redraw(struct screen *s); /* the next draw repairs everything */

/* Put a text into the terminal's clipboard, by what xterm calls OSC 52; many terminals
 * take it, some ask, some do nothing. */
void screen_copy(struct screen *s, const char *text);

/* Wait at most so many milliseconds.  *value is the key (see tui/keys) or the
 * signal.  What ^Z asks for has been done when it comes back. */
enum screen_event screen_wait(struct screen *s, int milliseconds, int *value);

#endif
