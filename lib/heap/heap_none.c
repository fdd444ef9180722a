/* heap/heap.h in a build with BPF=0. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "heap/heap.h"

struct heap *
heap_new(const struct heap_options *o, char why[HEAP_WHY])
{
	(void)o;
	snprintf(why, HEAP_WHY, "rsprof was built without BPF");
	errno = ENOTSUP;
	return NULL;
}

void
heap_free(struct heap *h)
{
	(void)h;
}

int
heap_track(struct heap *h, pid_t pid)
{
	(void)h, (void)pid;
	return -1;
}

int
heap_put(struct heap *h, struct addrspace *s, const struct module **full)
{
	(void)h, (void)s, (void)full;
	return -1;
}

void
heap_forget(struct heap *h, pid_t pid)
{
	(void)h, (void)pid;
}

int
heap_arm(struct heap *h, pid_t pid, const struct probe *probe, size_t n,
    void (*fn)(void *ctx, const struct probe *probe, int error), void *ctx)
{
	(void)h, (void)pid, (void)probe, (void)n, (void)fn, (void)ctx;
	return -1;
}

void
heap_disarm(struct heap *h, pid_t pid)
{
	(void)h, (void)pid;
}

int
heap_armed(const struct heap *h, pid_t pid)
{
	(void)h, (void)pid;
	return 0;
}

int
heap_arm_gate(struct heap *h, pid_t pid, const struct heap_gate *g)
{
	(void)h;
	(void)pid;
	(void)g;
	return -1;
}

int
heap_compare(struct heap *h, pid_t pid, const struct probe *probe, size_t n)
{
	(void)h, (void)pid, (void)probe, (void)n;
	return -1;
}

int
heap_sessions(const struct heap *h)
{
	(void)h;
	return 0;
}

int
heap_rate(struct heap *h, uint64_t period, double scale)
{
	(void)h, (void)period, (void)scale;
	return -1;
}

int
heap_stop_at(struct heap *h, pid_t pid, const char *file, uint64_t offset)
{
	(void)h, (void)pid, (void)file, (void)offset;
	return -1;
}

double
heap_hit_cost(struct heap *h)
{
	(void)h;
	return 0;
}

int
heap_fd(const struct heap *h)
{
	(void)h;
	return -1;
}

int
heap_read(struct heap *h)
{
	(void)h;
	return -1;
}

struct stackmap *
heap_stacks(struct heap *h)
{
	(void)h;
	return NULL;
}

pid_t
heap_stopped(struct heap *h, int *start)
{
	(void)h, (void)start;
	return 0;
}

void
heap_changes(struct heap *h, int (*fn)(void *ctx, struct heap_change *c), void *ctx)
{
	(void)h, (void)fn, (void)ctx;
}

void
heap_living(struct heap *h, void (*fn)(void *ctx, const struct heap_living *l),
    void *ctx)
{
	(void)h, (void)fn, (void)ctx;
}

int
heap_sum(struct heap *h, pid_t pid, struct heap_sum *out)
{
	(void)h, (void)pid, (void)out;
	return -1;
}

void
heap_lost(struct heap *h, struct heap_lost *out)
{
	(void)h;
	memset(out, 0, sizeof *out);
}

void
heap_load(struct heap *h, struct heap_load *out)
{
	(void)h;
	memset(out, 0, sizeof *out);
}

uint64_t
heap_bytes(const struct heap *h)
{
	(void)h;
	return 0;
}
