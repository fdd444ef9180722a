/*
 * A one-line text input.
 */
#ifndef PROMPT_H
#define PROMPT_H

#include <stddef.h>

struct grid;
struct grid_area;

/* Zeroed, it is closed. */
struct prompt {
	int kind; /* key that opened it; 0: closed */
	const char *label;
	char text[256];
	size_t len;
};

/* Open the prompt with an initial text.  The caller keeps the label. */
void prompt_begin(struct prompt *p, int kind, const char *label, const char *text);

enum prompt_state {
	PROMPT_OPEN,
	PROMPT_DONE, /* Enter */
	PROMPT_LEFT  /* Escape, or Backspace on an empty line */
};

/* Handle a key of tui/keys.  Once the prompt is closed, kind is 0 and the text remains. */
enum prompt_state prompt_key(struct prompt *p, int key);

/* Draw the prompt, with the end of the text visible. */
void prompt_draw(const struct prompt *p, struct grid *g, const struct grid_area *area);

#endif
