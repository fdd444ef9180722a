/*
 * The warnings about one record: constant strings, in the order in which they
 * arose.  store.h has their form.
 */
#ifndef WARNINGS_H
#define WARNINGS_H

#include <stddef.h>

#define WARNINGS_MAX 6 /* further ones are dropped */

struct warnings {
	const char *text[WARNINGS_MAX + 1]; /* NULL after the last one */
	size_t n;
};

void warnings_clear(struct warnings *w);
/* Add a constant string. */
void warnings_add(struct warnings *w, const char *text);

#endif
