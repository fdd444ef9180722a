/*
 * What the commands have in common that export a stream in another format.
 */
#ifndef EXPORT_COMMAND_H
#define EXPORT_COMMAND_H

#include <err.h>
#include <stdio.h>
#include <string.h>

#include "cmd/status.h"
#include "export/export.h"
#include "stream/filter.h"

struct export_run {
	struct filter *filter;
	struct export *export;
	const char *why; /* nothing can be exported, or NULL */
};

static inline int
export_on_record(void *ctx, const struct rec *r)
{
	struct export_run *x = ctx;
	const char *warning;

	if ((x->why = export_record(x->export, r)))
		return -1;
	if ((warning = export_warning(x->export)) == NULL)
		return 0;
	if (strncmp(warning, "skipped: ", 9) == 0)
		filter_skip(x->filter, warning + 9);
	else
		filter_warn(x->filter, warning);
	return 0;
}

/* Returns whether the stream has what was asked for; says so if not. */
static inline int
export_has(const struct export *e, const struct export_options *o)
{
	unsigned any = e->has[EXPORT_ON_CPU] + e->has[EXPORT_OFF_CPU] + e->has[EXPORT_HEAP];

	if (o->value == EXPORT_NVALUES ? any : e->total[o->value] || (o->wall && e->total[EXPORT_OFF]))
		return 1;
	if (o->value >= EXPORT_ALLOCS && o->value < EXPORT_NVALUES)
		warnx("the stream has no memory (rsprof-heap(1) records it)");
	else if (o->value == EXPORT_OFF)
		warnx("the stream has no time off the CPU (rsprof-cpu -o records it)");
	else
		warnx("the stream has no samples");
	return 0;
}

/* Read the streams of a list of files, or standard input, into an export.  Sets *status where
 * something failed. */
static inline struct export *
export_read(const struct export_format *format, const struct export_options *o, char *const file[],
    int *status)
{
	struct export_run x = { 0 };
	const struct filter_sink sink = { .record = export_on_record, .report = report_input,
		.needs_end = 1, .ctx = &x };

	x.export = export_new(format, o);
	x.filter = filter_new(&sink);
	if (x.export == NULL || x.filter == NULL)
		err(STATUS_FAILED, NULL);
	filter_run(x.filter, file);
	if (filter_failed(x.filter))
		*status = STATUS_FAILED;
	if (x.why)
		errx(STATUS_FAILED, "%s", x.why);
	if (x.export->start && !export_has(x.export, o))
		*status = STATUS_FAILED;
	filter_free(x.filter);
	return x.export;
}

/* Say how far the figures of a format may be off that has no place to say it. */
static inline void
export_doubts(const struct export *e, const struct export_options *o)
{
	static const enum export_value values[] = { EXPORT_LIVE, EXPORT_BYTES };
	char text[EXPORT_DOUBT_MAX];

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (e->format->no_remarks && o->value == values[i] &&
		    export_doubt(e, values[i], text))
			warnx("%s", text);
}

/* Read streams as export_read() does, and write what is in them to standard output.  Returns the
 * exit status. */
static inline int
export_files(const struct export_format *format, const struct export_options *o,
    char *const file[])
{
	int status = STATUS_OK;
	struct export *e = export_read(format, o, file, &status);

	if (e->start && export_write(e, stdout) < 0)
		err(STATUS_FAILED, NULL);
	export_doubts(e, o);
	export_free(e);
	close_output();
	return status;
}

#endif
