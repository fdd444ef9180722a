/*
 * A recording of time on and off the CPU as read so far.  Everything is an index into
 * an array of its kind; strings are numbers in `text`.
 */
#ifndef PROFILE_DATA_H
#define PROFILE_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "profile/profile_types.h"

struct db;
struct profile_ids;
struct profile_rows;
struct profile_runs;
struct profile_tree;
struct strtab;

struct profile_thread {
	uint64_t pid, tid;
	uint32_t name;         /* text */
	uint64_t began, ended; /* UINT64_MAX: still running */
	uint64_t column[7];    /* as in profile_tree.h, PROFILE_NOW excepted */
};

/* A CPU sample, or the off-CPU time of an interval that ended at `time`. */
struct profile_sample {
	uint64_t time, ns;
	uint32_t node;
	unsigned thread : 29, state : 3; /* enum profile_state */
};

struct profile_loss {
	uint32_t producer, reason; /* text */
	uint64_t count;
};

struct profile_data {
	uint64_t since, until; /* bounds of what is read */
	struct profile_select select; /* what of it counts */
	uint64_t last;         /* latest time seen */
	uint64_t off_last;     /* latest time of off-CPU records; 0: none */
	uint64_t column[7];    /* sums of what counts, as in profile_tree.h */
	uint64_t probes[7];    /* what counts of probes, which is in no other sum; and */
	uint32_t probes_node;  /* the node that stands for it, or PROFILE_NONE */
	uint64_t ncpu;         /* CPU samples that count */
	uint64_t noff;         /* off-CPU records, counting or not */
	uint64_t lost;         /* sum of the losses */
	uint64_t off_least;    /* shortest wait with a stack; UINT64_MAX: no off-CPU time */
	struct strtab *text, *notes;
	struct profile_tree *tree;
	struct profile_rows *rows[5]; /* for each grouping except threads */
	struct profile_runs *runs;
	struct profile_thread *thread;
	struct profile_sample *sample; /* in order of arrival */
	uint64_t *history;              /* as profile_history() returns it */
	uint32_t *waits;               /* of the off-CPU samples, in the same order */
	struct profile_loss *loss;     /* one per producer and reason */
	size_t nthread, nsample, nloss, nhistory;

	size_t thread_room, sample_room, history_room, waits_room, loss_room;
	struct profile_ids *ids;
};

/* Returns an empty set, or NULL if out of memory. */
struct profile_data *profile_data_new(uint64_t since, uint64_t until);
void profile_data_free(struct profile_data *d);

/* Read new rows.  Returns 0, or -1, see db_error(); what was read until then is kept
 * and not read again. */
int profile_data_read(struct profile_data *d, struct db *db);

/* Change the selection and count everything again. */
void profile_data_select(struct profile_data *d, const struct profile_select *select);

#endif
