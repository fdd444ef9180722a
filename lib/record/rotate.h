/*
 * The files of a recording that is cut by time: STEM-YYYYMMDDTHHMMSSZ.db for each, by the second
 * of UTC where it begins, so that the order of names is that of time.
 *
 * On failure *why is set to a string for people, which needs no free.
 */
#ifndef ROTATE_H
#define ROTATE_H

#include <stddef.h>
#include <stdint.h>

/* Write the name of the file for `path` that begins at a time, in nanoseconds since the Epoch.
 * Returns -1 where the time has no such name, or the name no room. */
int rotate_name(char *buf, size_t size, const char *path, int64_t wall);

/* Returns the next time after `wall` at which a file ends: a multiple of the interval. */
int64_t rotate_next(int64_t wall, int64_t interval);

/* Remove the oldest files of `path`, with what belongs to them, until at most `keep` are left.
 * Files that are not recordings do not count and stay.  Returns -1 on failure. */
int rotate_purge(const char *path, uint64_t keep, const char **why);

#endif
