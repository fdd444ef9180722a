/*
 * Texts as formats can have them.
 */
#ifndef EXPORT_TEXT_H
#define EXPORT_TEXT_H

/* Returns a copy of a text, to be freed, in which bytes that are not UTF-8 are U+FFFD; NULL when
 * out of memory. */
char *text_utf8(const char *s);

/* Returns a copy of a text, to be freed, for a line: what cannot be printed is a question mark, and
 * each character of `from` the one at its place in `to`; it is not empty.  NULL when out of
 * memory. */
char *text_line(const char *s, const char *from, const char *to);

#endif
