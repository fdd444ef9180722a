/*
 * Instructions: the best offset in a function for a probe, and the callees of code; in
 * a folder for each machine.
 *
 * The kernel emulates a few kinds of instructions, such as push and jmp; any
 * other one it executes for a probe in single steps, which takes ten to fifty
 * times as long.  So the probe is moved to the first one that is emulated, as far
 * as all that it is to read is still as at the entry.
 * A nop of 5 bytes is never chosen: a probe there kills forked children on Linux 6.18.
 */
#ifndef INSN_H
#define INSN_H

#include <stddef.h>
#include <stdint.h>

/* Bits: the parts of the state that must not have changed before the probe. */
enum {
	INSN_ARG1 = 1 << 1, /* the registers of the first four arguments */
	INSN_ARG2 = 1 << 2,
	INSN_ARG3 = 1 << 3,
	INSN_ARG4 = 1 << 4,
	INSN_STACK = 1 << 5 /* the stack pointer, and the return address */
};

struct insn_probe {
	size_t offset; /* from the function's beginning */
	int stepped;   /* the kernel will execute the instruction in single steps */
};

/* Find the best offset for a probe: code is the function's bytes, and those behind it;
 * keep is of the bits above.  Returns 0, or -1 where there is none. */
int insn_probe(const unsigned char *code, size_t len, unsigned keep,
    struct insn_probe *out);

/* Returns whether code begins with an instruction that does nothing but mark a place, and
 * that may be probed. */
int insn_marks(const unsigned char *code, size_t len);

/* Returns whether a function only jumps elsewhere, perhaps through a frame of its own:
 * 1, and *target is how far from its beginning; else 0. */
int insn_stub(const unsigned char *code, size_t len, long long *target);

/* Returns whether, by its first byte, a function may be such a stub. */
int insn_may_be_stub(unsigned char first);

#define INSN_BREAKPOINT 0xcc /* that the kernel puts where a uprobe is */

/* The target of a call, or of a jump that ends a function: code, or a slot that holds the
 * address of code. */
struct insn_callee {
	uint64_t addr; /* of the code or the slot */
	int slot;
};

/* Find the callees of a small function whose address is given: each once, in the
 * order in which they stand there.  Returns how many, at most max. */
size_t insn_callees(const unsigned char *code, size_t len, uint64_t addr,
    struct insn_callee *out, size_t max);

/*
 * Call fn for each reference to a function that code seems to make.  rustc calls
 * functions of other crates and languages through a slot; where the linker can
 * resolve the call, it replaces it by a call with a prefix, which no compiler emits.
 * Code is not decoded: bytes inside an instruction may look like a reference, but
 * hardly ever twice to the same address.
 */
void insn_references(const unsigned char *code, size_t len, uint64_t addr,
    void (*fn)(void *ctx, const struct insn_callee *to), void *ctx);

/* Call fn for each call and jump that code seems to make, in any form with a distance of
 * four bytes.  Code is not decoded: there are more than there are instructions. */
void insn_branches(const unsigned char *code, size_t len, uint64_t addr,
    void (*fn)(void *ctx, const struct insn_callee *to), void *ctx);

#endif
