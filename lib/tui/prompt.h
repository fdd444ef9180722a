/*
 * A line that is being typed at the foot of the screen.
 */
#ifndef PROMPT_H
#define PROMPT_H

#include <stddef.h>

struct grid;
struct grid_area;

/* Zeroed, nothing is being typed. */
struct prompt {
	int kind; /* the key that has asked for it; 0: nothing is typed */
	const char *label;
	char text[256];
	size_t len;
};

/* label and text stand there at first; the label stays the caller's. */
void prompt_begin(struct prompt *p, int kind, const char *label, const char *text);

enum prompt_state {
	PROMPT_OPEN,
	PROMPT_DONE, /* Enter */
	PROMPT_LEFT  /* Escape, or one more backspace than there is to delete */
};

/* With a key, as in keys.h.  kind is 0 when it is not open any more; the text stays. */
enum prompt_state prompt_key(struct prompt *p, int key);

/* The end of what is typed is seen. */
void prompt_draw(const struct prompt *p, struct grid *g, const struct grid_area *area);

#endif
