/*
 * The arguments of options that several commands share.
 */
#ifndef ARG_H
#define ARG_H

#include <stdint.h>

/*
 * A duration: a number of seconds, or numbers each followed by a unit (h, m,
 * s, ms), the larger unit first: "90", "1.5", "30s", "1h30m", "250ms".  A
 * number may have a fraction; what is finer than a nanosecond is dropped.
 * 0, or -1 where the string is none or does not fit into *ns.
 */
int arg_duration(const char *s, uint64_t *ns);

/* "FROM-TO", two of those, each of which may be missing: from the beginning, to the end
 * (UINT64_MAX).  0, or -1 where the string is no range of any length. */
int arg_range(const char *s, uint64_t *from, uint64_t *to);

/* A decimal number of min..max: 0, or -1 where the string is none. */
int arg_number(const char *s, uint64_t min, uint64_t max, uint64_t *out);

#endif
