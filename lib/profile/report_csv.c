/* RFC 4180. */
#include <inttypes.h>

#include "base/quote.h"
#include "profile/profile.h"
#include "profile/report.h"

static void
put_text(FILE *out, const char *s)
{
	putc(',', out);
	if (s)
		quote_csv(out, s);
}

static void
put_states(FILE *out, enum profile_metric metric, const struct profile_row *row)
{
	unsigned i = metric == PROFILE_WALL ? PROFILE_ON : PROFILE_READY;

	for (; i < PROFILE_NSTATES; i++)
		fprintf(out, ",%" PRIu64, row->in[i]);
	fprintf(out, ",%" PRIu64, row->waits);
}

static void
put_row(FILE *out, enum profile_metric metric, enum profile_group group,
    const struct profile_row *row)
{
	fprintf(out, "%" PRIu64 ",%" PRIu64, row->self, row->total);
	if (metric != PROFILE_CPU)
		put_states(out, metric, row);
	if (metric == PROFILE_WALL && group == PROFILE_THREAD)
		fprintf(out, ",%" PRIu64, row->present);
	if (group == PROFILE_THREAD)
		fprintf(out, ",%" PRIu64 ",%" PRIu64, row->pid, row->tid);
	put_text(out, row->name);
	if (group == PROFILE_CRATE)
		put_text(out, row->version);
	if (group <= PROFILE_LINE) {
		put_text(out, row->file);
		putc(',', out);
		if (row->line)
			fprintf(out, "%" PRIu64, row->line);
		put_text(out, row->module);
	}
	fputs("\r\n", out);
}

void
report_csv(FILE *out, const struct report *r)
{
	static const char *const header[PROFILE_NGROUPS] = {
		[PROFILE_FUNCTION] = "function,file,line,module",
		[PROFILE_GENERIC] = "function,file,line,module",
		[PROFILE_LINE] = "function,file,line,module",
		[PROFILE_CRATE] = "crate,version",
		[PROFILE_MODULE] = "module",
		[PROFILE_THREAD] = "pid,tid,thread",
	};
	enum profile_group group = profile_grouping(r->profile);
	enum profile_metric metric = profile_measured(r->profile);
	size_t i;

	fputs("self_ns,total_ns,", out);
	if (metric == PROFILE_WALL)
		fputs("on_ns,", out);
	if (metric != PROFILE_CPU)
		fputs("ready_ns,sleeping_ns,disk_ns,stopped_ns,waits,", out);
	if (metric == PROFILE_WALL && group == PROFILE_THREAD)
		fputs("present_ns,", out);
	fprintf(out, "%s\r\n", header[group]);
	for (i = 0; i < r->shown; i++)
		put_row(out, metric, group, &r->row[i]);
	for (i = 0; i < r->specials; i++)
		put_row(out, metric, group, &r->special[i]);
}
