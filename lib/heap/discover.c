/*
 * The candidates of a plan are traced in rounds, as many at a time as can be
 * traced at once.  Arrays parallel to plan->guess keep what earlier rounds
 * found: shape, and whether a function dealt with blocks at all.  Those that
 * did are traced again together with new ones, because roles follow only from
 * calls that are seen together; the last round traces them alone.
 */
#include "heap/discover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "heap/calltrace.h"
#include "heap/infer.h"
#include "heap/probe_plan.h"

#define CALLS 50000        /* calls per round, at most */
#define TIME_NS 3000000000 /* time per round, at most */
#define IDLE 100           /* calls; with fewer the process is idle */
#define MOST_AGAIN 48      /* functions traced again, beside new ones */
#define UNKNOWN 20         /* frees of unknown memory worth a note: one in so many */

void
discovered_free(struct discovered *d)
{
	free(d->fn);
	memset(d, 0, sizeof *d);
}

int
discovered_apply(const struct discovered *d, struct probe_plan *plan)
{
	uint64_t *shape = calloc(plan->nguess + 1, sizeof *shape);
	int got;

	if (shape == NULL)
		return -1;
	for (size_t i = 0; i < plan->nguess; i++)
		for (size_t j = 0; j < d->n; j++) {
			const struct discovered_fn *fn = &d->fn[j];

			if (fn->dev == plan->guess[i].dev && fn->ino == plan->guess[i].ino &&
			    fn->entry == plan->guess[i].entry)
				shape[i] = fn->shape;
		}
	got = probe_plan_adopt(plan, shape);
	free(shape);
	return got;
}

struct discovery {
	pid_t pid;
	const struct probe_plan *plan;
	uint64_t *shape;                 /* shape of each guess, 0 if unknown */
	unsigned char *pointers;         /* whether each guess dealt with blocks */
	uint32_t traced[CALLTRACE_MOST]; /* guesses traced in this round */
	size_t n;
	struct infer_evidence evidence;
	size_t calls, refused; /* calls; functions that the kernel does not probe */
	const char *missing; /* why no roles could be inferred, or NULL */
};

/* Choose the functions of the next round: those of which something is known, and
 * as many new ones as fit, from *next on. */
static void
choose_functions(struct discovery *d, size_t *next)
{
	d->n = 0;
	for (size_t i = 0; i < *next && d->n < MOST_AGAIN; i++)
		if (d->shape[i] || d->pointers[i])
			d->traced[d->n++] = (uint32_t)i;
	while (d->n < CALLTRACE_MOST && *next < d->plan->nguess)
		d->traced[d->n++] = (uint32_t)(*next)++;
}

/* Trace the chosen functions and infer their roles.  What is known of a function
 * that was not called this time stays. */
static int
trace_chosen(struct discovery *d, char *why, size_t size)
{
	struct probe probe[CALLTRACE_MOST];
	struct calltrace_calls calls = { 0 };
	uint64_t shape[CALLTRACE_MOST] = { 0 };
	unsigned char was_called[CALLTRACE_MOST] = { 0 };
	int got, found = 0;

	for (size_t i = 0; i < d->n; i++)
		probe[i] = d->plan->guess[d->traced[i]];
	got = calltrace_run(d->pid, probe, d->n, CALLS, TIME_NS, &calls, why, size);
	d->calls += calls.n;
	d->refused += calls.refused;
	for (size_t i = 0; i < calls.n; i++)
		was_called[calls.call[i].fn] = 1;
	if (got == 0)
		found = infer_find(&calls, d->n, shape, &d->evidence, &d->missing) == 0;
	for (size_t i = 0; i < d->n && got == 0; i++) {
		d->pointers[d->traced[i]] |= (d->evidence.pointers >> i) & 1;
		if (found && was_called[i])
			d->shape[d->traced[i]] = shape[i];
	}
	free(calls.call);
	return got;
}

/* Trace all candidates in rounds, then those that were found once more by
 * themselves. */
static int
trace_all(struct discovery *d, char *why, size_t size)
{
	size_t next = 0;

	do {
		choose_functions(d, &next);
		if (trace_chosen(d, why, size) < 0)
			return -1;
		if (d->calls < IDLE)
			return 0;
	} while (next < d->plan->nguess);
	choose_functions(d, &next);
	return d->n ? trace_chosen(d, why, size) : 0;
}

/* Add the functions of this discovery to those known. */
static int
remember(struct discovered *to, const struct discovery *d)
{
	for (size_t i = 0; i < d->plan->nguess; i++) {
		const struct probe *g = &d->plan->guess[i];

		if (d->shape[i] == 0)
			continue;
		if (array_room(&to->fn, to->n, &to->room, sizeof *to->fn) < 0)
			return -1;
		to->fn[to->n++] = (struct discovered_fn){ g->dev, g->ino, g->entry,
			d->shape[i] };
	}
	return 0;
}

/* Write a note about n functions that were found. */
static void
describe(const struct discovery *d, int n, char *text, size_t size)
{
	int len = snprintf(text, size, "%d functions without names are probed, identified "
	    "by their calls: %zu allocations, %zu frees, %zu contradictions; functions "
	    "that were not called meanwhile%s are not seen", n, d->evidence.blocks,
	    d->evidence.freed, d->evidence.contradictions,
	    d->refused ? ", or whose first instructions the kernel refuses to probe," : "");

	if (d->evidence.unknown * UNKNOWN > d->evidence.frees && (size_t)len < size)
		snprintf(text + len, size - (size_t)len, ": %zu of %zu frees were of memory "
		    "from such functions", d->evidence.unknown, d->evidence.frees);
}

int
discover(struct discovered *to, pid_t pid, struct probe_plan *plan, char *text, size_t size)
{
	struct discovery d = { .pid = pid, .plan = plan,
		.shape = calloc(plan->nguess + 1, sizeof *d.shape),
		.pointers = calloc(plan->nguess + 1, 1) };
	int n = -1;

	if (d.shape == NULL || d.pointers == NULL)
		snprintf(text, size, "out of memory");
	else if (trace_all(&d, text, size) < 0)
		n = -1;
	else if (d.missing)
		snprintf(text, size, "%s%s; its allocation functions could not be "
		    "identified by their calls either: %s in %zu calls (try again when "
		    "it is busy)", plan->nnote ? plan->note[plan->nnote - 1] : "it has no names",
		    PROBE_PLAN_ADVICE, d.missing, d.calls);
	else if (remember(to, &d) == 0)
		n = probe_plan_adopt(plan, d.shape);
	free(d.shape);
	free(d.pointers);
	if (n > 0)
		describe(&d, n, text, size);
	return n > 0 ? n : -1;
}
