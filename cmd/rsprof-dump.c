/*
 * rsprof-dump writes a recording as the record stream that made it: one row of
 * an SQLite database in, one record out.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arg.h"
#include "cmd/status.h"
#include "record/db.h"
#include "record/dump.h"
#include "stream/rec.h"

static struct rec_out out;

static const char synopsis[] =
    "usage: rsprof-dump [-hV] [-p PID] [-s SINCE] [-t THREAD] [-u UNTIL] FILE\n";

static int
put(void *ctx, const struct rec *r)
{
	(void)ctx;
	return (r->line ? rec_out_pass(&out, r) : rec_out_put(&out, r)) < 0;
}

/* Write the records of a recording that is open.  Returns the exit status. */
static int
dump(struct db *db, const char *path, const struct dump_options *o)
{
	unsigned long damaged;
	int e = dump_recording(db, o, put, NULL, &damaged), status = STATUS_OK;

	if (e < 0) {
		warnx("%s", db_error(db));
		status = STATUS_DATABASE;
	}
	if (rec_out_flush(&out) < 0) {
		warn(CANNOT_WRITE);
		return STATUS_FAILED;
	}
	if (damaged && e == 0) {
		warnx("%s: %lu rows are damaged: they are left out, or incomplete", path, damaged);
		status = STATUS_FAILED;
	}
	return status;
}

static int64_t
time_option(const char *s)
{
	uint64_t ns;

	if (arg_duration(s, &ns) < 0 || ns > INT64_MAX)
		errx(STATUS_USAGE, "bad time: %s (such as 90, 1.5, 30s or 1h30m)", s);
	return (int64_t)ns;
}

static void
parse_options(struct dump_options *o, int argc, char **argv)
{
	int c;

	while ((c = next_option(argc, argv, "p:s:t:u:hV", synopsis)) != -1)
		switch (c) {
		case 'p':
			if (arg_number(optarg, 1, UINT32_MAX, &o->pid) < 0)
				errx(STATUS_USAGE, "bad process: %s", optarg);
			break;
		case 's': o->since = time_option(optarg); break;
		case 't': o->thread = optarg; break;
		case 'u': o->until = time_option(optarg); break;
		}
	if (argc - optind != 1)
		usage(synopsis);
	if (o->until <= o->since)
		errx(STATUS_USAGE, "-u must be later than -s");
}

int
main(int argc, char **argv)
{
	struct dump_options o = { .until = INT64_MAX };
	const char *why;
	struct db *db;
	int status;

	parse_options(&o, argc, argv);
	if ((db = db_open(argv[optind], DB_READ, &why)) == NULL)
		errx(STATUS_DATABASE, "%s", why);
	rec_out_init(&out, STDOUT_FILENO, REC_LINE_MAX);
	status = dump(db, argv[optind], &o);
	db_close(db);
	return status;
}
