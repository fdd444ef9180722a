/*
 * x86-64 for the programs: registers, and return addresses.
 */
#ifndef MACHINE_BPF_H
#define MACHINE_BPF_H

#include "bpf/kernel.bpf.h"
#include "bpf/step.h"

#include <asm/ptrace.h>
#include <linux/bpf_perf_event.h>

/* include/asm/ptrace.h; the kernel's own, not uapi. */
struct pt_regs___kernel {
	unsigned long ip, sp, bp, orig_ax;
} KERNEL_STRUCT;

#define MACHINE_BREAKPOINT 0xcc /* int3 */

/* Read the registers that a task had in its program. */
static __always_inline void
machine_user_regs(struct task_struct *task, struct step_regs *r)
{
	struct pt_regs___kernel *regs = (void *)bpf_task_pt_regs(task);

	r->pc = regs->ip;
	r->sp = regs->sp;
	r->fp = regs->bp;
	r->context = 0;
	r->exact = 1;
}

/* Returns the address of the instruction that a task executes in its program. */
static __always_inline __u64
machine_user_pc(struct task_struct *task)
{
	struct pt_regs___kernel *regs = (void *)bpf_task_pt_regs(task);

	return regs->ip;
}

/* Returns whether an event has interrupted the kernel, not the program. */
static __always_inline int
machine_in_kernel(const struct bpf_perf_event_data *ctx)
{
	return (ctx->regs.cs & 3) == 0;
}

/* Returns whether a task that is in the kernel has entered it by an exception, or by
 * the system call that ends a uretprobe. */
static __always_inline int
machine_trapped(struct task_struct *task)
{
	struct pt_regs___kernel *regs = (void *)bpf_task_pt_regs(task);

	return regs->orig_ax == -1UL;
}

/* Returns the address of a task's struct pt_regs, for step_leaf(). */
static __always_inline __u64
machine_leaf(struct task_struct *task)
{
	return (__u64)bpf_task_pt_regs(task);
}

/*
 * Read the registers of the kernel code that an event has interrupted, and the
 * top of the kernel's stack, into n words (more than 16).  Returns 0 if it was
 * the program that was interrupted.
 */
static __always_inline int
machine_kernel_words(struct bpf_perf_event_data *ctx, __u64 *word, __u32 n)
{
	if (ctx->regs.cs & 3)
		return 0;
	word[0] = ctx->regs.rbx;
	word[1] = ctx->regs.rbp;
	word[2] = ctx->regs.r12;
	word[3] = ctx->regs.r13;
	word[4] = ctx->regs.r14;
	word[5] = ctx->regs.r15;
	word[6] = ctx->regs.rax;
	word[7] = ctx->regs.rcx;
	word[8] = ctx->regs.rdx;
	word[9] = ctx->regs.rsi;
	word[10] = ctx->regs.rdi;
	word[11] = ctx->regs.r8;
	word[12] = ctx->regs.r9;
	word[13] = ctx->regs.r10;
	word[14] = ctx->regs.r11;
	word[15] = 0;
	bpf_probe_read_kernel(&word[16], (n - 16) * sizeof *word,
	    (const void *)ctx->regs.rsp);
	return 1;
}

/* Read where a function returns to that has just been entered. */
static __always_inline int
machine_return_address(struct pt_regs *ctx, __u64 *pc)
{
	return bpf_probe_read_user(pc, sizeof *pc, (const void *)PT_REGS_SP(ctx)) != 0;
}

/* Returns the stack pointer that a function was entered with which has just
 * returned: the return address is popped. */
static __always_inline __u64
machine_entry_sp(struct pt_regs *ctx)
{
	return PT_REGS_SP(ctx) - 8;
}

#endif
