#include "os/regs.h"

#include <asm/perf_regs.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "base/bytes.h"

#define NO_ADDRESS 1 /* not aligned */

uint64_t
regs_perf_mask(void)
{
	return 1ULL << PERF_REG_X86_BP | 1ULL << PERF_REG_X86_SP |
	    1ULL << PERF_REG_X86_IP | 1ULL << PERF_REG_X86_R11;
}

void
regs_perf_read(struct bytes *b, struct step_regs *out)
{
	/* In the order of their bits. */
	out->fp = bytes_take(b, 8);
	out->sp = bytes_take(b, 8);
	out->pc = bytes_take(b, 8);
	out->r11 = bytes_take(b, 8);
	out->exact = 1;
	out->stacks = 0;
}

int
regs_stopped(pid_t tid, struct step_regs *out)
{
	struct user_regs_struct u;

	if (ptrace(PTRACE_GETREGS, tid, NULL, &u) < 0)
		return -1;
	*out = (struct step_regs){ .pc = u.rip, .sp = u.rsp, .fp = u.rbp, .exact = 1,
		.r11 = u.r11 };
	return 0;
}

void
regs_waiting(uint64_t pc, uint64_t sp, struct step_regs *out)
{
	*out = (struct step_regs){ .pc = pc, .sp = sp, .fp = NO_ADDRESS, .exact = 1,
		.r11 = NO_ADDRESS };
}

int
regs_kernel_sp(void)
{
	/* arch/x86/include/asm/ptrace.h has the same order as user space's. */
	return (int)offsetof(struct user_regs_struct, rsp);
}
