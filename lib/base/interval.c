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
