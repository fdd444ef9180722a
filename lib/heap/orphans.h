/*
 * Child processes that a probed process forks, and that are not tracked themselves.
 *
 * fork() copies the breakpoints of uprobes along with the code.  The kernel removes those of
 * a probe by a perf event where a child hits one; those of links that are for one process
 * stay, and each call in the child is an interrupt that counts nowhere.  So they are taken
 * out of the child's memory here, by the bytes of the file: to the kernel that is a probe
 * that is gone already.
 */
#ifndef ORPHANS_H
#define ORPHANS_H

#include <stddef.h>
#include <sys/types.h>

struct probe_plan;

struct orphans {
	pid_t *pid; /* forked, and not looked at yet */
	size_t n, room;
};

/* Remember a child of `parent`, if that is the probed process or such a child itself.
 * Returns -1 if memory is short. */
int orphans_add(struct orphans *o, pid_t probed, pid_t parent, pid_t child);

/* Take the breakpoints of a process' plan out of the children that have memory of their own,
 * and forget the children.  Returns how many could not be helped. */
size_t orphans_free(struct orphans *o, pid_t probed, const struct probe_plan *plan);

void orphans_clear(struct orphans *o);

#endif
