/*
 * Growing arrays.  Their elements can be indexed by a uint32_t, of which UINT32_MAX
 * stays free for "none".
 */
#ifndef ARRAY_H
#define ARRAY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Make room for one more element in an array of n elements of `size` bytes.  `array` is
 * the address of the pointer to it, *room its capacity (0 for a NULL pointer).  Returns
 * 0, or -1 if out of memory; nothing has changed then.
 */
int array_room(void *array, size_t n, size_t *room, size_t size);

/*
 * Order elements that begin with a uint64_t key, such as an address: array_order()
 * compares two for qsort(), array_upto() returns how many of n sorted elements have a
 * key of at most `key`.
 */
int array_order(const void *a, const void *b);
size_t array_upto(const void *array, size_t n, size_t size, uint64_t key);

#endif
