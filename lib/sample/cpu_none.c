/* Stands in for sample/cpu if rsprof is built with BPF=0. */
#include <errno.h>
#include <stdio.h>

#include "sample/cpu.h"

struct cpu *
cpu_new(const struct cpu_options *o, char why[CPU_WHY])
{
	(void)o;
	snprintf(why, CPU_WHY, "rsprof was built without BPF");
	errno = ENOTSUP;
	return NULL;
}

void
cpu_free(struct cpu *c)
{
	(void)c;
}

int
cpu_program(const struct cpu *c)
{
	(void)c;
	return -1;
}

void
cpu_period(struct cpu *c, uint64_t ns)
{
	(void)c, (void)ns;
}

int
cpu_track(struct cpu *c, pid_t pid)
{
	(void)c, (void)pid;
	return -1;
}

uint32_t
cpu_version(const struct cpu *c)
{
	(void)c;
	return 0;
}

int
cpu_refresh(struct cpu *c, pid_t pid)
{
	(void)c, (void)pid;
	return 0;
}

int
cpu_put(struct cpu *c, const struct addrspace *s, const struct module **full)
{
	(void)c, (void)s, (void)full;
	return -1;
}

void
cpu_forget(struct cpu *c, pid_t pid)
{
	(void)c, (void)pid;
}

int
cpu_fd(const struct cpu *c)
{
	(void)c;
	return -1;
}

int
cpu_read(struct cpu *c)
{
	(void)c;
	return -1;
}

void
cpu_unresolved(struct cpu *c, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx)
{
	(void)c, (void)pid, (void)fn, (void)ctx;
}

int
cpu_next(struct cpu *c, uint64_t until, struct cpu_walked *out)
{
	(void)c, (void)until, (void)out;
	return 0;
}

int
cpu_behind(struct cpu *c, pid_t pid, uint64_t addr, uint64_t place)
{
	(void)c, (void)pid, (void)addr, (void)place;
	return 0;
}

int
cpu_sum(struct cpu *c, uint64_t *time)
{
	(void)c, (void)time;
	return -1;
}

void
cpu_waits(struct cpu *c,
    void (*fn)(void *ctx, const struct cpu_wait *wait), void *ctx)
{
	(void)c, (void)fn, (void)ctx;
}

void
cpu_lost(struct cpu *c, struct cpu_lost *out)
{
	(void)c, (void)out;
}

int
cpu_scan(struct cpu *c, int again,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *waiter), void *ctx)
{
	(void)c, (void)again, (void)fn, (void)ctx;
	return -1;
}
