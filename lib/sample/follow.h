/*
 * What the kernel reports of processes (os/perf), told to those that are
 * watched (sample/target).
 */
#ifndef FOLLOW_H
#define FOLLOW_H

struct perf_record;
struct targets;

struct follow {
	struct targets *targets;
	int children;        /* what a process forks is watched, too */
	const char *command; /* what is executed, where its end comes first; or NULL */
};

/* A record that is no sample, or of lost ones.  1: with it the process has
 * ended, and is watched no more; else 0. */
int follow(const struct follow *f, const struct perf_record *r);

#endif
