/*
 * The step from a stack frame to its caller, on x86-64: one row of a compiled
 * .eh_frame table says how.  User space (unwind/unwind) and BPF compile this
 * same file, so it has no libc, no pointers into tables and no loops without
 * a bound.
 *
 * For the functions, and not just the shapes, an includer defines before
 *	STEP_ROW(ctx, i, row)    row i of the module's table into *row,
 *	STEP_PAGE(ctx, p, low, high) entries p and p + 1 of its page index,
 *	STEP_READ(ctx, addr, out) 8 bytes of the target's memory into *out,
 *	STEP_RETURN(ctx, addr, out) the return address at addr into *out,
 * each of them 0, or not 0 where there is no such thing; and
 *	STEP_MAPPED(ctx, addr)   is this address in a known mapping.
 *
 * A table covers offsets into the module's file.  Row i holds from its offset
 * up to the next row's.  Entry p of the page index is the number of rows that
 * begin at or before offset base + p * 256, so the row of an offset in that
 * page is one of those from entry p minus 1 on, up to entry p + 1 minus 1.
 *
 * The rules are those of System V ABI AMD64, section 3.7 (DWARF register
 * numbers) and LSB 5.0, 10.6 (.eh_frame), cut down to what compilers emit:
 * the return address stands at CFA - 8; rbp is the same as in the callee or
 * stands at CFA - 8 * n.
 */
#ifndef STEP_H
#define STEP_H

typedef unsigned short step_u16;
typedef unsigned int step_u32;
typedef unsigned long long step_u64;

#define STEP_PAGE_SHIFT 8

enum step_kind {
	STEP_NONE,   /* no unwind information */
	STEP_RSP,    /* CFA = rsp + 8 * cfa */
	STEP_RBP,    /* CFA = rbp + 8 * cfa */
	STEP_DEREF,  /* CFA = *(rbp - 8 * cfa), rbp at *rbp (realigned stack) */
	STEP_SAVED,  /* CFA = *(rsp + 8 * cfa) + 8 (perlasm: libcrypto, ring) */
	STEP_PLT,    /* CFA = rsp + 8, or + 16 where (pc & 15) >= cfa */
	STEP_CLONE,  /* CFA = rsp + 8, but in a new thread this is its first frame:
	                what stands at CFA - 8 is no code there */
	STEP_R11,    /* CFA = r11 + 8 * cfa: a frame of more than some pages is
	                being made (LLVM's loop that touches each page) */
	STEP_SIGNAL, /* rsp is at a struct ucontext of the kernel */
	STEP_ROOT,   /* the first frame: it has no caller */
	STEP_BAD,    /* unwind information that a row cannot express */
	STEP_FIRST,  /* no unwind information, in a libc whose first frames have
	                none: there rbp is 0 (the ABI wants it, 3.4.1) */
	STEP_FRAME   /* no unwind information in the whole file, but perhaps frame
	                pointers: followed where the code says that they are */
};

/* 8 bytes: the offset that it holds from, and the rule. */
struct step_row {
	step_u32 offset;
	step_u32 rule; /* kind: 4 bits, rbp: 8 bits, cfa: 20 bits */
};

#define STEP_CFA_MAX 0xfffff /* words of 8 bytes: frames of 8 MiB */
#define STEP_RBP_MAX 0xff
#define STEP_RULE(kind, cfa, rbp) \
	((step_u32)(kind) | (step_u32)(rbp) << 4 | (step_u32)(cfa) << 12)
#define STEP_KIND(rule) ((rule) & 15)
#define STEP_RBP_AT(rule) ((rule) >> 4 & 0xff) /* 0: rbp is unchanged */
#define STEP_CFA(rule) ((rule) >> 12)

struct step_regs {
	step_u64 pc, sp, bp;
	step_u32 exact; /* pc is an instruction about to execute, not the one
	                   after a call */
	step_u32 stacks; /* how often the walk went to a lower one: 0 at first */
	step_u64 r11; /* where exact is set */
};

enum step_end {
	STEP_OK,
	STEP_END_ROOT,   /* this was the first frame */
	STEP_END_NONE,   /* no unwind information */
	STEP_END_BAD,    /* unwind information cannot be followed */
	STEP_END_MEMORY  /* the stack cannot be read there */
};

/* Offsets in the struct ucontext that rsp points at in a signal frame's
 * restorer: uc_mcontext.gregs, arch/x86/include/uapi/asm/sigcontext.h. */
#define STEP_UC_R11 64
#define STEP_UC_RBP 120
#define STEP_UC_RSP 160
#define STEP_UC_RIP 168

#endif /* STEP_H */

#if defined STEP_READ && !defined STEP_CODE
#define STEP_CODE

#ifndef STEP_INLINE
#define STEP_INLINE static inline
#endif

/* The rule for an offset of the module that ctx stands for; base is that of
 * its page index.  STEP_NONE's rule where there is none. */
#define STEP_SEARCH_MAX 12 /* 256 bytes have at most 256 rows */

STEP_INLINE step_u32
step_find(void *ctx, step_u32 base, step_u32 offset)
{
	struct step_row row;
	step_u32 page = (offset - base) >> STEP_PAGE_SHIFT, low, high;

	if (offset < base || STEP_PAGE(ctx, page, &low, &high))
		return STEP_RULE(STEP_NONE, 0, 0);
	/* The last row that begins at or before offset is in [low - 1, high). */
	for (int i = 0; i < STEP_SEARCH_MAX && low < high; i++) {
		step_u32 mid = low + (high - low) / 2;

		if (STEP_ROW(ctx, mid, &row))
			return STEP_RULE(STEP_NONE, 0, 0);
		if (row.offset <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || STEP_ROW(ctx, low - 1, &row))
		return STEP_RULE(STEP_NONE, 0, 0);
	return row.rule;
}

STEP_INLINE enum step_end
step_signal(void *ctx, struct step_regs *r)
{
	step_u64 uc = r->sp, pc, sp, bp, r11;

	if (STEP_READ(ctx, uc + STEP_UC_RIP, &pc) ||
	    STEP_READ(ctx, uc + STEP_UC_RSP, &sp) ||
	    STEP_READ(ctx, uc + STEP_UC_RBP, &bp) ||
	    STEP_READ(ctx, uc + STEP_UC_R11, &r11))
		return STEP_END_MEMORY;
	r->pc = pc;
	r->sp = sp;
	r->bp = bp;
	r->r11 = r11;
	r->exact = 1;
	return STEP_OK;
}

/* Do the 8 bytes before a return address end in a call?  That is e8 and four
 * bytes, or ff /2 with an operand of up to 6 bytes. */
STEP_INLINE int
step_called(step_u64 before)
{
	if ((before >> 24 & 0xff) == 0xe8)
		return 1;
	for (int back = 2; back <= 7; back++) {
		step_u32 two = before >> (64 - 8 * back) & 0xffff;

		if ((two & 0xff) == 0xff && (two >> 8 & 0x38) == 0x10)
			return 1;
	}
	return 0;
}

/* Is a return address in known code behind a call?  Where a direct call goes
 * to is told in *target; 0: an indirect one. */
STEP_INLINE int
step_returns(void *ctx, step_u64 pc, step_u64 *target)
{
	step_u64 before;

	*target = 0;
	if (!STEP_MAPPED(ctx, pc - 1) || STEP_READ(ctx, pc - 8, &before) ||
	    !step_called(before))
		return 0;
	if ((before >> 24 & 0xff) == 0xe8)
		*target = pc + (step_u64)(long long)(int)(before >> 32);
	return 1;
}

/* How the code at an address begins, behind an endbr64: 0 if unknown. */
STEP_INLINE step_u64
step_code(void *ctx, step_u64 addr)
{
	step_u64 code;

	if (STEP_READ(ctx, addr, &code))
		return 0;
	if ((code & 0xffffffff) == 0xfa1e0ff3 && STEP_READ(ctx, addr + 4, &code))
		return 0;
	return code;
}

/* jmp *, bnd jmp *, jmp: does a function only go elsewhere? */
STEP_INLINE int
step_jumps(void *ctx, step_u64 addr)
{
	step_u64 code = step_code(ctx, addr);

	return (code & 0xffff) == 0x25ff || (code & 0xffffff) == 0x25fff2 ||
	    (code & 0xff) == 0xe9;
}

#define STEP_FUNCTION_MAX 65536 /* bytes */

/*
 * The step by frame pointer.  What it finds is believed if it lies up the
 * stack, and the return address is behind a call of the function that is
 * being left, or of a table of jumps.  At a function's first instructions and
 * its last the code tells how much of the frame there is; and one that makes
 * none is told by the direct call that its return address is behind.
 */
STEP_INLINE enum step_end
step_pointer(void *ctx, struct step_regs *r)
{
	step_u64 cfa = r->bp + 16, code = 0, pc, target, from = r->pc;
	int made = 1; /* rbp has been saved and set */

	if (r->exact && STEP_READ(ctx, r->pc, &code) == 0) {
		if ((code & 0xffffffff) == 0xfa1e0ff3) /* endbr64 */
			made = 0;
		else if ((code & 0xff) == 0x55 || (code & 0xff) == 0xc3)
			made = 0; /* push %rbp; ret */
		else if ((code & 0xffffff) == 0xe58948) /* mov %rsp, %rbp */
			cfa = r->sp + 16;
		else if (STEP_READ(ctx, r->sp, &pc) == 0 &&
		    step_returns(ctx, pc, &target) && target &&
		    from - target < STEP_FUNCTION_MAX &&
		    (step_code(ctx, target) & 0xff) != 0x55)
			made = 0;
	}
	if (!made)
		cfa = r->sp + 8;
	if ((cfa & 7) || cfa <= r->sp || STEP_RETURN(ctx, cfa - 8, &pc) ||
	    !step_returns(ctx, pc, &target))
		return STEP_END_NONE;
	if (target && from - target >= STEP_FUNCTION_MAX && !step_jumps(ctx, target))
		return STEP_END_NONE;
	if (made && STEP_READ(ctx, cfa - 16, &r->bp))
		return STEP_END_MEMORY;
	r->sp = cfa;
	r->pc = pc;
	r->exact = 0;
	return STEP_OK;
}

/* From the frame in r to its caller, by the rule alone. */
STEP_INLINE enum step_end
step_up(void *ctx, step_u32 rule, struct step_regs *r)
{
	step_u64 cfa, pc, words = STEP_CFA(rule);
	step_u32 at = STEP_RBP_AT(rule);

	switch (STEP_KIND(rule)) {
	case STEP_RSP:
		cfa = r->sp + 8 * words;
		break;
	case STEP_RBP:
		cfa = r->bp + 8 * words;
		break;
	case STEP_DEREF:
		if (STEP_READ(ctx, r->bp - 8 * words, &cfa))
			return STEP_END_MEMORY;
		break;
	case STEP_SAVED:
		if (STEP_READ(ctx, r->sp + 8 * words, &cfa))
			return STEP_END_MEMORY;
		cfa += 8;
		break;
	case STEP_PLT:
		cfa = r->sp + ((r->pc & 15) >= words ? 16 : 8);
		break;
	case STEP_CLONE:
		cfa = r->sp + 8;
		break;
	case STEP_R11:
		if (!r->exact)
			return STEP_END_BAD;
		cfa = r->r11 + 8 * words;
		break;
	case STEP_SIGNAL:
		return step_signal(ctx, r);
	case STEP_FRAME:
		return step_pointer(ctx, r);
	case STEP_ROOT:
		return STEP_END_ROOT;
	case STEP_FIRST:
		return !r->exact && r->bp == 0 ? STEP_END_ROOT : STEP_END_NONE;
	case STEP_NONE:
		return STEP_END_NONE;
	default:
		return STEP_END_BAD;
	}
	if ((cfa & 7) || STEP_RETURN(ctx, cfa - 8, &pc))
		return STEP_END_MEMORY;
	if (STEP_KIND(rule) == STEP_DEREF) {
		if (STEP_READ(ctx, r->bp, &r->bp))
			return STEP_END_MEMORY;
	} else if (at && (STEP_KIND(rule) == STEP_RBP || cfa - 8 * at >= r->sp) &&
	    STEP_READ(ctx, cfa - 8 * at, &r->bp)) {
		/* Below rsp: an epilogue has popped it, which compilers do not say. */
		return STEP_END_MEMORY;
	}
	r->sp = cfa;
	r->pc = pc;
	r->exact = 0;
	return STEP_OK;
}

#define STEP_STACKS_MOST 256 /* that one thread has, one behind the other */

/* The same, and what no unwind information says: in one stack callers lie
 * above their callees, but a frame that rbp leads to may be on another one;
 * and first frames often have no rule that tells. */
STEP_INLINE enum step_end
step_frame(void *ctx, step_u32 rule, struct step_regs *r)
{
	step_u64 sp = r->sp;
	int cloned = STEP_KIND(rule) == STEP_CLONE;
	enum step_end end = step_up(ctx, rule, r);

	if (end != STEP_OK)
		return cloned ? STEP_END_ROOT : end;
	if (STEP_KIND(rule) != STEP_SIGNAL && r->sp <= sp &&
	    (STEP_KIND(rule) != STEP_RBP || ++r->stacks > STEP_STACKS_MOST))
		return STEP_END_MEMORY;
	if ((r->pc == 0 && r->bp == 0 && !r->exact) ||
	    (cloned && !STEP_MAPPED(ctx, r->pc - 1)))
		return STEP_END_ROOT;
	return STEP_OK;
}

#endif /* STEP_CODE */
