/*
 * What somebody searches for: an extended regular expression or, where it is none, a
 * text; in any case.
 */
#ifndef PATTERN_H
#define PATTERN_H

struct pattern;

/* NULL: out of memory. */
struct pattern *pattern_new(const char *text);
void pattern_free(struct pattern *p); /* NULL is allowed */

/* Is there a match in a text?  Not in NULL. */
int pattern_matches(const struct pattern *p, const char *text);

#endif
