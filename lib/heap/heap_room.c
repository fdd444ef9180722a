/*
 * Sites (a thread and a stack, with their sums) are in segments of fixed size.
 * Live allocations are in a hash table made of generations, each twice as
 * large as the one before.  Both are arrays of maps that user space extends
 * before they are full, because BPF cannot wait for memory.
 */
#include "heap/heap_room.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heap/heap_inside.h"

#include "heap.skel.h"

#define AHEAD_SITES 16384 /* a burst of so many fits later on */
#define SMALL (32U << 20)

/* Create an array of size times n bytes, put it into an array of maps at an
 * index, and map it.  Returns NULL with errno. */
static void *
add_array(int outer, uint32_t at, const char *name, uint32_t size, uint32_t n,
    uint32_t flags)
{
	struct bpf_map_create_opts o = { .sz = sizeof o, .map_flags = flags };
	size_t bytes = (size_t)size * n;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof at, size, n, &o);
	void *m;

	if (fd < 0)
		return NULL;
	m = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		m = NULL;
	if (m && bpf_map_update_elem(outer, &at, &fd, BPF_ANY) < 0) {
		munmap(m, bytes);
		m = NULL;
	}
	close(fd);
	return m;
}

/* Add the next generation of the table of live allocations. */
static int
add_generation(struct heap *h)
{
	uint32_t n = h->ngeneration;

	h->generation[n] = add_array(bpf_map__fd(h->bpf->maps.live), n, "rsprof_live",
	    sizeof(struct heap_bucket), 1U << (HEAP_FIRST_SHIFT + n),
	    BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	if (h->generation[n] == NULL)
		return -1;
	h->bpf->bss->live_generations = ++h->ngeneration;
	h->bpf->bss->live_crowded = 0;
	return 0;
}

/* Add the next segment of sites. */
static int
add_segment(struct heap *h)
{
	uint32_t n = h->nsegment;

	h->segment[n] = add_array(bpf_map__fd(h->bpf->maps.sites), n, "rsprof_sites",
	    sizeof(struct heap_site), HEAP_SEGMENT_SITES, BPF_F_MMAPABLE);
	if (h->segment[n] == NULL)
		return -1;
	h->bpf->bss->site_room = ++h->nsegment * HEAP_SEGMENT_SITES;
	return 0;
}

int
heap_room_begin(struct heap *h)
{
	/* Site 0 is none. */
	while (h->nsegment * HEAP_SEGMENT_SITES <= HEAP_ROOM_SITES)
		if (add_segment(h) < 0)
			return -1;
	return add_generation(h);
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

void
heap_room_ensure(struct heap *h)
{
	uint64_t next = heap_slots(h->ngeneration) * sizeof(struct heap_entry), have = 0;
	int crowded = h->bpf->bss->live_crowded != 0;

	while (h->nsegment < HEAP_SEGMENTS &&
	    h->bpf->bss->nsites + AHEAD_SITES > h->bpf->bss->site_room)
		if (add_segment(h) < 0)
			break;
	for (uint32_t i = 0; i < h->ngeneration; i++)
		have += heap_slots(i) * sizeof(struct heap_entry);
	/* Beyond two thirds, or half of a small table, which may fill up between
	 * two rounds.  So there are at most 72 bytes for each allocation. */
	crowded |= count_live(h) * sizeof(struct heap_entry) >
	    (have < SMALL ? have / 2 : have / 3 * 2);
	if (crowded && h->ngeneration < HEAP_GENERATIONS && have + next <= h->max_bytes)
		add_generation(h);
}
