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
#define LINGER_NS 2000000000 /* before what was replaced is used again */

/* Slots that follow each other. */
struct range {
	uint32_t first, n;
};

struct old {
	struct range range;
	uint64_t time;
};

/* A process' mappings, by its pid in tables.space_of. */
struct walk_maps {
	int arena, process;
	step_u64 *slot; /* of the arena: address space for all segments */
	uint32_t nsegment;
	uint32_t version;
	struct range *unused; /* by first; none touches the next */
	size_t nunused, unused_room;
	struct old *old; /* in the order of time */
	size_t nold, old_room;
	struct range *space; /* mappings of processes */
	size_t nspace, space_room;
	struct idmap space_of;  /* pid -> index of its space */
	struct walk_map *place; /* of a module: all but the mapping */
	size_t nplace, place_room;
	struct idmap place_of; /* module -> index of its place */
};

struct walk_maps *
walk_maps_new(int arena, int process)
{
	struct walk_maps *t = calloc(1, sizeof *t);
	void *m = mmap(NULL, WALK_SEGMENTS * SEGMENT_BYTES, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (t == NULL || m == MAP_FAILED) {
		free(t);
		errno = ENOMEM;
		return NULL;
	}
	t->arena = arena;
	t->process = process;
	t->slot = m;
	return t;
}

void
walk_maps_free(struct walk_maps *t)
{
	if (t == NULL)
		return;
	munmap(t->slot, WALK_SEGMENTS * SEGMENT_BYTES);
	idmap_clear(&t->space_of);
	idmap_clear(&t->place_of);
	free(t->unused);
	free(t->old);
	free(t->space);
	free(t->place);
	free(t);
}

/* ---- slots ------------------------------------------------------------- */

/* Give slots back. */
static int
release(struct walk_maps *t, struct range r)
{
	size_t i = t->nunused;
	struct range *u;

	if (r.n == 0)
		return 0;
	if (array_room(&t->unused, t->nunused, &t->unused_room, sizeof r) < 0)
		return -1;
	u = t->unused;
	while (i > 0 && u[i - 1].first > r.first)
		i--;
	if (i > 0 && u[i - 1].first + u[i - 1].n == r.first) {
		u[--i].n += r.n;
	} else {
		memmove(&u[i + 1], &u[i], (t->nunused - i) * sizeof *u);
		u[i] = r;
		t->nunused++;
	}
	if (i + 1 < t->nunused && u[i].first + u[i].n == u[i + 1].first) {
		u[i].n += u[i + 1].n;
		memmove(&u[i + 1], &u[i + 2], (t->nunused - i - 2) * sizeof *u);
		t->nunused--;
	}
	return 0;
}

static int
add_segment(struct walk_maps *t)
{
	struct bpf_map_create_opts o = { .sz = sizeof o, .map_flags = BPF_F_MMAPABLE };
	struct range r = { t->nsegment << WALK_SEGMENT_SHIFT, WALK_SEGMENT_SLOTS };
	int fd, done;

	if (t->nsegment == WALK_SEGMENTS) {
		errno = ENOSPC;
		return -1;
	}
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rsprof_segment", sizeof(uint32_t),
	    SEGMENT_BYTES, 1, &o);
	if (fd < 0)
		return -1;
	done = mmap(t->slot + r.first, SEGMENT_BYTES, PROT_READ | PROT_WRITE,
	           MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED &&
	    bpf_map_update_elem(t->arena, &t->nsegment, &fd, BPF_ANY) == 0;
	close(fd);
	if (!done)
		return -1;
	t->nsegment++;
	return release(t, r);
}

/* Where n slots fit into unused ones; UINT32_MAX: nowhere.  whole: into one
 * segment. */
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

static int
take(struct walk_maps *t, uint32_t n, int whole, struct range *out)
{
	for (;;) {
		for (size_t i = 0; i < t->nunused; i++) {
			struct range all = t->unused[i];
			uint32_t at = fit(&all, n, whole);

			if (at == UINT32_MAX)
				continue;
			*out = (struct range){ at, n };
			memmove(&t->unused[i], &t->unused[i + 1],
			    (--t->nunused - i) * sizeof all);
			if (release(t, (struct range){ all.first, at - all.first }) < 0)
				return -1;
			at += n;
			return release(t,
			    (struct range){ at, all.first + all.n - at });
		}
		if (add_segment(t) < 0)
			return -1;
	}
}

/* A walk may still be looking at it. */
static int
retire(struct walk_maps *t, struct range r)
{
	if (r.n == 0)
		return 0;
	if (array_room(&t->old, t->nold, &t->old_room, sizeof *t->old) < 0)
		return -1;
	t->old[t->nold++] = (struct old){ r, proc_now() };
	return 0;
}

static int
release_old(struct walk_maps *t)
{
	uint64_t now = proc_now();
	size_t n = 0;

	while (n < t->nold && t->old[n].time + LINGER_NS < now)
		if (release(t, t->old[n++].range) < 0)
			return -1;
	if (n)
		memmove(t->old, t->old + n, (t->nold - n) * sizeof *t->old);
	t->nold -= n;
	return 0;
}

/* ---- modules ----------------------------------------------------------- */

static void
fill(struct walk_maps *t, const struct unwind_table *table, struct walk_map *m)
{
	step_u64 *row = t->slot + m->row, *page = t->slot + m->page;

	for (uint32_t i = 0; i < table->nrow; i++)
		row[i] = table->row[i].offset | (step_u64)table->row[i].rule << 32;
	for (uint32_t i = 0; i < table->npage; i++)
		page[i] = table->page[i] | (step_u64)table->page[i + 1] << 32;
}

/* Put a module's table into the arena. */
static int
place(struct walk_maps *t, const struct module *m)
{
	const struct unwind_table *table = &m->table;
	struct walk_map p = { .kind = WALK_TABLE };
	struct range r;

	if (array_room(&t->place, t->nplace, &t->place_room, sizeof p) < 0 ||
	    take(t, table->nrow + table->npage, 0, &r) < 0)
		return -1;
	p.row = r.first;
	p.nrow = table->nrow;
	p.page = r.first + table->nrow;
	p.npage = table->npage;
	p.base = table->base;
	fill(t, table, &p);
	if (idmap_put(&t->place_of, (uintptr_t)m, (uint32_t)t->nplace) < 0)
		return -1;
	t->place[t->nplace++] = p;
	return 0;
}

static struct walk_map
describe(struct walk_maps *t, struct module *m, const struct module **full)
{
	struct walk_map none = { .kind = WALK_NONE }, later = { .kind = WALK_PENDING };
	uint32_t i = idmap_get(&t->place_of, (uintptr_t)m);

	if (i != IDMAP_NONE)
		return t->place[i];
	if (!module_ready(m))
		return later;
	if (m->table.nrow == 0)
		return none;
	if (place(t, m) == 0)
		return t->place[t->nplace - 1];
	*full = m;
	return later;
}

/* ---- processes --------------------------------------------------------- */

int
walk_maps_watch(struct walk_maps *t, pid_t pid)
{
	struct walk_process p = { .flags = WALK_HELD };
	uint32_t key = (uint32_t)pid;

	return bpf_map_update_elem(t->process, &key, &p, BPF_NOEXIST) == 0 ||
	        errno == EEXIST
	    ? 0
	    : -1;
}

uint32_t
walk_maps_version(const struct walk_maps *t)
{
	return t->version + 1;
}

/* The range that a process' mappings are in now. */
static struct range *
range_of(struct walk_maps *t, pid_t pid)
{
	uint32_t i = idmap_get(&t->space_of, (uint64_t)pid);

	if (i != IDMAP_NONE)
		return &t->space[i];
	if (array_room(&t->space, t->nspace, &t->space_room, sizeof *t->space) < 0 ||
	    idmap_put(&t->space_of, (uint64_t)pid, (uint32_t)t->nspace) < 0)
		return NULL;
	t->space[t->nspace] = (struct range){ 0, 0 };
	return &t->space[t->nspace++];
}

/* Write the mappings into a range of slots. */
static void
write_maps(struct walk_maps *t, const struct addrspace *s, uint32_t n, uint32_t first,
    const struct module **full)
{
	for (uint32_t i = 0; i < n; i++) {
		struct walk_map m = describe(t, s->map[i].module, full);

		m.start = s->map[i].start;
		m.end = s->map[i].end;
		m.offset = (uint32_t)s->map[i].offset;
		m.rust = module_ready(s->map[i].module) && s->map[i].module->rust;
		if (s->map[i].offset + (m.end - m.start) > UINT32_MAX &&
		    m.kind == WALK_TABLE)
			m.kind = WALK_PENDING; /* beyond what rows can say */
		memcpy(t->slot + first + i * WALK_MAP_SLOTS, &m, sizeof m);
	}
}

void
walk_maps_forget(struct walk_maps *t, pid_t pid)
{
	uint32_t i = idmap_get(&t->space_of, (uint64_t)pid);

	if (i == IDMAP_NONE)
		return;
	retire(t, t->space[i]);
	t->space[i] = (struct range){ 0, 0 };
}

int
walk_maps_put(struct walk_maps *t, const struct addrspace *s, const struct module **full)
{
	uint32_t n = s->n < WALK_MAPS_MOST ? (uint32_t)s->n : WALK_MAPS_MOST;
	uint32_t key = (uint32_t)s->pid;
	struct walk_process p;
	struct range *now = range_of(t, s->pid), r = { 0, 0 };

	*full = n < s->n ? s->map[n].module : NULL;
	if (now == NULL || release_old(t) < 0 ||
	    (n && take(t, n * WALK_MAP_SLOTS, 1, &r) < 0))
		return -1;
	write_maps(t, s, n, r.first, full);
	if (bpf_map_lookup_elem(t->process, &key, &p) < 0) {
		release(t, r);
		walk_maps_forget(t, s->pid);
		errno = ESRCH;
		return -1;
	}
	p.first = r.first;
	p.n = n;
	p.version = ++t->version;
	p.flags = 0;
	if (bpf_map_update_elem(t->process, &key, &p, BPF_EXIST) < 0 ||
	    retire(t, *now) < 0)
		return -1;
	*now = r;
	return 0;
}
