/*
 * What is wrong with one record: constant strings, in the order in which it
 * was found.  See save.h for what they say.
 */
#ifndef WARNINGS_H
#define WARNINGS_H

#include <stddef.h>

#define WARNINGS_MOST 6 /* further ones are dropped */

struct warnings {
	const char *text[WARNINGS_MOST + 1]; /* NULL after the last one */
	size_t n;
};

void warnings_clear(struct warnings *c);
void warnings_add(struct warnings *c, const char *text);

#endif
