#include "stream/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/signals.h"
#include "stream/rec.h"

#define WARNINGS 16 /* distinct texts; further ones share the last counter */

struct warning {
	const char *text;
	unsigned long count;
};

struct filter {
	struct filter_sink sink;
	int signals;      /* signalfd, or -1 */
	int64_t deadline; /* end of the interval in milliseconds; 0: none */
	int failed;
	int stopped; /* by a callback or a signal */
	/* of the file being read */
	const char *file;
	struct rec_reader *reader;
	long open; /* streams without their end record */
	unsigned long bad;
	struct warning warning[WARNINGS];
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- reports ------------------------------------------------------------ */

static void
report(struct filter *f, unsigned long line, const char *text)
{
	f->failed = 1;
	f->sink.report(f->sink.ctx, f->file, line, text);
}

static void
on_bad(void *ctx, unsigned long line, const char *why)
{
	struct filter *f = ctx;

	f->failed = 1;
	if (f->bad++ < FILTER_REPORTS)
		report(f, line, why);
}

void
filter_skip(struct filter *f, const char *why)
{
	on_bad(f, rec_reader_line(f->reader), why);
}

void
filter_warn(struct filter *f, const char *text)
{
	struct warning *w = f->warning;

	while (w < f->warning + WARNINGS - 1 && w->text && strcmp(w->text, text) != 0)
		w++;
	w->text = text;
	if (w->count++ == 0)
		report(f, rec_reader_line(f->reader), text);
}

/* Report how many bad lines and warnings were not reported one by one. */
static void
report_counts(struct filter *f)
{
	char text[256];

	if (f->bad > FILTER_REPORTS) {
		snprintf(text, sizeof text, "%lu more bad lines", f->bad - FILTER_REPORTS);
		report(f, 0, text);
	}
	for (const struct warning *w = f->warning; w < f->warning + WARNINGS; w++)
		if (w->count > 1) {
			snprintf(text, sizeof text, "%s: %lu more of these", w->text,
			    w->count - 1);
			report(f, 0, text);
		}
}

/* ---- reading one file --------------------------------------------------- */

/* End all reading.  Returns -1. */
static int
stop(struct filter *f)
{
	f->failed = f->stopped = 1;
	return -1;
}

static int
on_record(void *ctx, const struct rec *r)
{
	struct filter *f = ctx;

	if (r->type == REC_RSPROF)
		f->open++;
	else if (r->type == REC_END)
		f->open--;
	return f->sink.record(f->sink.ctx, r) ? stop(f) : 0;
}

static int
flush(struct filter *f)
{
	if (!f->stopped && f->sink.flush && f->sink.flush(f->sink.ctx))
		return stop(f);
	return 0;
}

/* Report why the reader gave up, unless a callback stopped it.  Returns -1. */
static int
reader_failed(struct filter *f)
{
	const char *why = rec_reader_error(f->reader);

	if (why)
		report(f, rec_reader_line(f->reader), why);
	return -1;
}

/* Push the bytes that fd has into the reader.  Returns 1 to go on, 0 at end of file, -1 on
 * failure. */
static int
read_some(struct filter *f, int fd)
{
	static char buf[REC_LINE_MAX];
	ssize_t n = read(fd, buf, sizeof buf);

	if (n < 0) {
		if (errno == EINTR || errno == EAGAIN)
			return 1;
		report(f, 0, strerror(errno));
		return -1;
	}
	if (n == 0)
		return rec_push_end(f->reader) < 0 ? reader_failed(f) : 0;
	if (rec_push(f->reader, buf, (size_t)n) < 0)
		return reader_failed(f);
	return flush(f) < 0 ? -1 : 1;
}

/* Returns the milliseconds until the interval ends, or -1 where none is running. */
static int
time_left(const struct filter *f)
{
	int64_t left = f->deadline - now_ms();

	if (f->deadline == 0)
		return -1;
	return left > 0 ? (int)left : 0;
}

static int
end_interval(struct filter *f)
{
	f->deadline = 0;
	return f->sink.interval(f->sink.ctx) ? stop(f) : 0;
}

/* Wake the sink, or end all reading.  Returns -1 if that was the end. */
static int
on_signal(struct filter *f)
{
	struct signalfd_siginfo info;

	if (read(f->signals, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1)
		return f->sink.wake(f->sink.ctx) ? stop(f) : 0;
	f->sink.report(f->sink.ctx, NULL, 0, "stopped by a signal");
	return stop(f);
}

/* Read fd until end of file, a failure or a signal.  Returns -1 unless all of it was read. */
static int
drain(struct filter *f, int fd)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = f->signals, .events = POLLIN },
	};

	for (;;) {
		int n = poll(fds, 2, time_left(f)), more = 1;

		if (n < 0 && errno != EINTR) {
			report(f, 0, strerror(errno));
			return -1;
		}
		if (n > 0 && fds[1].revents && on_signal(f) < 0)
			return -1;
		if (n > 0 && fds[0].revents)
			more = read_some(f, fd);
		if (more != 1)
			return more;
		if (time_left(f) == 0 && end_interval(f) < 0)
			return -1;
	}
}

static void
read_stream(struct filter *f, const char *name, int fd)
{
	const struct rec_sink sink = { on_record, on_bad, f };

	f->file = name;
	f->open = 0;
	f->bad = 0;
	memset(f->warning, 0, sizeof f->warning);
	f->reader = rec_reader_new(&sink);
	if (f->reader == NULL) {
		report(f, 0, strerror(ENOMEM));
		return;
	}
	if (drain(f, fd) == 0 && f->sink.needs_end && f->open > 0)
		report(f, 0, "the stream was cut off: it has no end");
	flush(f);
	report_counts(f);
	rec_reader_free(f->reader);
	f->reader = NULL;
}

static void
read_file(struct filter *f, const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	f->file = name;
	if (fd < 0) {
		report(f, 0, strerror(errno));
		return;
	}
	read_stream(f, name, fd);
	close(fd);
}

/* ---- the filter --------------------------------------------------------- */

struct filter *
filter_new(const struct filter_sink *sink)
{
	struct filter *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->sink = *sink;
	f->signals = -1;
	signal(SIGINT, SIG_IGN);
	return f;
}

void
filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	if (f->signals >= 0)
		close(f->signals);
	free(f);
}

int
filter_catch_signals(struct filter *f)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	if (!signals_ignored(SIGTERM))
		sigaddset(&set, SIGTERM);
	if (!signals_ignored(SIGHUP))
		sigaddset(&set, SIGHUP);
	if (f->sink.wake)
		sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		return -1;
	/* Standard input may be closed: the descriptor must not take its number. */
	f->signals = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return f->signals < 0 ? -1 : 0;
}

void
filter_run(struct filter *f, char *const file[])
{
	if (file[0] == NULL)
		read_stream(f, "<stdin>", STDIN_FILENO);
	for (size_t i = 0; file[i] && !f->stopped; i++)
		if (strcmp(file[i], "-") == 0)
			read_stream(f, "<stdin>", STDIN_FILENO);
		else
			read_file(f, file[i]);
}

void
filter_start_interval(struct filter *f, int ms)
{
	if (f->deadline == 0)
		f->deadline = now_ms() + ms;
}

int
filter_failed(const struct filter *f)
{
	return f->failed;
}
