/*
 * Two recordings, or two ranges of one, beside each other: functions of the same name with
 * their time and memory on both sides.  Runtime frames count for their callers.
 */
#ifndef COMPARE_H
#define COMPARE_H

#include <stddef.h>
#include <stdint.h>

#include "base/interval.h"

struct compare;
struct db;
struct inuse_summary;
struct profile_summary;

enum compare_side { COMPARE_OLD, COMPARE_NEW, COMPARE_SIDES };

/* What is compared: a recording, from a time on up to another. */
struct compare_of {
	struct db *db;
	const char *path;
	uint64_t since, until;
};

struct compare_figures {
	uint64_t self, total;        /* ns */
	uint64_t live, bytes, allocs;
};

struct compare_row {
	const char *name, *file, *module;
	uint64_t line;
	struct compare_figures side[COMPARE_SIDES];
	double change;         /* of the share of the time that self has, as a factor */
	struct interval range; /* of it, in 19 of 20 cases, by sampling alone */
	int sure;              /* whether the range is without 1 */
};

/*
 * Read both sides.  The caller keeps the dbs.  Returns NULL, see db_error() of *bad, which is
 * one of them.
 */
struct compare *compare_open(const struct compare_of of[COMPARE_SIDES], struct db **bad);
void compare_close(struct compare *c);

/* Returns the *n rows in the order of their change: of the share of the time, or, with
 * `memory`, of live and then of allocated bytes; equal ones by name.  They are valid until the
 * next call. */
const struct compare_row *compare_rows(struct compare *c, int memory, size_t *n);

/* Returns what a side is, and its summaries: NULL if nothing of the kind was recorded. */
const struct compare_of *compare_of(const struct compare *c, enum compare_side side);
const struct profile_summary *compare_time(const struct compare *c, enum compare_side side);
uint64_t compare_ns(const struct compare *c, enum compare_side side); /* without probes */
const struct inuse_summary *compare_memory(const struct compare *c, enum compare_side side);

#endif
