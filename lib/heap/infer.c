#include "heap/infer.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "heap/infer_inside.h"

#define LEAST_BIRTHS 100 /* before anything is said */
#define LEAST_DEATHS 50
#define LEAST_AGAIN 10   /* pointers handed out again, to tell who frees */
#define FAR 1000         /* touches of a pointer that are looked back over */

/* ---- what has touched what --------------------------------------------- */

static int
is_pointer(uint64_t p)
{
	return p >= 0x10000 && p < 1ULL << 47 && (p & 7) == 0;
}

static void
add_touch(struct infer *r, uint64_t p, uint32_t when, uint32_t call, enum how how)
{
	if (!is_pointer(p))
		return;
	if (array_room(&r->touch, r->n, &r->room, sizeof *r->touch) < 0) {
		r->nomem = 1;
		return;
	}
	r->touch[r->n++] = (struct touch){ p, when, call, how };
}

static int
by_pointer(const void *va, const void *vb)
{
	const struct touch *a = va, *b = vb;

	if (a->p != b->p)
		return a->p < b->p ? -1 : 1;
	return a->when < b->when ? -1 : a->when > b->when;
}

static void
gather(struct infer *r)
{
	for (uint32_t i = 0; i < r->ncall; i++) {
		const struct calltrace_call *c = &r->call[i];

		r->fn[c->fn].calls++;
		add_touch(r, c->arg[0], c->enter, i, TAKEN);
		if (c->leave == CALLTRACE_NONE)
			continue;
		if (infer_may_be_memalign(c))
			add_touch(r, c->out, c->leave, i, OUT);
		else
			add_touch(r, c->ret, c->leave, i, GIVEN);
	}
	if (r->n)
		qsort(r->touch, r->n, sizeof *r->touch, by_pointer);
}

static unsigned
fn_of(const struct infer *r, const struct touch *t)
{
	return r->call[t->call].fn;
}

/* Is one call made by another, or by one that that has made? */
static int
within(const struct infer *r, uint32_t call, uint32_t outer)
{
	while (call != CALLTRACE_NONE && call > outer)
		call = r->call[call].outer;
	return call == outer;
}

static int
are_nested(const struct infer *r, uint32_t a, uint32_t b)
{
	return a < b ? within(r, b, a) : within(r, a, b);
}

/* ---- who frees --------------------------------------------------------- */

/* Those that were given a pointer last before it was handed out again: one, and
 * who called it or was called by it. */
static void
see_last(struct infer *r, size_t i)
{
	const struct touch *t = &r->touch[i];
	uint32_t last = r->touch[i - 1].call;

	for (size_t j = i; j-- > 0 && r->touch[j].p == t->p;) {
		const struct touch *u = &r->touch[j];

		if (u->how != TAKEN || !are_nested(r, u->call, last))
			return;
		r->fn[fn_of(r, u)].last++;
	}
}

/* Is what was handed out given to somebody, before it comes again? */
static int
is_used(const struct infer *r, size_t i)
{
	const struct touch *t = &r->touch[i];

	while (++i < r->n && r->touch[i].p == t->p)
		if (!are_nested(r, r->touch[i].call, t->call))
			return r->touch[i].how == TAKEN;
	return 1; /* it may be yet */
}

/* A function has handed out a pointer: is there something that ended what was
 * there before? */
static void
see_again(struct infer *r, size_t i)
{
	const struct touch *t = &r->touch[i], *before = t - 1;
	struct fn *f = &r->fn[fn_of(r, t)];
	int used = is_used(r, i);

	f->given++;
	f->used += used;
	if (i == 0 || before->p != t->p || are_nested(r, before->call, t->call))
		return;
	f->again++;
	if (before->how != TAKEN)
		return;
	f->explained += used;
	see_last(r, i);
}

/* A function was given a pointer: has it been before, and nobody has handed it out
 * since? */
static void
see_taken(struct infer *r, size_t i)
{
	const struct touch *t = &r->touch[i];
	unsigned f = fn_of(r, t);

	r->fn[f].taken++;
	for (size_t j = i; j-- > 0 && i - j < FAR && r->touch[j].p == t->p;) {
		if (r->touch[j].how != TAKEN)
			return;
		if (fn_of(r, &r->touch[j]) == f && !are_nested(r, r->touch[j].call, t->call)) {
			r->fn[f].twice++;
			return;
		}
	}
}

/* The one that most is given last.  What hands out pointers that are used
 * reallocates; what happens to be left in rax is not: mimalloc leaves there what
 * was freed before. */
static void
find_frees(struct infer *r)
{
	size_t most = LEAST_AGAIN;

	for (size_t i = 0; i < r->n; i++)
		if (r->touch[i].how == TAKEN)
			see_taken(r, i);
		else
			see_again(r, i);
	for (unsigned f = 0; f < r->nfn; f++) {
		const struct fn *fn = &r->fn[f];

		if (fn->last < most || (fn->again >= FEW && fn->explained * 2 > fn->again))
			continue;
		most = fn->last;
		r->frees = BIT(f);
	}
}

/* What others do not use is left in rax by chance. */
static void
find_users(struct infer *r)
{
	r->may = 0;
	for (unsigned f = 0; f < r->nfn; f++)
		if (!(r->frees & BIT(f)) && r->fn[f].used * 2 > r->fn[f].given)
			r->may |= BIT(f);
}

/* ---- lives ------------------------------------------------------------- */

static uint32_t
add_birth(struct infer *r, const struct touch *t)
{
	if (array_room(&r->birth, r->nbirth, &r->birth_room, sizeof *r->birth) < 0) {
		r->nomem = 1;
		return CALLTRACE_NONE;
	}
	r->birth[r->nbirth] = (struct birth){ .p = t->p, .from = t->when, .to = CALLTRACE_NONE };
	return (uint32_t)r->nbirth++;
}

static void
add_share(struct infer *r, uint32_t birth, const struct touch *t)
{
	r->birth[birth].fns |= BIT(fn_of(r, t));
	if (array_room(&r->share, r->nshare, &r->share_room, sizeof *r->share) < 0) {
		r->nomem = 1;
		return;
	}
	r->share[r->nshare++] = (struct share){ birth, t->call };
}

/* A pointer's state, from touch to touch. */
struct life {
	uint64_t p;
	uint32_t birth;      /* CALLTRACE_NONE: it does not live, as far as is known */
	uint32_t call;       /* that has handed it out */
	uint64_t movers;     /* were given it, and have handed out another: bits */
	uint32_t mover[CALLTRACE_MOST]; /* their calls */
};

static void
end_life(struct infer *r, struct life *l, uint32_t when)
{
	struct birth *b;

	if (l->birth == CALLTRACE_NONE)
		return;
	b = &r->birth[l->birth];
	b->to = when;
	for (unsigned f = 0; f < r->nfn; f++)
		r->fn[f].ended += (b->fns >> f) & 1;
	l->birth = CALLTRACE_NONE;
}

/* It comes again: then what seemed to have moved it has. */
static void
see_gone(struct infer *r, struct life *l, uint32_t when)
{
	for (unsigned f = 0; f < r->nfn; f++)
		r->fn[f].gone += (l->movers >> f) & 1;
	end_life(r, l, when);
}

static void
see_given(struct infer *r, struct life *l, const struct touch *t)
{
	const struct calltrace_call *c = &r->call[t->call];
	struct fn *f = &r->fn[c->fn];

	if (!(r->may & BIT(c->fn)))
		return;
	if (l->birth != CALLTRACE_NONE && are_nested(r, l->call, t->call)) {
		f->births++;
		add_share(r, l->birth, t);
		return;
	}
	if (t->how == GIVEN && c->arg[0] == t->p) {
		f->in_place++;
		if (!(r->reallocs & BIT(c->fn)))
			return;
		end_life(r, l, t->when);
	}
	if (l->birth != CALLTRACE_NONE && l->movers == 0) {
		f->wrong++;
		return;
	}
	see_gone(r, l, t->when);
	l->birth = add_birth(r, t);
	l->call = t->call;
	l->movers = 0;
	if (l->birth == CALLTRACE_NONE)
		return;
	f->births++;
	add_share(r, l->birth, t);
}

/* It is freed: by what seemed to have moved it, or does it still live after
 * that? */
static void
see_freed(struct infer *r, struct life *l, uint32_t call)
{
	for (unsigned f = 0; f < r->nfn; f++)
		if (l->movers & BIT(f)) {
			if (within(r, call, l->mover[f]))
				r->fn[f].gone++;
			else
				r->fn[f].still++;
		}
	l->movers = 0;
}

static void
see_end(struct infer *r, struct life *l, const struct touch *t)
{
	const struct calltrace_call *c = &r->call[t->call];

	if (r->frees & BIT(c->fn)) {
		see_freed(r, l, t->call);
		end_life(r, l, t->when);
	} else if (l->birth != CALLTRACE_NONE && c->leave != CALLTRACE_NONE && c->ret != t->p &&
	    is_pointer(c->ret)) {
		r->fn[c->fn].moved++;
		l->movers |= BIT(c->fn);
		l->mover[c->fn] = t->call;
		if (r->reallocs & BIT(c->fn))
			end_life(r, l, t->when);
	}
}

static void
see_lives(struct infer *r)
{
	struct life l = { .birth = CALLTRACE_NONE };

	r->nbirth = r->nshare = 0;
	for (unsigned f = 0; f < r->nfn; f++) {
		struct fn *fn = &r->fn[f];

		fn->births = fn->wrong = fn->ended = fn->moved = fn->in_place = fn->still =
		    fn->gone = 0;
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct touch *t = &r->touch[i];

		if (t->p != l.p)
			l = (struct life){ .p = t->p, .birth = CALLTRACE_NONE };
		if (t->how == TAKEN)
			see_end(r, &l, t);
		else
			see_given(r, &l, t);
	}
}

/* ---- who allocates ----------------------------------------------------- */

/* A new pointer, which is used, for one that lives, which nobody frees any more. */
static void
find_reallocs(struct infer *r)
{
	for (unsigned f = 0; f < r->nfn; f++) {
		const struct fn *fn = &r->fn[f];

		if ((r->may & BIT(f)) && fn->gone >= FEW && fn->births >= FEW &&
		    fn->still * 4 <= fn->gone &&
		    (fn->moved + fn->in_place) * 4 >= fn->calls)
			r->reallocs |= BIT(f);
	}
}

static int
allocates(const struct infer *r, unsigned f)
{
	const struct fn *fn = &r->fn[f];

	return !(r->frees & BIT(f)) && fn->births >= FEW && fn->ended >= FEW &&
	    fn->ended * 10 >= fn->births && fn->wrong * 100 <= fn->births &&
	    fn->births * 10 >= fn->calls * 9;
}

/* How much a function has handed out that none of some others has. */
static size_t
adds(const struct infer *r, unsigned f, uint64_t others)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nbirth; i++)
		n += (r->birth[i].fns & BIT(f)) && !(r->birth[i].fns & others);
	return n;
}

/* Of those that call one another, the one by which more comes. */
static uint64_t
choose(const struct infer *r, uint64_t from, uint64_t chosen)
{
	for (;;) {
		size_t most = 0, n;
		unsigned best = 0;

		for (unsigned f = 0; f < r->nfn; f++)
			if ((from & BIT(f)) && (n = adds(r, f, chosen)) > most) {
				most = n;
				best = f;
			}
		if (most < FEW)
			return chosen;
		chosen |= BIT(best);
	}
}

/* What can be nothing that allocates must not confuse: an end of something is
 * where something else begins. */
static void
find_births(struct infer *r)
{
	for (unsigned f = 0; f < r->nfn; f++) {
		const struct fn *fn = &r->fn[f];

		if (fn->ended < FEW || fn->ended * 10 < fn->births ||
		    fn->wrong * 10 > fn->births || fn->births * 2 < fn->calls)
			r->may &= ~BIT(f);
	}
}

/* Some of those that allocate (or all that reallocate) without those that always
 * let another one of them do it: that may be called by others, too. */
static uint64_t
innermost(const struct infer *r, uint64_t some)
{
	size_t own[CALLTRACE_MOST] = { 0 };
	uint32_t told = CALLTRACE_NONE; /* a birth whose innermost one is known */

	for (size_t i = 0; i < r->nshare; i++) {
		unsigned f = r->call[r->share[i].call].fn;

		if (r->share[i].birth == told || !(some & BIT(f)))
			continue;
		told = r->share[i].birth;
		own[f]++;
	}
	for (unsigned f = 0; f < r->nfn; f++)
		if (own[f] * 100 < r->fn[f].births)
			some &= ~BIT(f);
	return some;
}

static void
find_allocs(struct infer *r)
{
	uint64_t may = 0;

	for (unsigned f = 0; f < r->nfn; f++)
		if (allocates(r, f))
			may |= BIT(f);
	may = innermost(r, may & r->reallocs) | innermost(r, may & ~r->reallocs);
	r->reallocs = choose(r, may & r->reallocs, 0);
	r->allocs = choose(r, may & ~r->reallocs, r->reallocs) & ~r->reallocs;
	r->may = r->allocs | r->reallocs;
}

/* ---- all of it --------------------------------------------------------- */

/* Before others are left out. */
static void
see_pointers(const struct infer *r, struct infer_seen *seen)
{
	for (unsigned f = 0; f < r->nfn; f++) {
		const struct fn *fn = &r->fn[f];

		if ((fn->births >= FEW && fn->ended >= FEW) || fn->gone >= FEW ||
		    fn->last >= LEAST_AGAIN)
			seen->pointers |= BIT(f);
	}
}

static void
sum_up(struct infer *r, struct infer_seen *seen)
{
	seen->births = r->nbirth;
	for (size_t i = 0; i < r->nbirth; i++)
		seen->deaths += r->birth[i].to != CALLTRACE_NONE;
	for (unsigned f = 0; f < r->nfn; f++)
		seen->wrong += r->fn[f].wrong;
	seen->wrong += infer_count_overlaps(r);
	for (unsigned f = 0; f < r->nfn; f++)
		if (r->frees & BIT(f)) {
			seen->frees += r->fn[f].taken;
			seen->unknown += r->fn[f].twice;
		}
}

static const char *
judge(const struct infer *r, const struct infer_seen *seen)
{
	if (r->nomem)
		return "out of memory";
	if (r->frees == 0)
		return "nothing was seen to be freed";
	if (r->allocs == 0 || seen->births < LEAST_BIRTHS || seen->deaths < LEAST_DEATHS)
		return "too little was allocated";
	if (seen->wrong * 100 > seen->births)
		return "what was seen does not fit together";
	if (seen->unknown * 2 > seen->frees)
		return "most of what was freed came from elsewhere";
	return NULL;
}

int
infer_find(const struct calltrace_calls *calls, size_t n, uint64_t *shape,
    struct infer_seen *seen, const char **why)
{
	struct infer *r = calloc(1, sizeof *r);

	memset(seen, 0, sizeof *seen);
	*why = r ? "too many functions" : "out of memory";
	if (r == NULL || n > CALLTRACE_MOST) {
		free(r);
		return -1;
	}
	r->call = calls->call;
	r->ncall = calls->n;
	r->nfn = n;
	gather(r);
	find_frees(r);
	find_users(r);
	see_lives(r);
	see_pointers(r, seen);
	find_reallocs(r);
	see_lives(r);
	find_births(r);
	see_lives(r);
	find_allocs(r);
	see_lives(r);
	infer_shapes(r, shape);
	sum_up(r, seen);
	*why = judge(r, seen);
	free(r->touch);
	free(r->birth);
	free(r->share);
	free(r);
	return *why ? -1 : 0;
}
