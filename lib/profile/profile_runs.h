/*
 * The runs of producers that a recording was made by: when they were, and
 * what they cost.
 *
 * A producer tells at least every second what it has cost since its start.
 * Several of the same kind may run at once, or one after the other, and a
 * cost record does not tell which one speaks; it is taken to be one that told
 * of less before.  All times in nanoseconds.
 */
#ifndef PROFILE_RUNS_H
#define PROFILE_RUNS_H

#include <stdint.h>

#define PROFILE_RUNNING UINT64_MAX /* a run that has no end */

struct profile_runs;

struct profile_cost {
	uint32_t producer; /* a number that stands for its kind */
	uint64_t time, ns, bytes;
};

/* NULL: out of memory. */
struct profile_runs *profile_runs_new(void);
void profile_runs_free(struct profile_runs *r);

/* A stream of the recording, new or again.  0, or -1: out of memory. */
int profile_runs_stream(struct profile_runs *r, int64_t id, uint32_t producer,
    uint64_t began, uint64_t ended);

/* A cost record; where counts is 0 it only serves those after it.  0, or -1:
 * out of memory. */
int profile_runs_cost(struct profile_runs *r, const struct profile_cost *c,
    int counts);

/* What counts: the CPU time of all of them, and the most memory that those of
 * one time had. */
uint64_t profile_runs_ns(const struct profile_runs *r);
uint64_t profile_runs_bytes(const struct profile_runs *r);

/* When the first one began, 0 where there is none; whether one has no end. */
uint64_t profile_runs_first(const struct profile_runs *r);
int profile_runs_open(const struct profile_runs *r);

/* For how much of the time between the two there was one. */
uint64_t profile_runs_covered(const struct profile_runs *r, uint64_t from,
    uint64_t to);

#endif
