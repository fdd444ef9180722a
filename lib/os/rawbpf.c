#include "os/rawbpf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/proc.h"

/* Call bpf(2), a second time if memory may be locked then. */
static int
call(int cmd, void *attr, size_t size)
{
	static const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	long r = syscall(SYS_bpf, cmd, attr, size);

	if (r < 0 && errno == EPERM && setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0)
		r = syscall(SYS_bpf, cmd, attr, size);
	return (int)r;
}

/* Returns a pointer as union bpf_attr has it. */
static uint64_t
number(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

int
rawbpf_load(struct rawbpf_program *p)
{
	union bpf_attr a;
	int fd;

	memset(&a, 0, sizeof a);
	a.prog_type = p->type;
	a.expected_attach_type = p->attach;
	a.attach_btf_id = p->btf_id;
	a.insns = number(p->insn);
	a.insn_cnt = p->n;
	a.license = number("GPL");
	if (p->nfunction) {
		a.prog_btf_fd = (uint32_t)p->types;
		a.func_info = number(p->function);
		a.func_info_cnt = p->nfunction;
		a.func_info_rec_size = sizeof *p->function;
	}
	p->log[0] = '\0';
	fd = call(BPF_PROG_LOAD, &a, sizeof a);
	if (fd >= 0 || errno == EPERM || errno == ENOSYS)
		return fd;
	/* Again, for the reason. */
	a.log_buf = number(p->log);
	a.log_size = sizeof p->log;
	a.log_level = 1;
	return call(BPF_PROG_LOAD, &a, sizeof a);
}

const char *
rawbpf_complaint(char *log)
{
	const char *last = "";
	char *line, *rest = log;

	/* The last one but for its figures: "processed 4 insns (limit ...". */
	while ((line = strsep(&rest, "\n")))
		if (*line && strncmp(line, "processed ", 10) != 0 &&
		    strncmp(line, "verification time", 17) != 0 &&
		    strncmp(line, "stack depth", 11) != 0)
			last = line;
	return last;
}

int
rawbpf_map(unsigned type, unsigned value, unsigned entries)
{
	union bpf_attr a;

	memset(&a, 0, sizeof a);
	a.map_type = type;
	a.key_size = value ? 4 : 0;
	a.value_size = value;
	a.max_entries = entries;
	return call(BPF_MAP_CREATE, &a, sizeof a);
}

int
rawbpf_value(int map, uint64_t *out)
{
	union bpf_attr a;
	uint32_t key = 0;

	memset(&a, 0, sizeof a);
	a.map_fd = (uint32_t)map;
	a.key = number(&key);
	a.value = number(out);
	return call(BPF_MAP_LOOKUP_ELEM, &a, sizeof a);
}

int
rawbpf_types(const void *btf, size_t len)
{
	union bpf_attr a;

	memset(&a, 0, sizeof a);
	a.btf = number(btf);
	a.btf_size = (uint32_t)len;
	return call(BPF_BTF_LOAD, &a, sizeof a);
}

int
rawbpf_trace(int program)
{
	union bpf_attr a;

	memset(&a, 0, sizeof a);
	a.raw_tracepoint.prog_fd = (uint32_t)program;
	return call(BPF_RAW_TRACEPOINT_OPEN, &a, sizeof a);
}

/* link_create.uprobe_multi of union bpf_attr, include/uapi/linux/bpf.h of
 * Linux 6.6: younger than the headers that this may be built with. */
struct multi {
	uint32_t program, target, attach, link_flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t n, flags, pid, zero;
};

int
rawbpf_usdt(int program, unsigned attach, const char *path, uint64_t offset,
    uint64_t cookie, uint64_t semaphore, unsigned pid)
{
	struct multi a;

	memset(&a, 0, sizeof a);
	a.program = (uint32_t)program;
	a.attach = attach;
	a.path = number(path);
	a.offsets = number(&offset);
	a.cookies = number(&cookie);
	a.ref_ctr_offsets = semaphore ? number(&semaphore) : 0;
	a.n = 1;
	a.pid = pid;
	return call(BPF_LINK_CREATE, &a, sizeof a);
}

int
rawbpf_uprobes(int program, unsigned attach, const char *path,
    const uint64_t *offset, const uint64_t *cookie, unsigned n, unsigned pid)
{
	struct multi a;

	memset(&a, 0, sizeof a);
	a.program = (uint32_t)program;
	a.attach = attach;
	a.path = number(path);
	a.offsets = number(offset);
	a.cookies = number(cookie);
	a.n = n;
	a.pid = pid;
	return call(BPF_LINK_CREATE, &a, sizeof a);
}

/* link_create.perf_event of union bpf_attr, include/uapi/linux/bpf.h of Linux 5.15. */
struct event_link {
	uint32_t program, event, attach, flags;
	uint64_t cookie;
};

#define ATTACH_EVENT 41 /* BPF_PERF_EVENT */

/* Link a program to an event, and enable it. */
static int
link_event(int program, int event, uint64_t cookie)
{
	struct event_link a = { (uint32_t)program, (uint32_t)event, ATTACH_EVENT, 0, cookie };
	int link = call(BPF_LINK_CREATE, &a, sizeof a), error;

	if (link < 0 || ioctl(event, PERF_EVENT_IOC_ENABLE, 0) == 0)
		return link;
	error = errno;
	close(link);
	errno = error;
	return -1;
}

int
rawbpf_uprobe_event(int program, const char *path, uint64_t offset, uint64_t cookie,
    uint64_t semaphore, int at_return, int pid)
{
	/* The bits of config: /sys/bus/event_source/devices/uprobe/format. */
	struct perf_event_attr a = { .size = sizeof a, .disabled = 1,
		.type = (uint32_t)proc_number(RAWBPF_UPROBE_TYPE, -1),
		.config = semaphore << 32 | (at_return ? 1 : 0), .uprobe_path = number(path),
		.probe_offset = offset };
	int event, link, error;

	event = (int)syscall(SYS_perf_event_open, &a, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		return -1;
	link = link_event(program, event, cookie);
	error = errno;
	close(event); /* the link keeps it */
	errno = error;
	return link;
}
