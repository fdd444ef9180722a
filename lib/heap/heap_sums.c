#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "heap/heap.h"
#include "heap/heap_inside.h"

#include "heap.skel.h"

_Static_assert(HEAP_BUCKETS >= HEAP_SIZES && HEAP_BUCKETS >= HEAP_LIVES, "buckets");

/* ---- sites ------------------------------------------------------------- */

static struct heap_site *
site_at(const struct heap *h, size_t i)
{
	return &h->segment[i >> HEAP_SEGMENT_SHIFT][i & (HEAP_SEGMENT_SITES - 1)];
}

/* Make room to remember what was reported of n sites.  Returns -1 if memory is
 * short. */
static int
ensure_reported(struct heap *h, size_t n)
{
	size_t more = n + n / 2 + 64;
	struct heap_reported *s;

	if (n <= h->nreported)
		return 0;
	s = realloc(h->reported, more * sizeof *s);
	if (s == NULL)
		return -1;
	memset(s + h->nreported, 0, (more - h->nreported) * sizeof *s);
	h->reported = s;
	h->nreported = more;
	return 0;
}

/* Returns the whole units by which a fixed-point weighted sum has grown.  The
 * fraction carries over, so nothing is reported twice or lost. */
static uint64_t
whole_growth(uint64_t now, uint64_t before)
{
	return (now >> HEAP_POINT) - (before >> HEAP_POINT);
}

/* Returns the bytes of a site that were freed, as a weighted sum. */
static uint64_t
freed(const struct heap_site *s)
{
	return s->bytes + s->shift - s->live;
}

/* Returns the whole units by which a signed shift has changed. */
static int64_t
whole_change(uint64_t now, uint64_t before)
{
	return ((int64_t)now >> HEAP_POINT) - ((int64_t)before >> HEAP_POINT);
}

static double
squares(const struct heap_squares *s)
{
	return (double)(int64_t)s->low + (double)(int64_t)s->high * 4294967296.0;
}

/* Returns by how much a sum of squares has grown; read in pieces, it may seem less. */
static double
square_growth(const struct heap_squares *now, const struct heap_squares *before)
{
	double growth = squares(now) - squares(before);

	return growth > 0 ? growth : 0;
}

static uint64_t
max_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Copy a site while the kernel updates it: frees are read before allocations, so
 * that no more seems freed than was allocated. */
static void
read_site(const struct heap_site *from, struct heap_site *to)
{
	const volatile struct heap_site *s = from;
	uint64_t frees = s->frees, temps = s->temps, live = s->live;

	memcpy(to, from, sizeof *to);
	to->frees = frees;
	to->temps = temps;
	to->live = live < to->bytes + to->shift ? live : to->bytes + to->shift;
}

/* Set *c to what has happened at a site since b. */
static void
diff_site(const struct heap_site *s, const struct heap_site *b, struct heap_change *c)
{
	memset(c, 0, sizeof *c);
	c->stack = s->stack;
	c->pid = (pid_t)s->pid;
	c->tid = (pid_t)s->tid;
	c->samples = s->samples - b->samples;
	c->allocs = whole_growth(s->allocs, b->allocs);
	c->bytes = whole_growth(s->bytes, b->bytes);
	c->frees = whole_growth(s->frees, b->frees);
	c->freed = whole_growth(freed(s), freed(b));
	c->temps = whole_growth(s->temps, b->temps);
	c->inplace = whole_growth(s->inplace, b->inplace);
	c->moved = whole_growth(s->moved, b->moved);
	c->copied = whole_growth(s->copied, b->copied);
	for (int i = 0; i < HEAP_SIZES; i++)
		c->sizes[i] = s->sizes[i] - b->sizes[i];
	for (int i = 0; i < HEAP_LIVES; i++)
		c->lives[i] = s->lives[i] - b->lives[i];
	c->shift = whole_change(s->shift, b->shift);
	c->shift_count = whole_change(s->shift_count, b->shift_count);
	c->bytes_var = square_growth(&s->bytes_var, &b->bytes_var);
	c->live_var = squares(&s->live_var) - squares(&b->live_var);
	c->live = (s->bytes >> HEAP_POINT) - (freed(s) >> HEAP_POINT) +
	    (uint64_t)((int64_t)s->shift >> HEAP_POINT);
	c->count = (s->allocs >> HEAP_POINT) - (s->frees >> HEAP_POINT) +
	    (uint64_t)((int64_t)s->shift_count >> HEAP_POINT);
	c->peak = s->peak >> HEAP_POINT;
}

static int
is_changed(const struct heap_site *s, const struct heap_site *before)
{
	return s->allocs != before->allocs || s->frees != before->frees ||
	    s->live != before->live || s->shift != before->shift;
}

void
heap_bpf_changes(struct heap *h, int (*fn)(void *ctx, struct heap_change *c), void *ctx)
{
	size_t n = __atomic_load_n(&h->bpf->bss->nsites, __ATOMIC_SEQ_CST);
	static struct heap_change c;
	struct heap_site now;

	if (n > h->bpf->bss->site_room)
		n = h->bpf->bss->site_room;
	if (ensure_reported(h, n) < 0) {
		h->failed = ENOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct heap_reported *reported = &h->reported[i];

		read_site(site_at(h, i), &now);
		if (!is_changed(&now, &reported->site))
			continue;
		/* Copied in pieces, it may seem to have decreased. */
		if (freed(&now) < freed(&reported->site))
			now.live = now.bytes + now.shift - freed(&reported->site);
		diff_site(&now, &reported->site, &c);
		c.user = reported->user;
		if (!fn(ctx, &c))
			continue;
		reported->user = c.user;
		reported->site = now;
	}
}

/* ---- live allocations --------------------------------------------------- */

/* Returns how many allocations an allocation of size stands for: weigh() of
 * bpf/heap.bpf.c in floating point. */
static double
weight(const struct heap_rate *r, uint64_t size)
{
	double scale = (double)r->scale / HEAP_ONE;

	if (r->period == 0)
		return scale;
	return scale / -expm1(-(double)(size ? size : 1) / (double)r->period);
}

/* Call fn for the allocation in a slot. */
static void
report_living(struct heap *h, const struct heap_entry *e,
    void (*fn)(void *ctx, const struct heap_living *l), void *ctx)
{
	size_t site = (size_t)(e->what >> HEAP_SIZE_BITS);
	struct heap_living l = { .time = e->when >> HEAP_RATE_BITS,
		.size = e->what & HEAP_SIZE_MOST, .site = (uint32_t)site,
		.addr = e->key & ((1ULL << HEAP_ADDR_BITS) - 1),
		.pid = (pid_t)h->total[e->key >> HEAP_ADDR_BITS].pid };

	l.weight = weight(&h->bpf->bss->rates[e->when & (HEAP_RATES - 1)], l.size);
	l.user = site < h->nreported ? h->reported[site].user : NULL;
	fn(ctx, &l);
}

/* Returns whether a slot holds a live allocation: memory is gone after
 * execve(2), but counts as live after a process' end. */
static int
is_live(const struct heap *h, uint64_t key)
{
	uint64_t number = key >> HEAP_ADDR_BITS;

	return key > HEAP_BUSY && number < HEAP_PROCESSES &&
	    h->total[number].gone != HEAP_REPLACED;
}

void
heap_bpf_living(struct heap *h, void (*fn)(void *ctx, const struct heap_living *l),
    void *ctx)
{
	for (uint32_t g = 0; g < h->ngeneration; g++) {
		const struct heap_entry *e = h->generation[g][0].entry;

		for (size_t i = 0; i < heap_slots(g); i++)
			if (is_live(h, e[i].key))
				report_living(h, &e[i], fn, ctx);
	}
}

/* ---- the log ----------------------------------------------------------- */

void
heap_bpf_site(const struct heap *h, uint32_t site, uint64_t *stack, pid_t *tid)
{
	*stack = 0;
	*tid = 0;
	if (site >= h->nsegment * HEAP_SEGMENT_SITES)
		return;
	*stack = site_at(h, site)->stack;
	*tid = (pid_t)site_at(h, site)->tid;
}

/* ---- sums -------------------------------------------------------------- */

uint32_t
heap_number(const struct heap *h, pid_t pid)
{
	uint32_t key = (uint32_t)pid, n = 0;

	bpf_map_lookup_elem(bpf_map__fd(h->bpf->maps.number_of), &key, &n);
	if (n == 0) /* its entry in the map is gone when it has ended */
		for (uint32_t i = 1; i < HEAP_PROCESSES && h->total[i].pid; i++)
			if (h->total[i].pid == key)
				n = i;
	return n;
}

void
heap_bpf_log(struct heap *h, pid_t pid,
    void (*fn)(void *ctx, const struct heap_logged *call), void *ctx)
{
	h->on_call = fn;
	h->on_call_ctx = ctx;
	__atomic_store_n(&h->bpf->bss->logged, pid ? heap_number(h, pid) : 0, __ATOMIC_SEQ_CST);
}

int
heap_bpf_sum(struct heap *h, pid_t pid, struct heap_sum *out)
{
	uint32_t n = heap_number(h, pid);
	struct heap_total now, *before = &h->reported_total[n];

	if (n == 0 || n >= HEAP_PROCESSES)
		return -1;
	memcpy(&now, &h->total[n], sizeof now);
	memset(out, 0, sizeof *out);
	out->allocs = whole_growth(now.allocs, before->allocs);
	out->bytes = whole_growth(now.bytes, before->bytes);
	out->frees = whole_growth(now.frees, before->frees);
	out->freed = whole_growth(now.bytes + now.shift - now.live,
	    before->bytes + before->shift - before->live);
	out->bytes_var = square_growth(&now.bytes_var, &before->bytes_var);
	out->live_var = square_growth(&now.live_var, &(struct heap_squares){ 0, 0 });
	out->unknown = now.unknown - before->unknown;
	out->live = now.live >> HEAP_POINT;
	out->count = (now.allocs + now.shift_count - now.frees) >> HEAP_POINT;
	out->peak = max_of(now.peak >> HEAP_POINT, out->live);
	*before = now;
	return 0;
}

uint64_t
heap_bpf_live(const struct heap *h, pid_t pid)
{
	uint32_t n = heap_number(h, pid);

	return n && n < HEAP_PROCESSES ? h->total[n].live >> HEAP_POINT : 0;
}

int
heap_bpf_by_gate(struct heap *h, pid_t pid, int on)
{
	uint32_t n = heap_number(h, pid);

	if (n == 0 || n >= HEAP_PROCESSES)
		return -1;
	__atomic_store_n(&h->total[n].by_gate, on != 0, __ATOMIC_SEQ_CST);
	return 0;
}

int
heap_bpf_is_by_gate(const struct heap *h, pid_t pid)
{
	uint32_t n = heap_number(h, pid);

	return n && n < HEAP_PROCESSES && h->total[n].by_gate;
}

void
heap_bpf_gate_seen(const struct heap *h, uint64_t *seen, uint64_t *known)
{
	*known = h->bpf->bss->counts.gate_known;
	*seen = h->bpf->bss->counts.gate_seen;
}

void
heap_bpf_lost(struct heap *h, struct heap_lost *out)
{
	struct heap_counts now;

	memcpy(&now, &h->bpf->bss->counts, sizeof now);
	*out = (struct heap_lost){
		now.ring_full - h->reported_lost.ring_full +
		now.unlogged - h->reported_lost.unlogged,
		now.live_full - h->reported_lost.live_full, now.sites_full - h->reported_lost.sites_full,
		now.scratch - h->reported_lost.scratch, now.returns - h->reported_lost.returns,
		now.processes - h->reported_lost.processes };
	h->reported_lost = now;
}

void
heap_bpf_load(struct heap *h, struct heap_load *out)
{
	int n = libbpf_num_possible_cpus();
	struct heap_hits *cpu = calloc(n > 0 ? (size_t)n : 1, sizeof *cpu);
	uint64_t timed = 0, ns = 0;
	uint32_t zero = 0;

	memset(out, 0, sizeof *out);
	out->walked = h->bpf->bss->counts.walked;
	out->remembered = h->bpf->bss->counts.remembered;
	out->reused = h->bpf->bss->counts.reused;
	if (cpu && bpf_map_lookup_elem(bpf_map__fd(h->bpf->maps.hits), &zero, cpu) == 0)
		for (int i = 0; i < n; i++) {
			out->entries += cpu[i].entries;
			out->returns += cpu[i].returns;
			out->frees += cpu[i].frees;
			out->below += cpu[i].below;
			timed += cpu[i].timed;
			ns += cpu[i].ns;
		}
	out->program_ns = timed ? (double)ns / (double)timed : 0;
	free(cpu);
}
