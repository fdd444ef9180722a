/*
 * What a recording says about memory, by function, line, module or thread.
 *
 * An allocation is charged to the innermost frame that is not plumbing: none
 * of an allocator, of Rust's standard library or of the C library.  A row's self is what
 * is charged to it, its total what was allocated with it anywhere on the stack,
 * counted once however often it recurs there.  All sizes in bytes.
 */
#ifndef INUSE_H
#define INUSE_H

#include <stddef.h>
#include <stdint.h>

#include "profile/profile_types.h"

struct db;
struct inuse;

struct inuse_sum {
	uint64_t live, count;   /* bytes not free yet, and how many allocations */
	uint64_t bytes, allocs; /* allocated in the time that was asked for */
	uint64_t frees, temps;
	uint64_t moved, copied; /* reallocs that moved, and the bytes copied */
	uint64_t peak;          /* see inuse_open() */
};

struct inuse_row {
	unsigned id;      /* stays the same while it is open */
	uint64_t key;     /* the same whenever the recording is read, by that grouping */
	const char *name; /* function, crate, module path or thread name */
	const char *file; /* where, by function where it was met first; NULL: not known */
	uint64_t line;
	const char *module;
	const char *version; /* of a crate; NULL: not known */
	uint64_t pid, tid;
	struct inuse_sum self, total;
	uint64_t baseline; /* what was live of its self at `since' */
};

struct inuse_summary {
	struct inuse_sum all;
	uint64_t rss, anon;       /* at the end; 0: not known */
	uint64_t unknown;         /* frees of memory that is not known */
	uint64_t first, last;     /* of the recording, ns from its start */
	uint64_t covered;         /* ns in which there were probes */
	uint64_t hits, cost;      /* of the probes, and what they cost, ns */
	uint64_t lost;            /* sum of the lost records */
	uint64_t sample;          /* bytes; 0: every allocation was recorded */
	int estimated;            /* sums are not exact */
	int growth;               /* of pages that became resident, by faults */
	const char *layer;        /* that is probed; NULL: not known */
	uint64_t snapshot;        /* of leaks: when it was taken, ns; 0: there is none */
	uint64_t cutoff;          /* and until when what is suspected was allocated */
	uint64_t from;            /* when the stream began that took it */
};

struct inuse_options {
	enum profile_group group;
	uint64_t since, until; /* as in profile_open() */
	uint64_t age;          /* ns; not 0: only what is suspected to leak */
	int raw;               /* charge to the innermost frame, plumbing or not */
	int collapse;              /* runtimes are plumbing, too */
	uint64_t pid, tid;     /* only what this thread has allocated; 0: all */
};

/* Do they ask for the same? */
int inuse_is_same(const struct inuse_options *a, const struct inuse_options *b);

/*
 * The peak of a row is the most that its live bytes were at the end of an
 * interval, or the most that those of one thread in one stack were at any
 * time, whichever is more.
 *
 * Suspected is what lives at the last snapshot before `until', was allocated
 * more than `age' before it, and not in the last tenth of the recording until
 * then: then bytes and allocs are those of live and count.  No more than is
 * live at `until' is suspected of a thread and a stack.
 *
 * The db stays the caller's.  NULL: db_error(db) says why.
 */
struct inuse *inuse_open(struct db *db, const struct inuse_options *o);

/* Read what came since; not with an age.  -1: the same. */
int inuse_update(struct inuse *u);
void inuse_close(struct inuse *u);

/* Is there anything in it? */
int inuse_has(const struct inuse_sum *s);

/* Was memory recorded at all? */
int inuse_any(const struct inuse *u);

/* The rows with anything, in no order, until the next update. */
struct inuse_row *inuse_rows(const struct inuse *u, size_t *n);
const struct inuse_summary *inuse_summary(const struct inuse *u);

/* The id of the row with a key; UINT32_MAX: there is none. */
unsigned inuse_id(const struct inuse *u, uint64_t key);

/* The live bytes of a row's total (what = 't') or self (what = 's') at the ends of n
 * buckets of `width' nanoseconds from `from' on.  -1: out of memory. */
int inuse_series(const struct inuse *u, unsigned id, char what, uint64_t from,
    uint64_t width, uint64_t *bucket, size_t n);

/* The same for the self of all rows: of the row with an id those from out[id * n] on; it
 * has room for inuse_ids() rows. */
size_t inuse_ids(const struct inuse *u);
int inuse_series_all(const struct inuse *u, uint64_t from, uint64_t width, uint64_t *out,
    size_t n);

/* The stacks with the live bytes of each, for profile/calltree, by what it is grouped by;
 * calltree_stacks_free() frees them; fold: plumbing and runtimes count for what calls
 * them.  -1: out of
 * memory. */
struct calltree_stacks;
int inuse_stacks(const struct inuse *u, int collapse, struct calltree_stacks *out);

/* What a row of them is called, and its module; NULL: not known. */
const char *inuse_function(const struct inuse *u, uint32_t row, const char **module);

#endif
