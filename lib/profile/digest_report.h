/*
 * Reports: a digest as text of at most DIGEST_LINES lines, as JSON (share/rsprof/report.schema.json
 * describes it), and as Markdown with one table.  The same recording gives the same bytes.
 * Write errors set the stream's error indicator.
 */
#ifndef DIGEST_REPORT_H
#define DIGEST_REPORT_H

#include <stddef.h>
#include <stdio.h>

#define DIGEST_LINES 60
#define DIGEST_VERSION 1 /* of the JSON: a member that goes or means something else is a new one */

struct digest;

/* Text lines are `columns` wide, at least 40; the other formats ignore that. */
void digest_text(FILE *out, const struct digest *d, size_t columns);
void digest_json(FILE *out, const struct digest *d, size_t columns);
void digest_markdown(FILE *out, const struct digest *d, size_t columns);

#endif
