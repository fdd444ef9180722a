/*
 * Snapshots of what lives, by age.
 */
#include "heap/ages.h"

#include <string.h>

#include "tap.h"

#define S 1000000000ULL

static struct age got[1024];
static size_t n;

static void
take(void *ctx, const struct age *a)
{
	(void)ctx;
	got[n++] = *a;
}

int
main(void)
{
	struct ages *a = ages_new(S, 1000 * S);
	double bytes = 0, count = 0;
	int sorted = 1;

	ages_add(a, 2, 999 * S, 10, 1);
	ages_add(a, 1, 999 * S + 5, 100, 1);
	ages_add(a, 1, 999 * S + 7, 50, 2);
	ages_add(a, 1, 998 * S, 7, 1);
	ages_add(a, 1, 1001 * S, 1, 1); /* of the future: it is of now */
	ok(ages_emit(a, take, NULL) == 0, "told");
	ok(n == 3, "by place and step: %zu", n);
	ok(got[0].site == 1 && got[0].born == 998 * S && got[0].bytes == 7,
	    "the oldest of the first place first");
	ok(got[1].site == 1 && got[1].born == 1001 * S && got[1].bytes == 201 &&
	        got[1].count == 4, "weighed, and the last one's time");
	ok(got[2].site == 2, "then the next place");
	ages_free(a);

	a = ages_new(S, 1000000 * S);
	n = 0;
	for (uint64_t t = 0; t < 1000000; t += 100)
		ages_add(a, 0, t * S, 3, 1);
	ok(ages_emit(a, take, NULL) == 0, "a long time");
	for (size_t i = 0; i < n; i++) {
		bytes += got[i].bytes;
		count += got[i].count;
		sorted &= i == 0 || got[i].born > got[i - 1].born;
	}
	ok(bytes == 30000 && count == 10000, "nothing is missing");
	ok(sorted && n < 400, "in few steps: %zu", n);
	ok(got[n - 1].born == 999900 * S, "the youngest is in the last");
	ages_free(a);
	return tap_done();
}
