/*
 * Instructions as far as they matter to the height of the stack: what each does to
 * the registers that hold stack addresses, and where execution goes on; in a folder
 * for each machine.
 *
 * Registers are numbered from 0 to 15; two have names that hold for every machine.
 * Other numbers are the machine's, and mean no more than "the same register".
 */
#ifndef INSN_EFFECT_H
#define INSN_EFFECT_H

#include <stddef.h>
#include <stdint.h>

enum {
	INSN_SP = 0, /* the stack pointer */
	INSN_FP = 1, /* the register that frame pointers are kept in */
	INSN_REGS = 16,
	INSN_NOREG = 0xff
};

/* The flow of execution after an instruction. */
enum insn_flow {
	INSN_NEXT,
	INSN_JUMP,
	INSN_BRANCH, /* a jump on a condition */
	INSN_CALL,
	INSN_RETURN,
	INSN_STOP /* nowhere: a trap */
};

/* The kind of target of a jump or call. */
enum insn_target {
	INSN_ANYWHERE,
	INSN_DIRECT,   /* to `target' */
	INSN_SLOT,     /* to the address that stands at `target' */
	INSN_REGISTER, /* to the address in src */
	INSN_TABLE     /* to the address that stands at src + index * 8 + n */
};

/* The effect on a register or a word of the stack; `writes' has the other changes. */
enum insn_op {
	INSN_OTHER,
	INSN_SET,      /* dst = n */
	INSN_ADDRESS,  /* dst = n, which is an address that the code refers to */
	INSN_COPY,     /* dst = src + n */
	INSN_PART,     /* dst = src's lower half or less, with zeros above */
	INSN_SUM,      /* dst += src */
	INSN_DIFFER,   /* dst -= src */
	INSN_MASK,     /* dst &= n */
	INSN_LOAD,     /* dst = the word at src + n */
	INSN_STORE,    /* `size' bytes at dst + n = src, or anything if INSN_NOREG */
	INSN_PUSH,     /* src, or anything if INSN_NOREG */
	INSN_POP,      /* dst, or nothing if INSN_NOREG */
	INSN_ENTER,    /* a frame of n bytes below a saved frame pointer */
	INSN_LEAVE,    /* the opposite */
	INSN_COMPARE,  /* src with n */
	INSN_COMPARED, /* src with dst */
	INSN_ENTRY,    /* dst = 4 bytes, signed, at src + index * 4 + n */
	INSN_SCALE,    /* dst = index * 4 */
	INSN_SCALED,   /* dst = 4 bytes at src + index */
	INSN_SIGN,     /* dst = its lower half, with its sign */
	INSN_ENTRY8    /* dst = 8 bytes at src + index * 8 + n; src may be INSN_NOREG */
};

/* Conditions of branches, after a comparison of a with b, unsigned. */
enum insn_condition {
	INSN_PERHAPS,
	INSN_EQUAL,
	INSN_UNEQUAL,
	INSN_ABOVE,     /* a > b */
	INSN_NOT_ABOVE,
	INSN_BELOW,     /* a < b */
	INSN_NOT_BELOW
};

struct insn_effect {
	uint8_t len;
	uint8_t flow, to, op, condition;
	uint8_t dst, src, index, size;
	uint8_t flags;   /* 1: what a comparison has found is lost */
	uint8_t filler;  /* 1: it does nothing, as between functions */
	uint16_t writes; /* bits of registers that hold anything now */
	int64_t n;
	uint64_t target;
};

/* Decode the instruction at an address, which code begins with.  Returns 0, or -1 if
 * it is none. */
int insn_effect(const unsigned char *code, size_t len, uint64_t addr,
    struct insn_effect *out);

/* Decode only len, filler, where execution goes on (but not by which register or
 * table), addresses that are referred to, and constants: several times as fast. */
int insn_outline(const unsigned char *code, size_t len, uint64_t addr,
    struct insn_effect *out);

/* Return the length of an instruction that does nothing, or a byte that is none, as
 * compilers and linkers put them between functions; 0: it is another one. */
size_t insn_filler(const unsigned char *code, size_t len);

#endif
