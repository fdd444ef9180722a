#include "heap/discover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "heap/calltrace.h"
#include "heap/infer.h"
#include "heap/probe_plan.h"

#define CALLS 50000        /* to look at, at most, */
#define TIME_NS 3000000000 /* and so long, at a time */
#define IDLE 100           /* calls: fewer, and nothing is going on */
#define MOST_AGAIN 48      /* functions to look at again beside new ones */
#define UNKNOWN 20         /* one in so many frees is of memory from elsewhere */

void
discovered_free(struct discovered *l)
{
	free(l->fn);
	memset(l, 0, sizeof *l);
}

int
discovered_give(const struct discovered *l, struct probe_plan *plan)
{
	uint64_t *shape = calloc(plan->nguess + 1, sizeof *shape);
	int got;

	if (shape == NULL)
		return -1;
	for (size_t i = 0; i < plan->nguess; i++)
		for (size_t j = 0; j < l->n; j++) {
			const struct discovered_fn *fn = &l->fn[j];

			if (fn->dev == plan->guess[i].dev && fn->ino == plan->guess[i].ino &&
			    fn->entry == plan->guess[i].entry)
				shape[i] = fn->shape;
		}
	got = probe_plan_adopt(plan, shape);
	free(shape);
	return got;
}

struct learning {
	pid_t pid;
	const struct probe_plan *plan;
	uint64_t *shape;            /* of each guess, as far as it is known */
	unsigned char *pointers;    /* it may be something */
	uint32_t watched[CALLTRACE_MOST]; /* guesses */
	size_t n;
	struct infer_seen seen;
	size_t calls;
	const char *missing; /* why roles could not be told */
};

/* Those of which something is known, and so many more, from *next on. */
static void
choose(struct learning *l, size_t *next)
{
	l->n = 0;
	for (size_t i = 0; i < *next && l->n < MOST_AGAIN; i++)
		if (l->shape[i] || l->pointers[i])
			l->watched[l->n++] = (uint32_t)i;
	while (l->n < CALLTRACE_MOST && *next < l->plan->nguess)
		l->watched[l->n++] = (uint32_t)(*next)++;
}

/* What those that are watched do.  What was known before of one that has not
 * been called since stays. */
static int
look(struct learning *l, char *why, size_t size)
{
	struct probe probe[CALLTRACE_MOST];
	struct calltrace_calls calls = { 0 };
	uint64_t shape[CALLTRACE_MOST] = { 0 };
	unsigned char called[CALLTRACE_MOST] = { 0 };
	int got, found = 0;

	for (size_t i = 0; i < l->n; i++)
		probe[i] = l->plan->guess[l->watched[i]];
	got = calltrace_watch(l->pid, probe, l->n, CALLS, TIME_NS, &calls, why, size);
	l->calls += calls.n;
	for (size_t i = 0; i < calls.n; i++)
		called[calls.call[i].fn] = 1;
	if (got == 0)
		found = infer_find(&calls, l->n, shape, &l->seen, &l->missing) == 0;
	for (size_t i = 0; i < l->n && got == 0; i++) {
		l->pointers[l->watched[i]] |= (l->seen.pointers >> i) & 1;
		if (found && called[i])
			l->shape[l->watched[i]] = shape[i];
	}
	free(calls.call);
	return got;
}

/* All of them by and by; then once more those that were found, by themselves. */
static int
look_at_all(struct learning *l, char *why, size_t size)
{
	size_t next = 0;

	do {
		choose(l, &next);
		if (look(l, why, size) < 0)
			return -1;
		if (l->calls < IDLE)
			return 0;
	} while (next < l->plan->nguess);
	choose(l, &next);
	return l->n ? look(l, why, size) : 0;
}

static int
keep(struct discovered *to, const struct learning *l)
{
	for (size_t i = 0; i < l->plan->nguess; i++) {
		const struct probe *g = &l->plan->guess[i];

		if (l->shape[i] == 0)
			continue;
		if (array_room(&to->fn, to->n, &to->room, sizeof *to->fn) < 0)
			return -1;
		to->fn[to->n++] = (struct discovered_fn){ g->dev, g->ino, g->entry,
			l->shape[i] };
	}
	return 0;
}

static void
say(const struct learning *l, int n, char *said, size_t size)
{
	int len = snprintf(said, size, "%d functions without names are probed, found by "
	    "what they did: %zu allocations, %zu frees, %zu that contradict; others, "
	    "that were not called meanwhile, are not seen", n, l->seen.births,
	    l->seen.deaths, l->seen.wrong);

	if (l->seen.unknown * UNKNOWN > l->seen.frees && (size_t)len < size)
		snprintf(said + len, size - (size_t)len, ": %zu of %zu frees were of memory "
		    "from such ones", l->seen.unknown, l->seen.frees);
}

int
discover(struct discovered *to, pid_t pid, struct probe_plan *plan, char *said, size_t size)
{
	struct learning l = { .pid = pid, .plan = plan,
		.shape = calloc(plan->nguess + 1, sizeof *l.shape),
		.pointers = calloc(plan->nguess + 1, 1) };
	int n = -1;

	if (l.shape == NULL || l.pointers == NULL)
		snprintf(said, size, "out of memory");
	else if (look_at_all(&l, said, size) < 0)
		n = -1;
	else if (l.missing)
		snprintf(said, size, "%s%s; which functions allocate could not be found "
		    "out by what they do, either: %s in %zu calls (try again when it is "
		    "busy)", plan->nnote ? plan->note[plan->nnote - 1] : "it has no names",
		    PROBE_PLAN_ADVICE, l.missing, l.calls);
	else if (keep(to, &l) == 0)
		n = probe_plan_adopt(plan, l.shape);
	free(l.shape);
	free(l.pointers);
	if (n > 0)
		say(&l, n, said, size);
	return n > 0 ? n : -1;
}
