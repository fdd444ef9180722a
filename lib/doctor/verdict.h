/*
 * The result of a check (doctor/check.h): it works; or it does not, with the
 * remedy, which is empty if none is known.
 */
#ifndef VERDICT_H
#define VERDICT_H

#define VERDICT_TEXT 1024

/* The texts are one line each, without TAB; "" if there is nothing to say. */
struct verdict {
	int works;
	char why[VERDICT_TEXT];    /* what was found, or why it does not work */
	char remedy[VERDICT_TEXT]; /* the least that would make it work */
};

/* Set a verdict, with why as by printf(3), cut if it is too long.  remedy may be
 * NULL. */
__attribute__((format(printf, 2, 3))) void verdict_yes(struct verdict *out,
    const char *why, ...);
__attribute__((format(printf, 3, 4))) void verdict_no(struct verdict *out,
    const char *remedy, const char *why, ...);

#endif
