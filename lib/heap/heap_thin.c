/*
 * All allocations were recorded, and from now on a gate samples them: those that live are
 * replaced by a sample of them, as if the gate had been there when they were allocated.
 *
 * An entry of size s is kept with its chance p = 1 - exp(-s / period), and weighs 1/p from
 * then on.  Of each site they are chosen systematically: the chances are added up, from a
 * random start on, and one is kept where the sum passes a whole number.  So a site's live
 * memory changes by the weight of about one entry, at most.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/array.h"
#include "bpf/heap_weight.h"
#include "heap/heap.h"
#include "heap/heap_inside.h"

#include "heap.skel.h"

/* What becomes of a site. */
struct thinned {
	double chance;         /* the sum */
	int64_t bytes, allocs; /* by which what lives changes, weighted */
	struct heap_squares square; /* of live bytes' variance */
};

struct thinning {
	struct heap *heap;
	uint64_t number;       /* of the process, as keys have it */
	uint64_t period;
	uint32_t rate;         /* of the period */
	struct thinned *site, all;
	uint32_t nsite;
	uint64_t *block;       /* addresses that were kept */
	size_t n, room;
	int failed;
};

static void
add(struct thinned *t, int64_t bytes, int64_t allocs, uint64_t square)
{
	t->bytes += bytes;
	t->allocs += allocs;
	t->square.low += square & 0xffffffff;
	t->square.high += square >> 32;
}

/* Change what lives by the difference of an entry's weight from 1; 0: it is dropped. */
static void
change(struct thinning *t, struct thinned *site, uint64_t size, uint64_t weight)
{
	int64_t allocs = (int64_t)weight - (int64_t)HEAP_ONE, bytes = (int64_t)size * allocs;
	uint64_t square = weight ? heap_variance(size, weight) : 0;

	add(site, bytes, allocs, square);
	add(&t->all, bytes, allocs, square);
}

/* Keep an entry: it has another rate from now on. */
static void
keep(struct thinning *t, struct heap_entry *e, uint64_t key, struct thinned *site)
{
	const uint64_t rates = HEAP_RATES - 1;
	uint64_t size = e->what & HEAP_SIZE_MOST;

	if (array_room(&t->block, t->n, &t->room, sizeof *t->block) < 0) {
		t->failed = ENOMEM;
		return;
	}
	__atomic_store_n(&e->when, (e->when & ~rates) | t->rate, __ATOMIC_RELEASE);
	/* A free at this very moment may have had the old rate: then this is one too many. */
	if (__atomic_load_n(&e->key, __ATOMIC_ACQUIRE) != key)
		return;
	change(t, site, size, heap_weight(size, t->period, t->heap->bpf->rodata->weights));
	t->block[t->n++] = key & ((1ULL << HEAP_ADDR_BITS) - 1);
}

static void
drop(struct thinning *t, struct heap_entry *e, uint64_t key, struct thinned *site)
{
	uint64_t size = e->what & HEAP_SIZE_MOST;
	step_u64 expected = key;

	if (__atomic_compare_exchange_n(&e->key, &expected, 0, 0, __ATOMIC_ACQ_REL,
	        __ATOMIC_RELAXED))
		change(t, site, size, 0);
}

/* Keep or drop an entry, if it was recorded with all others. */
static void
thin_one(struct thinning *t, struct heap_entry *e)
{
	const struct heap_rate *rates = t->heap->bpf->bss->rates;
	uint64_t key = __atomic_load_n(&e->key, __ATOMIC_ACQUIRE), before;
	uint64_t size = e->what & HEAP_SIZE_MOST, number = e->what >> HEAP_SIZE_BITS;
	struct thinned *site;

	if (key <= HEAP_BUSY || key >> HEAP_ADDR_BITS != t->number || number >= t->nsite ||
	    rates[e->when & (HEAP_RATES - 1)].period != 0)
		return;
	site = &t->site[number];
	before = (uint64_t)site->chance;
	site->chance -= expm1(-(double)(size ? size : 1) / (double)t->period);
	if ((uint64_t)site->chance > before)
		keep(t, e, key, site);
	else
		drop(t, e, key, site);
}

/* Add a change to sums.  Shifts are of whole units, so that what is reported is never less
 * than nothing by rounding; what is left over counts as allocated. */
#define PART(x) ((x) % HEAP_ONE)
#define APPLY(t, s) do { \
	uint64_t bytes = (uint64_t)(t)->bytes, allocs = (uint64_t)(t)->allocs; \
	__atomic_fetch_add(&(s)->live, bytes, __ATOMIC_RELAXED); \
	__atomic_fetch_add(&(s)->shift, bytes - PART(bytes), __ATOMIC_RELAXED); \
	__atomic_fetch_add(&(s)->bytes, PART(bytes), __ATOMIC_RELAXED); \
	__atomic_fetch_add(&(s)->shift_count, allocs - PART(allocs), __ATOMIC_RELAXED); \
	__atomic_fetch_add(&(s)->allocs, PART(allocs), __ATOMIC_RELAXED); \
	__atomic_fetch_add(&(s)->live_var.low, (t)->square.low, __ATOMIC_RELAXED); \
	__atomic_fetch_add(&(s)->live_var.high, (t)->square.high, __ATOMIC_RELAXED); \
} while (0)

static void
apply(const struct thinning *t)
{
	for (uint32_t i = 0; i < t->nsite; i++) {
		struct heap_site *s = &t->heap->segment[i >> HEAP_SEGMENT_SHIFT][i &
		    (HEAP_SEGMENT_SITES - 1)];

		if (t->site[i].bytes || t->site[i].allocs)
			APPLY(&t->site[i], s);
	}
	APPLY(&t->all, &t->heap->total[t->number]);
}

/* Returns sites whose chances begin at random, or NULL. */
static struct thinned *
random_starts(uint32_t n)
{
	struct thinned *site = calloc(n + 1, sizeof *site);
	unsigned short seed[3];

	if (site == NULL || getrandom(seed, sizeof seed, 0) != sizeof seed) {
		free(site);
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++)
		site[i].chance = erand48(seed);
	return site;
}

int
heap_bpf_thin(struct heap *h, pid_t pid, uint64_t period, uint64_t **block, size_t *n)
{
	struct thinning t = { .heap = h, .number = heap_number(h, pid), .period = period,
		.nsite = h->bpf->bss->nsites };

	*block = NULL;
	*n = 0;
	if (t.nsite > h->nsegment * HEAP_SEGMENT_SITES)
		t.nsite = h->nsegment * HEAP_SEGMENT_SITES;
	t.site = random_starts(t.nsite);
	if (t.site == NULL || t.number == 0 || heap_bpf_rate(h, period, 1) < 0) {
		free(t.site);
		return -1;
	}
	t.rate = h->bpf->bss->rate;
	for (uint32_t g = 0; g < h->ngeneration; g++)
		for (size_t i = 0; i < heap_slots(g); i++)
			thin_one(&t, &h->generation[g][0].entry[i]);
	apply(&t);
	free(t.site);
	*block = t.block;
	*n = t.n;
	errno = t.failed;
	return t.failed ? -1 : 0;
}

/* ---- blocks that are gone ----------------------------------------------- */

#define LIVES 1ULL /* of an address, which is even */

static int
compare_addresses(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a & ~LIVES, y = *(const uint64_t *)b & ~LIVES;

	return x < y ? -1 : x > y;
}

size_t
heap_bpf_gone(const struct heap *h, pid_t pid, uint64_t *block, size_t n)
{
	const uint64_t mask = (1ULL << HEAP_ADDR_BITS) - 1, number = heap_number(h, pid);
	size_t left = 0;

	if (n == 0)
		return 0;
	qsort(block, n, sizeof *block, compare_addresses);
	for (uint32_t g = 0; g < h->ngeneration; g++)
		for (size_t i = 0; i < heap_slots(g); i++) {
			uint64_t key = h->generation[g][0].entry[i].key, addr = key & mask, *found;

			if (key <= HEAP_BUSY || key >> HEAP_ADDR_BITS != number)
				continue;
			found = bsearch(&addr, block, n, sizeof *block, compare_addresses);
			if (found)
				*found |= LIVES;
		}
	for (size_t i = 0; i < n; i++)
		if (!(block[i] & LIVES))
			block[left++] = block[i];
	return left;
}
