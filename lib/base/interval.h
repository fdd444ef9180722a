/*
 * Between what bounds a figure is that is estimated from samples: in 19 of 20 cases, also
 * where there are only one or two of them.
 */
#ifndef INTERVAL_H
#define INTERVAL_H

#include <stddef.h>

/*
 * Set how far below and above a figure the truth may be.  The figure has an estimated
 * variance, and `block` is the size of the things it is made of, on average: one of them more
 * may have been missed.
 *
 * Of n samples that stand for as much each, n is a Poisson number, and r = 1/sqrt(n) is the
 * standard error as a share of the figure.  Two standard errors on either side hold the truth
 * in 84 of 100 cases where n is some 3, since few samples seem surer than they are.  The exact
 * bounds for a Poisson mean (Garwood 1936, Biometrika 28) need quantiles of the gamma
 * distribution.  In units of the figure these are never inside of them, and hardly wider:
 *	(1 - r)^2 (1 - r^3)	from below; 0 for one sample: what has none is not told, so one
 *				says nothing about the least that there may be
 *	1 + 2r + 2r^2 + r^3	from above
 * Other sums have as many samples as their standard error says (Fay and Feuer 1997,
 * Statistics in Medicine 16).  tests/unit/interval.c has the chances.
 */
void interval_margins(double figure, double variance, double block, double *below,
    double *above);

struct interval {
	double least, most;
};

/*
 * Returns the bounds of a share of which `part` of `whole` samples speak: exact ones for a
 * binomial number (Clopper and Pearson 1934, Biometrika 26).  Samples that stand for unequal
 * amounts count as so many equal ones as have the same standard error, which need not be whole
 * numbers.  Without samples they are 0 and 1.
 */
struct interval interval_share(double part, double whole);

/*
 * Returns the bounds of a/b, INFINITY if there is none above, from those of a and b, which are
 * independent of each other (Donner and Zou 2012, Statistical Methods in Medical Research 21:
 * what each of the bounds is away from its figure stands for the variance on that side).
 */
struct interval interval_ratio(double a, const struct interval *of_a, double b,
    const struct interval *of_b);

/*
 * Returns the bounds of mean(a)/mean(b), the geometric means of n and m figures, all above 0, by
 * the spread of their logarithms, which may be wider in one than in the other (Welch 1947,
 * Biometrika 34).  n and m are at least 2.
 */
struct interval interval_spread(const double *a, size_t n, const double *b, size_t m);

#endif
