#include "base/interval.h"

#include <math.h>

void
interval_margins(double figure, double variance, double block, double *below, double *above)
{
	double error = variance > 0 ? sqrt(variance) : 0, r;

	*below = *above = 0;
	if (error <= 0)
		return;
	if (figure <= 0) {
		*above = 6 * error;
		return;
	}
	r = fmin(error / figure, 1);
	*below = figure * (1 - (1 - r) * (1 - r) * (1 - r * r * r));
	r = error / figure;
	*above = error * (2 + 2 * r + r * r) + block;
}

/* ---- quantiles --------------------------------------------------------- */

#define TAIL 0.025 /* on either side */
#define STEPS 200  /* more than halving a double, or the fraction, ever takes */

/* Returns the continued fraction of the incomplete beta function, from its last term that
 * matters: DLMF 8.17.22. */
static double
beta_fraction(double x, double a, double b)
{
	double f = 1;

	for (int m = STEPS + (int)sqrt(fmax(a, b)); m > 0; m--) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m - 1) * (a + b + m - 1) * x /
		    ((a + 2 * m - 2) * (a + 2 * m - 1));

		f = 1 + odd / (1 + even / f);
	}
	return 1 / f;
}

/* Returns the chance that a beta variable of a and b is at most x. */
static double
beta_below(double x, double a, double b)
{
	double front;

	if (x <= 0 || x >= 1)
		return x > 0;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(x, a, b) / a;
	return 1 - front * beta_fraction(1 - x, b, a) / b;
}

/* Returns below what a beta variable of a and b is with a chance. */
static double
beta_quantile(double chance, double a, double b)
{
	double least = 0, most = 1;

	for (int i = 0; i < STEPS && most - least > 1e-15; i++) {
		double x = (least + most) / 2;

		if (beta_below(x, a, b) < chance)
			least = x;
		else
			most = x;
	}
	return (least + most) / 2;
}

/* Returns how many standard errors there are on either side, by Student's distribution. */
static double
student(double freedom)
{
	double x = beta_quantile(2 * TAIL, freedom / 2, 0.5);

	return sqrt(freedom * (1 - x) / x);
}

/* ---- shares and ratios ------------------------------------------------- */

struct interval
interval_share(double part, double whole)
{
	struct interval i = { 0, 1 };
	double rest = whole - part;

	if (part > 0)
		i.least = beta_quantile(TAIL, part, rest + 1);
	if (whole > 0 && rest > 0)
		i.most = beta_quantile(1 - TAIL, part + 1, rest);
	return i;
}

/* Returns the square of what a bound is away from a*b. */
static double
ratio_width(double a, double at_a, double b, double at_b)
{
	return fmax(a * b * a * b - at_a * at_b * (2 * a - at_a) * (2 * b - at_b), 0);
}

struct interval
interval_ratio(double a, const struct interval *of_a, double b, const struct interval *of_b)
{
	struct interval i = { 0, INFINITY };
	double low = of_b->most * (2 * b - of_b->most);
	double high = of_b->least * (2 * b - of_b->least);

	if (low > 0)
		i.least = (a * b - sqrt(ratio_width(a, of_a->least, b, of_b->most))) / low;
	else if (of_b->most > 0)
		i.least = of_a->least / of_b->most;
	if (high > 0)
		i.most = (a * b + sqrt(ratio_width(a, of_a->most, b, of_b->least))) / high;
	i.least = fmax(i.least, 0);
	return i;
}

/* Set the mean of the logarithms of n figures, and the variance of that mean. */
static void
log_mean(const double *v, size_t n, double *mean, double *variance)
{
	double sum = 0, squares = 0;

	for (size_t i = 0; i < n; i++)
		sum += log(v[i]);
	*mean = sum / (double)n;
	for (size_t i = 0; i < n; i++)
		squares += (log(v[i]) - *mean) * (log(v[i]) - *mean);
	*variance = squares / (double)(n - 1) / (double)n;
}

struct interval
interval_spread(const double *a, size_t n, const double *b, size_t m)
{
	double mean_a, mean_b, var_a, var_b, freedom, margin, sum;

	log_mean(a, n, &mean_a, &var_a);
	log_mean(b, m, &mean_b, &var_b);
	sum = var_a + var_b;
	if (sum <= 0)
		return (struct interval){ exp(mean_a - mean_b), exp(mean_a - mean_b) };
	freedom = sum * sum / (var_a * var_a / (double)(n - 1) + var_b * var_b / (double)(m - 1));
	margin = student(freedom) * sqrt(sum);
	return (struct interval){ exp(mean_a - mean_b - margin), exp(mean_a - mean_b + margin) };
}
