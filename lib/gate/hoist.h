/*
 * Addresses of functions that threads have loaded from slots before those were
 * changed: a compiler keeps them in registers, or on the stack, over a loop.
 */
#ifndef HOIST_H
#define HOIST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct borrow;

struct hoist_pair {
	uint64_t from, to;
};

/* Replace such words of a borrowed thread, in its registers and on its stack.  Returns how
 * many there were. */
size_t hoist_borrowed(struct borrow *b, const struct hoist_pair *pair, size_t n);

/*
 * Replace them in all threads of a process but `except`, one after the other: each is
 * stopped for it.  One that waits where a stop would end its wait is stopped only if
 * there is such a word on its stack.  *found grows by how many words there were.  Returns
 * how many threads did not stop in `patience` milliseconds.
 */
size_t hoist_all(pid_t pid, pid_t except, int seccomp, int patience, const struct hoist_pair *pair,
    size_t n, size_t *found);

#endif
