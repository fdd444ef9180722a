/*
 * Sizes, shares and times formatted for people.  Each function writes into buf and
 * returns a string in it.
 */
#ifndef UNITS_H
#define UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_MAX 64 /* size of a buffer, NUL included */

/* Format bytes in 5 columns, in powers of 1024: "  17B", " 4.1K", "  12M". */
const char *units_size(char buf[UNITS_MAX], uint64_t bytes);

/* Format the change of a size without padding: "+4.1K", "-12M", "0B". */
const char *units_change(char buf[UNITS_MAX], uint64_t before, uint64_t after);

/* Format a time in nanoseconds as hh:mm:ss, with tenths of a second if asked for. */
const char *units_time(char buf[UNITS_MAX], uint64_t ns, int tenths);

/* Format a range of time as "00:00:10-00:01:30", with tenths where they are
 * not 0.  A `to` of UINT64_MAX is an open end and is left out. */
const char *units_range(char buf[UNITS_MAX], uint64_t from, uint64_t to);

/* Returns part as a percentage of whole, 0 if whole is 0. */
double units_percent(uint64_t part, uint64_t whole);

#endif
