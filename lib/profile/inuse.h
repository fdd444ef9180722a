/*
 * Memory in use and allocated, by function, line, crate, module or thread.
 *
 * An allocation is charged to the innermost frame or, collapsed (profile/stacks.h), to
 * the innermost of the program's own code.  A row's self is what is charged to it; its
 * total is what was allocated with it anywhere on the stack, counted once even if it
 * recurs.  All sizes are in bytes.
 */
#ifndef INUSE_H
#define INUSE_H

#include <stddef.h>
#include <stdint.h>

#include "profile/profile_types.h"

struct inuse;
struct recording;

struct inuse_sum {
	uint64_t live, count;   /* live bytes, live allocations */
	uint64_t bytes, allocs; /* allocated within the selected time */
	uint64_t frees, temps;
	uint64_t moved, copied; /* reallocs that moved, bytes they copied */
	uint64_t peak;          /* as defined at inuse_open() */
	/* Sums of ranges, in windows of time; where there are none, of the figures. */
	uint64_t live_least, live_most, bytes_least, bytes_most;
	uint64_t ranged;            /* stacks of which live is a range */
	double live_var, bytes_var; /* variances of what is estimated from samples */
};

/* Between what bounds a figure is, in 19 of 20 cases. */
struct inuse_range {
	uint64_t least, most;
	int known;    /* not a range of windows that is wider than a factor of two */
	double error; /* half of its width as a share of the figure; 0: exact */
};

#define INUSE_ERROR_SHOWN 0.1 /* smaller errors are not shown */

struct inuse_range inuse_live_range(const struct inuse_sum *s);
struct inuse_range inuse_bytes_range(const struct inuse_sum *s);

struct inuse_row {
	unsigned id;      /* stable while the recording is open, as profile_row's */
	const char *name; /* function, crate, module path or thread name */
	const char *file; /* of the function's line that holds or allocates most, or NULL */
	uint64_t line;
	const char *module;
	const char *version; /* of a crate, or NULL */
	uint64_t pid, tid;
	struct inuse_sum self, total;
	uint64_t baseline; /* live bytes of self at the start of the selection */
	const char *callee; /* what most of live went to below, if collapsed, or NULL */
	uint64_t callee_live;
	int special;       /* stands for a reason, such as [runtime], not for code */
};

struct inuse_summary {
	struct inuse_sum all;
	uint64_t rss, anon;       /* at the end; 0: unknown */
	uint64_t unknown;         /* frees of allocations that were not recorded */
	uint64_t first, last;     /* of the recording, ns from its start */
	uint64_t covered;         /* ns with probes in place */
	uint64_t hits, cost;      /* of the probes; their cost in ns */
	uint64_t lost;            /* sum of the lost records, without: */
	uint64_t missing;         /* functions and files that could not be probed */
	uint64_t doubts;          /* files that may allocate by other functions, too */
	uint64_t sample;          /* mean bytes per sample; 0: every allocation is recorded */
	int estimated;            /* whether sums are estimates */
	int windows;              /* whether live memory is known as ranges only */
	uint64_t inuse;           /* bytes in use by the allocator's own state; 0: unknown */
	uint64_t known;           /* live bytes of the rows for which they are known */
	int growth;               /* whether this is resident memory, from page faults */
	const char *layer;        /* probed allocator layer, or NULL */
	int found;                /* whether any function that allocates was found */
	uint64_t snapshot;        /* with an age: time of the snapshot, ns; 0: none */
	uint64_t cutoff;          /* suspects were allocated before this time */
	uint64_t from;            /* start of the stream that took the snapshot */
};

/* Returns whether something speaks against that every allocation is in the sums: what was not
 * probed, or lost. */
int inuse_has_gaps(const struct inuse_summary *s);

/* Returns whether every allocation is in the sums, each by itself, which needs that some
 * function that allocates was found. */
int inuse_is_exact(const struct inuse_summary *s);

struct inuse_options {
	enum profile_group group;
	struct profile_select select; /* time and thread, as of a profile */
	uint64_t age; /* ns; not 0: only suspected leaks of at least this age */
	int collapse; /* as profile_collapse() */
};

/* Returns whether two sets of options are equal. */
int inuse_is_same(const struct inuse_options *a, const struct inuse_options *b);

/*
 * Sum the allocations of a recording, which it makes read its part of.
 *
 * A row's peak is the largest value its live bytes had at the end of an interval or, if
 * that is more, the largest value one of its stacks had in one thread at any time.
 *
 * With an age, suspected leaks are the allocations that were live at the last snapshot
 * before the selection's end, more than `age` old, and not from the last tenth of the
 * recording up to there; bytes and allocs then equal live and count.  A stack never has
 * more suspects than live allocations at that end.
 *
 * The caller keeps the recording.  Returns NULL on failure, see db_error().
 */
struct inuse *inuse_open(struct recording *r, const struct inuse_options *o);

/* Sum what recording_update() has read since.  Not with an age.  Returns 0, or -1 on
 * failure, see db_error(). */
int inuse_update(struct inuse *u);
void inuse_close(struct inuse *u);

/* Returns the share of the selected time in which allocations were recorded, in percent;
 * 100 where it is too short to tell. */
double inuse_covered(const struct inuse *u);

/* Returns whether a sum has anything in it. */
int inuse_has(const struct inuse_sum *s);

/* Returns whether memory was recorded at all. */
int inuse_any(const struct inuse *u);

/* Returns the *n rows that are not empty, unordered, valid until the next update. */
struct inuse_row *inuse_rows(const struct inuse *u, size_t *n);
const struct inuse_summary *inuse_summary(const struct inuse *u);

/* Returns whether figures may be off: they are estimates from samples, or ranges. */
int inuse_has_errors(const struct inuse *u);

#define INUSE_UNKNOWN UINT64_MAX /* of live bytes: their range is too wide */

/* Fill n buckets of `width` ns from `from` on with the live bytes that a row's total
 * (what = 't') or self (what = 's') has at the end of each, or INUSE_UNKNOWN.  Returns 0,
 * or -1 if out of memory. */
int inuse_series(const struct inuse *u, unsigned id, char what, uint64_t from,
    uint64_t width, uint64_t *bucket, size_t n);

/* Fill such buckets for the self of every row: those of row id begin at out[id * n].
 * `out` must have room for inuse_ids() rows.  Returns 0, or -1 if out of memory. */
size_t inuse_ids(const struct inuse *u);
int inuse_series_all(const struct inuse *u, uint64_t from, uint64_t width, uint64_t *out,
    size_t n);

/* Export the stacks and their live bytes for profile/calltree, by function or generic
 * function.  The caller frees them by calltree_stacks_free().  Returns 0, or -1 if out
 * of memory. */
struct calltree_stacks;
int inuse_stacks(const struct inuse *u, enum profile_group group, struct calltree_stacks *out);

#endif
