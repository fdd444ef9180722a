#include <stdio.h>
#include <string.h>

#include "base/lines.h"
#include "tap.h"

/* Take all whole lines, joined by "|", into a buffer. */
static const char *
take_all(struct lines *l)
{
	static char buf[256];
	const char *line;
	size_t n;

	buf[0] = '\0';
	while ((line = lines_next(l, &n)))
		snprintf(buf + strlen(buf), sizeof buf - strlen(buf), "%.*s|", (int)n, line);
	return buf;
}

static void
add(struct lines *l, const char *text)
{
	lines_add(l, text, strlen(text));
}

int
main(void)
{
	struct lines l = { .most = 0 };
	char dot[3] = "..";

	ok(strcmp(take_all(&l), "") == 0, "nothing has come");
	add(&l, "one\ntw");
	ok(strcmp(take_all(&l), "one|") == 0, "a line is taken when it is whole");
	add(&l, "o\n\nthree");
	ok(strcmp(take_all(&l), "two||") == 0, "in pieces, and empty");
	lines_end(&l);
	ok(strcmp(take_all(&l), "three|") == 0, "the last one may be cut");
	lines_end(&l);
	ok(strcmp(take_all(&l), "") == 0, "once");
	lines_free(&l);

	l.most = 8;
	add(&l, "1234567\n");
	add(&l, "x\n");
	ok(l.lost == 1, "there is no room for one more");
	ok(strcmp(take_all(&l), "1234567|") == 0, "the others are there");
	add(&l, "12");
	add(&l, "3456789");
	add(&l, "0");
	ok(l.lost == 1, "one that is too long is not lost before its end");
	add(&l, "\nx\n");
	ok(l.lost == 2, "but then");
	ok(strcmp(take_all(&l), "x|") == 0, "the next one is there");
	add(&l, "123456789");
	lines_end(&l);
	ok(l.lost == 3, "its end may be missing, too");
	ok(strcmp(take_all(&l), "") == 0, "and no piece of it is left");
	add(&l, "ab\ncd");
	lines_add(&l, dot, 2);
	add(&l, "\n");
	ok(strcmp(take_all(&l), "ab|cd..|") == 0, "it goes on");
	lines_free(&l);
	return tap_done();
}
