/* stream/filter: what is reported, how often, and what ends the reading. */
#include "stream/filter.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stream/rec.h"
#include "tap.h"

#define HEAD "rsprof\t1\tcpu\tmono=1\twall=2\n"
#define NOTE "note\t5\tcpu\ttext\n"
#define END "end\t9\tcpu\tdone\n"

struct seen {
	struct filter *filter;
	unsigned records, flushes, intervals;
	const char *warn, *skip; /* for each note */
	int stop;                /* at the first note */
	char reports[4096];
};

static int
on_record(void *ctx, const struct rec *r)
{
	struct seen *s = ctx;

	s->records++;
	if (r->type != REC_NOTE)
		return 0;
	filter_start_interval(s->filter, 0);
	if (s->warn)
		filter_warn(s->filter, s->warn);
	if (s->skip)
		filter_skip(s->filter, s->skip);
	return s->stop;
}

static void
on_report(void *ctx, const char *file, unsigned long line, const char *text)
{
	struct seen *s = ctx;
	size_t n = strlen(s->reports);

	snprintf(s->reports + n, sizeof s->reports - n, "%s%lu %s\n",
	    file && file[0] == '/' ? "" : file ? "missing " : "none ", line, text);
}

static int
on_flush(void *ctx)
{
	((struct seen *)ctx)->flushes++;
	return 0;
}

static int
on_interval(void *ctx)
{
	((struct seen *)ctx)->intervals++;
	return 0;
}

/* A file of these bytes; its name is to be freed. */
static char *
file_of(const char *text)
{
	int fd = memfd_create("stream", 0);
	char *name;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    asprintf(&name, "/proc/self/fd/%d", fd) < 0)
		exit(1);
	return name;
}

/* Run a filter on two files, of which the second is an ordinary one.  Returns whether it failed. */
static int
run(struct seen *s, int needs_end, const char *text)
{
	const struct filter_sink sink = { on_record, on_report, on_flush, on_interval, needs_end, s,
		NULL };
	char *file[] = { text ? file_of(text) : strdup("missing"), file_of(HEAD END), NULL };
	int failed;

	s->filter = filter_new(&sink);
	filter_run(s->filter, file);
	failed = filter_failed(s->filter);
	filter_free(s->filter);
	free(file[0]);
	free(file[1]);
	return failed;
}

static void
test_whole(void)
{
	struct seen s = { 0 };
	int failed = run(&s, 1, HEAD NOTE NOTE END);

	ok(!failed && s.reports[0] == '\0', "a whole stream: nothing to report");
	ok(s.records == 6, "each record of both files is handled");
	ok(s.flushes >= 2, "what is buffered is flushed");
	ok(s.intervals == 1, "an interval ends once");
	ok(signal(SIGINT, SIG_DFL) == SIG_IGN, "SIGINT is ignored");
}

static void
test_failures(void)
{
	struct seen missing = { 0 }, cut = { 0 }, late = { 0 }, empty = { 0 }, newer = { 0 };

	ok(run(&missing, 0, NULL) && missing.records == 2 &&
	        strcmp(missing.reports, "missing 0 No such file or directory\n") == 0,
	    "a missing file: the next one is read");
	ok(run(&cut, 1, HEAD NOTE) && cut.records == 4 &&
	        strcmp(cut.reports, "0 the stream was cut off: it has no end\n") == 0,
	    "a stream without an end");
	ok(!run(&late, 0, HEAD NOTE), "that need not have one");
	ok(run(&empty, 1, "") && strcmp(empty.reports, "0 empty stream\n") == 0, "an empty stream");
	ok(run(&newer, 1, HEAD "rsprof\t2\tcpu\n" NOTE) && newer.records == 3 &&
	        strncmp(newer.reports, "2 stream of a newer rsprof", 26) == 0,
	    "a newer version ends its file");
}

static void
test_stop(void)
{
	struct seen s = { .stop = 1 };

	ok(run(&s, 1, HEAD NOTE NOTE) && s.records == 2 && s.reports[0] == '\0',
	    "a callback ends all reading, without a report");
}

static void
test_limits(void)
{
	struct seen bad = { 0 }, warn = { .warn = "undefined" }, skip = { .skip = "no room" };
	char text[1024] = HEAD;

	for (int i = 0; i < FILTER_REPORTS + 5; i++)
		strcat(text, "note\t1\n");
	ok(run(&bad, 0, text), "bad lines");
	ok(strncmp(bad.reports, "2 too few fields\n3 too few fields\n", 34) == 0,
	    "are reported with their numbers");
	ok(strstr(bad.reports, "\n21 too few fields\n0 5 more bad lines\n") != NULL,
	    "the last ones by their number");
	ok(run(&warn, 0, HEAD NOTE NOTE NOTE) &&
	        strcmp(warn.reports, "2 undefined\n0 undefined: 2 more of these\n") == 0,
	    "a warning is reported once, and counted");
	ok(run(&skip, 0, HEAD NOTE NOTE) && strcmp(skip.reports, "2 no room\n3 no room\n") == 0,
	    "a record that is skipped is a bad line");
}

int
main(void)
{
	test_whole();
	test_failures();
	test_stop();
	test_limits();
	return tap_done();
}
