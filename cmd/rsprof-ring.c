/*
 * rsprof-ring keeps the last minutes of a record stream, and lets them go when
 * something has happened: one record in, one record out, later or never.
 */
#include <err.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arg.h"
#include "cmd/status.h"
#include "stream/backlog.h"
#include "stream/condition.h"
#include "stream/filter.h"
#include "stream/rec.h"
#include "stream/resume.h"

#define CONDITIONS 8
#define MIB 256 /* -m */

/*
 * What comes in waits in the backlog and leaves it at the other end, by a parser of its own:
 * written, or skipped.  So the state that a stream must begin with is that of the backlog's
 * start.  What is written is `open` as long as nothing has been skipped: then it goes on.
 */
struct ring {
	struct condition condition[CONDITIONS];
	size_t nconditions;
	uint64_t duration; /* of the backlog, ns */
	struct backlog backlog;
	struct filter *filter;
	struct rec_reader *tail; /* parses what leaves the backlog */
	struct resume *resume;
	uint64_t now;        /* the latest time of a record */
	uint64_t left;       /* of a record that has left the backlog */
	unsigned long early; /* records that had to leave before their time */
	int writing;         /* what leaves is written */
	int open;
	int any;   /* something has been written since the stream was begun */
	int held;  /* a condition held at the last record */
	struct rec_out out;
};

static const char synopsis[] =
    "usage: rsprof-ring [-hV] [-c CONDITION] [-m MIB] DURATION\n";

/* ---- what leaves the backlog ---------------------------------------------- */

static int
write_record(void *ctx, const struct rec *r)
{
	struct ring *ring = ctx;

	ring->any = 1;
	return (r->line ? rec_out_pass(&ring->out, r) : rec_out_put(&ring->out, r)) < 0;
}

static int
on_leaving(void *ctx, const struct rec *r)
{
	struct ring *ring = ctx;

	if (rec_time(r) > ring->left)
		ring->left = rec_time(r);
	return ring->writing ? resume_put(ring->resume, r) : resume_skip(ring->resume, r);
}

static void
on_bad(void *ctx, unsigned long line, const char *why)
{
	/* The line was good when it came. */
	(void)ctx;
	(void)line;
	(void)why;
}

/* Let the first line leave.  Returns -1 on failure. */
static int
leave(struct ring *ring)
{
	static char line[REC_LINE_MAX];
	size_t len = backlog_take(&ring->backlog, line);

	return rec_push(ring->tail, line, len);
}

/* End what has been written, because what comes next is skipped. */
static int
close_stream(struct ring *ring)
{
	int e = 0;

	if (ring->open && ring->any)
		e = resume_end(ring->resume, resume_wall(ring->resume, ring->left));
	ring->open = 0;
	return e;
}

/* Skip the first line. */
static int
skip(struct ring *ring)
{
	if (close_stream(ring) != 0)
		return -1;
	ring->writing = 0;
	return leave(ring);
}

/* Say in the stream why it is there. */
static int
put_note(struct ring *ring, const char *why)
{
	struct rec r = { .type = REC_NOTE };
	char text[256], early[80] = "";

	if (ring->early)
		snprintf(early, sizeof early,
		    "; %lu records before were too many for the memory of -m", ring->early);
	ring->early = 0;
	snprintf(text, sizeof text, "the last minutes were kept: %s%s", why, early);
	r.note = (struct rec_note){ ring->now, "ring", text };
	return resume_put(ring->resume, &r);
}

/* Write all that has been kept, and why unless that is NULL. */
static int
let_go(struct ring *ring, const char *why)
{
	uint64_t start = backlog_time(&ring->backlog);

	if (ring->backlog.used == 0)
		return 0;
	if (!ring->open && resume_begin(ring->resume, resume_wall(ring->resume, start)) != 0)
		return -1;
	ring->open = ring->writing = 1;
	while (ring->backlog.used)
		if (leave(ring) < 0)
			return -1;
	return why ? put_note(ring, why) : 0;
}

/* ---- what comes in --------------------------------------------------------- */

/* Returns the first condition that holds, or NULL. */
static const struct condition *
holding(const struct ring *ring)
{
	for (size_t i = 0; i < ring->nconditions; i++)
		if (ring->condition[i].holds)
			return &ring->condition[i];
	return NULL;
}

/* Keep a record, and skip those that are too old or have no room. */
static int
keep(struct ring *ring, const struct rec *r)
{
	if (rec_time(r) > ring->now)
		ring->now = rec_time(r);
	while (ring->backlog.used && ring->now - backlog_time(&ring->backlog) > ring->duration)
		if (skip(ring) != 0)
			return -1;
	for (; !backlog_fits(&ring->backlog, r->len); ring->early++)
		if (skip(ring) != 0)
			return -1;
	return backlog_add(&ring->backlog, r->line, r->len, ring->now);
}

static int
on_record(void *ctx, const struct rec *r)
{
	struct ring *ring = ctx;
	const struct condition *c;
	int e;

	for (size_t i = 0; i < ring->nconditions; i++)
		if (condition_record(&ring->condition[i], r) < 0)
			return -1;
	if (keep(ring, r) != 0)
		return -1;
	if ((c = holding(ring)) == NULL) {
		ring->held = 0;
		return 0;
	}
	e = let_go(ring, ring->held ? NULL : c->text);
	ring->held = 1;
	return e;
}

static int
on_flush(void *ctx)
{
	struct ring *ring = ctx;

	return rec_out_flush(&ring->out);
}

/* Answer SIGUSR1. */
static int
on_wake(void *ctx)
{
	struct ring *ring = ctx;

	return let_go(ring, "by a signal") != 0 || on_flush(ring) < 0;
}

/* Let go at the end of the stream, if that was asked for, and end what is written. */
static int
finish(struct ring *ring)
{
	int e = 0;

	for (size_t i = 0; i < ring->nconditions && e == 0; i++)
		if (ring->condition[i].kind == CONDITION_END)
			e = let_go(ring, "the stream has ended");
	return e ? e : close_stream(ring);
}

/* ---- the program ------------------------------------------------------------ */

static void
say_blind(const struct ring *ring)
{
	for (size_t i = 0; i < ring->nconditions; i++)
		if (ring->condition[i].blind)
			warnx("-c %s: never holds, because the samples count no time",
			    ring->condition[i].text);
}

/* Read standard input.  Returns the exit status. */
static int
run(struct ring *ring)
{
	const struct filter_sink sink = { .record = on_record, .report = report_input,
		.flush = on_flush, .ctx = ring, .wake = on_wake };
	const struct rec_sink leaving = { on_leaving, on_bad, ring };
	int status;

	ring->filter = filter_new(&sink);
	ring->tail = rec_reader_new(&leaving);
	ring->resume = resume_new(write_record, ring);
	if (ring->filter == NULL || ring->tail == NULL || ring->resume == NULL)
		err(STATUS_FAILED, NULL);
	if (filter_catch_signals(ring->filter) < 0)
		err(STATUS_FAILED, "signalfd");
	filter_run(ring->filter, (char *[]){ NULL });
	status = filter_failed(ring->filter) ? STATUS_FAILED : STATUS_OK;
	if (ring->out.error == 0 && (finish(ring) != 0 || rec_out_flush(&ring->out) < 0))
		status = STATUS_FAILED;
	if (ring->out.error)
		warnx(CANNOT_WRITE ": %s", strerror(ring->out.error));
	say_blind(ring);
	return status;
}

static void
free_ring(struct ring *ring)
{
	for (size_t i = 0; i < ring->nconditions; i++)
		condition_clear(&ring->condition[i]);
	resume_free(ring->resume);
	rec_reader_free(ring->tail);
	filter_free(ring->filter);
	backlog_clear(&ring->backlog);
}

static void
condition_option(struct ring *ring, const char *s)
{
	if (ring->nconditions == CONDITIONS)
		errx(STATUS_USAGE, "-c: more than %d conditions", CONDITIONS);
	if (condition_parse(&ring->condition[ring->nconditions], s) < 0)
		errx(STATUS_USAGE, "-c %s: no condition (such as cpu=300%%, rss=4G, live=4G, end)",
		    s);
	ring->nconditions++;
}

static void
parse_options(struct ring *ring, int argc, char **argv)
{
	uint64_t most = (uint64_t)MIB << 20;
	int c;

	while ((c = next_option(argc, argv, "c:m:hV", synopsis)) != -1)
		switch (c) {
		case 'c': condition_option(ring, optarg); break;
		case 'm':
			if (arg_memory(optarg, 1 << 20, 1ULL << 40, &most) < 0)
				errx(STATUS_USAGE, "-m %s: not memory from 1M to 1T", optarg);
			break;
		}
	if (argc - optind != 1)
		usage(synopsis);
	if (arg_duration(argv[optind], &ring->duration) < 0 || ring->duration == 0)
		errx(STATUS_USAGE, "%s: not a time (such as 5m, 90 or 1h)", argv[optind]);
	ring->backlog.max = (size_t)most;
}

int
main(int argc, char **argv)
{
	static struct ring ring = { .open = 1 };
	int status;

	parse_options(&ring, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	rec_out_init(&ring.out, STDOUT_FILENO, REC_LINE_MAX);
	status = run(&ring);
	free_ring(&ring);
	return status;
}
