/*
 * rsprof-store: keep a record stream in a file: one record in, one row of an
 * SQLite database out.
 */
#include <err.h>
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

#include "cmd/status.h"
#include "record/db.h"
#include "record/store.h"
#include "stream/rec.h"

#define INTERVAL 250 /* milliseconds of a transaction */
#define WARNINGS 20  /* lines that are complained about one by one */
#define KINDS 16     /* of complaints about what was stored all the same */
#define DATABASE 6   /* exit status */

struct store {
	const char *path;
	enum db_mode mode;
	struct db *db;
	struct store *save;
	struct rec_reader *reader;
	int status;
	int64_t begun; /* of the transaction, in milliseconds; 0: none */
	unsigned long bad, unknown, kind[KINDS];
	const char *said[KINDS];
};

static void
usage(void)
{
	fprintf(stderr, "usage: rsprof-store [-af] FILE\n");
	exit(STATUS_USAGE);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the recording ---------------------------------------------------- */

static int
database_failed(struct store *st)
{
	warnx("%s", db_error(st->db));
	st->status = DATABASE;
	return -1;
}

/* The file is made when the first record shows that there is a stream. */
static int
open_recording(struct store *st)
{
	const char *why, *hint = "";

	st->db = db_open(st->path, st->mode, &why);
	if (st->db == NULL) {
		if (errno == EEXIST && st->mode == DB_CREATE)
			hint = " (-f replaces it, -a continues it)";
		warnx("%s%s", why, hint);
		st->status = DATABASE;
		return -1;
	}
	if ((st->save = store_open(st->db)) == NULL)
		return database_failed(st);
	return 0;
}

static int
begin(struct store *st)
{
	if (st->begun)
		return 0;
	if (db_exec(st->db, "BEGIN IMMEDIATE") < 0)
		return database_failed(st);
	st->begun = now_ms();
	return 0;
}

static int
commit(struct store *st)
{
	if (!st->begun)
		return 0;
	st->begun = 0;
	if (store_settle(st->save) < 0 || db_exec(st->db, "COMMIT") < 0)
		return database_failed(st);
	return 0;
}

/* ---- the stream ------------------------------------------------------- */

static void
bad_line(void *ctx, unsigned long line, const char *why)
{
	struct store *st = ctx;

	if (!st->status)
		st->status = 1;
	if (st->bad++ < WARNINGS)
		warnx("<stdin>:%lu: %s", line, why);
}

/* A record that refers to what was not defined was stored all the same: say
 * so once for each kind. */
static void
complain(struct store *st, const char *what)
{
	size_t i = 0;

	if (strncmp(what, "skipped: ", 9) == 0) {
		bad_line(st, rec_reader_line(st->reader), what + 9);
		return;
	}
	if (!st->status)
		st->status = 1;
	while (i < KINDS - 1 && st->said[i] && strcmp(st->said[i], what))
		i++;
	st->said[i] = what;
	if (st->kind[i]++ == 0)
		warnx("<stdin>:%lu: %s", rec_reader_line(st->reader), what);
}

static int
take_record(void *ctx, const struct rec *r)
{
	struct store *st = ctx;
	const char *const *what;

	if (st->db == NULL && open_recording(st) < 0)
		return -1;
	if (begin(st) < 0)
		return -1;
	if (r->type == REC_OTHER || r->type == REC_STATE)
		st->unknown++;
	if (store_record(st->save, r) < 0)
		return database_failed(st);
	for (what = store_complaints(st->save); *what; what++)
		complain(st, *what);
	return 0;
}

/* What was said once, or not at all. */
static void
sum_up(const struct store *st)
{
	size_t i;

	if (st->bad > WARNINGS)
		warnx("<stdin>: %lu more bad lines", st->bad - WARNINGS);
	for (i = 0; i < KINDS; i++)
		if (st->kind[i] > 1)
			warnx("<stdin>: %s: %lu more of these", st->said[i],
			    st->kind[i] - 1);
	if (st->unknown)
		warnx("<stdin>: %lu records of types that a recording has no "
		      "place for were not stored",
		    st->unknown);
}

static int
stream_failed(struct store *st)
{
	const char *why = rec_reader_error(st->reader);
	unsigned long line = rec_reader_line(st->reader);

	if (why == NULL)
		return -1;
	if (line)
		warnx("<stdin>:%lu: %s", line, why);
	else
		warnx("<stdin>: %s", why);
	st->status = 1;
	return -1;
}

/* ---- the loop --------------------------------------------------------- */

/* Signals that end the program as a descriptor; the others that a terminal
 * or a limit sends are not for a filter. */
static int
take_signals(void)
{
	sigset_t set;
	int fd;

	if (fcntl(STDIN_FILENO, F_GETFD) < 0)
		err(STATUS_FAILED, "<stdin>"); /* or the descriptor would be that */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if ((fd = signalfd(-1, &set, SFD_CLOEXEC)) < 0)
		err(STATUS_FAILED, "signalfd");
	return fd;
}

static int
time_left(const struct store *st)
{
	int64_t left;

	if (!st->begun)
		return -1;
	left = st->begun + INTERVAL - now_ms();
	return left > 0 ? (int)left : 0;
}

/* Bytes into the reader: 1, or 0 at the end, or -1. */
static int
take_bytes(struct store *st)
{
	static char buf[REC_LINE_MAX];
	ssize_t n = read(STDIN_FILENO, buf, sizeof buf);

	if (n < 0) {
		if (errno == EINTR || errno == EAGAIN)
			return 1;
		warn("<stdin>");
		st->status = 1;
		return -1;
	}
	if (n == 0)
		return rec_push_end(st->reader) < 0 ? stream_failed(st) : 0;
	return rec_push(st->reader, buf, (size_t)n) < 0 ? stream_failed(st) : 1;
}

/* Until the end of the stream, a failure or a signal. */
static void
drain(struct store *st, int signals)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	int n;

	for (;;) {
		if ((n = poll(fds, 2, time_left(st))) < 0 && errno != EINTR)
			err(STATUS_FAILED, "poll");
		if (n > 0 && fds[1].revents) {
			warnx("stopped by a signal");
			st->status = 1;
			return;
		}
		if (n > 0 && fds[0].revents && take_bytes(st) != 1)
			return;
		if (time_left(st) == 0 && commit(st) < 0)
			return;
	}
}

/* -1 where the recording has failed already: then only close it. */
static void
close_recording(struct store *st)
{
	int failed = st->status == DATABASE;

	if (st->db == NULL)
		return;
	if (!failed)
		failed = commit(st) < 0;
	store_close(st->save);
	if (db_close(st->db) < 0 && !failed) {
		warnx("%s: cannot be completed: keep %s-wal with it",
		    st->path, st->path);
		st->status = DATABASE;
	}
}

int
main(int argc, char **argv)
{
	struct store st = { .mode = DB_CREATE };
	struct rec_sink sink = { take_record, bad_line, &st };
	int c, force = 0, append = 0, signals;

	while ((c = getopt(argc, argv, "afV")) != -1)
		switch (c) {
		case 'a':
			append = 1;
			break;
		case 'f':
			force = 1;
			break;
		case 'V':
			print_version("rsprof-store");
		default:
			usage();
		}
	if (argc - optind != 1 || (force && append))
		usage();
	st.path = argv[optind];
	if (append)
		st.mode = DB_APPEND;
	else if (force)
		st.mode = DB_REPLACE;

	signals = take_signals();
	if ((st.reader = rec_reader_new(&sink)) == NULL)
		err(STATUS_FAILED, NULL);
	drain(&st, signals);
	close_recording(&st);
	sum_up(&st);
	rec_reader_free(st.reader);
	return st.status;
}
