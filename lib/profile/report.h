/*
 * Reports on time as text, JSON and CSV.  Write errors set the stream's error
 * indicator.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stddef.h>
#include <stdio.h>

struct db;
struct profile;
struct profile_row;

struct report {
	const char *path;
	struct db *db;
	struct profile *profile;
	const struct profile_row *row; /* in display order, as order_time() leaves them */
	size_t rows, shown;            /* all rows; how many of code to print */
	const struct profile_row *special; /* rows of reasons, which stand apart */
	size_t specials;
	size_t columns;                /* width of text lines, at least 40 */
};

void report_text(FILE *out, const struct report *r);
void report_json(FILE *out, const struct report *r);
void report_csv(FILE *out, const struct report *r);

#endif
