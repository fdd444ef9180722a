/*
 * What functions do: of an allocator that is played here, among others that
 * deal with the same pointers.
 */
#include "heap/infer.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "bpf/heap.h"
#include "tap.h"

enum { MALLOC, FREE, REALLOC, CALLOC, MEMALIGN, WRAPPER, GETTER, COPY, CLONE, DROP, FNS };

/* ---- an allocator ------------------------------------------------------ */

#define CLASSES 64 /* of 32 bytes each */

static uint64_t top, class_free[CLASSES][10000];
static size_t nfree[CLASSES];
static uint64_t size_of[1 << 20]; /* by address / 32 */

#define BASE 0x7f0000000000ULL

static uint64_t
take(uint64_t size)
{
	size_t class = (size + 31) / 32;
	uint64_t p;

	if (nfree[class]) {
		p = class_free[class][--nfree[class]];
	} else {
		p = BASE + top;
		top += class * 32;
	}
	size_of[(p - BASE) / 32] = size;
	return p;
}

static void
give_back(uint64_t p)
{
	size_t class = (size_of[(p - BASE) / 32] + 31) / 32;

	class_free[class][nfree[class]++] = p;
}

/* ---- its calls --------------------------------------------------------- */

static struct calltrace_calls calls;
static uint32_t now, inside = CALLTRACE_NONE;

static uint32_t
enter(uint32_t fn, uint64_t a, uint64_t b, uint64_t c)
{
	if (array_room(&calls.call, calls.n, &calls.room, sizeof *calls.call) < 0)
		abort();
	calls.call[calls.n] = (struct calltrace_call){ .fn = fn, .tid = 1, .arg = { a, b, c, 99 },
		.enter = now++, .leave = CALLTRACE_NONE, .outer = inside };
	inside = (uint32_t)calls.n;
	return (uint32_t)calls.n++;
}

static void
leave(uint32_t call, uint64_t ret, uint64_t out)
{
	calls.call[call].ret = ret;
	calls.call[call].out = out;
	calls.call[call].leave = now++;
	inside = calls.call[call].outer;
}

static uint64_t
garbage(void)
{
	return (uint64_t)(rand() % 3 ? rand() : rand() % 100);
}

static uint64_t
call_malloc(uint64_t size)
{
	uint32_t c = enter(MALLOC, size, garbage(), garbage());
	uint64_t p = take(size);

	leave(c, p, 0);
	return p;
}

static void
call_free(uint64_t p)
{
	uint32_t c = enter(FREE, p, garbage(), garbage());

	give_back(p);
	leave(c, BASE + 0x800, 0); /* what was left in rax */
}

static uint64_t
call_realloc(uint64_t p, uint64_t size)
{
	uint32_t c = enter(REALLOC, p, size, garbage());
	uint64_t q = p, old = size_of[(p - BASE) / 32];

	if ((old + 31) / 32 != (size + 31) / 32) {
		q = take(size);
		give_back(p);
	}
	size_of[(q - BASE) / 32] = size;
	leave(c, q, 0);
	return q;
}

static uint64_t
call_calloc(uint64_t n, uint64_t size)
{
	uint32_t c = enter(CALLOC, n, size, garbage());
	uint64_t p = take(n * size);

	leave(c, p, 0);
	return p;
}

static uint64_t
call_memalign(uint64_t size)
{
	uint32_t c = enter(MEMALIGN, BASE - 4096, 16, size);
	uint64_t p = take(size);

	leave(c, 0, p);
	return p;
}

/* Some that only look like it. */
static uint64_t
call_others(uint64_t p)
{
	uint32_t c = enter(WRAPPER, 40, 8, garbage());
	uint64_t q = call_malloc(40);

	leave(c, q, 0);
	leave(enter(COPY, q, p, 8), q, 0);
	leave(enter(GETTER, p, garbage(), 0), p + 8, 0);
	c = enter(CLONE, q, garbage(), 0);
	p = call_malloc(56);
	leave(c, p, 0);
	c = enter(DROP, p, 0, 0);
	call_free(p);
	leave(c, p, 0);
	return q;
}

static uint64_t
number(uint64_t to)
{
	return 1 + (uint64_t)rand() % to;
}

static uint64_t
some(int calloc_one)
{
	switch (rand() % 5) {
	case 0: return call_malloc(number(500));
	case 1: return calloc_one ? call_calloc(1, number(500))
	                          : call_calloc(number(20), number(40));
	case 2: return call_memalign(number(500));
	default: return call_realloc(call_malloc(number(100)), number(900));
	}
}

static void
play(int rounds, int calloc_one)
{
	uint64_t live[64] = { 0 };

	free(calls.call);
	memset(&calls, 0, sizeof calls);
	memset(nfree, 0, sizeof nfree);
	top = now = 0;
	inside = CALLTRACE_NONE;
	for (int i = 0; i < rounds; i++) {
		size_t at = (size_t)rand() % 64;

		if (live[at])
			call_free(live[at]);
		live[at] = i % 7 ? some(calloc_one) : call_others(live[(at + 1) % 64]);
	}
}

/* ---- tests ------------------------------------------------------------- */

static uint64_t shape[FNS];
static struct infer_evidence seen;
static const char *why;

static int
find(size_t n)
{
	return infer_find(&calls, n, shape, &seen, &why);
}

static void
test_roles(int calloc_one)
{
	int got;

	play(5000, calloc_one);
	got = find(FNS);
	ok(got == 0, "roles are found: %s", why ? why : "yes");
	ok(shape[FREE] == HEAP_SHAPE(HEAP_FREE, 1, 0, 0), "free()");
	ok(shape[MALLOC] == HEAP_SHAPE(HEAP_ALLOC, 0, 1, 0), "malloc(), and its size");
	ok(shape[REALLOC] == HEAP_SHAPE(HEAP_REALLOC, 1, 2, 0), "realloc()");
	ok(shape[CALLOC] == HEAP_SHAPE(HEAP_ALLOC, 0, 2, 1), "calloc(), a product%s",
	    calloc_one ? " with one" : "");
	ok(shape[MEMALIGN] == HEAP_SHAPE(HEAP_MEMALIGN, 1, 3, 0), "posix_memalign()");
	ok(shape[WRAPPER] == 0 && shape[GETTER] == 0 && shape[COPY] == 0 &&
	        shape[CLONE] == 0 && shape[DROP] == 0,
	    "and none of the others");
	ok(seen.contradictions == 0 && seen.blocks > 1000 && seen.unknown == 0,
	    "%zu allocations, %zu wrong, %zu of unknown", seen.blocks, seen.contradictions,
	    seen.unknown);
}

/* What one of them does is not known. */
static void
leave_out(uint32_t fn)
{
	uint32_t *to = calloc(calls.n, sizeof *to);
	size_t n = 0;

	for (size_t i = 0; to && i < calls.n; i++) {
		struct calltrace_call *c = &calls.call[i];
		uint32_t outer = c->outer == CALLTRACE_NONE ? CALLTRACE_NONE : to[c->outer];

		to[i] = c->fn == fn ? outer : (uint32_t)n;
		if (c->fn != fn)
			calls.call[n] = *c, calls.call[n++].outer = outer;
	}
	calls.n = n;
	free(to);
}

static void
test_doubt(void)
{
	int got;

	play(10, 1);
	got = find(FNS);
	ok(got < 0, "too little is said to be: %s", why);
	play(5000, 1);
	leave_out(FREE);
	got = find(FNS);
	ok(got < 0, "no free(): %s", why);
	play(5000, 1);
	leave_out(MEMALIGN);
	got = find(FNS);
	ok(got == 0 && seen.unknown > 100 && seen.contradictions == 0,
	    "without posix_memalign() frees of unknown memory are counted: %zu of %zu, %zu wrong, %s",
	    seen.unknown, seen.frees, seen.contradictions, why ? why : "found");
	for (size_t i = 0; i < calls.n; i++)
		for (int j = 0; j < 3; j++)
			calls.call[i].arg[j] = BASE + 8 * garbage();
	got = find(FNS);
	ok(got < 0, "nonsense: %s", why);
	calls.n = 0;
	got = find(FNS);
	ok(got < 0, "nothing: %s", why);
	got = find(CALLTRACE_MOST + 1);
	ok(got < 0, "too many functions: %s", why);
}

int
main(void)
{
	srand(1);
	test_roles(1);
	test_roles(0);
	test_doubt();
	free(calls.call);
	return tap_done();
}
