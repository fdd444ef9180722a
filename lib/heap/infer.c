#include "heap/infer.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "bpf/heap.h"

#define LEAST_BIRTHS 100 /* before anything is said */
#define LEAST_DEATHS 50
#define LEAST_AGAIN 10   /* pointers handed out again, to tell who frees */
#define FEW 3
#define FAR 1000         /* touches of a pointer that are looked back over */

/* A call has been given a pointer, or has handed it out. */
enum how { TAKEN, GIVEN, OUT /* where arg[0] points */ };

struct touch {
	uint64_t p;
	uint32_t when, call;
	enum how how;
};

/* Memory from when it was handed out to when it was freed. */
struct birth {
	uint64_t p;
	uint32_t from, to; /* CALLTRACE_NONE: it still lives */
	uint64_t fns;      /* who has handed it out, one called by the other: bits */
	uint64_t size;
};

/* Who has handed it out, a call each. */
struct share {
	uint32_t birth, call;
};

/* What is found out of a function. */
struct fn {
	size_t calls, taken, twice;   /* given the same pointer twice, without
	                                 anybody handing it out in between */
	size_t last;                  /* given a pointer, before it came again */
	size_t given, used;           /* has handed out a pointer, which was given to
	                                 somebody before it came again */
	size_t again, explained;      /* has handed out one again, that was used
	                                 then, and somebody was given it in between */
	size_t births, wrong, ended;
	size_t moved, in_place;       /* given what lives, hands out another, the same */
	size_t gone, still;           /* and what it was given comes again; is freed */
};

struct infer {
	const struct calltrace_call *call;
	size_t ncall, nfn;
	struct touch *touch;
	size_t n, room;
	struct birth *birth;
	size_t nbirth, birth_room;
	struct share *share;
	size_t nshare, share_room;
	struct fn fn[INFER_MOST];
	uint64_t may;                     /* functions that count for births: bits */
	uint64_t frees, reallocs, allocs; /* functions that do */
	int nomem;
};

#define BIT(f) (1ULL << (f))

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

/* posix_memalign(&p, alignment, size) */
static int
may_be_memalign(const struct calltrace_call *c)
{
	uint64_t align = c->arg[1];

	return c->ret == 0 && align >= 8 && (align & (align - 1)) == 0 &&
	    align <= 1 << 30 && (c->out & (align - 1)) == 0;
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
		if (may_be_memalign(c))
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
	uint32_t mover[INFER_MOST]; /* their calls */
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
	size_t own[INFER_MOST] = { 0 };
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

/* ---- side by side ------------------------------------------------------ */

/* A birth or a death, in the order of time. */
struct moment {
	uint32_t when;
	struct birth *birth;
	int ends;
};

static int
by_time(const void *va, const void *vb)
{
	const struct moment *a = va, *b = vb;

	return a->when < b->when ? -1 : a->when > b->when;
}

/* What overlaps is equal. */
static int
by_place(const void *va, const void *vb)
{
	const struct birth *a = va, *b = vb;

	if (a->p + a->size <= b->p)
		return -1;
	return b->p + b->size <= a->p;
}

/* How many overlap what lives when they are handed out. */
static size_t
count_overlaps(struct infer *r)
{
	struct moment *m = calloc(2 * r->nbirth + 1, sizeof *m);
	void *living = NULL;
	size_t n = 0, wrong = 0;

	if (m == NULL) {
		r->nomem = 1;
		return 0;
	}
	for (size_t i = 0; i < r->nbirth; i++) {
		struct birth *b = &r->birth[i];

		if (b->size == 0)
			continue;
		m[n++] = (struct moment){ b->from, b, 0 };
		if (b->to != CALLTRACE_NONE)
			m[n++] = (struct moment){ b->to, b, 1 };
	}
	qsort(m, n, sizeof *m, by_time);
	for (size_t i = 0; i < n; i++) {
		void **there = m[i].ends ? tfind(m[i].birth, &living, by_place)
		                         : tsearch(m[i].birth, &living, by_place);

		if (there == NULL)
			continue;
		if (m[i].ends && *there == m[i].birth)
			tdelete(m[i].birth, &living, by_place);
		else if (!m[i].ends && *there != m[i].birth)
			wrong++;
	}
	for (size_t i = 0; i < n && living; i++)
		tdelete(*(void **)living, &living, by_place);
	free(m);
	return wrong;
}

/* ---- sizes ------------------------------------------------------------- */

struct values {
	size_t n, one;
	uint64_t distinct[16];
	size_t ndistinct;
};

static void
see_value(struct values *v, uint64_t x)
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

/* calloc(1, size) */
static int
is_calloc(const struct values v[2])
{
	return v[0].one * 20 >= v[0].n * 19 && v[1].ndistinct > FEW;
}

/* calloc(number, size), perhaps: alignments and flags behind a size are few. */
static int
may_be_calloc(const struct values v[2])
{
	return v[0].ndistinct > 1 && v[1].ndistinct == sizeof v->distinct / sizeof *v->distinct;
}

static uint64_t
shape_of_alloc(const struct infer *r, unsigned f, int *maybe)
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
		out += may_be_memalign(c) && c->out == r->birth[r->share[i].birth].p;
		see_value(&v[0], c->arg[0]);
		see_value(&v[1], c->arg[1]);
		large |= c->arg[0] >= LARGEST || c->arg[1] >= LARGEST ||
		    c->arg[0] * c->arg[1] >= LARGEST;
	}
	if (out * 2 > n)
		return HEAP_SHAPE(HEAP_MEMALIGN, 1, 3, 0);
	*maybe = !large && may_be_calloc(v);
	return !large && is_calloc(v) ? CALLOC : MALLOC;
}

/* realloc(p, size), or __rust_realloc(p, old size, alignment, size)? */
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

static uint64_t
size_by(const struct calltrace_call *c, uint64_t shape)
{
	unsigned size = shape >> 8 & 15, times = shape >> 12 & 15;

	return c->arg[size - 1] * (times ? c->arg[times - 1] : 1);
}

static void
set_sizes(struct infer *r, const uint64_t *shape)
{
	for (size_t i = 0; i < r->nshare; i++) {
		const struct calltrace_call *c = &r->call[r->share[i].call];
		struct birth *b = &r->birth[r->share[i].birth];

		/* Of several the outermost counts: it is told last. */
		if ((r->allocs | r->reallocs) & BIT(c->fn))
			b->size = size_by(c, shape[c->fn]);
	}
}

/* A product that still leaves all side by side is the size. */
static void
try_calloc(struct infer *r, unsigned f, uint64_t *shape)
{
	size_t before, after;

	set_sizes(r, shape);
	before = count_overlaps(r);
	shape[f] = CALLOC;
	set_sizes(r, shape);
	after = count_overlaps(r);
	if (after > before && (after - before) * 1000 > r->fn[f].births)
		shape[f] = MALLOC;
}

static void
shape_all(struct infer *r, uint64_t *shape)
{
	int maybe[INFER_MOST] = { 0 };

	for (unsigned f = 0; f < r->nfn; f++) {
		shape[f] = 0;
		if (r->frees & BIT(f))
			shape[f] = HEAP_SHAPE(HEAP_FREE, 1, 0, 0);
		else if (r->reallocs & BIT(f))
			shape[f] = shape_of_realloc(r, f);
		else if (r->allocs & BIT(f))
			shape[f] = shape_of_alloc(r, f, &maybe[f]);
	}
	for (unsigned f = 0; f < r->nfn; f++)
		if (maybe[f] && shape[f] == MALLOC)
			try_calloc(r, f, shape);
	set_sizes(r, shape);
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
	seen->wrong += count_overlaps(r);
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
	if (r == NULL || n > INFER_MOST) {
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
	shape_all(r, shape);
	sum_up(r, seen);
	*why = judge(r, seen);
	free(r->touch);
	free(r->birth);
	free(r->share);
	free(r);
	return *why ? -1 : 0;
}
