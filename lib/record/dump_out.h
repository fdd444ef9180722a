/*
 * Where the records of a dump go, and the clock that their times are of.
 */
#ifndef DUMP_OUT_H
#define DUMP_OUT_H

#include <stdint.h>

struct rec;

struct dump_out {
	/* Takes a record.  Returns 0 to go on; a positive value ends the dump. */
	int (*put)(void *ctx, const struct rec *r);
	void *ctx;
	int64_t offset;        /* of the last header: a recording's time less that of its stream */
	unsigned long damaged; /* rows that no record can express */
};

/* Returns a time of the recording on the clock of the last header. */
static inline uint64_t
dump_time(struct dump_out *out, int64_t time)
{
	int64_t clock;

	if (!__builtin_sub_overflow(time, out->offset, &clock) && clock >= 0)
		return (uint64_t)clock;
	out->damaged++;
	return 0;
}

#endif
