/*
 * Sites (a thread and a stack, with their sums) are in segments of fixed size.
 * Live allocations are in a hash table made of generations, each twice as
 * large as the one before.  Both are arrays of maps that user space extends
 * before they are full, because BPF cannot wait for memory.  The program asks for it
 * when a part is left, and a thread of its own answers: what else this process does may
 * take longer than the part lasts.
 */
#include "heap/heap_room.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heap/heap_inside.h"

#include "heap.skel.h"

#define AHEAD_SITES 16384 /* a burst of so many fits later on */
#define SMALL (32U << 20)
#define TOGETHER 16 /* segments */

struct heap_room {
	struct heap *heap;
	pthread_mutex_t lock; /* held while tables are extended */
	pthread_t thread;
	int runs;             /* it does */
	struct ring_buffer *asks;
	int end;              /* a descriptor that is readable when the thread is to end */
};

/* ---- tables ------------------------------------------------------------- */

/* Create an array of size times n bytes, and map it.  Returns its descriptor, or -1 with
 * errno. */
static int
make_array(const char *name, uint32_t size, uint32_t n, uint32_t flags, void **out)
{
	struct bpf_map_create_opts o = { .sz = sizeof o, .map_flags = flags };
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof n, size, n, &o);

	if (fd < 0)
		return -1;
	*out = mmap(NULL, (size_t)size * n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*out != MAP_FAILED)
		return fd;
	*out = NULL;
	close(fd);
	return -1;
}

/* Returns the bytes of all generations. */
static uint64_t
live_bytes(const struct heap *h)
{
	uint64_t have = 0;

	for (uint32_t i = 0; i < h->ngeneration; i++)
		have += heap_slots(i) * sizeof(struct heap_entry);
	return have;
}

/* Returns the number of live allocations from which on there should be another generation:
 * beyond two thirds, or half of a small table, which may fill up soon.  So there are at
 * most 72 bytes for each allocation. */
static uint64_t
live_most(const struct heap *h)
{
	uint64_t have = live_bytes(h);

	return (have < SMALL ? have / 2 : have / 3 * 2) / sizeof(struct heap_entry);
}

/* Add the next generation of the table of live allocations.  The program may use it from the
 * moment that it is there: to put it there takes until no program runs any more that may not
 * have seen it. */
static int
add_generation(struct heap *h)
{
	uint32_t n = h->ngeneration;
	void *at;
	int error = 0, fd = make_array("rsprof_live", sizeof(struct heap_bucket),
	    1U << (HEAP_FIRST_SHIFT + n), BPF_F_MMAPABLE | BPF_F_INNER_MAP, &at);

	if (fd < 0)
		return -1;
	h->generation[n] = at;
	__atomic_store_n(&h->ngeneration, n + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&h->bpf->bss->live_generations, n + 1, __ATOMIC_SEQ_CST);
	if (bpf_map_update_elem(bpf_map__fd(h->bpf->maps.live), &n, &fd, BPF_ANY) < 0)
		error = errno;
	close(fd);
	h->bpf->bss->live_ask_at = live_most(h);
	__atomic_store_n(&h->bpf->bss->live_crowded, error != 0, __ATOMIC_SEQ_CST);
	errno = error;
	return error ? -1 : 0;
}

/* Put n segments into the array of sites from number first on, at once, as one alone takes
 * as long.  Returns how many it has put. */
static uint32_t
put_segments(struct heap *h, uint32_t first, const int *fd, uint32_t n)
{
	int sites = bpf_map__fd(h->bpf->maps.sites);
	uint32_t key[TOGETHER], done = n;

	for (uint32_t i = 0; i < n; i++)
		key[i] = first + i;
	if (n > 1 && bpf_map_update_batch(sites, key, fd, &done, NULL) == 0)
		return n;
	for (uint32_t i = 0; i < n; i++)
		if (bpf_map_update_elem(sites, &key[i], &fd[i], BPF_ANY) < 0)
			return i;
	return n;
}

/* Add segments of sites, at most n and at most TOGETHER.  Returns -1 with errno if there are
 * not so many. */
static int
add_segments(struct heap *h, uint32_t n)
{
	uint32_t first = h->nsegment, made = 0, put;
	int fd[TOGETHER];
	void *at;

	n = n < TOGETHER ? n : TOGETHER;
	for (; made < n && first + made < HEAP_SEGMENTS; made++) {
		fd[made] = make_array("rsprof_sites", sizeof(struct heap_site),
		    HEAP_SEGMENT_SITES, BPF_F_MMAPABLE, &at);
		if (fd[made] < 0)
			break;
		h->segment[first + made] = at;
	}
	put = put_segments(h, first, fd, made);
	for (uint32_t i = 0; i < made; i++)
		close(fd[i]);
	for (uint32_t i = put; i < made; i++)
		munmap(h->segment[first + i], HEAP_SEGMENT_SITES * sizeof(struct heap_site));
	__atomic_store_n(&h->nsegment, first + put, __ATOMIC_RELEASE);
	__atomic_store_n(&h->bpf->bss->site_room, h->nsegment * HEAP_SEGMENT_SITES,
	    __ATOMIC_SEQ_CST);
	return put == n ? 0 : -1;
}

/* Have room for n sites.  Returns -1 with errno if there is not so much. */
static int
add_sites(struct heap *h, uint32_t n)
{
	while (h->nsegment * HEAP_SEGMENT_SITES < n)
		if (add_segments(h, n / HEAP_SEGMENT_SITES + 1 - h->nsegment) < 0)
			return -1;
	h->bpf->bss->site_ask_at = h->bpf->bss->site_room - AHEAD_SITES;
	__atomic_store_n(&h->bpf->bss->site_crowded, 0, __ATOMIC_SEQ_CST);
	return 0;
}

/* Returns the number of live allocations, or 0 if only some are picked. */
static uint64_t
count_live(const struct heap *h)
{
	uint64_t n = 0;

	if (h->bpf->bss->rates[h->bpf->bss->rate].period)
		return 0;
	for (uint32_t i = 1; i < HEAP_PROCESSES && h->total[i].pid; i++)
		if (!h->total[i].gone)
			n += (h->total[i].allocs - h->total[i].frees) >> HEAP_POINT;
	return n;
}

/* Extend the tables, if they should be.  Where that cannot be what has asked stays set, so
 * that it does not ask again. */
static void
extend(struct heap *h)
{
	uint64_t next = heap_slots(h->ngeneration) * sizeof(struct heap_entry);
	uint64_t sites = (uint64_t)h->bpf->bss->nsites + AHEAD_SITES;

	if (sites > h->bpf->bss->site_room)
		add_sites(h, sites < HEAP_SITES_MOST ? (uint32_t)sites : HEAP_SITES_MOST);
	if ((h->bpf->bss->live_crowded || count_live(h) > live_most(h)) &&
	    h->ngeneration < HEAP_GENERATIONS && live_bytes(h) + next <= h->max_bytes)
		add_generation(h);
}

/* ---- the thread --------------------------------------------------------- */

static int
on_ask(void *ctx, void *event, size_t len)
{
	(void)ctx, (void)event, (void)len;
	return 0;
}

/* Answer what the program asks for, until the thread is to end. */
static void *
answer(void *ctx)
{
	struct heap_room *r = ctx;
	struct pollfd fd[] = { { .fd = ring_buffer__epoll_fd(r->asks), .events = POLLIN },
		{ .fd = r->end, .events = POLLIN } };

	while (poll(fd, 2, -1) > 0 && fd[1].revents == 0) {
		ring_buffer__consume(r->asks);
		pthread_mutex_lock(&r->lock);
		extend(r->heap);
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

/* Start the thread, with all signals blocked.  Without it tables are extended now and then. */
static void
start(struct heap_room *r)
{
	sigset_t all, before;

	r->asks = ring_buffer__new(bpf_map__fd(r->heap->bpf->maps.asks), on_ask, NULL, NULL);
	r->end = eventfd(0, EFD_CLOEXEC);
	if (r->asks == NULL || r->end < 0)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r->runs = pthread_create(&r->thread, NULL, answer, r) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- functions of the header -------------------------------------------- */

int
heap_room_begin(struct heap *h)
{
	struct heap_room *r = calloc(1, sizeof *r);

	if (r == NULL)
		return -1;
	h->room = r;
	r->heap = h;
	r->end = -1;
	pthread_mutex_init(&r->lock, NULL);
	/* Site 0 is none. */
	if (add_sites(h, HEAP_ROOM_SITES + 1) < 0 || add_generation(h) < 0)
		return -1;
	start(r);
	return 0;
}

void
heap_room_ensure(struct heap *h)
{
	if (pthread_mutex_trylock(&h->room->lock) != 0)
		return; /* the thread does it */
	extend(h);
	pthread_mutex_unlock(&h->room->lock);
}

void
heap_room_end(struct heap *h)
{
	struct heap_room *r = h->room;

	if (r == NULL)
		return;
	if (r->runs && eventfd_write(r->end, 1) == 0)
		pthread_join(r->thread, NULL);
	if (r->end >= 0)
		close(r->end);
	ring_buffer__free(r->asks);
	pthread_mutex_destroy(&r->lock);
	free(r);
	h->room = NULL;
}
