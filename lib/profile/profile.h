/*
 * What a recording says about time on and off the CPU, by function, line,
 * crate, module or thread: the one place that turns stored stacks into self and
 * total.
 *
 * A row's self time is that of the stacks whose innermost frame it is, its
 * total that of the stacks with it anywhere on them, counted once however
 * often it recurs there.  By thread the two are equal.  Time without a stack
 * belongs to a row of its own whose name tells the reason, so that self times
 * always add up to the whole.  All times in nanoseconds.
 */
#ifndef PROFILE_H
#define PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "profile/profile_types.h"

struct db;
struct profile;

struct profile_row {
	unsigned id;                  /* stays the same while the profile is open */
	const char *name;             /* function, crate, module path or thread name */
	const char *file;             /* of its costliest line; NULL: not known */
	uint64_t line;                /* 0: not known */
	const char *module;           /* path; NULL by crate and thread */
	const char *version;          /* by crate only; NULL: not known */
	uint64_t pid, tid;            /* by thread only */
	uint64_t self, total;         /* of what is measured, since `since` */
	uint64_t now_self, now_total; /* in the last `window` */
	uint64_t in[PROFILE_NSTATES]; /* the total, by state */
	uint64_t waits;               /* that ended, but for those for a CPU */
	uint64_t present;             /* by thread: while there was a producer */
};

struct profile_summary {
	uint64_t ns;                    /* of what is measured */
	uint64_t complete_ns;           /* of that, by stacks that reach the root */
	uint64_t short_ns;              /* of that, too short for a stack */
	uint64_t now_ns, now_on;        /* in the last window; on the CPU, by all threads */
	uint64_t samples, complete;     /* of the CPU; those that reach the root */
	uint64_t in[PROFILE_NSTATES];   /* all of the time, by state */
	uint64_t waits, off_records;    /* as in rows; of off-CPU time */
	uint64_t off_last, off_least;   /* the last of them; of a wait with a stack */
	int off;                        /* off-CPU time was recorded */
	uint64_t first, last;           /* times of the recording, from its start */
	uint64_t recorded;              /* of that, while there was a producer */
	uint64_t covered;               /* and of what is selected of it */
	uint64_t measured;              /* until when what is measured is there */
	uint64_t lost;                  /* sum of the lost records */
	uint64_t cost_ns, cost_max_rss; /* the producers' own */
	int live;                       /* a writer is there, a stream not ended */
};

/* What happened how often: samples lost, stacks that are not complete. */
struct profile_count {
	const char *producer; /* of lost records; else NULL */
	const char *reason;   /* as in rsprof-records(5) */
	uint64_t count;       /* of samples */
	uint64_t ns;          /* of stacks: of what is measured */
};

/*
 * Read what the recording holds now; profile_update() reads what came since
 * (cheap: it looks at new rows only; names given later to stacks that are
 * already there show when the profile is opened anew).  What is before since
 * or not before until is left out; until UINT64_MAX: no end.  window: the
 * nanoseconds up to `last` that are "now".
 * The db stays the caller's.  NULL or -1: db_error(db) says why; after a
 * failed update the rows are those of before.
 */
struct profile *profile_open(struct db *db, enum profile_metric metric,
    enum profile_group group, uint64_t since, uint64_t until, uint64_t window);
int profile_update(struct profile *p);
void profile_close(struct profile *p);

/* The rows with any time, in no order, valid until the next update, regroup,
 * measure or close. */
const struct profile_row *profile_rows(const struct profile *p, size_t *n);
const struct profile_summary *profile_summary(const struct profile *p);

/* What was lost, by producer and reason; stacks that do not reach the root,
 * by reason.  Valid as the rows are. */
const struct profile_count *profile_losses(const struct profile *p, size_t *n);
const struct profile_count *profile_cuts(const struct profile *p, size_t *n);

/* The notes, each text once, in the order in which they came; NULL after the
 * last one. */
const char *profile_note(const struct profile *p, size_t i);

enum profile_group profile_grouping(const struct profile *p);

/* Regroup what has been read, without reading it again; nothing is done where it is
 * grouped so.  -1: out of memory,
 * nothing has changed. */
int profile_regroup(struct profile *p, enum profile_group group);

/* Measure something, without reading again; nothing is done where that is measured:
 * the rows of the present grouping and the summary are of that then.  -1: out of
 * memory, the rows are those of before. */
enum profile_metric profile_measured(const struct profile *p);
int profile_measure(struct profile *p, enum profile_metric metric);

/* Count something else, without reading again; losses, costs and notes stay
 * those of the whole recording.  -1: out of memory, see profile_measure(). */
const struct profile_select *profile_selected(const struct profile *p);
int profile_select(struct profile *p, const struct profile_select *select);

/* A thread by its id, and back; PROFILE_ALL: there is none. */
void profile_thread(const struct profile *p, uint32_t id, uint64_t *pid, uint64_t *tid);
uint32_t profile_thread_id(const struct profile *p, uint64_t pid, uint64_t tid);

/* Charge std, runtimes, allocators and libc to the nearest caller that is none of
 * them, or no longer.  -1: the same. */
int profile_is_collapsed(const struct profile *p);
int profile_collapse(struct profile *p, int collapse);

/*
 * The total (what = 't') or self (what = 's') time of one row of the present
 * grouping in n buckets of `width` nanoseconds from `from` on, for a chart.
 * Off-CPU time is told at the end of an interval, over which it is spread.
 * -1: out of memory.
 */
int profile_series(const struct profile *p, unsigned id, char what,
    enum profile_metric metric, uint64_t from, uint64_t width,
    uint64_t *bucket, size_t n);

/* The time on the CPU of all threads, whatever is selected, in each interval of so many
 * nanoseconds from the recording's start on. */
const uint64_t *profile_history(const struct profile *p, size_t *n);

/*
 * The self times of all rows of the present grouping in n buckets as above: of the row
 * with an id those from out[id * n] on.  It has room for profile_ids() rows.
 */
size_t profile_ids(const struct profile *p);
void profile_series_all(const struct profile *p, uint64_t from, uint64_t width, uint64_t *out,
    size_t n);

/* The stacks with what is measured and selected, for profile/calltree, by function or by
 * generic function; calltree_stacks_free() frees them.  -1: out of memory. */
struct calltree_stacks;
int profile_stacks(const struct profile *p, enum profile_group group,
    struct calltree_stacks *out);

/* What a function of them is called, and in which module it is; NULL: not known. */
const char *profile_function(const struct profile *p, enum profile_group group,
    uint32_t row, const char **module);

#endif
