#include "export/bounds.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/interval.h"

#define SHOWN 0.1 /* smaller errors are not shown, as in rsprof-top(1) */

struct bounds
bounds_of(uint64_t figure, uint64_t blocks, uint64_t error, uint64_t least, uint64_t most)
{
	struct bounds b = { .variance = (double)error * (double)error, .blocks = (double)blocks };

	if (most == 0)
		return b;
	if (least < figure)
		b.below = (double)(figure - least);
	if (most > figure)
		b.above = (double)(most - figure);
	return b;
}

void
bounds_add(struct bounds *to, const struct bounds *b)
{
	to->below += b->below;
	to->above += b->above;
	to->variance += b->variance;
	to->blocks += b->blocks;
}

struct bounds
bounds_change(const struct bounds *from, const struct bounds *to)
{
	return (struct bounds){ to->below - from->below, to->above - from->above,
		to->variance - from->variance, to->blocks - from->blocks };
}

/* Returns a number of bytes as an integer, 0 if it is negative. */
static int64_t
whole(double bytes)
{
	return bytes < 0 ? 0 : bytes < 9e18 ? (int64_t)bytes : INT64_MAX;
}

struct bounds_range
bounds_range(const struct bounds *b, int64_t figure)
{
	double least = (double)figure - b->below, most = (double)figure + b->above;
	double block = (double)figure / (b->blocks >= 1 ? b->blocks : 1), below, above;
	struct bounds_range r = { .known = 1 };

	interval_margins((double)figure, b->variance, block, &below, &above);
	r.least = whole(least - below);
	r.most = whole(most + above);
	r.exact = r.least >= figure && r.most <= figure;
	if (r.exact)
		r.least = r.most = figure;
	r.known = most <= 2 * least || r.exact || b->below + b->above < 0.5;
	r.shown = !r.known || (double)(r.most - r.least) / 2 > SHOWN * (double)figure;
	return r;
}

const char *
bounds_text(const struct bounds_range *r, char buf[BOUNDS_TEXT_MAX])
{
	snprintf(buf, BOUNDS_TEXT_MAX, "%sbetween %" PRId64 " and %" PRId64 " bytes",
	    r->known ? "" : "not known: ", r->least, r->most);
	return buf;
}
