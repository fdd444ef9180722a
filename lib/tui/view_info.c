#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "profile/profile.h"
#include "record/db.h"
#include "symbol/shorten.h"
#include "tui/grid.h"
#include "tui/pager.h"
#include "tui/session.h"
#include "tui/view.h"

/*
 * Facts about the recording: program, streams, losses and their reasons, notes.
 */

#define LABEL 18 /* columns */
#define VALUE_MAX 200 /* columns of a fact, such as a long command line */

struct view_info {
	struct session *session;
	struct pager *pager;
};

/* ---- the text ---------------------------------------------------------- */

static const struct {
	const char *key, *label;
} facts[] = {
	{ "name", "program" },
	{ "pid", "process" },
	{ "command", "command" },
	{ "exe", "executable" },
	{ "host", "host" },
	{ "kernel", "kernel" },
	{ "arch", "processor" },
	{ "hz", "samples/second" },
};

static void
add_start(struct view_info *v)
{
	const char *start = db_meta(session_db(v->session), "start");
	time_t seconds = start ? (time_t)(atoll(start) / 1000000000) : 0;
	struct tm tm;
	char buf[64];

	if (start == NULL || localtime_r(&seconds, &tm) == NULL)
		return;
	strftime(buf, sizeof buf, "%Y-%m-%d %H:%M:%S %z", &tm);
	pager_add(v->pager, GRID_FAINT, "started", LABEL, buf);
}

static void
add_facts(struct view_info *v)
{
	char text[4 * VALUE_MAX];
	const char *value;

	pager_add(v->pager, GRID_STRONG, "Recording", 0, NULL);
	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
		value = db_meta(session_db(v->session), facts[i].key);
		if (value == NULL)
			continue;
		shorten_text(text, sizeof text, value, VALUE_MAX);
		pager_add(v->pager, GRID_FAINT, facts[i].label, LABEL, text);
	}
	add_start(v);
}

static void
add_stream(struct view_info *v, struct db_stmt *s)
{
	const char *producer = db_text(s, 0), *how = db_text(s, 2);
	char buf[UNITS_MAX];

	if (db_is_null(s, 1)) {
		pager_printf(v->pager, GRID_FAINT, "stream", LABEL, "%s, %s",
		    producer ? producer : "?", db_live(session_db(v->session)) ?
		    "running" : "cut off: not finished");
		return;
	}
	pager_printf(v->pager, GRID_FAINT, "stream", LABEL,
	    "%s, ended at %s (%s)", producer ? producer : "?", units_time(buf, (uint64_t)db_int(s, 1), 1),
	    how ? how : "?");
}

static void
add_streams(struct view_info *v)
{
	struct db_stmt *s = db_prepare(session_db(v->session),
	    "SELECT producer, ended, how FROM stream ORDER BY id");

	while (s && db_step(s) == 1)
		add_stream(v, s);
	db_finalize(s);
}

static void
add_losses(struct view_info *v)
{
	const struct profile_count *c;
	size_t n;

	c = profile_losses(session_profile(v->session), &n);
	if (n == 0)
		pager_add(v->pager, GRID_FAINT, "lost", LABEL, "none");
	for (size_t i = 0; i < n; i++)
		pager_printf(v->pager, GRID_WARN, "lost", LABEL,
		    "%" PRIu64 " %s%s%s", c[i].count,
		    c[i].reason ? c[i].reason : "for an unknown reason",
		    c[i].producer ? " in " : "",
		    c[i].producer ? c[i].producer : "");
}

static void
add_cut(struct view_info *v, const struct profile_count *c)
{
	/* too short for a stack: not a fault */
	int style = strcmp(c->reason, "short") ? GRID_WARN : GRID_FAINT;

	if (profile_measured(session_profile(v->session)) == PROFILE_CPU)
		pager_printf(v->pager, style, "cut stacks", LABEL,
		    "%" PRIu64 " %s", c->count, c->reason);
	else
		pager_printf(v->pager, style, "cut stacks", LABEL,
		    "%.3f s %s", (double)c->ns / 1e9, c->reason);
}

static void
add_stacks(struct view_info *v)
{
	const struct profile_summary *s = session_summary(v->session);
	const struct profile *p = session_profile(v->session);
	const struct profile_count *c;
	size_t n;

	if (profile_measured(p) == PROFILE_CPU)
		pager_printf(v->pager, GRID_FAINT, "complete stacks", LABEL,
		    "%" PRIu64 ", %.2f%%", s->complete,
		    units_percent(s->complete, s->samples));
	else
		pager_printf(v->pager, GRID_FAINT, "complete stacks", LABEL,
		    "%.3f s, %.2f%%", (double)s->complete_ns / 1e9,
		    units_percent(s->complete_ns, s->ns - s->probes_ns));
	c = profile_cuts(p, &n);
	for (size_t i = 0; i < n; i++)
		add_cut(v, &c[i]);
}

static void
add_off(struct view_info *v)
{
	const struct profile_summary *s = session_summary(v->session);

	if (!s->off)
		return;
	pager_printf(v->pager, GRID_FAINT, "waits", LABEL, "%" PRIu64, s->waits);
	for (unsigned i = PROFILE_READY; i < PROFILE_NSTATES; i++)
		if (s->in[i])
			pager_printf(v->pager, GRID_FAINT, profile_state_name(i),
			    LABEL, "%.3f s", (double)s->in[i] / 1e9);
}

static void
add_samples(struct view_info *v)
{
	const struct profile_summary *s = session_summary(v->session);

	pager_add(v->pager, GRID_PLAIN, NULL, 0, NULL);
	pager_add(v->pager, GRID_STRONG, "Samples", 0, NULL);
	pager_printf(v->pager, GRID_FAINT, "taken", LABEL, "%" PRIu64
	    ", %.3f s of CPU time", s->samples,
	    (double)s->in[PROFILE_ON] / 1e9);
	add_off(v);
	add_stacks(v);
	add_losses(v);
	pager_printf(v->pager, GRID_FAINT, "profiler's cost", LABEL,
	    "%.3f s, %.2f%% of a core, %.1f MB", (double)s->cost_ns / 1e9,
	    units_percent(s->cost_ns, s->recorded), (double)s->cost_max_rss / 1e6);
}

static void
add_notes(struct view_info *v)
{
	const char *note;

	for (size_t i = 0; (note = profile_note(session_profile(v->session), i));
	    i++) {
		if (i == 0) {
			pager_add(v->pager, GRID_PLAIN, NULL, 0, NULL);
			pager_add(v->pager, GRID_STRONG, "Notes", 0, NULL);
		}
		pager_add(v->pager, GRID_FAINT, "-", 2, note);
	}
}

static int
info_update(void *view)
{
	struct view_info *v = view;

	pager_clear(v->pager);
	add_facts(v);
	add_streams(v);
	add_samples(v);
	add_notes(v);
	return pager_check(v->pager);
}

/* ---- the view ---------------------------------------------------------- */

static void
info_close(void *view)
{
	struct view_info *v = view;

	if (v == NULL)
		return;
	pager_close(v->pager);
	free(v);
}

static void *
info_open(struct session *session)
{
	struct view_info *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	v->session = session;
	v->pager = pager_open();
	if (v->pager)
		return v;
	info_close(v);
	return NULL;
}

static struct pager *
info_pager(void *view)
{
	struct view_info *v = view;

	return v->pager;
}

const struct view_type *
view_info(void)
{
	static const struct view_type type = {
		.name = "information", .open = info_open, .close = info_close,
		.update = info_update, .pager = info_pager,
	};

	return &type;
}
