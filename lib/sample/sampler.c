/*
 * The kernel reports what happens to processes, and copied stacks, in rings of
 * perf; with BPF most samples come by a ring of their own.  To hand out both in
 * the order of time, the next sample is read ahead and waits in its member until
 * no record of perf is older.
 */
#include "sample/sampler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/idmap.h"
#include "os/proc.h"
#include "sample/producer.h"
#include "unwind/addrspace.h"
#include "unwind/code.h"
#include "unwind/mapping.h"
#include "unwind/module.h"

struct sampler {
	struct sampler_options o;
	struct perf *perf;
	struct cpu *cpu;      /* NULL: stacks are copied */
	char why[CPU_WHY];    /* then the reason */
	int user_only;
	int pending;          /* sample has been read, earlier records come first */
	struct cpu_walked sample;
	struct idmap probed;  /* probed instructions that are known, by hashes */
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
	cpu_free(s->cpu);
	idmap_clear(&s->probed);
	free(s);
}

/* ---- attaching --------------------------------------------------------- */

/* Open perf for the way that has been chosen.  Returns -1 with errno. */
static int
open_perf(struct sampler *s)
{
	struct perf_options o = { .event = s->o.event, .hz = s->o.hz,
		.copy = s->o.copy, .address = s->o.address, .children = s->o.children,
		.kernel_frames = s->o.kernel_frames, .user_only = s->user_only,
		.from_exec = s->o.held };

	o.program = s->cpu ? cpu_program(s->cpu) : -1;
	perf_free(s->perf);
	s->perf = perf_new(&o);
	return s->perf ? 0 : -1;
}

/* Load what walks in the kernel, and events of all CPUs.  Returns -1 with why. */
static int
open_cpu(struct sampler *s)
{
	struct cpu_options o = { .hz = s->o.hz, .children = s->o.children,
		.kernel_frames = s->o.kernel_frames, .off = s->o.off,
		.off_least = s->o.off_least };

	s->cpu = cpu_new(&o, s->why);
	if (s->cpu == NULL)
		return -1;
	srand48((long)proc_now());
	if (open_perf(s) == 0 && perf_attach_all(s->perf) == 0) {
		sampler_vary(s);
		return 0;
	}
	snprintf(s->why, sizeof s->why,
	    "events of all processes are not permitted (%s): run as root, or give "
	    "CAP_PERFMON", strerror(errno));
	cpu_free(s->cpu);
	s->cpu = NULL;
	return -1;
}

/* Attach by copies, without time in the kernel if that is not permitted. */
static int
attach_copy(struct sampler *s)
{
	int n;

	if (open_perf(s) < 0)
		return -1;
	n = perf_attach_process(s->perf, s->o.pid);
	if (n >= 0 || (errno != EACCES && errno != EPERM) || s->o.kernel_frames)
		return n;
	s->user_only = 1;
	return open_perf(s) < 0 ? -1 : perf_attach_process(s->perf, s->o.pid);
}

int
sampler_attach(struct sampler *s)
{
	if (!s->o.force_copy && open_cpu(s) == 0)
		return sampler_attach_more(s, s->o.pid);
	return s->o.off ? -1 : attach_copy(s);
}

int
sampler_attach_more(struct sampler *s, pid_t pid)
{
	if (s->cpu == NULL)
		return perf_attach_process(s->perf, pid);
	if (cpu_track(s->cpu, pid) < 0)
		return -1;
	return !proc_has_ended(pid);
}

const char *
sampler_copies(const struct sampler *s)
{
	return s->cpu ? NULL : s->why;
}

int
sampler_user_only(const struct sampler *s)
{
	return s->user_only;
}

void
sampler_note_scope(const struct sampler *s, struct producer *p)
{
	if (s->user_only)
		producer_note(p, "time in the kernel is not counted: sysctl "
		    "kernel.perf_event_paranoid is %ld",
		    proc_number("/proc/sys/kernel/perf_event_paranoid", 2));
}

void
sampler_note_copying(const struct sampler *s, struct producer *p)
{
	const char *why = sampler_copies(s);

	if (why && *why)
		producer_note(p, "stacks are copied, not walked in the kernel: %s", why);
}

/* ---- mappings ---------------------------------------------------------- */

int
sampler_put(struct sampler *s, struct addrspace *space, const struct module **full)
{
	*full = NULL;
	if (s->cpu == NULL)
		return 0;
	if (!cpu_refresh(s->cpu, space->pid) && !space->changed)
		return 0;
	space->changed = 0;
	if (cpu_put(s->cpu, space, full) < 0 && errno != ESRCH)
		return -1;
	space->next = cpu_version(s->cpu);
	return 0;
}

void
sampler_forget(struct sampler *s, pid_t pid)
{
	if (s->cpu)
		cpu_forget(s->cpu, pid);
}

/* ---- reading ----------------------------------------------------------- */

void
sampler_vary(struct sampler *s)
{
	double by = 1 - SAMPLER_VARIED + 2 * SAMPLER_VARIED * drand48();
	uint64_t ns = (uint64_t)(1e9 / (s->o.hz * by));

	if (s->cpu == NULL || !perf_event_is_clock(s->o.event))
		return;
	perf_period(s->perf, ns);
	cpu_period(s->cpu, ns);
}

int
sampler_fd(const struct sampler *s)
{
	return s->cpu ? cpu_fd(s->cpu) : -1;
}

int
sampler_wait(struct sampler *s, struct pollfd *fd, size_t n, int milliseconds)
{
	return perf_wait(s->perf, fd, n, milliseconds);
}

int
sampler_read(struct sampler *s)
{
	return s->cpu ? cpu_read(s->cpu) : 0;
}

void
sampler_unresolved(struct sampler *s, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx)
{
	if (s->cpu)
		cpu_unresolved(s->cpu, pid, fn, ctx);
}

/* Read the code at an address from its file: in memory a breakpoint may be there.
 * Returns how many bytes. */
static size_t
read_code(const struct addrspace *space, uint64_t addr, unsigned char *to, size_t len)
{
	const struct addrspace_map *m = addrspace_find(space, addr);
	struct proc_map map = { 0 };
	ssize_t got;
	int fd;

	if (m == NULL || m->module->absolute)
		return 0;
	map.start = m->start;
	map.end = m->end;
	map.ino = m->module->ino;
	map.path = m->module->path;
	fd = mapping_open(space->pid, &map);
	if (fd < 0)
		return 0;
	got = pread(fd, to, len, (off_t)(m->offset + addr - m->start));
	close(fd);
	return got < 0 ? 0 : (size_t)got;
}

int
sampler_probed(struct sampler *s, const struct addrspace *space, uint64_t place)
{
	uint64_t id = hash_u64(hash_u64(HASH_INIT, (uint64_t)space->pid), place), next[2];
	unsigned char code[16];
	int n;

	if (place == 0 || idmap_get(&s->probed, id) != IDMAP_NONE)
		return 0;
	n = code_next(code, read_code(space, place, code, sizeof code), place, next);
	for (int i = 0; i < n; i++)
		cpu_behind(s->cpu, space->pid, next[i], place);
	return idmap_put(&s->probed, id, 0);
}

enum sampler_got
sampler_next(struct sampler *s, uint64_t until, struct perf_record *record,
    struct cpu_walked *sample)
{
	if (s->cpu && !s->pending)
		s->pending = cpu_next(s->cpu, until, &s->sample);
	if (perf_next(s->perf, s->pending ? s->sample.time : until, record))
		return SAMPLER_RECORD;
	if (!s->pending)
		return SAMPLER_NONE;
	s->pending = 0;
	*sample = s->sample;
	return SAMPLER_WALKED;
}

int
sampler_scan(struct sampler *s, int again,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *waiter), void *ctx)
{
	return s->cpu && s->o.off ? cpu_scan(s->cpu, again, fn, ctx) : 0;
}

int
sampler_sum(struct sampler *s, uint64_t *time)
{
	return s->cpu && s->o.off ? cpu_sum(s->cpu, time) : 0;
}

void
sampler_waits(struct sampler *s,
    void (*fn)(void *ctx, const struct cpu_wait *wait), void *ctx)
{
	if (s->cpu && s->o.off)
		cpu_waits(s->cpu, fn, ctx);
}

void
sampler_lost(struct sampler *s, struct cpu_lost *out)
{
	memset(out, 0, sizeof *out);
	if (s->cpu)
		cpu_lost(s->cpu, out);
}

uint64_t
sampler_counted(const struct sampler *s)
{
	return s->cpu || !perf_event_is_clock(s->o.event)
	    ? 0
	    : perf_counted(s->perf);
}
