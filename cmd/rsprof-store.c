/*
 * rsprof-store stores a record stream in a file: one record in, one row of an
 * SQLite database out.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arg.h"
#include "cmd/status.h"
#include "record/db.h"
#include "record/store.h"
#include "stream/filter.h"
#include "stream/rec.h"

#define INTERVAL 250 /* of a transaction, milliseconds */

struct recorder {
	const char *path;
	enum db_mode mode;
	struct db *db;
	struct store *store;
	struct filter *filter;
	int ready;             /* descriptor of -R, or -1 */
	int begun;             /* a transaction is open */
	int failed;            /* the database failed */
	unsigned long unknown; /* records of types that are not stored */
};

static void
usage(void)
{
	fprintf(stderr, "usage: rsprof-store [-af] [-R FD] FILE\n");
	exit(STATUS_USAGE);
}

/* ---- the recording ---------------------------------------------------- */

/* Report the database's error.  Returns -1. */
static int
database_failed(struct recorder *r)
{
	warnx("%s", db_error(r->db));
	r->failed = 1;
	return -1;
}

/* Open the recording, when the first record has shown that there is a stream. */
static int
open_recording(struct recorder *r)
{
	const char *why, *hint = "";

	r->db = db_open(r->path, r->mode, &why);
	if (r->db == NULL) {
		if (errno == EEXIST && r->mode == DB_CREATE)
			hint = " (-f replaces it, -a continues it)";
		warnx("%s%s", why, hint);
		r->failed = 1;
		return -1;
	}
	if ((r->store = store_open(r->db)) == NULL)
		return database_failed(r);
	return 0;
}

/* Begin a transaction, unless one is open. */
static int
begin(struct recorder *r)
{
	if (r->begun)
		return 0;
	if (db_exec(r->db, "BEGIN IMMEDIATE") < 0)
		return database_failed(r);
	r->begun = 1;
	filter_start_interval(r->filter, INTERVAL);
	return 0;
}

/* Tell whoever waits for it that the recording can be read. */
static void
say_ready(struct recorder *r)
{
	/* If that fails, nobody waits any more. */
	if (r->ready >= 0 && write(r->ready, "ready\n", 6) > 0)
		close(r->ready);
	r->ready = -1;
}

/* Commit the open transaction, if any. */
static int
commit(void *ctx)
{
	struct recorder *r = ctx;

	if (!r->begun)
		return 0;
	r->begun = 0;
	if (store_flush(r->store) < 0 || db_exec(r->db, "COMMIT") < 0)
		return database_failed(r);
	say_ready(r);
	return 0;
}

/* Commit, unless the database has failed, and close the recording. */
static void
close_recording(struct recorder *r)
{
	if (r->db == NULL)
		return;
	if (!r->failed)
		commit(r);
	store_close(r->store);
	if (db_close(r->db) < 0 && !r->failed) {
		warnx("%s: cannot be completed: keep %s-wal with it",
		    r->path, r->path);
		r->failed = 1;
	}
}

/* ---- the stream ------------------------------------------------------- */

static int
on_record(void *ctx, const struct rec *rec)
{
	struct recorder *r = ctx;
	const char *const *what;

	if (r->db == NULL && open_recording(r) < 0)
		return -1;
	if (begin(r) < 0)
		return -1;
	if (rec->type == REC_OTHER || rec->type == REC_STATE)
		r->unknown++;
	if (store_record(r->store, rec) < 0)
		return database_failed(r);
	for (what = store_warnings(r->store); *what; what++)
		if (strncmp(*what, "skipped: ", 9) == 0)
			filter_skip(r->filter, *what + 9);
		else
			filter_warn(r->filter, *what);
	return 0;
}

/* Read standard input, and close the recording.  Returns the exit status. */
static int
record(struct recorder *r)
{
	const struct filter_sink sink = { .record = on_record, .report = report_input,
		.interval = commit, .ctx = r };
	int failed;

	if ((r->filter = filter_new(&sink)) == NULL)
		err(STATUS_FAILED, NULL);
	if (filter_catch_signals(r->filter) < 0)
		err(STATUS_FAILED, "signalfd");
	filter_run(r->filter, (char *[]){ NULL });
	close_recording(r);
	if (r->unknown)
		warnx("<stdin>: %lu records of types that a recording cannot hold "
		      "were not stored",
		    r->unknown);
	failed = filter_failed(r->filter);
	filter_free(r->filter);
	return r->failed ? STATUS_DATABASE : failed ? STATUS_FAILED : STATUS_OK;
}

/* ---- the program ------------------------------------------------------ */

static void
parse_options(struct recorder *r, int argc, char **argv)
{
	int c, force = 0, append = 0;
	uint64_t fd;

	while ((c = getopt(argc, argv, "afR:V")) != -1)
		switch (c) {
		case 'a': append = 1; break;
		case 'f': force = 1; break;
		case 'R':
			if (arg_number(optarg, 0, 1023, &fd) < 0 || fcntl((int)fd, F_GETFD) < 0)
				errx(STATUS_USAGE, "-R %s: not an open descriptor", optarg);
			r->ready = (int)fd;
			break;
		case 'V': print_version("rsprof-store");
		default: usage();
		}
	if (argc - optind != 1 || (force && append))
		usage();
	r->path = argv[optind];
	r->mode = append ? DB_APPEND : force ? DB_REPLACE : DB_CREATE;
}

int
main(int argc, char **argv)
{
	struct recorder r = { .ready = -1 };

	parse_options(&r, argc, argv);
	/* A failed write is reported, and signals of the terminal are for the producer. */
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return record(&r);
}
