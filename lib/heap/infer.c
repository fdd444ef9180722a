/*
 * Every call in the trace becomes up to two touches: the pointer it was passed
 * and the pointer it returned.  Sorted by pointer and time, the touches of one
 * pointer are its story: returned, passed around, passed to the function that
 * frees it, returned again.
 *
 * Each pass over the touches narrows the roles down.  The first finds the
 * function that frees: the last that pointers are passed to before they are
 * returned again.  With it known, scan_lives() cuts each story into blocks
 * (allocated at, freed at, returned by), and the counts of blocks per function
 * show which functions allocate and reallocate; it runs again whenever a role is
 * settled, because each one changes where blocks begin and end.  All sets of
 * functions are bits of a uint64_t.
 */
#include "heap/infer.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "heap/infer_inside.h"

#define LEAST_BLOCKS 100 /* blocks, before anything is concluded */
#define LEAST_FREED 50
#define LEAST_AGAIN 10 /* reissued pointers, to conclude who frees */
#define LOOKBACK 1000  /* touches of one pointer, searched backwards */

/* ---- touches ------------------------------------------------------------ */

/* Returns whether p can be the address of a block: in user space, aligned to 8. */
static int
is_pointer(uint64_t p)
{
	return p >= 0x10000 && p < 1ULL << 47 && (p & 7) == 0;
}

/* Append a touch, unless p is no pointer. */
static void
add_touch(struct infer *r, uint64_t p, uint32_t when, uint32_t call, enum infer_how how)
{
	if (!is_pointer(p))
		return;
	if (array_room(&r->touch, r->n, &r->room, sizeof *r->touch) < 0) {
		r->nomem = 1;
		return;
	}
	r->touch[r->n++] = (struct infer_touch){ p, when, call, how };
}

static int
by_pointer(const void *va, const void *vb)
{
	const struct infer_touch *a = va, *b = vb;

	if (a->p != b->p)
		return a->p < b->p ? -1 : 1;
	return a->when < b->when ? -1 : a->when > b->when;
}

/* Collect the touches of all calls, sorted by pointer and time. */
static void
collect_touches(struct infer *r)
{
	for (uint32_t i = 0; i < r->ncall; i++) {
		const struct calltrace_call *c = &r->call[i];

		r->fn[c->fn].calls++;
		add_touch(r, c->arg[0], c->enter, i, INFER_PASSED);
		if (c->leave == CALLTRACE_NONE)
			continue;
		if (infer_may_be_memalign(c))
			add_touch(r, c->out, c->leave, i, INFER_STORED);
		else
			add_touch(r, c->ret, c->leave, i, INFER_RETURNED);
	}
	if (r->n)
		qsort(r->touch, r->n, sizeof *r->touch, by_pointer);
}

static unsigned
fn_of(const struct infer *r, const struct infer_touch *t)
{
	return r->call[t->call].fn;
}

/* Returns whether a call was made, directly or not, by the call outer. */
static int
within(const struct infer *r, uint32_t call, uint32_t outer)
{
	while (call != CALLTRACE_NONE && call > outer)
		call = r->call[call].outer;
	return call == outer;
}

/* Returns whether one of two calls was made by the other. */
static int
are_nested(const struct infer *r, uint32_t a, uint32_t b)
{
	return a < b ? within(r, b, a) : within(r, a, b);
}

/* ---- which function frees ----------------------------------------------- */

/* Credit the function that was last passed the pointer of touch i before that
 * touch returned it, and those that called it or that it called. */
static void
count_passed_last(struct infer *r, size_t i)
{
	const struct infer_touch *t = &r->touch[i];
	uint32_t last = r->touch[i - 1].call;

	for (size_t j = i; j-- > 0 && r->touch[j].p == t->p;) {
		const struct infer_touch *u = &r->touch[j];

		if (u->how != INFER_PASSED || !are_nested(r, u->call, last))
			return;
		r->fn[fn_of(r, u)].passed_last++;
	}
}

/* Returns whether the pointer returned by touch i is passed to an unrelated call
 * before it is returned again. */
static int
is_used(const struct infer *r, size_t i)
{
	const struct infer_touch *t = &r->touch[i];

	while (++i < r->n && r->touch[i].p == t->p)
		if (!are_nested(r, r->touch[i].call, t->call))
			return r->touch[i].how == INFER_PASSED;
	return 1; /* it may be, after the trace */
}

/* Count a returned pointer (touch i), and whether something could have freed it
 * since it was last touched. */
static void
on_returned(struct infer *r, size_t i)
{
	const struct infer_touch *t = &r->touch[i], *before = t - 1;
	struct infer_fn *f = &r->fn[fn_of(r, t)];
	int used = is_used(r, i);

	f->returned++;
	f->returned_used += used;
	if (i == 0 || before->p != t->p || are_nested(r, before->call, t->call))
		return;
	f->reissued++;
	if (before->how != INFER_PASSED)
		return;
	f->reissued_explained += used;
	count_passed_last(r, i);
}

/* Count a passed pointer (touch i), and whether the same function was passed it
 * before with nobody returning it in between. */
static void
on_passed(struct infer *r, size_t i)
{
	const struct infer_touch *t = &r->touch[i];
	unsigned f = fn_of(r, t);

	r->fn[f].passed++;
	for (size_t j = i; j-- > 0 && i - j < LOOKBACK && r->touch[j].p == t->p;) {
		if (r->touch[j].how != INFER_PASSED)
			return;
		if (fn_of(r, &r->touch[j]) == f && !are_nested(r, r->touch[j].call, t->call)) {
			r->fn[f].passed_twice++;
			return;
		}
	}
}

/* Find the function that frees: the one that is most often the last to be passed
 * a pointer.  Exclude functions that return used pointers, which reallocate.  A
 * pointer merely left over in the result's register does not count: mimalloc leaves
 * the block freed before there. */
static void
find_frees(struct infer *r)
{
	size_t most = LEAST_AGAIN;

	for (size_t i = 0; i < r->n; i++)
		if (r->touch[i].how == INFER_PASSED)
			on_passed(r, i);
		else
			on_returned(r, i);
	for (unsigned f = 0; f < r->nfn; f++) {
		const struct infer_fn *fn = &r->fn[f];

		if (fn->passed_last < most ||
		    (fn->reissued >= INFER_FEW && fn->reissued_explained * 2 > fn->reissued))
			continue;
		most = fn->passed_last;
		r->frees = BIT(f);
	}
}

/* Find the functions whose results are used; other results are left over in the register. */
static void
find_candidates(struct infer *r)
{
	r->candidates = 0;
	for (unsigned f = 0; f < r->nfn; f++)
		if (!(r->frees & BIT(f)) && r->fn[f].returned_used * 2 > r->fn[f].returned)
			r->candidates |= BIT(f);
}

/* ---- blocks ------------------------------------------------------------- */

static uint32_t
add_block(struct infer *r, const struct infer_touch *t)
{
	if (array_room(&r->block, r->nblock, &r->block_room, sizeof *r->block) < 0) {
		r->nomem = 1;
		return CALLTRACE_NONE;
	}
	r->block[r->nblock] = (struct infer_block){ .p = t->p, .from = t->when, .to = CALLTRACE_NONE };
	return (uint32_t)r->nblock++;
}

/* Record that the call of touch t returned a block. */
static void
add_share(struct infer *r, uint32_t block, const struct infer_touch *t)
{
	r->block[block].fns |= BIT(fn_of(r, t));
	if (array_room(&r->share, r->nshare, &r->share_room, sizeof *r->share) < 0) {
		r->nomem = 1;
		return;
	}
	r->share[r->nshare++] = (struct infer_share){ block, t->call };
}

/* State of one pointer while its touches are scanned in order. */
struct life {
	uint64_t p;
	uint32_t block;                 /* CALLTRACE_NONE: not known to live */
	uint32_t call;                  /* that returned it */
	uint64_t movers;                /* functions that were passed it and returned
	                                   another pointer: bits */
	uint32_t mover[CALLTRACE_MOST]; /* calls of each */
};

/* End the block of l at a time, if there is one. */
static void
end_life(struct infer *r, struct life *l, uint32_t when)
{
	struct infer_block *b;

	if (l->block == CALLTRACE_NONE)
		return;
	b = &r->block[l->block];
	b->to = when;
	for (unsigned f = 0; f < r->nfn; f++)
		r->fn[f].freed += (b->fns >> f) & 1;
	l->block = CALLTRACE_NONE;
}

/* Handle the pointer's reuse: whatever seemed to have moved its block has. */
static void
on_reissued(struct infer *r, struct life *l, uint32_t when)
{
	for (unsigned f = 0; f < r->nfn; f++)
		r->fn[f].moved_away += (l->movers >> f) & 1;
	end_life(r, l, when);
}

/* Handle a returned pointer: it begins a block, ends one that was moved away, or
 * contradicts one that is still live. */
static void
on_block_returned(struct infer *r, struct life *l, const struct infer_touch *t)
{
	const struct calltrace_call *c = &r->call[t->call];
	struct infer_fn *f = &r->fn[c->fn];

	if (!(r->candidates & BIT(c->fn)))
		return;
	if (l->block != CALLTRACE_NONE && are_nested(r, l->call, t->call)) {
		f->blocks++;
		add_share(r, l->block, t);
		return;
	}
	if (t->how == INFER_RETURNED && c->arg[0] == t->p) {
		f->in_place++;
		if (!(r->reallocs & BIT(c->fn)))
			return;
		end_life(r, l, t->when);
	}
	if (l->block != CALLTRACE_NONE && l->movers == 0) {
		f->contradictions++;
		return;
	}
	on_reissued(r, l, t->when);
	l->block = add_block(r, t);
	l->call = t->call;
	l->movers = 0;
	if (l->block == CALLTRACE_NONE)
		return;
	f->blocks++;
	add_share(r, l->block, t);
}

/* Handle a free by a call: a mover that made the call has moved the block; one
 * that did not has left it alive. */
static void
on_freed(struct infer *r, struct life *l, uint32_t call)
{
	for (unsigned f = 0; f < r->nfn; f++)
		if (l->movers & BIT(f)) {
			if (within(r, call, l->mover[f]))
				r->fn[f].moved_away++;
			else
				r->fn[f].not_moved++;
		}
	l->movers = 0;
}

/* Handle a passed pointer: the call frees its block, or seems to move it. */
static void
on_block_passed(struct infer *r, struct life *l, const struct infer_touch *t)
{
	const struct calltrace_call *c = &r->call[t->call];

	if (r->frees & BIT(c->fn)) {
		on_freed(r, l, t->call);
		end_life(r, l, t->when);
	} else if (l->block != CALLTRACE_NONE && c->leave != CALLTRACE_NONE && c->ret != t->p &&
	    is_pointer(c->ret)) {
		r->fn[c->fn].moved++;
		l->movers |= BIT(c->fn);
		l->mover[c->fn] = t->call;
		if (r->reallocs & BIT(c->fn))
			end_life(r, l, t->when);
	}
}

/* Rebuild all blocks and the counts that depend on them, by the roles known so
 * far. */
static void
scan_lives(struct infer *r)
{
	struct life l = { .block = CALLTRACE_NONE };

	r->nblock = r->nshare = 0;
	for (unsigned f = 0; f < r->nfn; f++) {
		struct infer_fn *fn = &r->fn[f];

		fn->blocks = fn->contradictions = fn->freed = fn->moved = fn->in_place = fn->not_moved =
		    fn->moved_away = 0;
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct infer_touch *t = &r->touch[i];

		if (t->p != l.p)
			l = (struct life){ .p = t->p, .block = CALLTRACE_NONE };
		if (t->how == INFER_PASSED)
			on_block_passed(r, &l, t);
		else
			on_block_returned(r, &l, t);
	}
}

/* ---- which functions allocate ------------------------------------------- */

/* Find the functions that return a new, used pointer for a live one that nobody
 * frees afterwards. */
static void
find_reallocs(struct infer *r)
{
	for (unsigned f = 0; f < r->nfn; f++) {
		const struct infer_fn *fn = &r->fn[f];

		if ((r->candidates & BIT(f)) && fn->moved_away >= INFER_FEW && fn->blocks >= INFER_FEW &&
		    fn->not_moved * 4 <= fn->moved_away &&
		    (fn->moved + fn->in_place) * 4 >= fn->calls)
			r->reallocs |= BIT(f);
	}
}

/* Returns whether nearly all calls of function f return blocks that others free. */
static int
is_allocator(const struct infer *r, unsigned f)
{
	const struct infer_fn *fn = &r->fn[f];

	return !(r->frees & BIT(f)) && fn->blocks >= INFER_FEW && fn->freed >= INFER_FEW &&
	    fn->freed * 10 >= fn->blocks && fn->contradictions * 100 <= fn->blocks &&
	    fn->blocks * 10 >= fn->calls * 9;
}

/* Count the blocks that function f returned and none of the set others did. */
static size_t
count_uncovered(const struct infer *r, unsigned f, uint64_t others)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nblock; i++)
		n += (r->block[i].fns & BIT(f)) && !(r->block[i].fns & others);
	return n;
}

/* Add functions of the set from to chosen, the one that adds most blocks first,
 * until none adds enough.  Returns the resulting set; of functions that call
 * each other it has the outermost or the innermost, whichever returns more. */
static uint64_t
choose_covering(const struct infer *r, uint64_t from, uint64_t chosen)
{
	for (;;) {
		size_t most = 0, n;
		unsigned best = 0;

		for (unsigned f = 0; f < r->nfn; f++)
			if ((from & BIT(f)) && (n = count_uncovered(r, f, chosen)) > most) {
				most = n;
				best = f;
			}
		if (most < INFER_FEW)
			return chosen;
		chosen |= BIT(best);
	}
}

/* Drop functions that cannot be allocators from the candidates, so that their
 * results do not end the lifetimes of real blocks. */
static void
drop_confusing(struct infer *r)
{
	for (unsigned f = 0; f < r->nfn; f++) {
		const struct infer_fn *fn = &r->fn[f];

		if (fn->freed < INFER_FEW || fn->freed * 10 < fn->blocks ||
		    fn->contradictions * 10 > fn->blocks || fn->blocks * 2 < fn->calls)
			r->candidates &= ~BIT(f);
	}
}

/* Returns the set some without functions that always leave the allocation to
 * another one in it.  The innermost one may have other callers as well. */
static uint64_t
innermost(const struct infer *r, uint64_t some)
{
	size_t own[CALLTRACE_MOST] = { 0 };
	uint32_t counted = CALLTRACE_NONE; /* block whose innermost function is counted */

	for (size_t i = 0; i < r->nshare; i++) {
		unsigned f = r->call[r->share[i].call].fn;

		if (r->share[i].block == counted || !(some & BIT(f)))
			continue;
		counted = r->share[i].block;
		own[f]++;
	}
	for (unsigned f = 0; f < r->nfn; f++)
		if (own[f] * 100 < r->fn[f].blocks)
			some &= ~BIT(f);
	return some;
}

/* Settle which functions allocate and which reallocate. */
static void
find_allocs(struct infer *r)
{
	uint64_t found = 0;

	for (unsigned f = 0; f < r->nfn; f++)
		if (is_allocator(r, f))
			found |= BIT(f);
	found = innermost(r, found & r->reallocs) | innermost(r, found & ~r->reallocs);
	r->reallocs = choose_covering(r, found & r->reallocs, 0);
	r->allocs = choose_covering(r, found & ~r->reallocs, r->reallocs) & ~r->reallocs;
	r->candidates = r->allocs | r->reallocs;
}

/* ---- verdict ------------------------------------------------------------ */

/* Report every function that dealt with blocks at all, before roles narrow them
 * down. */
static void
report_pointers(const struct infer *r, struct infer_evidence *evidence)
{
	for (unsigned f = 0; f < r->nfn; f++) {
		const struct infer_fn *fn = &r->fn[f];

		if ((fn->blocks >= INFER_FEW && fn->freed >= INFER_FEW) || fn->moved_away >= INFER_FEW ||
		    fn->passed_last >= LEAST_AGAIN)
			evidence->pointers |= BIT(f);
	}
}

/* Fill in the rest of *evidence from the final blocks. */
static void
summarize(struct infer *r, struct infer_evidence *evidence)
{
	evidence->blocks = r->nblock;
	for (size_t i = 0; i < r->nblock; i++)
		evidence->freed += r->block[i].to != CALLTRACE_NONE;
	for (unsigned f = 0; f < r->nfn; f++)
		evidence->contradictions += r->fn[f].contradictions;
	evidence->contradictions += infer_count_overlaps(r);
	for (unsigned f = 0; f < r->nfn; f++)
		if (r->frees & BIT(f)) {
			evidence->frees += r->fn[f].passed;
			evidence->unknown += r->fn[f].passed_twice;
		}
}

/* Returns why the evidence does not suffice, or NULL if it does. */
static const char *
check_evidence(const struct infer *r, const struct infer_evidence *evidence)
{
	if (r->nomem)
		return "out of memory";
	if (r->frees == 0)
		return "no function was seen to free memory";
	if (r->allocs == 0 || evidence->blocks < LEAST_BLOCKS || evidence->freed < LEAST_FREED)
		return "too little was allocated";
	if (evidence->contradictions * 100 > evidence->blocks)
		return "the calls contradict each other";
	if (evidence->unknown * 2 > evidence->frees)
		return "most frees were of memory from elsewhere";
	return NULL;
}

int
infer_find(const struct calltrace_calls *calls, size_t n, uint64_t *shape,
    struct infer_evidence *evidence, const char **why)
{
	struct infer *r = calloc(1, sizeof *r);

	memset(evidence, 0, sizeof *evidence);
	*why = r ? "too many functions" : "out of memory";
	if (r == NULL || n > CALLTRACE_MOST) {
		free(r);
		return -1;
	}
	r->call = calls->call;
	r->ncall = calls->n;
	r->nfn = n;
	collect_touches(r);
	find_frees(r);
	find_candidates(r);
	scan_lives(r);
	report_pointers(r, evidence);
	find_reallocs(r);
	scan_lives(r);
	drop_confusing(r);
	scan_lives(r);
	find_allocs(r);
	scan_lives(r);
	infer_shapes(r, shape);
	summarize(r, evidence);
	*why = check_evidence(r, evidence);
	free(r->touch);
	free(r->block);
	free(r->share);
	free(r);
	return *why ? -1 : 0;
}
