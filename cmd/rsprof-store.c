/*
 * rsprof-store stores a record stream in a file: one record in, one row of an
 * SQLite database out.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arg.h"
#include "base/units.h"
#include "cmd/status.h"
#include "record/db.h"
#include "record/rotate.h"
#include "record/store.h"
#include "stream/filter.h"
#include "stream/rec.h"
#include "stream/resume.h"

#define INTERVAL 250 /* of a transaction, milliseconds */

struct recorder {
	const char *path;    /* as it was named */
	char file[PATH_MAX]; /* that is written */
	enum db_mode mode;
	struct db *db;
	struct store *store;
	struct filter *filter;
	int ready;             /* descriptor of -r, or -1 */
	int progress;          /* descriptor of -p, or -1 */
	uint64_t began, shown; /* first time of a record; that of the last line of -p */
	uint64_t samples, live;
	int begun;             /* a transaction is open */
	int failed;            /* the database failed */
	unsigned long unknown; /* records of types that are not stored */
	/* of -R */
	struct resume *resume; /* NULL: there is one file */
	int64_t interval;      /* of a file, nanoseconds */
	int64_t next;          /* where the file ends, nanoseconds since the Epoch */
	uint64_t keep;         /* files; 0: all of them */
};

static const char synopsis[] =
    "usage: rsprof-store [-afhV] [-K FILES] [-p FD] [-R DURATION] [-r FD] FILE\n";

/* ---- the recording ---------------------------------------------------- */

/* Report the database's error.  Returns -1. */
static int
database_failed(struct recorder *r)
{
	warnx("%s", db_error(r->db));
	r->failed = 1;
	return -1;
}

/* Say why a recording cannot be written.  Returns -1. */
static int
open_failed(struct recorder *r, const char *why, const char *hint)
{
	warnx("%s%s", why, hint);
	r->failed = 1;
	return -1;
}

/* Name the file that begins at `wall`, and make room for it. */
static int
name_file(struct recorder *r, int64_t wall)
{
	const char *why;

	if (r->interval == 0) {
		if (snprintf(r->file, sizeof r->file, "%s", r->path) < (int)sizeof r->file)
			return 0;
		return open_failed(r, strerror(ENAMETOOLONG), "");
	}
	if (rotate_name(r->file, sizeof r->file, r->path, wall) < 0)
		return open_failed(r, r->path, ": no name for a file of this time");
	if (r->keep && rotate_purge(r->path, r->keep - 1, &why) < 0)
		return open_failed(r, why, "");
	return 0;
}

/* Open the recording that begins at `wall`, when a record has shown that there is one. */
static int
open_recording(struct recorder *r, int64_t wall)
{
	const char *why, *hint = "";

	if (name_file(r, wall) < 0)
		return -1;
	r->db = db_open(r->file, r->mode, &why);
	if (r->db == NULL) {
		if (errno == EEXIST && r->mode == DB_CREATE)
			hint = r->interval ? " (-f replaces it)" :
			                     " (-f replaces it, -a continues it)";
		return open_failed(r, why, hint);
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
		    r->file, r->file);
		r->failed = 1;
	}
	r->store = NULL;
	r->db = NULL;
}

/* ---- progress ---------------------------------------------------------- */

#define PROGRESS 1000000000 /* ns between two lines */
#define CLEAR "\r\033[K"

/* Print how far the recording has come, over the last such line.  If that fails, nobody
 * looks any more. */
static void
show_progress(struct recorder *r, uint64_t now)
{
	char time[UNITS_MAX], size[UNITS_MAX], line[256];
	int n;

	n = snprintf(line, sizeof line, CLEAR "%s  %" PRIu64 " samples",
	    units_time(time, now - r->began, 0), r->samples);
	if (r->live)
		n += snprintf(line + n, sizeof line - (size_t)n, "  %s live",
		    units_size(size, r->live) + strspn(size, " "));
	if (write(r->progress, line, (size_t)n) < 0)
		r->progress = -1;
	r->shown = now;
}

/* Take a record into the line that says how far the recording has come. */
static void
note_progress(struct recorder *r, const struct rec *rec)
{
	uint64_t now = rec_time(rec);

	r->samples += rec->type == REC_CPU;
	if (rec->type == REC_MEMORY)
		r->live = rec->memory.live;
	if (now == 0)
		return;
	if (r->began == 0)
		r->began = r->shown = now;
	if (now >= r->shown + PROGRESS)
		show_progress(r, now);
}

/* ---- the stream ------------------------------------------------------- */

/* Store a record in the recording that is open. */
static int
store_one(void *ctx, const struct rec *rec)
{
	struct recorder *r = ctx;
	const char *const *what;

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

/* Returns the time of a header in nanoseconds since the Epoch. */
static int64_t
header_wall(const struct rec *rec)
{
	const char *value = rec->type == REC_RSPROF ? rec_attr(&rec->rsprof, "wall") : NULL;
	uint64_t wall;

	return value && arg_number(value, 0, INT64_MAX, &wall) == 0 ? (int64_t)wall : 0;
}

/* Say that memory is missing, unless the failure was reported where it arose.  Returns e. */
static int
rotated(struct recorder *r, int e)
{
	if (e < 0 && !r->failed)
		return open_failed(r, strerror(ENOMEM), "");
	return e;
}

/* End the file, and begin the next one, which has the time `wall` in it. */
static int
rotate(struct recorder *r, int64_t wall)
{
	int64_t start = wall - wall % r->interval, clock = resume_wall(r->resume, 0);

	if (start < clock)
		start = clock;
	if (resume_end(r->resume, r->next) != 0)
		return -1;
	close_recording(r);
	if (r->failed || open_recording(r, start) < 0)
		return -1;
	r->next = rotate_next(wall, r->interval);
	return rotated(r, resume_begin(r->resume, start));
}

static int
on_record(void *ctx, const struct rec *rec)
{
	struct recorder *r = ctx;
	int64_t wall = header_wall(rec);

	if (r->progress >= 0)
		note_progress(r, rec);
	if (r->db == NULL) {
		if (open_recording(r, wall) < 0)
			return -1;
		if (r->interval)
			r->next = rotate_next(wall, r->interval);
	}
	if (r->resume == NULL)
		return store_one(r, rec);
	wall = rec_time(rec) ? resume_wall(r->resume, rec_time(rec)) : 0;
	if (wall >= r->next && rotate(r, wall) < 0)
		return -1;
	return rotated(r, resume_put(r->resume, rec));
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
	if (r->interval && (r->resume = resume_new(store_one, r)) == NULL)
		err(STATUS_FAILED, NULL);
	filter_run(r->filter, (char *[]){ NULL });
	if (r->progress >= 0 && r->shown > r->began && write(r->progress, CLEAR, sizeof CLEAR - 1) < 0)
		r->progress = -1;
	close_recording(r);
	resume_free(r->resume);
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
interval_option(struct recorder *r, const char *s)
{
	uint64_t ns;

	if (arg_duration(s, &ns) < 0 || ns < 1000000000 || ns > INT64_MAX)
		errx(STATUS_USAGE, "-R %s: not a time of at least a second (such as 90, 30m or 1h)",
		    s);
	r->interval = (int64_t)ns;
}

static int
descriptor_option(int option, const char *s)
{
	uint64_t fd;

	if (arg_number(s, 0, 1023, &fd) < 0 || fcntl((int)fd, F_GETFD) < 0)
		errx(STATUS_USAGE, "-%c %s: not an open descriptor", option, s);
	return (int)fd;
}

static void
parse_options(struct recorder *r, int argc, char **argv)
{
	int c, force = 0, append = 0;

	while ((c = next_option(argc, argv, "afK:p:R:r:hV", synopsis)) != -1)
		switch (c) {
		case 'a': append = 1; break;
		case 'f': force = 1; break;
		case 'K':
			if (arg_number(optarg, 1, 1000000, &r->keep) < 0)
				errx(STATUS_USAGE, "-K %s: not a number of files", optarg);
			break;
		case 'R': interval_option(r, optarg); break;
		case 'p': r->progress = descriptor_option(c, optarg); break;
		case 'r': r->ready = descriptor_option(c, optarg); break;
		}
	if (argc - optind != 1 || (force && append))
		usage(synopsis);
	if (r->keep && !r->interval)
		errx(STATUS_USAGE, "-K needs -R");
	if (append && r->interval)
		errx(STATUS_USAGE, "-a and -R: a file that is cut by time is a new one");
	r->path = argv[optind];
	r->mode = append ? DB_APPEND : force ? DB_REPLACE : DB_CREATE;
}

int
main(int argc, char **argv)
{
	struct recorder r = { .ready = -1, .progress = -1 };

	parse_options(&r, argc, argv);
	/* A failed write is reported, and signals of the terminal are for the producer. */
	signal(SIGQUIT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return record(&r);
}
