#include "base/bytes.h"

#include <string.h>

uint64_t
bytes_take(struct bytes *b, size_t len)
{
	const void *p = bytes_skip(b, len);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, len);
	return v;
}

/* Read the 7-bit groups of a LEB128 number into *v and the last byte into *last.
 * Returns the number of bits read. */
static unsigned
groups(struct bytes *b, uint64_t *v, uint64_t *last)
{
	unsigned shift = 0;

	*v = 0;
	do {
		*last = bytes_take(b, 1);
		if (shift < 64)
			*v |= (*last & 0x7f) << shift;
		shift += 7;
	} while (*last & 0x80);
	return shift;
}

uint64_t
bytes_long_uleb(struct bytes *b)
{
	uint64_t v, last;

	groups(b, &v, &last);
	return v;
}

int64_t
bytes_sleb(struct bytes *b)
{
	uint64_t v, last;
	unsigned bits = groups(b, &v, &last);

	if (bits < 64 && (last & 0x40))
		v |= ~0ULL << bits;
	return (int64_t)v;
}

uint64_t
bytes_length(struct bytes *b, unsigned *offset_size)
{
	uint64_t len = bytes_take(b, 4);

	int is_long = len == 0xffffffff;

	if (offset_size)
		*offset_size = is_long ? 8 : 4;
	return is_long ? bytes_take(b, 8) : len;
}

const char *
bytes_string(struct bytes *b)
{
	const unsigned char *p = b->p;
	const unsigned char *nul = p < b->end ? memchr(p, 0, (size_t)(b->end - p)) : NULL;

	if (nul == NULL) {
		b->failed = 1;
		b->p = b->end;
		return "";
	}
	b->p = nul + 1;
	return (const char *)p;
}
