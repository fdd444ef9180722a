/*
 * Strings quoted for JSON (RFC 8259) and CSV (RFC 4180).
 */
#ifndef QUOTE_H
#define QUOTE_H

#include <stdio.h>

/* Write s as a JSON string, or null for NULL. Bytes that are not UTF-8 become
 * U+FFFD; characters that do something to a terminal or to other text are escaped. */
void quote_json(FILE *out, const char *s);

/* Write s as a CSV field, in quotes if it needs them. */
void quote_csv(FILE *out, const char *s);

#endif
