/*
 * Functions whose frame only an interrupted register leads to, as those of perlasm: each
 * works for a while with its CFA found in another way, called by middle < outer < main.
 * `leaf vfork' waits in vfork(2) instead.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A function that saves rbp and rbx, loses rbp, and loops with the CFA that `by' says. */
#define FUNCTION(name, prepare, by, restore) \
	__asm__(".text\n.p2align 4\n.type " #name ",@function\n" #name ":\n.cfi_startproc\n" \
	    "push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_offset %rbp, -16\n" \
	    "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_offset %rbx, -24\n" \
	    "mov $0x123457, %ebp\n" prepare by \
	    "mov $3000000, %ecx\n1: imul $31, %rbp, %rbp\ndec %ecx\njnz 1b\n" restore \
	    ".cfi_def_cfa %rsp, 24\npop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbx\n" \
	    "pop %rbp\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbp\nret\n" \
	    ".cfi_endproc\n.size " #name ", .-" #name "\n"); \
	void name(void);

/* CFA = a register + n, with rsp somewhere below. */
#define BY_REGISTER(reg) \
	FUNCTION(by_##reg, "mov %rsp, %" #reg "\nsub $0x150, %rsp\nand $-64, %rsp\n", \
	    ".cfi_def_cfa %" #reg ", 24\n", "mov %" #reg ", %rsp\n")
BY_REGISTER(rax)
BY_REGISTER(rdx)
BY_REGISTER(rsi)
BY_REGISTER(rdi)
BY_REGISTER(r8)
BY_REGISTER(r9)
BY_REGISTER(r10)
BY_REGISTER(r11)
/* The same in a function that calls another one, which leaves the register alone. */
#define HELD_WORK \
	".text\n.p2align 4\n.type held_work,@function\nheld_work:\n.cfi_startproc\n" \
	"mov $3000000, %ecx\n1: imul $31, %rbp, %rbp\ndec %ecx\njnz 1b\nret\n" \
	".cfi_endproc\n.size held_work, .-held_work\n"
__asm__(HELD_WORK);
FUNCTION(by_held, "mov %rsp, %rax\nsub $0x150, %rsp\nand $-64, %rsp\n",
    ".cfi_def_cfa %rax, 24\ncall held_work\n", "mov %rax, %rsp\n")
/* *(rsp - 8) + 8 */
FUNCTION(by_below, "lea 16(%rsp), %rax\nmov %rax, -8(%rsp)\n",
    ".cfi_escape 0x0f, 5, 0x77, 0x78, 0x06, 0x23, 8\n", "")
/* *(rsp + 8 + r9 * 8) + 8 */
FUNCTION(by_index, "lea 16(%rsp), %rax\nmov $3, %r9d\nsub $64, %rsp\nmov %rax, 32(%rsp)\n",
    ".cfi_escape 0x0f, 10, 0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8\n",
    "add $64, %rsp\n")
/* *(rsp + 536) + 56 */
FUNCTION(by_far, "lea -32(%rsp), %rax\nsub $1024, %rsp\nmov %rax, 536(%rsp)\n",
    ".cfi_escape 0x0f, 6, 0x77, 0x98, 4, 0x06, 0x23, 56\n", "add $1024, %rsp\n")
/* rbp in a register */
FUNCTION(fp_in, "mov 8(%rsp), %r11\n", ".cfi_register %rbp, %r11\n", ".cfi_offset %rbp, -16\n")
/* rbp at rsp + 8, which no row says: it is not needed before main */
FUNCTION(fp_lost, "", ".cfi_escape 0x10, 6, 2, 0x77, 8\n", ".cfi_offset %rbp, -16\n")

static volatile int never;

__attribute__((noinline)) static void
middle(void (*f)(void))
{
	f();
	never++;
}

__attribute__((noinline)) static void
outer(void)
{
	static void (*const f[])(void) = { by_rax, by_rdx, by_rsi, by_rdi, by_r8, by_r9, by_r10,
		by_r11, by_held, by_below, by_index, by_far, fp_in, fp_lost };

	for (size_t i = 0; i < sizeof f / sizeof *f; i++)
		middle(f[i]);
	never++;
}

__attribute__((noinline)) static void
spawn_slow(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		usleep(300000);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

int
main(int argc, char **argv)
{
	for (;;)
		if (argc > 1 && strcmp(argv[1], "vfork") == 0)
			spawn_slow();
		else
			outer();
}
