/*
 * Records of the gate's ring, summed up here: the blocks that live by their address,
 * sites by thread and stack.  A sample counts for as many allocations as its chance to be
 * picked says: 1 / (1 - exp(-size / period)).  Sums are kept exactly enough to be
 * handed out in whole units, so that none is told twice or lost.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "bpf/step.h"
#include "gate/ring.h"
#include "heap/backend.h"
#include "heap/heap.h"
#include "os/proc.h"
#include "sample/stackmap.h"
#include "unwind/addrspace.h"
#include "unwind/unwind.h"

#define READ_LEAST_NS 1000000 /* between two reads of a ring */
#define READ_MOST_NS 10000000
#define USE 0.15              /* how full a ring should be when it is read */
#define HIT_NS 400            /* of a sample, or of its free: measured, and some more */

/* Weighted sums, which only grow. */
struct sums {
	double allocs, bytes, frees, freed, temps;
	double bytes_var, freed_var;
	uint64_t samples;
};

struct ring_site {
	pid_t pid, tid;
	struct rec_ref stack;
	struct sums now, told; /* as last handed out */
	uint32_t sizes[HEAP_BUCKETS], lives[HEAP_BUCKETS]; /* since then */
	double peak;
	int changed;
	void *user;
};

/* A block that lives. */
struct block {
	uint64_t addr, size, time;
	uint64_t left;   /* of its thread's countdown when it was allocated */
	double weight;
	uint32_t site;   /* its index; in a free one, that of the next free one */
	pid_t tid;
};

/* A process with a gate. */
struct process {
	pid_t pid;
	int by_gate;             /* see heap_by_gate() */
	struct ring *ring;       /* NULL: it has none now */
	struct block *block;
	size_t nblock, block_room;
	uint32_t free_block;     /* the first of a list; IDMAP_NONE: it is empty */
	struct idmap block_at;   /* address -> index */
	struct sums total, told;
	double peak;
	uint64_t lost;           /* records of this ring */
	uint64_t read, next;     /* when it was read last, and is to be again */
};

struct heap {
	const struct heap_backend *is;
	struct heap_options o;
	struct process **process;
	size_t nprocess, process_room; /* the first one is followed to the end */
	struct stackmap *stacks; /* empty: sites come with theirs */
	struct ring_site *site;
	size_t nsite, site_room;
	struct idmap site_of;    /* hash of process, thread and stack -> index */
	uint32_t *changed;       /* indexes of sites */
	size_t nchanged, changed_room;
	uint64_t lost, told_lost; /* records */
	struct heap_load load;
	int failed;              /* an errno */
};

/* A process whose ring is read. */
struct reading {
	struct heap *h;
	struct process *p;
};

/* ---- processes ---------------------------------------------------------- */

/* Returns a process; NULL if it is not known. */
static struct process *
find_process(const struct heap *h, pid_t pid)
{
	for (size_t i = h->nprocess; i-- > 0;)
		if (h->process[i]->pid == pid)
			return h->process[i];
	return NULL;
}

/* Returns a process, which may be new; NULL with errno. */
static struct process *
add_process(struct heap *h, pid_t pid)
{
	struct process *p = find_process(h, pid);

	if (p)
		return p;
	p = calloc(1, sizeof *p);
	if (p == NULL || array_room(&h->process, h->nprocess, &h->process_room, sizeof p) < 0) {
		free(p);
		errno = ENOMEM;
		return NULL;
	}
	p->pid = pid;
	p->free_block = IDMAP_NONE;
	h->process[h->nprocess++] = p;
	return p;
}

/* ---- sums -------------------------------------------------------------- */

static double
live_of(const struct sums *s)
{
	double live = s->bytes - s->freed;

	return live > 0 ? live : 0;
}

/* Returns what is live for certain, as raise_peak() of heap.bpf.c has it. */
static double
certain(const struct sums *s)
{
	return live_of(s) - 4 * sqrt(fmax(s->bytes_var - s->freed_var, 0));
}

static unsigned
bucket(uint64_t x)
{
	unsigned n = x ? 63 - (unsigned)__builtin_clzll(x) : 0;

	return n < HEAP_BUCKETS ? n : HEAP_BUCKETS - 1;
}

/* Returns the variance of the bytes that a sample stands for. */
static double
variance(double size, double weight)
{
	return size * size * weight * (weight - 1);
}

static void
add_sample(struct sums *s, double size, double weight)
{
	s->samples++;
	s->allocs += weight;
	s->bytes += size * weight;
	s->bytes_var += variance(size, weight);
}

static void
add_free(struct sums *s, const struct block *b, int temp)
{
	s->frees += b->weight;
	s->freed += (double)b->size * b->weight;
	s->freed_var += variance((double)b->size, b->weight);
	if (temp)
		s->temps += b->weight;
}

/* ---- sites ------------------------------------------------------------- */

/* Returns the index of a site, which may be new; IDMAP_NONE: memory is short. */
static uint32_t
find_site(struct heap *h, pid_t pid, pid_t tid, struct rec_ref stack)
{
	uint64_t id = hash_u64(hash_u64(HASH_INIT, (uint64_t)pid), (uint64_t)tid);
	uint32_t i;

	id = hash_id(hash_str(hash_u64(id, stack.id), stack.cut));
	i = idmap_get(&h->site_of, id);
	if (i != IDMAP_NONE)
		return i;
	if (array_room(&h->site, h->nsite, &h->site_room, sizeof *h->site) < 0 ||
	    array_room(&h->changed, h->nsite, &h->changed_room, sizeof *h->changed) < 0 ||
	    idmap_put(&h->site_of, id, (uint32_t)h->nsite) < 0) {
		h->failed = ENOMEM;
		return IDMAP_NONE;
	}
	h->site[h->nsite] = (struct ring_site){ .pid = pid, .tid = tid, .stack = stack };
	return (uint32_t)h->nsite++;
}

static void
mark(struct heap *h, uint32_t site)
{
	if (!h->site[site].changed)
		h->changed[h->nchanged++] = site;
	h->site[site].changed = 1;
}

/* ---- blocks ------------------------------------------------------------ */

/* Keep a block until it is freed. */
static void
insert(struct heap *h, struct process *p, const struct block *b)
{
	uint32_t i = p->free_block;

	if (i == IDMAP_NONE) {
		if (array_room(&p->block, p->nblock, &p->block_room, sizeof *b) < 0) {
			h->failed = ENOMEM;
			return;
		}
		i = (uint32_t)p->nblock++;
	} else {
		p->free_block = p->block[i].site;
	}
	p->block[i] = *b;
	if (idmap_put(&p->block_at, b->addr, i) < 0)
		h->failed = ENOMEM;
}

/* Take out a block by its address.  Returns 0 if it is not known. */
static int
take(struct process *p, uint64_t addr, struct block *out)
{
	uint32_t i = idmap_get(&p->block_at, addr);

	if (i == IDMAP_NONE)
		return 0;
	*out = p->block[i];
	idmap_delete(&p->block_at, addr);
	p->block[i] = (struct block){ .site = p->free_block };
	p->free_block = i;
	return 1;
}

/* Count a block as freed at a time; 0: that is not known. */
static void
end_block(struct heap *h, struct process *p, const struct block *b, uint64_t time, int temp)
{
	struct ring_site *s = &h->site[b->site];

	add_free(&p->total, b, temp);
	add_free(&s->now, b, temp);
	if (time)
		s->lives[bucket(time > b->time ? time - b->time : 1)] += (uint32_t)(b->weight + 0.5);
	mark(h, b->site);
}

/* Count all blocks as freed: their process has none of them any more. */
static void
end_blocks(struct heap *h, struct process *p)
{
	for (size_t i = 0; i < p->nblock; i++)
		if (p->block[i].addr)
			end_block(h, p, &p->block[i], 0, 0);
	p->nblock = 0;
	p->free_block = IDMAP_NONE;
	idmap_clear(&p->block_at);
}

/* ---- records ----------------------------------------------------------- */

static struct rec_ref
walk(struct heap *h, pid_t pid, const struct gate_record *r, uint64_t time)
{
	const struct unwind_stack stack = { .bytes = r + 1, .sp = r->regs[GATE_SP],
		.len = r->bytes - sizeof *r };
	const struct step_regs regs = { .pc = r->regs[GATE_IP], .sp = r->regs[GATE_SP],
		.fp = r->regs[GATE_BP] };
	struct rec_ref none = { 0, "no-stack" };

	return stack.len ? h->o.walk(h->o.ctx, pid, r->tid, &stack, regs, time) : none;
}

static void
on_sampled(struct heap *h, struct process *p, const struct gate_record *r)
{
	/* Programs count an allocation of nothing as one of a byte. */
	double size = r->size ? (double)r->size : 1;
	struct block b = { r->block, r->size, ring_time(p->ring, r->time), r->left,
		r->period ? 1 / -expm1(-size / (double)r->period) : 1, 0,
		r->tid ? r->tid : p->pid };
	struct block before;
	struct ring_site *s;

	if (r->block && take(p, r->block, &before)) {
		end_block(h, p, &before, 0, 0);
		h->load.reused++;
	}
	b.site = find_site(h, p->pid, b.tid, walk(h, p->pid, r, b.time));
	if (b.site == IDMAP_NONE)
		return;
	s = &h->site[b.site];
	add_sample(&p->total, (double)b.size, b.weight);
	add_sample(&s->now, (double)b.size, b.weight);
	s->sizes[bucket(b.size)] += (uint32_t)(b.weight + 0.5);
	if (b.addr)
		insert(h, p, &b);
	else
		end_block(h, p, &b, 0, 0);
	s->peak = fmax(s->peak, certain(&s->now));
	p->peak = fmax(p->peak, certain(&p->total));
	mark(h, b.site);
}

static void
on_freed(struct heap *h, struct process *p, const struct gate_record *r)
{
	struct block b;

	if (take(p, r->block, &b))
		end_block(h, p, &b, ring_time(p->ring, r->time),
		    r->tid == b.tid && r->left && r->left == b.left);
}

static void
on_record(void *ctx, const struct gate_record *r)
{
	const struct reading *reading = ctx;
	struct heap *h = reading->h;

	if (r->kind == GATE_FREED) {
		h->load.frees++;
		on_freed(h, reading->p, r);
	} else {
		h->load.entries++;
		on_sampled(h, reading->p, r);
	}
}

/* Read the ring of a process, for the last time if nobody writes there any more. */
static void
read_ring(struct heap *h, struct process *p, int last)
{
	struct reading reading = { h, p };
	uint64_t now = proc_now(), since = now - p->read, lost;
	double use;

	if (p->ring == NULL)
		return;
	use = ring_use(p->ring);
	/* As long as fills it as far as it should be. */
	if (use > 0)
		since = (uint64_t)fmin((double)since * USE / use, READ_MOST_NS);
	p->next = now + (since < READ_LEAST_NS ? READ_LEAST_NS
	        : since > READ_MOST_NS         ? READ_MOST_NS
	                                       : since);
	p->read = now;
	ring_read(p->ring, last, on_record, &reading);
	lost = ring_lost(p->ring);
	h->lost += lost - p->lost;
	p->lost = lost;
}

/* ---- the backend ------------------------------------------------------- */

static void
free_process(struct process *p)
{
	ring_close(p->ring);
	free(p->block);
	idmap_clear(&p->block_at);
	free(p);
}

static void
free_(struct heap *h)
{
	for (size_t i = 0; i < h->nprocess; i++)
		free_process(h->process[i]);
	stackmap_free(h->stacks);
	free(h->process);
	free(h->site);
	free(h->changed);
	idmap_clear(&h->site_of);
	free(h);
}

static int
track(struct heap *h, pid_t pid)
{
	return add_process(h, pid) ? 0 : -1;
}

static int
put(struct heap *h, struct addrspace *s, const struct module **full)
{
	(void)h;
	*full = NULL;
	s->changed = 0;
	return 0;
}

/* Give up the ring of a process. */
static void
close_ring(struct heap *h, struct process *p)
{
	if (p->ring == NULL)
		return;
	read_ring(h, p, 1);
	ring_close(p->ring);
	p->ring = NULL;
}

static void
disarm(struct heap *h, pid_t pid)
{
	for (size_t i = 0; i < h->nprocess; i++) {
		struct process *p = h->process[i];

		if ((pid && pid != p->pid) || p->ring == NULL)
			continue;
		close_ring(h, p);
		/* Of what goes on, or executes another program, the frees are not seen any more. */
		if (pid && !proc_has_ended(pid))
			end_blocks(h, p);
	}
}

/* What has lived when a process ended stays in its sites' sums; its number may be another
 * one's soon. */
static void
forget(struct heap *h, pid_t pid)
{
	struct process *p = find_process(h, pid);

	if (p == NULL)
		return;
	close_ring(h, p);
	p->by_gate = 0;
	if (p == h->process[0])
		return;
	p->pid = 0;
	free(p->block);
	p->block = NULL;
	p->nblock = p->block_room = 0;
	idmap_clear(&p->block_at);
}

static int
arm_gate(struct heap *h, pid_t pid, const struct heap_gate *g)
{
	struct process *p = add_process(h, pid);

	if (p == NULL)
		return -1;
	if (p->ring) {
		errno = EBUSY;
		return -1;
	}
	p->ring = ring_open(g->ring);
	p->lost = 0;
	p->read = p->next = proc_now();
	return p->ring ? 0 : -1;
}

static int
armed(const struct heap *h, pid_t pid)
{
	const struct process *p = find_process(h, pid);

	return p && p->ring;
}

static int
by_gate(struct heap *h, pid_t pid, int on)
{
	struct process *p = add_process(h, pid);

	if (p == NULL)
		return -1;
	p->by_gate = on;
	return 0;
}

static int
is_by_gate(const struct heap *h, pid_t pid)
{
	const struct process *p = find_process(h, pid);

	return p && p->by_gate;
}

static int
rate(struct heap *h, uint64_t period, double scale)
{
	(void)h, (void)period, (void)scale;
	return 0;
}

static int
fd(const struct heap *h)
{
	(void)h;
	return -1;
}

static int
read_(struct heap *h)
{
	for (size_t i = 0; i < h->nprocess; i++)
		if (h->process[i]->ring)
			read_ring(h, h->process[i], proc_has_ended(h->process[i]->pid));
	errno = h->failed;
	return h->failed ? -1 : 0;
}

static uint64_t
due(const struct heap *h)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < h->nprocess; i++)
		if (h->process[i]->ring && h->process[i]->next < next)
			next = h->process[i]->next;
	return next;
}

static struct stackmap *
stacks(struct heap *h)
{
	return h->stacks;
}

/* Returns the whole units by which a sum has grown. */
static uint64_t
growth(double now, double told)
{
	return (uint64_t)now - (uint64_t)told;
}

static void
fill_change(struct ring_site *s, struct heap_change *c)
{
	*c = (struct heap_change){ .pid = s->pid, .tid = s->tid, .walked = 1, .leaf = s->stack,
		.user = s->user };
	c->samples = s->now.samples - s->told.samples;
	c->allocs = growth(s->now.allocs, s->told.allocs);
	c->bytes = growth(s->now.bytes, s->told.bytes);
	c->frees = growth(s->now.frees, s->told.frees);
	c->freed = growth(s->now.freed, s->told.freed);
	c->temps = growth(s->now.temps, s->told.temps);
	c->live = (uint64_t)s->now.bytes - (uint64_t)s->now.freed;
	c->count = (uint64_t)s->now.allocs - (uint64_t)s->now.frees;
	c->peak = (uint64_t)s->peak;
	c->bytes_var = s->now.bytes_var - s->told.bytes_var;
	c->live_var = c->bytes_var - (s->now.freed_var - s->told.freed_var);
	for (int i = 0; i < HEAP_BUCKETS; i++) {
		c->sizes[i] = s->sizes[i];
		c->lives[i] = s->lives[i];
	}
}

static void
changes(struct heap *h, int (*fn)(void *ctx, struct heap_change *c), void *ctx)
{
	static struct heap_change c;
	size_t left = 0;

	for (size_t i = 0; i < h->nchanged; i++) {
		struct ring_site *s = &h->site[h->changed[i]];

		fill_change(s, &c);
		if (!fn(ctx, &c)) {
			h->changed[left++] = h->changed[i];
			continue;
		}
		s->user = c.user;
		s->told = s->now;
		s->changed = 0;
		memset(s->sizes, 0, sizeof s->sizes);
		memset(s->lives, 0, sizeof s->lives);
	}
	h->nchanged = left;
}

/* Call fn for the blocks of a process that live. */
static void
report_blocks(const struct heap *h, const struct process *p,
    void (*fn)(void *ctx, const struct heap_living *l), void *ctx)
{
	for (size_t i = 0; i < p->nblock; i++) {
		const struct block *b = &p->block[i];
		const struct heap_living l = { .time = b->time, .size = b->size,
			.weight = b->weight, .user = b->addr ? h->site[b->site].user : NULL };

		if (b->addr)
			fn(ctx, &l);
	}
}

static void
living(struct heap *h, void (*fn)(void *ctx, const struct heap_living *l), void *ctx)
{
	for (size_t i = 0; i < h->nprocess; i++)
		report_blocks(h, h->process[i], fn, ctx);
}

static int
sum(struct heap *h, pid_t pid, struct heap_sum *out)
{
	struct process *p = find_process(h, pid);
	const struct sums *now, *told;

	if (p == NULL)
		return -1;
	now = &p->total;
	told = &p->told;
	*out = (struct heap_sum){ .live = (uint64_t)now->bytes - (uint64_t)now->freed,
		.count = (uint64_t)now->allocs - (uint64_t)now->frees,
		.allocs = growth(now->allocs, told->allocs),
		.bytes = growth(now->bytes, told->bytes),
		.frees = growth(now->frees, told->frees),
		.freed = growth(now->freed, told->freed),
		.bytes_var = now->bytes_var - told->bytes_var,
		.live_var = now->bytes_var - now->freed_var };
	out->peak = p->peak > (double)out->live ? (uint64_t)p->peak : out->live;
	p->told = p->total;
	return 0;
}

static uint64_t
live(const struct heap *h, pid_t pid)
{
	const struct process *p = find_process(h, pid);

	return p ? (uint64_t)live_of(&p->total) : 0;
}

static void
lost(struct heap *h, struct heap_lost *out)
{
	*out = (struct heap_lost){ .ring_full = h->lost - h->told_lost };
	h->told_lost = h->lost;
}

static void
load(struct heap *h, struct heap_load *out)
{
	*out = h->load;
}

static double
hit_cost(struct heap *h)
{
	(void)h;
	return HIT_NS;
}

static const struct heap_backend heap_ring = { .free = free_, .track = track, .put = put,
	.forget = forget, .arm_gate = arm_gate, .disarm = disarm, .armed = armed, .rate = rate,
	.fd = fd, .read = read_, .due = due, .stacks = stacks, .changes = changes,
	.living = living, .sum = sum, .live = live, .lost = lost, .load = load,
	.hit_cost = hit_cost, .by_gate = by_gate, .is_by_gate = is_by_gate };

struct heap *
heap_ring_new(const struct heap_options *o, char *why)
{
	struct heap *h = calloc(1, sizeof *h);

	if (h && (h->stacks = stackmap_new())) {
		h->is = &heap_ring;
		h->o = *o;
		return h;
	}
	free(h);
	errno = ENOMEM;
	snprintf(why, HEAP_WHY, "%s", strerror(errno));
	return NULL;
}
