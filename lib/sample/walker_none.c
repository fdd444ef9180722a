/* What there is of sample/walker where rsprof is built with BPF=0. */
#include <errno.h>
#include <stdio.h>

#include "sample/walker.h"

struct walker *
walker_new(const struct walker_options *o, char why[WALKER_WHY])
{
	(void)o;
	snprintf(why, WALKER_WHY, "rsprof was built without BPF");
	errno = ENOTSUP;
	return NULL;
}

void
walker_free(struct walker *w)
{
	(void)w;
}

int
walker_program(const struct walker *w)
{
	(void)w;
	return -1;
}

void
walker_period(struct walker *w, uint64_t ns)
{
	(void)w, (void)ns;
}

int
walker_watch(struct walker *w, pid_t pid)
{
	(void)w, (void)pid;
	return -1;
}

uint32_t
walker_version(const struct walker *w)
{
	(void)w;
	return 0;
}

int
walker_put(struct walker *w, const struct addrspace *s, const struct module **full)
{
	(void)w, (void)s, (void)full;
	return -1;
}

void
walker_forget(struct walker *w, pid_t pid)
{
	(void)w, (void)pid;
}

int
walker_fd(const struct walker *w)
{
	(void)w;
	return -1;
}

int
walker_read(struct walker *w)
{
	(void)w;
	return -1;
}

void
walker_unknown(struct walker *w, pid_t pid,
    void (*fn)(void *ctx, struct told_stack *stack), void *ctx)
{
	(void)w, (void)pid, (void)fn, (void)ctx;
}

int
walker_next(struct walker *w, uint64_t until, struct walker_sample *out)
{
	(void)w, (void)until, (void)out;
	return 0;
}

int
walker_sum(struct walker *w, uint64_t *time)
{
	(void)w, (void)time;
	return -1;
}

void
walker_offs(struct walker *w,
    void (*fn)(void *ctx, const struct walker_off *off), void *ctx)
{
	(void)w, (void)fn, (void)ctx;
}

void
walker_lost(struct walker *w, struct walker_lost *out)
{
	(void)w, (void)out;
}

int
walker_look(struct walker *w,
    struct rec_ref (*fn)(void *ctx, const struct walker_seen *seen), void *ctx)
{
	(void)w, (void)fn, (void)ctx;
	return -1;
}
