/*
 * Passes what the kernel reports of processes (os/perf) to the targets that are
 * tracked (sample/target).
 */
#ifndef FOLLOW_H
#define FOLLOW_H

struct perf_record;
struct targets;

struct follow {
	struct targets *targets;
	int children; /* track the processes that targets fork */
};

/* Handle a record, unless it is a sample or about lost ones.  Returns 1 if with it
 * a target has ended and is gone, else 0. */
int follow(const struct follow *f, const struct perf_record *r);

#endif
