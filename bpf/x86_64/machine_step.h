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
	STEP_SAVED,  /* CFA = *(rsp + 8 * cfa) + 8 (perlasm: libcrypto, ring); with
	                STEP_SAVED_SIZE, rsp + that (qhasm: libsodium) */
	STEP_PLT,    /* CFA = rsp + 8, or + 16 where (pc & 15) >= cfa */
	STEP_CLONE,  /* CFA = rsp + 8, but in a new thread this is its first frame,
	                and the word at CFA - 8 is no code address */
	STEP_R11,    /* CFA = r11 + 8 * cfa: a frame of more than some pages is
	                being made (LLVM's loop that touches each page) */
	STEP_SIGNAL, /* by `rbp': the registers are in a struct ucontext at rsp
	                (STEP_BY_SP) or at a register (STEP_CONTEXT_AT), or the return
	                address is in a register (STEP_RETURN_IN) */
	STEP_ROOT,   /* the first frame: it has no caller */
	STEP_BAD,    /* unwind information that a row cannot express */
	STEP_FIRST,  /* no unwind information, in a libc whose first frames have
	                none: there rbp is 0 (the ABI wants it, 3.4.1) */
	STEP_FRAME,  /* no unwind information in the whole file, but perhaps frame
	                pointers: followed where the code says that they are */
	STEP_LATER,  /* not known yet: the whole table is still being compiled */
	STEP_REG,    /* CFA = register + 8 * n: see STEP_REG_RULE */
	STEP_AT      /* CFA = *(register + 8 * register + 8 * n) + 8 * more: see
	                STEP_AT_RULE */
};

/* A rule has 4 bits for the kind, 8 for the position of rbp, and 20 for cfa. */
#define STEP_CFA_MAX 0xfffff /* words of 8 bytes: frames of 8 MiB */
#define STEP_SAVED_MAX 0x7ffff
#define STEP_SAVED_SIZE 0x80000 /* in cfa of STEP_SAVED */
#define STEP_FP_MAX 0xee
#define STEP_RULE(kind, cfa, fp) \
	((step_u32)(kind) | (step_u32)(fp) << 4 | (step_u32)(cfa) << 12)
#define STEP_KIND(rule) ((rule) & 15)
#define STEP_FP_WORDS(rule) ((rule) >> 4 & 0xff) /* 0: rbp is unchanged */
#define STEP_CFA(rule) ((rule) >> 12)

/*
 * Registers beside rsp and rbp are known of a frame that was interrupted: of the first
 * one, or of one that a signal has interrupted.  They have the numbers of their words in
 * the kernel's struct pt_regs (asm/ptrace.h), 0 for r15 to 14 for rdi; 15 is rsp.
 */
#define STEP_LEAF 15
#define STEP_IN_RBP 4
#define STEP_IN_R11 6
#define STEP_IN_RSP 15
struct step_leaf {
	step_u64 word[STEP_LEAF];
};

/*
 * Further values of `rbp': it is in one of these registers; it cannot be found; it stands
 * at *rbp, as long as that is in the frame: behind `leave' it is the caller's already,
 * which GCC does not say where it has realigned the stack.
 */
#define STEP_FP_IN(reg) (STEP_FP_MAX + 1 + (reg))
#define STEP_FP_LOST 0xfe
#define STEP_FP_THERE 0xff

/* The rule's cfa: n from -2^15 to 2^15 - 1 above 4 bits for the register. */
#define STEP_REG_MAX 0x7fff
#define STEP_REG_RULE(kind, reg, n, fp) \
	STEP_RULE(kind, (((step_u32)(n) & 0xffff) << 4 | (reg)), fp)
#define STEP_REG_OF(rule) ((rule) >> 12 & 15)
#define STEP_REG_WORDS(rule) ((int)(rule) >> 16)

/* n from -8 to 119, more from 0 to 31, an index that is rsp for none, the register. */
#define STEP_AT_MIN (-8)
#define STEP_AT_OFF(n) ((step_u32)(int)((n)-STEP_AT_MIN))
#define STEP_AT_MAX 119
#define STEP_AT_MORE 31
#define STEP_AT_RULE(reg, index, n, more, fp) \
	STEP_RULE(STEP_AT, ((STEP_AT_OFF(n) & 0x7f) << 13 | (step_u32)(more) << 8 | \
	                       (step_u32)(index) << 4 | (reg)), fp)
#define STEP_AT_INDEX(rule) ((rule) >> 16 & 15)
#define STEP_AT_ADD(rule) ((rule) >> 20 & 31)
#define STEP_AT_WORDS(rule) ((int)((rule) >> 25) + STEP_AT_MIN)

/* Values of `rbp' for STEP_SIGNAL: for the latter two `cfa' is as in STEP_REG_RULE; CFA =
 * rsp + 8 * n of a function that keeps its return address in a register. */
enum { STEP_BY_SP, STEP_CONTEXT_AT, STEP_RETURN_IN };

#define STEP_ADDR_BITS 47 /* of a program's addresses, with 4 levels of pages */

struct step_regs {
	step_u64 pc, sp, fp;   /* rip, rsp, rbp */
	step_u32 exact, stacks;
	step_u64 context; /* of the frame that exact is set for: the address of the struct
	                     ucontext with its registers; 0: they are the first frame's */
};

/* Offsets in a struct ucontext, as rsp points at in a signal frame's restorer:
 * uc_mcontext.gregs, arch/x86/include/uapi/asm/sigcontext.h. */
#define STEP_UC_R8 40
#define STEP_UC_RBP 120
#define STEP_UC_RSP 160
#define STEP_UC_RIP 168

/* The words from r8 on that have the registers 0 to 15, four bits each. */
#define STEP_UC_WORDS 0xf89ced0123ba4567ULL

#endif
