#include "strip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "chart.h"
#include "grid.h"
#include "profile.h"
#include "watch.h"

#define GAP 3   /* columns between two parts */
#define VALUE 6 /* columns of a value */

struct strip {
	struct watch *watch;
	uint64_t *cpu; /* nanoseconds in each bucket */
	uint64_t from, width;
	size_t buckets, cpu_room;
	unsigned version, counted; /* of the watch: that was read, that cpu is of */
	int64_t read; /* when that was, in seconds */
	int begun;
};

struct strip *
strip_open(struct watch *w)
{
	struct strip *s = calloc(1, sizeof(*s));

	if (s)
		s->watch = w;
	return s;
}

void
strip_close(struct strip *s)
{
	if (!s)
		return;
	free(s->cpu);
	free(s);
}

/* ---- reading ----------------------------------------------------------- */

static int
read_cpu(struct strip *s, size_t buckets)
{
	const struct profile_summary *all = watch_summary(s->watch);
	uint64_t *cpu = buckets > s->cpu_room ? reallocarray(s->cpu, buckets, sizeof(*cpu)) :
	                                        s->cpu;

	if (!cpu)
		return -1;
	s->cpu = cpu;
	s->cpu_room = buckets > s->cpu_room ? buckets : s->cpu_room;
	s->buckets = buckets;
	s->from = all->first;
	s->width = (all->last - all->first) / buckets + 1;
	return profile_series(watch_profile(s->watch), PROFILE_ALL, 't', PROFILE_CPU, s->from,
	    s->width, s->cpu, buckets);
}

/* Where only something has come, once a second will do. */
static int
read_new(struct strip *s, size_t buckets)
{
	int64_t now = watch_clock();
	unsigned version = watch_version(s->watch);

	if (s->buckets == buckets && (s->version == version || s->read == now))
		return 0;
	s->version = version;
	s->read = now;
	return read_cpu(s, buckets);
}

/* ---- drawing ----------------------------------------------------------- */

enum what { CPU, HEAP, RSS, NWHAT };

static const char *const label[NWHAT] = { "CPU", "heap", "RSS" };

static uint64_t
bytes(const struct watch_memory *m, enum what what)
{
	return what == HEAP ? m->live : m->rss;
}

static int
is_known(const struct strip *s, enum what what)
{
	size_t n;
	const struct watch_memory *m = watch_memory(s->watch, &n);

	if (what == CPU)
		return watch_summary(s->watch)->samples > 0;
	while (n && !bytes(m, what)) {
		m++;
		n--;
	}
	return n > 0;
}

static size_t
count_known(const struct strip *s)
{
	size_t n = 0;

	for (int i = 0; i < NWHAT; i++)
		n += (size_t)is_known(s, (enum what)i);
	return n;
}

/* The most bytes in each bucket; what is not told of in one is what it was before. */
static void
most_bytes(const struct strip *s, enum what what, double *value)
{
	size_t n, i = 0;
	const struct watch_memory *m = watch_memory(s->watch, &n);

	for (size_t b = 0; b < s->buckets; b++) {
		uint64_t end = s->from + (b + 1) * s->width, most = 0;

		for (; i < n && m[i].time < end; i++)
			most = bytes(&m[i], what) > most ? bytes(&m[i], what) : most;
		value[b] = most || b == 0 ? (double)most : value[b - 1];
	}
}

/* What a series had in each bucket: the share of a core, or bytes. */
static void
values(const struct strip *s, enum what what, double *value)
{
	if (what != CPU) {
		most_bytes(s, what, value);
		return;
	}
	for (size_t b = 0; b < s->buckets; b++)
		value[b] = 100.0 * (double)s->cpu[b] / (double)s->width;
}

/* Of the last seconds. */
static double
cpu_now(const struct strip *s)
{
	const struct profile_summary *all = watch_summary(s->watch);
	uint64_t window = all->last - all->first;

	window = window > WATCH_WINDOW ? WATCH_WINDOW : window;
	return window ? 100.0 * (double)all->now_on / (double)window : 0;
}

/* At the cursor, or the latest. */
static double
value_at(const struct strip *s, enum what what, const double *value)
{
	uint64_t time = watch_span(s->watch)->cursor;
	size_t n, b = time > s->from ? (size_t)((time - s->from) / s->width) : 0;
	const struct watch_memory *m = watch_memory(s->watch, &n);

	if (time)
		return value[b < s->buckets ? b : s->buckets - 1];
	if (what == CPU)
		return cpu_now(s);
	while (n > 1 && !bytes(&m[n - 1], what))
		n--;
	return (double)bytes(&m[n - 1], what);
}

/* What stands out of the time: what is selected, or what charts show. */
static void
bright(const struct strip *s, uint64_t *from, uint64_t *to)
{
	const struct profile_select *range = profile_selected(watch_profile(s->watch));
	const struct watch_span *span = watch_span(s->watch);
	uint64_t last = span->end ? span->end : watch_summary(s->watch)->last;

	*from = range->from;
	*to = range->to;
	if (*from || *to != UINT64_MAX || !span->length)
		return;
	*from = last > span->length ? last - span->length : 0;
	*to = last;
}

static void
draw_bars(const struct strip *s, const double *value, struct grid *g,
    const struct grid_area *area)
{
	uint64_t cursor = watch_span(s->watch)->cursor, from, to;
	double most = 0;

	bright(s, &from, &to);
	for (size_t i = 0; i < s->buckets; i++)
		most = value[i] > most ? value[i] : most;
	for (size_t i = 0; i < s->buckets; i++) {
		struct grid_area bar = { area->y, area->x + (int)i, area->rows, 1 };
		uint64_t begin = s->from + i * s->width, end = begin + s->width;
		int height = most > 0 ? (int)(value[i] / most * 8 * area->rows + 0.5) : 0;

		cells_bar(g, &bar, value[i] > 0 && height < 1 ? 1 : height,
		    begin < to && end > from ? GRID_CHART : GRID_FAINT);
		if (cursor >= begin && cursor < end)
			grid_add_style(g, bar, GRID_SELECTED);
	}
}

static void
draw_part(const struct strip *s, enum what what, struct grid *g, const struct grid_area *area)
{
	struct grid_area bars = *area;
	double *value = calloc(s->buckets, sizeof(*value));
	int y = area->y + area->rows - 1, x;
	char buf[32], *p = buf;

	if (!value)
		return;
	values(s, what, value);
	x = grid_put(g, y, area->x, area->columns, GRID_FAINT, label[what]) + 1;
	if (what == HEAP && watch_covered(s->watch) < 99)
		*p++ = '~';
	chart_value(value_at(s, what, value), what != CPU, p, sizeof(buf) - 1);
	grid_put_right(g, y, x, VALUE, GRID_STRONG, buf);
	bars.columns = (int)s->buckets;
	bars.x = area->x + area->columns - bars.columns;
	draw_bars(s, value, g, &bars);
	free(value);
}

/* All parts are as wide, and so are all bars. */
void
strip_draw(struct strip *s, struct grid *g, const struct grid_area *area)
{
	size_t n = count_known(s);
	int width = n ? (area->columns - 2 - GAP * ((int)n - 1)) / (int)n : 0;
	int bars = width - (int)strlen(label[HEAP]) - 1 - VALUE - 1;
	struct grid_area part = { area->y, area->x + 1, area->rows, width };

	if (n == 0 || bars < 4 || read_new(s, (size_t)bars) < 0)
		return;
	for (int i = 0; i < NWHAT; i++)
		if (is_known(s, (enum what)i)) {
			draw_part(s, (enum what)i, g, &part);
			part.x += width + GAP;
		}
}

const char *const *
strip_words(void)
{
	static const char *const words[] = {
		"CPU", "of the whole process, in percent of a core: now, and from the beginning",
		"heap", "all that is allocated and not free yet (~: estimated)",
		"RSS", "its memory that is resident",
		NULL
	};

	return words;
}
