#include "base/array.h"

#include <stdlib.h>
#include <string.h>

int
array_room(void *array, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 16;
	void *p;

	if (n < *room)
		return 0;
	if (n >= UINT32_MAX - 1)
		return -1;
	memcpy(&p, array, sizeof p);
	if ((p = reallocarray(p, more, size)) == NULL)
		return -1;
	memcpy(array, &p, sizeof p);
	*room = more;
	return 0;
}

static uint64_t
key_of(const void *element)
{
	uint64_t key;

	memcpy(&key, element, sizeof key);
	return key;
}

int
array_order(const void *a, const void *b)
{
	uint64_t x = key_of(a), y = key_of(b);

	return x < y ? -1 : x > y;
}

size_t
array_upto(const void *array, size_t n, size_t size, uint64_t key)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (key_of((const char *)array + mid * size) <= key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
