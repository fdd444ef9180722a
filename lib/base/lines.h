/*
 * Lines of text that come in pieces, kept until they are taken.
 */
#ifndef LINES_H
#define LINES_H

#include <stddef.h>

struct lines {
	char *text;
	size_t len, room;
	size_t most;        /* bytes that are kept; 0: no limit */
	size_t taken;       /* bytes of lines that have been taken */
	int skipping;       /* the rest of a line that there was no room for */
	unsigned long lost; /* such lines */
};

/* Add a piece. Beyond l->most, or where memory is short, it is lost. */
void lines_add(struct lines *l, const char *bytes, size_t n);

/* Add the end of the line where the last one was cut. */
void lines_end(struct lines *l);

/* Take the next whole line. Returns it, without its end, and its length in *n;
 * it is valid until more is added. NULL: there is none. */
const char *lines_next(struct lines *l, size_t *n);

void lines_free(struct lines *l);

#endif
