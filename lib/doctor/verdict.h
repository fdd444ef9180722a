/*
 * What a check of doctor/check.h came to.
 */
#ifndef VERDICT_H
#define VERDICT_H

#define VERDICT_TEXT 1024

/* What came out.  Both texts are one line, without TAB; "" where there is
 * nothing to say. */
struct verdict {
	int works;
	char why[VERDICT_TEXT];    /* what was found, or why it does not work */
	char remedy[VERDICT_TEXT]; /* the least that would make it work */
};

/* Set a result; the text is that of printf(3), cut where it is too long.  A
 * remedy NULL: nothing helps. */
__attribute__((format(printf, 2, 3))) void verdict_yes(struct verdict *out,
    const char *why, ...);
__attribute__((format(printf, 3, 4))) void verdict_no(struct verdict *out,
    const char *remedy, const char *why, ...);

#endif
