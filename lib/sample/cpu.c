/*
 * Samples come by the ring buffer, nearly in the order of time, as do the stacks
 * that they refer to by id (a struct stackmap) or copies of stacks.  sample[] is a
 * queue that is kept in the order of time: elements before next have been handed
 * out, and are dropped at the next read.  The pages of a copy come before it, and wait in
 * a list.  Waits are not sent but summed in a map
 * of the kernel, which cpu_sum() empties into drained.
 */
#include "sample/cpu.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "bpf/cpu.h"
#include "os/loader.h"
#include "os/proc.h"
#include "sample/stackmap.h"
#include "sample/walk_maps.h"
#include "cpu.skel.h"

#define RING_LEAST (8U << 20) /* bytes of the ring buffer */
#define RING_MOST (64U << 20)
#define SAMPLE_BYTES 128   /* about, with its share of new stacks */
#define STACKS_MOST 500000 /* kept; with more of them the kernel sends all again */
#define STALE_NS 1000000000 /* until the end of a copy is not waited for any more */

/* A sample, and the copy of its stack if that has to be walked here. */
struct pending {
	struct cpu_sample sample;
	struct cpu_copy *copy;
	struct cpu_part *part; /* its pages */
};

struct cpu {
	struct cpu_bpf *bpf;
	struct ring_buffer *ring;
	struct walk_maps *maps;
	struct stackmap *stacks;
	struct pending *sample;
	size_t nsample, sample_room, next;
	struct cpu_part *part; /* pages of copies whose end has not come, the newest first */
	struct cpu_counts reported; /* of losses, at the last cpu_lost() */
	uint64_t early;             /* waits in unknown code, at the last scan */
	int failed;                 /* memory was short */
	struct {
		struct cpu_off_key *key;
		struct cpu_off *off;
		size_t n;
	} drained;
};

/* ---- set-up ------------------------------------------------------------ */

/* Returns how big a ring holds the samples of a second, in bytes: a power of 2. */
static uint32_t
ring_size(const struct cpu_options *o, int ncpu)
{
	uint64_t want = (uint64_t)o->hz * (uint64_t)ncpu * SAMPLE_BYTES;
	uint32_t size = RING_LEAST;

	while (size < want && size < RING_MOST)
		size *= 2;
	return size;
}

/* Set constants, sizes of maps and the programs that are needed. */
static void
configure(struct cpu_bpf *b, const struct cpu_options *o)
{
	int ncpu = libbpf_num_possible_cpus();
	uint32_t ring = ring_size(o, ncpu);

	b->rodata->pid_namespace = loader_pid_namespace();
	b->rodata->kernel_stacks = o->kernel_frames;
	b->rodata->children = o->children;
	b->rodata->off_least = o->off_least;
	b->rodata->ring_wake = ring / 4;
	bpf_map__set_max_entries(b->maps.ring, ring);
	bpf_map__set_max_entries(b->maps.scratch, (uint32_t)ncpu * WALK_BYS);
	bpf_map__set_max_entries(b->maps.copies, (uint32_t)ncpu);
	bpf_program__set_autoload(b->progs.on_switch, o->off != 0);
	bpf_program__set_autoload(b->progs.on_wakeup, o->off != 0);
	bpf_program__set_autoload(b->progs.on_birth, o->off != 0);
	bpf_program__set_autoload(b->progs.on_interval, o->off != 0);
	bpf_program__set_autoload(b->progs.on_scan, o->off != 0);
	if (!o->off) {
		bpf_map__set_max_entries(b->maps.away, 1);
		bpf_map__set_max_entries(b->maps.off, 1);
	}
}

static int on_ring(void *ctx, void *event, size_t len);

static int
load(struct cpu *c, const struct cpu_options *o)
{
	c->bpf = cpu_bpf__open();
	if (c->bpf == NULL)
		return -1;
	configure(c->bpf, o);
	if (cpu_bpf__load(c->bpf) < 0 || cpu_bpf__attach(c->bpf) < 0)
		return -1;
	c->ring = ring_buffer__new(bpf_map__fd(c->bpf->maps.ring), on_ring, c, NULL);
	c->maps = walk_maps_new(bpf_map__fd(c->bpf->maps.arena),
	    bpf_map__fd(c->bpf->maps.process));
	if (c->maps)
		walk_maps_gradual(c->maps);
	c->stacks = stackmap_new();
	c->drained.key = calloc(CPU_OFFS, sizeof *c->drained.key);
	c->drained.off = calloc(CPU_OFFS, sizeof *c->drained.off);
	return c->ring && c->maps && c->stacks && c->drained.key && c->drained.off ? 0 : -1;
}

struct cpu *
cpu_new(const struct cpu_options *o, char why[CPU_WHY])
{
	struct cpu *c = calloc(1, sizeof *c);
	int error;

	loader_listen();
	if (c && load(c, o) == 0)
		return c;
	error = errno;
	cpu_free(c);
	loader_explain(error, why, CPU_WHY);
	return NULL;
}

static void
free_parts(struct cpu_part *part)
{
	struct cpu_part *next;

	for (; part; part = next) {
		next = part->next;
		free(part);
	}
}

static void
free_copy(struct pending *p)
{
	free(p->copy);
	free_parts(p->part);
}

/* Free the first n samples. */
static void
drop_samples(struct cpu *c, size_t n)
{
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		free_copy(&c->sample[i]);
	c->nsample -= n;
	memmove(c->sample, c->sample + n, c->nsample * sizeof *c->sample);
	c->next = 0;
}

void
cpu_free(struct cpu *c)
{
	if (c == NULL)
		return;
	stackmap_free(c->stacks);
	walk_maps_free(c->maps);
	ring_buffer__free(c->ring);
	cpu_bpf__destroy(c->bpf);
	drop_samples(c, c->nsample);
	free(c->sample);
	free_parts(c->part);
	free(c->drained.key);
	free(c->drained.off);
	free(c);
}

int
cpu_program(const struct cpu *c)
{
	return bpf_program__fd(c->bpf->progs.on_event);
}

void
cpu_period(struct cpu *c, uint64_t ns)
{
	c->bpf->bss->period = ns;
}

int
cpu_track(struct cpu *c, pid_t pid)
{
	return walk_maps_track(c->maps, pid);
}

uint32_t
cpu_version(const struct cpu *c)
{
	return walk_maps_version(c->maps);
}

int
cpu_put(struct cpu *c, const struct addrspace *s, const struct module **full)
{
	return walk_maps_put(c->maps, s, full);
}

int
cpu_refresh(struct cpu *c, pid_t pid)
{
	walk_maps_refresh(c->maps);
	return walk_maps_stale(c->maps, pid);
}

void
cpu_forget(struct cpu *c, pid_t pid)
{
	walk_maps_forget(c->maps, pid);
}

int
cpu_fd(const struct cpu *c)
{
	return ring_buffer__epoll_fd(c->ring);
}

/* ---- reading ----------------------------------------------------------- */

/* Queue a sample in the order of time; its copy and the pages of that are taken over.
 * Returns -1 if memory is short. */
static int
add_sample(struct cpu *c, const struct cpu_sample *in, struct cpu_copy *copy,
    struct cpu_part *part)
{
	struct pending new = { *in, copy, part };
	size_t i = c->nsample;

	if (array_room(&c->sample, c->nsample, &c->sample_room, sizeof *c->sample) < 0) {
		free_copy(&new);
		return -1;
	}
	/* It belongs at the end, or not far from it. */
	while (i > c->next && c->sample[i - 1].sample.time > in->time)
		i--;
	memmove(&c->sample[i + 1], &c->sample[i],
	    (c->nsample - i) * sizeof *c->sample);
	c->sample[i] = new;
	c->nsample++;
	return 0;
}

/* Returns the bytes of an event with pages. */
static size_t
copy_size(const struct cpu_copy *in)
{
	return CPU_COPY_HEAD + (size_t)in->pages * CPU_COPY_PAGE;
}

/* Keep pages of a copy whose end is to come.  Returns -1 if memory is short. */
static int
add_pages(struct cpu *c, const struct cpu_copy *in)
{
	struct cpu_part *part = malloc(sizeof *part + copy_size(in));

	if (part == NULL)
		return -1;
	part->next = c->part;
	part->pages = (const struct cpu_copy *)memcpy(part + 1, in, copy_size(in));
	c->part = part;
	return 0;
}

/* Take the pages of a copy out of those that have come: the innermost last.  Pages
 * of older copies of the CPU, for whose end there was no room, are dropped. */
static struct cpu_part *
take_pages(struct cpu *c, const struct cpu_copy *end)
{
	struct cpu_part **at = &c->part, *taken = NULL, **last = &taken;

	while (*at) {
		struct cpu_part *part = *at;
		const struct cpu_sample *s = &part->pages->sample;

		if (s->tid == end->sample.tid && s->time == end->sample.time) {
			*at = part->next;
			*last = part;
			last = &part->next;
		} else if (s->time + STALE_NS < end->sample.time) {
			*at = part->next;
			free(part);
		} else {
			at = &part->next;
		}
	}
	*last = NULL;
	return taken;
}

/* Queue a sample with a copy of its stack.  Returns -1 if memory is short. */
static int
add_copy(struct cpu *c, const struct cpu_copy *in)
{
	struct cpu_copy *copy = malloc(CPU_COPY_HEAD);

	if (copy == NULL)
		return -1;
	memcpy(copy, in, CPU_COPY_HEAD);
	return add_sample(c, &copy->sample, copy, take_pages(c, in));
}

/* Returns whether len bytes hold all pages that a copy claims to have. */
static int
is_whole(const struct cpu_copy *copy, size_t len)
{
	return len >= CPU_COPY_HEAD && copy->pages <= CPU_COPY_PAGES &&
	    len >= copy_size(copy);
}

/* Keep an event of the ring buffer. */
static int
on_ring(void *ctx, void *event, size_t len)
{
	struct cpu *c = ctx;
	uint32_t type = *(uint32_t *)event;
	int got = 0;

	if (type == WALK_STACK && len >= WALK_STACK_HEAD)
		got = stackmap_add(c->stacks, event);
	else if (type == CPU_COPY && is_whole(event, len))
		got = add_copy(c, event);
	else if (type == CPU_PAGES && is_whole(event, len))
		got = add_pages(c, event);
	else if (type == WALK_SAMPLE && len >= sizeof(struct cpu_sample))
		got = add_sample(c, event, NULL, NULL);
	if (got < 0)
		c->failed = 1;
	return got;
}

/* Let the kernel send all stacks again before there are too many. */
static void
renew_stacks(struct cpu *c)
{
	if (stackmap_count(c->stacks) < STACKS_MOST)
		return;
	stackmap_renew(c->stacks);
	c->bpf->bss->epoch += 0x9e3779b97f4a7c15ULL;
}

int
cpu_read(struct cpu *c)
{
	renew_stacks(c);
	drop_samples(c, c->next);
	ring_buffer__consume(c->ring);
	errno = ENOMEM;
	return c->failed ? -1 : 0;
}

void
cpu_unresolved(struct cpu *c, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx)
{
	stackmap_unresolved(c->stacks, pid, fn, ctx);
}

int
cpu_next(struct cpu *c, uint64_t until, struct cpu_walked *out)
{
	const struct cpu_sample *s;

	if (c->next == c->nsample || c->sample[c->next].sample.time > until)
		return 0;
	out->copy = c->sample[c->next].copy;
	out->part = c->sample[c->next].part;
	s = &c->sample[c->next++].sample;
	out->pid = (pid_t)s->pid;
	out->tid = (pid_t)s->tid;
	out->exiting = s->exiting != 0;
	out->time = s->time;
	out->count = s->count;
	out->probed = s->probed != 0;
	out->place = s->place;
	out->stack = out->copy ? NULL : stackmap_find(c->stacks, s->stack);
	return 1;
}

int
cpu_behind(struct cpu *c, pid_t pid, uint64_t addr, uint64_t place)
{
	struct cpu_behind key = { .pc = addr, .pid = (uint32_t)pid };

	return bpf_map_update_elem(bpf_map__fd(c->bpf->maps.behind), &key, &place,
	    BPF_ANY);
}

/* ---- time off the CPU -------------------------------------------------- */

/* Resolve the stack of a waiting thread, if it still waits there.  Returns -1 if
 * memory is short. */
static int
add_waiter(struct cpu *c, const struct cpu_waiter *waiter, struct rec_ref leaf)
{
	struct walk_stack in = { .id = waiter->id, .pid = (uint32_t)waiter->pid };
	uint32_t tid = (uint32_t)waiter->tid;
	struct cpu_away a;
	struct stackmap_stack *s;

	if (bpf_map_lookup_elem(bpf_map__fd(c->bpf->maps.away), &tid, &a) < 0 ||
	    a.stack != waiter->id)
		return 0;
	if (stackmap_add(c->stacks, &in) < 0 ||
	    (s = stackmap_find(c->stacks, waiter->id)) == NULL)
		return -1;
	s->leaf = leaf;
	s->resolved = 1;
	return 0;
}

/* Run once over all threads of the machine. */
static int
scan_threads(struct cpu *c,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *waiter), void *ctx)
{
	int fd = bpf_iter_create(bpf_link__fd(c->bpf->links.on_scan)), got = 0;
	struct cpu_seen in;

	if (fd < 0)
		return -1;
	while (got == 0 && read(fd, &in, sizeof in) == sizeof in) {
		const struct cpu_waiter waiter = { (pid_t)in.pid, (pid_t)in.tid,
			in.stack, in.regs, in.leaf };

		got = add_waiter(c, &waiter, fn(ctx, &waiter));
	}
	close(fd);
	return got;
}

int
cpu_scan(struct cpu *c, int again,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *waiter), void *ctx)
{
	uint64_t early = c->bpf->bss->counts.early;

	if (again && early == c->early)
		return 0;
	c->early = early;
	if (again)
		return scan_threads(c, fn, ctx);
	/* The second run finds what began to wait before the first one was done. */
	return scan_threads(c, fn, ctx) < 0 ? -1 : scan_threads(c, fn, ctx);
}

/* Move all sums out of the kernel. */
static void
drain(struct cpu *c)
{
	int map = bpf_map__fd(c->bpf->maps.off), got;
	uint64_t token;
	void *last = NULL;
	size_t n = 0;
	uint32_t count;

	do {
		count = (uint32_t)(CPU_OFFS - n);
		got = bpf_map_lookup_and_delete_batch(map, last, &token,
		    c->drained.key + n, c->drained.off + n, &count, NULL);
		if (got < 0 && errno != ENOENT)
			break;
		n += count;
		last = &token;
	} while (got == 0 && n < CPU_OFFS);
	c->drained.n = n;
}

int
cpu_sum(struct cpu *c, uint64_t *time)
{
	struct bpf_test_run_opts o = { .sz = sizeof o };

	if (bpf_prog_test_run_opts(bpf_program__fd(c->bpf->progs.on_interval), &o) < 0)
		return -1;
	drain(c);
	*time = proc_now();
	return 0;
}

void
cpu_waits(struct cpu *c,
    void (*fn)(void *ctx, const struct cpu_wait *wait), void *ctx)
{
	static const char *const state[CPU_STATES] = { "sleeping", "disk", "ready",
		"stopped" };

	for (size_t i = 0; i < c->drained.n; i++) {
		const struct cpu_off_key *k = &c->drained.key[i];
		struct cpu_wait wait = { (pid_t)k->pid, (pid_t)k->tid,
			state[k->state % CPU_STATES], c->drained.off[i].ns,
			c->drained.off[i].count, k->stack != 0, NULL };

		wait.stack = stackmap_find(c->stacks, k->stack);
		fn(ctx, &wait);
	}
	c->drained.n = 0;
}

/* ---- loss -------------------------------------------------------------- */

void
cpu_lost(struct cpu *c, struct cpu_lost *out)
{
	struct cpu_counts now;

	memcpy(&now, &c->bpf->bss->counts, sizeof now);
	out->ring_full = now.ring_full - c->reported.ring_full;
	out->off_full = now.off_full - c->reported.off_full;
	c->reported = now;
}
