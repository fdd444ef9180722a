/*
 * What profiling needs of the kernel, of who asks, and of a process: each
 * ability is found out by using it once, not from a version or a setting.
 * These are read only to say why it does not work.
 */
#ifndef ABILITY_H
#define ABILITY_H

#include <stddef.h>

struct inspect;
struct privilege;

#define ABILITY_TEXT 1024

/* What came out.  Both texts are one line, without TAB; "" where there is
 * nothing to say. */
struct ability {
	int works;
	char why[ABILITY_TEXT];    /* what was found, or why it does not work */
	char remedy[ABILITY_TEXT]; /* the least that would make it work */
};

struct ability_case {
	const struct privilege *me;
	struct inspect *process; /* NULL: none is looked at */
};

struct ability_type {
	const char *name;  /* a word, for programs; it stays the same */
	const char *label; /* for persons */
	int of_process;    /* takes ability_case.process */
	void (*probe)(const struct ability_case *c, struct ability *out);
};

/* All that there are; n of them. */
const struct ability_type *ability_types(size_t *n);

/* The result of one of them. */
void ability_try(const struct ability_type *t, const struct ability_case *c,
    struct ability *out);

/* Set a result; the text is that of printf(3), cut where it is too long.  A
 * remedy NULL: nothing helps. */
__attribute__((format(printf, 2, 3))) void ability_yes(struct ability *out,
    const char *why, ...);
__attribute__((format(printf, 3, 4))) void ability_no(struct ability *out,
    const char *remedy, const char *why, ...);

#endif
