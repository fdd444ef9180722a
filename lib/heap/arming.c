#include "heap/arming.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "elf/elf_file.h"
#include "heap/heap.h"
#include "heap/probe_plan.h"
#include "os/perf.h"
#include "os/proc.h"
#include "os/uprobes.h"
#include "sample/producer.h"
#include "sample/target.h"
#include "stream/rec.h"
#include "unwind/module.h"

#define SILENT_NS 2000000000 /* for an allocator that samples, at most */
#define NOTES 8 /* on functions that are not probed, at a time */

void
arming_clear(struct arming *a)
{
	probe_plan_free(a->plan);
	a->plan = NULL;
	free(a->forked);
	a->forked = NULL;
	orphans_clear(&a->orphans);
	discovered_free(&a->discovered);
}

/* Remember a probe that cannot be armed, and emit a note about it, unless there were many. */
static void
on_refused(void *ctx, const struct probe *probe, int error)
{
	struct arming *a = ctx;
	const char *name = probe->function[0] ? probe->function : "a function";

	if (a->refused && a->refused[probe - a->first])
		return;
	if (a->refused)
		a->refused[probe - a->first] = 1;
	a->error = error;
	/* ESRCH: the process has ended, which is no news. */
	if (a->nrefused++ >= NOTES || error == ESRCH)
		return;
	if (error == UPROBES_REFUSED)
		producer_note(a->producer, "%s in %s is not probed: the kernel refuses its "
		    "first instruction", name, probe->path);
	else
		producer_note(a->producer, "%s in %s is not probed: %s", name, probe->path,
		    strerror(error));
}

/* Find the module that a probe is in, as the process has mapped it. */
static const struct module *
module_of(const struct target *t, const struct probe *probe)
{
	for (size_t i = 0; i < t->space.n; i++) {
		const struct module *m = t->space.map[i].module;

		if (strcmp(m->path, probe->path) == 0)
			return m;
	}
	return NULL;
}

static void
emit_probe(struct arming *a, const struct target *t, const struct probe *probe)
{
	const struct module *m = module_of(t, probe);
	struct rec r = { .type = REC_PROBE };

	r.probe.time = proc_now();
	r.probe.pid = (uint64_t)t->pid;
	r.probe.layer = probe->layer;
	r.probe.function = probe->function[0] ? probe->function : NULL;
	r.probe.module = m ? m->id : 0;
	r.probe.offset = probe->offset;
	r.probe.how = probe->stepped ? "stepped" : "emulated";
	targets_emit(a->producer->targets, &r);
}

/* Remember that so many files may have allocations that are not seen. */
static void
doubt(struct arming *a, uint64_t files)
{
	if (a->doubts < files)
		a->doubts = files;
}

/* Turn guesses of a plan into probes, as far as their roles are known or can be
 * discovered.  Returns -1 if there are none, with the reason in why[], which is empty
 * if it was emitted before. */
static int
resolve_guesses(struct arming *a, const struct target *t, struct probe_plan *plan, char *why,
    size_t size)
{
	char text[HEAP_WHY];
	int n = discovered_apply(&a->discovered, plan);

	*why = '\0';
	if (n || a->tried)
		return n ? n : -1;
	if (a->standing) {
		snprintf(why, size, "the functions that allocate are discovered when it runs: "
		    "allocations until then are missing");
		doubt(a, 1);
		return -1;
	}
	a->tried = 1;
	n = discover(&a->discovered, t->pid, plan, text, sizeof text);
	if (n > 0)
		producer_note(a->producer, "%s", text);
	else
		snprintf(why, size, "%s", text);
	return n;
}

/* Plan the probes of a process.  Returns NULL, with the reason in why[], if there is
 * none. */
static struct probe_plan *
make_plan(struct arming *a, const struct target *t, char *why, size_t size)
{
	int later = 0;
	const struct probe_plan_options o = { .all_callers = a->all_callers,
		.no_shims = a->no_shims, .no_samplers = a->no_samplers, .later = &later };
	struct probe_plan *plan = probe_plan_of_process(t->pid, &o, why, size);

	if (t->pid == a->producer->pid && (plan || !a->waiting))
		a->waiting = later;
	if (plan && plan->nguess) {
		int found = resolve_guesses(a, t, plan, why, size) > 0;

		if (!found && *why)
			producer_note(a->producer, "%s", why);
		if (found)
			plan->doubts -= plan->doubts > 0;
		else if (plan->doubts == 0)
			plan->doubts = 1;
	}
	if (plan && plan->nguess && a->standing)
		a->replan = 1; /* then they are discovered */
	if (plan == NULL || plan->nprobe > 0)
		return plan;
	probe_plan_free(plan);
	errno = 0;
	return NULL;
}

/* Returns whether a plan leaves all sampling to allocators. */
static int
uses_samplers(const struct probe_plan *plan)
{
	for (size_t i = 0; i < plan->nprobe; i++)
		if (strcmp(plan->probe[i].layer, "otel_memory") != 0)
			return 0;
	return plan->nprobe > 0;
}

/* Arm the probes of a plan, and emit those that are.  Returns as arming_process(). */
static int
arm_plan(struct arming *a, const struct target *t, const struct probe_plan *plan, char *why,
    size_t size)
{
	int before = heap_armed(a->heap, t->pid), n, error;

	a->refused = calloc(plan->nprobe, 1);
	a->first = plan->probe;
	a->nrefused = 0;
	n = heap_arm(a->heap, t->pid, plan->probe, plan->nprobe, on_refused, a);
	error = errno;
	if (n < 0)
		snprintf(why, size, "uprobes are not permitted (%s): run as root, or give "
		    "CAP_PERFMON and CAP_SYS_ADMIN", strerror(error));
	if (n == 0 && before == 0 && a->nrefused) {
		error = a->error;
		n = -1;
		snprintf(why, size, "none of %zu functions can be probed: %s", a->nrefused,
		    error == UPROBES_REFUSED ? "the kernel refuses their first instructions"
		                             : strerror(error));
	}
	for (size_t i = 0; n > 0 && i < plan->nprobe; i++)
		if (a->refused == NULL || !a->refused[i])
			emit_probe(a, t, &plan->probe[i]);
	for (size_t i = 0; before == 0 && n > 0 && !a->quiet && i < plan->nnote; i++)
		producer_note(a->producer, "%s", plan->note[i]);
	if (a->missing < plan->missing + a->nrefused)
		a->missing = plan->missing + a->nrefused;
	doubt(a, plan->doubts);
	free(a->refused);
	a->refused = NULL;
	errno = error;
	return n;
}

/* Remember why nothing is armed in the producer's process. */
static void
keep_reason(struct arming *a, const struct target *t, const char *why)
{
	if (t->pid == a->producer->pid && *why)
		snprintf(a->why, sizeof a->why, "%s", why);
}

int
arming_process(struct arming *a, const struct target *t, char *why, size_t size)
{
	struct probe_plan *plan = make_plan(a, t, why, size);
	int n, error = errno;

	if (plan == NULL) {
		keep_reason(a, t, why);
		errno = error;
		return -1;
	}
	n = arm_plan(a, t, plan, why, size);
	error = errno;
	if (n < 0)
		keep_reason(a, t, why);
	if (t->pid == a->producer->pid && n > 0) {
		a->sampled = uses_samplers(plan);
		a->silent_since = a->sampled ? proc_now() : 0;
	}
	if (t->pid == a->producer->pid) {
		probe_plan_free(a->plan);
		a->plan = plan;
	} else {
		probe_plan_free(plan);
	}
	a->any |= n > 0;
	errno = error;
	return n;
}

void
arming_doubt(struct arming *a)
{
	doubt(a, 1);
}

void
arming_ended(struct arming *a, const char *why)
{
	if (proc_has_ended(a->producer->pid))
		return;
	producer_note(a->producer, "nothing is recorded any more: %s", why);
	if (a->missing == 0)
		a->missing = 1;
}

const char *
arming_why(const struct arming *a)
{
	if (a->standing)
		return "the recording ended before the functions that allocate could be discovered";
	return a->why[0] ? a->why : "the recording ended before it was probed";
}

int
arming_lost(struct arming *a)
{
	struct targets *targets = a->producer->targets;
	uint64_t missing = a->missing - a->missing_emitted, doubts = a->doubts - a->doubts_emitted;

	a->missing_emitted = a->missing;
	a->doubts_emitted = a->doubts;
	targets_lost(targets, proc_now(), &missing, "not-probed");
	targets_lost(targets, proc_now(), &doubts, "unverified");
	return a->missing != 0;
}

/* Where there are samplers they may be turned off, and nothing says so. */
void
arming_listen(struct arming *a)
{
	struct target *t = target_find(a->producer->targets, a->producer->pid);
	struct heap_load load;
	char why[HEAP_WHY];

	if (a->silent_since == 0)
		return;
	heap_load(a->heap, &load);
	if (load.entries || t == NULL) {
		a->silent_since = 0;
		return;
	}
	if (proc_now() < a->silent_since + SILENT_NS)
		return;
	producer_note(a->producer, "the allocator has not sampled anything: its sampling may "
	    "be turned off; from now on its functions are probed");
	a->no_samplers = 1;
	heap_disarm(a->heap, t->pid);
	if (arming_process(a, t, why, sizeof why) < 0)
		arming_ended(a, why);
}

void
arming_restore(struct arming *a)
{
	if (a->plan)
		heap_arm(a->heap, a->producer->pid, a->plan->probe, a->plan->nprobe,
		    on_refused, a);
}

void
arming_remove(struct arming *a)
{
	heap_compare(a->heap, a->producer->pid, NULL, 0);
	heap_disarm(a->heap, a->producer->pid);
	probe_plan_free(a->plan);
	a->plan = NULL;
}

void
arming_stop_at_start(struct arming *a, pid_t pid)
{
	char path[64];
	const char *error;
	int fd, got = -1;
	struct elf_file *elf;
	uint64_t entry;

	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	elf = fd < 0 ? NULL : elf_file_open(fd, &error);
	if (elf && elf_file_entry(elf, &entry) == 0) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		got = heap_stop_at(a->heap, pid, path, entry);
	}
	if (got < 0)
		producer_note(a->producer, "process %d cannot be stopped at its first instruction: "
		    "its first allocations may be missing", (int)pid);
	elf_file_close(elf);
	if (fd >= 0)
		close(fd);
}

/* ---- new processes and code ---------------------------------------------- */

/* Handle that a process executes a program: with probes it stops itself for them, without it
 * is as new.  Returns -1 if memory is short. */
static int
on_exec(struct arming *a, pid_t pid)
{
	for (size_t i = 0; i < a->nforked; i++)
		if (a->forked[i] == pid)
			a->forked[i] = 0;
	if (heap_has_probes(a->heap) || !a->producer->children || pid == a->producer->pid ||
	    target_find(a->producer->targets, pid) == NULL)
		return 0;
	if (array_room(&a->forked, a->nforked, &a->forked_room, sizeof pid) < 0)
		return -1;
	a->forked[a->nforked++] = pid;
	return 0;
}

int
arming_on_record(struct arming *a, const struct perf_record *r)
{
	struct targets *targets = a->producer->targets;

	if (r->type == PERF_MAP && target_find(targets, r->pid))
		a->replan = 1;
	if (r->type == PERF_FORK && r->pid != r->parent.pid && a->producer->children &&
	    target_find(targets, r->parent.pid)) {
		if (array_room(&a->forked, a->nforked, &a->forked_room, sizeof r->pid) < 0)
			return -1;
		a->forked[a->nforked++] = r->pid;
	}
	if (r->type == PERF_FORK && r->pid != r->parent.pid && !a->producer->children &&
	    orphans_add(&a->orphans, a->producer->pid, r->parent.pid, r->pid) < 0)
		return -1;
	return r->type == PERF_EXEC ? on_exec(a, r->pid) : 0;
}

void
arming_make_up(struct arming *a, uint64_t lost)
{
	struct producer *p = a->producer;

	for (size_t i = 0; i < targets_count(p->targets); i++)
		if (targets_nth(p->targets, i)->emitted)
			target_scan(p->targets, targets_nth(p->targets, i));
	a->replan = 1;
	if (p->children)
		doubt(a, 1);
	if (a->made_up)
		return;
	a->made_up = 1;
	producer_note(p, "%" PRIu64 " events of processes were lost: mappings are read anew%s", lost,
	    p->children ? ", child processes may be missing" : "");
}

/* Take the breakpoints of the process out of its child processes. */
static void
free_orphans(struct arming *a)
{
	if (orphans_free(&a->orphans, a->producer->pid, a->plan) == 0 || a->burdened)
		return;
	a->burdened = 1;
	producer_note(a->producer, "child processes that it forks have its probes, which cost them "
	    "time and cannot be removed there: -f records them");
}

/* Probe a child process that was forked, unless it is sampled inside.  What it has allocated
 * since is missing. */
static void
arm_forked(struct arming *a, const struct target *t)
{
	char why[HEAP_WHY];

	if (!t->emitted || (heap_has_probes(a->heap) && heap_armed(a->heap, t->pid) != 0) ||
	    (a->forked_inside && a->forked_inside(a->ctx, t->pid)) ||
	    !heap_has_probes(a->heap) || arming_process(a, t, why, sizeof why) <= 0)
		return;
	doubt(a, 1);
	if (a->late)
		return;
	a->late = 1;
	producer_note(a->producer, "process %d, which was forked, has its probes some milliseconds "
	    "after that: what it has allocated until then is missing, as of others that are forked",
	    (int)t->pid);
}

void
arming_new(struct arming *a, int code)
{
	struct targets *targets = a->producer->targets;
	char why[HEAP_WHY];

	for (size_t i = 0; i < a->nforked; i++) {
		struct target *t = target_find(targets, a->forked[i]);

		if (t)
			arm_forked(a, t);
	}
	a->nforked = 0;
	free_orphans(a);
	if (!a->replan || !code)
		return;
	a->replan = 0;
	for (size_t i = 0; i < targets_count(targets); i++) {
		struct target *t = targets_nth(targets, i);

		if (t->emitted && !heap_is_by_gate(a->heap, t->pid) &&
		    (heap_armed(a->heap, t->pid) ||
		    (a->waiting && t->pid == a->producer->pid)))
			arming_process(a, t, why, sizeof why);
	}
}
