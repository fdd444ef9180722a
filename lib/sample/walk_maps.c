/*
 * The arena is address space for WALK_SEGMENTS segments, of which the first
 * nsegment are there.  A range of its slots is either free (free[], by address, no
 * two of which touch), in use by a process' mappings (space[]) or by a module's
 * table (table[], whose rows and page index lie in one range), or retired: replaced,
 * but a walk may still be reading it, until LINGER_NS later.  Mappings must not
 * cross from one segment into the next, tables may.  While a module's table is being
 * made or, a slice now and then, copied there, the parts of it that are needed
 * (unwind/early) are there (partial[]), rows in chunks of CHUNK slots.
 */
#include "sample/walk_maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "base/idmap.h"
#include "bpf/walk.h"
#include "os/proc.h"
#include "unwind/addrspace.h"
#include "unwind/early.h"
#include "unwind/module.h"

#define SEGMENT_BYTES sizeof(struct walk_segment)
#define SEGMENTS_ADDED 16    /* at a time, at most */
#define LINGER_NS 2000000000 /* until retired slots are used again */
#define CHUNK 8192           /* slots */
#define SLICE 131072         /* slots that are copied, or made, at a time */
#define SLICE_NS 20000000    /* between two slices, at least */

/* A range of slots. */
struct range {
	uint32_t first, n;
};

struct retired {
	struct range range;
	uint64_t time;
};

/* A module of whose table only parts are there. */
struct partial {
	struct module *module; /* NULL: the table is there */
	struct walk_map map;   /* as in mappings of it */
	size_t stored;         /* parts, of early_nth() */
	struct range *chunk;   /* the last one has `left' free slots */
	size_t nchunk, chunk_room;
	uint32_t left;
	struct range whole;    /* where the table is being copied to; n 0: nowhere yet */
	uint32_t filled;       /* slots of it */
};

/* A process' mappings. */
struct space {
	struct range range;
	uint32_t generation; /* of tables, when they were given */
};

struct walk_maps {
	int arena, process;
	step_u64 *slot; /* of the arena */
	uint32_t nsegment;
	uint32_t version;
	int gradual;
	uint32_t generation; /* counts tables that have been copied gradually */
	uint64_t sliced;     /* time of the last slice */
	struct range *free;
	size_t nfree, free_room;
	struct retired *retired; /* in the order of time */
	size_t nretired, retired_room;
	struct space *space;
	size_t nspace, space_room;
	struct idmap space_of; /* pid -> index of its space */
	struct walk_map *table; /* as in mappings of it, without start, end and offset */
	size_t ntable, table_room;
	struct idmap table_of; /* module -> index of its table */
	struct partial *partial;
	size_t npartial, partial_room;
};

struct walk_maps *
walk_maps_new(int arena, int process)
{
	struct walk_maps *w = calloc(1, sizeof *w);
	void *slots = mmap(NULL, WALK_SEGMENTS * SEGMENT_BYTES, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (w == NULL || slots == MAP_FAILED) {
		free(w);
		errno = ENOMEM;
		return NULL;
	}
	w->arena = arena;
	w->process = process;
	w->slot = slots;
	return w;
}

void
walk_maps_gradual(struct walk_maps *w)
{
	w->gradual = 1;
}

void
walk_maps_free(struct walk_maps *w)
{
	if (w == NULL)
		return;
	munmap(w->slot, WALK_SEGMENTS * SEGMENT_BYTES);
	idmap_clear(&w->space_of);
	idmap_clear(&w->table_of);
	for (size_t i = 0; i < w->npartial; i++)
		free(w->partial[i].chunk);
	free(w->partial);
	free(w->free);
	free(w->retired);
	free(w->space);
	free(w->table);
	free(w);
}

/* ---- slots ------------------------------------------------------------- */

/* Make a range free.  Returns -1 if memory is short. */
static int
give_back(struct walk_maps *w, struct range r)
{
	size_t i = w->nfree;
	struct range *u;

	if (r.n == 0)
		return 0;
	if (array_room(&w->free, w->nfree, &w->free_room, sizeof r) < 0)
		return -1;
	u = w->free;
	while (i > 0 && u[i - 1].first > r.first)
		i--;
	if (i > 0 && u[i - 1].first + u[i - 1].n == r.first) {
		u[--i].n += r.n;
	} else {
		memmove(&u[i + 1], &u[i], (w->nfree - i) * sizeof *u);
		u[i] = r;
		w->nfree++;
	}
	if (i + 1 < w->nfree && u[i].first + u[i].n == u[i + 1].first) {
		u[i].n += u[i + 1].n;
		memmove(&u[i + 1], &u[i + 2], (w->nfree - i - 2) * sizeof *u);
		w->nfree--;
	}
	return 0;
}

/* Make a segment and map it here.  Returns its descriptor, or -1 with errno. */
static int
make_segment(struct walk_maps *w, uint32_t segment)
{
	struct bpf_map_create_opts o = { .sz = sizeof o, .map_flags = BPF_F_MMAPABLE };
	step_u64 *slot = w->slot + ((size_t)segment << WALK_SEGMENT_SHIFT);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rsprof_segment", sizeof(uint32_t),
	    SEGMENT_BYTES, 1, &o);

	if (fd >= 0 && mmap(slot, SEGMENT_BYTES, PROT_READ | PROT_WRITE,
	                   MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Put segments into the arena, at once: each change of it waits until no program runs
 * that may have seen it before.  Returns -1 with errno. */
static int
put_segments(struct walk_maps *w, const uint32_t *key, const int *fd, uint32_t n)
{
	uint32_t done = n;

	if (n > 1 && bpf_map_update_batch(w->arena, key, fd, &done, NULL) == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		if (bpf_map_update_elem(w->arena, &key[i], &fd[i], BPF_ANY) < 0)
			return -1;
	return 0;
}

/* Add segments for so many slots to the arena, but not too many at a time.  Returns -1
 * with errno if none can be added. */
static int
add_segments(struct walk_maps *w, uint32_t slots)
{
	uint32_t want = (slots + WALK_SEGMENT_SLOTS - 1) >> WALK_SEGMENT_SHIFT, n = 0;
	uint32_t key[SEGMENTS_ADDED];
	int fd[SEGMENTS_ADDED], got = -1;

	errno = ENOSPC;
	for (; n < want && n < SEGMENTS_ADDED && w->nsegment + n < WALK_SEGMENTS; n++) {
		key[n] = w->nsegment + n;
		fd[n] = make_segment(w, key[n]);
		if (fd[n] < 0)
			break;
	}
	if (n)
		got = put_segments(w, key, fd, n);
	for (uint32_t i = 0; i < n; i++)
		close(fd[i]);
	if (got < 0)
		return -1;
	w->nsegment += n;
	return give_back(w, (struct range){ key[0] << WALK_SEGMENT_SHIFT,
	                        n << WALK_SEGMENT_SHIFT });
}

/* Returns the first of n slots within a free range, whole ones within one segment;
 * UINT32_MAX if they do not fit. */
static uint32_t
fit(const struct range *u, uint32_t n, int whole)
{
	uint32_t at = u->first, left;

	if (whole) {
		left = WALK_SEGMENT_SLOTS - (at & (WALK_SEGMENT_SLOTS - 1));
		if (left < n)
			at += left;
	}
	return at - u->first <= u->n && u->n - (at - u->first) >= n ? at : UINT32_MAX;
}

/* Take n slots out of the free ones, adding segments as needed; whole: all in one
 * segment.  Returns -1 with errno. */
static int
allocate(struct walk_maps *w, uint32_t n, int whole, struct range *out)
{
	for (;;) {
		for (size_t i = 0; i < w->nfree; i++) {
			struct range all = w->free[i];
			uint32_t at = fit(&all, n, whole);

			if (at == UINT32_MAX)
				continue;
			*out = (struct range){ at, n };
			memmove(&w->free[i], &w->free[i + 1],
			    (--w->nfree - i) * sizeof all);
			if (give_back(w, (struct range){ all.first, at - all.first }) < 0)
				return -1;
			at += n;
			return give_back(w,
			    (struct range){ at, all.first + all.n - at });
		}
		if (add_segments(w, n) < 0)
			return -1;
	}
}

/* Returns whether n slots fit without adding segments. */
static int
has_room(const struct walk_maps *w, uint32_t n)
{
	for (size_t i = 0; i < w->nfree; i++)
		if (fit(&w->free[i], n, 0) != UINT32_MAX)
			return 1;
	return 0;
}

/* Make a range free later. */
static int
retire(struct walk_maps *w, struct range r)
{
	if (r.n == 0)
		return 0;
	if (array_room(&w->retired, w->nretired, &w->retired_room, sizeof *w->retired) < 0)
		return -1;
	w->retired[w->nretired++] = (struct retired){ r, proc_now() };
	return 0;
}

/* Free what was retired long enough ago. */
static int
release_retired(struct walk_maps *w)
{
	uint64_t now = proc_now();
	size_t n = 0;

	while (n < w->nretired && w->retired[n].time + LINGER_NS < now)
		if (give_back(w, w->retired[n++].range) < 0)
			return -1;
	if (n)
		memmove(w->retired, w->retired + n, (w->nretired - n) * sizeof *w->retired);
	w->nretired -= n;
	return 0;
}

/* ---- modules ----------------------------------------------------------- */

/* Copy a part of a table, [from, to) of its rows and then its page index, to the slots
 * where it is to be. */
static void
fill(step_u64 *slot, const struct unwind_table *table, uint32_t from, uint32_t to)
{
	uint32_t n = table->nrow, i = from;

	for (; i < to && i < n; i++)
		slot[i] = table->row[i].offset | (step_u64)table->row[i].rule << 32;
	for (; i < to; i++)
		slot[i] = table->page[i - n] | (step_u64)table->page[i - n + 1] << 32;
}

/* Note that a module's table is in a range.  Returns -1 with errno. */
static int
add_table(struct walk_maps *w, const struct module *m, struct range r)
{
	const struct unwind_table *table = &m->table;
	struct walk_map p = { .kind = WALK_TABLE };

	p.row = r.first;
	p.nrow = table->nrow;
	p.page = r.first + table->nrow;
	p.npage = table->npage;
	p.base = table->base;
	if (array_room(&w->table, w->ntable, &w->table_room, sizeof p) < 0 ||
	    idmap_put(&w->table_of, (uintptr_t)m, (uint32_t)w->ntable) < 0)
		return -1;
	w->table[w->ntable++] = p;
	return 0;
}

/* Put a module's table into the arena.  Returns -1 with errno. */
static int
store_table(struct walk_maps *w, const struct module *m)
{
	uint32_t n = m->table.nrow + m->table.npage;
	struct range r;

	if (allocate(w, n, 0, &r) < 0)
		return -1;
	fill(w->slot + r.first, &m->table, 0, n);
	return add_table(w, m, r);
}

/* ---- parts of tables ---------------------------------------------------- */

static struct partial *
find_partial(struct walk_maps *w, const struct module *m)
{
	for (size_t i = 0; i < w->npartial; i++)
		if (w->partial[i].module == m)
			return &w->partial[i];
	return NULL;
}

/* Make the index of a module's parts, without any.  Returns NULL if there is no room, or
 * the module has none. */
static struct partial *
add_partial(struct walk_maps *w, struct module *m)
{
	struct partial *p;
	struct range r;
	uint32_t start, end;

	if (m->early == NULL ||
	    array_room(&w->partial, w->npartial, &w->partial_room, sizeof *p) < 0)
		return NULL;
	early_range(m->early, &start, &end);
	if (allocate(w, (end - start) >> STEP_PAGE_SHIFT, 0, &r) < 0)
		return NULL;
	memset(w->slot + r.first, 0, r.n * sizeof *w->slot);
	p = &w->partial[w->npartial++];
	memset(p, 0, sizeof *p);
	p->module = m;
	m->parted = 1;
	p->map.kind = WALK_TABLE;
	p->map.base = start;
	p->map.page = r.first;
	p->map.npage = r.n;
	p->map.nrow = WALK_SEGMENTS * WALK_SEGMENT_SLOTS;
	return p;
}

/* Returns the first of n slots for rows of parts; 0 if they do not fit.  Slot 0 is no
 * row of theirs, either. */
static uint32_t
reserve_rows(struct walk_maps *w, struct partial *p, uint32_t n)
{
	struct range r;

	if (n > p->left) {
		if (array_room(&p->chunk, p->nchunk, &p->chunk_room, sizeof r) < 0 ||
		    allocate(w, n > CHUNK ? n : CHUNK, 0, &r) < 0)
			return 0;
		p->chunk[p->nchunk++] = r;
		p->left = r.n;
	}
	r = p->chunk[p->nchunk - 1];
	p->left -= n;
	return r.first + r.n - p->left - n;
}

/* Store a part: its rows, then the pages that they are for, each at once.  Returns -1 if
 * there is no room. */
static int
store_part(struct walk_maps *w, struct partial *p, const struct early_part *part)
{
	uint32_t first = reserve_rows(w, p, part->nrow), i = 0;
	uint32_t page = (part->start - p->map.base) >> STEP_PAGE_SHIFT;
	step_u64 *index = w->slot + p->map.page + page, low;

	if (first == 0)
		return -1;
	for (i = 0; i < part->nrow; i++)
		w->slot[first + i] = part->row[i].offset | (step_u64)part->row[i].rule << 32;
	i = 1; /* the first row begins with the first page */
	for (uint32_t k = 0; k < 1U << (EARLY_SHIFT - STEP_PAGE_SHIFT); k++) {
		uint32_t next = part->start + ((k + 1) << STEP_PAGE_SHIFT);

		low = first + i;
		while (i < part->nrow && part->row[i].offset <= next)
			i++;
		__atomic_store_n(&index[k], low | (step_u64)(first + i) << 32,
		    __ATOMIC_RELEASE);
	}
	return 0;
}

/* Retire the parts of a module whose table is there.  If memory is short, their slots
 * are not used again. */
static void
retire_partial(struct walk_maps *w, struct partial *p)
{
	for (size_t i = 0; i < p->nchunk; i++)
		retire(w, p->chunk[i]);
	p->nchunk = 0;
	p->left = 0;
	retire(w, (struct range){ p->map.page, p->map.npage });
	p->module->parted = 0;
	p->module = NULL;
}

/* Returns whether a table is to be copied a slice at a time. */
static int
is_gradual(const struct walk_maps *w, const struct module *m)
{
	return w->gradual && m->table.nrow + m->table.npage > SLICE;
}

/* Copy a slice of a table to where its parts are used so far, or make room for it. */
static void
copy_slice(struct walk_maps *w, struct partial *p)
{
	const struct unwind_table *t = &p->module->table;
	uint32_t n = t->nrow + t->npage, to;

	if (p->whole.n == 0) {
		if ((!has_room(w, n) && add_segments(w, SLICE) < 0) || !has_room(w, n) ||
		    allocate(w, n, 0, &p->whole) < 0)
			return;
	}
	to = n - p->filled < SLICE ? n : p->filled + SLICE;
	fill(w->slot + p->whole.first, t, p->filled, to);
	p->filled = to;
	if (to < n || add_table(w, p->module, p->whole) < 0)
		return;
	w->generation++;
	retire_partial(w, p);
}

void
walk_maps_refresh(struct walk_maps *w)
{
	uint64_t now = proc_now();

	for (size_t i = 0; i < w->npartial; i++) {
		struct partial *p = &w->partial[i];
		const struct early_part *part;

		if (p->module == NULL)
			continue;
		while ((part = early_nth(p->module->early, p->stored)) &&
		    store_part(w, p, part) == 0)
			p->stored++;
		if (now < w->sliced + SLICE_NS || !module_ready(p->module) ||
		    !is_gradual(w, p->module))
			continue;
		w->sliced = now;
		copy_slice(w, p);
	}
}

int
walk_maps_stale(struct walk_maps *w, pid_t pid)
{
	uint32_t i = idmap_get(&w->space_of, (uint64_t)pid);

	return i != IDMAP_NONE && w->space[i].generation != w->generation;
}

/* Returns what the kernel is to know of a module: all of a mapping but its range.
 * Sets *full if its table does not fit. */
static struct walk_map
describe(struct walk_maps *w, struct module *m, const struct module **full)
{
	struct walk_map none = { .kind = WALK_NONE }, later = { .kind = WALK_PENDING };
	uint32_t i = idmap_get(&w->table_of, (uintptr_t)m);
	struct partial *p;

	if (i != IDMAP_NONE)
		return w->table[i];
	p = find_partial(w, m);
	if (!module_ready(m)) {
		if (p == NULL)
			p = add_partial(w, m);
		return p ? p->map : later;
	}
	if (p && is_gradual(w, m))
		return p->map;
	if (m->table.nrow && store_table(w, m) < 0) {
		*full = m;
		return p ? p->map : later;
	}
	if (p)
		retire_partial(w, p);
	return m->table.nrow ? w->table[w->ntable - 1] : none;
}

/* ---- processes --------------------------------------------------------- */

int
walk_maps_track(struct walk_maps *w, pid_t pid)
{
	struct walk_process p = { .flags = WALK_HELD };
	uint32_t key = (uint32_t)pid;

	return bpf_map_update_elem(w->process, &key, &p, BPF_NOEXIST) == 0 ||
	        errno == EEXIST
	    ? 0
	    : -1;
}

uint32_t
walk_maps_version(const struct walk_maps *w)
{
	return w->version + 1;
}

/* Returns where a process' mappings are, in a range that may be empty; NULL if memory is
 * short. */
static struct space *
space_of(struct walk_maps *w, pid_t pid)
{
	uint32_t i = idmap_get(&w->space_of, (uint64_t)pid);

	if (i != IDMAP_NONE)
		return &w->space[i];
	if (array_room(&w->space, w->nspace, &w->space_room, sizeof *w->space) < 0 ||
	    idmap_put(&w->space_of, (uint64_t)pid, (uint32_t)w->nspace) < 0)
		return NULL;
	w->space[w->nspace] = (struct space){ { 0, 0 }, 0 };
	return &w->space[w->nspace++];
}

/* Write n mappings into slots from first on. */
static void
write_maps(struct walk_maps *w, const struct addrspace *s, uint32_t n, uint32_t first,
    const struct module **full)
{
	for (uint32_t i = 0; i < n; i++) {
		struct walk_map m = describe(w, s->map[i].module, full);

		m.start = s->map[i].start;
		m.end = s->map[i].end;
		m.offset = (uint32_t)s->map[i].offset;
		m.rust = module_ready(s->map[i].module) && s->map[i].module->rust;
		if (s->map[i].offset + (m.end - m.start) > UINT32_MAX &&
		    m.kind == WALK_TABLE)
			m.kind = WALK_PENDING; /* more than offsets of rows can say */
		memcpy(w->slot + first + i * WALK_MAP_SLOTS, &m, sizeof m);
	}
}

void
walk_maps_forget(struct walk_maps *w, pid_t pid)
{
	uint32_t i = idmap_get(&w->space_of, (uint64_t)pid);

	if (i == IDMAP_NONE)
		return;
	retire(w, w->space[i].range);
	w->space[i].range = (struct range){ 0, 0 };
}

int
walk_maps_put(struct walk_maps *w, const struct addrspace *s, const struct module **full)
{
	uint32_t n = s->n < WALK_MAPS_MOST ? (uint32_t)s->n : WALK_MAPS_MOST;
	uint32_t key = (uint32_t)s->pid;
	struct walk_process p;
	struct space *now = space_of(w, s->pid);
	struct range r = { 0, 0 };

	*full = n < s->n ? s->map[n].module : NULL;
	if (now == NULL || release_retired(w) < 0 ||
	    (n && allocate(w, n * WALK_MAP_SLOTS, 1, &r) < 0))
		return -1;
	write_maps(w, s, n, r.first, full);
	walk_maps_refresh(w);
	if (bpf_map_lookup_elem(w->process, &key, &p) < 0) {
		give_back(w, r);
		walk_maps_forget(w, s->pid);
		errno = ESRCH;
		return -1;
	}
	p.first = r.first;
	p.n = n;
	p.version = ++w->version;
	p.flags &= ~(step_u32)WALK_HELD;
	if (bpf_map_update_elem(w->process, &key, &p, BPF_EXIST) < 0 ||
	    retire(w, now->range) < 0)
		return -1;
	now->range = r;
	now->generation = w->generation;
	return 0;
}
