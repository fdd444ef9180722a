/*
 * rsprof-cpu samples which code the threads of a process spend CPU time in,
 * without the process' help: each sample is a stack, walked through the
 * unwind tables that every binary carries.
 *
 * Out: cpu  5123500000000  4242  4243  9f86d081  10101010
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "arg.h"
#include "idmap.h"
#include "module.h"
#include "perf.h"
#include "proc.h"
#include "rec.h"
#include "space.h"

#define COPY_DEFAULT 65528 /* more does not fit into a record of perf */
#define COPY_LEAST 1024
#define ROUND_MS 100       /* between two looks at the rings, at most */
#define DELAY_NS 1000000   /* see perf_next() */
#define COST_NS 1000000000
#define RELOOK_NS 200000000 /* between two looks at a process' mappings */

enum { STATUS_LOST = 1, STATUS_USAGE, STATUS_NOPROC, STATUS_PERM, STATUS_NOTHING };

/* A process that is or was sampled. */
struct process {
	pid_t pid;
	unsigned threads; /* that have not ended */
	int started;      /* its proc record is written */
	uint64_t looked;  /* when its mappings were last read from /proc */
	struct space space;
};

struct thread {
	pid_t pid, tid;
	char name[PROC_NAME_MAX];
};

struct options {
	pid_t pid;
	uint64_t hz, copy, duration;
	int children, kernel, resume;
};

struct profiler {
	struct options o;
	struct perf *perf;
	struct modules *modules;
	struct rec_out out;
	struct process **process;
	size_t nprocess;
	struct thread *thread;
	size_t nthread, thread_room;
	struct idmap process_of; /* pid -> index */
	struct idmap thread_of;  /* tid -> index */
	struct idmap stacks;     /* ids that have been written */
	struct space_walk walk;
	uint64_t lost, throttled, damaged; /* not yet written */
	uint64_t cost_time;
	unsigned alive; /* processes that have not ended */
	char *command;  /* of a held command, see from_exec */
	int user_only;
};

static volatile sig_atomic_t stop;

static void
usage(void)
{
	fputs("usage: rsprof-cpu [-cfkV] [-d DURATION] [-F HZ] [-s BYTES] -p PID\n",
	    stderr);
	exit(STATUS_USAGE);
}

static void
on_signal(int sig)
{
	stop = sig;
}

static uint64_t
now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- writing ----------------------------------------------------------- */

/* A failure to write is looked for once a round. */
static void
put(struct profiler *p, const struct rec *r)
{
	rec_out_put(&p->out, r);
}

static void
put_note(struct profiler *p, uint64_t time, const char *text)
{
	struct rec r = { .type = REC_NOTE };

	r.note.time = time;
	r.note.producer = "cpu";
	r.note.text = text;
	put(p, &r);
}

static void
put_header(struct profiler *p)
{
	struct rec r = { .type = REC_RSPROF };
	char text[12][300];
	struct utsname u;
	int n = 0;

	uname(&u);
	snprintf(text[n++], sizeof *text, "mono=%" PRIu64, now(CLOCK_MONOTONIC));
	snprintf(text[n++], sizeof *text, "wall=%" PRIu64, now(CLOCK_REALTIME));
	snprintf(text[n++], sizeof *text, "hz=%" PRIu64, p->o.hz);
	snprintf(text[n++], sizeof *text, "unit=ns");
	snprintf(text[n++], sizeof *text, "pid=%d", (int)p->o.pid);
	snprintf(text[n++], sizeof *text, "scope=%s",
	    p->user_only ? "user" : p->o.kernel ? "kernel" : "all");
	snprintf(text[n++], sizeof *text, "stacks=copy");
	snprintf(text[n++], sizeof *text, "copy=%" PRIu64, p->o.copy);
	snprintf(text[n++], sizeof *text, "host=%s", u.nodename);
	snprintf(text[n++], sizeof *text, "kernel=%s", u.release);
	snprintf(text[n++], sizeof *text, "arch=%s", u.machine);
	r.rsprof.version = REC_VERSION;
	r.rsprof.producer = "cpu";
	for (int i = 0; i < n; i++)
		r.rsprof.attr[i] = text[i];
	r.rsprof.nattr = (size_t)n;
	put(p, &r);
}

static void
put_lost(struct profiler *p, uint64_t time, uint64_t *count, const char *reason)
{
	struct rec r = { .type = REC_LOST };

	if (*count == 0)
		return;
	r.lost.time = time;
	r.lost.producer = "cpu";
	r.lost.count = *count;
	r.lost.reason = reason;
	put(p, &r);
	*count = 0;
}

static void
put_cost(struct profiler *p, uint64_t time)
{
	struct rec r = { .type = REC_COST };
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	r.cost.time = time;
	r.cost.producer = "cpu";
	r.cost.ns = (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 +
	    (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
	r.cost.bytes = (uint64_t)u.ru_maxrss * 1024;
	put(p, &r);
	p->cost_time = time;
}

static void
put_module(struct profiler *p, uint64_t time, struct module *m)
{
	struct rec r = { .type = REC_MODULE };
	char text[4200];

	if (m->written)
		return;
	m->written = 1;
	r.module.id = m->id;
	r.module.buildid = m->buildid[0] ? m->buildid : NULL;
	r.module.path = m->path;
	put(p, &r);
	if (m->path[0] == '[' && m->absolute)
		return;
	if (m->problem)
		snprintf(text, sizeof text, "%s: stacks end there: %s", m->path,
		    m->problem);
	else if (m->table.skipped)
		snprintf(text, sizeof text,
		    "%s: %u damaged entries in .eh_frame are ignored", m->path,
		    m->table.skipped);
	else
		return;
	put_note(p, time, text);
}

/* ---- processes, threads, mappings -------------------------------------- */

static void *
grown(void *array, size_t n, size_t size)
{
	array = reallocarray(array, n, size);
	if (array == NULL)
		err(STATUS_LOST, NULL);
	return array;
}

static void
set_index(struct idmap *m, pid_t id, size_t index)
{
	if (idmap_put(m, (uint64_t)id, (uint32_t)index) < 0)
		err(STATUS_LOST, NULL);
}

static struct process *
find_process(const struct profiler *p, pid_t pid)
{
	uint32_t i = idmap_get(&p->process_of, (uint64_t)pid);

	return i == IDMAP_NONE ? NULL : p->process[i];
}

static struct process *
add_process(struct profiler *p, pid_t pid)
{
	struct process *q = find_process(p, pid);

	if (q == NULL) {
		q = grown(NULL, 1, sizeof *q);
		p->process = grown(p->process, p->nprocess + 1, sizeof q);
		p->process[p->nprocess] = q;
		set_index(&p->process_of, pid, p->nprocess++);
	} else {
		space_clear(&q->space);
	}
	memset(q, 0, sizeof *q);
	q->pid = pid;
	p->alive++;
	return q;
}

static void
put_proc(struct profiler *p, uint64_t time, struct process *q, const char *name)
{
	struct rec r = { .type = REC_PROC };
	struct proc_stat st;
	char *exe = proc_exe(q->pid), *cmdline = proc_cmdline(q->pid);
	int there = proc_stat(q->pid, &st) == 0;

	r.proc.time = time;
	r.proc.pid = (uint64_t)q->pid;
	r.proc.ppid = there ? (uint64_t)st.ppid : 0;
	r.proc.name = name ? name : there ? st.name : NULL;
	r.proc.exe = exe;
	r.proc.cmdline = cmdline ? cmdline : p->command;
	put(p, &r);
	q->started = 1;
	free(exe);
	free(cmdline);
}

static void
put_thread(struct profiler *p, uint64_t time, const struct thread *t)
{
	struct rec r = { .type = REC_THREAD };

	r.thread.time = time;
	r.thread.pid = (uint64_t)t->pid;
	r.thread.tid = (uint64_t)t->tid;
	r.thread.name = t->name;
	put(p, &r);
}

static struct thread *
find_thread(const struct profiler *p, pid_t tid)
{
	uint32_t i = idmap_get(&p->thread_of, (uint64_t)tid);

	return i == IDMAP_NONE ? NULL : &p->thread[i];
}

/* A thread that is new, or has another name. */
static void
set_thread(struct profiler *p, uint64_t time, pid_t pid, pid_t tid,
    const char *name)
{
	struct thread *t = find_thread(p, tid);
	struct process *q = find_process(p, pid);

	if (t && t->pid == pid && strcmp(t->name, name) == 0)
		return;
	if (t == NULL) {
		if (p->nthread == p->thread_room) {
			p->thread_room = p->thread_room ? p->thread_room * 2 : 64;
			p->thread = grown(p->thread, p->thread_room, sizeof *t);
		}
		set_index(&p->thread_of, tid, p->nthread);
		t = &p->thread[p->nthread++];
		if (q)
			q->threads++;
	}
	t->pid = pid;
	t->tid = tid;
	snprintf(t->name, sizeof t->name, "%s", name);
	put_thread(p, time, t);
}

/* A thread that was there before us, or whose birth we missed. */
static void
meet_thread(struct profiler *p, uint64_t time, pid_t pid, pid_t tid)
{
	char name[PROC_NAME_MAX] = "";

	if (find_thread(p, tid))
		return;
	proc_thread_name(pid, tid, name);
	set_thread(p, time, pid, tid, name);
}

static void
add_map(struct profiler *p, uint64_t time, struct process *q,
    const struct proc_map *map)
{
	struct module *m = modules_get(p->modules, q->pid, map);
	struct space_map s = { map->start, map->end, map->offset, m };
	const struct space_map *known = space_find(&q->space, map->start);
	struct rec r = { .type = REC_MAP };

	if (m == NULL)
		err(STATUS_LOST, NULL);
	if (known && known->start == s.start && known->end == s.end &&
	    known->module == m && known->offset == s.offset)
		return;
	if (space_add(&q->space, &s) < 0)
		err(STATUS_LOST, NULL);
	put_module(p, time, m);
	r.map.time = time;
	r.map.pid = (uint64_t)q->pid;
	r.map.start = s.start;
	r.map.end = s.end;
	r.map.offset = m->absolute ? s.start : s.offset;
	r.map.module = m->id;
	put(p, &r);
}

struct look {
	struct profiler *p;
	struct process *q;
	uint64_t time;
};

static void
see_map(void *ctx, const struct proc_map *map)
{
	struct look *l = ctx;

	add_map(l->p, l->time, l->q, map);
}

/* Read a process' mappings from /proc. */
static void
look_at_maps(struct profiler *p, struct process *q)
{
	struct look l = { p, q, now(CLOCK_MONOTONIC) };

	q->looked = l.time;
	proc_maps(q->pid, see_map, &l);
}

/* ---- records of the kernel --------------------------------------------- */

static void
on_map(struct profiler *p, const struct perf_record *r)
{
	struct process *q = find_process(p, r->pid);
	struct proc_map map = { r->map.start, r->map.end, r->map.offset, r->map.ino,
		r->map.major, r->map.minor, r->map.path };

	if (q)
		add_map(p, r->time, q, &map);
}

/* An exec leaves one thread, with the process' number. */
static void
on_exec(struct profiler *p, const struct perf_record *r)
{
	struct process *q = find_process(p, r->pid);

	if (q == NULL)
		return;
	space_clear(&q->space);
	put_proc(p, r->time, q, r->name);
	set_thread(p, r->time, r->pid, r->tid, r->name);
}

static void
on_fork(struct profiler *p, const struct perf_record *r)
{
	struct process *q = find_process(p, r->parent.pid), *child;
	struct thread *t = find_thread(p, r->parent.tid);

	if (q == NULL)
		return;
	if (r->pid != r->parent.pid) {
		if (!p->o.children || find_process(p, r->pid))
			return;
		child = add_process(p, r->pid);
		if (space_copy(&child->space, &q->space) < 0)
			err(STATUS_LOST, NULL);
		put_proc(p, r->time, child, t ? t->name : NULL);
	}
	set_thread(p, r->time, r->pid, r->tid, t ? t->name : "");
}

static void
put_exit(struct profiler *p, uint64_t time, pid_t pid, pid_t tid)
{
	struct rec r = { .type = REC_EXIT };

	r.exit.time = time;
	r.exit.pid = (uint64_t)pid;
	r.exit.tid = (uint64_t)tid;
	put(p, &r);
}

static void
on_exit_(struct profiler *p, const struct perf_record *r)
{
	struct process *q = find_process(p, r->pid);

	if (q == NULL || find_thread(p, r->tid) == NULL)
		return;
	put_exit(p, r->time, r->pid, r->tid);
	idmap_delete(&p->thread_of, (uint64_t)r->tid);
	if (--q->threads > 0)
		return;
	put_exit(p, r->time, r->pid, 0);
	idmap_delete(&p->process_of, (uint64_t)r->pid);
	p->alive--;
}

/* ---- samples ----------------------------------------------------------- */

static void
set_ref(struct rec_ref *ref, uint64_t id, const char *cut)
{
	ref->id = id;
	ref->cut = id ? NULL : cut;
}

/* The node of a frame called from `caller`, written if it is new. */
static void
put_stack(struct profiler *p, struct rec_ref *caller, const struct module *m,
    uint64_t offset)
{
	struct rec r = { .type = REC_STACK };
	uint64_t h = rec_hash_u64(REC_HASH, caller->id);

	h = rec_hash_str(h, caller->cut);
	h = rec_hash_u64(h, m ? m->id : 0);
	/* Addresses mean something in their process only. */
	h = rec_hash_u64(h, offset);
	r.stack.id = rec_id(h);
	r.stack.caller = *caller;
	r.stack.module = m ? m->id : 0;
	r.stack.offset = offset;
	set_ref(caller, r.stack.id, NULL);
	if (idmap_get(&p->stacks, r.stack.id) != IDMAP_NONE)
		return;
	if (idmap_put(&p->stacks, r.stack.id, 0) < 0)
		err(STATUS_LOST, NULL);
	put(p, &r);
}

/* Walk the user's part of a sample's stack. */
static void
walk(struct profiler *p, struct process *q, const struct perf_record *r)
{
	struct unwind_stack stack = { r->sample.stack, r->sample.sp, r->sample.len };
	struct step_regs regs = { r->sample.pc, r->sample.sp, r->sample.bp, 1, 0 };

	space_walk(&q->space, &stack, &regs, &p->walk);
	if (p->walk.unknown == 0 || r->time < q->looked + RELOOK_NS)
		return;
	/* Code that came without our knowing: look, and try again. */
	look_at_maps(p, q);
	regs = (struct step_regs){ r->sample.pc, r->sample.sp, r->sample.bp, 1, 0 };
	space_walk(&q->space, &stack, &regs, &p->walk);
}

static void
put_frames(struct profiler *p, struct process *q, const struct perf_record *r,
    struct rec_ref *leaf)
{
	struct module *kernel;

	set_ref(leaf, 0, "no-stack");
	if (q && r->sample.has_user) {
		walk(p, q, r);
		set_ref(leaf, 0, p->walk.cut);
		for (size_t i = p->walk.n; i-- > 0;)
			put_stack(p, leaf, p->walk.frame[i].module,
			    p->walk.frame[i].offset);
	}
	if (r->sample.nkernel == 0)
		return;
	kernel = modules_kernel(p->modules);
	if (kernel == NULL)
		err(STATUS_LOST, NULL);
	put_module(p, r->time, kernel);
	for (size_t i = r->sample.nkernel; i-- > 0;)
		put_stack(p, leaf, kernel, r->sample.kernel[i] - (i > 0));
}

static void
on_sample(struct profiler *p, const struct perf_record *r)
{
	struct process *q = find_process(p, r->pid);
	struct rec cpu = { .type = REC_CPU };

	/* Of a kernel whose events cannot leave out child processes. */
	if (q == NULL && r->pid != p->o.pid && !p->o.children)
		return;
	if (q == NULL || !q->started) {
		q = q ? q : add_process(p, r->pid);
		put_proc(p, r->time, q, NULL);
		look_at_maps(p, q);
	}
	meet_thread(p, r->time, r->pid, r->tid);
	put_frames(p, q, r, &cpu.cpu.stack);
	cpu.cpu.time = r->time;
	cpu.cpu.pid = (uint64_t)r->pid;
	cpu.cpu.tid = (uint64_t)r->tid;
	cpu.cpu.ns = r->sample.ns;
	put(p, &cpu);
}

static void
take(struct profiler *p, const struct perf_record *r)
{
	switch (r->type) {
	case PERF_SAMPLE: on_sample(p, r); break;
	case PERF_MAP: on_map(p, r); break;
	case PERF_NAME: set_thread(p, r->time, r->pid, r->tid, r->name); break;
	case PERF_EXEC: on_exec(p, r); break;
	case PERF_FORK: on_fork(p, r); break;
	case PERF_EXIT: on_exit_(p, r); break;
	case PERF_LOST: p->lost += r->count; break;
	case PERF_THROTTLE: p->throttled++; break;
	case PERF_DAMAGED: p->damaged++; break;
	}
}

/* ---- attaching --------------------------------------------------------- */

/* Say why perf_event_open(2) was refused, and what would help. */
static void
refuse(const struct profiler *p, int error)
{
	static const char sysctl[] = "/proc/sys/kernel/perf_event_paranoid";
	long paranoid = proc_number(sysctl, 2);
	struct proc_stat st;

	if (error == EMFILE)
		errx(STATUS_LOST, "process %d: too many open files for an event per "
		    "thread and CPU: raise the limit (ulimit -n)", (int)p->o.pid);
	if (error != EACCES && error != EPERM && error != ENOSYS)
		errx(STATUS_LOST, "process %d: cannot sample: %s", (int)p->o.pid,
		    strerror(error));
	if (proc_stat(p->o.pid, &st) == 0 && geteuid() != 0 && st.uid != geteuid())
		errx(STATUS_PERM, "process %d belongs to another user (uid %u): "
		    "run as that user, or as root", (int)p->o.pid, (unsigned)st.uid);
	if (paranoid > 2 && geteuid() != 0)
		errx(STATUS_PERM, "process %d: perf_event_open is not permitted: "
		    "sysctl kernel.perf_event_paranoid is %ld: set it to 2, or give "
		    "CAP_PERFMON", (int)p->o.pid, paranoid);
	errx(STATUS_PERM, "process %d: perf_event_open is not permitted: a seccomp "
	    "filter or a missing CAP_PERFMON forbids it (sysctl "
	    "kernel.perf_event_paranoid is %ld)", (int)p->o.pid, paranoid);
}

/* Attach a process' threads, until a look at them finds none that is new.
 * 1: at least one; 0: it has ended. */
static int
attach_threads(struct profiler *p, pid_t pid)
{
	size_t n, fresh;
	int any = 0;

	do {
		pid_t *tid = proc_threads(pid, &n);

		fresh = 0;
		for (size_t i = 0; tid && i < n; i++) {
			if (perf_attached(p->perf, tid[i]))
				continue;
			if (perf_attach(p->perf, tid[i]) == 0) {
				fresh++;
				any = 1;
			} else if (errno != ESRCH) {
				int error = errno;

				free(tid);
				errno = error;
				return -1;
			}
		}
		free(tid);
	} while (fresh);
	return any;
}

static void
open_perf(struct profiler *p)
{
	struct perf_options o = { (unsigned)p->o.hz, (unsigned)p->o.copy,
		p->o.children, p->o.kernel, p->user_only, p->o.resume };

	perf_free(p->perf);
	p->perf = perf_new(&o);
	if (p->perf == NULL)
		err(STATUS_LOST, NULL);
}

/* With the kernel's time if that is permitted, else without. */
static void
attach(struct profiler *p)
{
	int n;

	open_perf(p);
	n = attach_threads(p, p->o.pid);
	if (n < 0 && (errno == EACCES || errno == EPERM) && !p->o.kernel) {
		p->user_only = 1;
		open_perf(p);
		n = attach_threads(p, p->o.pid);
	} else if (n < 0 && (errno == EACCES || errno == EPERM) && geteuid() != 0) {
		errx(STATUS_PERM, "process %d: kernel stacks (-k) are not permitted: "
		    "set sysctl kernel.perf_event_paranoid to 1, or give CAP_PERFMON",
		    (int)p->o.pid);
	}
	if (n < 0)
		refuse(p, errno);
	if (n == 0)
		errx(STATUS_NOPROC, "process %d has ended", (int)p->o.pid);
}

static void
attach_children(struct profiler *p)
{
	size_t n;
	pid_t *pid = proc_descendants(p->o.pid, &n);

	for (size_t i = 0; pid && i < n; i++)
		if (attach_threads(p, pid[i]) > 0)
			add_process(p, pid[i]);
	free(pid);
}

/* Write what a process is now, and all that its samples will refer to. */
static void
describe(struct profiler *p, struct process *q)
{
	uint64_t time = now(CLOCK_MONOTONIC);
	size_t n;
	pid_t *tid;

	put_proc(p, time, q, NULL);
	look_at_maps(p, q);
	tid = proc_threads(q->pid, &n);
	for (size_t i = 0; tid && i < n; i++)
		meet_thread(p, time, q->pid, tid[i]);
	free(tid);
}

static void
check_target(const struct options *o)
{
	struct proc_stat st;

	if (proc_stat(o->pid, &st) < 0)
		errx(STATUS_NOPROC, "no process %d", (int)o->pid);
	if (st.state == 'Z' || st.state == 'X')
		errx(STATUS_NOPROC, "process %d is a zombie: it has ended, its parent "
		    "%d has not waited for it", (int)o->pid, (int)st.ppid);
	if (st.kernel)
		errx(STATUS_NOTHING, "process %d (%s) is a kernel thread: it has no "
		    "user code to profile", (int)o->pid, st.name);
}

/* A command held by rsprof-exec(1) stops itself first. */
static void
await_stop(const struct options *o)
{
	struct timespec pause = { 0, 2000000 };
	struct proc_stat st;

	for (int i = 0; i < 5000; i++) {
		if (proc_stat(o->pid, &st) < 0 || st.state == 'Z')
			errx(STATUS_NOPROC, "process %d has ended", (int)o->pid);
		if (st.state == 'T')
			return;
		nanosleep(&pause, NULL);
	}
	errx(STATUS_LOST, "process %d is not stopped: -c continues a stopped one",
	    (int)o->pid);
}

/* The arguments of the command that rsprof-exec(1) is about to become. */
static char *
held_command(pid_t pid)
{
	char *line = proc_cmdline(pid), *space = line ? strchr(line, ' ') : NULL;

	if (space)
		memmove(line, space + 1, strlen(space));
	return line;
}

static void
say_what_is_odd(struct profiler *p, const struct process *q)
{
	char text[256];
	int rust = 0;

	for (size_t i = 0; i < q->space.n; i++)
		rust |= q->space.map[i].module->rust;
	if (!rust && q->space.n > 0) {
		snprintf(text, sizeof text,
		    "process %d does not look like a Rust program", (int)q->pid);
		warnx("%s: its stacks are profiled all the same", text);
		put_note(p, now(CLOCK_MONOTONIC), text);
	}
	if (p->user_only) {
		snprintf(text, sizeof text,
		    "time in the kernel is not counted: sysctl "
		    "kernel.perf_event_paranoid is %ld",
		    proc_number("/proc/sys/kernel/perf_event_paranoid", 2));
		put_note(p, now(CLOCK_MONOTONIC), text);
	}
}

/* ---- the loop ---------------------------------------------------------- */

static void
round_up(struct profiler *p, uint64_t until)
{
	struct perf_record r;
	uint64_t time = now(CLOCK_MONOTONIC);

	while (!p->out.error && perf_next(p->perf, until, &r))
		take(p, &r);
	put_lost(p, time, &p->lost, "ring-full");
	put_lost(p, time, &p->throttled, "throttled");
	put_lost(p, time, &p->damaged, "damaged");
	if (time >= p->cost_time + COST_NS)
		put_cost(p, time);
	rec_out_flush(&p->out);
}

/* Milliseconds until the next round, or until the end. */
static int
wait_time(uint64_t end)
{
	uint64_t t = now(CLOCK_MONOTONIC), left = end > t ? end - t : 0;

	return left < ROUND_MS * 1000000ULL ? (int)(left / 1000000) + 1 : ROUND_MS;
}

/* Sample until something ends it: its name, or NULL where the reader went. */
static const char *
loop(struct profiler *p, int pidfd)
{
	uint64_t end = UINT64_MAX;
	int ended = 0, ready;

	if (p->o.duration)
		end = now(CLOCK_MONOTONIC) + p->o.duration;
	while (!stop && now(CLOCK_MONOTONIC) < end) {
		ready = perf_wait(p->perf, ended ? -1 : pidfd, STDOUT_FILENO,
		    wait_time(end));
		if (ready < 0 && errno != EINTR)
			err(STATUS_LOST, "poll");
		if (ready > 0 && (ready & 2))
			return NULL;
		if (ready > 0 && (ready & 1))
			ended = 1;
		round_up(p, now(CLOCK_MONOTONIC) - DELAY_NS);
		if (p->out.error)
			return NULL;
		if (ended && (!p->o.children || p->alive == 0))
			return "exited";
	}
	return stop ? "stopped" : "duration";
}

static int
finish(struct profiler *p, const char *reason)
{
	struct rec r = { .type = REC_END };

	if (reason) {
		round_up(p, UINT64_MAX);
		r.end.time = now(CLOCK_MONOTONIC);
		r.end.producer = "cpu";
		r.end.reason = reason;
		put_cost(p, r.end.time);
		put(p, &r);
		rec_out_flush(&p->out);
	}
	if (reason && !p->out.error)
		return 0;
	/* Whoever closes a pipe early knows it. */
	if (p->out.error && p->out.error != EPIPE)
		warnx("cannot write: %s", strerror(p->out.error));
	return STATUS_LOST;
}

static int
profile(struct profiler *p)
{
	struct process *q = add_process(p, p->o.pid);
	int status, pidfd = (int)syscall(SYS_pidfd_open, p->o.pid, 0);

	if (pidfd < 0)
		err(errno == ESRCH ? STATUS_NOPROC : STATUS_LOST, "process %d",
		    (int)p->o.pid);
	if (p->o.resume)
		await_stop(&p->o);
	attach(p);
	put_header(p);
	if (p->o.resume) {
		p->command = held_command(p->o.pid);
		q->threads = 0;
		kill(p->o.pid, SIGCONT);
	} else {
		if (p->o.children)
			attach_children(p);
		for (size_t i = 0; i < p->nprocess; i++)
			describe(p, p->process[i]);
		say_what_is_odd(p, q);
	}
	rec_out_flush(&p->out);
	status = finish(p, loop(p, pidfd));
	close(pidfd);
	return status;
}

static void
catch_signals(void)
{
	static const int sig[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction a, old;

	memset(&a, 0, sizeof a);
	a.sa_handler = on_signal;
	for (size_t i = 0; i < sizeof sig / sizeof *sig; i++) {
		sigaction(sig[i], NULL, &old);
		if (old.sa_handler != SIG_IGN) /* as nohup(1) wants it */
			sigaction(sig[i], &a, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

static void
parse_options(struct options *o, int argc, char *argv[])
{
	uint64_t n;
	int c;

	while ((c = getopt(argc, argv, "cd:F:fkp:s:V")) != -1)
		switch (c) {
		case 'c': o->resume = 1; break;
		case 'd':
			if (arg_duration(optarg, &o->duration) < 0 || o->duration == 0)
				errx(STATUS_USAGE, "-d %s: not a duration, such as 30s, 5m "
				    "or 1h30m", optarg);
			break;
		case 'F':
			if (arg_number(optarg, 1, 10000, &o->hz) < 0)
				errx(STATUS_USAGE, "-F %s: not a rate from 1 to 10000",
				    optarg);
			break;
		case 'f': o->children = 1; break;
		case 'k': o->kernel = 1; break;
		case 'p':
			if (arg_number(optarg, 1, INT_MAX, &n) < 0)
				errx(STATUS_USAGE, "-p %s: not a process number", optarg);
			o->pid = (pid_t)n;
			break;
		case 's':
			if (arg_number(optarg, COPY_LEAST, COPY_DEFAULT, &o->copy) < 0)
				errx(STATUS_USAGE, "-s %s: not a size from %d to %d",
				    optarg, COPY_LEAST, COPY_DEFAULT);
			o->copy &= ~7ULL;
			break;
		case 'V':
			puts("rsprof-cpu " VERSION);
			exit(fflush(stdout) == EOF ? STATUS_LOST : 0);
		default: usage();
		}
	if (o->pid == 0 || optind != argc)
		usage();
}

int
main(int argc, char *argv[])
{
	static struct profiler p = {
		.o = { .hz = 99, .copy = COPY_DEFAULT }
	};
	int status;

	parse_options(&p.o, argc, argv);
	check_target(&p.o);
	catch_signals();
	p.modules = modules_new();
	if (p.modules == NULL)
		err(STATUS_LOST, NULL);
	rec_out_init(&p.out, STDOUT_FILENO, REC_PRODUCER_MAX);
	status = profile(&p);
	perf_free(p.perf);
	modules_free(p.modules);
	if (close(STDOUT_FILENO) < 0 && status == 0)
		err(STATUS_LOST, "cannot write");
	return status;
}
