/*
 * The table of live allocations: generations of buckets of entries, see struct
 * heap_bucket.
 *
 * Between an allocation's return and the entry of its free only one thread has the
 * address, so an entry is written by one thread at a time; slots are claimed and freed
 * by one compare-and-swap each, and nothing is locked.
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

__u32 live_generations; /* how many there are */

__u32 live_crowded; /* there should be another one; user space sets it back */
__u64 live_ask_at;  /* more blocks live in a process: there should be */

/* What asks user space for room, of no content. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} asks SEC(".maps");

/* Ask user space for room by a flag, unless that is done. */
static __always_inline void
ask_for_room(__u32 *crowded)
{
	__u32 ask = 1;

	if (*crowded == 0 && __sync_lock_test_and_set(crowded, 1) == 0)
		bpf_ringbuf_output(&asks, &ask, sizeof ask, BPF_RB_FORCE_WAKEUP);
}

/* Returns the key of an address in the process of a number. */
static __always_inline __u64
live_key(__u32 number, __u64 addr)
{
	return (__u64)number << HEAP_ADDR_BITS | (addr & ((1ULL << HEAP_ADDR_BITS) - 1));
}

/* Returns one of the two buckets of a generation that a key may be in, or NULL. */
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

/* Remove an entry from a bucket.  Returns 0 if it is not there. */
static __always_inline int
bucket_remove(struct heap_bucket *b, __u64 key, struct heap_entry *out)
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

/* Remove an allocation.  Returns 0 if it is not known.  The function is not static, so
 * that it is verified once. */
__attribute__((noinline)) int
live_remove(__u64 key, struct heap_entry *out)
{
	__u32 n = live_generations;

	if (!out)
		return 0;
	for (__u32 i = 0; i < HEAP_GENERATIONS; i++) {
		struct heap_bucket *b;

		if (i >= n)
			break;
		b = live_bucket(key, n - 1 - i, 0);
		if (b && bucket_remove(b, key, out))
			return 1;
		b = live_bucket(key, n - 1 - i, 1);
		if (b && bucket_remove(b, key, out))
			return 1;
	}
	return 0;
}

/* Returns whether an allocation is in the table.  It may be missed if it was inserted when
 * the newest generations were full. */
__attribute__((noinline)) int
live_has(__u64 key)
{
	__u32 n = live_generations;

	for (__u32 i = 0; i < 4; i++) {
		struct heap_bucket *b = i / 2 < n ? live_bucket(key, n - 1 - i / 2, i & 1) : NULL;

		for (int j = 0; b && j < HEAP_BUCKET; j++)
			if (b->entry[j].key == key)
				return 1;
	}
	return 0;
}

/* Insert an entry into a bucket.  Returns 0 if there is no room. */
static __always_inline int
bucket_insert(struct heap_bucket *b, const struct heap_entry *e)
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

/* Insert an allocation that is not in the table.  Returns -1 if there is no room. */
__attribute__((noinline)) int
live_insert(const struct heap_entry *e)
{
	__u32 n = live_generations;

	if (!e)
		return -1;
	for (__u32 i = 0; i < HEAP_GENERATIONS; i++) {
		struct heap_bucket *b;

		if (i >= n)
			break;
		b = live_bucket(e->key, n - 1 - i, 0);
		if (b && bucket_insert(b, e))
			return 0;
		b = live_bucket(e->key, n - 1 - i, 1);
		if (b && bucket_insert(b, e))
			return 0;
		if (i == 0)
			ask_for_room(&live_crowded);
	}
	return -1;
}

#endif
