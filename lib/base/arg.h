/*
 * Parsers for option arguments that several commands share.
 */
#ifndef ARG_H
#define ARG_H

#include <stdint.h>

/*
 * Parse a duration: a number of seconds, or numbers each followed by a unit (h, m, s,
 * ms), larger units first: "90", "1.5", "30s", "1h30m", "250ms".  A number may have a
 * fraction; digits below a nanosecond are dropped.  Returns 0, or -1 if s is not a
 * duration or does not fit into *ns.
 */
int arg_duration(const char *s, uint64_t *ns);

/* Parse "FROM-TO", two durations of which either may be missing: *from is then 0, *to
 * UINT64_MAX. Returns 0, or -1 if s is not a range or the range is empty. */
int arg_range(const char *s, uint64_t *from, uint64_t *to);

/* Parse a size in bytes, a whole number with or without a unit K, M, G or T, which are powers of
 * 1024.  Returns 0, or -1 if s is not one or does not fit into *out. */
int arg_size(const char *s, uint64_t *out);

/* Parse an amount of memory between min and max bytes: as arg_size() does, but a number without a
 * unit is in MiB.  Returns 0, or -1 if s is not one. */
int arg_memory(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* Parse a decimal number between min and max.  Returns 0, or -1 if s is not one. */
int arg_number(const char *s, uint64_t min, uint64_t max, uint64_t *out);

#endif
