/*
 * How the functions that infer.c has found are called: which argument is the
 * size, from the values that the arguments had.  A doubtful calloc(number,
 * size) is settled by the blocks: with the right product no two live blocks
 * overlap.  A set of live blocks is a tsearch(3) tree ordered by address, in
 * which overlapping blocks compare equal.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/heap.h"
#include "heap/infer_inside.h"

/* ---- overlaps ----------------------------------------------------------- */

/* A block's allocation or free; sorted by time. */
struct moment {
	uint32_t when;
	struct infer_block *block;
	int ends;
};

static int
by_time(const void *va, const void *vb)
{
	const struct moment *a = va, *b = vb;

	return a->when < b->when ? -1 : a->when > b->when;
}

/* Compare two blocks by address; overlapping ones are equal. */
static int
by_range(const void *va, const void *vb)
{
	const struct infer_block *a = va, *b = vb;

	if (a->p + a->size <= b->p)
		return -1;
	return b->p + b->size <= a->p;
}

size_t
infer_count_overlaps(struct infer *r)
{
	struct moment *m = calloc(2 * r->nblock + 1, sizeof *m);
	void *living = NULL;
	size_t n = 0, overlaps = 0;

	if (m == NULL) {
		r->nomem = 1;
		return 0;
	}
	for (size_t i = 0; i < r->nblock; i++) {
		struct infer_block *b = &r->block[i];

		if (b->size == 0)
			continue;
		m[n++] = (struct moment){ b->from, b, 0 };
		if (b->to != CALLTRACE_NONE)
			m[n++] = (struct moment){ b->to, b, 1 };
	}
	qsort(m, n, sizeof *m, by_time);
	for (size_t i = 0; i < n; i++) {
		void **there = m[i].ends ? tfind(m[i].block, &living, by_range)
		                         : tsearch(m[i].block, &living, by_range);

		if (there == NULL)
			continue;
		if (m[i].ends && *there == m[i].block)
			tdelete(m[i].block, &living, by_range);
		else if (!m[i].ends && *there != m[i].block)
			overlaps++;
	}
	for (size_t i = 0; i < n && living; i++)
		tdelete(*(void **)living, &living, by_range);
	free(m);
	return overlaps;
}

/* ---- arguments ---------------------------------------------------------- */

struct values {
	size_t n, one;
	uint64_t distinct[16];
	size_t ndistinct;
};

/* Count the value x of an argument, and remember it if it is among the first 16. */
static void
count_value(struct values *v, uint64_t x)
{
	v->n++;
	v->one += x == 1;
	for (size_t i = 0; i < v->ndistinct; i++)
		if (v->distinct[i] == x)
			return;
	if (v->ndistinct < sizeof v->distinct / sizeof *v->distinct)
		v->distinct[v->ndistinct++] = x;
}

#define LARGEST (1ULL << 40)

#define MALLOC HEAP_SHAPE(HEAP_ALLOC, 0, 1, 0)
#define CALLOC HEAP_SHAPE(HEAP_ALLOC, 0, 2, 1) /* number, size */

/* Returns whether the first two arguments, v, are those of calloc(1, size). */
static int
is_calloc(const struct values v[2])
{
	return v[0].one * 20 >= v[0].n * 19 && v[1].ndistinct > INFER_FEW;
}

/* Returns whether v may be calloc(number, size): an alignment or flags after a
 * size would have few values. */
static int
may_be_calloc(const struct values v[2])
{
	return v[0].ndistinct > 1 && v[1].ndistinct == sizeof v->distinct / sizeof *v->distinct;
}

int
infer_may_be_memalign(const struct calltrace_call *c)
{
	uint64_t align = c->arg[1];

	return c->ret == 0 && align >= 8 && (align & (align - 1)) == 0 &&
	    align <= 1 << 30 && (c->out & (align - 1)) == 0;
}

/* Returns the shape of function f, which allocates.  Sets *maybe_calloc if its
 * size may be a product. */
static uint64_t
shape_of_alloc(const struct infer *r, unsigned f, int *maybe_calloc)
{
	struct values v[2];
	size_t out = 0, n = 0;
	int large = 0;

	memset(v, 0, sizeof v);
	for (size_t i = 0; i < r->nshare; i++) {
		const struct calltrace_call *c = &r->call[r->share[i].call];

		if (c->fn != f)
			continue;
		n++;
		out += infer_may_be_memalign(c) && c->out == r->block[r->share[i].block].p;
		count_value(&v[0], c->arg[0]);
		count_value(&v[1], c->arg[1]);
		large |= c->arg[0] >= LARGEST || c->arg[1] >= LARGEST ||
		    c->arg[0] * c->arg[1] >= LARGEST;
	}
	if (out * 2 > n)
		return HEAP_SHAPE(HEAP_MEMALIGN, 1, 3, 0);
	*maybe_calloc = !large && may_be_calloc(v);
	return !large && is_calloc(v) ? CALLOC : MALLOC;
}

/* Returns whether function f is realloc(p, size) or __rust_realloc(p, old size,
 * alignment, size), as a shape. */
static uint64_t
shape_of_realloc(const struct infer *r, unsigned f)
{
	size_t n = 0, rust = 0;

	for (size_t i = 0; i < r->nshare; i++) {
		const struct calltrace_call *c = &r->call[r->share[i].call];

		if (c->fn != f)
			continue;
		n++;
		rust += c->arg[2] && (c->arg[2] & (c->arg[2] - 1)) == 0 &&
		    c->arg[2] <= 4096 && c->arg[3] < LARGEST && c->arg[3] >= c->arg[1];
	}
	return rust * 10 > n * 9 ? HEAP_SHAPE(HEAP_REALLOC, 1, 4, 0)
	                         : HEAP_SHAPE(HEAP_REALLOC, 1, 2, 0);
}

/* Returns the size that call c asked for, if its function has this shape. */
static uint64_t
size_by(const struct calltrace_call *c, uint64_t shape)
{
	unsigned size = shape >> 8 & 15, times = shape >> 12 & 15;

	return c->arg[size - 1] * (times ? c->arg[times - 1] : 1);
}

/* Set the sizes of all blocks by the shapes of the functions that returned them. */
static void
set_sizes(struct infer *r, const uint64_t *shape)
{
	for (size_t i = 0; i < r->nshare; i++) {
		const struct calltrace_call *c = &r->call[r->share[i].call];
		struct infer_block *b = &r->block[r->share[i].block];

		/* Shares of a block are in order of return: the outermost
		 * function wins. */
		if ((r->allocs | r->reallocs) & BIT(c->fn))
			b->size = size_by(c, shape[c->fn]);
	}
}

/* Take the size of function f for a product, unless that makes blocks overlap. */
static void
try_calloc(struct infer *r, unsigned f, uint64_t *shape)
{
	size_t before, after;

	set_sizes(r, shape);
	before = infer_count_overlaps(r);
	shape[f] = CALLOC;
	set_sizes(r, shape);
	after = infer_count_overlaps(r);
	if (after > before && (after - before) * 1000 > r->fn[f].blocks)
		shape[f] = MALLOC;
}

void
infer_shapes(struct infer *r, uint64_t *shape)
{
	int maybe_calloc[CALLTRACE_MOST] = { 0 };

	for (unsigned f = 0; f < r->nfn; f++) {
		shape[f] = 0;
		if (r->frees & BIT(f))
			shape[f] = HEAP_SHAPE(HEAP_FREE, 1, 0, 0);
		else if (r->reallocs & BIT(f))
			shape[f] = shape_of_realloc(r, f);
		else if (r->allocs & BIT(f))
			shape[f] = shape_of_alloc(r, f, &maybe_calloc[f]);
	}
	for (unsigned f = 0; f < r->nfn; f++)
		if (maybe_calloc[f] && shape[f] == MALLOC)
			try_calloc(r, f, shape);
	set_sizes(r, shape);
}
