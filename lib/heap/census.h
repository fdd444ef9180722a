/*
 * Accounts for the allocations that windows of time have shown: what was allocated in
 * between as well, and what may be live.
 *
 * A call in a window stands for as many as the process has made in its own progress
 * since the window before.  Whether a block is live cannot be seen between windows, so
 * live memory is a range.  Blocks are put into classes by the size of their chunk.  No
 * site has more live blocks of a class than there are chunks in use of it (heap/arena),
 * nor more than the blocks that were not seen to end allow; and what other sites cannot
 * hold is its own.
 */
#ifndef CENSUS_H
#define CENSUS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "heap/heap.h"

struct census;

/* A chunk of memory that is in use. */
struct census_chunk {
	uint64_t addr; /* of the memory in it */
	uint64_t size; /* with the allocator's own word */
};

/* A window, with the progress that its calls stand for. */
struct census_window {
	uint64_t from, until; /* ns; calls before and after are not counted */
	double factor;        /* calls that each of them stands for */
	double slack;         /* the factor may be wrong by so many times; at least 1 */
};

/* Live memory, from what is known to what is possible. */
struct census_range {
	double least, most;   /* bytes */
	double nleast, nmost; /* allocations */
};

/* What a site of the kernel (heap_site()) has allocated since the census began. */
struct census_site {
	uint32_t site;
	uint64_t samples; /* allocations that were seen */
	double allocs, bytes, temps, inplace, moved, copied;
	double sizes[HEAP_BUCKETS], lives[HEAP_BUCKETS];
	struct census_range live;
	double slack;    /* allocs and bytes may be wrong by so many times */
	void *user;      /* the caller's own; census_free() frees it */
};

/* Begin a census; chunk[] is what is in use by then, sorted by address (n 0: unknown).
 * Returns NULL if memory is short. */
struct census *census_new(const struct census_chunk *chunk, size_t n);
void census_free(struct census *c);

/* Add a block that was live before the first window: it stands for weight blocks. */
void census_adopt(struct census *c, const struct heap_living *block);

/* Add a call; census_window() accounts for it. */
void census_call(struct census *c, const struct heap_logged *call);

/* What is known of calls that are not accounted for yet. */
struct census_pending {
	double allocs, hits; /* from a time to until; of probes */
	double sooner;       /* hits up to the time that was asked for */
	double all;          /* hits of all calls */
	uint64_t until;      /* up to when there were allocations and frees, ns */
	uint64_t gone;       /* the last call, ns; 0: there was none */
};

/* Look at the calls since the last window: those from a time on, and up to until or
 * while there are both allocations and frees. */
void census_pending(const struct census *c, uint64_t from, uint64_t until,
    struct census_pending *out);

/* Returns what a hit takes of the process' time on average, with what it does to the code after
 * it: the shortest times between calls of a thread tell that, those up to allocations and to
 * frees apart, as one may take many times as long as the other.  0: there were too few. */
double census_hit(const struct census *c, uint64_t from, uint64_t until);

/* Account for all calls since the last window. */
void census_window(struct census *c, const struct census_window *w);

/* Call fn for each site without a user yet, which may set it, or join the site to another. */
void census_new_sites(struct census *c, void (*fn)(void *ctx, struct census_site *site),
    void *ctx);

/* Count all of a site for another one from now on: both are the same to people. */
void census_join(struct census *c, uint32_t site, uint32_t to);

/* Bring the ranges of live memory up to date; chunk[] is what is in use now, sorted by
 * address (NULL: unknown), and bound what the process can hold at most (0: unknown). */
void census_look(struct census *c, const struct census_chunk *chunk, size_t n,
    uint64_t bound);

/* Call fn for all sites with a user that have changed since it was last called. */
void census_changes(struct census *c, void (*fn)(void *ctx, struct census_site *site),
    void *ctx);

/* Call fn for the blocks that may be live, each with its site's user: together they stand
 * for what is live, or for what is known to be if the range is wider than a factor of 2. */
void census_living(const struct census *c,
    void (*fn)(void *ctx, const struct heap_living *block), void *ctx);

/* Returns what stands for live memory in a range: its middle, or what is known if it is
 * wider than a factor of two. */
double census_middle(double least, double most);

/* Set *all to the sums and the range of all sites together. */
void census_sum(const struct census *c, struct census_site *all);

/* Returns the bytes that are live at sites of which that is known. */
double census_known(const struct census *c);

/* Returns whether memory was short: then figures are too low. */
int census_failed(const struct census *c);

#endif
