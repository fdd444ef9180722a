/*
 * The arena is address space for WALK_SEGMENTS segments, of which the first
 * nsegment are there.  A range of its slots is either free (free[], by address, no
 * two of which touch), in use by a process' mappings (space[]) or by a module's
 * table (table[], whose rows and page index lie in one range), or retired: replaced,
 * but a walk may still be reading it, until LINGER_NS later.  Mappings must not
 * cross from one segment into the next, tables may.
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
#include "unwind/module.h"

#define SEGMENT_BYTES sizeof(struct walk_segment)
#define LINGER_NS 2000000000 /* until retired slots are used again */

/* A range of slots. */
struct range {
	uint32_t first, n;
};

struct retired {
	struct range range;
	uint64_t time;
};

struct walk_maps {
	int arena, process;
	step_u64 *slot; /* of the arena */
	uint32_t nsegment;
	uint32_t version;
	struct range *free;
	size_t nfree, free_room;
	struct retired *retired; /* in the order of time */
	size_t nretired, retired_room;
	struct range *space;
	size_t nspace, space_room;
	struct idmap space_of; /* pid -> index of its space */
	struct walk_map *table; /* as in mappings of it, without start, end and offset */
	size_t ntable, table_room;
	struct idmap table_of; /* module -> index of its table */
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
walk_maps_free(struct walk_maps *w)
{
	if (w == NULL)
		return;
	munmap(w->slot, WALK_SEGMENTS * SEGMENT_BYTES);
	idmap_clear(&w->space_of);
	idmap_clear(&w->table_of);
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

/* Add a segment to the arena.  Returns -1 with errno. */
static int
add_segment(struct walk_maps *w)
{
	struct bpf_map_create_opts o = { .sz = sizeof o, .map_flags = BPF_F_MMAPABLE };
	struct range r = { w->nsegment << WALK_SEGMENT_SHIFT, WALK_SEGMENT_SLOTS };
	int fd, done;

	if (w->nsegment == WALK_SEGMENTS) {
		errno = ENOSPC;
		return -1;
	}
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rsprof_segment", sizeof(uint32_t),
	    SEGMENT_BYTES, 1, &o);
	if (fd < 0)
		return -1;
	done = mmap(w->slot + r.first, SEGMENT_BYTES, PROT_READ | PROT_WRITE,
	           MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED &&
	    bpf_map_update_elem(w->arena, &w->nsegment, &fd, BPF_ANY) == 0;
	close(fd);
	if (!done)
		return -1;
	w->nsegment++;
	return give_back(w, r);
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
		if (add_segment(w) < 0)
			return -1;
	}
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

/* Copy a table to where m says. */
static void
fill(struct walk_maps *w, const struct unwind_table *table, struct walk_map *m)
{
	step_u64 *row = w->slot + m->row, *page = w->slot + m->page;

	for (uint32_t i = 0; i < table->nrow; i++)
		row[i] = table->row[i].offset | (step_u64)table->row[i].rule << 32;
	for (uint32_t i = 0; i < table->npage; i++)
		page[i] = table->page[i] | (step_u64)table->page[i + 1] << 32;
}

/* Put a module's table into the arena.  Returns -1 with errno. */
static int
store_table(struct walk_maps *w, const struct module *m)
{
	const struct unwind_table *table = &m->table;
	struct walk_map p = { .kind = WALK_TABLE };
	struct range r;

	if (array_room(&w->table, w->ntable, &w->table_room, sizeof p) < 0 ||
	    allocate(w, table->nrow + table->npage, 0, &r) < 0)
		return -1;
	p.row = r.first;
	p.nrow = table->nrow;
	p.page = r.first + table->nrow;
	p.npage = table->npage;
	p.base = table->base;
	fill(w, table, &p);
	if (idmap_put(&w->table_of, (uintptr_t)m, (uint32_t)w->ntable) < 0)
		return -1;
	w->table[w->ntable++] = p;
	return 0;
}

/* Returns what the kernel is to know of a module: all of a mapping but its range.
 * Sets *full if its table does not fit. */
static struct walk_map
describe(struct walk_maps *w, struct module *m, const struct module **full)
{
	struct walk_map none = { .kind = WALK_NONE }, later = { .kind = WALK_PENDING };
	uint32_t i = idmap_get(&w->table_of, (uintptr_t)m);

	if (i != IDMAP_NONE)
		return w->table[i];
	if (!module_ready(m))
		return later;
	if (m->table.nrow == 0)
		return none;
	if (store_table(w, m) == 0)
		return w->table[w->ntable - 1];
	*full = m;
	return later;
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

/* Returns the range that a process' mappings are in, which may be empty; NULL if
 * memory is short. */
static struct range *
range_of(struct walk_maps *w, pid_t pid)
{
	uint32_t i = idmap_get(&w->space_of, (uint64_t)pid);

	if (i != IDMAP_NONE)
		return &w->space[i];
	if (array_room(&w->space, w->nspace, &w->space_room, sizeof *w->space) < 0 ||
	    idmap_put(&w->space_of, (uint64_t)pid, (uint32_t)w->nspace) < 0)
		return NULL;
	w->space[w->nspace] = (struct range){ 0, 0 };
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
	retire(w, w->space[i]);
	w->space[i] = (struct range){ 0, 0 };
}

int
walk_maps_put(struct walk_maps *w, const struct addrspace *s, const struct module **full)
{
	uint32_t n = s->n < WALK_MAPS_MOST ? (uint32_t)s->n : WALK_MAPS_MOST;
	uint32_t key = (uint32_t)s->pid;
	struct walk_process p;
	struct range *now = range_of(w, s->pid), r = { 0, 0 };

	*full = n < s->n ? s->map[n].module : NULL;
	if (now == NULL || release_retired(w) < 0 ||
	    (n && allocate(w, n * WALK_MAP_SLOTS, 1, &r) < 0))
		return -1;
	write_maps(w, s, n, r.first, full);
	if (bpf_map_lookup_elem(w->process, &key, &p) < 0) {
		give_back(w, r);
		walk_maps_forget(w, s->pid);
		errno = ESRCH;
		return -1;
	}
	p.first = r.first;
	p.n = n;
	p.version = ++w->version;
	p.flags = 0;
	if (bpf_map_update_elem(w->process, &key, &p, BPF_EXIST) < 0 ||
	    retire(w, *now) < 0)
		return -1;
	*now = r;
	return 0;
}
