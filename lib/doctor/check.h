/*
 * What profiling needs of the kernel, of who asks, and of a process: each
 * ability is found out by using it once, not from a version or a setting.
 * These are read only to say why it does not work.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stddef.h>

struct check_process;
struct caps;
struct verdict;

struct check {
	const char *name;  /* a word, for programs; it stays the same */
	const char *label; /* for persons */
	/* One of them: */
	void (*system)(const struct caps *me, struct verdict *out);
	void (*process)(struct check_process *p, struct verdict *out);
};

/* All that there are; n of them. */
const struct check *check_list(size_t *n);

/* The result of one of them. */
void check_run(const struct check *c, const struct caps *me, struct check_process *p,
    struct verdict *out);

#endif
