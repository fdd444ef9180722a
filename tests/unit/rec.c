/*
 * The record stream: the very lines of rsprof-records(5), bad lines, limits,
 * and that portions of any size give the same records.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream/rec.h"
#include "tap.h"

#define HEAD "rsprof\t1\tcpu\tmono=1\twall=2\n"

/* What a reader saw: records printed again, and complaints. */
struct seen {
	char text[1 << 20], bad[4096];
	size_t used, nbad, n[REC_NTYPES];
	unsigned long badline;
	int stop_at;
};

static struct seen seen;

static int
on_record(void *ctx, const struct rec *r)
{
	struct seen *s = ctx;

	s->n[r->type]++;
	s->used += rec_print(s->text + s->used, sizeof s->text - s->used, r);
	s->text[s->used] = '\0';
	return s->stop_at && --s->stop_at == 0;
}

static void
on_bad(void *ctx, unsigned long line, const char *why)
{
	struct seen *s = ctx;

	s->nbad++;
	s->badline = line;
	snprintf(s->bad, sizeof s->bad, "%s", why);
}

/* Read a text in portions; what rec_reader_error() said, or "". */
static const char *
feed(const char *text, size_t len, size_t portion)
{
	static char error[256];
	struct rec_sink sink = { on_record, on_bad, &seen };
	struct rec_reader *r = rec_reader_new(&sink);

	memset(&seen, 0, offsetof(struct seen, stop_at));
	for (size_t at = 0; at < len; at += portion)
		if (rec_push(r, text + at, len - at < portion ? len - at : portion) < 0)
			break;
	error[0] = '\0';
	if (rec_push_end(r) < 0)
		snprintf(error, sizeof error, "%s",
		    rec_reader_error(r) ? rec_reader_error(r) : "stopped");
	rec_reader_free(r);
	return error;
}

static const char *
read_text(const char *text)
{
	return feed(text, strlen(text), 65536);
}

/* ---- the page ---------------------------------------------------------- */

/* The example lines of the page, in its order, "\e" being troff's backslash. */
static size_t
page_lines(char *out, size_t size)
{
	FILE *f = fopen("man/rsprof-records.5", "r");
	char line[4096];
	int literal = 0;
	size_t used = 0;

	while (f && fgets(line, sizeof line, f)) {
		if (strncmp(line, ".Bd -literal", 12) == 0)
			literal = 1;
		else if (strncmp(line, ".Ed", 3) == 0)
			literal = 0;
		else if (literal && strchr(line, '\t') && line[0] >= 'a' &&
		    line[0] <= 'z' && strstr(line, "awk") == NULL &&
		    used + strlen(line) < size)
			used += (size_t)snprintf(out + used, size - used, "%s", line);
	}
	if (f)
		fclose(f);
	return used;
}

static void
test_page(void)
{
	static char text[65536], once[sizeof seen.text];
	size_t len = page_lines(text, sizeof text);

	ok(strcmp(feed(text, len, 65536), "") == 0 && seen.nbad == 0,
	    "the page's example lines parse: %s%s", seen.bad, "");
	for (enum rec_type t = REC_RSPROF; t < REC_NTYPES; t++)
		ok(seen.n[t] > 0, "the page has an example of record type %d", t);
	ok(strcmp(seen.text, text) == 0, "printed again they are the same bytes");
	memcpy(once, seen.text, sizeof once);
	for (size_t portion = 1; portion < 40; portion += 6) {
		feed(text, len, portion);
		ok(strcmp(seen.text, once) == 0 && seen.nbad == 0,
		    "the same in portions of %zu bytes", portion);
	}
}

/* ---- streams ----------------------------------------------------------- */

static void
test_streams(void)
{
	ok(strcmp(read_text(""), "empty stream") == 0, "an empty stream");
	ok(strcmp(read_text("hello\n"), "not a record stream of rsprof") == 0,
	    "text that is no stream");
	ok(strcmp(read_text("cpu\t1\t2\t3\t-\t5\n"),
	       "not a record stream of rsprof") == 0, "a stream without its head");
	ok(strncmp(read_text("rsprof\t2\tcpu\n"), "stream of a newer", 17) == 0,
	    "a newer version, whatever follows it");
	ok(strcmp(read_text("rsprof\t1\tcpu\thz=99\n"),
	       "not a record stream of rsprof") == 0, "a head without its clock");
	ok(strcmp(feed("\177ELF\2\1\1\0\0\0", 10, 3),
	       "not a record stream of rsprof") == 0, "a binary file");
	ok(strcmp(read_text(HEAD HEAD), "") == 0 && seen.n[REC_RSPROF] == 2,
	    "concatenated streams");
	ok(strcmp(read_text(HEAD "later\tx\ty\n"), "") == 0 &&
	        seen.n[REC_OTHER] == 1 && strstr(seen.text, "later\tx\ty\n"),
	    "an unknown type is no error and kept as it is");
	ok(strcmp(read_text(HEAD "exit\t1\t2\t3\tnew\tfields\n"), "") == 0 &&
	        seen.n[REC_EXIT] == 1 && seen.nbad == 0,
	    "further fields are ignored");
	read_text(HEAD "exit\t1\t2\t3");
	ok(seen.nbad == 1 && strcmp(seen.bad, "truncated line") == 0 &&
	        seen.badline == 2, "a line cut off at the end");
	seen.stop_at = 2;
	ok(strcmp(read_text(HEAD HEAD HEAD), "stopped") == 0 &&
	        seen.n[REC_RSPROF] == 2, "a sink can stop the reader");
}

/* ---- bad lines --------------------------------------------------------- */

static void
test_keys(void)
{
	static const char line[] = HEAD "heap\t1\t2\t3\t?depth\tlater=9\tallocs=4\t"
	                           "sizes=0:1,63:3\tlive=7\n";

	read_text(HEAD "frame\tf\tmain\t-\t7\n");
	ok(strstr(seen.text, "frame\tf\tmain\t-\t7\n") && seen.nbad == 0,
	    "a frame without a class stays so");
	read_text(HEAD "heap\t1\t2\t3\t-\nmemory\t1\t2\n");
	ok(seen.nbad == 0 && seen.n[REC_HEAP] == 1 && seen.n[REC_MEMORY] == 1,
	    "no key is needed");
	read_text(line);
	ok(seen.nbad == 0 && strstr(seen.text, "\tallocs=4\tsizes=0:1,63:3\tlive=7\n"),
	    "keys that are not known are ignored");
}

static void
test_bad(void)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{ "exit\t1\t2", "too few fields" },
		{ "exit\t1\t2\t", "empty field" },
		{ "exit\t1\t2x\t3", "bad number" },
		{ "exit\t-1\t2\t3", "bad number" },
		{ "exit\t18446744073709551616\t2\t3", "bad number" },
		{ "exit\t-\t2\t3", "missing value" },
		{ "stack\t0\t-\t1\t1\t-\t0", "bad id" },
		{ "stack\tG\t-\t1\t1\t-\t0", "bad hexadecimal number" },
		{ "stack\tA\t-\t1\t1\t-\t0", "bad hexadecimal number" },
		{ "stack\t1\t?\t1\t1\t-\t0", "reason is missing" },
		{ "stack\t1\t0\t1\t1\t-\t0", "bad id" },
		{ "stack\t1\t-\t1\t1\t-\t2", "inlined is neither 0 nor 1" },
		{ "stack\t11112222333344445\t-\t1\t1\t-\t0",
		    "bad hexadecimal number" },
		{ "map\t1\t2\t30\t20\t0\t1", "bad range" },
		{ "note\t1\tcpu\ta\\qb", "bad escape" },
		{ "note\t1\tcpu\ta\\", "bad escape" },
		{ "state\t1\t2\t3\trunning", "too few fields" },
		{ "state\t1\t2\t3\t-\t5", "missing value" },
		{ "state\t1\t2\t3\trunning\t0", "bad id" },
		{ "off\t1\t2\t3\t4\t5\t6", "too few fields" },
		{ "off\t1\t2\t3\t4\t5\t6\t-", "missing value" },
		{ "off\t1\t2\t3\t4\t5\t-\tdisk", "missing value" },
		{ "probe\t1\t2\trust\t-\t-\t10", "too few fields" },
		{ "heap\t1\t2\t3", "too few fields" },
		{ "heap\t1\t2\t3\t-\tallocs=x", "bad number" },
		{ "heap\t1\t2\t3\t-\tallocs", "key without =" },
		{ "heap\t1\t2\t3\t-\tsizes=64:1", "bad histogram" },
		{ "heap\t1\t2\t3\t-\tsizes=1", "bad histogram" },
		{ "heap\t1\t2\t3\t-\tlives=1:2,", "bad histogram" },
		{ "age\t1\t2\t3\t-\t5\t6", "too few fields" },
		{ "memory\t1\t-", "missing value" },
		{ "", "no record type" },
		{ "\t\t", "no record type" },
		{ "rsprof\t1\tcpu\tmono=1\twall=2\tx", "attribute without =" },
	};
	static const char nul[] = HEAD "note\t1\tcpu\ta\0b\nexit\t1\t2\t3\n";
	char text[512];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text, HEAD "%s\nexit\t1\t2\t3\n", bad[i].line);
		ok(strcmp(read_text(text), "") == 0 && seen.nbad == 1 &&
		        seen.badline == 2 && strcmp(seen.bad, bad[i].why) == 0 &&
		        seen.n[REC_EXIT] == 1, "%s: %s (%s)", bad[i].line, bad[i].why,
		    seen.bad);
	}
	feed(nul, sizeof nul - 1, 7);
	ok(seen.nbad == 1 && strcmp(seen.bad, "NUL byte") == 0 &&
	        seen.n[REC_EXIT] == 1, "a NUL byte");
}

static void
test_length(void)
{
	static char text[3 * REC_LINE_MAX];
	size_t len;

	for (int over = 0; over < 2; over++) {
		strcpy(text, HEAD "note\t1\tcpu\t");
		len = strlen(text);
		/* The note's line, its LF included, is as long as it may be. */
		memset(text + len, 'x', REC_LINE_MAX - 11 - 1 + (size_t)over);
		len += REC_LINE_MAX - 11 - 1 + (size_t)over;
		strcpy(text + len, "\nexit\t1\t2\t3\n");
		feed(text, strlen(text), 4000);
		ok(seen.n[REC_NOTE] == 1U - (unsigned)over &&
		        seen.nbad == (unsigned)over && seen.n[REC_EXIT] == 1,
		    "a line %s: %s", over ? "too long is skipped" : "of the greatest length",
		    seen.bad);
	}
}

/* ---- printing ---------------------------------------------------------- */

static void
test_strings(void)
{
	static const char *const hard[] = { "-", "\t", "\n", "\\", "a\tb\nc\\d",
		"\\-", "--", "\303\251", "\033[31m", "?" };
	struct rec r = { .type = REC_NOTE };
	char text[512];
	size_t len;

	for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) {
		r.note.time = 1;
		r.note.producer = "cpu";
		r.note.text = hard[i];
		len = sizeof HEAD - 1;
		memcpy(text, HEAD, len);
		len += rec_print(text + len, sizeof text - len, &r);
		feed(text, len, 5);
		ok(seen.nbad == 0 && seen.n[REC_NOTE] == 1 &&
		        memcmp(seen.text, text, len) == 0 && seen.text[len] == '\0',
		    "hard string %zu survives", i);
	}
	r.note.text = "";
	len = rec_print(text, sizeof text, &r);
	ok(len == 13 && memcmp(text, "note\t1\tcpu\t-\n", 13) == 0,
	    "an empty string is none");
}

static void
test_cut(void)
{
	static char exe[5000], command[9000], buf[REC_PRODUCER_MAX];
	struct rec r = { .type = REC_PROC };
	size_t len;

	memset(exe, 'e', sizeof exe - 1);
	memset(command, '\n', sizeof command - 1);
	r.proc.name = "short";
	r.proc.exe = exe;
	r.proc.cmdline = command;
	len = rec_print(buf, sizeof buf, &r);
	ok(len > 512 && len <= sizeof buf && buf[len - 1] == '\n' &&
	        memcmp(buf + len - 4, "...\n", 4) == 0 && strstr(buf, "\tshort\t"),
	    "long strings are cut to fit, short ones stay: %zu bytes", len);
	/* Characters of several bytes are not cut in two. */
	for (size_t i = 0; i + 2 < sizeof command; i += 2)
		memcpy(command + i, "\303\251", 2);
	len = rec_print(buf, sizeof buf, &r);
	ok(len > 512 && buf[len - 5] == '\251', "nor are characters halved");
}

static void
test_atoms(void)
{
	static struct rec_out out;
	struct rec r = { .type = REC_NOTE };
	char buf[8192], text[1500];
	int fd[2], whole = 1;
	ssize_t n;
	size_t all = 0;

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	r.note.producer = "cpu";
	r.note.text = text;
	/* A pipe in packet mode keeps each write apart. */
	if (pipe2(fd, O_DIRECT) < 0)
		return;
	rec_out_init(&out, fd[1], REC_PRODUCER_MAX);
	for (int i = 0; i < 10; i++) {
		r.note.time = (uint64_t)i;
		rec_out_put(&out, &r);
	}
	rec_out_flush(&out);
	close(fd[1]);
	while ((n = read(fd[0], buf, sizeof buf)) > 0) {
		whole &= n <= REC_PRODUCER_MAX && buf[n - 1] == '\n' &&
		    memcmp(buf, "note\t", 5) == 0;
		all += (size_t)n;
	}
	ok(whole && all == 10 * (sizeof text + 11),
	    "each write is of whole lines and at most PIPE_BUF bytes");
}

static void
test_full(void)
{
	static struct rec_out out;
	struct rec r = { .type = REC_EXIT };

	rec_out_init(&out, 1000, REC_PRODUCER_MAX);
	rec_out_put(&out, &r);
	ok(rec_out_flush(&out) < 0 && out.error == EBADF, "a write that fails");
	ok(rec_out_put(&out, &r) < 0, "its failure sticks");
}

int
main(void)
{
	test_page();
	test_streams();
	test_keys();
	test_bad();
	test_length();
	test_strings();
	test_cut();
	test_atoms();
	test_full();
	return tap_done();
}
