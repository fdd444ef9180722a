/*
 * One traversal of a named record stream for all formats: it turns records into samples with
 * stacks of frames, and hands them to the back end of a format.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/strtab.h"
#include "export/bounds.h"
#include "export/stacks.h"
#include "export/tasks.h"

struct defs;
struct rec;

/* The sums of a thread and stack that samples are added to. */
enum export_value {
	EXPORT_SAMPLES, /* samples of CPU time */
	EXPORT_CPU,     /* nanoseconds, or what else the stream's unit is */
	EXPORT_WAITS,   /* waits that ended */
	EXPORT_OFF,     /* nanoseconds off the CPU */
	EXPORT_ALLOCS,
	EXPORT_BYTES,
	EXPORT_FREES,
	EXPORT_FREED, /* bytes */
	EXPORT_TEMPS,
	EXPORT_COUNT, /* allocations that are live: may be negative */
	EXPORT_LIVE,  /* bytes of them */
	EXPORT_LIVED, /* nanoseconds of those that were freed, within a factor of two */
	EXPORT_NVALUES
};

struct export_sample {
	enum {
		EXPORT_ON_CPU,
		EXPORT_OFF_CPU,
		EXPORT_HEAP
	} kind;
	int64_t time; /* nanoseconds since the first stream began */
	uint32_t thread, node;
	const char *state; /* off the CPU: as in rsprof-records(5) */
	int64_t peak;      /* of the heap: the most bytes that were live since the start */
	int64_t value[EXPORT_NVALUES];
	struct bounds live, bytes; /* of those values */
};

/* The memory of a process at a time. */
struct export_memory {
	int64_t time;
	uint32_t process;
	uint64_t live, rss;
	int has_live; /* it is of a stream that knows the allocations */
	struct bounds_range range; /* of live */
};

/* Says what is to be known about the figures at a time. */
struct export_remark {
	enum {
		EXPORT_LOST,
		EXPORT_NOTE,   /* of a producer */
		EXPORT_WINDOW, /* probes were armed for a part of an interval only */
		EXPORT_RANGE   /* how far a figure may be off */
	} kind;
	int64_t time;
	uint64_t count;   /* of what was lost, else 0 */
	const char *text; /* the reason, or the note */
};

struct export;

/* A format.  Functions return -1 when out of memory; memory and remark may be NULL. */
struct export_format {
	const char *name;
	int no_remarks; /* it has no place for them */
	size_t state; /* bytes of e->state, which begins as zeros */
	int (*sample)(struct export *e, const struct export_sample *s);
	int (*memory)(struct export *e, const struct export_memory *m);
	int (*remark)(struct export *e, const struct export_remark *r);
	int (*write)(struct export *e, FILE *out); /* all of it, when the stream has ended */
	void (*end)(struct export *e);             /* clears what e->state has */
};

struct export_options {
	struct stacks_options stacks;
	enum export_value value; /* of a format that has only one; EXPORT_NVALUES: of all */
	int wall;                /* time off the CPU counts as EXPORT_CPU does */
	int processes, threads;  /* they are the outermost frames */
	struct export *old;      /* of the same format, to compare with; may be NULL */
};

/* All a back end needs; it may not change it, but for state. */
struct export {
	const struct export_format *format;
	const struct export_options *o;
	void *state;
	struct stacks stacks;
	struct tasks tasks;
	/* of the streams */
	uint64_t start;         /* nanoseconds since the Epoch; 0: there was no header */
	int64_t first, last;    /* the times of what is there */
	const char *unit;       /* of EXPORT_CPU: "ns", or the name of an event */
	uint64_t hz;            /* 0: unknown */
	uint64_t pid;           /* that was profiled; 0: unknown */
	const char *host, *arch; /* may be NULL */
	int64_t total[EXPORT_NVALUES];
	struct bounds live, bytes; /* of those totals */
	size_t nsite, unknown; /* threads and stacks with memory; of which live is not known */
	unsigned has[3];   /* samples of each kind */
	/* Notes on the figures, each once. */
	struct strtab remarks;
	struct strtab lost; /* what was lost, and by whom: so often */
	uint64_t *nlost;
};

/* Start an export; the options stay the caller's.  Returns NULL when out of memory. */
struct export *export_new(const struct export_format *format, const struct export_options *o);
void export_free(struct export *e);

/* Take a record.  Returns NULL, or what is wrong: nothing can be exported then. */
const char *export_record(struct export *e, const struct rec *r);
/* Returns a warning about the last record, or NULL. */
const char *export_warning(const struct export *e);

/* Write all of it.  Returns -1 when out of memory; what could not be written shows in ferror(). */
int export_write(struct export *e, FILE *out);

/* Write into buf how far the total of EXPORT_LIVE, or EXPORT_BYTES, may be off.  Returns buf, or
 * NULL if it is exact, or of another value. */
#define EXPORT_DOUBT_MAX 300
const char *export_doubt(const struct export *e, enum export_value value,
    char buf[EXPORT_DOUBT_MAX]);

/* ---- for formats -------------------------------------------------------- */

/* Returns whether EXPORT_CPU is nanoseconds. */
int export_is_time(const struct export *e);

const struct export_frame *export_frame_of(const struct export *e, uint32_t node);

/* Write a name for people into buf: of a process or a thread, with its number.  Returns buf. */
#define EXPORT_NAME_MAX 200
const char *export_process_name(const struct export *e, uint32_t process,
    char buf[EXPORT_NAME_MAX]);
const char *export_thread_name(const struct export *e, uint32_t thread, char buf[EXPORT_NAME_MAX]);

#endif
