#include "os/selftest.h"

#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "os/proc.h"

#define SPIN_NS 200000000

struct search {
	uint64_t addr, offset;
	int found;
};

static void
on_map(void *ctx, const struct proc_map *m)
{
	struct search *p = ctx;

	if (p->addr < m->start || p->addr >= m->end || m->ino == 0)
		return;
	p->offset = p->addr - m->start + m->offset;
	p->found = 1;
}

int
selftest_offset_of(void (*function)(void), uint64_t *out)
{
	struct search p = { (uint64_t)(uintptr_t)function, 0, 0 };

	if (proc_maps(getpid(), on_map, &p) < 0 || !p.found)
		return -1;
	*out = p.offset;
	return 0;
}

int
selftest_offset(uint64_t *out)
{
	return selftest_offset_of(selftest_call, out);
}

static uint64_t
cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int
selftest_spin(int (*done)(void *ctx), void *ctx)
{
	uint64_t end = cpu_time() + SPIN_NS;

	do {
		if (done(ctx))
			return 1;
		for (volatile int i = 0; i < 10000; i++)
			;
	} while (cpu_time() < end);
	return done(ctx);
}
