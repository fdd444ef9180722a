#include "profile/near.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/shorten.h"

#define LENGTH_MAX 63 /* characters that are compared */

void
near_clean(char *message, size_t size)
{
	char *copy = strdup(message);

	if (copy)
		shorten_text(message, size, copy, SIZE_MAX);
	else
		*message = '\0';
	free(copy);
}

const char *
near_last(const char *name)
{
	const char *colons, *last = name;

	while ((colons = strstr(last, "::")))
		last = colons + 2;
	return last;
}

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Returns how many letters have to be added, dropped or replaced to get from a to b, whatever
 * their case. */
static unsigned
distance(const char *a, const char *b)
{
	size_t n = strnlen(a, LENGTH_MAX), m = strnlen(b, LENGTH_MAX);
	unsigned row[LENGTH_MAX + 1];

	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned corner = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned above = row[j];
			int other = tolower((unsigned char)a[i - 1]) !=
			    tolower((unsigned char)b[j - 1]);

			row[j] = least(above + 1, row[j - 1] + 1, corner + (unsigned)other);
			corner = above;
		}
	}
	return row[m];
}

void
near_offer(struct near *near, const char *name)
{
	const char *last = near_last(near->wanted);
	unsigned len = (unsigned)strnlen(last, LENGTH_MAX), far = len < 4 ? 1 : len < 6 ? 2 : len / 3;
	unsigned d = distance(last, near_last(name));
	size_t at;

	if (len && strcasestr(name, last))
		d = d ? 1 : 0;
	else if (d > far || d >= len)
		return;
	for (at = 0; at < near->n; at++)
		if (strcmp(near->name[at], name) == 0)
			return;
	for (at = near->n; at > 0 && (near->distance[at - 1] > d ||
	    (near->distance[at - 1] == d && strcmp(near->name[at - 1], name) > 0)); at--)
		if (at < NEAR_MOST) {
			near->name[at] = near->name[at - 1];
			near->distance[at] = near->distance[at - 1];
		}
	if (at == NEAR_MOST)
		return;
	near->name[at] = name;
	near->distance[at] = d;
	near->n += near->n < NEAR_MOST;
}
