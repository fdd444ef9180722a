/*
 * rsprof-import makes a record stream of what another profiler has recorded: text
 * of perf script, or folded stacks.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/status.h"
#include "export/import.h"
#include "stream/filter.h"
#include "stream/rec.h"

static struct rec_out out;

static const char synopsis[] =
    "usage: rsprof-import [-hV] [-e EVENT] [-u UNIT] [FILE]\n";

static int
put(void *ctx, const struct rec *r)
{
	(void)ctx;
	return rec_out_put(&out, r) < 0;
}

/* Read all lines of a file.  Returns the exit status. */
static int
import_file(struct import *import, FILE *in, const char *name)
{
	char *line = NULL;
	size_t room = 0;
	unsigned long number = 0, bad = 0;
	ssize_t n;
	int e = 0;

	while (e <= 0 && (n = getline(&line, &room, in)) >= 0) {
		number++;
		if (n && line[n - 1] == '\n')
			line[n - 1] = '\0';
		e = import_line(import, line);
		if (e < 0 && bad++ < FILTER_REPORTS)
			report_input(NULL, name, number, import_error(import));
	}
	free(line);
	if (ferror(in))
		report_input(NULL, name, 0, strerror(errno));
	if (bad > FILTER_REPORTS)
		warnx("%s: %lu more bad lines", name, bad - FILTER_REPORTS);
	if (e <= 0 && (e = import_end(import)) < 0)
		report_input(NULL, name, 0, import_error(import));
	return e || bad || ferror(in) ? STATUS_FAILED : STATUS_OK;
}

int
main(int argc, char *argv[])
{
	struct import_options o = { .put = put };
	struct import *import;
	FILE *in = stdin;
	int c, status;

	while ((c = next_option(argc, argv, "e:u:hV", synopsis)) != -1)
		switch (c) {
		case 'e': o.event = optarg; break;
		case 'u': o.unit = optarg; break;
		}
	if (argc - optind > 1)
		usage(synopsis);
	if (argv[optind] && (in = fopen(argv[optind], "re")) == NULL)
		err(STATUS_FAILED, "%s", argv[optind]);
	if ((import = import_new(&o)) == NULL)
		err(STATUS_FAILED, NULL);
	rec_out_init(&out, STDOUT_FILENO, REC_LINE_MAX);
	status = import_file(import, in, argv[optind] ? argv[optind] : "<stdin>");
	if (import_others(import))
		warnx("%lu samples of other events were left out (-e EVENT chooses one)",
		    import_others(import));
	import_free(import);
	if (rec_out_flush(&out) < 0)
		err(STATUS_FAILED, CANNOT_WRITE);
	return status;
}
