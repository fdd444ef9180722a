/* What there is of sample/cpu where rsprof is built with BPF=0. */
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
cpu_free(struct cpu *w)
{
	(void)w;
}

int
cpu_program(const struct cpu *w)
{
	(void)w;
	return -1;
}

void
cpu_period(struct cpu *w, uint64_t ns)
{
	(void)w, (void)ns;
}

int
cpu_watch(struct cpu *w, pid_t pid)
{
	(void)w, (void)pid;
	return -1;
}

uint32_t
cpu_version(const struct cpu *w)
{
	(void)w;
	return 0;
}

int
cpu_put(struct cpu *w, const struct addrspace *s, const struct module **full)
{
	(void)w, (void)s, (void)full;
	return -1;
}

void
cpu_forget(struct cpu *w, pid_t pid)
{
	(void)w, (void)pid;
}

int
cpu_fd(const struct cpu *w)
{
	(void)w;
	return -1;
}

int
cpu_read(struct cpu *w)
{
	(void)w;
	return -1;
}

void
cpu_unknown(struct cpu *w, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx)
{
	(void)w, (void)pid, (void)fn, (void)ctx;
}

int
cpu_next(struct cpu *w, uint64_t until, struct cpu_walked *out)
{
	(void)w, (void)until, (void)out;
	return 0;
}

int
cpu_sum(struct cpu *w, uint64_t *time)
{
	(void)w, (void)time;
	return -1;
}

void
cpu_offs(struct cpu *w,
    void (*fn)(void *ctx, const struct cpu_wait *off), void *ctx)
{
	(void)w, (void)fn, (void)ctx;
}

void
cpu_lost(struct cpu *w, struct cpu_lost *out)
{
	(void)w, (void)out;
}

int
cpu_look(struct cpu *w,
    struct rec_ref (*fn)(void *ctx, const struct cpu_waiter *seen), void *ctx)
{
	(void)w, (void)fn, (void)ctx;
	return -1;
}
