/*
 * Bring a process that rsprof-exec(1) holds to the first instruction of the program
 * that it becomes, when the libraries of that are mapped and bound.
 *
 * It is traced as long as that takes.  A program that gets more rights by its file would
 * not get them then: rsprof-exec(1) does not let itself be traced for one.
 */
#ifndef START_H
#define START_H

#include <stdint.h>
#include <sys/types.h>

struct start {
	pid_t pid;
	uint64_t entry; /* the first instruction; 0: it has not executed the program yet */
	unsigned char byte; /* that was there */
	int written;    /* something else is there meanwhile */
};

/* Begin to trace a process.  Returns NULL, or what is wrong. */
const char *start_begin(struct start *s, pid_t pid);

enum start_state {
	START_WAITS,
	START_STOPPED, /* it is there, stopped by SIGSTOP, and not traced any more */
	START_OVER     /* it has ended, or cannot be stopped there: it goes on */
};

/* Handle what has happened to it: call it at each SIGCHLD.  *why is set with
 * START_OVER. */
enum start_state start_step(struct start *s, const char **why);

/* Stop tracing it, wherever it is. */
void start_cancel(struct start *s);

#endif
