/*
 * Where in a function a probe stands best (Zydis decodes).
 *
 * The kernel emulates a few kinds of instructions, such as push and jmp; any
 * other one it executes for a probe in single steps, which takes ten to fifty
 * times as long.  So the probe is moved to the first one that is emulated, as far as
 * what it is to see is still as at the entry: see uprobes.c of
 * arch/x86/kernel for the kinds.
 */
#ifndef INSN_H
#define INSN_H

#include <stddef.h>
#include <stdint.h>

/* What must not have changed before the probe: bits. */
enum {
	INSN_ARG1 = 1 << 1, /* rdi */
	INSN_ARG2 = 1 << 2, /* rsi */
	INSN_ARG3 = 1 << 3, /* rdx */
	INSN_ARG4 = 1 << 4, /* rcx */
	INSN_STACK = 1 << 5 /* rsp, and the return address that it points at */
};

struct insn_place {
	size_t offset; /* from the function's beginning */
	int stepped;   /* it will be executed in single steps */
};

/* code: the function's bytes, and what follows.  -1: nowhere. */
int insn_place(const unsigned char *code, size_t len, unsigned keep,
    struct insn_place *out);

/*
 * Does a function only jump elsewhere, perhaps through a frame of its own?
 * Then *target is set to where, relative to its beginning: 1, else 0.
 */
int insn_stub(const unsigned char *code, size_t len, long long *target);

/* What a function calls, or jumps to at its end: code, or a slot that has its
 * address. */
struct insn_callee {
	uint64_t addr; /* of the one or the other */
	int slot;
};

/* Of a small function, whose address is given: each once, in the order in which
 * they stand there.  How many, at most max. */
size_t insn_callees(const unsigned char *code, size_t len, uint64_t addr,
    struct insn_callee *out, size_t max);

#endif
