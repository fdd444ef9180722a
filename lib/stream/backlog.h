/*
 * Lines that wait in a queue of bounded size, the oldest first, each with its time.
 */
#ifndef BACKLOG_H
#define BACKLOG_H

#include <stddef.h>
#include <stdint.h>

/* With `max` set and all else zeroed, it is empty. */
struct backlog {
	size_t max; /* bytes that it may have, at least those of the longest line */
	char *buf;  /* a ring of entries: a time, a length, a line */
	size_t room, head, used;
};

/* Returns whether a line of len bytes fits. */
int backlog_fits(const struct backlog *b, size_t len);
/* Add a line that fits, which gets an LF.  Returns -1 when out of memory. */
int backlog_add(struct backlog *b, const char *line, size_t len, uint64_t time);

/* Returns the time of the first line, or 0 where there is none. */
uint64_t backlog_time(const struct backlog *b);
/* Move the first line, with its LF, to buf, which has room for REC_LINE_MAX bytes.  Returns its
 * length, or 0 where there is none. */
size_t backlog_take(struct backlog *b, char *buf);

void backlog_clear(struct backlog *b);

#endif
