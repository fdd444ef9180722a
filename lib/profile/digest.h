/*
 * What a report says of a recording, as data: who took time and memory; and, once
 * digest_advise() has filled it in, what is wrong and what to look at next.  Runtime frames
 * count for their callers.
 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "profile/inuse.h"

struct db;
struct profile;
struct recording;

#define DIGEST_ROWS 10
#define DIGEST_CALLERS 8
#define DIGEST_ADVICE 6
#define DIGEST_TEXT 1024 /* longer advice is left out */

/* The heaviest stack of a function: its callers, the nearest first. */
struct digest_stack {
	const char *caller[DIGEST_CALLERS];
	size_t n;
	uint64_t value; /* self of the function in it */
};

struct digest_time {
	const char *name, *file, *module;
	uint64_t line;       /* 0: unknown */
	uint64_t self, total; /* ns */
	struct digest_stack stack;
};

struct digest_memory {
	const char *name, *file, *module;
	uint64_t line;
	struct inuse_sum self;
	int64_t grown; /* live bytes since the first quarter of the time */
	int grown_known;
	struct digest_stack stack; /* by live bytes */
};

/* What is wrong, and what to do; or a command, and what it shows. */
struct digest_advice {
	char what[DIGEST_TEXT], how[DIGEST_TEXT];
};

struct digest {
	const char *path;
	struct db *db;
	struct recording *of_time, *of_memory; /* which may be the same */
	struct profile *time; /* measures time on the CPU; NULL: none was recorded */
	struct inuse *memory; /* NULL: none was recorded */
	struct digest_time hot[DIGEST_ROWS], waits[DIGEST_ROWS], aside[DIGEST_ROWS];
	struct digest_memory holds[DIGEST_ROWS], allocates[DIGEST_ROWS];
	size_t nhot, nwaits, naside, nholds, nallocates;
	uint64_t off_ns, waited; /* time off the CPU, and number of waits */
	struct digest_advice warning[DIGEST_ADVICE], next[DIGEST_ADVICE];
	size_t nwarnings, nnext;
};

/* Read a recording between two times.  The caller keeps the db.  Returns NULL, see
 * db_error(). */
struct digest *digest_open(struct db *db, const char *path, uint64_t since, uint64_t until);
void digest_close(struct digest *d);

/* Returns whether any of those that hold memory hold more than in the first quarter of the time. */
int digest_has_grown(const struct digest *d);

#endif
