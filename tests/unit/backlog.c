/* stream/backlog: what goes in comes out, in its order, in no more than its memory. */
#include "stream/backlog.h"

#include <stdlib.h>
#include <string.h>

#include "stream/rec.h"
#include "tap.h"

#define MAX 200000
#define LINES 100000

/* Make the text of line i in buf.  Returns its length. */
static size_t
text(char *buf, unsigned i)
{
	size_t len = i % 97 == 0 ? 20000 + i % 7 : i % 251;

	for (size_t k = 0; k < len; k++)
		buf[k] = (char)('a' + (i + k) % 26);
	return len;
}

int
main(void)
{
	static char line[REC_LINE_MAX], got[REC_LINE_MAX];
	struct backlog b = { .max = MAX };
	unsigned in = 0, out = 0, wrong = 0, failed = 0;
	size_t most = 0, len;

	ok(backlog_take(&b, got) == 0 && backlog_time(&b) == 0, "it is empty");
	srand(1);
	while (out < LINES) {
		len = text(line, in);
		if (in < LINES && backlog_fits(&b, len) && (in == out || rand() % 3)) {
			failed += backlog_add(&b, line, len, in + 1) < 0;
			in++;
		} else {
			len = text(line, out);
			line[len] = '\n';
			wrong += backlog_time(&b) != out + 1;
			wrong += backlog_take(&b, got) != len + 1 || memcmp(got, line, len + 1) != 0;
			out++;
		}
		if (b.room > most)
			most = b.room;
	}
	ok(failed == 0, "what fits is taken");
	ok(wrong == 0, "lines and times come out as they went in");
	ok(most == MAX, "it grows to its maximum and no further");
	ok(b.used == 0 && backlog_take(&b, got) == 0, "nothing is left");
	ok(!backlog_fits(&b, MAX), "a line that is too long does not fit");
	backlog_clear(&b);
	return tap_done();
}
