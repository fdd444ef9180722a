#include "base/hash.h"

#include <string.h>

uint64_t
hash_bytes(uint64_t h, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

uint64_t
hash_u64(uint64_t h, uint64_t v)
{
	unsigned char le[8];

	for (int i = 0; i < 8; i++)
		le[i] = (unsigned char)(v >> (8 * i));
	return hash_bytes(h, le, sizeof le);
}

uint64_t
hash_str(uint64_t h, const char *s)
{
	if (s == NULL)
		s = "-";
	return hash_bytes(h, s, strlen(s) + 1);
}

uint64_t
hash_id(uint64_t h)
{
	return h ? h : 1;
}
