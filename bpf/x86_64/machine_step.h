/*
 * Rules of unwind rows, and the registers that they need, on x86-64.
 *
 * They are those of System V ABI AMD64, section 3.7 (DWARF register numbers) and
 * LSB 5.0, 10.6 (.eh_frame), cut down to what compilers emit: the return address
 * stands at CFA - 8; rbp is the same as in the callee or stands at CFA - 8 * n.
 */
#ifndef MACHINE_STEP_H
#define MACHINE_STEP_H

enum step_kind {
	STEP_NONE,   /* no unwind information */
	STEP_SP,     /* CFA = rsp + 8 * cfa */
	STEP_FP,     /* CFA = rbp + 8 * cfa */
	STEP_DEREF,  /* CFA = *(rbp - 8 * cfa), rbp at *rbp (realigned stack) */
	STEP_SAVED,  /* CFA = *(rsp + 8 * cfa) + 8 (perlasm: libcrypto, ring) */
	STEP_PLT,    /* CFA = rsp + 8, or + 16 where (pc & 15) >= cfa */
	STEP_CLONE,  /* CFA = rsp + 8, but in a new thread this is its first frame,
	                and the word at CFA - 8 is no code address */
	STEP_R11,    /* CFA = r11 + 8 * cfa: a frame of more than some pages is
	                being made (LLVM's loop that touches each page) */
	STEP_SIGNAL, /* rsp is at a struct ucontext of the kernel */
	STEP_ROOT,   /* the first frame: it has no caller */
	STEP_BAD,    /* unwind information that a row cannot express */
	STEP_FIRST,  /* no unwind information, in a libc whose first frames have
	                none: there rbp is 0 (the ABI wants it, 3.4.1) */
	STEP_FRAME,  /* no unwind information in the whole file, but perhaps frame
	                pointers: followed where the code says that they are */
	STEP_LATER   /* not known yet: the whole table is still being compiled */
};

/* A rule has 4 bits for the kind, 8 for the position of rbp, and 20 for cfa. */
#define STEP_CFA_MAX 0xfffff /* words of 8 bytes: frames of 8 MiB */
#define STEP_FP_MAX 0xff
#define STEP_RULE(kind, cfa, fp) \
	((step_u32)(kind) | (step_u32)(fp) << 4 | (step_u32)(cfa) << 12)
#define STEP_KIND(rule) ((rule) & 15)
#define STEP_FP_WORDS(rule) ((rule) >> 4 & 0xff) /* 0: rbp is unchanged */
#define STEP_CFA(rule) ((rule) >> 12)

#define STEP_ADDR_BITS 47 /* of a program's addresses, with 4 levels of pages */

struct step_regs {
	step_u64 pc, sp, fp;   /* rip, rsp, rbp */
	step_u32 exact, stacks;
	step_u64 r11; /* known where exact is set */
};

/* Offsets in the struct ucontext that rsp points at in a signal frame's
 * restorer: uc_mcontext.gregs, arch/x86/include/uapi/asm/sigcontext.h. */
#define STEP_UC_R11 64
#define STEP_UC_RBP 120
#define STEP_UC_RSP 160
#define STEP_UC_RIP 168

#endif
