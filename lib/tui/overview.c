#include "tui/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/profile.h"
#include "tui/chart.h"
#include "tui/grid.h"
#include "tui/session.h"

#define GAP 3   /* columns between parts */
#define VALUE 6 /* columns of a value */
#define BARS_LEAST 4
#define COVERED 99 /* percentage of time from which the heap is exact */

/* What is drawn, in how many bars. */
struct overview {
	struct session *session;
	uint64_t from, width; /* start; width of a bar in ns */
	size_t bars;
	int estimated; /* the heap is estimated; limit it to RSS */
};

enum what { CPU, HEAP, RSS, NWHAT };

static const char *const label[NWHAT] = { "CPU", "heap", "RSS" };

/* Returns the bytes of a sample; 0 where they are not known.  Recordings without ranges,
 * in which probes were in place only part of the time, overestimate live memory: limit it
 * to what is resident. */
static uint64_t
bytes(const struct overview *s, const struct session_memory *m, enum what what)
{
	if (what == RSS || (s->estimated && !m->ranged && m->rss && m->live > m->rss))
		return m->rss;
	return m->known ? m->live : 0;
}

static int
is_known(const struct overview *s, enum what what)
{
	size_t n;
	const struct session_memory *m = session_memory(s->session, &n);

	if (what == CPU)
		return profile_history(session_profile(s->session), &n) && n > 0;
	while (n && !bytes(s, m, what)) {
		m++;
		n--;
	}
	return n > 0;
}

static int
count_known(const struct overview *s)
{
	int n = 0;

	for (int i = 0; i < NWHAT; i++)
		n += is_known(s, (enum what)i);
	return n;
}

/* Get the maximum in each bar.  Bars without a sample repeat the one before. */
static void
most_bytes(const struct overview *s, enum what what, double *value)
{
	size_t n, i = 0;
	const struct session_memory *m = session_memory(s->session, &n);

	for (size_t b = 0; b < s->bars; b++) {
		uint64_t end = s->from + (b + 1) * s->width, most = 0;

		for (; i < n && m[i].time < end; i++)
			if (bytes(s, &m[i], what) > most)
				most = bytes(s, &m[i], what);
		value[b] = most || b == 0 ? (double)most : value[b - 1];
	}
}

/* Get the percentage of a core in each bar.  Steps that straddle bars are split. */
static void
percents(const struct overview *s, double *value)
{
	size_t n;
	const uint64_t *ns = profile_history(session_profile(s->session), &n);

	memset(value, 0, s->bars * sizeof *value);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = i * PROFILE_HISTORY_STEP, end = at + PROFILE_HISTORY_STEP, to;
		double each = 100.0 * (double)ns[i] / (double)PROFILE_HISTORY_STEP / (double)s->width;

		for (at = at < s->from ? s->from : at; at < end; at = to) {
			size_t b = (size_t)((at - s->from) / s->width);

			to = s->from + (b + 1) * s->width;
			to = to < end ? to : end;
			if (b < s->bars)
				value[b] += each * (double)(to - at);
		}
	}
}

static void
values(const struct overview *s, enum what what, double *value)
{
	if (what == CPU)
		percents(s, value);
	else
		most_bytes(s, what, value);
}

/* Returns the value at the cursor, or the latest. */
static double
value_at(const struct overview *s, enum what what, const double *value)
{
	uint64_t time = session_span(s->session)->cursor;
	size_t n, b = time > s->from ? (size_t)((time - s->from) / s->width) : 0;
	const struct session_memory *m = session_memory(s->session, &n);

	if (time)
		return value[b < s->bars ? b : s->bars - 1];
	if (what == CPU)
		return 100.0 * session_cores(s->session);
	while (n > 1 && !bytes(s, &m[n - 1], what))
		n--;
	return (double)bytes(s, &m[n - 1], what);
}

/* Returns the sign before a value: "~" for estimates, "<" for those limited to RSS. */
static const char *
sign(const struct overview *s, enum what what, double value)
{
	struct overview raw = *s;
	double *all;
	int less = 0;

	if (what != HEAP || !s->estimated)
		return "";
	raw.estimated = 0;
	all = calloc(s->bars, sizeof *all);
	if (all) {
		values(&raw, what, all);
		less = value_at(&raw, what, all) > value;
	}
	free(all);
	return less ? "<" : "~";
}

/* Get the time to draw bright: the selection, or else what charts show. */
static void
bright(const struct overview *s, uint64_t *from, uint64_t *to)
{
	const struct profile_select *range = profile_selected(session_profile(s->session));
	const struct session_span *span = session_span(s->session);
	uint64_t last = span->end ? span->end : session_summary(s->session)->last;

	*from = range->from;
	*to = range->to;
	if (*from || *to != UINT64_MAX || !span->length)
		return;
	*from = last > span->length ? last - span->length : 0;
	*to = last;
}

static void
draw_bars(const struct overview *s, const double *value, struct grid *g,
    const struct grid_area *area)
{
	uint64_t cursor = session_span(s->session)->cursor, from, to;
	double most = 0;

	bright(s, &from, &to);
	for (size_t i = 0; i < s->bars; i++)
		most = value[i] > most ? value[i] : most;
	for (size_t i = 0; i < s->bars; i++) {
		struct grid_area bar = { area->y, area->x + (int)i, area->rows, 1 };
		uint64_t begin = s->from + i * s->width, end = begin + s->width;
		int height = most > 0 ? (int)(value[i] / most * 8 * area->rows + 0.5) : 0;

		chart_bar(g, &bar, value[i] > 0 && height < 1 ? 1 : height,
		    begin < to && end > from ? GRID_CHART : GRID_FAINT);
		if (cursor && cursor >= begin && cursor < end)
			grid_add_style(g, bar, GRID_SELECTED);
	}
}

static void
draw_part(const struct overview *s, enum what what, struct grid *g, const struct grid_area *area)
{
	struct grid_area bars = *area;
	double *value = calloc(s->bars, sizeof *value);
	int y = area->y + area->rows - 1, x;
	char buf[32], text[40];
	double now;

	if (value == NULL)
		return;
	values(s, what, value);
	x = grid_put(g, y, area->x, area->columns, GRID_FAINT, label[what]) + 1;
	now = value_at(s, what, value);
	snprintf(text, sizeof text, "%s%s", sign(s, what, now),
	    chart_value(now, what != CPU, buf, sizeof buf));
	grid_put_right(g, y, x, VALUE, GRID_STRONG, text);
	bars.columns = (int)s->bars;
	bars.x = area->x + area->columns - bars.columns;
	draw_bars(s, value, g, &bars);
	free(value);
}

/* Draw all parts with the same width, and their bars with the same time. */
void
overview_draw(struct session *session, struct grid *g, const struct grid_area *area)
{
	const struct profile_summary *all = session_summary(session);
	struct overview s = { .session = session, .from = all->first,
		.estimated = session_covered(session) >= 0 && session_covered(session) < COVERED };
	int n = count_known(&s), width = n ? (area->columns - 2 - GAP * (n - 1)) / n : 0;
	int bars = width - (int)strlen(label[HEAP]) - 1 - VALUE - 1;
	struct grid_area part = { area->y, area->x + 1, area->rows, width };

	if (bars < BARS_LEAST)
		return;
	s.bars = (size_t)bars;
	s.width = (all->last - all->first) / s.bars + 1;
	for (int i = 0; i < NWHAT; i++)
		if (is_known(&s, (enum what)i)) {
			draw_part(&s, (enum what)i, g, &part);
			part.x += width + GAP;
		}
}

const char *const *
overview_words(void)
{
	static const char *const words[] = {
		"CPU", "of the whole process, in percent of a core: now, and over time",
		"heap", "allocated and not freed; ~: an estimate, <: it is less than that",
		"RSS", "resident memory",
		NULL
	};

	return words;
}
