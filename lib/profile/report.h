/*
 * A profile as a report, for people or for programs.  What cannot be written
 * sets the stream's error indicator.
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
	const struct profile_row *row; /* in the order to be shown */
	size_t rows, shown;            /* all; the first ones, to be shown */
	size_t columns;                /* of a line of text, at least 40 */
};

void report_text(FILE *out, const struct report *r);
void report_json(FILE *out, const struct report *r);
void report_csv(FILE *out, const struct report *r);

#endif
