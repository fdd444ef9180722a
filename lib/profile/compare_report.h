/*
 * Comparisons as text, JSON (diff.schema.json describes it), CSV and Markdown with one table.
 * Write errors set the stream's error indicator.
 */
#ifndef COMPARE_REPORT_H
#define COMPARE_REPORT_H

#include <stddef.h>
#include <stdio.h>

#define COMPARE_VERSION 1 /* of the JSON: a member that goes or means something else is a new one */

struct compare;

struct compare_report {
	struct compare *compare;
	size_t rows;    /* of each table, at most */
	size_t columns; /* width of text lines, at least 40 */
};

void compare_text(FILE *out, const struct compare_report *r);
void compare_json(FILE *out, const struct compare_report *r);
void compare_csv(FILE *out, const struct compare_report *r);
void compare_markdown(FILE *out, const struct compare_report *r);

#endif
