/*
 * What lives and what was allocated as a report, for people or for programs.
 * What cannot be written sets the stream's error indicator.
 */
#ifndef INUSE_REPORT_H
#define INUSE_REPORT_H

#include <stddef.h>
#include <stdio.h>

#include "profile/inuse.h"

struct db;

struct inuse_report {
	const char *path;
	struct db *db;
	const struct inuse *inuse;
	const struct inuse_options *options;
	const struct inuse_row *row; /* in the order to be shown */
	size_t rows, shown;          /* all; the first ones, to be shown */
	size_t columns;              /* of a line of text, at least 40 */
};

void inuse_text(FILE *out, const struct inuse_report *r);
void inuse_json(FILE *out, const struct inuse_report *r);
void inuse_csv(FILE *out, const struct inuse_report *r);

#endif
