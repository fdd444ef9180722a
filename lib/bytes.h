/*
 * Reading bytes that somebody else wrote: past the end there are zeros, and
 * failed is set.  Little-endian.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
	const unsigned char *p, *end;
	int failed;
};

/* An unsigned number of len bytes, at most 8. */
uint64_t bytes_take(struct bytes *b, size_t len);

/* LEB128 numbers (DWARF 5, 7.6); what does not fit 64 bits is dropped. */
uint64_t bytes_uleb(struct bytes *b);
int64_t bytes_sleb(struct bytes *b);

/* Skip len bytes: where they begin, or NULL. */
const void *bytes_skip(struct bytes *b, uint64_t len);

#endif
