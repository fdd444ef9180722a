/*
 * How far sums of memory may be off: by the standard errors of samples, or by the ranges of probes
 * that are armed in windows of time, as in rsprof-records(5).  Bounds of several records add up.
 */
#ifndef EXPORT_BOUNDS_H
#define EXPORT_BOUNDS_H

#include <stdint.h>

/* Zeroed, the figure is exact. */
struct bounds {
	double below, above; /* from the figure to the ends of its range */
	double variance;
	double blocks;       /* that the figure is of */
};

/* Between what a figure is, in 19 of 20 cases. */
struct bounds_range {
	int64_t least, most;
	int exact;
	int known; /* the range of windows is not wider than a factor of two */
	int shown; /* to people: it is not known, or off by more than a tenth */
};

/* Returns the bounds of a figure, of so many blocks, by its standard error, and its range, which
 * a `most` of 0 says that there is none of. */
struct bounds bounds_of(uint64_t figure, uint64_t blocks, uint64_t error, uint64_t least,
    uint64_t most);

void bounds_add(struct bounds *to, const struct bounds *b);

/* Returns what takes a sum from the bounds `from` to the bounds `to`. */
struct bounds bounds_change(const struct bounds *from, const struct bounds *to);

struct bounds_range bounds_range(const struct bounds *b, int64_t figure);

/* Format "between A and B bytes", behind "not known: " if that is so.  Returns buf. */
#define BOUNDS_TEXT_MAX 80
const char *bounds_text(const struct bounds_range *r, char buf[BOUNDS_TEXT_MAX]);

#endif
