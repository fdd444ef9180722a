#include "heap/heap.h"

#include <errno.h>

#include "heap/backend.h"

static const struct heap_backend *
backend(const struct heap *h)
{
	return *(const struct heap_backend *const *)(const void *)h;
}

struct heap *
heap_new(const struct heap_options *o, char why[HEAP_WHY])
{
	return o->ring ? heap_ring_new(o, why) : heap_bpf_new(o, why);
}

void
heap_free(struct heap *h)
{
	if (h)
		backend(h)->free(h);
}

int
heap_track(struct heap *h, pid_t pid)
{
	return backend(h)->track(h, pid);
}

int
heap_put(struct heap *h, struct addrspace *s, const struct module **full)
{
	return backend(h)->put(h, s, full);
}

void
heap_forget(struct heap *h, pid_t pid)
{
	backend(h)->forget(h, pid);
}

/* ---- probes ------------------------------------------------------------ */

/* Fail for want of probes. */
static int
no_probes(void)
{
	errno = ENOTSUP;
	return -1;
}

int
heap_has_probes(const struct heap *h)
{
	return backend(h)->arm != NULL;
}

int
heap_arm(struct heap *h, pid_t pid, const struct probe *probe, size_t n,
    void (*fn)(void *ctx, const struct probe *probe, int error), void *ctx)
{
	const struct heap_backend *b = backend(h);

	return b->arm ? b->arm(h, pid, probe, n, fn, ctx) : no_probes();
}

void
heap_disarm(struct heap *h, pid_t pid)
{
	backend(h)->disarm(h, pid);
}

void
heap_disarm_soon(struct heap *h, pid_t pid)
{
	const struct heap_backend *b = backend(h);

	if (b->disarm_soon)
		b->disarm_soon(h, pid);
}

void
heap_disarm_functions(struct heap *h, pid_t pid)
{
	const struct heap_backend *b = backend(h);

	if (b->disarm_functions)
		b->disarm_functions(h, pid);
}

void
heap_disarm_gate(struct heap *h, pid_t pid)
{
	const struct heap_backend *b = backend(h);

	if (b->disarm_gate)
		b->disarm_gate(h, pid);
	else
		b->disarm(h, pid);
}

int
heap_by_gate(struct heap *h, pid_t pid, int on)
{
	const struct heap_backend *b = backend(h);

	return b->by_gate ? b->by_gate(h, pid, on) : no_probes();
}

int
heap_is_by_gate(const struct heap *h, pid_t pid)
{
	const struct heap_backend *b = backend(h);

	return b->is_by_gate && b->is_by_gate(h, pid);
}

void
heap_gate_seen(const struct heap *h, uint64_t *seen, uint64_t *known)
{
	const struct heap_backend *b = backend(h);

	*seen = *known = 0;
	if (b->gate_seen)
		b->gate_seen(h, seen, known);
}

int
heap_thin(struct heap *h, pid_t pid, uint64_t period, uint64_t **block, size_t *n)
{
	const struct heap_backend *b = backend(h);

	*block = NULL;
	*n = 0;
	return b->thin ? b->thin(h, pid, period, block, n) : no_probes();
}

size_t
heap_gone(const struct heap *h, pid_t pid, uint64_t *block, size_t n)
{
	const struct heap_backend *b = backend(h);

	return b->gone ? b->gone(h, pid, block, n) : 0;
}

int
heap_arm_gate(struct heap *h, pid_t pid, const struct heap_gate *g)
{
	return backend(h)->arm_gate(h, pid, g);
}

int
heap_armed(const struct heap *h, pid_t pid)
{
	return backend(h)->armed(h, pid);
}

int
heap_compare(struct heap *h, pid_t pid, const struct probe *probe, size_t n)
{
	const struct heap_backend *b = backend(h);

	return b->compare ? b->compare(h, pid, probe, n) : no_probes();
}

int
heap_sessions(const struct heap *h)
{
	const struct heap_backend *b = backend(h);

	return b->sessions && b->sessions(h);
}

int
heap_rate(struct heap *h, uint64_t period, double scale)
{
	return backend(h)->rate(h, period, scale);
}

int
heap_stop_at(struct heap *h, pid_t pid, const char *file, uint64_t offset)
{
	const struct heap_backend *b = backend(h);

	return b->stop_at ? b->stop_at(h, pid, file, offset) : no_probes();
}

double
heap_hit_cost(struct heap *h)
{
	const struct heap_backend *b = backend(h);

	return b->hit_cost ? b->hit_cost(h) : 0;
}

/* ---- reading ----------------------------------------------------------- */

int
heap_fd(const struct heap *h)
{
	return backend(h)->fd(h);
}

int
heap_read(struct heap *h)
{
	return backend(h)->read(h);
}

uint64_t
heap_due(const struct heap *h)
{
	return backend(h)->due(h);
}

struct stackmap *
heap_stacks(struct heap *h)
{
	return backend(h)->stacks(h);
}

pid_t
heap_stopped(struct heap *h, int *start)
{
	const struct heap_backend *b = backend(h);

	return b->stopped ? b->stopped(h, start) : 0;
}

void
heap_log(struct heap *h, pid_t pid,
    void (*fn)(void *ctx, const struct heap_logged *call), void *ctx)
{
	const struct heap_backend *b = backend(h);

	if (b->log)
		b->log(h, pid, fn, ctx);
}

void
heap_site(const struct heap *h, uint32_t site, uint64_t *stack, pid_t *tid)
{
	const struct heap_backend *b = backend(h);

	*stack = 0;
	*tid = 0;
	if (b->site)
		b->site(h, site, stack, tid);
}

void
heap_changes(struct heap *h, int (*fn)(void *ctx, struct heap_change *c), void *ctx)
{
	backend(h)->changes(h, fn, ctx);
}

void
heap_living(struct heap *h, void (*fn)(void *ctx, const struct heap_living *l), void *ctx)
{
	backend(h)->living(h, fn, ctx);
}

int
heap_sum(struct heap *h, pid_t pid, struct heap_sum *out)
{
	return backend(h)->sum(h, pid, out);
}

uint64_t
heap_live(const struct heap *h, pid_t pid)
{
	return backend(h)->live(h, pid);
}

void
heap_lost(struct heap *h, struct heap_lost *out)
{
	backend(h)->lost(h, out);
}

void
heap_load(struct heap *h, struct heap_load *out)
{
	backend(h)->load(h, out);
}
