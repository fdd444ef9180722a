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
#define SAMPLE_BYTES 128 /* about, with the stacks that are new */
#define STACKS_MOST 500000 /* that are kept; then the kernel tells all again */

/* A sample, and the copy of its stack where that has to be walked. */
struct kept {
	struct cpu_sample sample;
	struct cpu_copy *copy;
};

struct cpu {
	struct cpu_bpf *bpf;
	struct ring_buffer *ring;
	struct walk_maps *tables;
	struct stackmap *stacks;
	struct kept *sample;          /* read, in the order of time from next on */
	size_t nsample, sample_room, next;
	struct cpu_counts told; /* of what was lost */
	int failed;             /* out of memory */
	struct {
		struct cpu_off_key *key;
		struct cpu_off *off;
		size_t n;
	} drained;
};

/* ---- set-up ------------------------------------------------------------ */

static uint32_t
ring_size(const struct cpu_options *o, int ncpu)
{
	uint64_t want = (uint64_t)o->hz * (uint64_t)ncpu * SAMPLE_BYTES;
	uint32_t size = RING_LEAST;

	while (size < want && size < RING_MOST)
		size *= 2;
	return size;
}

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
	bpf_program__set_autoload(b->progs.on_look, o->off != 0);
	if (!o->off) {
		bpf_map__set_max_entries(b->maps.away, 1);
		bpf_map__set_max_entries(b->maps.off, 1);
	}
}

static int on_ring(void *ctx, void *event, size_t len);

static int
load(struct cpu *w, const struct cpu_options *o)
{
	w->bpf = cpu_bpf__open();
	if (w->bpf == NULL)
		return -1;
	configure(w->bpf, o);
	if (cpu_bpf__load(w->bpf) < 0 || cpu_bpf__attach(w->bpf) < 0)
		return -1;
	w->ring = ring_buffer__new(bpf_map__fd(w->bpf->maps.ring), on_ring, w, NULL);
	w->tables = walk_maps_new(bpf_map__fd(w->bpf->maps.arena),
	    bpf_map__fd(w->bpf->maps.process));
	w->stacks = stackmap_new();
	w->drained.key = calloc(CPU_OFFS, sizeof *w->drained.key);
	w->drained.off = calloc(CPU_OFFS, sizeof *w->drained.off);
	return w->ring && w->tables && w->stacks && w->drained.key && w->drained.off ? 0 : -1;
}

struct cpu *
cpu_new(const struct cpu_options *o, char why[CPU_WHY])
{
	struct cpu *w = calloc(1, sizeof *w);
	int error;

	loader_listen();
	if (w && load(w, o) == 0)
		return w;
	error = errno;
	cpu_free(w);
	loader_explain(error, why, CPU_WHY);
	return NULL;
}

/* Samples that have been handed out. */
static void
drop_samples(struct cpu *w, size_t n)
{
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		free(w->sample[i].copy);
	w->nsample -= n;
	memmove(w->sample, w->sample + n, w->nsample * sizeof *w->sample);
	w->next = 0;
}

void
cpu_free(struct cpu *w)
{
	if (w == NULL)
		return;
	stackmap_free(w->stacks);
	walk_maps_free(w->tables);
	ring_buffer__free(w->ring);
	cpu_bpf__destroy(w->bpf);
	drop_samples(w, w->nsample);
	free(w->sample);
	free(w->drained.key);
	free(w->drained.off);
	free(w);
}

int
cpu_program(const struct cpu *w)
{
	return bpf_program__fd(w->bpf->progs.on_event);
}

void
cpu_period(struct cpu *w, uint64_t ns)
{
	w->bpf->bss->period = ns;
}

int
cpu_watch(struct cpu *w, pid_t pid)
{
	return walk_maps_watch(w->tables, pid);
}

uint32_t
cpu_version(const struct cpu *w)
{
	return walk_maps_version(w->tables);
}

int
cpu_put(struct cpu *w, const struct addrspace *s, const struct module **full)
{
	return walk_maps_put(w->tables, s, full);
}

void
cpu_forget(struct cpu *w, pid_t pid)
{
	walk_maps_forget(w->tables, pid);
}

int
cpu_fd(const struct cpu *w)
{
	return ring_buffer__epoll_fd(w->ring);
}

/* ---- reading ----------------------------------------------------------- */

static int
keep_sample(struct cpu *w, const struct cpu_sample *in, struct cpu_copy *copy)
{
	size_t i = w->nsample;

	if (array_room(&w->sample, w->nsample, &w->sample_room, sizeof *w->sample) < 0)
		return -1;
	/* They come nearly in the order of time. */
	while (i > w->next && w->sample[i - 1].sample.time > in->time)
		i--;
	memmove(&w->sample[i + 1], &w->sample[i],
	    (w->nsample - i) * sizeof *w->sample);
	w->sample[i] = (struct kept){ *in, copy };
	w->nsample++;
	return 0;
}

static int
keep_copy(struct cpu *w, const struct cpu_copy *in)
{
	size_t len = CPU_COPY_HEAD + (size_t)in->pages * CPU_COPY_PAGE;
	struct cpu_copy *copy = malloc(len);

	if (copy == NULL)
		return -1;
	memcpy(copy, in, len);
	if (keep_sample(w, &copy->sample, copy) == 0)
		return 0;
	free(copy);
	return -1;
}

static int
is_whole(const struct cpu_copy *copy, size_t len)
{
	return len >= CPU_COPY_HEAD && copy->pages <= CPU_COPY_PAGES &&
	    len >= CPU_COPY_HEAD + (size_t)copy->pages * CPU_COPY_PAGE;
}

static int
on_ring(void *ctx, void *event, size_t len)
{
	struct cpu *w = ctx;
	uint32_t type = *(uint32_t *)event;
	int got = 0;

	if (type == WALK_STACK && len >= WALK_STACK_HEAD)
		got = stackmap_keep(w->stacks, event);
	else if (type == CPU_COPY && is_whole(event, len))
		got = keep_copy(w, event);
	else if (type == WALK_SAMPLE && len >= sizeof(struct cpu_sample))
		got = keep_sample(w, event, NULL);
	if (got < 0)
		w->failed = 1;
	return got;
}

/* Let the kernel tell all stacks again before there are too many. */
static void
renew_stacks(struct cpu *w)
{
	if (stackmap_count(w->stacks) < STACKS_MOST)
		return;
	stackmap_renew(w->stacks);
	w->bpf->bss->epoch += 0x9e3779b97f4a7c15ULL;
}

int
cpu_read(struct cpu *w)
{
	renew_stacks(w);
	drop_samples(w, w->next);
	ring_buffer__consume(w->ring);
	errno = ENOMEM;
	return w->failed ? -1 : 0;
}

void
cpu_unknown(struct cpu *w, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx)
{
	stackmap_unknown(w->stacks, pid, fn, ctx);
}

int
cpu_next(struct cpu *w, uint64_t until, struct cpu_walked *out)
{
	const struct cpu_sample *s;

	if (w->next == w->nsample || w->sample[w->next].sample.time > until)
		return 0;
	out->copy = w->sample[w->next].copy;
	s = &w->sample[w->next++].sample;
	out->pid = (pid_t)s->pid;
	out->tid = (pid_t)s->tid;
	out->exiting = s->exiting != 0;
	out->time = s->time;
	out->count = s->count;
	out->stack = out->copy ? NULL : stackmap_find(w->stacks, s->stack);
	return 1;
}

/* ---- time off the CPU -------------------------------------------------- */

/* Make the stack of a thread that was seen known, if it still waits there. */
static int
keep_seen(struct cpu *w, const struct cpu_waiter *seen, struct rec_ref leaf)
{
	struct walk_stack in = { .id = seen->id, .pid = (uint32_t)seen->pid };
	uint32_t tid = (uint32_t)seen->tid;
	struct cpu_away a;
	struct stackmap_stack *s;

	if (bpf_map_lookup_elem(bpf_map__fd(w->bpf->maps.away), &tid, &a) < 0 ||
	    a.stack != seen->id)
		return 0;
	if (stackmap_keep(w->stacks, &in) < 0 ||
	    (s = stackmap_find(w->stacks, seen->id)) == NULL)
		return -1;
	s->leaf = leaf;
	s->known = 1;
	return 0;
}

/* One run over all threads of the machine. */
static int
look(struct cpu *w,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *seen), void *ctx)
{
	int fd = bpf_iter_create(bpf_link__fd(w->bpf->links.on_look)), got = 0;
	struct cpu_seen in;

	if (fd < 0)
		return -1;
	while (got == 0 && read(fd, &in, sizeof in) == sizeof in) {
		const struct cpu_waiter seen = { (pid_t)in.pid, (pid_t)in.tid,
			CPU_SEEN_STACK | in.tid, in.regs };

		got = keep_seen(w, &seen, fn(ctx, &seen));
	}
	close(fd);
	return got;
}

int
cpu_look(struct cpu *w,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *seen), void *ctx)
{
	return look(w, fn, ctx) < 0 ? -1 : look(w, fn, ctx);
}

/* Take what was summed out of the kernel. */
static void
drain(struct cpu *w)
{
	int map = bpf_map__fd(w->bpf->maps.off), got;
	uint64_t token;
	void *last = NULL;
	size_t n = 0;
	uint32_t count;

	do {
		count = (uint32_t)(CPU_OFFS - n);
		got = bpf_map_lookup_and_delete_batch(map, last, &token,
		    w->drained.key + n, w->drained.off + n, &count, NULL);
		if (got < 0 && errno != ENOENT)
			break;
		n += count;
		last = &token;
	} while (got == 0 && n < CPU_OFFS);
	w->drained.n = n;
}

int
cpu_sum(struct cpu *w, uint64_t *time)
{
	struct bpf_test_run_opts o = { .sz = sizeof o };

	if (bpf_prog_test_run_opts(bpf_program__fd(w->bpf->progs.on_interval), &o) < 0)
		return -1;
	drain(w);
	*time = proc_now();
	return 0;
}

void
cpu_offs(struct cpu *w,
    void (*fn)(void *ctx, const struct cpu_wait *off), void *ctx)
{
	static const char *const state[CPU_STATES] = { "sleeping", "disk", "ready",
		"stopped" };

	for (size_t i = 0; i < w->drained.n; i++) {
		const struct cpu_off_key *k = &w->drained.key[i];
		struct cpu_wait off = { (pid_t)k->pid, (pid_t)k->tid,
			state[k->state % CPU_STATES], w->drained.off[i].ns,
			w->drained.off[i].count, k->stack != 0, NULL };

		off.stack = stackmap_find(w->stacks, k->stack);
		fn(ctx, &off);
	}
	w->drained.n = 0;
}

/* ---- loss -------------------------------------------------------------- */

void
cpu_lost(struct cpu *w, struct cpu_lost *out)
{
	struct cpu_counts now;

	memcpy(&now, &w->bpf->bss->counts, sizeof now);
	out->ring_full = now.ring_full - w->told.ring_full;
	out->off_full = now.off_full - w->told.off_full;
	w->told = now;
}
