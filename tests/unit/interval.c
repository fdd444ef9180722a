/*
 * How often the bounds of a sampled figure hold the truth, by the chances themselves: n blocks
 * of a size, each of which is picked with the chance that its size has, of which some are
 * picked.  What has no sample at all is not told, and has no bounds.
 */
#include "base/interval.h"

#include <math.h>

#include "tap.h"

struct coverage {
	double ours, plain; /* of these bounds, and of two standard errors */
};

/* Returns how often n blocks of a size in periods are within their bounds. */
static struct coverage
cover(int n, double size)
{
	double p = -expm1(-size), truth = n * size, all = 0;
	struct coverage c = { 0, 0 };

	for (int k = 1; k <= n && k < truth + 12 * sqrt(truth) + 12; k++) {
		double chance = exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) +
		    k * log(p) + (n - k) * log1p(-p));
		double figure = k * size / p, variance = k * size * size * (1 - p) / p / p;
		double below, above, error = 2 * sqrt(variance);

		interval_margins(figure, variance, size, &below, &above);
		all += chance;
		c.ours += chance * (truth >= figure - below && truth <= figure + above + 1e-9);
		c.plain += chance * (truth >= figure - error && truth <= figure + error);
	}
	c.ours /= all;
	c.plain /= all;
	return c;
}

static void
test_coverage(void)
{
	static const double sizes[] = { 0.001, 0.01, 0.05, 0.2, 0.5, 1, 1.5, 2, 3, 4 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		double worst = 1, plain = 1, sum = 0, last = 0;
		int m = 0;

		for (double truth = 0.05; truth < 70; truth *= 1.1) {
			int n = (int)fmax(1, truth / sizes[i] + 0.5);
			struct coverage c;

			if (n == (int)last || n * sizes[i] < 0.05)
				continue;
			last = n;
			c = cover(n, sizes[i]);
			worst = fmin(worst, c.ours);
			plain = fmin(plain, c.plain);
			sum += c.ours;
			m++;
		}
		ok(worst > 0.945 && sum / m > 0.96, "blocks of %g periods: the truth is inside in "
		    "%.3f of all cases, in %.3f where that is least (two standard errors: %.3f)",
		    sizes[i], sum / m, worst, plain);
	}
}

static void
test_width(void)
{
	double below, above;

	interval_margins(64, 64, 0, &below, &above);
	ok((below + above) / 2 < 64 * 0.265, "64 samples: %.1f below, %.1f above", below, above);
	interval_margins(1e6, 0, 100, &below, &above);
	ok(below == 0 && above == 0, "without errors there are no margins");
	interval_margins(1e6, 1e12, 0, &below, &above);
	ok(fabs(below - 1e6) < 1 && fabs(above - 5e6) < 1, "one sample: from 0 to six times");
	interval_margins(0, 1e6, 0, &below, &above);
	ok(below == 0 && above == 6000, "nothing, with an error: up to as much as one sample has");
}

int
main(void)
{
	test_coverage();
	test_width();
	return tap_done();
}
