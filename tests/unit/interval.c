/*
 * How often the bounds of a sampled figure hold the truth, by the chances themselves: n blocks
 * of a size, each of which is picked with the chance that its size has, of which some are
 * picked.  What has no sample at all is not told, and has no bounds.
 */
#include "base/interval.h"

#include <math.h>
#include <stdint.h>

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

/* Returns whether bounds are those of a table, to its last digit. */
static int
near(struct interval i, double least, double most)
{
	return fabs(i.least - least) < 5e-5 * fmax(least, 1) &&
	    fabs(i.most - most) < 5e-5 * fmax(most, 1);
}

/* Compare with bounds found by summing the chances of all numbers beyond each. */
static void
test_shares(void)
{
	static const struct {
		double part, whole, least, most;
	} known[] = {
		{ 0, 10, 0, 0.308497 },
		{ 1, 10, 0.002529, 0.445016 },
		{ 5, 10, 0.187086, 0.812914 },
		{ 10, 10, 0.691503, 1 },
		{ 25, 100, 0.168780, 0.346552 },
		{ 2500, 9990, 0.241780, 0.258866 },
		{ 0, 1, 0, 0.975 },
		{ 0, 0, 0, 1 },
		{ 1, 20000, 0.000001, 0.000279 },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct interval got = interval_share(known[i].part, known[i].whole);

		ok(near(got, known[i].least, known[i].most), "%g of %g: %.5f to %.5f",
		    known[i].part, known[i].whole, got.least, got.most);
	}
}

/* Returns how often the bounds of a share of n samples hold it. */
static double
share_coverage(int n, double share)
{
	double all = 0;

	for (int k = 0; k <= n; k++) {
		struct interval i = interval_share(k, n);

		if (share >= i.least && share <= i.most)
			all += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) +
			    k * log(share) + (n - k) * log1p(-share));
	}
	return all;
}

static void
test_share_coverage(void)
{
	double worst = 1;

	for (int n = 1; n < 200; n = n * 2 + 1)
		for (double share = 0.013; share < 1; share += 0.041)
			worst = fmin(worst, share_coverage(n, share));
	ok(worst >= 0.95, "bounds of shares hold the truth in %.3f of all cases or more", worst);
}

/* Returns a number between 0 and 1, the same in each run. */
static double
chance(void)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (double)(state >> 11) / 9007199254740992.0;
}

/* Returns the share that n samples give for a true one. */
static double
drawn(int n, double share)
{
	int k = 0;

	for (int i = 0; i < n; i++)
		k += chance() < share;
	return k;
}

static double
normal(void)
{
	return sqrt(-2 * log(chance())) * cos(6.283185307179586 * chance());
}

#define DRAWS 2000

static void
test_ratio_coverage(void)
{
	int n = 1000, held = 0, above = 0;

	for (int i = 0; i < DRAWS; i++) {
		double a = drawn(n, 0.25), b = drawn(n, 0.25);
		struct interval of_a = interval_share(a, n), of_b = interval_share(b, n);
		struct interval r = interval_ratio(a / n, &of_a, b / n, &of_b);

		held += r.least <= 1 && r.most >= 1;
		above += r.least > 1;
	}
	ok(held > 0.94 * DRAWS && held < 0.98 * DRAWS && above < 0.035 * DRAWS,
	    "bounds of ratios hold the truth in %.3f of all cases, %.3f are above",
	    (double)held / DRAWS, (double)above / DRAWS);
}

static void
test_spread_coverage(void)
{
	int held = 0;

	for (int i = 0; i < DRAWS; i++) {
		double a[4], b[3];
		struct interval r;

		for (int j = 0; j < 4; j++)
			a[j] = exp(0.02 * normal());
		for (int j = 0; j < 3; j++)
			b[j] = exp(0.05 * normal());
		r = interval_spread(a, 4, b, 3);
		held += r.least <= 1 && r.most >= 1;
	}
	ok(held > 0.93 * DRAWS && held < 0.98 * DRAWS,
	    "bounds by the spread of 4 and 3 hold the truth in %.3f of all cases",
	    (double)held / DRAWS);
}

static void
test_ratios(void)
{
	const struct interval exact = { 4, 4 }, two = { 2, 2 }, none = { 0, 0 }, wide = { 0, 9 };
	const double a[] = { 1.1, 1.2 }, b[] = { 1.0, 1.05 };
	struct interval i = interval_ratio(4, &exact, 2, &two);

	ok(near(i, 2, 2), "what is exact has an exact ratio");
	i = interval_ratio(4, &exact, 0, &none);
	ok(i.most > 1e300 && i.least >= 0, "to nothing there is no ratio");
	i = interval_ratio(4, &exact, 2, &wide);
	ok(i.least <= 2 && i.most > 1e300, "to what may be nothing there is none from above");
	i = interval_spread(a, 2, b, 2);
	ok(near(i, 0.846111, 1.485789), "by the spread of two and two: %.5f to %.5f", i.least, i.most);
	i = interval_spread(a, 2, a, 2);
	ok(i.least < 1 && i.most > 1, "nothing has changed");
}

int
main(void)
{
	test_coverage();
	test_width();
	test_shares();
	test_share_coverage();
	test_ratio_coverage();
	test_spread_coverage();
	test_ratios();
	return tap_done();
}
