/*
 * Processes that have a gate from another one by fork(2): they are led through a copy of
 * it, which samples for nobody, until the lease ends.
 */
#ifndef HEIRS_H
#define HEIRS_H

#include <stdint.h>
#include <sys/types.h>

struct heirs {
	pid_t pid;          /* the process that they have it from; it may have ended */
	uint64_t base;      /* where it is mapped; 0: nowhere */
	uint64_t ino;       /* of its file, which no other process' gate has */
	uint32_t major, minor;
	int all_callers;    /* set by the owner, as in gate/gate.h */
};

/* Returns where a gate is mapped in a process, 0: nowhere.  *out, if not NULL, is what
 * heirs_restore() is told of it. */
uint64_t heirs_find(pid_t pid, struct heirs *out);

/* Restore all processes that have a copy of the gate which nobody holds. */
void heirs_restore(const struct heirs *h);

#endif
