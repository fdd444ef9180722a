/*
 * What a recording holds about time on and off the CPU, read so far.  Everything is known by
 * index into an array of its kind; texts by their numbers in `text`.
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
	uint64_t began, ended; /* UINT64_MAX: it has not ended */
	uint64_t column[7];    /* as in profile_tree.h; now is not set here */
};

/* Of the CPU, or the off-CPU time of an interval that ended at `time`. */
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
	uint64_t since, until; /* what is not between them is not read */
	struct profile_select select; /* and of what was read, what counts */
	uint64_t last;         /* the latest time that was seen */
	uint64_t off_last;     /* the same of off-CPU time; 0: none */
	uint64_t column[7];    /* of what counts, as in profile_tree.h */
	uint64_t ncpu;         /* samples of the CPU that count */
	uint64_t noff;         /* others, whether they do or not */
	uint64_t lost;         /* sum of the losses */
	uint64_t off_least;    /* nanoseconds; UINT64_MAX: none is recorded */
	struct strtab *text, *notes;
	struct profile_tree *tree;
	struct profile_rows *rows[5]; /* in each of the groupings, but threads */
	struct profile_runs *runs;
	struct profile_thread *thread;
	struct profile_sample *sample; /* in the order of arrival */
	uint64_t *history;              /* as profile_history() has it */
	uint32_t *waits;               /* of those that are not of the CPU */
	struct profile_loss *loss;     /* one for each producer and reason */
	size_t nthread, nsample, nloss, nhistory;

	size_t thread_room, sample_room, history_room, waits_room, loss_room;
	struct profile_ids *ids;
};

/* NULL: out of memory. */
struct profile_data *profile_data_new(uint64_t since, uint64_t until);
void profile_data_free(struct profile_data *d);

/* Read what came since.  0, or -1 and db_error(): what has been read until
 * then is there and will not be read again. */
int profile_data_read(struct profile_data *d, struct db *db);

/* Count anew what is selected. */
void profile_data_select(struct profile_data *d, const struct profile_select *select);

#endif
