/*
 * Which functions of a file without names allocate, found out in the process
 * itself: some of those that a plan guesses are watched for a moment (heap/spy),
 * it is looked what they do (heap/roles), then more of them.
 */
#ifndef LEARN_H
#define LEARN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct plan;

/* What is known of functions, by their files. */
struct learned_fn {
	uint64_t dev, ino, entry, shape; /* as in struct plan_probe */
};

struct learned {
	struct learned_fn *fn;
	size_t n, room;
};

void learned_free(struct learned *l);

/* Give a plan that guesses what is known.  How many probes it has got; -1: out
 * of memory. */
int learned_give(const struct learned *l, struct plan *plan);

/* Learn of a process that runs, for some seconds at most, and give that.
 * said[] says what was found; or, -1, why nothing was. */
int learn(struct learned *l, pid_t pid, struct plan *plan, char *said, size_t size);

#endif
