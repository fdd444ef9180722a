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

/* Skip len bytes: where they begin, or NULL. */
static inline const void *
bytes_skip(struct bytes *b, uint64_t len)
{
	const unsigned char *p = b->p;

	if (len <= (uint64_t)(b->end - p)) {
		b->p += len;
		return p;
	}
	b->failed = 1;
	b->p = b->end;
	return NULL;
}

/* An unsigned number of len bytes, at most 8. */
uint64_t bytes_take(struct bytes *b, size_t len);

/* LEB128 numbers (DWARF 5, 7.6); what does not fit 64 bits is dropped. */
uint64_t bytes_long_uleb(struct bytes *b);
int64_t bytes_sleb(struct bytes *b);

static inline uint64_t
bytes_uleb(struct bytes *b)
{
	if (b->p < b->end && *b->p < 0x80)
		return *b->p++;
	return bytes_long_uleb(b);
}

/* How much follows, where a unit begins (DWARF 5, 7.4), and whether its offsets have
 * 4 bytes or 8 (NULL: it does not matter). */
uint64_t bytes_length(struct bytes *b, unsigned *offset_size);

/* What comes up to the next NUL: "" where there is none. */
const char *bytes_string(struct bytes *b);

#endif
