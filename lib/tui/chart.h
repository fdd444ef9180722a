/*
 * A chart of a series over time, perhaps of a second one on top of it, and lines
 * of others, drawn into a grid: Braille where the grid may hold it, the second
 * one in every other dot; ASCII bars and numbers otherwise.
 */
#ifndef CHART_H
#define CHART_H

#include <stddef.h>
#include <stdint.h>

#include "tui/grid.h"

/* A series of its own that is drawn as a line, with a number at its end. */
struct chart_line {
	const double *value; /* as in struct chart, and as many */
	int number;          /* from 1 to GRID_LINES: its color */
};

struct chart {
	const double *value; /* percents, or bytes; one for each bucket */
	const double *over;  /* the same of the second series; NULL: none */
	size_t n;            /* of them there are, from the left */
	size_t buckets;      /* that the width of the chart stands for */
	uint64_t from, to;   /* times of the first one's begin, the last's end */
	const struct chart_line *lines; /* over all of that */
	size_t nlines;
	int bytes;
	int line;            /* a line at the values; else all below them is filled */
	int close;           /* the axis begins near the smallest value; else at 0 */
	uint64_t cursor;     /* a time; 0: none */
	uint64_t mark_from, mark_to; /* a range that is marked; 0 and UINT64_MAX: none */
};

#define CHART_ROWS_MIN 4   /* of an area that is worth drawing into */
#define CHART_COLUMNS_MIN 24

/* The buckets that a chart of that area can show next to each other. */
size_t chart_buckets(const struct grid *g, const struct grid_area *area);

/* How a cell looks that is full of the first series, or of the second. */
const char *chart_sign(const struct grid *g, int over);

/* Draw a bar of `eighths` of a row, from the bottom of an area up. */
void chart_bar(struct grid *g, const struct grid_area *area, int eighths, int style);

/* What of an area the series stand in. */
struct grid_area chart_area(const struct grid_area *area);

/* Axes, labels and the series.  All of the area is overwritten. */
void chart_draw(struct grid *g, const struct grid_area *area,
    const struct chart *c);

/* A round number that is not below a value, for the top of an axis. */
double chart_round(double value);

/*
 * Buckets for an axis: the shortest round length, in nanoseconds and at least
 * `least`, of which `buckets` cover a duration.
 */
uint64_t chart_bucket(uint64_t duration, size_t buckets, uint64_t least);

/* "12.5%", or "1.5M" of bytes. */
const char *chart_value(double value, int bytes, char *buf, size_t size);

#endif
