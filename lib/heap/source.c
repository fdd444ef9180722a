#include "heap/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/perf.h"
#include "sample/producer.h"
#include "sample/target.h"
#include "unwind/unwind.h"

/* Walk and emit a stack that the gate has copied: see struct heap_options. */
static struct rec_ref
walk_copy(void *ctx, pid_t pid, pid_t tid, const struct unwind_stack *stack,
    struct step_regs regs, uint64_t time)
{
	struct producer *p = ctx;
	struct target *t = target_find(p->targets, pid);
	struct rec_ref none = { 0, "no-stack" };

	if (t == NULL || !t->emitted)
		return none;
	target_ensure_thread(p->targets, time, t, tid);
	return producer_walk(p, t, stack, regs, time);
}

/* Open the kernel.  Returns as source_open(). */
static int
open_kernel(struct source *s, const struct heap_options *o, char why[HEAP_WHY])
{
	const struct perf_options po = { .program = -1, .track = 1, .children = o->children };
	int error;

	s->heap = heap_new(o, why);
	if (s->heap == NULL)
		return errno;
	s->perf = perf_new(&po);
	if (s->perf && perf_attach_all(s->perf) == 0)
		return 0;
	error = errno;
	snprintf(why, HEAP_WHY, "events of all processes are not permitted (%s): run as "
	    "root, or give CAP_PERFMON", strerror(error));
	source_close(s);
	return error;
}

/* Open what is to be had without it.  Events fail where not even those of one's own
 * processes are permitted, or there are too many. */
static int
open_own(struct source *s, struct producer *p, const struct heap_options *o, char why[HEAP_WHY])
{
	const struct perf_options po = { .program = -1, .track = 1, .threads = 1,
		.children = o->children, .user_only = 1 };
	struct heap_options ho = *o;

	ho.ring = 1;
	ho.walk = walk_copy;
	ho.ctx = p;
	s->heap = heap_new(&ho, why);
	if (s->heap == NULL)
		return errno;
	s->perf = perf_new(&po);
	if (s->perf && perf_attach_process(s->perf, p->pid) < 0) {
		perf_free(s->perf);
		s->perf = NULL;
	}
	return 0;
}

int
source_open(struct source *s, struct producer *p, const struct heap_options *o, int inside,
    char why[HEAP_WHY])
{
	int error = open_kernel(s, o, why);

	s->without[0] = '\0';
	if (error == 0 || !inside)
		return error;
	snprintf(s->without, sizeof s->without, "%s", why);
	return open_own(s, p, o, why);
}

void
source_note(const struct source *s, struct producer *p)
{
	if (!s->without[0])
		return;
	producer_note(p, "allocations are recorded inside the process alone: %s", s->without);
	if (p->children && s->perf == NULL)
		producer_note(p, "allocations of child processes (-f) are not recorded: that "
		    "needs perf events");
}

void
source_close(struct source *s)
{
	heap_free(s->heap);
	perf_free(s->perf);
	s->heap = NULL;
	s->perf = NULL;
}
