#include "tui/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "profile/inuse.h"
#include "profile/profile.h"
#include "tui/chart.h"
#include "tui/column.h"
#include "tui/grid.h"
#include "tui/keys.h"
#include "tui/session.h"
#include "tui/view.h"

/*
 * A series is the values of one row in the buckets of an axis, and is kept until its
 * row, variant or axis changes; the selected row has one, and so has each of the
 * GRID_LINES pins.  The axis is computed for each drawing from the session's span and
 * state.  Zoom, pan and cursor change the session's span, [ and ] its profile's
 * selection, so all views share them; pins and visibility belong to the view.
 */

#define AUTO_ROWS 16  /* height of a view that shows the chart by default */
#define LEAST_ROWS 10 /* height of a view that can show it */
#define SAMPLES 20    /* least samples of a busy thread per bucket */
#define LINE_SAMPLES 80 /* least samples with pinned lines */
#define SECOND UINT64_C(1000000000)
#define SPAN_LEAST (5 * SECOND)
#define SPAN_MOST (86400 * SECOND)

enum show { SHOW_AUTO,
	SHOW_YES,
	SHOW_NO };

/* The buckets of a chart. */
struct axis {
	uint64_t from, width, last;
	size_t n, buckets;
};

/* Values, and what they were read for. */
struct series {
	struct axis axis;
	unsigned of, variant;
	uint64_t id;
	int valid;
	double *value, *over;
	size_t size;
};

struct pin {
	char *name; /* NULL: free */
	int is_path;
	unsigned of;
	uint64_t id;
	struct series series;
};

struct timeline {
	struct session *session;
	enum show show;
	int rows; /* of the view, when last drawn */
	struct series series; /* of the selected row */
	struct pin pin[GRID_LINES];
	struct grid_area drawn; /* the chart without axes, when last drawn */
	uint64_t pressed;       /* time + 1; 0: not pressed */
};

struct timeline *
timeline_open(struct session *session)
{
	struct timeline *t = calloc(1, sizeof *t);

	if (t)
		t->session = session;
	return t;
}

static void
series_free(struct series *s)
{
	free(s->value);
	free(s->over);
}

static void
pin_free(struct pin *pin)
{
	series_free(&pin->series);
	free(pin->name);
	*pin = (struct pin){ 0 };
}

void
timeline_close(struct timeline *t)
{
	if (t == NULL)
		return;
	series_free(&t->series);
	for (int i = 0; i < GRID_LINES; i++)
		pin_free(&t->pin[i]);
	free(t);
}

/* Returns the height of the chart in a view with so many rows; 0: hidden. */
static int
timeline_rows(struct timeline *t, int rows)
{
	int want = rows * 2 / 5;

	t->rows = rows;
	if (t->show == SHOW_NO || rows < LEAST_ROWS ||
	    (t->show == SHOW_AUTO && rows < AUTO_ROWS))
		return 0;
	return want < CHART_ROWS_MIN + 1 ? CHART_ROWS_MIN + 1 :
	    want > 16 ? 16 : want;
}

struct grid_area
timeline_split(struct timeline *t, const struct grid_area *area, int any, struct grid_area *table)
{
	struct grid_area chart = *area;

	*table = *area;
	chart.rows = any ? timeline_rows(t, area->rows) : 0;
	if (chart.rows == 0)
		t->drawn = chart; /* no clicks */
	table->rows -= chart.rows;
	chart.y += table->rows;
	return chart;
}

/* ---- the axis ---------------------------------------------------------- */

static int
series_room(struct series *s, size_t n)
{
	double *value, *over;

	if (n <= s->size)
		return 0;
	value = reallocarray(s->value, n, sizeof *value);
	if (value)
		s->value = value;
	over = reallocarray(s->over, n, sizeof *over);
	if (over)
		s->over = over;
	if (value == NULL || over == NULL)
		return -1;
	s->size = n;
	return 0;
}

static uint64_t
last_time(const struct timeline *t)
{
	const struct profile_summary *all = session_summary(t->session);

	return all->measured > all->first ? all->measured : all->first;
}

/*
 * Divide the time shown into buckets.  In a live recording their length is round and
 * stays the same until the axis is full; the unfinished bucket is left out until half
 * of it is over.
 */
static void
axis(const struct timeline *t, struct axis *s, size_t room, unsigned samples)
{
	const struct profile_summary *all = session_summary(t->session);
	const struct session_span *span = session_span(t->session);
	uint64_t last, from, duration;
	int going = session_state(t->session) < SESSION_CUT_OFF;

	session_shown(t->session, &from, &last);
	if (span->length)
		going = going && !span->end;
	duration = last - from;
	s->last = last;
	s->width = chart_bucket(duration, room, samples * session_period(t->session));
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

/* Returns whether two series would look the same, or nearly: long buckets need not be
 * read again for each new sample. */
static int
is_same(const struct series *a, const struct series *b)
{
	const struct axis *x = &a->axis, *y = &b->axis;

	return a->valid && a->of == b->of && a->id == b->id && a->variant == b->variant &&
	    x->from == y->from && x->width == y->width && x->n == y->n &&
	    x->buckets == y->buckets && y->last - x->last <= x->width / 8;
}

/* Read the values of a row, unless they are still valid. */
static int
series_read(struct series *s, const struct timeline_source *source, uint64_t id,
    const struct axis *axis)
{
	struct series next = *s;

	next.of = source->of;
	next.id = id;
	next.variant = source->variant;
	next.axis = *axis;
	if (is_same(s, &next))
		return 0;
	next.valid = series_room(&next, axis->buckets) == 0 &&
	    source->read(source->ctx, id, axis->from, axis->width, axis->last, axis->n,
	        next.value, next.over) == 0;
	*s = next;
	return s->valid ? 0 : -1;
}

int
timeline_time(const struct profile *p, uint64_t id, enum profile_metric metric, uint64_t from,
    uint64_t width, uint64_t last, size_t n, double *value)
{
	uint64_t *ns = calloc(n, sizeof *ns), begin, length;
	int r = ns ? profile_series(p, (unsigned)id, 't', metric, from, width, ns, n) : -1;

	for (size_t i = 0; r == 0 && i < n; i++) {
		begin = from + i * width;
		length = last > begin && last - begin < width ? last - begin : width;
		value[i] = 100.0 * (double)ns[i] / (double)length;
	}
	free(ns);
	return r;
}

int
timeline_bytes(void *ctx, uint64_t id, uint64_t from, uint64_t width, uint64_t last, size_t n,
    double *value, double *over)
{
	const struct inuse *u = ctx;
	uint64_t *bytes = calloc(n, sizeof *bytes);
	int r = bytes ? inuse_series(u, (unsigned)id, 's', from, width, bytes, n) : -1;

	(void)last;
	for (size_t i = 0; r == 0 && i < n; i++) {
		value[i] = bytes[i] == INUSE_UNKNOWN ? 0 : (double)bytes[i];
		over[i] = 0;
	}
	free(bytes);
	return r;
}

/* ---- pinned rows ------------------------------------------------------- */

static int
is_pinned(const struct pin *pin, unsigned of)
{
	return pin->name && pin->of == of;
}

int
timeline_pinned(const struct timeline *t, unsigned of, uint64_t id)
{
	for (int i = 0; i < GRID_LINES; i++)
		if (is_pinned(&t->pin[i], of) && t->pin[i].id == id)
			return i + 1;
	return 0;
}

static size_t
pins_of(const struct timeline *t, unsigned of)
{
	size_t n = 0;

	for (int i = 0; i < GRID_LINES; i++)
		n += (size_t)is_pinned(&t->pin[i], of);
	return n;
}

/* Read the values of a pin, adding up stacked series. */
static int
pin_read(struct pin *pin, const struct timeline_source *source, const struct axis *axis)
{
	struct series *s = &pin->series;

	if (series_read(s, source, pin->id, axis) < 0)
		return -1;
	for (size_t i = 0; i < axis->n; i++) {
		s->value[i] += s->over[i];
		s->over[i] = 0;
	}
	return 0;
}

/* ---- drawing ----------------------------------------------------------- */

#define VALUE_SIZE 64

/* Returns the bucket with the cursor, or n if it is in none. */
static size_t
cursor_at(const struct timeline *t, const struct axis *a)
{
	uint64_t cursor = session_span(t->session)->cursor;
	size_t i = cursor && cursor >= a->from && a->width ?
	    (size_t)((cursor - a->from) / a->width) : a->n;

	return i < a->n ? i : a->n;
}

/* Format the legend, as much of it as fits. */
static void
legend(const struct timeline_source *s, const struct grid *g, int columns, char *buf,
    size_t size)
{
	*buf = '\0';
	if (s->over && columns >= 50)
		snprintf(buf, size, " %s %s %s %s%s%s ", chart_sign(g, 0), s->first,
		    chart_sign(g, 1), s->over, columns < 72 ? "" : ", ",
		    columns < 72 ? "" : s->unit);
	else if (columns >= 60)
		snprintf(buf, size, " %s%s%s ", s->what, *s->unit ? ", " : "", s->unit);
}

/* Format the value at the cursor or else the legend. */
static void
right_text(const struct timeline *t, const struct timeline_source *s, const struct grid *g,
    int columns, char *buf, size_t size)
{
	const struct series *d = &t->series;
	const struct axis *a = &d->axis;
	size_t i = cursor_at(t, a);
	char time[UNITS_MAX], value[32];

	if (i == a->n) {
		legend(s, g, columns, buf, size);
		return;
	}
	chart_value(d->value[i] + d->over[i], s->bytes, value, sizeof value);
	units_time(time, a->from + i * a->width, a->width < SECOND);
	snprintf(buf, size, " %s at %s ", value, time);
}

static void
draw_rule(const struct timeline *t, const struct timeline_source *s, struct grid *g,
    const struct grid_area *area)
{
	struct grid_area rule = { area->y, area->x, 1, area->columns };
	char buf[VALUE_SIZE + 64], name[COLUMN_SIZE];
	int x = area->x + 3, y = area->y, end, room;

	right_text(t, s, g, area->columns, buf, sizeof buf);
	end = area->x + area->columns - grid_width(g, buf) - 2;
	room = end - x - 2 - grid_width(g, s->which);
	column_shorten(name, s->name, s->is_path, room < 8 ? 8 : room);
	grid_fill(g, rule, GRID_FRAME, grid_utf8(g) ? L'─' : L'-');
	grid_put(g, y, end, area->columns, GRID_FRAME, buf);
	grid_put(g, y, x - 1, 1, GRID_PLAIN, " ");
	x = grid_put(g, y, x, end - x - 1, GRID_STRONG, name);
	x = grid_put(g, y, x, 1, GRID_PLAIN, " ");
	if (*s->which && x + 2 < end) {
		x = grid_put(g, y, x, end - x - 1, GRID_FRAME, s->which);
		grid_put(g, y, x, 1, GRID_PLAIN, " ");
	}
}

static void
draw_pin(const struct timeline *t, int number, int bytes, struct grid *g,
    const struct grid_area *cell)
{
	const struct pin *pin = &t->pin[number - 1];
	size_t i = cursor_at(t, &pin->series.axis);
	int x = cell->x, room = cell->columns - 2;
	char name[COLUMN_SIZE], value[32] = "";

	if (i < pin->series.axis.n)
		chart_value(pin->series.value[i], bytes, value, sizeof value);
	room -= *value ? (int)strlen(value) + 1 : 0;
	x = grid_printf(g, cell->y, x, 2, GRID_LINE + number - 1, "%d ", number);
	column_shorten(name, pin->name, pin->is_path, room < 4 ? 4 : room);
	x = grid_put(g, cell->y, x, room, GRID_PLAIN, name);
	if (*value)
		grid_put(g, cell->y, x + 1, cell->x + cell->columns - x - 1,
		    GRID_LINE + number - 1, value);
}

/* Draw a row with the pins, each in an equal share of the width. */
static void
draw_pins(const struct timeline *t, const struct timeline_source *s, size_t n, struct grid *g,
    const struct grid_area *row)
{
	int width = row->columns / (int)n;
	struct grid_area cell = { row->y, row->x, 1, width - 2 };

	for (int i = 0; i < GRID_LINES; i++)
		if (is_pinned(&t->pin[i], s->of)) {
			draw_pin(t, i + 1, s->bytes, g, &cell);
			cell.x += width;
		}
}

/* Describe the chart; `lines` has room for all pins. */
static struct chart
make_chart(const struct timeline *t, const struct timeline_source *s, const struct axis *a,
    struct chart_line *lines)
{
	const struct session_span *span = session_span(t->session);
	const struct profile_select *range = profile_selected(session_profile(t->session));
	struct chart c = { .value = t->series.value, .over = t->series.over, .n = a->n,
		.buckets = a->buckets, .from = a->from, .to = a->from + a->buckets * a->width,
		.bytes = s->bytes, .line = span->line, .close = span->close,
		.cursor = span->cursor, .mark_from = range->from, .mark_to = range->to,
		.lines = lines };

	for (int i = 0; i < GRID_LINES; i++)
		if (is_pinned(&t->pin[i], s->of))
			lines[c.nlines++] = (struct chart_line){ t->pin[i].series.value, i + 1 };
	return c;
}

/* Read all series that are shown. */
static int
read_all(struct timeline *t, const struct timeline_source *s, const struct axis *a)
{
	int r = series_read(&t->series, s, s->id, a);

	for (int i = 0; r == 0 && i < GRID_LINES; i++)
		if (is_pinned(&t->pin[i], s->of))
			r = pin_read(&t->pin[i], s, a);
	return r;
}

void
timeline_draw(struct timeline *t, const struct timeline_source *s, struct grid *g,
    const struct grid_area *area)
{
	size_t pins = pins_of(t, s->of);
	struct grid_area chart = { area->y + 1, area->x, area->rows - 1, area->columns };
	struct grid_area row = { area->y + 1, area->x + 3, 1, area->columns - 3 };
	struct chart_line lines[GRID_LINES];
	struct axis a;
	struct chart c;

	if (pins) {
		chart.y++;
		chart.rows--;
	}
	axis(t, &a, chart_buckets(g, &chart), pins ? LINE_SAMPLES : SAMPLES);
	if (read_all(t, s, &a) < 0) {
		grid_put(g, chart.y, chart.x + 1, chart.columns - 1, GRID_WARN,
		    "out of memory");
		return;
	}
	draw_rule(t, s, g, area);
	if (pins)
		draw_pins(t, s, pins, g, &row);
	c = make_chart(t, s, &a, lines);
	chart_draw(g, &chart, &c);
	t->drawn = chart_area(&chart);
}

/* ---- keys -------------------------------------------------------------- */

static struct timeline *
timeline_of(void *at)
{
	return ((struct timeline_at *)at)->timeline;
}

static const char *
show(struct timeline *t)
{
	t->show = SHOW_YES;
	return t->rows && timeline_rows(t, t->rows) == 0 ?
	    "no room for the chart: enlarge the window" : NULL;
}

static const char *
act_show(void *at, int arg)
{
	struct timeline *t = timeline_of(at);

	(void)arg;
	if (timeline_rows(t, t->rows) == 0)
		return show(t);
	t->show = SHOW_NO;
	return NULL;
}

static const char *
pin(struct timeline *t, const struct timeline_source *s)
{
	int i = 0;

	while (i < GRID_LINES && t->pin[i].name)
		i++;
	if (i == GRID_LINES)
		return "no more pins: unpin a row with Enter, or all with V";
	t->pin[i] = (struct pin){ .name = strdup(s->name), .is_path = s->is_path, .of = s->of,
		.id = s->id };
	if (t->pin[i].name == NULL)
		return "out of memory";
	return timeline_rows(t, t->rows) == 0 ? show(t) : NULL;
}

static const char *
act_pin(void *at, int arg)
{
	struct timeline *t = timeline_of(at);
	const struct timeline_source *s = ((struct timeline_at *)at)->source;
	int number = s->name ? timeline_pinned(t, s->of, s->id) : 0;

	(void)arg;
	if (s->name == NULL)
		return "no row to pin";
	if (!number)
		return pin(t, s);
	pin_free(&t->pin[number - 1]);
	return NULL;
}

static const char *
act_unpin(void *at, int arg)
{
	struct timeline *t = timeline_of(at);

	(void)arg;
	for (int i = 0; i < GRID_LINES; i++)
		pin_free(&t->pin[i]);
	return NULL;
}

static uint64_t
duration(const struct timeline *t)
{
	return last_time(t) - session_summary(t->session)->first;
}

static const char *
act_zoom(void *at, int in)
{
	struct timeline *t = timeline_of(at);
	struct session_span *span = session_span(t->session);
	uint64_t all = duration(t), length = span->length ? span->length : all;

	length = in ? length / 2 : length * 2;
	if (length < SPAN_LEAST)
		length = SPAN_LEAST;
	if (!in && (length >= all || length > SPAN_MOST))
		length = span->end = 0;
	span->length = length >= all ? 0 : length;
	return span->length ? NULL : "showing all of the time";
}

static const char *
act_pan(void *at, int by)
{
	struct timeline *t = timeline_of(at);
	struct session_span *span = session_span(t->session);
	uint64_t last = last_time(t), end = span->end ? span->end : last;
	uint64_t step = span->length / 4, least = session_summary(t->session)->first + span->length;

	if (!span->length)
		return "showing all of the time: zoom in with +";
	if (by < 0)
		end = end > least + step ? end - step : least;
	else
		end += step;
	span->end = end >= last ? 0 : end;
	return NULL;
}

static const char *
act_line(void *at, int arg)
{
	struct timeline *t = timeline_of(at);

	(void)arg;
	session_span(t->session)->line ^= 1;
	return NULL;
}

static const char *
act_close(void *at, int arg)
{
	struct timeline *t = timeline_of(at);

	(void)arg;
	session_span(t->session)->close ^= 1;
	return NULL;
}

static const char *
act_cursor(void *at, int by)
{
	struct timeline *t = timeline_of(at);
	struct session_span *span = session_span(t->session);
	const struct axis *s = &t->series.axis;
	uint64_t end = s->from + s->n * s->width, time = span->cursor;

	if (!t->series.valid || s->n == 0)
		return "no chart: v shows it";
	if (!time || time < s->from || time >= end)
		time = by < 0 ? end - s->width / 2 : s->from + s->width / 2;
	else if (by < 0)
		time = time - s->from >= s->width ? time - s->width : time;
	else
		time = time + s->width < end ? time + s->width : time;
	span->cursor = time;
	return NULL;
}

static const char *
select_range(struct timeline *t, uint64_t from, uint64_t to)
{
	struct profile_select s = *profile_selected(session_profile(t->session));

	s.from = from;
	s.to = to;
	return profile_select(session_profile(t->session), &s) < 0 ? "out of memory" : NULL;
}

/* Start the range at the cursor's bucket, or end it there. */
static const char *
act_mark(void *at, int end)
{
	struct timeline *t = timeline_of(at);
	const struct profile_select *s = profile_selected(session_profile(t->session));
	const struct axis *d = &t->series.axis;
	uint64_t time = session_span(t->session)->cursor, bucket;

	if (!time || time < d->from || !d->width)
		return "no cursor: set it with the left and right arrows";
	bucket = d->from + (time - d->from) / d->width * d->width;
	if (end)
		return select_range(t, s->from < bucket + d->width ? s->from : 0,
		    bucket + d->width);
	return select_range(t, bucket, s->to > bucket ? s->to : UINT64_MAX);
}

static const char *
act_now(void *at, int arg)
{
	struct timeline *t = timeline_of(at);
	const char *why = select_range(t, last_time(t), UINT64_MAX);

	(void)arg;
	return why ? why : "new range from now on; = shows all of the time again";
}

/* Make the selected range the baseline and select what comes after it. */
static const char *
act_baseline(void *at, int arg)
{
	struct timeline *t = timeline_of(at);
	const struct profile_select *s = profile_selected(session_profile(t->session));
	uint64_t from = s->from, to = s->to;

	(void)arg;
	if (session_other(t->session))
		return "already comparing two recordings: see d";
	if (from == 0 && to == UINT64_MAX)
		return "no range: set one with [ and ]";
	if (to == UINT64_MAX)
		return "the range has no end: set it with ]";
	session_set_baseline(t->session, from, to);
	if (to >= last_time(t))
		return select_range(t, 0, UINT64_MAX) ? "out of memory" :
		    "baseline of d set: now select another range";
	return select_range(t, to, UINT64_MAX) ? "out of memory" :
	    "baseline of d set; the time after it is selected";
}

static const char *
act_all(void *at, int arg)
{
	struct timeline *t = timeline_of(at);

	(void)arg;
	session_span(t->session)->cursor = 0;
	return select_range(t, 0, UINT64_MAX);
}

int
timeline_mouse(struct timeline *t, int released, int y, int x)
{
	const struct grid_area *a = &t->drawn;
	const struct axis *s = &t->series.axis;
	uint64_t time, from;

	if (y < a->y || y >= a->y + a->rows || x < a->x || x >= a->x + a->columns ||
	    !t->series.valid)
		return 0;
	time = s->from + (uint64_t)((double)(x - a->x) / a->columns *
	    (double)(s->buckets * s->width));
	session_span(t->session)->cursor = time + 1;
	if (!released) {
		t->pressed = time + 1;
		return 1;
	}
	from = t->pressed ? t->pressed - 1 : time;
	t->pressed = 0;
	if (from != time)
		select_range(t, from < time ? from : time, from < time ? time : from);
	return 1;
}

static const struct view_key keys[] = {
	{ KEYS_ENTER, 0, act_pin, "pin the row to the chart, or unpin it", "pin" },
	{ 'V', 0, act_unpin, "unpin all", NULL },
	{ 'v', 0, act_show, "show or hide the chart", NULL },
	{ '+', 1, act_zoom, "zoom in", "zoom" },
	{ '-', 0, act_zoom, "zoom out", "zoom" },
	{ 'h', -1, act_pan, "pan to earlier", NULL },
	{ 'l', 1, act_pan, "pan to later", NULL },
	{ KEYS_LEFT, -1, act_cursor, "move the cursor", NULL },
	{ KEYS_RIGHT, 1, act_cursor, "move the cursor", NULL },
	{ '[', 0, act_mark, "limit to after the cursor", NULL },
	{ ']', 1, act_mark, "limit to before the cursor", NULL },
	{ 'b', 0, act_line, "draw a line, or fill the area", NULL },
	{ 'z', 0, act_close, "start the axis near the minimum, or at 0", NULL },
	{ 'M', 0, act_now, "start a new range now", NULL },
	{ 'D', 0, act_baseline, "make the range the baseline of d", NULL },
	{ '=', 0, act_all, "show all of the time", NULL },
};

const struct view_key *
timeline_keys(size_t *n)
{
	*n = sizeof keys / sizeof keys[0];
	return keys;
}
