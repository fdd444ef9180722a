/*
 * Strings as JSON (RFC 8259) and CSV (RFC 4180) want them.
 */
#ifndef QUOTE_H
#define QUOTE_H

#include <stdio.h>

/* With its quotes; null for NULL.  What is not UTF-8 becomes U+FFFD. */
void quote_json(FILE *out, const char *s);

/* In quotes where that is needed. */
void quote_csv(FILE *out, const char *s);

#endif
