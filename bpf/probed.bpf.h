/*
 * Whether a sample is of a thread's uprobes instead of its program: of the kernel
 * while it handles one, or of an instruction that a uprobe lets the program come to.
 *
 * The kernel is handling a uprobe where it was entered from a breakpoint, from the
 * page [uprobes], or by the same entry as from these: the outermost return address
 * on the kernel's stack is the entry's, which is learned from samples that are
 * certain.  The program's registers then are those of the probed instruction at
 * first, and later those that it will go on with.
 *
 * An interrupt that comes while the kernel leaves is taken at the first instruction
 * of the program, where it is behind a probed one: user space puts such instructions
 * into the map `behind'.
 */
#ifndef PROBED_BPF_H
#define PROBED_BPF_H

#include "bpf/cpu.h"
#include "bpf/walk.bpf.h"
#include "machine.bpf.h"
#include "machine_uprobes.bpf.h"

/* Instructions where a thread goes on after a uprobe, and the probed ones. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CPU_BEHIND);
	__type(key, struct cpu_behind);
	__type(value, __u64);
} behind SEC(".maps");

struct cpu_entry probed_entry[PROBED_ENTRIES];
#define PROBED_CERTAIN 4
#define PROBED_MOST 64

__u64 probed_last; /* a probed instruction; 0: none was seen */

/* Learn the kernel's outermost frame in one of the ways. */
static __always_inline void
probed_learn(__u32 way, __u64 frame)
{
	__u32 times;

	if (way >= PROBED_ENTRIES || !frame)
		return;
	times = probed_entry[way].times;
	if (times == 0)
		probed_entry[way].frame = frame;
	if (probed_entry[way].frame != frame)
		probed_entry[way].times = times ? times - 1 : 0;
	else if (times < PROBED_MOST)
		probed_entry[way].times = times + 1;
}

/* Returns whether the kernel's outermost frame is that of a uprobe, for certain. */
static __always_inline int
probed_enters(__u64 frame)
{
	for (int i = 0; i < PROBED_ENTRIES; i++)
		if (probed_entry[i].times >= PROBED_CERTAIN &&
		    probed_entry[i].frame == frame)
			return 1;
	return 0;
}

/* Returns whether there is a breakpoint at an address now. */
static __always_inline int
probed_is_armed(__u64 addr)
{
	unsigned char code = 0;

	bpf_probe_read_user(&code, 1, (const void *)addr);
	return code == MACHINE_BREAKPOINT;
}

/* Returns the return address of the outermost of the kernel's frames, of which it
 * uses addr for a list; 0: there are too many. */
static __always_inline __u64
probed_outermost(struct bpf_perf_event_data *ctx, __u64 addr[WALK_KERNEL_DEPTH])
{
	long bytes = bpf_get_stack(ctx, addr, 8 * WALK_KERNEL_DEPTH, 0);
	__u32 n;

	if (bytes < 8 || bytes >= 8 * WALK_KERNEL_DEPTH)
		return 0;
	n = (__u32)bytes / 8 - 1;
	barrier_var(n);
	return n < WALK_KERNEL_DEPTH ? addr[n] : 0;
}

/* Returns how the program's registers say that the kernel was entered for a uprobe, or
 * PROBED_ENTRIES; *place: the probed instruction, if that is known.  At first the
 * registers are those behind the breakpoint: that says nothing, for linkers put
 * breakpoints before functions. */
static __always_inline __u32
probed_way(struct task_struct *task, __u64 pc, __u64 *place)
{
	__u64 offset;

	*place = 0;
	if (machine_in_uprobes(task, pc, &offset))
		return offset < MACHINE_UPROBE_SLOT ? PROBED_RETURN : PROBED_STEP;
	if (!probed_is_armed(pc))
		return PROBED_ENTRIES;
	*place = pc;
	return PROBED_BREAKPOINT;
}

/* Returns whether the sample that an event has made of a task of a process is of its
 * uprobes.  *place is set to the probed instruction if that is seen, or to 0; list is
 * for addresses. */
static __always_inline int
probed(struct bpf_perf_event_data *ctx, struct task_struct *task, __u32 pid,
    __u64 list[WALK_KERNEL_DEPTH], __u64 *place)
{
	struct cpu_behind key = { machine_user_pc(task), pid, 0 };
	int kernel = machine_in_kernel(ctx), trapped = kernel && machine_trapped(task);
	__u32 way = probed_way(task, key.pc, place);
	__u64 frame, *known;

	if (*place)
		probed_last = *place;
	if (!kernel && way == PROBED_ENTRIES) {
		known = bpf_map_lookup_elem(&behind, &key);
		return known && probed_is_armed(*known);
	}
	if (!kernel || !probed_last)
		return way != PROBED_ENTRIES;
	frame = probed_outermost(ctx, list);
	if (way != PROBED_ENTRIES) {
		if (trapped || way == PROBED_RETURN)
			probed_learn(way, frame);
		return 1;
	}
	if (!trapped || !probed_enters(frame))
		return 0;
	/* Without a system call of its own a uretprobe goes on where it returns to. */
	if (probed_entry[PROBED_RETURN].frame == frame &&
	    probed_entry[PROBED_BREAKPOINT].frame == frame)
		bpf_map_update_elem(&behind, &key, &probed_last, BPF_NOEXIST);
	return 1;
}

#endif
