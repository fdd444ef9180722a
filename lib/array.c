#include "array.h"

#include <stdint.h>
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
	memcpy(&p, array, sizeof(p));
	if ((p = reallocarray(p, more, size)) == NULL)
		return -1;
	memcpy(array, &p, sizeof(p));
	*room = more;
	return 0;
}
