#include "heap/inside.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "gate/abi.h"
#include "heap/arming.h"
#include "heap/duty.h"
#include "heap/heap.h"
#include "os/proc.h"
#include "sample/producer.h"
#include "sample/target.h"

#define PERIOD (64 << 10) /* bytes, unless the user has chosen another */

static struct producer *
producer_of(const struct inside *in)
{
	return in->arming->producer;
}

/* Arm the places for probes of a gate. */
static int
arm_gate(struct inside *in, const struct guard_gate *gate)
{
	pid_t pid = producer_of(in)->pid;
	char file[64];
	const struct heap_gate places = { .file = file, .sampled = gate->sampled - gate->base,
		.freed = gate->freed - gate->base };

	snprintf(file, sizeof file, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)pid,
	    gate->base, gate->base + GATE_CODE);
	return heap_arm_gate(in->arming->heap, pid, &places);
}

/* Sample one allocation in `period` bytes.  Returns NULL, or the reason against it. */
static const char *
begin(struct inside *in, uint64_t period)
{
	char path[PATH_MAX];
	struct guard_gate gate;
	const struct guard_options o = { .all_callers = in->arming->all_callers };
	const char *why;

	guard_stop(&in->guard);
	if (proc_sibling(path, "rsprof-guard") < 0 ||
	    guard_start(&in->guard, path, producer_of(in)->pid, &o) < 0)
		return "rsprof-guard cannot be started";
	/* Nothing is sampled before there are probes for it. */
	why = guard_attach(&in->guard, GATE_OFF, &gate);
	if (why)
		return why;
	heap_rate(in->arming->heap, period, 1);
	if (arm_gate(in, &gate) < 0)
		return "probes at the gate are refused";
	return guard_set_period(&in->guard, period);
}

int
inside_begin(struct inside *in)
{
	struct producer *p = producer_of(in);
	uint64_t period = in->duty->period ? in->duty->period : PERIOD;
	const char *why;

	if (!in->wanted)
		return 0;
	why = begin(in, period);
	if (why) {
		producer_note(p, "allocations are not sampled inside the process: %s; they are "
		    "probed", why);
		snprintf(in->why, sizeof in->why, "%s", why);
		guard_stop(&in->guard);
		heap_disarm(in->arming->heap, p->pid);
		return 0;
	}
	producer_note(p, "allocations are sampled inside the process, one per %" PRIu64
	    " bytes: sums are estimates", period);
	in->arming->any = 1;
	in->period = in->duty->period;
	in->given = in->duty->fixed;
	in->duty->period = period;
	in->duty->fixed = 1;
	duty_begin(in->duty);
	return 1;
}

int
inside_is_on(const struct inside *in)
{
	return in->guard.fd >= 0;
}

void
inside_round(struct inside *in)
{
	struct producer *p = producer_of(in);
	struct target *t = target_find(p->targets, p->pid);
	char why[HEAP_WHY];

	if (!guard_has_ended(&in->guard))
		return;
	guard_stop(&in->guard);
	if (t == NULL || proc_has_ended(p->pid))
		return;
	producer_note(p, "nobody holds the gate in the process any more: allocations are "
	    "probed from now on");
	heap_disarm(in->arming->heap, p->pid);
	in->duty->fixed = in->given;
	in->duty->period = in->period;
	if (arming_process(in->arming, t, why, sizeof why) < 0)
		producer_note(p, "nothing is probed any more: %s", why);
}

void
inside_end(struct inside *in)
{
	guard_stop(&in->guard);
}
