/*
 * Uprobes in the way of a walk, on x86-64: a thread that executes a copy of a probed
 * instruction, or that returns through a uretprobe, and return addresses that a
 * uretprobe is just replacing.
 */
#ifndef MACHINE_UPROBES_BPF_H
#define MACHINE_UPROBES_BPF_H

#include "bpf/walk.bpf.h"

/*
 * Uprobes bring a page of the kernel's own, [uprobes], whose slots have copies of
 * probed instructions, executed in single steps.  A function with a uretprobe returns
 * to the first slot: it pushes three registers, calls the kernel, which replaces one
 * by the real return address, pops the others, and returns
 * (arch/x86/kernel/uprobes.c).
 */
#define MACHINE_PAGE 4096
#define MACHINE_UPROBE_SLOT 128
#define MACHINE_UPROBE_PUSHED 24 /* bytes */

/* Returns whether an address is in the page [uprobes] of a task; sets *offset to
 * where. */
static __always_inline int
machine_in_uprobes(struct task_struct *task, __u64 pc, __u64 *offset)
{
	struct xol_area *area = BPF_CORE_READ(task, mm, uprobes_state.xol_area);
	__u64 page = area ? BPF_CORE_READ(area, vaddr) : 0;

	*offset = pc - page;
	return page && *offset < MACHINE_PAGE;
}

/* Go on in the caller, by the word of the stack at addr.  Returns -1 if that is no return
 * address. */
static __always_inline int
walk_return_by(struct walk *w, __u64 addr)
{
	__u64 pc, target;

	if (step_read(w, addr, &pc) || !step_returns(w, pc, &target))
		return -1;
	w->regs.pc = pc;
	w->regs.sp = addr + 8;
	w->regs.exact = 0;
	return 0;
}

/*
 * Between the kernel's putting a uretprobe's address onto the stack and its noting
 * the return address that was there, that return address is only in one of the
 * kernel's registers, or saved on top of its stack.  An interrupt there sees those
 * words (held[]); the return address is the one behind a call of the function that
 * has been entered, or of a function that jumps there, or an indirect call.  It is
 * in those words again before the kernel writes it back, for the return: then it is
 * behind any call.
 *
 * Try held word i, for bpf_loop().  Returns 1 if it is the return address.
 */
static long
walk_try_held(__u32 i, void *ctx)
{
	struct walk *w = walk_scratch(*(__u32 *)ctx);
	__u64 pc, target;

	if (!w)
		return 1;
	pc = w->held[i & (WALK_HELD_WORDS - 1)];
	if (!step_returns(w, pc, &target))
		return 0;
	if (!w->returning && target && w->regs.pc - target >= 64 && !step_jumps(w, target))
		return 0;
	w->hidden = pc;
	w->hidden_at = w->regs.sp;
	return 1;
}

/* Find the return address that a uretprobe is just replacing, if there is one. */
static __always_inline void
walk_just_hidden(__u32 key, struct walk *w, struct task_struct *task)
{
	struct xol_area *area = BPF_CORE_READ(task, mm, uprobes_state.xol_area);
	__u64 page = area ? BPF_CORE_READ(area, vaddr) : 0, word;
	struct return_instance *r = (struct return_instance *)w->returns;

	if (!page || step_read(w, w->regs.sp, &word) || word - page >= MACHINE_UPROBE_SLOT ||
	    (r && BPF_CORE_READ(r, stack) == w->regs.sp))
		return;
	w->returning = 0;
	bpf_loop(WALK_HELD_WORDS, walk_try_held, &key, 0);
}

/* Go on in the caller of a function whose uretprobe is being handled. */
static __always_inline void
walk_trampoline(__u32 key, struct walk *w, int held)
{
	struct return_instance *r = (struct return_instance *)w->returns;
	__u64 top = r ? BPF_CORE_READ(r, stack) + 8 : 0, sp = w->regs.sp;

	if (r && top - sp <= MACHINE_UPROBE_PUSHED) {
		w->regs.pc = BPF_CORE_READ(r, orig_ret_vaddr);
		w->regs.sp = top;
		w->regs.exact = 0;
		w->returns = (__u64)BPF_CORE_READ(r, next);
		return;
	}
	for (int i = 0; i <= MACHINE_UPROBE_PUSHED; i += 8)
		if (walk_return_by(w, sp + i) == 0)
			return;
	if (!held)
		return;
	w->returning = 1;
	bpf_loop(WALK_HELD_WORDS, walk_try_held, &key, 0);
	if (!w->hidden_at)
		return;
	w->hidden_at = 0;
	w->regs.pc = w->hidden;
	w->regs.sp = sp + MACHINE_UPROBE_PUSHED;
	w->regs.exact = 0;
}

/* Go on where a thread in the page [uprobes] would be without probes: see
 * machine.bpf.h. */
static __always_inline void
walk_leave_uprobes(__u32 key, struct walk *w, struct task_struct *task, int held)
{
	struct uprobe_task *utask = task->utask;
	__u64 offset;

	if (!machine_in_uprobes(task, w->regs.pc, &offset))
		return;
	if (offset < MACHINE_UPROBE_SLOT)
		walk_trampoline(key, w, held);
	else if (utask)
		w->regs.pc = utask->vaddr;
}

#endif
