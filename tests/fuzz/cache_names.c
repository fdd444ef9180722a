/* Any bytes as the body of a file of names, whose checksum was right. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/cache_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Offsets may be any; those of what was read are looked up. */
static void
check(const struct cache_names *n, const uint8_t *body, uint32_t locations)
{
	struct cache_frame f[CACHE_NAMES_DEPTH];
	size_t count, length = 0;
	uint64_t offset;

	for (uint32_t i = 0; i < locations; i++) {
		memcpy(&offset, body + i * 16, sizeof offset);
		count = cache_names_find(n, offset, f);
		if (count == 0)
			abort();
		for (size_t k = 0; k < count; k++)
			length += (f[k].function ? strlen(f[k].function) : 0) +
			    (f[k].file ? strlen(f[k].file) : 0);
	}
	if (length > UINT64_MAX / 2)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size > 12 ? (size - 12) / 8 * 8 : 0;
	uint32_t count[CACHE_COUNTS] = { 0 };
	struct cache_names *n;
	uint8_t *body;

	if (len == 0)
		return 0;
	/* In a buffer of just its size, so that a step too far is seen. */
	body = malloc(len);
	if (body == NULL)
		return 0;
	memcpy(count, data, 12);
	memcpy(body, data + 12, len);
	n = cache_names_decode(count, body, len);
	if (n)
		check(n, body, count[CACHE_NAMES_LOCATIONS]);
	cache_names_free(n);
	free(body);
	return 0;
}
