#include "doctor/check.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor/caps.h"
#include "doctor/check_bpf.h"
#include "doctor/check_inside.h"
#include "doctor/check_process.h"
#include "doctor/verdict.h"
#include "os/kallsyms.h"
#include "os/perf.h"
#include "os/proc.h"
#include "os/rawbpf.h"
#include "os/selftest.h"

/* ---- perf events ------------------------------------------------------- */

/* Returns whether a sample has come. */
static int
got_sample(void *ctx)
{
	struct perf_record r;

	while (perf_next(ctx, UINT64_MAX, &r))
		if (r.type == PERF_SAMPLE)
			return 1;
	return 0;
}

/* Take a sample of this process as rsprof-cpu(1) does without BPF. */
static void
try_perf(const struct caps *me, int kernel, struct verdict *out)
{
	struct perf_options o = { .event = perf_event_find("cpu-clock"), .hz = 1000,
		.copy = 1024, .program = -1, .user_only = !kernel };
	struct perf *p = perf_new(&o);

	if (p == NULL)
		verdict_no(out, NULL, "%s", strerror(errno));
	else if (perf_attach(p, getpid()) < 0)
		caps_perf(me, errno, kernel, out);
	else if (selftest_spin(got_sample, p))
		verdict_yes(out, "a sample of this process was taken");
	else
		verdict_no(out, NULL, "it can be opened, but no sample came");
	perf_free(p);
}

static void
perf_user(const struct caps *me, struct verdict *out)
{
	try_perf(me, 0, out);
}

static void
perf_kernel(const struct caps *me, struct verdict *out)
{
	try_perf(me, 1, out);
}

/* Explain why /proc/kallsyms shows no addresses: kernel/ksyms_common.c of Linux. */
static void
explain_names(const struct caps *me, struct verdict *out)
{
	long hidden = proc_number("/proc/sys/kernel/kptr_restrict", 0);
	char ask[256], remedy[512];

	caps_ask(me, CAPS_SYSLOG, ask, sizeof ask);
	if (hidden > 1)
		snprintf(remedy, sizeof remedy, "set sysctl kernel.kptr_restrict to 1%s%s",
		    caps_has(me, CAPS_SYSLOG) ? "" : ", and ",
		    caps_has(me, CAPS_SYSLOG) ? "" : ask);
	else
		snprintf(remedy, sizeof remedy, "%s, or set sysctl "
		    "kernel.kptr_restrict to 0 and kernel.perf_event_paranoid to 1", ask);
	verdict_no(out, remedy, "/proc/kallsyms hides their addresses: sysctl "
	    "kernel.kptr_restrict is %ld, kernel.perf_event_paranoid is %ld", hidden,
	    me->perf_paranoid);
}

static void
kernel_names(const struct caps *me, struct verdict *out)
{
	char buildid[129];
	const char *problem;
	struct kallsyms *k;

	kallsyms_buildid(buildid);
	k = kallsyms_open(buildid, -1, &problem);
	if (k)
		verdict_yes(out, "/proc/kallsyms shows them");
	else if (access("/proc/kallsyms", F_OK) < 0)
		verdict_no(out, "a kernel with CONFIG_KALLSYMS",
		    "/proc/kallsyms is missing");
	else
		explain_names(me, out);
	kallsyms_close(k);
}

/* ---- uprobes ----------------------------------------------------------- */

/* Open a counting uprobe in this process.  Returns a descriptor, or -1 with
 * errno. */
static int
open_uprobe(long type, uint64_t offset)
{
	static const char file[] = SELFTEST_FILE;
	struct perf_event_attr a = { .size = sizeof a, .type = (uint32_t)type };

	a.uprobe_path = (uint64_t)(uintptr_t)file;
	a.probe_offset = offset;
	return (int)syscall(SYS_perf_event_open, &a, getpid(), -1, -1,
	    PERF_FLAG_FD_CLOEXEC);
}

/* Try a uprobe by BPF, which takes less privilege from Linux 6.6 on, after an
 * event failed with an errno. */
static void
set_by_bpf(const struct caps *me, int error, struct verdict *out)
{
	check_bpf_uprobe(me, out);
	if (!out->works && caps_before(me, 6, 6))
		caps_uprobe(me, error, out);
}

static void
uprobe(const struct caps *me, struct verdict *out)
{
	long type = proc_number(RAWBPF_UPROBE_TYPE, -1);
	uint64_t offset, hits = 0;
	int fd;

	if (type < 0) {
		verdict_no(out, "a kernel with CONFIG_UPROBE_EVENTS, and /sys mounted",
		    RAWBPF_UPROBE_TYPE " cannot be read");
		return;
	}
	if (selftest_offset(&offset) < 0) {
		verdict_no(out, NULL, "/proc/self/maps cannot be read");
		return;
	}
	fd = open_uprobe(type, offset);
	if (fd < 0) {
		set_by_bpf(me, errno, out);
		return;
	}
	selftest_call();
	if (read(fd, &hits, sizeof hits) == sizeof hits && hits == 1)
		verdict_yes(out, "one in this process was hit");
	else
		verdict_no(out, NULL, "one was set, but hit %llu times instead of once",
		    (unsigned long long)hits);
	close(fd);
}

/* ---- a probed nop, and fork() -------------------------------------------- */

#define CALLS 100 /* until the kernel has replaced the nop */
#define FAULTED 2 /* exit status */

static void
on_fault(int sig)
{
	(void)sig;
	_exit(FAULTED);
}

/* Fork, and call the probed function in the child.  Returns its exit status, or -1. */
static int
fork_and_call(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		signal(SIGSEGV, on_fault);
		selftest_long_nop();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* Probe a function that is a nop of 5 bytes, call it, and have a child call it. */
static void
probe_and_fork(const struct caps *me, struct verdict *out)
{
	long type = proc_number(RAWBPF_UPROBE_TYPE, -1);
	uint64_t offset;
	int fd;

	if (selftest_offset_of(selftest_long_nop, &offset) < 0) {
		verdict_no(out, NULL, "/proc/self/maps cannot be read");
		return;
	}
	fd = type < 0 ? -1 : open_uprobe(type, offset);
	if (fd < 0)
		fd = check_bpf_probe(me, offset, out);
	if (fd < 0)
		return;
	for (int i = 0; i < CALLS; i++)
		selftest_long_nop();
	switch (fork_and_call()) {
	case 0:
		verdict_yes(out, "a forked child came by a probe at a nop of 5 bytes");
		break;
	case FAULTED:
		verdict_no(out, "have no uprobes set there by other programs",
		    "this kernel's fault: a forked child dies by SIGSEGV at a nop of 5 "
		    "bytes that is probed; rsprof probes none");
		break;
	default:
		verdict_no(out, NULL, "no child could be forked");
	}
	close(fd);
}

/* Do that in a child process, whose memory the kernel may change. */
static void
uprobe_fork(const struct caps *me, struct verdict *out)
{
	struct verdict *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (shared == MAP_FAILED) {
		verdict_no(out, NULL, "%s", strerror(errno));
		return;
	}
	verdict_no(shared, NULL, "no child could be forked");
	pid = fork();
	if (pid == 0) {
		probe_and_fork(me, shared);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	*out = *shared;
	munmap(shared, sizeof *shared);
}

/* ---- all --------------------------------------------------------------- */

static const struct check checks[] = {
	{ "perf-user", "perf_event_open, user code", .system = perf_user },
	{ "perf-kernel", "perf_event_open, kernel code", .system = perf_kernel },
	{ "kernel-names", "kernel function names", .system = kernel_names },
	{ "bpf-load", "BPF programs", .system = check_bpf_load },
	{ "bpf-ringbuf", "BPF ring buffer", .system = check_bpf_ringbuf },
	{ "bpf-loop", "BPF loops (bpf_loop)", .system = check_bpf_loop },
	{ "bpf-task", "BPF reads user registers", .system = check_bpf_task },
	{ "btf", "kernel types (BTF)", .system = check_bpf_btf },
	{ "bpf-tracepoint", "BPF at tracepoints", .system = check_bpf_tracepoint },
	{ "bpf-walk", "stacks walked by BPF", .system = check_bpf_walk },
	{ "uprobe", "uprobes", .system = uprobe },
	{ "uprobe-fork", "uprobes in forked children", .system = uprobe_fork },
	{ "uprobe-session", "uprobe sessions", .system = check_bpf_session },
	{ "bpf-heap", "allocations probed by BPF", .system = check_bpf_heap },
	{ "heap-inside", "allocations sampled inside", .system = check_inside },
	{ "target-perf", "process: perf events", .process = check_process_perf },
	{ "target-maps", "process: mappings", .process = check_process_maps },
	{ "target-memory", "process: memory", .process = check_process_memory },
	{ "target-unwind", "process: unwind tables", .process = check_process_unwind },
	{ "symbols", "process: symbols", .process = check_process_symbols },
	{ "allocator", "process: allocator", .process = check_process_allocator },
};

const struct check *
check_list(size_t *n)
{
	*n = sizeof checks / sizeof *checks;
	return checks;
}

void
check_run(const struct check *c, const struct caps *me, struct check_process *p,
    struct verdict *out)
{
	memset(out, 0, sizeof *out);
	if (c->process)
		c->process(p, out);
	else
		c->system(me, out);
}
