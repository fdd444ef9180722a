/*
 * Check what profiling needs of the kernel, of the user, and of a process.
 * Each check uses an ability once, instead of trusting a version or a setting;
 * those are read only to explain why it does not work.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stddef.h>

struct check_process;
struct caps;
struct verdict;

struct check {
	const char *name;  /* a word, for programs; never changes */
	const char *label; /* for people */
	/* Exactly one of the next two is set. */
	void (*system)(const struct caps *me, struct verdict *out);
	void (*process)(struct check_process *p, struct verdict *out);
};

/* Returns all checks, *n of them, in the order in which they are reported. */
const struct check *check_list(size_t *n);

/* Run a check and set *out.  p may be NULL if the check is of the system. */
void check_run(const struct check *c, const struct caps *me, struct check_process *p,
    struct verdict *out);

#endif
