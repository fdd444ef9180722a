/*
 * Ranges of live memory, of which windows have seen little: a process is simulated that
 * knows itself what lives, with an allocator that hands out the address freed last.
 */
#include "heap/census.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "tap.h"

#define CLASSES 64
#define ROOM (1U << 20)
#define SECOND 1000000000ULL
#define ALLOC_NS 4000 /* between two allocations */
#define ROUNDS 5000   /* from one window to the next */

enum { QUEUE = 1, STRINGS, LEAK, CACHE, KEYS, NSITES };

static uint64_t state = 88172645463325252ULL;

static uint64_t
chance(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

/* ---- the process ------------------------------------------------------- */

struct block {
	uint64_t addr, size;
	int site, young; /* young: allocated since the census began */
};

static struct {
	uint64_t free[CLASSES][ROOM / 16];
	size_t nfree[CLASSES];
	uint64_t top, now;
	struct census_chunk chunk[ROOM]; /* in use, by order of address: index is addr / 16 */
	double live[NSITES], bytes[NSITES]; /* of young blocks */
	int young;
	struct block queue[40000], cache[5000], key[5000];
	size_t head, filled, next, count;
	struct census *census; /* while there is a window */
} sim;

static uint64_t
chunk_of(uint64_t size)
{
	uint64_t chunk = (size + 23) & ~15ULL;

	return chunk < 32 ? 32 : chunk;
}

static void
tell(uint64_t addr, uint64_t size, int site, int freed)
{
	struct heap_logged call = { .time = sim.now, .addr = addr, .size = size, .tid = 7,
		.site = freed ? 0 : (uint32_t)site + NSITES * (sim.now / ALLOC_NS % 2), .freed = freed };

	if (sim.census)
		census_call(sim.census, &call);
}

static struct block
take(int site, uint64_t size)
{
	uint64_t chunk = chunk_of(size), class = chunk / 16;
	struct block b = { 0, size, site, sim.young };

	if (class < CLASSES && sim.nfree[class]) {
		b.addr = sim.free[class][--sim.nfree[class]];
	} else {
		b.addr = sim.top + 16;
		sim.top += chunk;
	}
	sim.now += ALLOC_NS;
	sim.chunk[b.addr / 16 % ROOM] = (struct census_chunk){ b.addr, chunk };
	sim.live[site] += sim.young * (double)size;
	sim.bytes[site] += sim.young * (double)size;
	tell(b.addr, size, site, 0);
	return b;
}

static void
give(struct block *b)
{
	uint64_t class = chunk_of(b->size) / 16;

	if (b->addr == 0)
		return;
	tell(b->addr, b->size, b->site, 1);
	sim.live[b->site] -= b->young * (double)b->size;
	sim.chunk[b->addr / 16 % ROOM].size = 0;
	if (class < CLASSES)
		sim.free[class][sim.nfree[class]++] = b->addr;
	b->addr = 0;
}

/* One round: a box in place of the oldest, four strings, now and then a block that stays,
 * and an entry of a cache in place of any other. */
static void
work(uint64_t i)
{
	struct block b;
	size_t at = i % 40000;

	give(&sim.queue[at]);
	sim.queue[at] = take(QUEUE, 112);
	for (int k = 0; k < 4; k++) {
		b = take(STRINGS, 24 + chance(200));
		give(&b);
	}
	if (i % 50 == 0)
		take(LEAK, 400);
	if (i % 20 == 0) {
		at = chance(5000);
		give(&sim.cache[at]);
		give(&sim.key[at]);
		sim.cache[at] = take(CACHE, 300);
		sim.key[at] = take(KEYS, 24 + chance(100));
	}
}

/* Collect what is in use.  Returns how many chunks that are. */
static size_t
in_use(struct census_chunk *out)
{
	size_t n = 0;

	for (size_t i = 0; i < ROOM; i++)
		if (sim.chunk[i].size)
			out[n++] = sim.chunk[i];
	qsort(out, n, sizeof *out, array_order);
	return n;
}

/* ---- the census of it -------------------------------------------------- */

static struct {
	struct census_site site[NSITES];
	int looks, inside, known[NSITES], all;
	double most_known; /* share of what lives that is known, by site */
} told;

static void
on_new_site(void *ctx, struct census_site *s)
{
	if (s->site >= NSITES)
		census_join(ctx, s->site, s->site - NSITES);
	else
		s->user = calloc(1, 1);
}

static void
on_site(void *ctx, struct census_site *s)
{
	(void)ctx;
	told.site[s->site] = *s;
}

/* Compare a range with what lives. */
static void
compare(const struct census_range *r, double live)
{
	told.looks++;
	told.inside += r->least <= live + 1 && r->most >= live - 1;
}

/* Compare all ranges with what lives. */
static void
check(struct census *c, const struct census_chunk *chunk, size_t n)
{
	struct census_site all;
	double live = 0;

	census_new_sites(c, on_new_site, c);
	census_look(c, chunk, n, 0);
	census_changes(c, on_site, NULL);
	for (int s = QUEUE; s < NSITES; s++) {
		const struct census_range *r = &told.site[s].live;

		compare(r, sim.live[s]);
		told.known[s] += r->most > 0 && r->most <= 2 * r->least;
		live += sim.live[s];
	}
	census_sum(c, &all);
	compare(&all.live, live);
	told.most_known = census_known(c) / live;
	told.all += fabs((all.live.least + all.live.most) / 2 - live) < live * 0.2;
}

/* Run a census of a process for some seconds, which began as old rounds had been done. */
static void
run(uint64_t old, uint64_t seen, double slack, int walk)
{
	static struct census_chunk chunk[ROOM];
	struct census_window w = { .slack = slack };
	struct census *c;
	uint64_t i, gap;
	size_t n;

	memset(&sim, 0, sizeof sim);
	memset(&told, 0, sizeof told);
	sim.top = 4096;
	for (i = 0; i < old; i++)
		work(i);
	n = in_use(chunk);
	sim.young = 1;
	c = census_new(chunk, walk ? n : 0);
	for (int k = 1; k <= 80; k++) {
		gap = ROUNDS / 2 + chance(ROUNDS);
		for (uint64_t end = i + gap; i < end; i++)
			work(i);
		w.from = sim.now;
		sim.census = c;
		for (uint64_t end = i + seen; i < end; i++)
			work(i);
		sim.census = NULL;
		w.until = sim.now;
		w.factor = (double)(gap + seen) / (double)seen *
		    pow(slack, (double)chance(201) / 100 - 1);
		census_window(c, &w);
		if (k % 10)
			continue;
		n = in_use(chunk);
		check(c, walk ? chunk : NULL, n);
	}
	census_free(c);
}

/* ---- tests ------------------------------------------------------------- */

static void
test_ranges(void)
{
	run(0, 500, 1.2, 1);
	ok(told.inside * 20 >= told.looks * 19, "from the start: the truth is inside, %d of %d",
	    told.inside, told.looks);
	ok(told.known[QUEUE] >= 6, "a queue alone in its size is known, %d of 8",
	    told.known[QUEUE]);
	ok(told.known[LEAK] >= 6, "a slow leak, %d of 8", told.known[LEAK]);
	ok(told.known[CACHE] >= 4, "a cache, %d of 8", told.known[CACHE]);
	ok(told.most_known > 0.8, "and %.0f %% by site", 100 * told.most_known);
	ok(told.all >= 7, "and all together within 20 %%, %d of 8", told.all);
	run(50000, 500, 1.2, 1);
	ok(told.inside * 20 >= told.looks * 19, "of an older process: inside, %d of %d",
	    told.inside, told.looks);
	ok(told.known[LEAK] >= 6, "and the leak since then is known, %d of 8", told.known[LEAK]);
	run(50000, 60, 3, 1);
	ok(told.inside * 20 >= told.looks * 19, "of little: inside, %d of %d", told.inside,
	    told.looks);
	run(0, 500, 1.2, 0);
	ok(told.inside * 20 >= told.looks * 19,
	    "without the allocator's state: inside, %d of %d", told.inside, told.looks);
	ok(told.known[QUEUE] == 0, "but the queue is not known");
}

static void
test_totals(void)
{
	double got, want;

	run(0, 500, 1, 1);
	got = told.site[STRINGS].bytes;
	want = sim.bytes[STRINGS];
	ok(fabs(got - want) < want * 0.1, "what was allocated: %.3g of %.3g", got, want);
	got = told.site[LEAK].bytes;
	want = sim.bytes[LEAK];
	ok(fabs(got - want) < want * 0.3, "of a leak: %.3g of %.3g", got, want);
}

static void
test_calls(void)
{
	struct census *c = census_new(NULL, 0);
	struct census_window w = { 0, 100, 10, 1 };
	struct heap_logged a = { .time = 1, .addr = 160, .size = 24, .site = 3, .tid = 1 };
	struct heap_logged f = { .time = 2, .addr = 160, .tid = 1, .freed = 1, .moved = 1 };
	struct heap_logged b = { .time = 3, .addr = 320, .size = 64, .site = 3, .tid = 1,
		.moved = 1 };

	census_call(c, &a);
	census_call(c, &f);
	census_call(c, &b);
	census_window(c, &w);
	census_new_sites(c, on_new_site, c);
	census_changes(c, on_site, NULL);
	ok(told.site[3].allocs == 20 && told.site[3].moved == 10 && told.site[3].copied == 240 &&
	        told.site[3].temps == 0,
	    "a realloc() that moves its block");
	f.moved = b.moved = 0;
	f.addr = 320;
	f.time = b.time = 50;
	census_call(c, &f);
	b.time = 200;
	census_call(c, &b);
	census_window(c, &w);
	census_changes(c, on_site, NULL);
	ok(told.site[3].allocs == 20 && told.site[3].samples == 2 && told.site[3].temps == 10,
	    "what comes after the window is not counted");
	census_free(c);
}

/* What hits take where those of allocations take twenty times as long as those of frees. */
static void
test_hits(void)
{
	struct census *c = census_new(NULL, 0);
	struct heap_logged call = { .tid = 7, .size = 24, .site = 3 };
	double got;

	for (uint64_t i = 0; i < 100; i++) {
		call.freed = i & 1;
		call.addr = 160;
		/* Now and then something else happens in between. */
		call.time += (call.freed ? 1000 : 40000) + (i % 10 > 5 ? 500000 : 0);
		census_call(c, &call);
		if (i == 30)
			ok(census_hit(c, 0, UINT64_MAX) == 0, "of few calls it is not known");
	}
	got = census_hit(c, 0, UINT64_MAX);
	ok(got > 12000 && got < 15000, "what a hit takes on average: %.0f of %.0f ns", got,
	    41000 / 3.0);
	census_free(c);
}

int
main(void)
{
	test_calls();
	test_hits();
	test_ranges();
	test_totals();
	return tap_done();
}
