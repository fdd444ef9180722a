#include <inttypes.h>

#include "base/arg.h"
#include "base/quote.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "profile/report.h"
#include "record/db.h"
#include "symbol/shorten.h"

/* ---- values ------------------------------------------------------------ */

/* Write a key: "{key" opens an object, "key" continues it. */
static void
put_key(FILE *out, const char *key)
{
	int first = *key == '{';

	fprintf(out, "%c\"%s\":", first ? '{' : ',', key + first);
}

static void
put_number(FILE *out, const char *key, uint64_t n)
{
	put_key(out, key);
	fprintf(out, "%" PRIu64, n);
}

static void
put_text(FILE *out, const char *key, const char *s)
{
	put_key(out, key);
	quote_json(out, s);
}

static void
put_truth(FILE *out, const char *key, int truth)
{
	put_key(out, key);
	fputs(truth ? "true" : "false", out);
}

/* ---- the summary ------------------------------------------------------- */

static void
put_meta(FILE *out, const struct report *r, const char *key)
{
	put_text(out, key, db_meta(r->db, key));
}

/* Write a number that the recording stores as text, or null if it is not one. */
static void
put_meta_number(FILE *out, const struct report *r, const char *key,
    const char *meta)
{
	const char *s = db_meta(r->db, meta);
	uint64_t n;

	if (s && arg_number(s, 0, UINT64_MAX, &n) == 0)
		put_number(out, key, n);
	else
		put_text(out, key, NULL);
}

static void
put_process(FILE *out, const struct report *r)
{
	put_meta_number(out, r, "pid", "pid");
	put_meta(out, r, "name");
	put_meta(out, r, "exe");
	put_meta(out, r, "command");
	put_meta(out, r, "host");
	put_meta(out, r, "kernel");
	put_meta_number(out, r, "hz", "hz");
	put_meta_number(out, r, "start_ns", "start");
}

static void
put_counts(FILE *out, const char *key, const struct profile_count *c,
    size_t n, int producers, int times)
{
	size_t i;

	put_key(out, key);
	putc('[', out);
	for (i = 0; i < n; i++) {
		if (i)
			putc(',', out);
		if (producers)
			put_text(out, "{producer", c[i].producer);
		put_text(out, producers ? "reason" : "{reason", c[i].reason);
		put_number(out, "count", c[i].count);
		if (times)
			put_number(out, "ns", c[i].ns);
		putc('}', out);
	}
	putc(']', out);
}

static void
put_notes(FILE *out, const struct report *r)
{
	const char *note;
	size_t i;

	put_key(out, "notes");
	putc('[', out);
	for (i = 0; (note = profile_note(r->profile, i)); i++) {
		if (i)
			putc(',', out);
		quote_json(out, note);
	}
	putc(']', out);
}

/* Write the nanoseconds of each off-CPU state. */
static void
put_states(FILE *out, const uint64_t *in)
{
	char key[32];
	unsigned i;

	for (i = PROFILE_READY; i < PROFILE_NSTATES; i++) {
		snprintf(key, sizeof key, "%s_ns", profile_state_name(i));
		put_number(out, key, in[i]);
	}
}

static void
put_off(FILE *out, const struct profile_summary *sum)
{
	if (sum->off && sum->off_least != UINT64_MAX)
		put_number(out, "off_least_ns", sum->off_least);
	else
		put_text(out, "off_least_ns", NULL);
	put_states(out, sum->in);
	put_number(out, "waits", sum->waits);
	put_number(out, "complete_ns", sum->complete_ns);
}

static void
put_summary(FILE *out, const struct report *r)
{
	const struct profile_summary *sum = profile_summary(r->profile);
	const struct profile_count *c;
	size_t n;

	put_number(out, "from_ns", sum->first);
	put_number(out, "to_ns", sum->last);
	put_number(out, "recorded_ns", sum->recorded);
	put_truth(out, "live", sum->live);
	put_number(out, "samples", sum->samples);
	put_number(out, "cpu_ns", sum->in[PROFILE_ON]);
	put_number(out, "probes_ns", sum->probes_ns);
	if (profile_measured(r->profile) != PROFILE_CPU)
		put_off(out, sum);
	put_number(out, "complete_samples", sum->complete);
	c = profile_cuts(r->profile, &n);
	put_counts(out, "incomplete", c, n, 0,
	    profile_measured(r->profile) != PROFILE_CPU);
	c = profile_losses(r->profile, &n);
	put_counts(out, "lost", c, n, 1, 0);
	put_number(out, "cost_ns", sum->cost_ns);
	put_number(out, "cost_bytes", sum->cost_max_rss);
	put_notes(out, r);
}

/* ---- the rows ---------------------------------------------------------- */

static void
put_location(FILE *out, const struct profile_row *row)
{
	put_text(out, "{function", row->name);
	put_text(out, "file", row->file);
	if (row->line)
		put_number(out, "line", row->line);
	else
		put_text(out, "line", NULL);
	put_text(out, "module", row->module);
}

static void
put_row(FILE *out, enum profile_metric metric, enum profile_group group,
    const struct profile_row *row)
{
	if (group == PROFILE_THREAD) {
		put_text(out, "{thread", row->name);
		put_number(out, "pid", row->pid);
		put_number(out, "tid", row->tid);
	} else if (group == PROFILE_MODULE) {
		put_text(out, "{module", row->name);
	} else if (group == PROFILE_CRATE) {
		put_text(out, "{crate", row->name);
		put_text(out, "version", row->version);
	} else {
		put_location(out, row);
	}
	put_number(out, "self_ns", row->self);
	put_number(out, "total_ns", row->total);
	if (metric == PROFILE_WALL)
		put_number(out, "on_ns", row->in[PROFILE_ON]);
	if (metric != PROFILE_CPU) {
		put_states(out, row->in);
		put_number(out, "waits", row->waits);
	}
	if (metric == PROFILE_WALL && group == PROFILE_THREAD)
		put_number(out, "present_ns", row->present);
	if (group != PROFILE_THREAD) {
		put_text(out, "callee", row->callee);
		put_number(out, "callee_ns", row->callee_ns);
	}
	put_truth(out, "special", row->special);
	putc('}', out);
}

/* Write rows, of which `before` have been written. */
static void
put_rows(FILE *out, const struct report *r, const struct profile_row *row, size_t n,
    size_t before)
{
	for (size_t i = 0; i < n; i++) {
		fputs(before + i ? ",\n" : "\n", out);
		put_row(out, profile_measured(r->profile), profile_grouping(r->profile), &row[i]);
	}
}

void
report_json(FILE *out, const struct report *r)
{
	put_text(out, "{metric", profile_metric_name(profile_measured(r->profile)));
	put_text(out, "group", profile_group_name(profile_grouping(r->profile)));
	put_truth(out, "collapsed", profile_is_collapsed(r->profile) &&
	    recording_has_own(profile_recording(r->profile)));
	put_text(out, "file", r->path);
	put_process(out, r);
	put_summary(out, r);
	put_number(out, "rows_total", r->rows);
	put_key(out, "rows");
	putc('[', out);
	put_rows(out, r, r->row, r->shown, 0);
	put_rows(out, r, r->special, r->specials, r->shown);
	fputs("]}\n", out);
}
