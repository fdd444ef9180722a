/*
 * What a record says of a task that is known, in a stream of several producers: each tells of
 * every process and thread, at times that differ a little, and some of it late.
 */
#ifndef TASK_H
#define TASK_H

#include <stdint.h>

#define TASK_RUNS INT64_MAX /* the end of a task that has not ended */

/* Returns whether a proc record of this time begins a program: in a process whose last program
 * has begun and ended at these times, and was the same one or not. */
static inline int
task_begins(int64_t began, int64_t ended, int same, int64_t time)
{
	if (time < began)
		return 0;
	if (ended == TASK_RUNS)
		return !same;
	return same ? time > ended : time >= ended;
}

#endif
