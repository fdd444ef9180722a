/*
 * The allocations that live: see struct heap_entry.
 *
 * Nobody else touches an address between its allocation's return and its
 * free's entry, so an entry is written by one thread at a time; places are taken and
 * given back with one compare-and-swap each, and nothing is locked.
 */
#ifndef HEAP_LIVE_BPF_H
#define HEAP_LIVE_BPF_H

#include "bpf/heap.h"
#include "bpf/walk.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, HEAP_GENERATIONS);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 1);
		__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
		__uint(key_size, sizeof(__u32));
		__uint(value_size, sizeof(struct heap_bucket));
	});
} live SEC(".maps");

/* How many generations there are. */
__u32 live_generations;

/* The newest one has begun to be full; user space sets it back. */
__u32 live_crowded;

static __always_inline __u64
live_key(__u32 number, __u64 addr)
{
	return (__u64)number << HEAP_ADDR_BITS | (addr & ((1ULL << HEAP_ADDR_BITS) - 1));
}

/* One of the two buckets that a key may be in. */
static __always_inline struct heap_bucket *
live_bucket(__u64 key, __u32 generation, int second)
{
	__u64 h = (key >> 4) * 0x9e3779b97f4a7c15ULL;
	__u32 shift = HEAP_FIRST_SHIFT + generation, i;
	void *map = bpf_map_lookup_elem(&live, &generation);

	if (!map || shift > 31)
		return NULL;
	if (second)
		h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
	i = (__u32)(h >> 32) >> (32 - shift);
	return bpf_map_lookup_elem(map, &i);
}

/* Take an entry out of a bucket: 1, or 0 where it is not there. */
static __always_inline int
live_out(struct heap_bucket *b, __u64 key, struct heap_entry *out)
{
	for (int i = 0; i < HEAP_BUCKET; i++) {
		struct heap_entry *e = &b->entry[i];

		if (e->key != key)
			continue;
		*out = *e;
		return __sync_val_compare_and_swap(&e->key, key, 0) == key;
	}
	return 0;
}

/* Take an allocation out: 1, or 0 where it is not known.  Not static, it is
 * verified once. */
__attribute__((noinline)) int
live_take(__u64 key, struct heap_entry *out)
{
	__u32 n = live_generations;

	if (!out)
		return 0;
	for (__u32 i = 0; i < HEAP_GENERATIONS; i++) {
		struct heap_bucket *b;

		if (i >= n)
			break;
		b = live_bucket(key, n - 1 - i, 0);
		if (b && live_out(b, key, out))
			return 1;
		b = live_bucket(key, n - 1 - i, 1);
		if (b && live_out(b, key, out))
			return 1;
	}
	return 0;
}

static __always_inline int
live_in(struct heap_bucket *b, const struct heap_entry *e)
{
	for (int i = 0; i < HEAP_BUCKET; i++) {
		struct heap_entry *to = &b->entry[i];

		if (to->key || __sync_val_compare_and_swap(&to->key, 0, HEAP_BUSY))
			continue;
		to->what = e->what;
		to->when = e->when;
		barrier();
		to->key = e->key;
		return 1;
	}
	return 0;
}

/* Another one is needed, soon. */
static __always_inline void
live_crowd(void)
{
	struct heap_news news = { HEAP_CROWDED, 0 };

	if (live_crowded == 0 && __sync_lock_test_and_set(&live_crowded, 1) == 0)
		bpf_ringbuf_output(&ring, &news, sizeof news, BPF_RB_FORCE_WAKEUP);
}

/* Put one in, which is not there: 0, or -1 where there is no room. */
__attribute__((noinline)) int
live_put(const struct heap_entry *e)
{
	__u32 n = live_generations;

	if (!e)
		return -1;
	for (__u32 i = 0; i < HEAP_GENERATIONS; i++) {
		struct heap_bucket *b;

		if (i >= n)
			break;
		b = live_bucket(e->key, n - 1 - i, 0);
		if (b && live_in(b, e))
			return 0;
		b = live_bucket(e->key, n - 1 - i, 1);
		if (b && live_in(b, e))
			return 0;
		if (i == 0)
			live_crowd();
	}
	return -1;
}

#endif
