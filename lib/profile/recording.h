/*
 * A recording as read so far: stacks, threads, time on and off the CPU, allocations and
 * memory, losses and costs.  Every table is read once, and only rows that are new after
 * that.  Everything is an index into an array of its kind; strings are numbers in
 * `text`.  Times are in nanoseconds from the recording's start, sizes in bytes.
 *
 * Names and inlined callers that are added later to stacks that were read already
 * appear, for time and memory alike, once the recording is opened again.
 */
#ifndef RECORDING_H
#define RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "profile/profile_types.h"

struct db;
struct profile_runs;
struct recording_ids;
struct stacks;
struct strtab;

#define RECORDING_NONE UINT32_MAX

/* What is read beside definitions, streams, losses, costs, notes and memory records. */
enum recording_part {
	RECORDING_TIME = 1 << 0, /* on and off the CPU */
	RECORDING_HEAP = 1 << 1, /* allocations and their ages */
	RECORDING_ALL = RECORDING_TIME | RECORDING_HEAP
};

struct recording_thread {
	uint64_t pid, tid;
	uint32_t name;         /* text */
	uint64_t began, ended; /* UINT64_MAX: still running */
};

/* A CPU sample, or the off-CPU time of an interval that ended at `time`. */
struct recording_sample {
	uint64_t time, ns;
	uint32_t node;
	unsigned thread : 29, state : 3; /* enum profile_state */
};

struct recording_loss {
	uint32_t producer, reason; /* text */
	uint64_t count;
};

/* A run of a heap producer. */
struct recording_stream {
	int64_t id;
	uint64_t began, pid, sample; /* sample: mean bytes; 0: every allocation */
	int growth;                  /* resident memory, from page faults */
};

/* A thread and a stack that allocate. */
struct recording_site {
	uint32_t thread, node;
	uint64_t live, count, most; /* as last read */
};

/* Bounds of a record's figures: ranges in windows of time, standard errors of samples. */
struct recording_range {
	uint64_t live_least, live_most, bytes_least, bytes_most;
	double live_error, bytes_error;
	int live_ranged, bytes_ranged;
};

/* What a site did in the interval that ended at heap_time[interval], and what was live
 * there at its end. */
struct recording_heap {
	uint32_t site, interval;
	uint32_t range; /* or RECORDING_NONE: exact */
	int ended;      /* no record: a new run does not know what was live */
	uint64_t allocs, bytes, frees, temps, moved, copied, live, count, peak;
};

/* Memory of a process, about once a second. */
struct recording_memory {
	uint64_t time, rss, anon, unknown, covered, hits, cost, peak, live, count;
	uint64_t live_least, live_most, inuse;
	int ranged;
};

/* What of a site, of the snapshot at `time`, had been allocated up to `born`. */
struct recording_age {
	uint64_t time, born, bytes, count;
	uint32_t site;
};

struct recording {
	struct db *db;
	uint64_t since, until; /* bounds of the time, losses, costs and notes that are read */
	unsigned parts;        /* enum recording_part: what is read */
	uint64_t last;         /* latest time seen */
	uint64_t heap_last;    /* of heap and memory records */
	uint64_t off_last;     /* of off-CPU records; 0: none */
	uint64_t off_least;    /* shortest wait with a stack; UINT64_MAX: no off-CPU time */
	uint64_t lost;         /* sum of the losses */
	uint32_t probes;       /* node that stands for time in probes, or RECORDING_NONE */
	uint32_t layer;        /* text: probed allocator layer */
	int estimated;         /* some allocations are samples */
	struct strtab *text, *notes;
	struct stacks *stacks;
	struct profile_runs *runs;
	struct recording_thread *thread;
	struct recording_sample *sample; /* in order of arrival */
	uint32_t *waits;                 /* of the off-CPU samples, in the same order */
	uint64_t *history;               /* as profile_history() returns it */
	struct recording_loss *loss;     /* one per producer and reason */
	struct recording_stream *stream; /* of heap producers, in order of time */
	struct recording_site *site;
	struct recording_range *range;
	struct recording_heap *heap; /* in order of arrival */
	uint64_t *heap_time;         /* ends of the intervals */
	struct recording_memory *memory;
	struct recording_age *age;
	size_t nthread, nsample, noff, nhistory, nloss, nstream, nsite, nrange, nheap,
	    ninterval, nmemory, nage;
	struct recording_ids *ids; /* what only reading needs */
};

/*
 * Open a recording and read `parts` of it, time from `since` up to but not including
 * `until` (UINT64_MAX: no end).  The caller keeps the db.  Returns NULL on failure, see
 * db_error().
 */
struct recording *recording_open(struct db *db, unsigned parts, uint64_t since, uint64_t until);
void recording_close(struct recording *r);

/* Read new rows, all tables as of one moment.  Returns 0, or -1, see db_error(); what was
 * read until then is kept and not read again. */
int recording_update(struct recording *r);

/* Read more parts from now on, those rows that are there at once.  Returns as
 * recording_update() does. */
int recording_want(struct recording *r, unsigned parts);

/* Returns how many rows a grouping has. */
size_t recording_rows(const struct recording *r, enum profile_group group);

/* Returns the name of a row of functions or generic functions and sets *module, or NULL
 * for either. */
const char *recording_function(const struct recording *r, enum profile_group group,
    uint32_t row, const char **module);

/* Returns the row with such a name and module, or RECORDING_NONE. */
uint32_t recording_find(const struct recording *r, enum profile_group group, const char *name,
    const char *module);

/* Returns whether any frame is of the program's own code, without which nothing is
 * collapsed. */
int recording_has_own(const struct recording *r);

/* What a row is.  Strings last as long as the recording. */
struct recording_row {
	const char *name;    /* function, crate, module path or thread name */
	const char *file;    /* of a line, or NULL */
	uint64_t line;
	const char *module;  /* path; NULL for crates and threads */
	const char *version; /* of a crate, or NULL */
	uint64_t pid, tid;   /* of a thread */
	int special;         /* stands for a reason, such as [runtime], not for code */
};
void recording_describe(const struct recording *r, enum profile_group group, uint32_t row,
    struct recording_row *out);

#endif
