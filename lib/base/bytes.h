/*
 * A reader of untrusted bytes, little-endian.  Past the end it returns zeros and sets
 * `failed`.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
	const unsigned char *p, *end;
	int failed;
};

/* Skip len bytes.  Returns where they begin, or NULL past the end. */
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

/* Read an unsigned number of len bytes, at most 8. */
uint64_t bytes_take(struct bytes *b, size_t len);

/* Read LEB128 numbers (DWARF 5, 7.6).  Bits beyond 64 are dropped. */
uint64_t bytes_long_uleb(struct bytes *b);
int64_t bytes_sleb(struct bytes *b);

static inline uint64_t
bytes_uleb(struct bytes *b)
{
	if (b->p < b->end && *b->p < 0x80)
		return *b->p++;
	return bytes_long_uleb(b);
}

/* Read the length of a unit (DWARF 5, 7.4) and set *offset_size, unless NULL, to the
 * size of the unit's offsets: 4 or 8 bytes. */
uint64_t bytes_length(struct bytes *b, unsigned *offset_size);

/* Read a string up to its NUL. Returns "" if there is no NUL. */
const char *bytes_string(struct bytes *b);

#endif
