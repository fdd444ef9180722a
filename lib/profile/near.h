/*
 * Near misses: of many names, the few that one could have been meant to be.
 */
#ifndef NEAR_H
#define NEAR_H

#include <stddef.h>

#define NEAR_MOST 5

/* The best of those offered so far, the nearest first; the caller's strings. */
struct near {
	const char *wanted;
	size_t n;
	const char *name[NEAR_MOST];
	unsigned distance[NEAR_MOST];
};

/* Offer a name, which is kept if it contains what is wanted, or its last component is only a
 * few letters away from that of it, and fewer than others. */
void near_offer(struct near *near, const char *name);

/* Replace what is not printable in a message of `size` bytes, which has names of a recording. */
void near_clean(char *message, size_t size);

/* Returns the last component of a path of names, what follows the last "::". */
const char *near_last(const char *name);

#endif
