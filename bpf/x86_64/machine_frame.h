/*
 * x86-64 for the step of bpf/step_frame.h: rules, call and jump instructions, frame
 * pointers.
 */
#ifndef MACHINE_FRAME_H
#define MACHINE_FRAME_H

/* Read register n of the frame that was interrupted last, as STEP_REG_RULE has them;
 * rsp and rbp of the frame in r. */
STEP_INLINE enum step_end
step_value_below(struct walk *w, const struct step_regs *r, step_u32 n, step_u64 *out)
{
	int failed = 0;

	if (n == STEP_IN_RSP)
		*out = r->sp;
	else if (n == STEP_IN_RBP)
		*out = r->fp;
	else if (r->context)
		failed = step_read(w, r->context + STEP_UC_R8 +
		    8 * (STEP_UC_WORDS >> 4 * n & 15), out);
	else
		failed = step_leaf(w, n, out);
	return failed ? STEP_END_BAD : STEP_OK;
}

/* Returns whether register n is known of the frame in r. */
STEP_INLINE int
step_has(const struct step_regs *r, step_u32 n)
{
	return r->exact || n == STEP_IN_RSP || n == STEP_IN_RBP;
}

/* Read register n of the frame in r. */
STEP_INLINE enum step_end
step_value(struct walk *w, const struct step_regs *r, step_u32 n, step_u64 *out)
{
	return step_has(r, n) ? step_value_below(w, r, n, out) : STEP_END_BAD;
}

/* Step out of a frame whose caller's registers are in a struct ucontext: a signal
 * handler's, or code that goes on in another context; or out of a function that keeps its
 * return address in a register. */
STEP_INLINE enum step_end
step_signal(struct walk *w, step_u32 rule, struct step_regs *r)
{
	step_u64 uc = r->sp, pc, sp, fp;

	if (STEP_FP_WORDS(rule) != STEP_BY_SP &&
	    step_value(w, r, STEP_REG_OF(rule), &uc) != STEP_OK)
		return STEP_END_BAD;
	if (STEP_FP_WORDS(rule) == STEP_RETURN_IN) {
		r->pc = uc;
		r->sp += 8 * (step_u64)STEP_REG_WORDS(rule);
		r->exact = 0;
		return STEP_OK;
	}
	if (step_read(w, uc + STEP_UC_RIP, &pc) ||
	    step_read(w, uc + STEP_UC_RSP, &sp) ||
	    step_read(w, uc + STEP_UC_RBP, &fp))
		return STEP_END_MEMORY;
	r->pc = pc;
	r->sp = sp;
	r->fp = fp;
	r->context = uc;
	r->exact = 1;
	return STEP_OK;
}

/* Find the CFA by a rule of STEP_AT. */
STEP_INLINE enum step_end
step_cfa_at(struct walk *w, step_u32 rule, const struct step_regs *r, step_u64 *cfa)
{
	step_u64 at, index = 0;

	if (step_value_below(w, r, STEP_REG_OF(rule), &at) != STEP_OK ||
	    (STEP_AT_INDEX(rule) != STEP_IN_RSP &&
	        step_value_below(w, r, STEP_AT_INDEX(rule), &index) != STEP_OK))
		return STEP_END_BAD;
	at += 8 * (index + (step_u64)STEP_AT_WORDS(rule));
	if ((at & 7) || step_read(w, at, cfa))
		return STEP_END_MEMORY;
	*cfa += 8 * STEP_AT_ADD(rule);
	return STEP_OK;
}

/* Returns whether the 8 bytes before a return address end in a call: e8 and four
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

/* Returns whether pc is in known code behind a call, as a return address is.  Sets
 * *target to the function that a direct call is of, or 0. */
STEP_INLINE int
step_returns(struct walk *w, step_u64 pc, step_u64 *target)
{
	step_u64 before;

	*target = 0;
	if (!step_mapped(w, pc - 1) || step_read(w, pc - 8, &before) ||
	    !step_called(before))
		return 0;
	if ((before >> 24 & 0xff) == 0xe8)
		*target = pc + (step_u64)(long long)(int)(before >> 32);
	return 1;
}

/* Read how the code at addr begins, behind an endbr64.  Returns 0 if that is
 * not known. */
STEP_INLINE step_u64
step_code(struct walk *w, step_u64 addr)
{
	step_u64 code;

	if (step_read(w, addr, &code))
		return 0;
	if ((code & 0xffffffff) == 0xfa1e0ff3 && step_read(w, addr + 4, &code))
		return 0;
	return code;
}

/* Returns whether the function at addr only goes elsewhere: by jmp *, bnd jmp * or
 * jmp. */
STEP_INLINE int
step_jumps(struct walk *w, step_u64 addr)
{
	step_u64 code = step_code(w, addr);

	return (code & 0xffff) == 0x25ff || (code & 0xffffff) == 0x25fff2 ||
	    (code & 0xff) == 0xe9;
}

#define STEP_FUNCTION_MAX 65536 /* bytes */

/*
 * Step by frame pointer.  The caller's frame is believed if it lies up the
 * stack, and its return address is behind a call of the function that is being
 * left, or of a table of jumps.  At a function's first instructions and its last
 * the code shows how much of the frame there is; a function that makes none is
 * recognised by the direct call that its return address is behind.
 */
STEP_INLINE enum step_end
step_pointer(struct walk *w, struct step_regs *r)
{
	step_u64 cfa = r->fp + 16, code = 0, pc, target, from = r->pc;
	int made = 1; /* rbp has been saved and set */

	if (r->exact && step_read(w, r->pc, &code) == 0) {
		if ((code & 0xffffffff) == 0xfa1e0ff3) /* endbr64 */
			made = 0;
		else if ((code & 0xff) == 0x55 || (code & 0xff) == 0xc3)
			made = 0; /* push %rbp; ret */
		else if ((code & 0xffffff) == 0xe58948) /* mov %rsp, %rbp */
			cfa = r->sp + 16;
		else if (step_read(w, r->sp, &pc) == 0 &&
		    step_returns(w, pc, &target) && target &&
		    from - target < STEP_FUNCTION_MAX &&
		    (step_code(w, target) & 0xff) != 0x55)
			made = 0;
	}
	if (!made)
		cfa = r->sp + 8;
	if ((cfa & 7) || cfa <= r->sp || step_return(w, cfa - 8, &pc) ||
	    !step_returns(w, pc, &target))
		return STEP_END_NONE;
	if (target && from - target >= STEP_FUNCTION_MAX && !step_jumps(w, target))
		return STEP_END_NONE;
	if (made && step_read(w, cfa - 16, &r->fp))
		return STEP_END_MEMORY;
	r->sp = cfa;
	r->pc = pc;
	r->exact = 0;
	return STEP_OK;
}

/* Returns whether by a rule the caller's rbp is saved, and sets *at, which is rbp, to
 * where, given the stack pointer and the CFA of the frame.  If it is not, it is still in
 * rbp. */
STEP_INLINE int
step_fp_at(step_u32 rule, step_u64 sp, step_u64 cfa, step_u64 *at)
{
	step_u32 words = STEP_FP_WORDS(rule);

	if (words > STEP_FP_MAX)
		return words == STEP_FP_THERE && *at >= sp && *at < cfa;
	/* Below rsp: an epilogue has popped it, which compilers do not say. */
	*at = cfa - 8 * words;
	return words && (STEP_KIND(rule) == STEP_FP || cfa - 8 * words >= sp);
}

/* Returns whether a rule finds the caller's frame by a register that need not be on the
 * same stack. */
STEP_INLINE int
step_leads_anywhere(step_u32 rule)
{
	step_u32 kind = STEP_KIND(rule);

	return kind == STEP_FP || kind == STEP_REG || kind == STEP_AT;
}

/* Returns whether a rule finds the CFA by registers of which those of the frame in r are
 * not known.  Where such a frame has called another one, that leaves them alone, or the
 * rule would not hold behind the call: so what was interrupted has them still. */
STEP_INLINE int
step_is_by_callee(step_u32 rule, const struct step_regs *r)
{
	step_u32 kind = STEP_KIND(rule);

	return kind == STEP_R11 ? !r->exact
	    : kind == STEP_REG ? !step_has(r, STEP_REG_OF(rule))
	    : kind == STEP_AT ? !step_has(r, STEP_REG_OF(rule)) || !step_has(r, STEP_AT_INDEX(rule))
	                      : 0;
}

/* Step from the frame in r to its caller by the rule alone. */
STEP_INLINE enum step_end
step_up(struct walk *w, step_u32 rule, struct step_regs *r)
{
	step_u64 cfa, pc, at, target, words = STEP_CFA(rule);
	enum step_end end = STEP_OK;

	switch (STEP_KIND(rule)) {
	case STEP_SP:
		cfa = r->sp + 8 * words;
		break;
	case STEP_FP:
		cfa = r->fp + 8 * words;
		break;
	case STEP_DEREF:
		if (step_read(w, r->fp - 8 * words, &cfa))
			return STEP_END_MEMORY;
		break;
	case STEP_SAVED:
		if (step_read(w, r->sp + 8 * (words & STEP_SAVED_MAX), &cfa))
			return STEP_END_MEMORY;
		cfa += words & STEP_SAVED_SIZE ? r->sp + 8 : 8;
		break;
	case STEP_PLT:
		cfa = r->sp + ((r->pc & 15) >= words ? 16 : 8);
		break;
	case STEP_CLONE:
		cfa = r->sp + 8;
		break;
	case STEP_R11:
		if (step_value_below(w, r, STEP_IN_R11, &cfa) != STEP_OK)
			return STEP_END_BAD;
		cfa += 8 * words;
		break;
	case STEP_REG:
		if (step_value_below(w, r, STEP_REG_OF(rule), &cfa) != STEP_OK)
			return STEP_END_BAD;
		cfa += 8 * (step_u64)STEP_REG_WORDS(rule);
		break;
	case STEP_AT:
		end = step_cfa_at(w, rule, r, &cfa);
		if (end != STEP_OK)
			return end;
		break;
	case STEP_SIGNAL:
		return step_signal(w, rule, r);
	case STEP_FRAME:
		return step_pointer(w, r);
	case STEP_ROOT:
		return STEP_END_ROOT;
	case STEP_FIRST:
		return !r->exact && r->fp == 0 ? STEP_END_ROOT : STEP_END_NONE;
	case STEP_NONE:
		return STEP_END_NONE;
	case STEP_LATER:
		return STEP_END_LATER;
	default:
		return STEP_END_BAD;
	}
	if ((cfa & 7) || step_return(w, cfa - 8, &pc))
		return STEP_END_MEMORY;
	/* That it has them still is no more than likely: there must be a return address. */
	if (step_is_by_callee(rule, r) && (cfa <= r->sp || !step_returns(w, pc, &target)))
		return STEP_END_BAD;
	at = r->fp;
	if (STEP_FP_WORDS(rule) == STEP_FP_LOST)
		r->fp = 1; /* no address */
	else if (STEP_FP_WORDS(rule) > STEP_FP_MAX && STEP_FP_WORDS(rule) < STEP_FP_LOST)
		end = step_value(w, r, STEP_FP_WORDS(rule) - STEP_FP_IN(0), &r->fp);
	else if ((STEP_KIND(rule) == STEP_DEREF || step_fp_at(rule, r->sp, cfa, &at)) &&
	    step_read(w, at, &r->fp))
		return STEP_END_MEMORY;
	r->sp = cfa;
	r->pc = pc;
	r->exact = 0;
	return end;
}

/* Returns whether a step by a rule reads nothing but the return address and, where
 * step_fp_at() says so, the saved rbp. */
STEP_INLINE int
step_is_plain(step_u32 rule)
{
	step_u32 kind = STEP_KIND(rule);

	return STEP_FP_WORDS(rule) <= STEP_FP_MAX &&
	    (kind == STEP_SP || kind == STEP_FP || kind == STEP_PLT || kind == STEP_CLONE);
}

/* Returns where the return address stands that decides about such a step, given
 * the stack pointer and the CFA of the frame. */
STEP_INLINE step_u64
step_return_at(step_u32 rule, step_u64 sp, step_u64 cfa)
{
	/* Where a thread begins there may be none. */
	return STEP_KIND(rule) == STEP_CLONE ? sp : cfa - 8;
}

#endif
