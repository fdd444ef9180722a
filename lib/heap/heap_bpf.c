/*
 * The kernel keeps two growing tables, which this process maps and reads
 * without system calls; bpf/heap.h has their layout.  Processes have small numbers,
 * by which heap.total is indexed.
 */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "heap/backend.h"
#include "heap/heap.h"
#include "heap/heap_inside.h"
#include "heap/heap_room.h"
#include "heap/probe.h"
#include "os/loader.h"
#include "os/proc.h"
#include "os/selftest.h"
#include "os/uprobes.h"
#include "sample/stackmap.h"
#include "sample/walk_maps.h"
#include "unwind/addrspace.h"

#include "heap.skel.h"

/* Stacks of 58 frames on average, of a burst of HEAP_ROOM_SITES new sites. */
#define RING_BYTES (32U << 20)
#define RING_WAKE (1U << 20)
#define ATTACH_MULTI 48 /* BPF_TRACE_UPROBE_MULTI, Linux 6.6 */

/* ---- set-up ------------------------------------------------------------ */

/* Fill in the program's tables of logarithms and weights. */
static void
fill_tables(struct heap_bpf *b)
{
	for (uint32_t i = 0; i < HEAP_LOG; i++)
		b->rodata->logs[i] =
		    (uint32_t)lround(log2(1 + (double)i / (HEAP_LOG - 1)) * (1 << 24));
	for (uint32_t i = 0; i < HEAP_WEIGHT; i++) {
		double x = (double)i / (1 << HEAP_WEIGHT_SHIFT);

		b->rodata->weights[i] = (uint64_t)llround(HEAP_ONE / -expm1(-x));
	}
	b->rodata->weights[0] = 0;
}

/* Set the program's options, before it is loaded. */
static void
configure(struct heap *h, const struct heap_options *o)
{
	struct heap_bpf *b = h->bpf;
	uint32_t scratch = (uint32_t)libbpf_num_possible_cpus() * WALK_SHARED;

	fill_tables(b);
	b->rodata->pid_namespace = loader_pid_namespace();
	b->rodata->children = o->children;
	b->rodata->stop_at_exec = o->stop_at_exec;
	b->rodata->ring_wake = RING_WAKE;
	b->bss->rates[0].scale = HEAP_ONE;
	b->bss->nsites = 1;
	bpf_map__set_max_entries(b->maps.ring, RING_BYTES);
	bpf_map__set_max_entries(b->maps.scratch, scratch);
	bpf_map__set_max_entries(b->maps.walk_chunks, scratch);
	h->sessions = !o->leaderless && loader_has_sessions();
	bpf_program__set_autoload(b->progs.on_session, h->sessions != 0);
	bpf_program__set_autoload(b->progs.on_entry, !h->sessions);
	bpf_program__set_autoload(b->progs.on_return, !h->sessions);
	if (!h->sessions)
		return;
	bpf_program__set_expected_attach_type(b->progs.on_session, LOADER_SESSION);
	bpf_program__set_expected_attach_type(b->progs.on_free, ATTACH_MULTI);
	bpf_program__set_expected_attach_type(b->progs.on_sampled, ATTACH_MULTI);
	bpf_program__set_expected_attach_type(b->progs.on_weighed, ATTACH_MULTI);
	bpf_program__set_expected_attach_type(b->progs.on_released, ATTACH_MULTI);
	bpf_program__set_expected_attach_type(b->progs.on_below, ATTACH_MULTI);
}

static int on_ring(void *ctx, void *event, size_t len);

/* Load and attach the programs, and make all maps.  Returns -1 with errno. */
static int
load(struct heap *h, const struct heap_options *o)
{
	size_t totals = HEAP_PROCESSES * sizeof(struct heap_total);

	h->bpf = heap_bpf__open();
	if (h->bpf == NULL)
		return -1;
	configure(h, o);
	if (heap_bpf__load(h->bpf) < 0)
		return -1;
	h->bpf->links.on_fork = bpf_program__attach(h->bpf->progs.on_fork);
	h->bpf->links.on_exec = bpf_program__attach(h->bpf->progs.on_exec);
	h->bpf->links.on_exit = bpf_program__attach(h->bpf->progs.on_exit);
	if (h->bpf->links.on_fork == NULL || h->bpf->links.on_exec == NULL ||
	    h->bpf->links.on_exit == NULL)
		return -1;
	h->ring = ring_buffer__new(bpf_map__fd(h->bpf->maps.ring), on_ring, h, NULL);
	h->maps = walk_maps_new(bpf_map__fd(h->bpf->maps.arena),
	    bpf_map__fd(h->bpf->maps.process));
	h->stacks = stackmap_new();
	h->segment = calloc(HEAP_SEGMENTS, sizeof(struct heap_site *));
	h->reported_total = calloc(HEAP_PROCESSES, sizeof *h->reported_total);
	h->total = mmap(NULL, totals, PROT_READ | PROT_WRITE, MAP_SHARED,
	    bpf_map__fd(h->bpf->maps.totals), 0);
	if (h->total == MAP_FAILED)
		h->total = NULL;
	if (h->ring == NULL || h->maps == NULL || h->stacks == NULL ||
	    h->segment == NULL || h->reported_total == NULL || h->total == NULL)
		return -1;
	return heap_room_begin(h);
}

/* ---- processes --------------------------------------------------------- */

static int
heap_bpf_track(struct heap *h, pid_t pid)
{
	uint32_t key = (uint32_t)pid, n;
	int numbers = bpf_map__fd(h->bpf->maps.number_of);

	if (walk_maps_track(h->maps, pid) < 0)
		return -1;
	if (bpf_map_lookup_elem(numbers, &key, &n) == 0)
		return 0;
	n = __atomic_add_fetch(&h->bpf->bss->nprocesses, 1, __ATOMIC_SEQ_CST);
	if (n >= HEAP_PROCESSES) {
		errno = ENOSPC;
		return -1;
	}
	h->total[n].pid = key;
	return bpf_map_update_elem(numbers, &key, &n, BPF_ANY);
}

static int
heap_bpf_put(struct heap *h, struct addrspace *s, const struct module **full)
{
	*full = NULL;
	if (!s->changed) {
		walk_maps_refresh(h->maps);
		return 0;
	}
	s->changed = 0;
	if (walk_maps_put(h->maps, s, full) < 0 && errno != ESRCH)
		return -1;
	s->next = walk_maps_version(h->maps);
	return 0;
}

/* ---- probes ------------------------------------------------------------ */

static int
heap_bpf_sessions(const struct heap *h)
{
	return h->sessions;
}

static int
is_armed(const struct heap *h, pid_t pid, const struct probe *p)
{
	for (size_t i = 0; i < h->narmed; i++) {
		const struct heap_armed *a = &h->armed[i];

		if (a->pid == pid && a->dev == p->dev && a->ino == p->ino &&
		    a->offset == p->offset)
			return 1;
	}
	return 0;
}

/* Forget holds whose probes are not hit any more; or wait for all. */
static void
see_leaving(struct heap *h, int wait)
{
	size_t left = 0;

	for (size_t i = 0; i < h->nleaving; i++)
		if (!uprobes_gone(h->leaving[i], wait))
			h->leaving[left++] = h->leaving[i];
	h->nleaving = left;
}

/* Begin to remove probes. */
static void
let_go(struct heap *h, struct uprobes_hold *hold)
{
	uprobes_let_go(hold);
	if (array_room(&h->leaving, h->nleaving, &h->leaving_room, sizeof(hold)) < 0)
		uprobes_gone(hold, 1);
	else
		h->leaving[h->nleaving++] = hold;
}

/* Returns whether a probe is at a function that frees. */
static int
frees(const struct probe *p)
{
	return (p->shape & 15) == HEAP_FREE || (p->shape & 15) == HEAP_RELEASED;
}

/* Remember an armed probe.  Returns an errno, or 0. */
static int
add_armed(struct heap *h, pid_t pid, const struct probe *p)
{
	if (array_room(&h->armed, h->narmed, &h->armed_room, sizeof *h->armed) < 0)
		return ENOMEM;
	h->armed[h->narmed++] = (struct heap_armed){ pid, p->dev, p->ino, p->offset, 0 };
	return 0;
}

#define ANY (-1)

/* Returns whether a hold is of a process, and of a gate or not and for functions that free or
 * for others, where that is not ANY. */
static int
is_hold(const struct heap_hold *a, pid_t pid, int gate, int frees)
{
	return a->pid == pid && (gate == ANY || a->gate == gate) &&
	    (frees == ANY || a->frees == frees);
}

/* Returns how many such holds there are. */
static size_t
count_holds(const struct heap *h, pid_t pid, int gate, int frees)
{
	size_t n = 0;

	for (size_t i = 0; i < h->nhold; i++)
		n += is_hold(&h->hold[i], pid, gate, frees);
	return n;
}

/* Returns such a hold, number n, counted round; NULL if there is none. */
static struct uprobes_hold *
nth_hold(const struct heap *h, pid_t pid, int gate, int frees, size_t n)
{
	size_t left = count_holds(h, pid, gate, frees);

	left = left ? n % left : 0;
	for (size_t i = 0; i < h->nhold; i++)
		if (is_hold(&h->hold[i], pid, gate, frees) && left-- == 0)
			return h->hold[i].hold;
	return NULL;
}

/* Choose the hold for a probe of a process: a new one, as long as they are few, else one of
 * its kind; or any, if no more are permitted.  Returns NULL with errno. */
static struct uprobes_hold *
hold_for(struct heap *h, pid_t pid, const struct probe *p)
{
	int gate = p->ino == 0, kind = frees(p);
	struct uprobes_hold *hold = NULL;

	if (count_holds(h, pid, ANY, kind) < UPROBES_HOLDS &&
	    array_room(&h->hold, h->nhold, &h->hold_room, sizeof *h->hold) == 0 &&
	    (hold = uprobes_hold_new())) {
		h->hold[h->nhold++] = (struct heap_hold){ pid, gate, 0, kind, hold };
		return hold;
	}
	hold = nth_hold(h, pid, gate, kind, h->narmed);
	return hold ? hold : nth_hold(h, pid, gate, ANY, h->narmed);
}

/* Arm a probe by what is told of it.  Returns an errno, or 0. */
static int
place(struct heap *h, pid_t pid, const struct probe *p, const struct uprobes *u)
{
	struct uprobes_hold *hold = hold_for(h, pid, p);

	if (hold == NULL || uprobes_place(hold, u) < 0)
		return errno;
	return add_armed(h, pid, p);
}

/* Returns the value that the program finds at a probe: how the function is
 * called, and whose calls of it count. */
static uint64_t
cookie(const struct heap *h, const struct probe *p)
{
	/* Calls of Rust's own functions count whoever makes them. */
	return h->all_callers || strcmp(p->layer, "rust") == 0
	    ? p->shape
	    : p->shape | HEAP_RUST_ONLY;
}

/* Returns whether a probe is a static one of an allocator that samples by itself. */
static int
is_static(const struct probe *p)
{
	return (p->shape & 15) == HEAP_WEIGHED || (p->shape & 15) == HEAP_RELEASED;
}

#define BATCH 32 /* probes of one link */

/* Arm n probes of one file, all at functions that free or all at others, by one
 * link.  Returns an errno, or 0. */
static int
arm_link(struct heap *h, pid_t pid, const struct probe *const *probe, unsigned n)
{
	uint64_t offset[BATCH], c[BATCH];
	int free_ = frees(probe[0]), error;
	const struct uprobes u = {
		.program = bpf_program__fd(free_ ? h->bpf->progs.on_free : h->bpf->progs.on_session),
		.attach = free_ ? ATTACH_MULTI : LOADER_SESSION, .file = probe[0]->file,
		.dev = probe[0]->dev, .ino = probe[0]->ino,
		.offset = offset, .cookie = c, .n = n, .pid = pid };

	for (unsigned i = 0; i < n; i++) {
		offset[i] = probe[i]->offset;
		c[i] = cookie(h, probe[i]);
	}
	error = place(h, pid, probe[0], &u);
	for (unsigned i = 1; i < n && !error; i++)
		error = add_armed(h, pid, probe[i]);
	return error;
}

/* Collect the probes from i on that can be armed with probe i: of its file, not
 * armed yet, freeing or not as it is.  Returns how many. */
static unsigned
gather_alike(const struct heap *h, pid_t pid, const struct probe *probe, size_t n,
    size_t i, const struct probe **out)
{
	const struct probe *first = &probe[i];
	unsigned found = 0;

	for (; i < n && found < BATCH; i++)
		if (probe[i].dev == first->dev && probe[i].ino == first->ino &&
		    !is_static(&probe[i]) && frees(&probe[i]) == frees(first) && !is_armed(h, pid, &probe[i]))
			out[found++] = &probe[i];
	return found;
}

/* Arm a probe without sessions, by perf events: an allocation needs two. */
static int
arm_perf(struct heap *h, pid_t pid, const struct probe *p)
{
	const uint64_t c = cookie(h, p);
	struct uprobes u = { .file = p->file, .dev = p->dev, .ino = p->ino,
		.offset = &p->offset, .cookie = &c, .n = 1,
		.pid = proc_shown(pid) }; /* one that has memory: all of the process hit */
	int error = 0;

	/* The return first: an entry whose return is not seen would wait for it. */
	if (!frees(p)) {
		u.program = bpf_program__fd(h->bpf->progs.on_return);
		u.at_return = 1;
		error = place(h, pid, p, &u);
	}
	u.program = bpf_program__fd(frees(p) ? h->bpf->progs.on_free : h->bpf->progs.on_entry);
	u.at_return = 0;
	return error ? error : place(h, pid, p, &u);
}

/* Let the last rates stand for weights.  Returns 0; an errno if there is no room. */
static int
set_weights(struct heap *h)
{
	struct heap_rate *r = h->bpf->bss->rates + HEAP_STEP_FIRST;

	if (r->scale)
		return r->period == 0 && r->scale == HEAP_ONE ? 0 : ENOSPC;
	for (int i = 0; i < HEAP_STEPS; i++)
		r[i] = (struct heap_rate){ 0,
			(uint64_t)llround(exp2((double)i / HEAP_STEPS_A_DOUBLING) * HEAP_ONE) };
	return 0;
}

/* Find the number of the arguments of a static probe, or give them one.  Returns -1 if
 * there is no room. */
static int
number_usdt(struct heap *h, const struct probe *p)
{
	struct heap_usdt u, *known = h->bpf->bss->usdts;

	memset(&u, 0, sizeof u);
	for (int i = 0; i < 3; i++)
		u.arg[i] = (struct heap_usdt_arg){ (uint64_t)p->arg[i].n, p->arg[i].reg,
			(unsigned char)p->arg[i].kind, (unsigned char)p->arg[i].size,
			(unsigned char)p->arg[i].negative, 0 };
	for (int i = 0; i < HEAP_USDTS; i++) {
		if (known[i].arg[0].size == 0)
			known[i] = u;
		if (memcmp(&known[i], &u, sizeof u) == 0)
			return i;
	}
	return -1;
}

/* Arm a static probe.  Returns an errno, or 0. */
static int
arm_static(struct heap *h, pid_t pid, const struct probe *p)
{
	const struct bpf_program *on = frees(p) ? h->bpf->progs.on_released
	                                        : h->bpf->progs.on_weighed;
	int i = number_usdt(h, p), error = i < 0 ? ENOSPC : set_weights(h);
	const uint64_t c = HEAP_USDT(p->shape & 15, i);
	const struct uprobes u = { .program = bpf_program__fd(on),
		.attach = h->sessions ? ATTACH_MULTI : 0, .file = p->file,
		.dev = p->dev, .ino = p->ino, .offset = &p->offset,
		.cookie = &c, .n = 1, .semaphore = p->semaphore, .pid = pid };

	return error ? error : place(h, pid, p, &u);
}

struct arming {
	void (*fn)(void *ctx, const struct probe *probe, int error);
	void *ctx;
	int done, refused; /* number armed; first errno for want of permission */
};

/* Arm one probe, and count or report the outcome. */
static void
arm_alone(struct heap *h, pid_t pid, const struct probe *p, struct arming *a)
{
	int error = is_static(p) ? arm_static(h, pid, p)
	    : h->sessions ? arm_link(h, pid, &p, 1) : arm_perf(h, pid, p);

	if ((error == EPERM || error == EACCES) && a->done == 0)
		a->refused = error;
	else if (error)
		a->fn(a->ctx, p, error);
	a->done += error == 0;
}

/* Arm probe i and all that can be armed with it; one by one if the kernel
 * refuses some of them. */
static void
arm_together(struct heap *h, pid_t pid, const struct probe *probe, size_t n,
    size_t i, struct arming *a)
{
	const struct probe *some[BATCH];
	unsigned found = 0;

	if (is_static(&probe[i]))
		arm_alone(h, pid, &probe[i], a);
	else
		found = gather_alike(h, pid, probe, n, i, some);
	if (found && h->sessions && arm_link(h, pid, some, found) == 0) {
		a->done += (int)found;
		return;
	}
	for (unsigned j = 0; j < found && !a->refused; j++)
		arm_alone(h, pid, some[j], a);
}

/* Arm functions that free first: no free of a counted allocation may be missed. */
static int
heap_bpf_arm(struct heap *h, pid_t pid, const struct probe *probe, size_t n,
    void (*fn)(void *ctx, const struct probe *probe, int error), void *ctx)
{
	struct arming a = { fn, ctx, 0, 0 };

	h->bpf->bss->armings++; /* after heap_disarm_soon() calls have ended unseen */
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < n && !a.refused; i++)
			if (frees(&probe[i]) == (round == 0) && !is_armed(h, pid, &probe[i]))
				arm_together(h, pid, probe, n, i, &a);
	errno = a.refused;
	return a.refused ? -1 : a.done;
}

/* Arm one place of a gate, whose file's number is ino: in all processes that have the file
 * if they are followed, which are those that have the gate by fork(2).  Returns -1 with errno. */
static int
arm_place(struct heap *h, pid_t pid, const struct bpf_program *on, const struct probe *p,
    uint64_t ino)
{
	int all = h->children && h->sessions;
	const struct uprobes u = { .program = bpf_program__fd(on),
		.attach = h->sessions ? ATTACH_MULTI : 0, .file = p->file,
		.offset = &p->offset, .cookie = &p->shape, .n = 1, .pid = all ? 0 : pid };
	struct uprobes_hold *hold = hold_for(h, pid, p);

	if (hold == NULL || uprobes_place(hold, &u) < 0)
		return -1;
	for (size_t i = 0; i < h->nhold; i++)
		if (h->hold[i].hold == hold)
			h->hold[i].ino = ino;
	return 0;
}

/* Returns whether a process is one of those for which a gate's places are armed. */
static int
needs_places(const struct heap *h, pid_t pid, uint64_t ino)
{
	for (size_t i = 0; i < h->narmed; i++)
		if (h->armed[i].gate && h->armed[i].pid == pid && h->armed[i].ino == ino)
			return 1;
	return 0;
}

/* Returns whether a gate's file has its probes already, for all that have it. */
static int
has_places(const struct heap *h, uint64_t ino)
{
	for (size_t i = 0; h->children && h->sessions && i < h->nhold; i++)
		if (h->hold[i].gate && h->hold[i].ino == ino)
			return 1;
	return 0;
}

static int
heap_bpf_arm_gate(struct heap *h, pid_t pid, const struct heap_gate *g)
{
	struct probe p = { .file = g->file, .offset = g->freed,
		.shape = HEAP_SHAPE(HEAP_FREE, 1, 0, 0) };
	struct stat st;

	if (stat(g->file, &st) < 0 ||
	    array_room(&h->armed, h->narmed, &h->armed_room, sizeof *h->armed) < 0)
		return -1;
	if (!has_places(h, st.st_ino)) {
		if (g->sampled == 0) {
			errno = ENOENT;
			return -1;
		}
		if (arm_place(h, pid, h->bpf->progs.on_free, &p, st.st_ino) < 0)
			return -1;
		p.offset = g->sampled;
		p.shape = 0;
		if (arm_place(h, pid, h->bpf->progs.on_sampled, &p, st.st_ino) < 0)
			return -1;
	}
	if (!needs_places(h, pid, st.st_ino))
		h->armed[h->narmed++] = (struct heap_armed){ pid, st.st_dev, st.st_ino,
			g->sampled, 1 };
	return 0;
}

/* Returns whether a probe of a process is one of those to be removed. */
static int
is_removed(pid_t of, int gate, pid_t pid, int functions, int gates)
{
	return (pid == 0 || of == pid) && (gate ? gates : functions);
}

/* Returns whether a hold is to be let go: a gate's when no process needs its places. */
static int
is_over(const struct heap *h, const struct heap_hold *a, pid_t pid, int functions, int gates)
{
	if (!a->gate || !h->children)
		return is_removed(a->pid, a->gate, pid, functions, gates);
	for (size_t i = 0; i < h->narmed; i++)
		if (h->armed[i].gate && h->armed[i].ino == a->ino)
			return 0;
	return gates;
}

/* Begin to remove probes, of a process or (0) of all, in the opposite order of arming: no
 * allocation is counted whose free would be missed.  functions, gates: those that are at
 * them. */
static void
remove_probes(struct heap *h, pid_t pid, int functions, int gates)
{
	size_t held = 0, left = 0;

	h->bpf->bss->armings++;
	for (size_t i = 0; i < h->narmed; i++)
		if (!is_removed(h->armed[i].pid, h->armed[i].gate, pid, functions, gates))
			h->armed[left++] = h->armed[i];
	h->narmed = left;
	for (size_t i = h->nhold; i-- > 0;)
		if (is_over(h, &h->hold[i], pid, functions, gates)) {
			let_go(h, h->hold[i].hold);
			h->hold[i].hold = NULL;
		}
	for (size_t i = 0; i < h->nhold; i++)
		if (h->hold[i].hold)
			h->hold[held++] = h->hold[i];
	h->nhold = held;
}

/* Remove probes, and wait until none is being hit any more. */
static void
disarm(struct heap *h, pid_t pid, int functions, int gates)
{
	remove_probes(h, pid, functions, gates);
	see_leaving(h, 1);
	h->bpf->bss->armings++; /* for calls that have begun meanwhile */
}

static void
heap_bpf_disarm(struct heap *h, pid_t pid)
{
	disarm(h, pid, 1, 1);
}

static void
heap_bpf_disarm_functions(struct heap *h, pid_t pid)
{
	disarm(h, pid, 1, 0);
}

static void
heap_bpf_disarm_gate(struct heap *h, pid_t pid)
{
	disarm(h, pid, 0, 1);
}

static void
heap_bpf_disarm_soon(struct heap *h, pid_t pid)
{
	remove_probes(h, pid, 1, 1);
	see_leaving(h, 0);
}

/* Arm a probe of heap_bpf_compare(). */
static int
compare_one(struct heap *h, pid_t pid, const struct probe *p)
{
	const struct uprobes u = { .program = bpf_program__fd(h->bpf->progs.on_below),
		.attach = h->sessions ? ATTACH_MULTI : 0, .file = p->file,
		.dev = p->dev, .ino = p->ino, .offset = &p->offset,
		.n = 1, .pid = pid };

	if (h->below == NULL)
		h->below = uprobes_hold_new();
	return h->below ? uprobes_place(h->below, &u) : -1;
}

/* Calls are counted by probes that are not waited for when they are removed: the others
 * cost the process time meanwhile. */
static int
heap_bpf_compare(struct heap *h, pid_t pid, const struct probe *probe, size_t n)
{
	if (h->below)
		let_go(h, h->below);
	h->below = NULL;
	see_leaving(h, 0);
	for (size_t i = 0; i < n; i++)
		if (compare_one(h, pid, &probe[i]) < 0)
			return -1;
	return 0;
}

static int
heap_bpf_armed(const struct heap *h, pid_t pid)
{
	int n = 0;

	for (size_t i = 0; i < h->narmed; i++)
		n += h->armed[i].pid == pid;
	return n;
}

int
heap_bpf_rate(struct heap *h, uint64_t period, double scale)
{
	struct heap_rate *r = h->bpf->bss->rates;
	uint64_t fixed = (uint64_t)llround(scale * HEAP_ONE);
	uint32_t next = 0;

	while (next < HEAP_RATES && r[next].scale &&
	    (r[next].period != period || r[next].scale != fixed))
		next++;
	if (next == HEAP_RATES) {
		errno = ENOSPC;
		return -1;
	}
	r[next] = (struct heap_rate){ period, fixed };
	__atomic_store_n(&h->bpf->bss->rate, next, __ATOMIC_SEQ_CST);
	return 0;
}

/* Forget where a process is to stop. */
static void
remove_stop(struct heap *h, pid_t pid)
{
	for (size_t i = 0; i < h->nstop; i++) {
		if (h->stop[i].pid != pid)
			continue;
		let_go(h, h->stop[i].hold);
		h->stop[i] = h->stop[--h->nstop];
		return;
	}
}

static int
heap_bpf_stop_at(struct heap *h, pid_t pid, const char *file, uint64_t offset)
{
	const struct uprobes u = { .program = bpf_program__fd(h->bpf->progs.on_start),
		.file = file, .offset = &offset, .n = 1, .pid = pid };
	struct uprobes_hold *hold;

	remove_stop(h, pid);
	if (file == NULL)
		return 0;
	if (array_room(&h->stop, h->nstop, &h->stop_room, sizeof *h->stop) < 0)
		return -1;
	hold = uprobes_hold_new();
	if (hold == NULL)
		return -1;
	if (uprobes_place(hold, &u) < 0) {
		int error = errno;

		let_go(h, hold);
		errno = error;
		return -1;
	}
	h->stop[h->nstop++] = (struct heap_stop){ pid, hold };
	return 0;
}

/* ---- cost of a hit ------------------------------------------------------ */

#define CALLS 2000

/* Returns the CPU time of this thread, in ns: others may have the CPU meanwhile. */
static uint64_t
own_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Returns the least time that CALLS calls of a function took, in ns. */
static uint64_t
time_calls(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 3; i++) {
		uint64_t t = own_time();

		for (int j = 0; j < CALLS; j++)
			selftest_call();
		t = own_time() - t;
		if (t < best)
			best = t;
	}
	return best;
}

/* Probe a function of this process, which is not tracked: the program returns at
 * once. */
static double
heap_bpf_hit_cost(struct heap *h)
{
	struct bpf_uprobe_opts o = { .sz = sizeof o };
	struct bpf_link *link;
	uint64_t offset, plain, probed;

	if (selftest_offset(&offset) < 0)
		return 0;
	plain = time_calls();
	link = bpf_program__attach_uprobe_opts(h->bpf->progs.on_start, getpid(),
	    SELFTEST_FILE, offset, &o);
	if (link == NULL)
		return 0;
	probed = time_calls();
	bpf_link__destroy(link);
	return probed > plain ? (double)(probed - plain) / CALLS : 0;
}

/* ---- news --------------------------------------------------------------- */

/* Keep news of a stopped process for heap_bpf_stopped(). */
static int
queue_stopped(struct heap *h, const struct heap_news *news)
{
	if (array_room(&h->stopped, h->nstopped, &h->stopped_room, sizeof *news) < 0)
		return -1;
	h->stopped[h->nstopped++] = *news;
	return 0;
}

/* Hand out a logged call. */
static void
on_logged(struct heap *h, const struct heap_call *c)
{
	struct heap_logged call = { .time = c->time, .addr = c->addr, .size = c->size,
		.tid = (pid_t)c->tid, .freed = c->site == HEAP_FREED,
		.alien = c->site == HEAP_ALIEN,
		.moved = c->event == HEAP_RELOGGED };

	if (!call.freed && !call.alien)
		call.site = c->site;
	if (h->on_call)
		h->on_call(h->on_call_ctx, &call);
}

/* Keep one piece of news from the ring buffer. */
static int
on_ring(void *ctx, void *event, size_t len)
{
	struct heap *h = ctx;
	const struct heap_news *news = event;
	int got = 0;

	if (news->event == WALK_STACK && len >= WALK_STACK_HEAD)
		got = stackmap_add(h->stacks, event);
	else if (news->event == HEAP_AT_EXEC || news->event == HEAP_AT_START)
		got = queue_stopped(h, news);
	else if ((news->event == HEAP_LOGGED || news->event == HEAP_RELOGGED) &&
	    len >= sizeof(struct heap_call))
		on_logged(h, event);
	if (got < 0)
		h->failed = ENOMEM;
	return got;
}

static int
heap_bpf_fd(const struct heap *h)
{
	return ring_buffer__epoll_fd(h->ring);
}

/* Returns whether all probes are where they were placed. */
static int
are_held(const struct heap *h)
{
	for (size_t i = 0; i < h->nhold; i++)
		if (!uprobes_held(h->hold[i].hold))
			return 0;
	return 1;
}

static int
heap_bpf_read(struct heap *h)
{
	ring_buffer__consume(h->ring);
	heap_room_ensure(h);
	if (!h->failed && !are_held(h))
		h->failed = ECANCELED;
	errno = h->failed;
	return h->failed ? -1 : 0;
}

static struct stackmap *
heap_bpf_stacks(struct heap *h)
{
	return h->stacks;
}

static pid_t
heap_bpf_stopped(struct heap *h, int *start)
{
	struct heap_news first;

	if (h->nstopped == 0)
		return 0;
	first = h->stopped[0];
	memmove(h->stopped, h->stopped + 1, --h->nstopped * sizeof first);
	*start = first.event == HEAP_AT_START;
	return (pid_t)first.pid;
}

/* ---- the backend ------------------------------------------------------- */

static void
heap_bpf_forget(struct heap *h, pid_t pid)
{
	walk_maps_forget(h->maps, pid);
	/* Those that it has forked may go on by its gate: who follows them says when it ends. */
	disarm(h, pid, 1, !h->children);
}

static void
heap_bpf_free(struct heap *h)
{
	if (h == NULL)
		return;
	heap_room_end(h);
	if (h->bpf)
		remove_probes(h, 0, 1, 1);
	heap_bpf_compare(h, 0, NULL, 0);
	while (h->nstop)
		remove_stop(h, h->stop[0].pid);
	see_leaving(h, 1);
	free(h->stop);
	for (uint32_t i = 0; i < h->nsegment; i++)
		munmap(h->segment[i], HEAP_SEGMENT_SITES * sizeof(struct heap_site));
	for (uint32_t i = 0; i < h->ngeneration; i++)
		munmap(h->generation[i], heap_slots(i) * sizeof(struct heap_entry));
	if (h->total)
		munmap(h->total, HEAP_PROCESSES * sizeof(struct heap_total));
	walk_maps_free(h->maps);
	stackmap_free(h->stacks);
	ring_buffer__free(h->ring);
	heap_bpf__destroy(h->bpf);
	free(h->segment);
	free(h->reported);
	free(h->reported_total);
	free(h->armed);
	free(h->hold);
	free(h->leaving);
	free(h->stopped);
	free(h);
}

static uint64_t
heap_bpf_due(const struct heap *h)
{
	(void)h;
	return UINT64_MAX; /* its descriptor tells */
}

static const struct heap_backend backend = { .free = heap_bpf_free, .track = heap_bpf_track,
	.put = heap_bpf_put, .forget = heap_bpf_forget, .arm_gate = heap_bpf_arm_gate,
	.disarm = heap_bpf_disarm, .armed = heap_bpf_armed, .rate = heap_bpf_rate,
	.fd = heap_bpf_fd, .read = heap_bpf_read, .due = heap_bpf_due,
	.stacks = heap_bpf_stacks, .changes = heap_bpf_changes, .living = heap_bpf_living,
	.sum = heap_bpf_sum, .live = heap_bpf_live, .lost = heap_bpf_lost, .load = heap_bpf_load,
	.arm = heap_bpf_arm, .compare = heap_bpf_compare,
	.sessions = heap_bpf_sessions, .stop_at = heap_bpf_stop_at,
	.hit_cost = heap_bpf_hit_cost, .stopped = heap_bpf_stopped,
	.disarm_soon = heap_bpf_disarm_soon, .log = heap_bpf_log, .site = heap_bpf_site,
	.disarm_functions = heap_bpf_disarm_functions, .disarm_gate = heap_bpf_disarm_gate,
	.by_gate = heap_bpf_by_gate, .is_by_gate = heap_bpf_is_by_gate,
	.gate_seen = heap_bpf_gate_seen, .thin = heap_bpf_thin, .gone = heap_bpf_gone };

struct heap *
heap_bpf_new(const struct heap_options *o, char *why)
{
	struct heap *h = calloc(1, sizeof *h);
	int error;

	loader_listen();
	if (h) {
		h->is = &backend;
		h->all_callers = o->all_callers;
		h->children = o->children;
		h->max_bytes = o->max_bytes;
		if (load(h, o) == 0)
			return h;
	}
	error = errno;
	heap_bpf_free(h);
	loader_explain(error, why, HEAP_WHY);
	return NULL;
}
