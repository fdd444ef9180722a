#include "plot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "grid.h"
#include "keys.h"
#include "profile.h"
#include "view.h"
#include "watch.h"

#define AUTO_ROWS 16  /* of the view, from which there is a chart */
#define LEAST_ROWS 10 /* from which there can be one */
#define SAMPLES 20    /* a busy thread has in a bucket, at least */
#define SECOND UINT64_C(1000000000)
#define SPAN_LEAST (5 * SECOND)
#define SPAN_MOST (86400 * SECOND)

enum show { SHOW_AUTO,
	SHOW_YES,
	SHOW_NO };

/* Values of buckets, and what they were made from. */
struct series {
	uint64_t from, width, last;
	unsigned id;
	int variant, valid;
	double *value, *over;
	size_t n, buckets, size;
};

struct plot {
	struct watch *watch;
	enum show show;
	int rows; /* of the view that was drawn last */
	struct series series;
	struct grid_area drawn; /* the chart itself, without its axes */
	uint64_t pressed;       /* a time; 0: nowhere */
};

struct plot *
plot_open(struct watch *w)
{
	struct plot *p = calloc(1, sizeof(*p));

	if (p)
		p->watch = w;
	return p;
}

void
plot_close(struct plot *p)
{
	if (!p)
		return;
	free(p->series.value);
	free(p->series.over);
	free(p);
}

/* The rows that it gets of a view of so many; 0: it is not shown. */
static int
plot_rows(struct plot *p, int rows)
{
	int want = rows * 2 / 5;

	p->rows = rows;
	if (p->show == SHOW_NO || rows < LEAST_ROWS ||
	    (p->show == SHOW_AUTO && rows < AUTO_ROWS))
		return 0;
	return want < CHART_ROWS_MIN + 1 ? CHART_ROWS_MIN + 1 :
	    want > 16 ? 16 : want;
}

struct grid_area
plot_split(struct plot *p, const struct grid_area *area, int any, struct grid_area *table)
{
	struct grid_area plot = *area;

	*table = *area;
	plot.rows = any ? plot_rows(p, area->rows) : 0;
	table->rows -= plot.rows;
	plot.y += table->rows;
	return plot;
}

/* ---- the axis ---------------------------------------------------------- */

static int
series_room(struct series *s, size_t n)
{
	double *value, *over;

	if (n <= s->size)
		return 0;
	value = reallocarray(s->value, n, sizeof(*value));
	if (value)
		s->value = value;
	over = reallocarray(s->over, n, sizeof(*over));
	if (over)
		s->over = over;
	if (!value || !over)
		return -1;
	s->size = n;
	return 0;
}

static uint64_t
last_time(const struct plot *p)
{
	const struct profile_summary *all = watch_summary(p->watch);

	return all->measured > all->first ? all->measured : all->first;
}

/*
 * All of the time, or what is chosen of it, in buckets.  While it goes on they
 * are round ones and stay what they are until the axis is full; the one that is
 * not over yet is left out until half of it is.
 */
static void
series_axis(const struct plot *p, struct series *s, size_t room)
{
	const struct profile_summary *all = watch_summary(p->watch);
	const struct watch_span *span = watch_span(p->watch);
	uint64_t last = last_time(p), from = all->first, duration;
	int going = watch_state(p->watch) < WATCH_CUT_OFF;

	if (span->length) {
		going = going && !span->end;
		last = span->end ? span->end : last;
		from = last > from + span->length ? last - span->length : from;
	}
	duration = last - from;
	s->last = last;
	s->width = chart_bucket(duration, room, SAMPLES * watch_period(p->watch));
	s->from = span->length ? from - from % s->width : from;
	if (s->from < all->first)
		s->from = all->first;
	duration = last - s->from;
	if (going) {
		s->buckets = room;
		s->n = (size_t)((duration + s->width / 2) / s->width);
		s->n = s->n > room ? room : s->n;
		return;
	}
	s->n = s->buckets = (size_t)(duration / s->width);
	if (s->n == 0)
		s->n = s->buckets = 1;
	if (s->n > room)
		s->n = s->buckets = room;
	s->width = duration / s->n + 1;
}

/* Whether what is drawn from them is the same, or nearly: long buckets need
 * not be counted again for each sample. */
static int
is_same(const struct series *a, const struct series *b)
{
	return a->valid && a->id == b->id && a->variant == b->variant &&
	    a->from == b->from && a->width == b->width && a->n == b->n &&
	    a->buckets == b->buckets && b->last - a->last <= a->width / 8;
}

/* In at most so many buckets. */
static int
series_read(struct plot *p, const struct plot_source *from, size_t room)
{
	struct series *s = &p->series, next = *s;

	next.id = from->id;
	next.variant = from->variant;
	series_axis(p, &next, room);
	if (is_same(s, &next))
		return 0;
	next.valid = series_room(&next, room) == 0 &&
	    from->read(from->ctx, next.id, next.from, next.width, next.last, next.n,
	        next.value, next.over) == 0;
	*s = next;
	return s->valid ? 0 : -1;
}

void
plot_percent(const uint64_t *ns, uint64_t from, uint64_t width, uint64_t last, size_t n,
    double *value)
{
	uint64_t begin, length;

	for (size_t i = 0; i < n; i++) {
		begin = from + i * width;
		length = last > begin && last - begin < width ? last - begin : width;
		value[i] = 100.0 * (double)ns[i] / (double)length;
	}
}

/* ---- drawing ----------------------------------------------------------- */

#define VALUE_SIZE 64

/* The value at the cursor, or what is measured as far as there is room. */
static const char *
right_text(const struct plot *p, const struct plot_source *s, int columns, char *buf,
    size_t size)
{
	const struct series *d = &p->series;
	uint64_t cursor = watch_span(p->watch)->cursor;
	char time[32], value[32];
	size_t i = cursor >= d->from && d->width ? (cursor - d->from) / d->width : d->n;

	*buf = '\0';
	if (!cursor || i >= d->n) {
		if (columns >= 50 && *s->legend)
			snprintf(buf, size, " %s ", s->legend);
		return buf;
	}
	chart_value(d->value[i] + d->over[i], s->bytes, value, sizeof(value));
	chart_time(d->from + i * d->width, d->width < SECOND, time, sizeof(time));
	snprintf(buf, size, " %s at %s ", value, time);
	return buf;
}

int
plot_name_columns(const struct grid *g, const struct plot_source *s, int columns)
{
	int legend = columns >= 50 && *s->legend ? grid_width(g, s->legend) + 2 : 0;
	int room = columns - legend - 7 - grid_width(g, s->which);

	return room < 8 ? 8 : room;
}

static void
draw_rule(const struct plot *p, const struct plot_source *s, struct grid *g,
    const struct grid_area *area)
{
	struct grid_area rule = { area->y, area->x, 1, area->columns };
	char buf[VALUE_SIZE + 64];
	const char *what = right_text(p, s, area->columns, buf, sizeof(buf));
	int end = area->x + area->columns - grid_width(g, what) - 2;
	int x = area->x + 3, y = area->y;

	grid_fill(g, rule, GRID_FRAME, grid_utf8(g) ? L'─' : L'-');
	grid_put(g, y, end, area->columns, GRID_FRAME, what);
	grid_put(g, y, x - 1, 1, GRID_PLAIN, " ");
	x = grid_put(g, y, x, end - x - 1, GRID_STRONG, s->name);
	x = grid_put(g, y, x, 1, GRID_PLAIN, " ");
	if (*s->which && x + 2 < end) {
		x = grid_put(g, y, x, end - x - 1, GRID_FRAME, s->which);
		grid_put(g, y, x, 1, GRID_PLAIN, " ");
	}
}

void
plot_draw(struct plot *p, const struct plot_source *s, struct grid *g,
    const struct grid_area *area)
{
	const struct watch_span *span = watch_span(p->watch);
	const struct profile_select *range = profile_selected(watch_profile(p->watch));
	struct grid_area plot = { area->y + 1, area->x, area->rows - 1, area->columns };
	struct series *d = &p->series;
	struct chart c;

	if (series_read(p, s, chart_buckets(g, &plot)) < 0) {
		grid_put(g, plot.y, plot.x + 1, plot.columns - 1, GRID_WARN,
		    "out of memory");
		return;
	}
	draw_rule(p, s, g, area);
	c = (struct chart){ .value = d->value, .over = d->over, .n = d->n,
		.buckets = d->buckets, .from = d->from,
		.to = d->from + d->buckets * d->width, .bytes = s->bytes,
		.line = span->line, .close = span->close, .cursor = span->cursor,
		.mark_from = range->from, .mark_to = range->to };
	chart_draw(g, &plot, &c);
	p->drawn = chart_area(&plot);
}

/* ---- keys -------------------------------------------------------------- */

static const char *
act_show(void *plot, int arg)
{
	struct plot *p = plot;
	int shown = plot_rows(p, p->rows) > 0;

	(void)arg;
	p->show = shown ? SHOW_NO : SHOW_YES;
	if (!shown && p->rows && plot_rows(p, p->rows) == 0)
		return "no room for a chart: make the window higher";
	return NULL;
}

static uint64_t
duration(const struct plot *p)
{
	return last_time(p) - watch_summary(p->watch)->first;
}

static const char *
act_zoom(void *plot, int in)
{
	struct plot *p = plot;
	struct watch_span *span = watch_span(p->watch);
	uint64_t all = duration(p), length = span->length ? span->length : all;

	length = in ? length / 2 : length * 2;
	if (length < SPAN_LEAST)
		length = SPAN_LEAST;
	if (!in && (length >= all || length > SPAN_MOST))
		length = span->end = 0;
	span->length = length >= all ? 0 : length;
	return span->length ? NULL : "all of the time is shown";
}

static const char *
act_pan(void *plot, int by)
{
	struct plot *p = plot;
	struct watch_span *span = watch_span(p->watch);
	uint64_t last = last_time(p), end = span->end ? span->end : last;
	uint64_t step = span->length / 4, least = watch_summary(p->watch)->first + span->length;

	if (!span->length)
		return "all of the time is shown: + shows a part of it";
	if (by < 0)
		end = end > least + step ? end - step : least;
	else
		end += step;
	span->end = end >= last ? 0 : end;
	return NULL;
}

static const char *
act_line(void *plot, int arg)
{
	struct plot *p = plot;

	(void)arg;
	watch_span(p->watch)->line ^= 1;
	return NULL;
}

static const char *
act_close(void *plot, int arg)
{
	struct plot *p = plot;

	(void)arg;
	watch_span(p->watch)->close ^= 1;
	return NULL;
}

static const char *
act_cursor(void *plot, int by)
{
	struct plot *p = plot;
	struct watch_span *span = watch_span(p->watch);
	const struct series *s = &p->series;
	uint64_t end = s->from + s->n * s->width, at = span->cursor;

	if (!s->valid || s->n == 0)
		return "there is no chart: Enter shows it";
	if (!at || at < s->from || at >= end)
		at = by < 0 ? end - s->width / 2 : s->from + s->width / 2;
	else if (by < 0)
		at = at - s->from >= s->width ? at - s->width : at;
	else
		at = at + s->width < end ? at + s->width : at;
	span->cursor = at;
	return NULL;
}

static const char *
select_range(struct plot *p, uint64_t from, uint64_t to)
{
	struct profile_select s = *profile_selected(watch_profile(p->watch));

	s.from = from;
	s.to = to;
	return profile_select(watch_profile(p->watch), &s) < 0 ? "out of memory" : NULL;
}

/* A range begins with the cursor's bucket, or ends with it. */
static const char *
act_mark(void *plot, int end)
{
	struct plot *p = plot;
	const struct profile_select *s = profile_selected(watch_profile(p->watch));
	const struct series *d = &p->series;
	uint64_t at = watch_span(p->watch)->cursor, bucket;

	if (!at || at < d->from || !d->width)
		return "no cursor: the left and right arrows move it";
	bucket = d->from + (at - d->from) / d->width * d->width;
	if (end)
		return select_range(p, s->from < bucket + d->width ? s->from : 0,
		    bucket + d->width);
	return select_range(p, bucket, s->to > bucket ? s->to : UINT64_MAX);
}

static const char *
act_now(void *plot, int arg)
{
	struct plot *p = plot;
	const char *why = select_range(p, last_time(p), UINT64_MAX);

	(void)arg;
	return why ? why : "marked: what comes from now on counts; = has all of it again";
}

static const char *
act_all(void *plot, int arg)
{
	struct plot *p = plot;

	(void)arg;
	watch_span(p->watch)->cursor = 0;
	return select_range(p, 0, UINT64_MAX);
}

int
plot_mouse(struct plot *p, int released, int y, int x)
{
	const struct grid_area *a = &p->drawn;
	const struct series *s = &p->series;
	uint64_t time, from;

	if (y < a->y || y >= a->y + a->rows || x < a->x || x >= a->x + a->columns ||
	    !s->valid)
		return 0;
	time = s->from + (uint64_t)((double)(x - a->x) / a->columns *
	    (double)(s->buckets * s->width));
	watch_span(p->watch)->cursor = time + 1;
	if (!released) {
		p->pressed = time + 1;
		return 1;
	}
	from = p->pressed ? p->pressed - 1 : time;
	p->pressed = 0;
	if (from != time)
		select_range(p, from < time ? from : time, from < time ? time : from);
	return 1;
}

static const struct view_key keys[] = {
	{ KEYS_ENTER, 0, act_show, "show or hide the chart", "chart" },
	{ '+', 1, act_zoom, "chart: a shorter time", "zoom" },
	{ '-', 0, act_zoom, "chart: a longer time", "zoom" },
	{ 'h', -1, act_pan, "chart: earlier", NULL },
	{ 'l', 1, act_pan, "chart: later", NULL },
	{ KEYS_LEFT, -1, act_cursor, "chart: move the cursor", NULL },
	{ KEYS_RIGHT, 1, act_cursor, "chart: move the cursor", NULL },
	{ '[', 0, act_mark, "show only what is from the cursor on", NULL },
	{ ']', 1, act_mark, "show only what is until the cursor", NULL },
	{ 'b', 0, act_line, "chart: as a line, or filled", NULL },
	{ 'z', 0, act_close, "chart: from the smallest value on, or from 0", NULL },
	{ 'M', 0, act_now, "mark: show only what comes from now on, and what grows", NULL },
	{ '=', 0, act_all, "show all of the time again", NULL },
};

const struct view_key *
plot_keys(size_t *n)
{
	*n = sizeof(keys) / sizeof(keys[0]);
	return keys;
}
