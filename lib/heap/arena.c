/*
 * main_arena has no name in a stripped libc.  It is found by its bins, in libc's writable
 * data: each empty bin points to itself, 16 bytes before; others lead into the heap.  All
 * else is at fixed distances from there:
 *
 *	bins - 96    fastbinsY[10]
 *	bins - 16    top, last_remainder
 *	bins         254 words
 *	bins + 2048  next: the arenas are in a circle
 *
 * The heaps of other arenas are at multiples of 64 MiB, and begin with {arena, previous
 * heap of the arena, size}.  Each stretch of chunks is copied in one go; where the copy
 * does not make sense because the process has gone on meanwhile, it is copied again from
 * the last chunk that does.
 */
#include "heap/arena.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "heap/census.h"
#include "os/proc.h"

#define BINS 254
#define FASTBINS 10
#define FAST_AT (-96)
#define TOP_AT (-16)
#define NEXT_AT 2048
#define ARENA_AT (-112)     /* the beginning of struct malloc_state */
#define ARENA_SIZE 2200
#define HEAP_ALIGN (64ULL << 20)
#define HEAP_HEAD 48        /* sizeof(struct _heap_info), since 2.35; before, 32 */
#define TCACHE_SIZE 0x290   /* of the chunk with a thread's cache */
#define TCACHE_BINS 64
#define ARENAS_MOST 1024
#define HEAPS_MOST 4096
#define STRETCH_MOST (1ULL << 30)
#define AGAIN_MOST 64       /* stretches copied again */
#define TRIES 4             /* to read all of it */
#define FAST_MOST (1U << 20)
#define PAGE 4096ULL

struct mapping {
	uint64_t start, end;
	int writable, anonymous, heap;
};

struct arena {
	pid_t pid;
	uint64_t bins;          /* of main_arena */
	uint64_t key;           /* in chunks of a thread's cache; 0: none seen yet */
	struct mapping *map;
	size_t nmap, map_room;
	uint64_t libc_end;      /* of its writable data */
	uint64_t libc_start;
	struct census_chunk *chunk;
	size_t n, room;
	uint64_t *fast;         /* chunks in fastbins, sorted */
	size_t nfast, fast_room;
	unsigned char *copy;
	size_t copy_room;
	int again;
};

/* ---- mappings ---------------------------------------------------------- */

/* Read a line of /proc/PID/maps. */
static void
parse_mapping(struct arena *a, const char *line)
{
	struct mapping m = { 0 };
	char flags[8], path[256] = "";
	uint64_t offset;
	unsigned long inode;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %lu %255s", &m.start,
	        &m.end, flags, &offset, &inode, path) < 5)
		return;
	m.writable = flags[1] == 'w' && flags[3] == 'p';
	m.heap = strcmp(path, "[heap]") == 0;
	m.anonymous = inode == 0 && path[0] == '\0';
	if (m.writable && strstr(path, "/libc.so.6"))
		a->libc_start = m.start, a->libc_end = m.end;
	else if (m.anonymous && m.start == a->libc_end)
		a->libc_end = m.end; /* its .bss */
	if (array_room(&a->map, a->nmap, &a->map_room, sizeof m) == 0)
		a->map[a->nmap++] = m;
}

static int
read_mappings(struct arena *a)
{
	char path[64], line[512];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)a->pid);
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	a->nmap = 0;
	a->libc_start = a->libc_end = 0;
	while (fgets(line, sizeof line, f))
		parse_mapping(a, line);
	fclose(f);
	return 0;
}

static uint64_t
word(const struct arena *a, uint64_t addr)
{
	uint64_t w;

	return proc_read(a->pid, addr, &w, sizeof w) < 0 ? 0 : w;
}

/* ---- where it is ------------------------------------------------------- */

/* Returns the mapping that the heap grown by brk(2) is in, or NULL. */
static const struct mapping *
heap_mapping(const struct arena *a)
{
	for (size_t i = 0; i < a->nmap; i++)
		if (a->map[i].heap)
			return &a->map[i];
	return NULL;
}

/* Returns whether main_arena's bins are at an address, of which w[] is a copy: each is empty,
 * or leads into the heap. */
static int
are_bins(const struct arena *a, const uint64_t *w, uint64_t addr)
{
	const struct mapping *heap = heap_mapping(a);
	uint64_t top = w[TOP_AT / 8];
	int empty = 0;

	if (heap == NULL || top < heap->start || top >= heap->end)
		return 0;
	for (int i = 0; i < BINS; i += 2) {
		if (w[i] == addr + 8 * (uint64_t)i - 16 && w[i + 1] == w[i])
			empty++;
		else if (w[i] < heap->start || w[i] >= heap->end || w[i + 1] < heap->start ||
		    w[i + 1] >= heap->end)
			return 0;
	}
	return empty > 0;
}

/* Find main_arena.  Returns -1 if there is none. */
static int
find_bins(struct arena *a)
{
	size_t len = a->libc_end - a->libc_start, n = len / 8;
	uint64_t *w = a->libc_end ? malloc(len) : NULL;

	a->bins = 0;
	if (w && proc_read(a->pid, a->libc_start, w, len) == 0)
		for (size_t i = 2; i + BINS <= n && a->bins == 0; i++)
			if (are_bins(a, w + i, a->libc_start + 8 * i))
				a->bins = a->libc_start + 8 * i;
	free(w);
	return a->bins ? 0 : -1;
}

/* Returns whether libc's file has one of the versions whose structures are known. */
static int
is_known(const struct arena *a)
{
	static const char says[] = "stable release version 2.";
	char path[96];
	unsigned char *text;
	int known = 0, minor;
	size_t n, len = 4 << 20;
	FILE *f;

	for (size_t i = 1; i < a->nmap && !known; i++) {
		if (a->map[i].start != a->libc_start)
			continue;
		snprintf(path, sizeof path, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64,
		    (int)a->pid, a->map[i].start, a->map[i].end);
		f = fopen(path, "re");
		text = f ? malloc(len + 1) : NULL;
		n = text ? fread(text, 1, len, f) : 0;
		if (text) {
			unsigned char *at = memmem(text, n, says, sizeof says - 1);

			text[n] = '\0';
			minor = at ? atoi((char *)at + sizeof says - 1) : 0;
			known = minor >= 34 && minor <= 41;
		}
		free(text);
		if (f)
			fclose(f);
		return known;
	}
	return 0;
}

struct arena *
arena_open(pid_t pid)
{
	struct arena *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->pid = pid;
	if (read_mappings(a) == 0 && a->libc_start && is_known(a))
		return a;
	arena_close(a);
	return NULL;
}

void
arena_close(struct arena *a)
{
	if (a == NULL)
		return;
	free(a->map);
	free(a->chunk);
	free(a->fast);
	free(a->copy);
	free(a);
}

/* ---- threads' caches, fastbins ----------------------------------------- */

/* Take the key from the chunks in a thread's cache, whose copy is at p. */
static void
learn_key(struct arena *a, const unsigned char *p)
{
	uint64_t entry, key, before = 0;

	for (int i = 0; i < TCACHE_BINS && a->key == 0; i++) {
		memcpy(&entry, p + 2 * TCACHE_BINS + 8 * i, sizeof entry);
		if (entry == 0 || entry & 15)
			continue;
		key = word(a, entry + 8);
		if (key && key == before)
			a->key = key;
		before = key;
	}
	if (a->key == 0 && before >> 47) /* one alone: at least it is no pointer */
		a->key = before;
}

/* Collect the chunks in an arena's fastbins. */
static void
read_fastbins(struct arena *a, uint64_t bins)
{
	uint64_t head[FASTBINS];

	if (proc_read(a->pid, bins + (uint64_t)FAST_AT, head, sizeof head) < 0)
		return;
	for (int i = 0; i < FASTBINS; i++)
		for (uint64_t c = head[i]; c && (c & 15) == 0 && a->nfast < FAST_MOST;) {
			if (array_room(&a->fast, a->nfast, &a->fast_room, sizeof c) < 0)
				return;
			a->fast[a->nfast++] = c;
			/* Links are masked by their own address, since 2.32. */
			c = (c + 16) >> 12 ^ word(a, c + 16);
		}
}

static int
is_fast(const struct arena *a, uint64_t chunk)
{
	size_t i = array_upto(a->fast, a->nfast, sizeof *a->fast, chunk);

	return i && a->fast[i - 1] == chunk;
}

/* ---- chunks ------------------------------------------------------------ */

static int
add_chunk(struct arena *a, uint64_t chunk, uint64_t size)
{
	if (array_room(&a->chunk, a->n, &a->room, sizeof *a->chunk) < 0)
		return -1;
	a->chunk[a->n++] = (struct census_chunk){ chunk + 16, size };
	return 0;
}

static uint64_t
copied(const struct arena *a, size_t at)
{
	uint64_t w;

	memcpy(&w, a->copy + at, sizeof w);
	return w;
}

/* Add the chunk at an offset of the copy of a stretch, if it is in use. */
static int
judge_chunk(struct arena *a, uint64_t from, size_t at, uint64_t size)
{
	if (size == TCACHE_SIZE && a->key == 0)
		learn_key(a, a->copy + at + 16);
	if ((copied(a, at + size + 8) & 1) == 0 ||
	    (a->key && copied(a, at + 24) == a->key) || is_fast(a, from + at))
		return 0;
	return add_chunk(a, from + at, size);
}

/*
 * Add the chunks from one up to another, which is not added.  That may move down meanwhile,
 * if it is the one at the top, which stands at the address top (0: it is not).  Returns -1
 * if that fails.
 */
static int
read_stretch(struct arena *a, uint64_t from, uint64_t to, uint64_t top)
{
	size_t len = to - from + 16, at = 0;

	if (to < from || len > STRETCH_MOST)
		return -1;
	if (len > a->copy_room) {
		free(a->copy);
		a->copy_room = len + len / 4;
		a->copy = malloc(a->copy_room);
		if (a->copy == NULL) {
			a->copy_room = 0;
			return -1;
		}
	}
	if (proc_read(a->pid, from, a->copy, len) < 0)
		return -1;
	while (from + at < to) {
		uint64_t size = copied(a, at + 8) & ~7ULL;

		if (size < 32 && from + at + 64 >= to)
			break; /* the end of a heap that is full */
		if (size < 32 || size & 15 || size > to - from - at) {
			if (top && word(a, top) == from + at)
				break;
			if (a->again++ >= AGAIN_MOST ||
			    proc_read(a->pid, from + at, a->copy + at, len - at) < 0)
				return -1;
			continue;
		}
		if (judge_chunk(a, from, at, size) < 0)
			return -1;
		at += size;
	}
	return 0;
}

/* Add the chunks of the heaps of an arena that is not the main one. */
static int
read_heaps(struct arena *a, uint64_t bins)
{
	uint64_t top = word(a, bins + (uint64_t)TOP_AT), arena = bins + (uint64_t)ARENA_AT;
	uint64_t heap = top & ~(HEAP_ALIGN - 1), from;

	for (int i = 0; heap && i < HEAPS_MOST; i++) {
		uint64_t size = word(a, heap + 16), end = heap + size;

		if (word(a, heap) != arena || size > HEAP_ALIGN || size == 0)
			return -1;
		from = heap + HEAP_HEAD;
		if (arena - heap < 64)
			from = (arena + ARENA_SIZE + 15) & ~15ULL;
		if (read_stretch(a, from, i == 0 ? top : end - 16,
		        i == 0 ? bins + (uint64_t)TOP_AT : 0) < 0)
			return -1;
		heap = word(a, heap + 8);
	}
	return 0;
}

/* Add the chunks that have mappings of their own. */
static int
read_mapped(struct arena *a)
{
	for (size_t i = 0; i < a->nmap; i++) {
		const struct mapping *m = &a->map[i];
		uint64_t at = m->start, head[2];

		while (m->anonymous && m->writable && at < m->end) {
			if (proc_read(a->pid, at, head, sizeof head) < 0 || head[0] ||
			    (head[1] & (PAGE - 1)) != 2 || head[1] < 2 * PAGE ||
			    head[1] - 2 > m->end - at)
				break;
			if (add_chunk(a, at, head[1] - 2) < 0)
				return -1;
			at += head[1] - 2;
		}
	}
	return 0;
}

/* Add all chunks.  Returns -1 if they cannot be read. */
static int
read_all(struct arena *a)
{
	const struct mapping *heap = heap_mapping(a);
	uint64_t bins = a->bins, next, top;
	int n = 0;

	a->n = a->nfast = 0;
	a->again = 0;
	do {
		read_fastbins(a, bins);
		next = word(a, bins + NEXT_AT);
		bins = next - (uint64_t)ARENA_AT;
	} while (next && bins != a->bins && n++ < ARENAS_MOST);
	if (a->nfast)
		qsort(a->fast, a->nfast, sizeof *a->fast, array_order);
	top = a->bins + (uint64_t)TOP_AT;
	if (heap == NULL || read_stretch(a, heap->start, word(a, top), top) < 0)
		return -1;
	n = 0;
	for (bins = a->bins; n < ARENAS_MOST; n++) {
		next = word(a, bins + NEXT_AT);
		bins = next - (uint64_t)ARENA_AT;
		if (next == 0 || bins == a->bins)
			break;
		if (read_heaps(a, bins) < 0)
			return -1;
	}
	return read_mapped(a);
}

const struct census_chunk *
arena_read(struct arena *a, size_t *n)
{
	int got = -1;

	*n = 0;
	/* The heap may shrink while it is read, or chunks become others. */
	for (int i = 0; a && got < 0 && i < TRIES; i++) {
		if (read_mappings(a) < 0 || (a->bins == 0 && find_bins(a) < 0))
			return NULL;
		got = read_all(a);
	}
	if (got < 0)
		return NULL;
	/* The key was not known for the chunks before its first one. */
	if (a->n)
		qsort(a->chunk, a->n, sizeof *a->chunk, array_order);
	*n = a->n;
	return a->n ? a->chunk : NULL;
}
