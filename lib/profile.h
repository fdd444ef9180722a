/*
 * What a recording says about CPU time, by function, line, module or thread:
 * the one place that turns stored stacks into self and total.
 *
 * A row's self time is that of the samples whose innermost frame it is, its
 * total that of the samples with it anywhere on the stack, counted once
 * however often it recurs there.  By thread the two are equal.  Samples
 * without a stack belong to a row of their own whose name tells the reason, so that
 * self times always add up to the whole.  All times in nanoseconds.
 */
#ifndef PROFILE_H
#define PROFILE_H

#include <stddef.h>
#include <stdint.h>

struct db;
struct profile;

enum profile_group {
	PROFILE_FUNCTION,
	PROFILE_LINE,
	PROFILE_MODULE,
	PROFILE_THREAD,
	PROFILE_NGROUPS
};

/* "function" and so on, and back: PROFILE_NGROUPS where a name is none. */
const char *profile_group_name(enum profile_group group);
enum profile_group profile_group(const char *name);

struct profile_row {
	unsigned id;                  /* stays the same while the profile is open */
	const char *name;             /* function, or module path, or thread name */
	const char *file;             /* of its costliest line; NULL: not known */
	uint64_t line;                /* 0: not known */
	const char *module;           /* path; NULL by thread */
	uint64_t pid, tid;            /* by thread only */
	uint64_t self, total;         /* since `since` */
	uint64_t now_self, now_total; /* in the last `window` */
};

struct profile_summary {
	uint64_t samples, ns;           /* all of them */
	uint64_t complete;              /* samples whose stack reaches the root */
	uint64_t now_ns;                /* in the last window */
	uint64_t first, last;           /* times of the recording, from its start */
	uint64_t recorded;              /* of that, while there was a producer */
	uint64_t lost;                  /* sum of the lost records */
	uint64_t cost_ns, cost_max_rss; /* the producers' own */
	int live;                       /* a writer is there, a stream not ended */
};

/* What happened how often: samples lost, stacks that are not complete. */
struct profile_count {
	const char *producer; /* of lost records; else NULL */
	const char *reason;   /* as in rsprof-records(5) */
	uint64_t count;
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
struct profile *profile_open(struct db *db, enum profile_group group,
    uint64_t since, uint64_t until, uint64_t window);
int profile_update(struct profile *p);
void profile_close(struct profile *p);

/* The rows with any time, in no order, valid until the next update, regroup
 * or close. */
const struct profile_row *profile_rows(const struct profile *p, size_t *n);
const struct profile_summary *profile_summary(const struct profile *p);

/* What was lost, by producer and reason; samples whose stack does not reach
 * the root, by reason.  Valid as the rows are. */
const struct profile_count *profile_losses(const struct profile *p, size_t *n);
const struct profile_count *profile_cuts(const struct profile *p, size_t *n);

/* The notes, each text once, in the order in which they came; NULL after the
 * last one. */
const char *profile_note(const struct profile *p, size_t i);

enum profile_group profile_grouping(const struct profile *p);

/* Regroup what has been read, without reading it again.  -1: out of memory,
 * nothing has changed. */
int profile_regroup(struct profile *p, enum profile_group group);

/*
 * The total (what = 't') or self (what = 's') time of one row of the present
 * grouping in n buckets of `width` nanoseconds from `from` on, for a chart.
 * -1: out of memory.
 */
int profile_series(const struct profile *p, unsigned id, char what,
    uint64_t from, uint64_t width, uint64_t *bucket, size_t n);

#endif
