/*
 * Conditions on a stream: more CPU time, or memory, than a limit.
 */
#ifndef CONDITION_H
#define CONDITION_H

#include <stdint.h>

#include "base/idmap.h"

struct rec;

#define CONDITION_SECONDS 5 /* over which CPU time is averaged: whole ones, */
#define CONDITION_LATE 2    /* and the last two are not complete yet */

enum condition_kind {
	CONDITION_CPU,  /* CPU time of all processes, in percent of one CPU */
	CONDITION_RSS,  /* resident bytes of a process */
	CONDITION_LIVE, /* live bytes of a process */
	CONDITION_END   /* the stream has ended */
};

/* Made by condition_parse(), which zeroes what is not an option. */
struct condition {
	enum condition_kind kind;
	uint64_t limit;
	const char *text; /* as it was written */
	uint64_t now;     /* the second that goes on */
	uint64_t ns[CONDITION_SECONDS + CONDITION_LATE]; /* CPU time of this second and those before */
	struct idmap over;                               /* processes that are over the limit */
	int holds;
	int blind; /* the stream's samples do not count time: it never holds */
};

/* Parse "cpu=300%", "rss=4G", "live=4G" or "end"; the text stays the caller's.  Returns -1 if it is
 * none of them. */
int condition_parse(struct condition *c, const char *text);

/* Look at a record, and update c->holds.  Returns -1 when out of memory. */
int condition_record(struct condition *c, const struct rec *r);

void condition_clear(struct condition *c);

#endif
