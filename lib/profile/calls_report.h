/*
 * Lists of calls and lines as text and JSON.  Write errors set the stream's error indicator.
 */
#ifndef CALLS_REPORT_H
#define CALLS_REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct calls;
struct calls_options;

struct calls_report {
	const char *path;
	const struct calls *calls;
	const struct calls_options *options;
	size_t lines;   /* to print at most */
	size_t columns; /* width of text lines, at least 40 */
};

void calls_text(FILE *out, const struct calls_report *r);
void calls_json(FILE *out, const struct calls_report *r);

#endif
