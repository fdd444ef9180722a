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

#define CHECK_TEXT 1024

/* What came out.  Both texts are one line, without TAB; "" where there is
 * nothing to say. */
struct check {
	int works;
	char why[CHECK_TEXT];    /* what was found, or why it does not work */
	char remedy[CHECK_TEXT]; /* the least that would make it work */
};

struct check_case {
	const struct caps *me;
	struct check_process *process; /* NULL: none is looked at */
};

struct check_type {
	const char *name;  /* a word, for programs; it stays the same */
	const char *label; /* for persons */
	int of_process;    /* takes check_case.process */
	void (*probe)(const struct check_case *c, struct check *out);
};

/* All that there are; n of them. */
const struct check_type *check_types(size_t *n);

/* The result of one of them. */
void check_try(const struct check_type *t, const struct check_case *c,
    struct check *out);

/* Set a result; the text is that of printf(3), cut where it is too long.  A
 * remedy NULL: nothing helps. */
__attribute__((format(printf, 2, 3))) void check_yes(struct check *out,
    const char *why, ...);
__attribute__((format(printf, 3, 4))) void check_no(struct check *out,
    const char *remedy, const char *why, ...);

#endif
