#include "base/lines.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 4096 /* of the first allocation */

/* Make room for n more bytes. Returns 0, or -1: there is none. */
static int
make_room(struct lines *l, size_t n)
{
	size_t room = l->room ? l->room : ROOM;
	char *text;

	if (l->taken) {
		memmove(l->text, l->text + l->taken, l->len - l->taken);
		l->len -= l->taken;
		l->taken = 0;
	}
	if (l->most && n > l->most - l->len)
		return -1;
	while (room - l->len < n)
		room *= 2;
	if (room == l->room)
		return 0;
	text = realloc(l->text, room);
	if (text == NULL)
		return -1;
	l->text = text;
	l->room = room;
	return 0;
}

/* Add bytes up to the end of a line, or drops them and what has come of it. */
static void
add_part(struct lines *l, const char *bytes, size_t n)
{
	int ends = bytes[n - 1] == '\n';

	if (!l->skipping && make_room(l, n) == 0) {
		memcpy(l->text + l->len, bytes, n);
		l->len += n;
		return;
	}
	while (!l->skipping && l->len > l->taken && l->text[l->len - 1] != '\n')
		l->len--;
	l->skipping = !ends;
	l->lost += (unsigned long)ends;
}

void
lines_add(struct lines *l, const char *bytes, size_t n)
{
	while (n) {
		const char *end = memchr(bytes, '\n', n);
		size_t part = end ? (size_t)(end - bytes) + 1 : n;

		add_part(l, bytes, part);
		bytes += part;
		n -= part;
	}
}

void
lines_end(struct lines *l)
{
	if (l->skipping || (l->len > l->taken && l->text[l->len - 1] != '\n'))
		lines_add(l, "\n", 1);
}

const char *
lines_next(struct lines *l, size_t *n)
{
	const char *line, *end;

	if (l->len == l->taken)
		return NULL;
	line = l->text + l->taken;
	end = memchr(line, '\n', l->len - l->taken);
	if (end == NULL)
		return NULL;
	*n = (size_t)(end - line);
	l->taken += *n + 1;
	return line;
}

void
lines_free(struct lines *l)
{
	free(l->text);
	*l = (struct lines){ .most = l->most };
}
