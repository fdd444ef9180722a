#include "stream/backlog.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 65536

struct entry {
	uint64_t time;
	size_t len; /* of the line with its LF, which follows */
};

/* Copy len bytes to the ring, `at` bytes after its head. */
static void
put(struct backlog *b, size_t at, const void *from, size_t len)
{
	size_t start = (b->head + at) % b->room, n = b->room - start;

	if (n > len)
		n = len;
	memcpy(b->buf + start, from, n);
	memcpy(b->buf, (const char *)from + n, len - n);
}

/* Copy len bytes of the ring, `at` bytes after its head. */
static void
get(const struct backlog *b, size_t at, void *to, size_t len)
{
	size_t start = (b->head + at) % b->room, n = b->room - start;

	if (n > len)
		n = len;
	memcpy(to, b->buf + start, n);
	memcpy((char *)to + n, b->buf, len - n);
}

int
backlog_fits(const struct backlog *b, size_t len)
{
	return b->used + sizeof(struct entry) + len + 1 <= b->max;
}

/* Make room for `need` more bytes, which is at most what is left to the maximum. */
static int
grow(struct backlog *b, size_t need)
{
	size_t room = b->room ? b->room : FIRST_ROOM;
	char *buf;

	if (b->used + need <= b->room)
		return 0;
	while (room < b->used + need)
		room *= 2;
	if (room > b->max)
		room = b->max;
	if ((buf = malloc(room)) == NULL)
		return -1;
	if (b->used)
		get(b, 0, buf, b->used);
	free(b->buf);
	b->buf = buf;
	b->room = room;
	b->head = 0;
	return 0;
}

int
backlog_add(struct backlog *b, const char *line, size_t len, uint64_t time)
{
	const struct entry e = { time, len + 1 };

	if (grow(b, sizeof e + e.len) < 0)
		return -1;
	put(b, b->used, &e, sizeof e);
	put(b, b->used + sizeof e, line, len);
	put(b, b->used + sizeof e + len, "\n", 1);
	b->used += sizeof e + e.len;
	return 0;
}

uint64_t
backlog_time(const struct backlog *b)
{
	struct entry e = { 0 };

	if (b->used)
		get(b, 0, &e, sizeof e);
	return e.time;
}

size_t
backlog_take(struct backlog *b, char *buf)
{
	struct entry e;

	if (b->used == 0)
		return 0;
	get(b, 0, &e, sizeof e);
	get(b, sizeof e, buf, e.len);
	b->head = (b->head + sizeof e + e.len) % b->room;
	b->used -= sizeof e + e.len;
	return e.len;
}

void
backlog_clear(struct backlog *b)
{
	free(b->buf);
	*b = (struct backlog){ .max = b->max };
}
