/*
 * Where probes are put: on the functions that real binaries have.
 */
#include "elf/insn.h"

#include <stddef.h>

#include "tap.h"

#define ARGS (INSN_ARG1 | INSN_ARG2 | INSN_STACK)

static const struct {
	const char *what;
	unsigned char code[24];
	size_t len;
	unsigned keep;
	int offset, stepped; /* offset -1: nowhere */
} cases[] = {
	{ "a jump stub", { 0xe9, 1, 0, 0, 0 }, 5, ARGS, 0, 0 },
	{ "push %r15", { 0x41, 0x57, 0x41, 0x56 }, 4, ARGS, 0, 0 },
	{ "push %rbp", { 0x55, 0x48, 0x89, 0xe5 }, 4, ARGS, 0, 0 },
	{ "test, je: glibc's free()", { 0x48, 0x85, 0xff, 0x0f, 0x84, 1, 0, 0, 0 }, 9, ARGS, 3, 0 },
	{ "cmpb, push: glibc's posix_memalign()",
	    { 0x80, 0x3d, 1, 0, 0, 0, 0, 0x41, 0x54 }, 9, ARGS, 7, 0 },
	{ "mov %rdi, %rdx; cmp; setb %al; cmp; jbe: __rdl_alloc",
	    { 0x48, 0x89, 0xfa, 0x48, 0x83, 0xfe, 0x11, 0x0f, 0x92, 0xc0, 0x48, 0x39, 0xfe,
	        0x76, 2 }, 15, ARGS, 13, 0 },
	{ "endbr64, push", { 0xf3, 0x0f, 0x1e, 0xfa, 0x55 }, 5, ARGS, 4, 0 },
	{ "never a nop of 5 bytes: nopl, push", { 0x0f, 0x1f, 0x44, 0, 0, 0x55 }, 6, ARGS, 5, 0 },
	{ "nopw of 5 bytes, push", { 0x66, 0x0f, 0x1f, 0x40, 0, 0x55 }, 6, ARGS, 5, 0 },
	{ "nopl of 5 bytes, ret", { 0x0f, 0x1f, 0x44, 0, 0, 0xc3 }, 6, ARGS, 5, 1 },
	{ "endbr64, nopl of 5 bytes, push",
	    { 0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x1f, 0x44, 0, 0, 0x55 }, 10, ARGS, 9, 0 },
	{ "nopl of 5 bytes alone", { 0x0f, 0x1f, 0x44, 0, 0 }, 5, ARGS, -1, 0 },
	{ "nop of 1 byte", { 0x90 }, 1, ARGS, 0, 0 },
	{ "an argument goes: mov %rsi, %rdi; push",
	    { 0x48, 0x89, 0xf7, 0x55 }, 4, ARGS, 0, 1 },
	{ "one that does not matter: mov %rdi, %rdx; push",
	    { 0x48, 0x89, 0xfa, 0x55 }, 4, ARGS, 3, 0 },
	{ "it does: mov %rdi, %rdx; push", { 0x48, 0x89, 0xfa, 0x55 }, 4,
	    ARGS | INSN_ARG3, 0, 1 },
	{ "the stack pointer moves: sub $8, %rsp; push",
	    { 0x48, 0x83, 0xec, 8, 0x55 }, 5, ARGS, 0, 1 },
	{ "a half of it is one: mov %esi, %edi; push", { 0x89, 0xf7, 0x55 }, 3, ARGS, 0, 1 },
	{ "not behind a jump: jmp *mem; push", { 0xff, 0x25, 0, 0, 0, 0, 0x55 }, 7, ARGS, 0, 1 },
	{ "not behind a return: ret; push", { 0xc3, 0x55 }, 2, ARGS, 0, 1 },
	{ "lock incq, push", { 0xf0, 0x48, 0xff, 5, 0, 0, 0, 0, 0x55 }, 9, ARGS, 8, 0 },
	{ "lock incq, mov: not on the locked one",
	    { 0xf0, 0x48, 0xff, 5, 0, 0, 0, 0, 0x48, 0x89, 0xf7 }, 11, ARGS, 8, 1 },
	{ "lock incq alone", { 0xf0, 0x48, 0xff, 5, 0, 0, 0, 0 }, 8, ARGS, -1, 0 },
	{ "push of 16 bits is not emulated", { 0x66, 0x55, 0xc3 }, 3, ARGS, 0, 1 },
	{ "no instruction at all", { 0x06 }, 1, ARGS, -1, 0 },
	{ "cut off", { 0x48 }, 1, ARGS, -1, 0 },
	{ "nothing", { 0 }, 0, ARGS, -1, 0 },
};

static void
test_places(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct insn_probe p = { 0, 0 };
		int got = insn_probe(cases[i].code, cases[i].len, cases[i].keep, &p);

		ok(cases[i].offset < 0 ? got < 0
		                       : got == 0 && p.offset == (size_t)cases[i].offset &&
		            p.stepped == cases[i].stepped,
		    "%s: %d at %zu%s", cases[i].what, got, p.offset,
		    p.stepped ? ", stepped" : "");
	}
}

static void
test_stubs(void)
{
	static const unsigned char plain[] = { 0xe9, 0x10, 0, 0, 0 };
	static const unsigned char framed[] = { 0x55, 0x48, 0x89, 0xe5, 0x5d, 0xe9, 0xf0, 0xff,
		0xff, 0xff };
	static const unsigned char body[] = { 0x48, 0x89, 0xfa, 0xe9, 0, 0, 0, 0 };
	long long to = 0;

	ok(insn_stub(plain, sizeof plain, &to) && to == 0x15, "a jump is a stub");
	ok(insn_stub(framed, sizeof framed, &to) && to == -6,
	    "so is one through a frame of its own");
	ok(!insn_stub(body, sizeof body, &to), "what does something before is none");
	ok(!insn_stub(plain, 4, &to) && !insn_stub(framed, 9, &to), "nor what is cut off");
}

static void
test_callees(void)
{
	/* At 1000: je over a call of 2000 to one through a slot at 3000, a jump
	 * back, and a jump to 5000. */
	static const unsigned char code[] = {
		0x74, 0x07,                         /* 1000 je 1009 */
		0xe8, 0xf9, 0x0f, 0, 0,             /* 1002 call 2000 */
		0x75, 0xf7,                         /* 1007 jne 1000 */
		0xff, 0x15, 0xf1, 0x1f, 0, 0,       /* 1009 call *3000 */
		0xe8, 0xec, 0x0f, 0, 0,             /* 100f call 2000, again */
		0xe9, 0xe7, 0x3f, 0, 0,             /* 1014 jmp 5000 */
		0xe8, 0, 0, 0, 0                    /* 1019 of another function */
	};
	struct insn_callee c[4];
	size_t n = insn_callees(code, sizeof code, 0x1000, c, 4);

	ok(n == 3 && c[0].addr == 0x2000 && !c[0].slot && c[1].addr == 0x3000 &&
	        c[1].slot && c[2].addr == 0x5000 && !c[2].slot,
	    "what a function calls, each once, and where it jumps at its end: %zu", n);
	ok(insn_callees(code, sizeof code, 0x1000, c, 2) == 2, "no more than there is room");
	ok(insn_callees(code, 3, 0x1000, c, 4) <= 1, "cut off");
}

int
main(void)
{
	test_places();
	test_stubs();
	test_callees();
	return tap_done();
}
