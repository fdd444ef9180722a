/*
 * What the commands that produce records have in common: how they report what
 * sample/producer returns, and their options.
 */
#ifndef PRODUCER_CMD_H
#define PRODUCER_CMD_H

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "base/arg.h"
#include "cmd/status.h"
#include "sample/producer.h"

/* Print why a producer has failed, if it has.  Returns the exit status. */
static inline int
report(const struct producer *p, enum producer_result result)
{
	switch (result) {
	case PRODUCER_OK: return STATUS_OK;
	case PRODUCER_UNREAD: return STATUS_FAILED;
	case PRODUCER_CANNOT_WRITE: warnx(CANNOT_WRITE ": %s", p->why); break;
	default: warnx("%s", p->why); break;
	}
	return result == PRODUCER_NOPROC ? STATUS_NOPROC
	    : result == PRODUCER_PERM    ? STATUS_PERM
	    : result == PRODUCER_NOTHING ? STATUS_NOTHING
	                                 : STATUS_FAILED;
}

/* Exit with a message unless the result is PRODUCER_OK. */
static inline void
require(const struct producer *p, enum producer_result result)
{
	if (result != PRODUCER_OK)
		exit(report(p, result));
}

/* Close a producer.  Returns the exit status: the one given, if it is not 0. */
static inline int
finish(struct producer *p, int status)
{
	enum producer_result result = producer_close(p);

	return status ? status : report(p, result);
}

/* ---- options ----------------------------------------------------------- */

/* Parse the argument of option c as a number.  Exits unless it is one of min to
 * max; noun is what it should be. */
static inline uint64_t
option_number(int c, const char *arg, uint64_t min, uint64_t max, const char *noun)
{
	uint64_t n;

	if (arg_number(arg, min, max, &n) < 0)
		errx(STATUS_USAGE, "-%c %s: not %s", c, arg, noun);
	return n;
}

/* Parse the argument of option c as a size in bytes.  Exits unless it is one of min to max. */
static inline uint64_t
option_size(int c, const char *arg, uint64_t min, uint64_t max, const char *noun)
{
	uint64_t n;

	if (arg_size(arg, &n) < 0 || n < min || n > max)
		errx(STATUS_USAGE, "-%c %s: not %s", c, arg, noun);
	return n;
}

static inline pid_t
option_pid(const char *arg)
{
	return (pid_t)option_number('p', arg, 1, INT_MAX, "a process number");
}

static inline uint64_t
option_duration(const char *arg)
{
	uint64_t ns;

	if (arg_duration(arg, &ns) < 0 || ns == 0)
		errx(STATUS_USAGE, "-d %s: not a duration, such as 30s, 5m or 1h30m", arg);
	return ns;
}

static inline uint64_t
option_interval(const char *arg)
{
	uint64_t ns;

	if (arg_duration(arg, &ns) < 0 || ns < 10000000)
		errx(STATUS_USAGE, "-i %s: not a duration of 10ms or more", arg);
	return ns;
}

/* Parse a descriptor, which children do not inherit.  Exits unless it is open. */
static inline int
option_descriptor(int c, const char *arg)
{
	uint64_t fd;

	if (arg_number(arg, 0, 1023, &fd) < 0 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		errx(STATUS_USAGE, "-%c %s: not an open descriptor", c, arg);
	return (int)fd;
}

static inline int
option_ready(const char *arg)
{
	return option_descriptor('R', arg);
}

#endif
