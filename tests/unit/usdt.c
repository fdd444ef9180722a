/* Static probes: the operands of their arguments, and notes of files. */
#include "elf/usdt.h"

#include <asm/ptrace.h>
#include <stddef.h>

#include "tests/unit/tap.h"

static void
is(const char *text, enum usdt_kind kind, unsigned size, int negative, size_t reg, int64_t n)
{
	struct usdt_arg a = { 0 };
	int got = usdt_args(text, &a, 1);

	ok(got == 1 && a.kind == kind && a.size == size && a.negative == negative &&
	    a.reg == reg && a.n == n, "%s", text);
}

static void
is_none(const char *text)
{
	struct usdt_arg a[3];

	ok(usdt_args(text, a, 3) < 0, "none: %s", text);
}

int
main(void)
{
	struct usdt_arg a[3];

	is("8@%rdi", USDT_REGISTER, 8, 0, offsetof(struct pt_regs, rdi), 0);
	is("-4@%esi", USDT_REGISTER, 4, 1, offsetof(struct pt_regs, rsi), 0);
	is("1@%r15b", USDT_REGISTER, 1, 0, offsetof(struct pt_regs, r15), 0);
	is("8@$524288", USDT_NUMBER, 8, 0, 0, 524288);
	is("-4@$-5", USDT_NUMBER, 4, 1, 0, -5);
	is("8@(%rax)", USDT_MEMORY, 8, 0, offsetof(struct pt_regs, rax), 0);
	is("8@-16(%rbp)", USDT_MEMORY, 8, 0, offsetof(struct pt_regs, rbp), -16);
	is("2@0x20(%rsp)", USDT_MEMORY, 2, 0, offsetof(struct pt_regs, rsp), 32);
	ok(usdt_args("8@%rdi 8@%rsi  8@$1", a, 3) == 3 && a[2].n == 1, "three of them");
	ok(usdt_args("8@%rdi 8@%rsi", a, 1) == 1, "as many as are wanted");
	ok(usdt_args("", a, 3) == 0 && usdt_args(" ", a, 3) == 0, "no argument");
	is_none("8@");
	is_none("8%rdi");
	is_none("3@%rdi");
	is_none("8@%rdx8");
	is_none("8@$");
	is_none("8@8(%rax,%rbx,2)");
	is_none("8@counter(%rip)");
	is_none("8@8(");
	is_none("8@%");
	return tap_done();
}
