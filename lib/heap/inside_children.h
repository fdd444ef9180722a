/*
 * Child processes (-f) of a process that is sampled inside (heap/inside).
 *
 * A forked one has a copy of its parent's gate, by which it is sampled from its first
 * instruction on; what lives longer than some moments gets a guard of its own, which renews
 * the lease, chooses the period by the child's own budget, and restores it.  One that
 * executes a program is sampled inside from its first instruction on, if that can be.
 */
#ifndef INSIDE_CHILDREN_H
#define INSIDE_CHILDREN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct inside;
struct inside_child;

struct inside_children {
	struct inside *root; /* set by the owner: the producer's process */
	struct inside_child **child;
	size_t n, room;
	unsigned notes; /* on some that are not sampled */
};

/* Follow a process that was forked.  Returns 0 if it is to be probed.  children: a struct
 * inside_children. */
int inside_children_forked(void *children, pid_t pid);

/* Sample a child process that stands at the first instruction of a program, if the producer's
 * is.  Returns 0 if it is to be probed; *why is the reason if it was tried, or NULL. */
int inside_children_started(struct inside_children *c, pid_t pid, const char **why);

/* Look after them. */
void inside_children_round(struct inside_children *c);

/* Returns when the next round is due. */
uint64_t inside_children_due(const struct inside_children *c);

/* Returns the period by which a process is sampled, `fallback` if it is none of these. */
uint64_t inside_children_period(const struct inside_children *c, pid_t pid, uint64_t fallback);

/* Have all restored, and wait for that. */
void inside_children_end(struct inside_children *c);

#endif
