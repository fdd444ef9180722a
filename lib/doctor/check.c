#include "doctor/check.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "doctor/caps.h"
#include "doctor/check_bpf.h"
#include "doctor/check_process.h"
#include "os/kallsyms.h"
#include "os/perf.h"
#include "os/proc.h"
#include "os/selftest.h"

#define UPROBE_TYPE "/sys/bus/event_source/devices/uprobe/type"

/* ---- results ----------------------------------------------------------- */

/* Names of files may hold anything. */
static void
flatten(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

void
check_yes(struct check *out, const char *why, ...)
{
	va_list ap;

	out->works = 1;
	out->remedy[0] = '\0';
	va_start(ap, why);
	vsnprintf(out->why, sizeof out->why, why, ap);
	va_end(ap);
	flatten(out->why);
}

void
check_no(struct check *out, const char *remedy, const char *why, ...)
{
	va_list ap;

	out->works = 0;
	snprintf(out->remedy, sizeof out->remedy, "%s", remedy ? remedy : "");
	va_start(ap, why);
	vsnprintf(out->why, sizeof out->why, why, ap);
	va_end(ap);
	flatten(out->why);
	flatten(out->remedy);
}

/* ---- perf events ------------------------------------------------------- */

static int
got_sample(void *ctx)
{
	struct perf_record r;

	while (perf_next(ctx, UINT64_MAX, &r))
		if (r.type == PERF_SAMPLE)
			return 1;
	return 0;
}

/* As rsprof-cpu(1) does without BPF. */
static void
try_perf(const struct caps *me, int kernel, struct check *out)
{
	struct perf_options o = { .event = perf_event_find("cpu-clock"), .hz = 1000,
		.copy = 1024, .program = -1, .user_only = !kernel };
	struct perf *p = perf_new(&o);

	if (p == NULL)
		check_no(out, NULL, "%s", strerror(errno));
	else if (perf_attach(p, getpid()) < 0)
		caps_perf(me, errno, kernel, out);
	else if (selftest_spin(got_sample, p))
		check_yes(out, "a sample of this process was taken");
	else
		check_no(out, NULL, "it can be opened, but no sample came");
	perf_free(p);
}

static void
perf_user(const struct check_case *c, struct check *out)
{
	try_perf(c->me, 0, out);
}

static void
perf_kernel(const struct check_case *c, struct check *out)
{
	try_perf(c->me, 1, out);
}

/* kernel/ksyms_common.c of Linux: who sees addresses in /proc/kallsyms. */
static void
explain_names(const struct caps *me, struct check *out)
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
	check_no(out, remedy, "/proc/kallsyms hides their addresses: sysctl "
	    "kernel.kptr_restrict is %ld, kernel.perf_event_paranoid is %ld", hidden,
	    me->perf_paranoid);
}

static void
kernel_names(const struct check_case *c, struct check *out)
{
	char buildid[129];
	const char *problem;
	struct kallsyms *k;

	kallsyms_buildid(buildid);
	k = kallsyms_open(buildid, -1, &problem);
	if (k)
		check_yes(out, "/proc/kallsyms shows them");
	else if (access("/proc/kallsyms", F_OK) < 0)
		check_no(out, "a kernel with CONFIG_KALLSYMS",
		    "/proc/kallsyms is not there");
	else
		explain_names(c->me, out);
	kallsyms_close(k);
}

/* ---- uprobes ----------------------------------------------------------- */

/* A uprobe in this process alone, which counts.  Its descriptor, or -1. */
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

/* Since 6.6 there is another way to set one, which takes less. */
static void
set_by_bpf(const struct check_case *c, int error, struct check *out)
{
	check_bpf_uprobe(c, out);
	if (!out->works && caps_before(c->me, 6, 6))
		caps_uprobe(c->me, error, out);
}

static void
uprobe(const struct check_case *c, struct check *out)
{
	long type = proc_number(UPROBE_TYPE, -1);
	uint64_t offset, hits = 0;
	int fd;

	if (type < 0) {
		check_no(out, "a kernel with CONFIG_UPROBE_EVENTS, and /sys mounted",
		    UPROBE_TYPE " cannot be read");
		return;
	}
	if (selftest_offset(&offset) < 0) {
		check_no(out, NULL, "/proc/self/maps cannot be read");
		return;
	}
	fd = open_uprobe(type, offset);
	if (fd < 0) {
		set_by_bpf(c, errno, out);
		return;
	}
	selftest_call();
	if (read(fd, &hits, sizeof hits) == sizeof hits && hits == 1)
		check_yes(out, "one in this process was hit");
	else
		check_no(out, NULL, "one was set, but hit %llu times in place of 1",
		    (unsigned long long)hits);
	close(fd);
}

/* ---- all --------------------------------------------------------------- */

static const struct check_type types[] = {
	{ "perf-user", "perf_event_open, user code", 0, perf_user },
	{ "perf-kernel", "perf_event_open, kernel too", 0, perf_kernel },
	{ "kernel-names", "names of kernel functions", 0, kernel_names },
	{ "bpf-load", "BPF programs", 0, check_bpf_load },
	{ "bpf-ringbuf", "BPF ring buffer", 0, check_bpf_ringbuf },
	{ "bpf-loop", "BPF loops (bpf_loop)", 0, check_bpf_loop },
	{ "bpf-task", "BPF reads user registers", 0, check_bpf_task },
	{ "btf", "kernel types (BTF)", 0, check_bpf_btf },
	{ "bpf-tracepoint", "BPF at tracepoints", 0, check_bpf_tracepoint },
	{ "bpf-walk", "stacks walked by BPF", 0, check_bpf_walk },
	{ "uprobe", "uprobes", 0, uprobe },
	{ "uprobe-session", "uprobe sessions", 0, check_bpf_session },
	{ "target-perf", "process: perf events", 1, check_process_perf },
	{ "target-maps", "process: mappings", 1, check_process_maps },
	{ "target-memory", "process: memory", 1, check_process_memory },
	{ "target-unwind", "process: unwind tables", 1, check_process_unwind },
	{ "symbols", "process: symbols", 1, check_process_symbols },
	{ "allocator", "process: allocator", 1, check_process_allocator },
};

const struct check_type *
check_types(size_t *n)
{
	*n = sizeof types / sizeof *types;
	return types;
}

void
check_try(const struct check_type *t, const struct check_case *c,
    struct check *out)
{
	memset(out, 0, sizeof *out);
	t->probe(c, out);
}
