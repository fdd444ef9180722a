#include "heap/ages.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"

#define FINE 16 /* steps of each length */

struct ages {
	uint64_t step, now;
	struct age *age;
	size_t n, room;
	struct idmap of; /* hash of site and step -> index in age */
	int failed;
};

struct ages *
ages_new(uint64_t step, uint64_t now)
{
	struct ages *a = calloc(1, sizeof *a);

	if (a) {
		a->step = step ? step : 1;
		a->now = now;
	}
	return a;
}

void
ages_free(struct ages *a)
{
	if (a == NULL)
		return;
	idmap_clear(&a->of);
	free(a->age);
	free(a);
}

/* Returns the step of an age given in shortest steps: the first 2 * FINE steps
 * have length one, the next FINE two, the next FINE four, and so on. */
static uint32_t
step_of(uint64_t steps)
{
	uint32_t doubled = 0;

	while (steps >> doubled >= 2 * FINE)
		doubled++;
	return doubled * FINE + (uint32_t)(steps >> doubled);
}

/* Returns the sum of a site and step, made if it is new; NULL if memory is
 * short. */
static struct age *
find(struct ages *a, uint32_t site, uint32_t step)
{
	uint64_t id = hash_id(hash_u64(HASH_INIT, (uint64_t)site << 32 | step));
	uint32_t i = idmap_get(&a->of, id);

	if (i != IDMAP_NONE)
		return &a->age[i];
	if (array_room(&a->age, a->n, &a->room, sizeof *a->age) < 0 ||
	    idmap_put(&a->of, id, (uint32_t)a->n) < 0)
		return NULL;
	a->age[a->n] = (struct age){ .site = site };
	return &a->age[a->n++];
}

void
ages_add(struct ages *a, uint32_t site, uint64_t born, uint64_t bytes, double weight)
{
	uint64_t old = a->now > born ? a->now - born : 0;
	struct age *age = find(a, site, step_of(old / a->step));

	if (age == NULL) {
		a->failed = 1;
		return;
	}
	if (born > age->born)
		age->born = born;
	age->bytes += weight * (double)bytes;
	age->count += weight;
}

static int
by_site(const void *x, const void *y)
{
	const struct age *a = x, *b = y;

	if (a->site != b->site)
		return a->site < b->site ? -1 : 1;
	return a->born < b->born ? -1 : a->born > b->born;
}

int
ages_emit(struct ages *a, void (*fn)(void *ctx, const struct age *age), void *ctx)
{
	if (a->failed)
		return -1;
	if (a->n)
		qsort(a->age, a->n, sizeof *a->age, by_site);
	for (size_t i = 0; i < a->n; i++)
		fn(ctx, &a->age[i]);
	return 0;
}
