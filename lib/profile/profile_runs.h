/*
 * The runs of producers that made a recording: when they were active and what they
 * cost.
 *
 * A producer reports its cost since its start at least every second.  Several of one
 * kind may run in parallel or in turn, and a cost record does not name its run; it is
 * attributed to one whose last report was lower.  All times are in nanoseconds.
 */
#ifndef PROFILE_RUNS_H
#define PROFILE_RUNS_H

#include <stdint.h>

#define PROFILE_RUNNING UINT64_MAX /* end of a run that has none yet */

struct profile_runs;

struct profile_cost {
	uint32_t producer; /* number of its kind */
	uint64_t time, ns, bytes;
};

/* Returns an empty set, or NULL if out of memory. */
struct profile_runs *profile_runs_new(void);
void profile_runs_free(struct profile_runs *r);

/* Add a stream, or update the end of a known one.  Where it is `part` of a longer one its first
 * cost record tells what the run had cost before.  Returns 0, or -1 if out of memory. */
int profile_runs_stream(struct profile_runs *r, int64_t id, uint32_t producer,
    uint64_t began, uint64_t ended, int part);

/* Add a cost record.  If `counts` is 0 it only serves as the base of later ones.
 * Returns 0, or -1 if out of memory. */
int profile_runs_cost(struct profile_runs *r, const struct profile_cost *c,
    int counts);

/* Returns the CPU time of all runs, and the most memory that concurrent ones had. */
uint64_t profile_runs_ns(const struct profile_runs *r);
uint64_t profile_runs_bytes(const struct profile_runs *r);

/* Returns the start of the first run (0: none), and whether a run has no end. */
uint64_t profile_runs_first(const struct profile_runs *r);
int profile_runs_open(const struct profile_runs *r);

/* Returns how much of the time between `from` and `to` had a run. */
uint64_t profile_runs_covered(const struct profile_runs *r, uint64_t from,
    uint64_t to);

#endif
