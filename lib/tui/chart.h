/*
 * A chart drawn into a grid: a series over time, optionally a second one stacked on it,
 * and further series as lines.  It is drawn in Braille if the grid is UTF-8, the second
 * series in every other dot, else in ASCII bars and digits.
 */
#ifndef CHART_H
#define CHART_H

#include <stddef.h>
#include <stdint.h>

#include "tui/grid.h"

/* A further series, drawn as a line with its number at the end. */
struct chart_line {
	const double *value; /* as many as in struct chart */
	int number;          /* from 1 to GRID_LINES: its color */
};

struct chart {
	const double *value; /* percentages or bytes, one per bucket */
	const double *over;  /* the second series, or NULL */
	size_t n;            /* number of values, from the left */
	size_t buckets;      /* buckets across the whole width */
	uint64_t from, to;   /* start of the first bucket, end of the last */
	const struct chart_line *lines; /* drawn on top */
	size_t nlines;
	int bytes;
	int line;            /* draw a line instead of filling the area below */
	int close;           /* start the axis near the smallest value instead of 0 */
	uint64_t cursor;     /* time; 0: none */
	uint64_t mark_from, mark_to; /* selected range; 0 and UINT64_MAX: none */
};

#define CHART_ROWS_MIN 4   /* smallest area worth drawing into */
#define CHART_COLUMNS_MIN 24

/* Returns how many buckets a chart in an area can show side by side. */
size_t chart_buckets(const struct grid *g, const struct grid_area *area);

/* Returns a cell filled by the first series or, with `over`, the second: for legends. */
const char *chart_sign(const struct grid *g, int over);

/* Draw a bar of `eighths` of a row, from the bottom of an area up. */
void chart_bar(struct grid *g, const struct grid_area *area, int eighths, int style);

/* Returns the part of a chart's area that shows the series, without axes. */
struct grid_area chart_area(const struct grid_area *area);

/* Draw the axes, labels and series of a chart, overwriting all of the area. */
void chart_draw(struct grid *g, const struct grid_area *area,
    const struct chart *c);

/* Returns a round number that is not below a value: the top of an axis. */
double chart_round(double value);

/*
 * Returns the length of a bucket for an axis: the shortest round one, in ns and at
 * least `least`, of which `buckets` cover a duration.
 */
uint64_t chart_bucket(uint64_t duration, size_t buckets, uint64_t least);

/* Format a value as "12.5%" or, in bytes, as "1.5M". */
const char *chart_value(double value, int bytes, char *buf, size_t size);

#endif
