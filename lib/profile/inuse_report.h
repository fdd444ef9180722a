/*
 * Reports on memory as text, JSON and CSV.  Write errors set the stream's error
 * indicator.
 */
#ifndef INUSE_REPORT_H
#define INUSE_REPORT_H

#include <stddef.h>
#include <stdio.h>

#include "profile/inuse.h"

struct db;
struct recording;

struct inuse_report {
	const char *path;
	struct db *db;
	const struct recording *recording;
	const struct inuse *inuse;
	const struct inuse_options *options;
	const struct inuse_row *row; /* in display order, as order_memory() leaves them */
	size_t rows, shown;          /* rows of code; how many of them to print */
	const struct inuse_row *special; /* rows of reasons, which stand apart */
	size_t specials;
	size_t columns;              /* width of text lines, at least 40 */
};

void inuse_text(FILE *out, const struct inuse_report *r);
void inuse_json(FILE *out, const struct inuse_report *r);
void inuse_csv(FILE *out, const struct inuse_report *r);

#endif
