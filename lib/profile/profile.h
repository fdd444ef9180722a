/*
 * Time on and off the CPU by function, line, crate, module or thread.  Self and total
 * are computed from stored stacks here and nowhere else.
 *
 * A row's self time is that of the stacks whose innermost frame it is; its total is
 * that of the stacks with it anywhere, counted once even if it recurs.  For threads
 * both are the same.  Time without a stack has a row named after the reason, so self
 * times always add up to the whole.  All times are in nanoseconds.
 */
#ifndef PROFILE_H
#define PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "profile/profile_types.h"

struct profile;
struct recording;

struct profile_row {
	unsigned id;                  /* stable while the recording is open, as inuse_row's */
	const char *name;             /* function, crate, module path or thread name */
	const char *file;             /* of the function's costliest line, or NULL */
	uint64_t line;                /* 0: unknown */
	const char *module;           /* path; NULL for crates and threads */
	const char *version;          /* of a crate, or NULL */
	uint64_t pid, tid;            /* of a thread */
	uint64_t self, total;         /* of the metric, since `since` */
	uint64_t now_self, now_total; /* within the last `window` */
	uint64_t in[PROFILE_NSTATES]; /* total by state */
	uint64_t waits;               /* completed waits, except for a CPU */
	uint64_t present;             /* of a thread: time with a producer running */
	const char *callee;           /* what most of self went to below, if collapsed, or NULL */
	uint64_t callee_ns;           /* its time */
	int special;                  /* stands for a reason, such as [runtime], not for code */
};

struct profile_summary {
	uint64_t ns;                    /* total of the metric: what all self adds up to */
	uint64_t probes_ns;             /* of it in probes */
	uint64_t complete_ns;           /* time of stacks that reach the root */
	uint64_t short_ns;              /* time of waits too short for a stack */
	uint64_t now_ns, now_on;        /* of the metric in the window; all CPU time in it */
	uint64_t samples, complete;     /* CPU samples; those with a complete stack */
	uint64_t in[PROFILE_NSTATES];   /* all time by state */
	uint64_t waits, off_records;    /* as in rows; number of off-CPU records */
	uint64_t off_last, off_least;   /* time of the last one; shortest wait with a stack */
	int off;                        /* whether off-CPU time was recorded */
	uint64_t first, last;           /* bounds of the recording, from its start */
	uint64_t recorded;              /* time with a producer running */
	uint64_t covered;               /* time with a producer running, in the selection */
	uint64_t measured;              /* time up to which the metric is complete */
	uint64_t lost;                  /* sum of all lost records */
	uint64_t cost_ns, cost_max_rss; /* of the producers */
	int live;                       /* whether a writer is present and a stream open */
};

/* A counted reason: of lost samples, or of incomplete stacks. */
struct profile_count {
	const char *producer; /* of lost records, else NULL */
	const char *reason;   /* as in rsprof-records(5) */
	uint64_t count;       /* samples */
	uint64_t ns;          /* incomplete stacks: time of the metric */
};

/*
 * Count the time of a recording, which it makes read its part of.  `window` is how many
 * nanoseconds before the last record are "now".
 *
 * profile_update() counts what recording_update() has read since.
 *
 * The caller keeps the recording.  On failure they return NULL or -1, see db_error();
 * after a failed update the old rows remain.
 */
struct profile *profile_open(struct recording *r, enum profile_metric metric,
    enum profile_group group, uint64_t window);
int profile_update(struct profile *p);
void profile_close(struct profile *p);

/* Returns the *n rows with any time, unordered.  They are valid until the profile is
 * next updated, regrouped, measured, selected or closed. */
const struct profile_row *profile_rows(const struct profile *p, size_t *n);
const struct profile_summary *profile_summary(const struct profile *p);

/* Returns lost samples by producer and reason, or incomplete stacks by reason, valid as
 * long as the rows are. */
const struct profile_count *profile_losses(const struct profile *p, size_t *n);
const struct profile_count *profile_cuts(const struct profile *p, size_t *n);

/* Returns note i of the recording, or NULL past the last.  Notes are in order of
 * appearance, without repetitions. */
const char *profile_note(const struct profile *p, size_t i);

enum profile_group profile_grouping(const struct profile *p);

/* Change the grouping without reading again.  Returns 0, or -1 if out of memory;
 * nothing has changed then. */
int profile_regroup(struct profile *p, enum profile_group group);

/* Change the metric without reading again: rows and summary follow it.  Returns 0, or
 * -1 if out of memory; the old rows remain then. */
enum profile_metric profile_measured(const struct profile *p);
int profile_measure(struct profile *p, enum profile_metric metric);

/* Change what counts without reading again; losses, costs and notes remain those of the
 * whole recording.  Returns as profile_measure() does. */
const struct profile_select *profile_selected(const struct profile *p);
int profile_select(struct profile *p, const struct profile_select *select);

/* Returns the recording. */
struct recording *profile_recording(const struct profile *p);

/* Collapse frames as described in profile/stacks.h, or stop doing so, which is how a
 * profile is opened.  Nothing is collapsed in a recording without any code of the
 * program's own, see recording_has_own().  Returns 0, or -1 if out of memory. */
int profile_is_collapsed(const struct profile *p);
int profile_collapse(struct profile *p, int collapse);

/*
 * Fill n buckets of `width` ns from `from` on with the total (what = 't') or self (what
 * = 's') time of a row.  Off-CPU time is reported at the end of an interval and spread
 * over it here.  Returns 0, or -1 if out of memory.
 */
int profile_series(const struct profile *p, unsigned id, char what,
    enum profile_metric metric, uint64_t from, uint64_t width,
    uint64_t *bucket, size_t n);

/* Returns the CPU time of all threads in each of *n intervals of PROFILE_HISTORY_STEP
 * from the start of the recording on, regardless of the selection. */
const uint64_t *profile_history(const struct profile *p, size_t *n);

/*
 * Fill such buckets for the self time of every row: those of row id begin at out[id *
 * n].  `out` must have room for profile_ids() rows.
 */
size_t profile_ids(const struct profile *p);
void profile_series_all(const struct profile *p, uint64_t from, uint64_t width, uint64_t *out,
    size_t n);

/* Export the stacks with their selected time for profile/calltree, by function or
 * generic function.  The caller frees them by calltree_stacks_free().  Returns 0, or -1
 * if out of memory. */
struct calltree_stacks;
int profile_stacks(const struct profile *p, enum profile_group group,
    struct calltree_stacks *out);

#endif
