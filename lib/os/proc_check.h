/*
 * The check of a process that somebody wants to profile, before anything else: whether
 * there is one of that number which runs a program.  All programs ask here, so that
 * they agree.
 */
#ifndef PROC_CHECK_H
#define PROC_CHECK_H

#include <stddef.h>
#include <sys/types.h>

enum proc_check {
	PROC_CHECK_OK,
	PROC_CHECK_NOPROC,  /* there is none, or it has ended */
	PROC_CHECK_PERM,    /* there is one, but it is not shown */
	PROC_CHECK_NOTHING, /* it runs no program */
};

/* Check a process.  Unless it is as it should be, why becomes a sentence for people, in
 * which a kernel thread has none of object. */
enum proc_check proc_check(pid_t pid, const char *object, char *why, size_t size);

#endif
