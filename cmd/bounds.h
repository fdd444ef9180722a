/*
 * Bounds that are options of commands (-x): parsed before anything else, checked at the end, a
 * line each on standard error.
 */
#ifndef BOUNDS_H
#define BOUNDS_H

#include <err.h>
#include <stdlib.h>

#include "base/array.h"
#include "cmd/status.h"
#include "profile/bound.h"
#include "profile/figures.h"

struct bounds {
	struct bound *bound;
	size_t n, room;
	int strict; /* what cannot be decided is as bad as what is broken */
};

/* Add an expression.  Exits, saying what is wrong and where, if it is none, or is about a change
 * where there is only one recording. */
static inline void
bounds_add(struct bounds *bs, const char *text, int changes)
{
	const char *why;
	struct bound b;
	size_t at;

	if ((why = bound_parse(&b, text, &at)))
		errx(STATUS_USAGE, "bad bound %s: at \"%s\": %s", text, text + at, why);
	if (b.unit == BOUND_CHANGE && !changes)
		errx(STATUS_USAGE, "bad bound %s: a change needs two recordings (rsprof-diff)", text);
	if (array_room(&bs->bound, bs->n, &bs->room, sizeof *bs->bound) < 0)
		err(STATUS_FAILED, NULL);
	bs->bound[bs->n++] = b;
}

/* Report what is wrong with the figure of a bound.  Returns the status for it. */
static inline int
bounds_fail(const struct bound *b, const struct figures *f, enum figures_result r)
{
	static const int status[] = { [FIGURES_NAME] = STATUS_USAGE,
		[FIGURES_ABSENT] = STATUS_FAILED, [FIGURES_FAILED] = STATUS_DATABASE };

	warnx("not checked: %s: %s", b->text, figures_error(f));
	return status[r];
}

/* Report whether a figure keeps a bound.  Returns the status for it. */
static inline int
bounds_report(const struct bounds *bs, const struct bound *b, const struct bound_figure *f)
{
	enum bound_state state = bound_decide(b, f);
	char text[BOUND_TEXT_MAX];

	warnx("%s: %s: %s", bound_state_name(state), b->text, bound_figure_text(text, b, f));
	if (state == BOUND_BROKEN || (state == BOUND_UNDECIDED && bs->strict))
		return STATUS_BROKEN;
	return STATUS_OK;
}

/* Returns the worse of two: a bound that is broken, then the first failure. */
static inline int
bounds_worse(int a, int b)
{
	return a == STATUS_BROKEN || (a != STATUS_OK && b != STATUS_BROKEN) ? a : b;
}

/* Check all bounds of n old recordings and m new ones; without old ones none is of a change.
 * Returns the status. */
static inline int
bounds_check(const struct bounds *bs, struct figures *const *old, size_t n,
    struct figures *const *new, size_t m)
{
	int status = STATUS_OK;

	for (size_t i = 0; i < bs->n; i++) {
		const struct bound *b = &bs->bound[i];
		struct figures *bad = new[0];
		struct bound_figure f;
		enum figures_result r;

		if (b->unit == BOUND_CHANGE) {
			r = figures_change(old, n, new, m, b, &f, &bad);
			status = bounds_worse(status,
			    r ? bounds_fail(b, bad, r) : bounds_report(bs, b, &f));
			continue;
		}
		/* A limit is one for each of the recordings. */
		for (size_t k = 0; k < m; k++) {
			r = figures_get(new[k], b, &f);
			status = bounds_worse(status,
			    r ? bounds_fail(b, new[k], r) : bounds_report(bs, b, &f));
		}
	}
	return status;
}

#endif
