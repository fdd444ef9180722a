/*
 * Values that options of several commands take, and what is said of bad ones.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <err.h>
#include <stdint.h>

#include "base/arg.h"
#include "cmd/status.h"

/* Returns the nanoseconds that a time of a recording is.  Exits if s is none. */
static inline uint64_t
time_option(const char *s)
{
	uint64_t ns;

	if (arg_duration(s, &ns) < 0)
		errx(STATUS_USAGE, "bad time: %s (such as 90, 1.5, 30s or 1h30m)", s);
	return ns;
}

/* Returns a number of rows.  Exits if s is none. */
static inline uint64_t
rows_option(const char *s)
{
	uint64_t n;

	if (arg_number(s, 0, SIZE_MAX, &n) < 0)
		errx(STATUS_USAGE, "bad number of rows: %s", s);
	return n;
}

#endif
