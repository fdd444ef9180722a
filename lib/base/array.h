/*
 * Arrays that grow.  Their elements can be numbered by a uint32_t, of which
 * UINT32_MAX stays free for "none".
 */
#ifndef ARRAY_H
#define ARRAY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Make room for one more in an array of n elements of `size` bytes; `array`
 * is the address of the pointer to it, *room how many it has room for (0 for
 * a NULL pointer).  0, or -1: out of memory, nothing has changed.
 */
int array_room(void *array, size_t n, size_t *room, size_t size);

/*
 * Of elements that begin with a uint64_t, such as an address: their order for
 * qsort(), and, in that order, how many begin at this one or before.
 */
int array_order(const void *a, const void *b);
size_t array_upto(const void *array, size_t n, size_t size, uint64_t key);

#endif
