#include <stdlib.h>

#include "base/arg.h"
#include "base/members.h"
#include "base/quote.h"
#include "profile/digest.h"
#include "profile/digest_report.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "record/db.h"

/* ---- the recording ----------------------------------------------------- */

/* Write a number that the recording has as text, or null if it is none. */
static void
put_meta_number(FILE *out, const struct digest *d, const char *key, const char *meta)
{
	const char *s = db_meta(d->db, meta);
	uint64_t n;

	if (s && arg_number(s, 0, UINT64_MAX, &n) == 0)
		member_number(out, key, n);
	else
		member_text(out, key, NULL);
}

static void
put_process(FILE *out, const struct digest *d)
{
	member_key(out, "process");
	put_meta_number(out, d, "{pid", "pid");
	member_text(out, "name", db_meta(d->db, "name"));
	member_text(out, "exe", db_meta(d->db, "exe"));
	member_text(out, "command", db_meta(d->db, "command"));
	member_text(out, "host", db_meta(d->db, "host"));
	member_text(out, "kernel", db_meta(d->db, "kernel"));
	put_meta_number(out, d, "start_ns", "start");
	putc('}', out);
}

static void
put_place(FILE *out, const char *name, const char *file, uint64_t line, const char *module)
{
	member_text(out, "{function", name);
	member_text(out, "file", file);
	member_some(out, "line", line);
	member_text(out, "module", module);
}

static void
put_stack(FILE *out, const char *unit, const struct digest_stack *s)
{
	member_key(out, "callers");
	putc('[', out);
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			putc(',', out);
		quote_json(out, s->caller[i]);
	}
	putc(']', out);
	member_number(out, unit, s->value);
}

/* ---- time -------------------------------------------------------------- */

static void
put_counts(FILE *out, const char *key, const struct profile_count *c, size_t n, int producers)
{
	member_key(out, key);
	putc('[', out);
	for (size_t i = 0; i < n; i++) {
		if (i)
			putc(',', out);
		if (producers)
			member_text(out, "{producer", c[i].producer);
		member_text(out, producers ? "reason" : "{reason", c[i].reason);
		member_number(out, "count", c[i].count);
		putc('}', out);
	}
	putc(']', out);
}

static void
put_times(FILE *out, const char *key, const struct digest_time *t, size_t n)
{
	member_key(out, key);
	putc('[', out);
	for (size_t i = 0; i < n; i++) {
		members_element(out, i);
		put_place(out, t[i].name, t[i].file, t[i].line, t[i].module);
		member_number(out, "self_ns", t[i].self);
		member_number(out, "total_ns", t[i].total);
		put_stack(out, "stack_ns", &t[i].stack);
		putc('}', out);
	}
	putc(']', out);
}

static void
put_time(FILE *out, const struct digest *d)
{
	const struct profile_summary *s;
	const struct profile_count *c;
	size_t n;

	if (d->time == NULL) {
		member_text(out, "time", NULL);
		return;
	}
	s = profile_summary(d->time);
	member_key(out, "time");
	put_meta_number(out, d, "{hz", "hz");
	member_number(out, "from_ns", s->first);
	member_number(out, "to_ns", s->last);
	member_number(out, "recorded_ns", s->recorded);
	member_bool(out, "live", s->live);
	member_bool(out, "collapsed", recording_has_own(d->of_time));
	member_number(out, "samples", s->samples);
	member_number(out, "complete_samples", s->complete);
	member_number(out, "cpu_ns", s->in[PROFILE_ON]);
	member_number(out, "probes_ns", s->probes_ns);
	member_bool(out, "off_recorded", s->off);
	member_number(out, "off_ns", d->off_ns);
	member_number(out, "waits", d->waited);
	member_number(out, "cost_ns", s->cost_ns);
	member_number(out, "cost_bytes", s->cost_max_rss);
	c = profile_cuts(d->time, &n);
	put_counts(out, "incomplete", c, n, 0);
	c = profile_losses(d->time, &n);
	put_counts(out, "lost", c, n, 1);
	put_times(out, "hottest", d->hot, d->nhot);
	put_times(out, "aside", d->aside, d->naside);
	put_times(out, "waiting", d->waits, d->nwaits);
	putc('}', out);
}

/* ---- memory ------------------------------------------------------------ */

/* Write the members of a sum. */
static void
put_sum(FILE *out, const struct inuse_sum *s)
{
	struct inuse_range live = inuse_live_range(s), bytes = inuse_bytes_range(s);

	member_number(out, "live", s->live);
	member_number(out, "live_min", live.least);
	member_number(out, "live_max", live.most);
	member_bool(out, "live_known", live.known);
	member_number(out, "count", s->count);
	member_number(out, "peak", s->peak);
	member_number(out, "bytes", s->bytes);
	member_number(out, "bytes_min", bytes.least);
	member_number(out, "bytes_max", bytes.most);
	member_bool(out, "bytes_known", bytes.known);
	member_number(out, "allocs", s->allocs);
	member_number(out, "frees", s->frees);
	member_number(out, "temps", s->temps);
}

static void
put_sites(FILE *out, const char *key, const struct digest_memory *m, size_t n)
{
	member_key(out, key);
	putc('[', out);
	for (size_t i = 0; i < n; i++) {
		members_element(out, i);
		put_place(out, m[i].name, m[i].file, m[i].line, m[i].module);
		put_sum(out, &m[i].self);
		if (m[i].grown_known)
			member_signed(out, "grown", m[i].grown);
		else
			member_text(out, "grown", NULL);
		put_stack(out, "stack_live", &m[i].stack);
		putc('}', out);
	}
	putc(']', out);
}

static void
put_memory(FILE *out, const struct digest *d)
{
	const struct inuse_summary *s;

	if (d->memory == NULL) {
		member_text(out, "memory", NULL);
		return;
	}
	s = inuse_summary(d->memory);
	member_key(out, "memory");
	member_bool(out, "{exact", inuse_is_exact(s));
	member_bool(out, "growth", s->growth);
	member_number(out, "sample", s->sample);
	member_text(out, "layer", s->layer);
	member_number(out, "first_ns", s->first);
	member_number(out, "last_ns", s->last);
	member_number(out, "covered_ns", s->covered);
	member_some(out, "rss", s->rss);
	member_number(out, "not_probed", s->missing);
	member_number(out, "lost", s->lost);
	put_sum(out, &s->all);
	put_sites(out, "holds", d->holds, d->nholds);
	put_sites(out, "allocates", d->allocates, d->nallocates);
	putc('}', out);
}

/* ---- the whole --------------------------------------------------------- */

static void
put_advice(FILE *out, const char *key, const struct digest_advice *a, size_t n, const char *what,
    const char *how)
{
	member_key(out, key);
	putc('[', out);
	for (size_t i = 0; i < n; i++) {
		members_element(out, i);
		member_text(out, what, a[i].what);
		member_text(out, how, a[i].how);
		putc('}', out);
	}
	putc(']', out);
}

static void
put_notes(FILE *out, const struct digest *d)
{
	const char *note;

	member_key(out, "notes");
	putc('[', out);
	for (size_t i = 0; d->time && (note = profile_note(d->time, i)); i++) {
		if (i)
			putc(',', out);
		quote_json(out, note);
	}
	putc(']', out);
}

void
digest_json(FILE *out, const struct digest *d, size_t columns)
{
	(void)columns;
	member_number(out, "{report", DIGEST_VERSION);
	member_text(out, "file", d->path);
	put_process(out, d);
	put_time(out, d);
	put_memory(out, d);
	put_advice(out, "warnings", d->warning, d->nwarnings, "{what", "do");
	put_notes(out, d);
	put_advice(out, "next", d->next, d->nnext, "{shows", "command");
	fputs("}\n", out);
}
