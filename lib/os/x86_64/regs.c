#include "os/regs.h"

#include <asm/perf_regs.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "base/bytes.h"

#define NO_ADDRESS 1 /* not aligned */

/* The registers of perf in the order of their bits, which is that of a sample, and their
 * numbers in a struct step_leaf. */
static const struct {
	int bit;
	unsigned leaf;
} reg[] = { { PERF_REG_X86_AX, 10 }, { PERF_REG_X86_BX, 5 }, { PERF_REG_X86_CX, 11 },
	{ PERF_REG_X86_DX, 12 }, { PERF_REG_X86_SI, 13 }, { PERF_REG_X86_DI, 14 },
	{ PERF_REG_X86_BP, STEP_IN_RBP }, { PERF_REG_X86_SP, STEP_LEAF },
	{ PERF_REG_X86_IP, STEP_LEAF + 1 }, { PERF_REG_X86_R8, 9 }, { PERF_REG_X86_R9, 8 },
	{ PERF_REG_X86_R10, 7 }, { PERF_REG_X86_R11, 6 }, { PERF_REG_X86_R12, 3 },
	{ PERF_REG_X86_R13, 2 }, { PERF_REG_X86_R14, 1 }, { PERF_REG_X86_R15, 0 } };

#define REGS (sizeof reg / sizeof *reg)

uint64_t
regs_perf_mask(void)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < REGS; i++)
		mask |= 1ULL << reg[i].bit;
	return mask;
}

void
regs_perf_read(struct bytes *b, struct step_regs *out, struct step_leaf *leaf)
{
	uint64_t word[STEP_LEAF + 2];

	for (size_t i = 0; i < REGS; i++)
		word[reg[i].leaf] = bytes_take(b, 8);
	memcpy(leaf->word, word, sizeof leaf->word);
	*out = (struct step_regs){ .pc = word[STEP_LEAF + 1], .sp = word[STEP_LEAF],
		.fp = word[STEP_IN_RBP], .exact = 1 };
}

int
regs_stopped(pid_t tid, struct step_regs *out, struct step_leaf *leaf)
{
	struct user_regs_struct u;

	if (ptrace(PTRACE_GETREGS, tid, NULL, &u) < 0)
		return -1;
	*out = (struct step_regs){ .pc = u.rip, .sp = u.rsp, .fp = u.rbp, .exact = 1 };
	/* It begins as the kernel's struct pt_regs. */
	memcpy(leaf->word, &u, sizeof leaf->word);
	return 0;
}

void
regs_waiting(uint64_t pc, uint64_t sp, uint64_t argument, struct step_regs *out,
    struct step_leaf *leaf)
{
	*out = (struct step_regs){ .pc = pc, .sp = sp, .fp = NO_ADDRESS, .exact = 1 };
	for (size_t i = 0; i < STEP_LEAF; i++)
		leaf->word[i] = NO_ADDRESS;
	leaf->word[14] = argument; /* rdi */
}

int
regs_kernel_sp(void)
{
	/* arch/x86/include/asm/ptrace.h has the same order as user space's. */
	return (int)offsetof(struct user_regs_struct, rsp);
}
