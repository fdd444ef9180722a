/*
 * Another stream that begins in the middle of one: whatever records refer to from there on, and
 * whatever holds there, is said again, so that the new stream can be read alone.
 *
 * Processes, threads, mappings, probes, notes, costs and live memory are said where it begins;
 * modules, frames and stacks, and tasks that have ended, before the first record that refers to
 * them.
 */
#ifndef RESUME_H
#define RESUME_H

#include <stdint.h>

struct rec;
struct resume;

/* Create one; put() gets the records of the stream that is written, and returns 0 to go on.  A
 * record's strings are valid until it returns, and one that has a line is that line.  Returns
 * NULL when out of memory. */
struct resume *resume_new(int (*put)(void *ctx, const struct rec *r), void *ctx);
void resume_free(struct resume *s);

/*
 * Handle the next record of the stream that is read: resume_put() writes it, after the definitions
 * that it needs, and resume_skip() does not.  Return 0, -1 when out of memory, or what put()
 * returned.
 */
int resume_put(struct resume *s, const struct rec *r);
int resume_skip(struct resume *s, const struct rec *r);

/* End the stream that is written, or begin another one there, at a time in nanoseconds since the
 * Epoch.  Return as resume_put() does. */
int resume_end(struct resume *s, int64_t wall);
int resume_begin(struct resume *s, int64_t wall);

/* Returns a time of the stream, by its last header, in nanoseconds since the Epoch. */
int64_t resume_wall(const struct resume *s, uint64_t time);

#endif
