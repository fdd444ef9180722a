/*
 * What a picked allocation stands for, in fixed-point numbers: user space and
 * heap.bpf.c calculate it alike, to the last bit.
 */
#ifndef HEAP_WEIGHT_H
#define HEAP_WEIGHT_H

#include "bpf/heap.h"

/* Returns the allocations that a picked one of this size stands for: 1 / (1 - exp(-size /
 * period)).  table is a table of HEAP_WEIGHT places. */
static inline __attribute__((always_inline)) step_u64
heap_weight(step_u64 size, step_u64 period, const volatile step_u32 *table)
{
	step_u64 x, at;
	step_u32 i;

	if (period == 0 || size >= period * HEAP_WEIGHT_TO)
		return HEAP_ONE;
	if (size == 0)
		size = 1;
	/* Its series: 1/x + 1/2 + x/12 - x^3/720 */
	x = (size << HEAP_POINT) / period;
	if (x < HEAP_ONE)
		return (period << HEAP_POINT) / size + HEAP_ONE / 2 + x / 12 -
		    (x * x >> HEAP_POINT) * x / 720 / HEAP_ONE;
	at = x << HEAP_WEIGHT_SHIFT;
	i = (step_u32)(at >> HEAP_POINT);
	if (i >= HEAP_WEIGHT - 1)
		return HEAP_ONE;
	return table[i] - ((table[i] - table[i + 1]) * (at & (HEAP_ONE - 1)) >> HEAP_POINT);
}

/* Returns the variance of the bytes that a picked allocation stands for: with a chance p
 * = 1 / weight to be picked it is size^2 (1 - p) / p^2. */
static inline __attribute__((always_inline)) step_u64
heap_variance(step_u64 size, step_u64 weight)
{
	step_u64 bytes = size * weight >> HEAP_POINT;

	if (bytes > 0xffffffff)
		bytes = 0xffffffff;
	return bytes > size ? bytes * (bytes - size) : 0;
}

#endif
