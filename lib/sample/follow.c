#include "sample/follow.h"

#include "os/perf.h"
#include "os/proc.h"
#include "sample/target.h"

/* Add a mapping to its target. */
static void
on_map(const struct follow *f, const struct perf_record *r, struct target *t)
{
	struct proc_map map = { r->map.start, r->map.end, r->map.offset, r->map.ino,
		r->map.major, r->map.minor, r->map.path, 0 };

	target_map(f->targets, r->time, t, &map);
}

/* Add a thread to its target, or a child process to the targets. */
static void
on_fork(const struct follow *f, const struct perf_record *r)
{
	struct target *t = target_find(f->targets, r->parent.pid);

	if (t == NULL)
		return;
	if (r->pid == r->parent.pid)
		target_new_thread(f->targets, r->time, t, r->tid, r->parent.tid);
	else if (f->children)
		target_fork(f->targets, r->time, t, r->pid, r->parent.tid);
}

int
follow(const struct follow *f, const struct perf_record *r)
{
	struct target *t;

	if (r->type == PERF_FORK) {
		on_fork(f, r);
		return 0;
	}
	t = target_find(f->targets, r->pid);
	if (t == NULL)
		return 0;
	switch (r->type) {
	case PERF_MAP: on_map(f, r, t); return 0;
	case PERF_NAME: target_thread(f->targets, r->time, t, r->tid, r->name); return 0;
	case PERF_EXEC: target_exec(f->targets, r->time, t, r->tid, r->name); return 0;
	case PERF_EXIT: return target_exit(f->targets, r->time, t, r->tid);
	default: return 0;
	}
}
