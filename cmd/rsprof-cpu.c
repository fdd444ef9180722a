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
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "arg.h"
#include "module.h"
#include "perf.h"
#include "proc.h"
#include "rec.h"
#include "space.h"
#include "target.h"
#include "unwind.h"

#define COPY_DEFAULT 65528 /* more does not fit into a record of perf */
#define COPY_LEAST 1024
#define ROUND_MS 100       /* between two looks at the rings, at most */
#define DELAY_NS 1000000   /* see perf_next() */
#define COST_NS 1000000000
#define RELOOK_NS 200000000 /* between two looks at a process' mappings */

enum { STATUS_LOST = 1, STATUS_USAGE, STATUS_NOPROC, STATUS_PERM, STATUS_NOTHING };

struct options {
	pid_t pid;
	uint64_t hz, copy, duration;
	int children, kernel, resume;
};

struct profiler {
	struct options o;
	struct perf *perf;
	struct targets *targets;
	struct rec_out out;
	struct space_walk walk;
	uint64_t lost, throttled, damaged; /* not yet told */
	uint64_t samples; /* taken, and told to be lost */
	uint64_t cost_time; /* when the cost was last told */
	char *command;      /* that rsprof-exec(1) holds, for -c */
	int user_only;      /* time in the kernel is not counted */
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
wall_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void
put_header(struct profiler *p)
{
	struct rec r = { .type = REC_RSPROF };
	char text[12][300];
	struct utsname u;
	int n = 0;

	uname(&u);
	snprintf(text[n++], sizeof *text, "mono=%" PRIu64, proc_now());
	snprintf(text[n++], sizeof *text, "wall=%" PRIu64, wall_clock());
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
	targets_put(p->targets, &r);
}

/* ---- what the kernel reports ------------------------------------------- */

static void
saw_map(struct profiler *p, const struct perf_record *r, struct target *t)
{
	struct proc_map map = { r->map.start, r->map.end, r->map.offset, r->map.ino,
		r->map.major, r->map.minor, r->map.path };

	target_map(p->targets, r->time, t, &map);
}

static void
saw_fork(struct profiler *p, const struct perf_record *r)
{
	struct target *t = target_find(p->targets, r->parent.pid);

	if (t == NULL)
		return;
	if (r->pid == r->parent.pid)
		target_new_thread(p->targets, r->time, t, r->tid, r->parent.tid);
	else if (p->o.children)
		target_fork(p->targets, r->time, t, r->pid, r->parent.tid);
}

/* Walk the user's part of a sample's stack. */
static void
walk(struct profiler *p, struct target *t, const struct perf_record *r)
{
	const struct unwind_stack stack = { r->sample.stack, r->sample.sp,
		r->sample.len };
	const struct step_regs regs = { r->sample.pc, r->sample.sp, r->sample.bp, 1,
		0, r->sample.r11 };

	space_walk(&t->space, &stack, regs, &p->walk);
	if (p->walk.unknown == 0 || r->time < t->looked + RELOOK_NS)
		return;
	/* Code that came without our knowing: look, and try again. */
	target_look(p->targets, t);
	space_walk(&t->space, &stack, regs, &p->walk);
}

static void
saw_sample(struct profiler *p, const struct perf_record *r, struct target *t)
{
	struct rec cpu = { .type = REC_CPU };

	/* Of a kernel whose events cannot leave out child processes. */
	if (t == NULL && r->pid != p->o.pid && !p->o.children)
		return;
	if (t == NULL && (t = target_add(p->targets, r->pid)) == NULL)
		return;
	if (!t->told)
		target_describe(p->targets, t, p->command);
	target_meet(p->targets, r->time, t, r->tid);
	p->samples++;
	cpu.cpu.stack.cut = "no-stack";
	if (r->sample.has_user) {
		walk(p, t, r);
		targets_walk(p->targets, &p->walk, &cpu.cpu.stack);
	}
	targets_kernel(p->targets, r->time, r->sample.kernel, r->sample.nkernel,
	    &cpu.cpu.stack);
	cpu.cpu.time = r->time;
	cpu.cpu.pid = (uint64_t)r->pid;
	cpu.cpu.tid = (uint64_t)r->tid;
	cpu.cpu.ns = r->sample.ns;
	targets_put(p->targets, &cpu);
}

static void
take(struct profiler *p, const struct perf_record *r)
{
	struct target *t = target_find(p->targets, r->pid);

	switch (r->type) {
	case PERF_SAMPLE: saw_sample(p, r, t); return;
	case PERF_FORK: saw_fork(p, r); return;
	case PERF_LOST: p->lost += r->count; return;
	case PERF_THROTTLE: p->throttled++; return;
	case PERF_DAMAGED: p->damaged++; return;
	default: break;
	}
	if (t == NULL)
		return;
	switch (r->type) {
	case PERF_MAP: saw_map(p, r, t); break;
	case PERF_NAME: target_thread(p->targets, r->time, t, r->tid, r->name); break;
	case PERF_EXEC:
		target_exec(p->targets, r->time, t, r->tid, r->name, p->command);
		break;
	default: target_exit(p->targets, r->time, t, r->tid); break;
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

/* 1: attached; 0: it is already, has ended, or must not be (which is told). */
static int
attach_child(struct profiler *p, pid_t pid)
{
	char text[128];
	int n;

	if (target_find(p->targets, pid))
		return 0;
	n = attach_threads(p, pid);
	if (n < 0) {
		snprintf(text, sizeof text, "child process %d is not sampled: %s",
		    (int)pid, strerror(errno));
		targets_note(p->targets, proc_now(), text);
	}
	return n > 0 && target_add(p->targets, pid);
}

/* Child processes that there are: those that come are inherited. */
static void
attach_children(struct profiler *p)
{
	size_t n, fresh;

	do {
		pid_t *pid = proc_descendants(p->o.pid, &n);

		fresh = 0;
		for (size_t i = 0; pid && i < n; i++)
			fresh += (size_t)attach_child(p, pid[i]);
		free(pid);
	} while (fresh);
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

static int
looks_like_rust(const struct target *t)
{
	for (size_t i = 0; i < t->space.n; i++)
		if (t->space.map[i].module->rust)
			return 1;
	return t->space.n == 0; /* nothing can be said */
}

static void
say_what_is_odd(struct profiler *p, const struct target *t)
{
	char text[256];

	if (!looks_like_rust(t)) {
		snprintf(text, sizeof text,
		    "process %d does not look like a Rust program", (int)t->pid);
		warnx("%s: it is profiled all the same", text);
		targets_note(p->targets, proc_now(), text);
	}
	if (p->user_only) {
		snprintf(text, sizeof text,
		    "time in the kernel is not counted: sysctl "
		    "kernel.perf_event_paranoid is %ld",
		    proc_number("/proc/sys/kernel/perf_event_paranoid", 2));
		targets_note(p->targets, proc_now(), text);
	}
}

/* ---- the loop ---------------------------------------------------------- */

/* Take all that has come until a time, and tell of it. */
static void
do_round(struct profiler *p, uint64_t until)
{
	struct perf_record r;
	uint64_t time = proc_now();

	while (!targets_error(p->targets) && perf_next(p->perf, until, &r))
		take(p, &r);
	p->samples += p->lost;
	targets_lost(p->targets, time, &p->lost, "ring-full");
	targets_lost(p->targets, time, &p->throttled, "throttled");
	targets_lost(p->targets, time, &p->damaged, "damaged");
	if (time >= p->cost_time + COST_NS) {
		targets_cost(p->targets, time);
		p->cost_time = time;
	}
	rec_out_flush(&p->out);
}

/* Milliseconds until the next round, or until the end. */
static int
wait_time(uint64_t end)
{
	uint64_t t = proc_now(), left = end > t ? end - t : 0;

	return left < ROUND_MS * 1000000ULL ? (int)(left / 1000000) + 1 : ROUND_MS;
}

/* Sample until something ends it: its name, or NULL where the reader went. */
static const char *
loop(struct profiler *p, int pidfd)
{
	uint64_t end = UINT64_MAX;
	int ended = 0, ready;

	if (p->o.duration)
		end = proc_now() + p->o.duration;
	while (!stop && proc_now() < end) {
		ready = perf_wait(p->perf, ended ? -1 : pidfd, STDOUT_FILENO,
		    wait_time(end));
		if (ready < 0 && errno != EINTR)
			err(STATUS_LOST, "poll");
		if (ready > 0 && (ready & 2))
			return NULL;
		if (ready > 0 && (ready & 1))
			ended = 1;
		do_round(p, proc_now() - DELAY_NS);
		if (targets_error(p->targets))
			return NULL;
		if (ended && (!p->o.children || targets_count(p->targets) == 0))
			return "exited";
	}
	return stop ? "stopped" : "duration";
}

/* CPU time that no sample stands for, in samples.  A few are nothing: each
 * thread ends within a period. */
static void
tell_unsampled(struct profiler *p)
{
	uint64_t n = perf_counted(p->perf) / (1000000000 / p->o.hz);

	n = n > p->samples ? n - p->samples : 0;
	if (!p->user_only && n * 100 > p->samples)
		targets_lost(p->targets, proc_now(), &n, "unsampled");
}

static int
finish(struct profiler *p, const char *reason)
{
	int error;

	if (reason) {
		do_round(p, UINT64_MAX);
		tell_unsampled(p);
		targets_cost(p->targets, proc_now());
		targets_end(p->targets, proc_now(), reason);
		rec_out_flush(&p->out);
	}
	error = targets_error(p->targets);
	if (reason && !error)
		return 0;
	/* Whoever closes a pipe early knows it. */
	if (error && error == p->out.error && error != EPIPE)
		warnx("cannot write: %s", strerror(error));
	else if (error && error != EPIPE)
		warnx("%s", strerror(error));
	return STATUS_LOST;
}

/* Attach, and tell what there is; or set a held command going. */
static void
begin(struct profiler *p)
{
	struct target *t = target_add(p->targets, p->o.pid);

	if (t == NULL)
		err(STATUS_LOST, NULL);
	if (p->o.resume)
		await_stop(&p->o);
	attach(p);
	put_header(p);
	if (p->o.resume) {
		p->command = held_command(p->o.pid);
		kill(p->o.pid, SIGCONT);
	} else {
		if (p->o.children)
			attach_children(p);
		for (size_t i = 0; i < targets_count(p->targets); i++)
			target_describe(p->targets, targets_nth(p->targets, i), NULL);
		say_what_is_odd(p, t);
	}
	rec_out_flush(&p->out);
}

static int
profile(struct profiler *p)
{
	int status, pidfd = (int)syscall(SYS_pidfd_open, p->o.pid, 0);

	if (pidfd < 0 && errno == ESRCH)
		errx(STATUS_NOPROC, "process %d has ended", (int)p->o.pid);
	if (pidfd < 0)
		err(STATUS_LOST, "process %d", (int)p->o.pid);
	begin(p);
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
			if (fflush(stdout) == EOF)
				err(STATUS_LOST, "cannot write");
			exit(0);
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
	rec_out_init(&p.out, STDOUT_FILENO, REC_PRODUCER_MAX);
	p.targets = targets_new(&p.out, "cpu");
	if (p.targets == NULL)
		err(STATUS_LOST, NULL);
	status = profile(&p);
	perf_free(p.perf);
	targets_free(p.targets);
	free(p.command);
	if (close(STDOUT_FILENO) < 0 && status == 0)
		err(STATUS_LOST, "cannot write");
	return status;
}
