#include "sample/sampler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/proc.h"
#include "unwind/addrspace.h"

struct sampler {
	struct sampler_options o;
	struct perf *perf;
	struct cpu *walker;
	char why[CPU_WHY]; /* there is none */
	int user_only;
	int waiting;          /* sample has been read, its turn has not come */
	struct cpu_walked sample;
};

struct sampler *
sampler_new(const struct sampler_options *o)
{
	struct sampler *s = calloc(1, sizeof *s);

	if (s)
		s->o = *o;
	return s;
}

void
sampler_free(struct sampler *s)
{
	if (s == NULL)
		return;
	perf_free(s->perf);
	cpu_free(s->walker);
	free(s);
}

/* ---- attaching --------------------------------------------------------- */

static int
open_perf(struct sampler *s)
{
	struct perf_options o = { .event = s->o.event, .hz = s->o.hz,
		.copy = s->o.copy, .address = s->o.address, .children = s->o.children,
		.kernel_frames = s->o.kernel_frames, .user_only = s->user_only,
		.from_exec = s->o.held };

	o.program = s->walker ? cpu_program(s->walker) : -1;
	perf_free(s->perf);
	s->perf = perf_new(&o);
	return s->perf ? 0 : -1;
}

static int
attach_thread(struct sampler *s, pid_t tid)
{
	if (perf_attached(s->perf, tid))
		return 0;
	if (perf_attach(s->perf, tid) == 0)
		return 1;
	return errno == ESRCH ? 0 : -1;
}

/* Attach a process' threads, until a look at them finds none that is new. */
static int
attach_threads(struct sampler *s, pid_t pid)
{
	size_t n, fresh;
	int any = 0, got = 0;

	do {
		pid_t *tid = proc_threads(pid, &n);

		fresh = 0;
		for (size_t i = 0; tid && i < n && got >= 0; i++) {
			got = attach_thread(s, tid[i]);
			if (got > 0)
				fresh++;
		}
		any |= fresh > 0;
		free(tid);
	} while (fresh && got >= 0);
	return got < 0 ? -1 : any;
}

static int
open_walker(struct sampler *s)
{
	struct cpu_options o = { .hz = s->o.hz, .children = s->o.children,
		.kernel_frames = s->o.kernel_frames, .off = s->o.off,
		.off_least = s->o.off_least };

	s->walker = cpu_new(&o, s->why);
	if (s->walker == NULL)
		return -1;
	srand48((long)proc_now());
	if (open_perf(s) == 0 && perf_attach_all(s->perf) == 0) {
		sampler_vary(s);
		return 0;
	}
	snprintf(s->why, sizeof s->why,
	    "events of all processes are not permitted (%s): run as root, or give "
	    "CAP_PERFMON", strerror(errno));
	cpu_free(s->walker);
	s->walker = NULL;
	return -1;
}

static int
attach_copy(struct sampler *s)
{
	int n;

	if (open_perf(s) < 0)
		return -1;
	n = attach_threads(s, s->o.pid);
	if (n >= 0 || (errno != EACCES && errno != EPERM) || s->o.kernel_frames)
		return n;
	s->user_only = 1;
	return open_perf(s) < 0 ? -1 : attach_threads(s, s->o.pid);
}

int
sampler_attach(struct sampler *s)
{
	if (!s->o.force_copy && open_walker(s) == 0)
		return sampler_attach_more(s, s->o.pid);
	return s->o.off ? -1 : attach_copy(s);
}

int
sampler_attach_more(struct sampler *s, pid_t pid)
{
	if (!s->walker)
		return attach_threads(s, pid);
	if (cpu_watch(s->walker, pid) < 0)
		return -1;
	return !proc_has_ended(pid);
}

const char *
sampler_copies(const struct sampler *s)
{
	return s->walker ? NULL : s->why;
}

int
sampler_user_only(const struct sampler *s)
{
	return s->user_only;
}

/* ---- mappings ---------------------------------------------------------- */

int
sampler_put(struct sampler *s, struct addrspace *space, const struct module **full)
{
	*full = NULL;
	if (!s->walker || !space->changed)
		return 0;
	space->changed = 0;
	if (cpu_put(s->walker, space, full) < 0 && errno != ESRCH)
		return -1;
	space->next = cpu_version(s->walker);
	return 0;
}

void
sampler_forget(struct sampler *s, pid_t pid)
{
	if (s->walker)
		cpu_forget(s->walker, pid);
}

/* ---- reading ----------------------------------------------------------- */

void
sampler_vary(struct sampler *s)
{
	double by = 1 - SAMPLER_VARIED + 2 * SAMPLER_VARIED * drand48();
	uint64_t ns = (uint64_t)(1e9 / (s->o.hz * by));

	if (!s->walker || !perf_event_is_clock(s->o.event))
		return;
	perf_period(s->perf, ns);
	cpu_period(s->walker, ns);
}

int
sampler_fd(const struct sampler *s)
{
	return s->walker ? cpu_fd(s->walker) : -1;
}

int
sampler_wait(struct sampler *s, struct pollfd *fd, size_t n, int milliseconds)
{
	return perf_wait(s->perf, fd, n, milliseconds);
}

int
sampler_read(struct sampler *s)
{
	return s->walker ? cpu_read(s->walker) : 0;
}

void
sampler_unknown(struct sampler *s, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx)
{
	if (s->walker)
		cpu_unknown(s->walker, pid, fn, ctx);
}

enum sampler_got
sampler_next(struct sampler *s, uint64_t until, struct perf_record *record,
    struct cpu_walked *sample)
{
	if (s->walker && !s->waiting)
		s->waiting = cpu_next(s->walker, until, &s->sample);
	if (perf_next(s->perf, s->waiting ? s->sample.time : until, record))
		return SAMPLER_RECORD;
	if (!s->waiting)
		return SAMPLER_NONE;
	s->waiting = 0;
	*sample = s->sample;
	return SAMPLER_WALKED;
}

int
sampler_look(struct sampler *s,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *seen), void *ctx)
{
	return s->walker && s->o.off ? cpu_look(s->walker, fn, ctx) : 0;
}

int
sampler_sum(struct sampler *s, uint64_t *time)
{
	return s->walker && s->o.off ? cpu_sum(s->walker, time) : 0;
}

void
sampler_offs(struct sampler *s,
    void (*fn)(void *ctx, const struct cpu_wait *off), void *ctx)
{
	if (s->walker && s->o.off)
		cpu_offs(s->walker, fn, ctx);
}

void
sampler_lost(struct sampler *s, struct cpu_lost *out)
{
	memset(out, 0, sizeof *out);
	if (s->walker)
		cpu_lost(s->walker, out);
}

uint64_t
sampler_counted(const struct sampler *s)
{
	return s->walker || !perf_event_is_clock(s->o.event)
	    ? 0
	    : perf_counted(s->perf);
}
