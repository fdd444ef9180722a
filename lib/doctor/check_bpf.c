#include "doctor/check_bpf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/page.h"
#include "doctor/caps.h"
#include "doctor/verdict.h"
#include "heap/heap.h"
#include "heap/probe.h"
#include "os/btf.h"
#include "os/proc.h"
#include "os/rawbpf.h"
#include "os/regs.h"
#include "os/selftest.h"
#include "sample/cpu.h"
#include "sample/sampler.h"

/* From include/uapi/linux/bpf.h of Linux 6.13: headers may be older. */
#define FUNC_GET_CURRENT_TASK_BTF 158 /* 5.11 */
#define FUNC_TASK_PT_REGS 175         /* 5.15 */
#define FUNC_LOOP 181                 /* 5.17 */
#define TRACE_UPROBE_MULTI 48         /* 6.6 */
#define TRACE_UPROBE_SESSION 57       /* 6.13 */

/* Instructions. */
#define SET(reg, number) { BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, number }
#define COPY(reg, from) { BPF_ALU64 | BPF_MOV | BPF_X, reg, from, 0, 0 }
#define ADD(reg, number) { BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, number }
#define LOAD(reg, from, off) { BPF_LDX | BPF_MEM | BPF_DW, reg, from, off, 0 }
#define STORE(reg, off, number) { BPF_ST | BPF_MEM | BPF_DW, reg, 0, off, number }
#define SKIP_IF_0(reg, n) { BPF_JMP | BPF_JEQ | BPF_K, reg, 0, n, 0 }
#define ATOMIC_ADD(to, reg) { BPF_STX | 0xc0 | BPF_DW, to, reg, 0, BPF_ADD }
#define WIDE(reg, what, number) \
	{ BPF_LD | BPF_DW | BPF_IMM, reg, what, 0, number }, { 0, 0, 0, 0, 0 }
#define CALL(func) { BPF_JMP | BPF_CALL, 0, 0, 0, func }
#define EXIT { BPF_JMP | BPF_EXIT, 0, 0, 0, 0 }
#define COUNT(insn) (sizeof insn / sizeof *insn)

/* ---- common ------------------------------------------------------------ */

/* Explain why a call failed: for want of privilege, because the kernel is older
 * than Linux major.minor, which introduced it, or for another reason. */
static void
explain(const struct caps *me, int error, const char *complaint,
    const char *what, int major, int minor, struct verdict *out)
{
	int refused = error == EPERM || error == ENOSYS ||
	    (error == EACCES && complaint[0] == '\0');

	if (refused)
		caps_bpf(me, error, out);
	else if (caps_before(me, major, minor))
		verdict_no(out, "a newer kernel", "%s came with Linux %d.%d, this is %s",
		    what, major, minor, me->release);
	else if (strstr(complaint, "JIT") &&
	    proc_number("/proc/sys/net/core/bpf_jit_enable", 1) == 0)
		verdict_no(out, "set sysctl net.core.bpf_jit_enable to 1",
		    "sysctl net.core.bpf_jit_enable is 0: %s", complaint);
	else if (me->locked && complaint[0])
		verdict_no(out, "boot with lockdown=integrity, or without lockdown",
		    "the kernel is locked down (lockdown=confidentiality): %s",
		    complaint);
	else
		verdict_no(out, NULL, "%s: %s%s%s", what, caps_error(error),
		    complaint[0] ? ": " : "", complaint);
}

/* Load a program.  Returns its descriptor, or -1 with *out set. */
static int
load(const struct caps *me, struct rawbpf_program *p, const char *what,
    int major, int minor, struct verdict *out)
{
	int fd = rawbpf_load(p), error = errno;

	if (fd < 0)
		explain(me, error, rawbpf_complaint(p->log), what, major, minor, out);
	return fd;
}

/* Open a clock of our own CPU time, to run a program at.  Returns its
 * descriptor, or -1 with *out set. */
static int
open_cpu_clock(const struct caps *me, struct verdict *out)
{
	struct perf_event_attr a = { .size = sizeof a, .type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK, .sample_period = 1000000,
		.exclude_kernel = 1, .exclude_hv = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		caps_perf(me, errno, 0, out);
	return fd;
}

/* Run a program at a clock of our own CPU time from now on.  Returns the clock's
 * descriptor, or -1 with *out set. */
static int
attach_clock(const struct caps *me, int program, struct verdict *out)
{
	int clock = open_cpu_clock(me, out);

	if (clock < 0)
		return -1;
	if (ioctl(clock, PERF_EVENT_IOC_SET_BPF, program) == 0)
		return clock;
	explain(me, errno, "", "a BPF program at a perf event", 4, 9, out);
	close(clock);
	return -1;
}

/* ---- programs ---------------------------------------------------------- */

void
check_bpf_load(const struct caps *me, struct verdict *out)
{
	static const struct bpf_insn insn[] = { SET(0, 0), EXIT };
	struct rawbpf_program p = { .type = BPF_PROG_TYPE_PERF_EVENT, .insn = insn,
		.n = COUNT(insn) };
	int fd = load(me, &p, "BPF at perf events", 4, 9, out), clock;

	if (fd < 0)
		return;
	clock = attach_clock(me, fd, out);
	if (clock >= 0) {
		verdict_yes(out, "one was loaded, and attached to a perf event");
		close(clock);
	}
	close(fd);
}

/* Load a program that calls a function of its own once, by bpf_loop(). */
void
check_bpf_loop(const struct caps *me, struct verdict *out)
{
	static const struct bpf_insn insn[] = {
		SET(1, 1), WIDE(2, BPF_PSEUDO_FUNC, 6), SET(3, 0), SET(4, 0),
		CALL(FUNC_LOOP), SET(0, 0), EXIT, /* the function: */ SET(0, 0), EXIT
	};
	static const uint32_t function[][2] = { { 0, 3 }, { 8, 4 } };
	static const struct {
		struct btf_header head;
		uint32_t type[13];
		char strings[8];
	} types = {
		{ .magic = BTF_MAGIC, .version = BTF_VERSION,
		    .hdr_len = sizeof(struct btf_header), .type_len = 52,
		    .str_off = 52, .str_len = 8 },
		{ 1, BTF_KIND_INT << 24, 8, BTF_INT_SIGNED << 24 | 64,
		    0, BTF_KIND_FUNC_PROTO << 24, 1,
		    5, BTF_KIND_FUNC << 24 | BTF_FUNC_GLOBAL, 2,
		    5, BTF_KIND_FUNC << 24 | BTF_FUNC_STATIC, 2 },
		"\0int\0fn"
	};
	struct rawbpf_program p = { .type = BPF_PROG_TYPE_PERF_EVENT, .insn = insn,
		.n = COUNT(insn), .function = function, .nfunction = 2 };
	int fd;

	p.types = rawbpf_types(&types, sizeof types);
	if (p.types < 0) {
		explain(me, errno, "", "BTF of a program", 5, 0, out);
		return;
	}
	fd = load(me, &p, "bpf_loop", 5, 17, out);
	if (fd >= 0) {
		verdict_yes(out, "a program that calls it was loaded");
		close(fd);
	}
	close(p.types);
}

/* Load a program that reads the user stack pointer of the current thread, as a
 * walk does. */
void
check_bpf_task(const struct caps *me, struct verdict *out)
{
	const struct bpf_insn insn[] = {
		CALL(FUNC_GET_CURRENT_TASK_BTF), COPY(6, 0),
		COPY(1, 10), ADD(1, -8), SET(2, 8), COPY(3, 6),
		CALL(BPF_FUNC_probe_read_kernel),
		COPY(1, 6), CALL(FUNC_TASK_PT_REGS),
		LOAD(1, 0, (int16_t)regs_kernel_sp()),
		COPY(3, 1), COPY(1, 10), ADD(1, -8), SET(2, 8),
		CALL(BPF_FUNC_probe_read_user), SET(0, 0), EXIT
	};
	struct rawbpf_program p = { .type = BPF_PROG_TYPE_PERF_EVENT, .insn = insn,
		.n = COUNT(insn) };
	int fd = load(me, &p, "bpf_task_pt_regs", 5, 15, out);

	if (fd < 0)
		return;
	verdict_yes(out, "a program that reads them was loaded");
	close(fd);
}

/* ---- the ring buffer --------------------------------------------------- */

struct ring {
	unsigned char *bytes; /* the consumer's page, the producer's, the data */
	size_t page;
};

/* Returns whether the program has written a record. */
static int
ring_has(void *ctx)
{
	const struct ring *r = ctx;
	uint64_t *produced = (uint64_t *)(void *)(r->bytes + r->page);

	return __atomic_load_n(produced, __ATOMIC_ACQUIRE) > 0;
}

/* Run the program until it has written into the ring buffer. */
static void
try_ring(const struct caps *me, int map, int program, struct verdict *out)
{
	struct ring r = { NULL, page_size() };
	int clock;

	r.bytes = mmap(NULL, 3 * r.page, PROT_READ, MAP_SHARED, map, 0);
	if (r.bytes == MAP_FAILED) {
		verdict_no(out, NULL, "its memory cannot be mapped: %s", strerror(errno));
		return;
	}
	clock = attach_clock(me, program, out);
	if (clock >= 0) {
		if (selftest_spin(ring_has, &r))
			verdict_yes(out, "a program wrote into one, and it was read");
		else
			verdict_no(out, NULL, "a program was attached, but nothing came");
		close(clock);
	}
	munmap(r.bytes, 3 * r.page);
}

void
check_bpf_ringbuf(const struct caps *me, struct verdict *out)
{
	struct rawbpf_program p = { .type = BPF_PROG_TYPE_PERF_EVENT };
	int fd, map = rawbpf_map(BPF_MAP_TYPE_RINGBUF, 0,
	    (unsigned)page_size());
	const struct bpf_insn insn[] = {
		STORE(10, -8, 42), WIDE(1, BPF_PSEUDO_MAP_FD, map), COPY(2, 10),
		ADD(2, -8), SET(3, 8), SET(4, 0), CALL(BPF_FUNC_ringbuf_output),
		SET(0, 0), EXIT
	};

	if (map < 0) {
		explain(me, errno, "", "the BPF ring buffer", 5, 8, out);
		return;
	}
	p.insn = insn;
	p.n = COUNT(insn);
	fd = load(me, &p, "bpf_ringbuf_output", 5, 8, out);
	if (fd >= 0) {
		try_ring(me, map, fd, out);
		close(fd);
	}
	close(map);
}

/* ---- the kernel's types ------------------------------------------------ */

/* Open the kernel's types.  Returns -1 with *out set. */
static int
open_types(const struct caps *me, struct btf_file *types, struct verdict *out)
{
	const char *error = btf_open(types);
	int code = errno;

	if (error == NULL)
		return 0;
	btf_close(types);
	if (code == ENOENT && access("/sys/kernel", F_OK) < 0)
		verdict_no(out, "mount sysfs at /sys", "/sys is missing");
	else if (code == ENOENT)
		verdict_no(out, "a kernel with CONFIG_DEBUG_INFO_BTF",
		    "Linux %s has no /sys/kernel/btf/vmlinux", me->release);
	else
		verdict_no(out, NULL, "/sys/kernel/btf/vmlinux %s%s%s", error,
		    code ? ": " : "", code ? strerror(code) : "");
	return -1;
}

void
check_bpf_btf(const struct caps *me, struct verdict *out)
{
	struct btf_file types;

	if (open_types(me, &types, out) < 0)
		return;
	if (btf_find(&types, BTF_KIND_STRUCT, "task_struct"))
		verdict_yes(out, "/sys/kernel/btf/vmlinux has struct task_struct");
	else
		verdict_no(out, NULL, "/sys/kernel/btf/vmlinux has no struct task_struct");
	btf_close(&types);
}

void
check_bpf_tracepoint(const struct caps *me, struct verdict *out)
{
	static const struct bpf_insn insn[] = { SET(0, 0), EXIT };
	struct rawbpf_program p = { .type = BPF_PROG_TYPE_TRACING,
		.attach = BPF_TRACE_RAW_TP, .insn = insn, .n = COUNT(insn) };
	struct btf_file types;
	int fd, link;

	if (open_types(me, &types, out) < 0)
		return;
	p.btf_id = btf_find(&types, BTF_KIND_TYPEDEF, "btf_trace_sched_process_exec");
	btf_close(&types);
	fd = load(me, &p, "BPF at sched_process_exec", 5, 5, out);
	if (fd < 0)
		return;
	link = rawbpf_trace(fd);
	if (link < 0) {
		explain(me, errno, "", "BPF at sched_process_exec", 5, 5, out);
	} else {
		verdict_yes(out, "a program was attached to sched_process_exec");
		close(link);
	}
	close(fd);
}

/* ---- uprobes ----------------------------------------------------------- */

/* Attach a program to a function of ours, call that, and read how often the
 * program ran.  Returns -1 with *out set. */
static int
call_probed(const struct caps *me, int program, unsigned attach, int counter,
    uint64_t *hits, struct verdict *out)
{
	int session = attach == TRACE_UPROBE_SESSION, link;
	uint64_t offset;

	if (selftest_offset(&offset) < 0) {
		verdict_no(out, NULL, "/proc/self/maps cannot be read");
		return -1;
	}
	link = rawbpf_uprobes(program, attach, SELFTEST_FILE, &offset, NULL, 1,
	    (unsigned)getpid());
	if (link < 0) {
		explain(me, errno, "", session ? "the uprobe session" : "BPF at uprobes",
		    6, session ? 13 : 6, out);
		return -1;
	}
	selftest_call();
	rawbpf_value(counter, hits);
	close(link);
	return 0;
}

/* Count how often a program runs when a function of ours is called once.
 * Returns -1 with *out set. */
static int
count_hits(const struct caps *me, unsigned attach, uint64_t *hits,
    struct verdict *out)
{
	struct rawbpf_program p = { .type = BPF_PROG_TYPE_KPROBE, .attach = attach };
	int fd, got = -1, map = rawbpf_map(BPF_MAP_TYPE_ARRAY, 8, 1);
	const struct bpf_insn insn[] = {
		STORE(10, -8, 0), WIDE(1, BPF_PSEUDO_MAP_FD, map), COPY(2, 10),
		ADD(2, -8), CALL(BPF_FUNC_map_lookup_elem), SKIP_IF_0(0, 2),
		SET(1, 1), ATOMIC_ADD(0, 1), SET(0, 0), EXIT
	};

	if (map < 0) {
		explain(me, errno, "", "a BPF map", 3, 19, out);
		return -1;
	}
	p.insn = insn;
	p.n = COUNT(insn);
	fd = load(me, &p, "BPF at uprobes", 4, 1, out);
	if (fd >= 0) {
		got = call_probed(me, fd, attach, map, hits, out);
		close(fd);
	}
	close(map);
	return got;
}

void
check_bpf_uprobe(const struct caps *me, struct verdict *out)
{
	uint64_t hits = 0;

	if (count_hits(me, TRACE_UPROBE_MULTI, &hits, out) < 0)
		return;
	if (hits == 1)
		verdict_yes(out, "a program ran at a uprobe in this process");
	else
		verdict_no(out, NULL, "a program at a uprobe ran %llu times instead of once",
		    (unsigned long long)hits);
}

int
check_bpf_probe(const struct caps *me, uint64_t offset, struct verdict *out)
{
	static const struct bpf_insn insn[] = { SET(0, 0), EXIT };
	struct rawbpf_program p = { .type = BPF_PROG_TYPE_KPROBE,
		.attach = TRACE_UPROBE_MULTI, .insn = insn, .n = COUNT(insn) };
	int fd = load(me, &p, "BPF at uprobes", 4, 1, out), link;

	if (fd < 0)
		return -1;
	link = rawbpf_uprobes(fd, TRACE_UPROBE_MULTI, SELFTEST_FILE, &offset, NULL, 1,
	    (unsigned)getpid());
	if (link < 0)
		explain(me, errno, "", "BPF at uprobes", 6, 6, out);
	close(fd);
	return link;
}

void
check_bpf_session(const struct caps *me, struct verdict *out)
{
	uint64_t hits = 0;

	if (count_hits(me, TRACE_UPROBE_SESSION, &hits, out) < 0)
		return;
	if (hits == 2)
		verdict_yes(out, "a program ran at a function's entry and its return");
	else
		verdict_no(out, NULL, "a program ran %llu times instead of twice",
		    (unsigned long long)hits);
}

/* ---- all of BPF together ------------------------------------------------ */

/* Attach the programs of rsprof-cpu(1) to this process.  They are loaded
 * already: a failure is of perf events. */
static void
try_walk(const struct caps *me, struct verdict *out)
{
	const struct sampler_options o = { .pid = getpid(), .hz = 99, .copy = 1024,
		.event = perf_event_find("cpu-clock") };
	struct sampler *s = sampler_new(&o);
	int error = s ? 0 : errno;
	const char *why = NULL;

	if (s && sampler_attach(s) < 0)
		error = errno;
	else if (s)
		why = sampler_copies(s);
	if (error == 0 && why == NULL)
		verdict_yes(out, "rsprof-cpu(1) walks them this way");
	else if (error == 0 && me->perf_paranoid <= 2)
		verdict_no(out, NULL, "%s", why);
	else
		caps_perf(me, error ? error : EACCES, 1, out);
	sampler_free(s);
}

void
check_bpf_walk(const struct caps *me, struct verdict *out)
{
	const struct cpu_options o = { .hz = 99 };
	char why[CPU_WHY];
	struct cpu *w = cpu_new(&o, why);
	int error = errno;

	if (w)
		try_walk(me, out);
	else if (error == ENOTSUP)
		verdict_no(out, "build rsprof with BPF=1", "%s", why);
	else if (error == EPERM || error == EACCES || error == ENOSYS)
		caps_bpf(me, error, out);
	else
		verdict_no(out, NULL, "%s", why);
	cpu_free(w);
}

static void
on_refused(void *ctx, const struct probe *probe, int error)
{
	(void)probe;
	*(int *)ctx = error;
}

/* Arm a probe of the heap at a function of ours, and call that. */
static void
try_heap(const struct caps *me, struct heap *h, struct verdict *out)
{
	struct probe p = { .layer = "own", .file = SELFTEST_FILE };
	struct heap_load load;
	int error = 0, armed;

	if (selftest_offset(&p.offset) < 0) {
		verdict_no(out, NULL, "/proc/self/maps cannot be read");
		return;
	}
	armed = heap_arm(h, getpid(), &p, 1, on_refused, &error);
	if (armed < 0)
		error = errno;
	if (armed != 1) {
		caps_uprobe(me, error, out);
		return;
	}
	selftest_call();
	heap_load(h, &load);
	if (load.entries != 1)
		verdict_no(out, NULL, "a probe was hit %llu times instead of once",
		    (unsigned long long)load.entries);
	else
		verdict_yes(out, "rsprof-heap(1) probes allocations by %s",
		    heap_sessions(h) ? "sessions" : "their entry and return");
}

void
check_bpf_heap(const struct caps *me, struct verdict *out)
{
	const struct heap_options o = { .max_bytes = 8 << 20 };
	char why[HEAP_WHY];
	struct heap *h = heap_new(&o, why);
	int error = errno;

	if (h)
		try_heap(me, h, out);
	else if (error == ENOTSUP)
		verdict_no(out, "build rsprof with BPF=1", "%s", why);
	else if (error == EPERM || error == EACCES)
		caps_bpf(me, error, out);
	else
		verdict_no(out, NULL, "%s", why);
	heap_free(h);
}
