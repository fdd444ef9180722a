/*
 * What is wrong with one record: constant strings, in the order in which it
 * was found.  See save.h for what they say.
 */
#ifndef COMPLAINTS_H
#define COMPLAINTS_H

#include <stddef.h>

#define COMPLAINTS_MOST 6 /* further ones are dropped */

struct complaints {
	const char *text[COMPLAINTS_MOST + 1]; /* NULL after the last one */
	size_t n;
};

void complaints_clear(struct complaints *c);
void complaints_add(struct complaints *c, const char *text);

#endif
