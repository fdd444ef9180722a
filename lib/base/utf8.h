/*
 * UTF-8 (RFC 3629).
 */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decode the character at s, which is not empty, into *c, in any locale.
 * Returns its length in bytes, or 0 if it is not UTF-8. */
size_t utf8_decode(const char *s, uint32_t *c);

/* Returns whether it is a control character: C0, DEL or C1. */
int utf8_is_control(uint32_t c);

/* Returns whether a character reorders or joins text, or is invisible. */
int utf8_is_format(uint32_t c);

#endif
