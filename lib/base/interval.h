/*
 * Between what bounds a figure is that is estimated from samples: in 19 of 20 cases, also
 * where there are only one or two of them.
 */
#ifndef INTERVAL_H
#define INTERVAL_H

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

#endif
