/*
 * A search pattern: an extended regular expression or, if the text is not a valid one,
 * a plain substring.  Both ignore case.
 */
#ifndef PATTERN_H
#define PATTERN_H

struct pattern;

/* Compile a pattern.  Returns NULL if out of memory. */
struct pattern *pattern_new(const char *text);
void pattern_free(struct pattern *p); /* NULL is allowed */

/* Returns whether a text has a match.  NULL has none. */
int pattern_matches(const struct pattern *p, const char *text);

#endif
