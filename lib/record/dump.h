/*
 * A recording as the record stream that made it: rsprof-records(5), with names.
 */
#ifndef DUMP_H
#define DUMP_H

#include <stdint.h>

struct db;
struct rec;

struct dump_options {
	int64_t since, until; /* times of the recording; 0 and INT64_MAX: all of it */
	uint64_t pid;         /* 0: all processes */
	const char *thread;   /* a number or a name; NULL: all threads */
};

/*
 * Hand the records to put() in the order of time, those of one table in the order of its rows, and
 * definitions before they are referred to.  What is live where a range begins is a record of that
 * time without changes.  put() returns 0 to go on; a record's strings are valid until it returns,
 * and one that has a line is that line.
 *
 * Returns 0, -1 with db_error(), or the positive value that put() returned.  *damaged becomes the
 * number of rows that no record can express.
 */
int dump_recording(struct db *db, const struct dump_options *o,
    int (*put)(void *ctx, const struct rec *r), void *ctx, unsigned long *damaged);

#endif
