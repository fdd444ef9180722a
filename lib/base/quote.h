/*
 * Strings quoted for JSON (RFC 8259), CSV (RFC 4180) and Markdown (GFM, CommonMark).
 */
#ifndef QUOTE_H
#define QUOTE_H

#include <stdio.h>

/* Write s as a JSON string, or null for NULL. Bytes that are not UTF-8 become
 * U+FFFD; characters that do something to a terminal or to other text are escaped. */
void quote_json(FILE *out, const char *s);

/* Write s as a CSV field, in quotes if it needs them. */
void quote_csv(FILE *out, const char *s);

/* Write s as a code span that may stand in a cell of a table, or as text if no code span can
 * have it: nothing in it is markup.  Control characters become blanks. */
void quote_markdown(FILE *out, const char *s);

/* Write s as text within a line, such as a sentence that has names in it. */
void quote_markdown_text(FILE *out, const char *s);

#endif
