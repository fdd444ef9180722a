#include "heap/inside_children.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "gate/abi.h"
#include "gate/heirs.h"
#include "heap/arming.h"
#include "heap/heap.h"
#include "heap/inside.h"
#include "os/proc.h"
#include "sample/producer.h"
#include "sample/target.h"

/* Before a forked process gets a guard: most execute a program, or end, and the lease that it
 * has from its parent lasts longer. */
#define WAIT_NS 300000000
#define WAIT_PLAIN_NS 10000000 /* without probes: until then it is not sampled */
#define NOTES 8                /* on those that are not sampled */

struct inside_child {
	struct inside in;
	int held;       /* it has a guard */
	uint64_t since; /* when it was forked */
	char why[GUARD_LINE];
};

static struct heap *
heap_of(const struct inside_children *c)
{
	return c->root->arming->heap;
}

/* Returns a new one; NULL if memory is short. */
static struct inside_child *
add(struct inside_children *c, pid_t pid)
{
	struct inside_child *child = calloc(1, sizeof *child);

	if (child == NULL || array_room(&c->child, c->n, &c->room, sizeof child) < 0) {
		free(child);
		return NULL;
	}
	child->in.pid = pid;
	child->in.guard.fd = -1;
	child->since = proc_now();
	c->child[c->n++] = child;
	return child;
}

/* Returns for how long a forked process has no guard. */
static uint64_t
wait_ns(const struct inside_children *c)
{
	return heap_sessions(heap_of(c)) ? WAIT_NS
	    : heap_has_probes(heap_of(c)) ? 0
	                                  : WAIT_PLAIN_NS;
}

/* Give a forked process a guard, or one that executes another program by now.  Returns NULL, or
 * the reason against it. */
static const char *
hold(struct inside_children *c, struct inside_child *child)
{
	pid_t pid = child->in.pid;
	int forked = heap_has_probes(heap_of(c)) || heirs_find(pid, NULL);
	const char *why = inside_begin_child(&child->in, c->root, pid, forked);

	child->held = why == NULL;
	return why;
}

/* Forget child number i, and restore it if it has a guard. */
static void
drop(struct inside_children *c, size_t i)
{
	struct inside_child *child = c->child[i];

	c->child[i] = c->child[--c->n];
	heap_disarm_gate(heap_of(c), child->in.pid);
	inside_end(&child->in);
	free(child);
}

/* Forget a process if it is known. */
static void
drop_process(struct inside_children *c, pid_t pid)
{
	for (size_t i = c->n; i-- > 0;)
		if (c->child[i]->in.pid == pid)
			drop(c, i);
}

/* Keep the places of its gate armed, as long as this process goes on by it. */
static int
keep_places(struct inside_children *c, pid_t pid)
{
	struct heirs gate;
	uint64_t base = heirs_find(pid, &gate);
	char file[64];
	const struct heap_gate places = { .file = file, .ring = -1 };

	snprintf(file, sizeof file, "/proc/%d/map_files/%llx-%llx", (int)pid,
	    (unsigned long long)base, (unsigned long long)base + GATE_CODE);
	return base ? heap_arm_gate(heap_of(c), pid, &places) : -1;
}

/* Look after a process that was forked, or executes another program, without probes.  Returns
 * whether it is one that is sampled inside. */
static int
add_plain(struct inside_children *c, pid_t pid)
{
	drop_process(c, pid);
	arming_doubt(c->root->arming);
	return heap_by_gate(heap_of(c), pid, 1) == 0 && add(c, pid) != NULL;
}

int
inside_children_forked(void *children, pid_t pid)
{
	struct inside_children *c = children;

	if (!heap_has_probes(heap_of(c)))
		return add_plain(c, pid);
	if (!heap_is_by_gate(heap_of(c), pid))
		return 0;
	drop_process(c, pid);
	return heap_sessions(heap_of(c)) && keep_places(c, pid) < 0 ? 0 : add(c, pid) != NULL;
}

int
inside_children_started(struct inside_children *c, pid_t pid, const char **why)
{
	struct inside_child *child;

	*why = NULL;
	drop_process(c, pid);
	if (pid == c->root->pid ||
	    !(c->root->wanted || c->root->over || inside_is_on(c->root)) || !heap_has_probes(heap_of(c)))
		return 0;
	child = add(c, pid);
	if (child == NULL)
		return 0;
	*why = inside_begin_child(&child->in, c->root, pid, 0);
	if (*why) {
		snprintf(c->root->text, sizeof c->root->text, "%s", *why);
		*why = c->root->text;
		drop(c, c->n - 1);
		return 0;
	}
	child->held = 1;
	return 1;
}

/* ---- rounds ------------------------------------------------------------ */

/* Say why a process is not sampled inside, nor probed. */
static void
note_not_sampled(struct inside_children *c, pid_t pid, const char *why)
{
	heap_by_gate(heap_of(c), pid, 0);
	if (why && c->notes++ < NOTES)
		producer_note(c->root->arming->producer, "process %d is not sampled inside: %s",
		    (int)pid, why);
}

/* Go on with a process by probes, for a reason or (NULL) one that is not known. */
static void
probe(struct inside_children *c, pid_t pid, const char *why)
{
	struct arming *a = c->root->arming;
	struct target *t = target_find(a->producer->targets, pid);
	char text[HEAP_WHY];

	if (t == NULL || !t->emitted || proc_has_ended(pid))
		return;
	if (!heap_has_probes(heap_of(c))) {
		note_not_sampled(c, pid, why);
		return;
	}
	producer_note(a->producer, "process %d: %s: allocations are probed from now on, and some "
	    "are missing", (int)pid, why ? why : "nobody holds the gate in it any more");
	arming_doubt(a);
	heap_by_gate(heap_of(c), pid, 0);
	if (arming_process(a, t, text, sizeof text) < 0)
		producer_note(a->producer, "process %d: nothing is probed: %s", (int)pid, text);
}

/* Returns whether a process is over, or is another program than it was. */
static int
is_over(const struct inside_children *c, const struct inside_child *child)
{
	pid_t pid = child->in.pid;

	return target_find(c->root->arming->producer->targets, pid) == NULL ||
	    !heap_is_by_gate(heap_of(c), pid);
}

/* Give a guard to those that have lived for so many nanoseconds. */
static void
hold_older(struct inside_children *c, uint64_t than)
{
	uint64_t now = proc_now();

	for (size_t i = c->n; i-- > 0;) {
		struct inside_child *child = c->child[i];
		const char *why;

		if (child->held || now < child->since + than || is_over(c, child))
			continue;
		why = hold(c, child);
		if (why == NULL)
			continue;
		snprintf(child->why, sizeof child->why, "%s", why);
		probe(c, child->in.pid, child->why);
		drop(c, i);
	}
}

/* Forget those that are over. */
static void
drop_over(struct inside_children *c)
{
	int all = 0;

	for (size_t i = c->n; i-- > 0;) {
		if (!is_over(c, c->child[i]))
			continue;
		/* Its guard restores the processes that it has forked, unless they have guards. */
		if (c->child[i]->held && !all) {
			all = 1;
			hold_older(c, 0);
			i = c->n;
			continue;
		}
		drop(c, i);
	}
}

void
inside_children_round(struct inside_children *c)
{
	hold_older(c, wait_ns(c));
	drop_over(c);
	for (size_t i = c->n; i-- > 0;) {
		struct inside_child *child = c->child[i];
		const char *why;

		if (!child->held || inside_round_child(&child->in, &why) == 0)
			continue;
		snprintf(child->why, sizeof child->why, "%s", why ? why : "");
		probe(c, child->in.pid, why ? child->why : NULL);
		drop(c, i);
	}
}

uint64_t
inside_children_due(const struct inside_children *c)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < c->n; i++) {
		const struct inside_child *child = c->child[i];
		uint64_t its = child->held ? child->in.due : child->since + wait_ns(c);

		if (its < due)
			due = its;
	}
	return due;
}

uint64_t
inside_children_period(const struct inside_children *c, pid_t pid, uint64_t fallback)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->child[i]->held && c->child[i]->in.pid == pid)
			return c->child[i]->in.pace.period;
	return fallback;
}

void
inside_children_end(struct inside_children *c)
{
	while (c->n)
		drop(c, c->n - 1);
	free(c->child);
	c->child = NULL;
	c->room = 0;
}
