/*
 * The terminal: shows a grid and reads keys.  The only user of ncursesw.
 *
 * Between screen_open() and screen_close() the signals HUP, INT, QUIT, TERM, TSTP and
 * WINCH are blocked and delivered as events, so the terminal is always restored.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include <stddef.h>

struct grid;
struct screen;

enum screen_event {
	SCREEN_NONE,   /* timeout */
	SCREEN_KEY,
	SCREEN_RESIZE, /* redraw: the size may have changed */
	SCREEN_SIGNAL  /* request to end; the terminal's end counts as SIGHUP */
};

/*
 * Take over the terminal on standard output.  Keys are read from standard input or, if
 * that is not a terminal, from /dev/tty.  NO_COLOR in the environment disables colors.
 * On failure nothing has changed, NULL is returned and `why` (of `size` bytes) has the
 * reason.
 */
struct screen *screen_open(char *why, size_t size);

/* Restore the terminal.  NULL is allowed. */
void screen_close(struct screen *s);

void screen_size(const struct screen *s, int *rows, int *columns);
void screen_draw(struct screen *s, const struct grid *g);
void screen_redraw(struct screen *s); /* make the next draw repaint everything */

/* Copy a text to the terminal's clipboard by OSC 52.  Some terminals ask first or ignore it. */
void screen_copy(struct screen *s, const char *text);

/* Wait for an event, at most `milliseconds`.  *value is the key (see tui/keys) or
 * signal.  Suspension by ^Z is over when it returns. */
enum screen_event screen_wait(struct screen *s, int milliseconds, int *value);

#endif
