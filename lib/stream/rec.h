/*
 * The record stream of rsprof-records(5): one parser, one printer.
 *
 * A string handed out in a struct rec is unescaped, NUL-terminated, owned by
 * the reader and valid until the sink returns; NULL stands for "none".  A
 * string handed in is only read.
 */
#ifndef REC_H
#define REC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define REC_VERSION 1
#define REC_PRODUCER_MAX 4096 /* bytes of a producer's line, LF included */
#define REC_LINE_MAX 65536    /* bytes of any line, LF included */
#define REC_ATTR_MAX 32       /* key=value fields of a rsprof record */

enum rec_type {
	REC_OTHER, /* unknown, of a later version: only line and len are set */
	REC_RSPROF,
	REC_PROC,
	REC_THREAD,
	REC_EXIT,
	REC_MODULE,
	REC_MAP,
	REC_FRAME,
	REC_STACK,
	REC_CPU,
	REC_OFF,
	REC_STATE,
	REC_PROBE,
	REC_HEAP,
	REC_AGE,
	REC_MEMORY,
	REC_LOST,
	REC_COST,
	REC_NOTE,
	REC_END,
	REC_NTYPES
};

/*
 * A stack, or why there is none: cut is NULL and id is the stack (0: the
 * walk reached the first frame, nothing called it), or cut is the reason
 * and id is 0.
 */
struct rec_ref {
	uint64_t id;
	const char *cut;
};

struct rec_rsprof {
	uint64_t version;
	const char *producer;
	const char *attr[REC_ATTR_MAX]; /* "key=value"; see rec_attr() */
	size_t nattr;
};

struct rec_proc {
	uint64_t time, pid, ppid;
	const char *name, *exe, *cmdline;
};

struct rec_thread {
	uint64_t time, pid, tid;
	const char *name;
};

struct rec_exit {
	uint64_t time, pid, tid; /* tid 0: the whole process */
};

struct rec_module {
	uint64_t id;
	const char *buildid, *path;
};

struct rec_map {
	uint64_t time, pid, start, end, offset, module;
};

struct rec_frame {
	uint64_t id;
	const char *function, *file; /* either may be NULL */
	uint64_t line;               /* 0: unknown */
	/* Absent in early streams.  NULL or 0: unknown; folded NULL: the same as function. */
	const char *class;
	uint64_t column;
	const char *crate, *version, *folded;
};

struct rec_stack {
	uint64_t id;
	struct rec_ref caller;
	uint64_t module, offset;
	uint64_t frame; /* 0: not resolved yet */
	uint64_t inlined;
};

struct rec_cpu {
	uint64_t time, pid, tid;
	struct rec_ref stack;
	uint64_t ns;
};

struct rec_off {
	uint64_t time, pid, tid;
	struct rec_ref stack;
	uint64_t ns, count;
	const char *state;
};

struct rec_state {
	uint64_t time, pid, tid;
	const char *state;
	struct rec_ref stack;
};

struct rec_probe {
	uint64_t time, pid;
	const char *layer, *function;
	uint64_t module, offset;
	const char *how;
};

#define REC_BUCKETS 64 /* of a histogram: one for each power of two */

struct rec_heap {
	uint64_t time, pid, tid;
	struct rec_ref stack;
	uint64_t allocs, bytes, frees, freed, temps; /* deltas since the last record */
	uint64_t inplace, moved, copied, samples;
	uint64_t sizes[REC_BUCKETS], lives[REC_BUCKETS];
	uint64_t live, count, peak;                  /* current values */
	uint64_t bytes_err, live_err;                /* standard errors; 0: exact */
	uint64_t live_min, live_max;                 /* bounds of live; live_max 0: none */
	uint64_t bytes_min, bytes_max;               /* the same of bytes */
};

struct rec_age {
	uint64_t time, pid, tid;
	struct rec_ref stack;
	uint64_t born, bytes, count;
};

struct rec_memory {
	uint64_t time, pid;
	uint64_t live, count, peak, rss, anon;         /* current values */
	uint64_t allocs, bytes, frees, freed, unknown; /* deltas since the last record */
	uint64_t covered, hits, cost;
	uint64_t bytes_err, live_err; /* as in struct rec_heap */
	uint64_t live_min, live_max, bytes_min, bytes_max;
	uint64_t inuse;  /* bytes in use of the allocator; 0: not known */
	uint64_t period; /* mean bytes per sample; 0: all allocations are recorded */
};

struct rec_lost {
	uint64_t time;
	const char *producer;
	uint64_t count;
	const char *reason;
};

struct rec_cost {
	uint64_t time;
	const char *producer;
	uint64_t ns, bytes;
};

struct rec_note {
	uint64_t time;
	const char *producer, *text;
};

struct rec_end {
	uint64_t time;
	const char *producer, *reason;
};

struct rec {
	enum rec_type type;
	const char *line; /* the line as read, without LF; NULL when printing */
	size_t len;
	union {
		struct rec_rsprof rsprof;
		struct rec_proc proc;
		struct rec_thread thread;
		struct rec_exit exit;
		struct rec_module module;
		struct rec_map map;
		struct rec_frame frame;
		struct rec_stack stack;
		struct rec_cpu cpu;
		struct rec_off off;
		struct rec_state state;
		struct rec_probe probe;
		struct rec_heap heap;
		struct rec_age age;
		struct rec_memory memory;
		struct rec_lost lost;
		struct rec_cost cost;
		struct rec_note note;
		struct rec_end end;
	};
};

/* Returns the time of a record, or 0 for a type without one. */
uint64_t rec_time(const struct rec *r);

/* Returns the value of an attribute of a rsprof record, or NULL. */
const char *rec_attr(const struct rec_rsprof *r, const char *key);

/* Returns that value as a number; 0 if there is none. */
uint64_t rec_attr_number(const struct rec_rsprof *r, const char *key);

/* ---- reading ---------------------------------------------------------- */

/*
 * The callbacks of a reader.  record() gets each record and returns 0 to go on;
 * anything else stops the reader.  bad() gets the number (from 1) of each line
 * that is skipped, and a constant string that says what is wrong with it.
 */
struct rec_sink {
	int (*record)(void *ctx, const struct rec *r);
	void (*bad)(void *ctx, unsigned long line, const char *why);
	void *ctx;
};

struct rec_reader;

/* Create a reader; the sink is copied.  Returns NULL when out of memory. */
struct rec_reader *rec_reader_new(const struct rec_sink *sink);
void rec_reader_free(struct rec_reader *r);

/*
 * Push bytes in portions of any size, then end.  Returns 0 to go on, or -1 if
 * the stream cannot be read further: it is empty, does not begin with a rsprof
 * record, is of a newer version, or the sink stopped it.  rec_reader_error()
 * says which; it is NULL where the sink stopped the reader.
 */
int rec_push(struct rec_reader *r, const char *bytes, size_t len);
int rec_push_end(struct rec_reader *r);
const char *rec_reader_error(const struct rec_reader *r);

/* Returns the number of the current line, from 1; 0 before the first. */
unsigned long rec_reader_line(const struct rec_reader *r);

/* ---- writing ---------------------------------------------------------- */

/*
 * Print a record as a line with its LF into buf, cutting its longest strings
 * where it would not fit.  Returns the line's length; 0 where even that does
 * not help (size below 512).  Where r->line is set and the type is REC_OTHER
 * the line itself is printed.
 */
size_t rec_print(char *buf, size_t size, const struct rec *r);
/* Returns the length of the line with its LF, if no string is cut. */
size_t rec_length(const struct rec *r);

/* Format a histogram as in a heap record.  Returns buf, or NULL where all buckets are 0. */
#define REC_HISTOGRAM_MAX (REC_BUCKETS * 24)
const char *rec_histogram(char buf[REC_HISTOGRAM_MAX], const uint64_t *bucket);

/*
 * A writer of whole lines, in writes of at most `atom` bytes: REC_PRODUCER_MAX
 * for producers, which may share a pipe, more for a filter.  The first failure
 * sticks: every later call returns -1 with its errno.
 */
struct rec_out {
	int fd;
	int error; /* errno of the first failure, or 0 */
	size_t atom, used;
	char buf[REC_LINE_MAX];
};

void rec_out_init(struct rec_out *o, int fd, size_t atom);
int rec_out_put(struct rec_out *o, const struct rec *r);
/* Pass on r->line, the line as it was read. */
int rec_out_pass(struct rec_out *o, const struct rec *r);
int rec_out_flush(struct rec_out *o);

#endif
