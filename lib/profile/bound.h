/*
 * Bounds: expressions that say what a recording has to keep to, such as "live<64M", and
 * whether a figure does.
 */
#ifndef BOUND_H
#define BOUND_H

#include <stddef.h>

enum bound_what {
	BOUND_CPU, /* time on the CPU, of samples */
	BOUND_OFF, /* time off it */
	BOUND_LIVE,
	BOUND_PEAK,
	BOUND_BYTES,
	BOUND_ALLOCS,
	BOUND_TEMPS,
	BOUND_NWHATS
};

enum bound_compare {
	BOUND_LESS,
	BOUND_AT_MOST,
	BOUND_EQUAL,
	BOUND_AT_LEAST,
	BOUND_MORE
};

enum bound_unit {
	BOUND_NUMBER,
	BOUND_BYTE,
	BOUND_NS,
	BOUND_SHARE,  /* of the process' time; 1 is all of it */
	BOUND_CHANGE  /* by what factor it may change from one recording to another */
};

struct bound {
	const char *text; /* the expression, the caller's */
	enum bound_what what;
	int self; /* without what it calls */
	const char *name; /* of a function or crate, within text; of all: NULL */
	size_t name_len;
	enum bound_compare compare;
	enum bound_unit unit;
	double limit;
};

/*
 * Parse an expression
 *
 *	WHAT[.self][:NAME]<LIMIT	or <=, =, >=, >
 *	WHAT[.self][:NAME]:+PERCENT%	the change from another recording is at most that; or -
 *
 * WHAT is cpu, off, live, peak, bytes, allocs or temps, or total, which is all of cpu.  LIMIT is
 * a number, of bytes with a unit as arg_size() takes it, of time as arg_duration() takes it, or
 * a share of it with a %.  `text` must outlive the bound.  Returns NULL, or a constant that says
 * what is wrong; *at is where then.
 */
const char *bound_parse(struct bound *b, const char *text, size_t *at);

/* How a figure is known. */
enum bound_basis {
	BOUND_EXACT,    /* each event was counted */
	BOUND_SAMPLED,  /* estimated: bounds are those of sampling alone */
	BOUND_SPREAD,   /* from several recordings: bounds are those of the spread */
	BOUND_RANGE,    /* between what was counted, or estimated, in windows of time */
	BOUND_UNBOUNDED /* estimated, and nobody knows how well */
};

/* A figure, in the unit of its bound.  The truth is between least and most in 19 of 20 cases. */
struct bound_figure {
	double value, least, most;
	enum bound_basis basis;
};

enum bound_state {
	BOUND_KEPT,
	BOUND_BROKEN,
	BOUND_UNDECIDED /* the limit is between least and most */
};

enum bound_state bound_decide(const struct bound *b, const struct bound_figure *f);

#define BOUND_TEXT_MAX 256

/* Write "31.4 % (30.1 to 32.8 %, by sampling alone)" into buf, which is returned. */
const char *bound_figure_text(char buf[BOUND_TEXT_MAX], const struct bound *b,
    const struct bound_figure *f);

/* Returns the word for a state, such as "broken". */
const char *bound_state_name(enum bound_state state);

/* Returns the word for what a bound is about, such as "cpu". */
const char *bound_what_name(enum bound_what what);

/* Returns whether a bound is about memory. */
int bound_is_memory(enum bound_what what);

#endif
