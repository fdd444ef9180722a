/*
 * The step of bpf/step.h, in functions that are compiled into their includer.
 *
 * The includer defines struct walk, which is only handed on to its functions, and the
 * six functions that are declared first.  They return 0, or not 0 if they fail, but
 * for step_mapped().
 *
 * What depends on the machine is in machine_frame.h: step_up(), which follows a
 * rule; step_returns(), which recognises a return address; step_jumps(), which
 * recognises a function that only jumps elsewhere; step_leads_anywhere(), whether a
 * rule finds the caller's frame by a register that need not be on the same stack; and,
 * to note the words of the stack that a walk depends on, step_is_plain(), step_fp_at()
 * and step_return_at().
 */
#ifndef STEP_FRAME_H
#define STEP_FRAME_H

#include "bpf/step.h"

#define STEP_INLINE static inline __attribute__((always_inline))

struct walk; /* the includer's */

/* Read row i of the module's table. */
STEP_INLINE int step_row(struct walk *w, step_u32 i, struct step_row *row);

/* Read entries p and p + 1 of its page index. */
STEP_INLINE int step_page(struct walk *w, step_u32 p, step_u32 *low, step_u32 *high);

/* Read 8 bytes of the target's memory. */
STEP_INLINE int step_read(struct walk *w, step_u64 addr, step_u64 *out);

/* Read the return address that the target has put at addr. */
STEP_INLINE int step_return(struct walk *w, step_u64 addr, step_u64 *out);

/* Read a register that the first frame had when it was interrupted, by its number. */
STEP_INLINE int step_leaf(struct walk *w, step_u32 n, step_u64 *out);

/* Returns whether addr is in a known mapping: 1, or 0. */
STEP_INLINE int step_mapped(struct walk *w, step_u64 addr);

#include "machine_frame.h"

#define STEP_SEARCH_MAX 12 /* 256 bytes have at most 256 rows */

/* Returns the rule for an offset of the module that w has come to, whose page
 * index begins at base; STEP_NONE's rule where it has none, STEP_LATER's where it has
 * none yet. */
STEP_INLINE step_u32
step_find(struct walk *w, step_u32 base, step_u32 offset)
{
	struct step_row row;
	step_u32 page = (offset - base) >> STEP_PAGE_SHIFT, low, high;

	if (offset < base || step_page(w, page, &low, &high))
		return STEP_RULE(STEP_NONE, 0, 0);
	if (high == 0)
		return STEP_RULE(STEP_LATER, 0, 0);
	/* The last row that begins at or before offset is in [low - 1, high). */
	for (int i = 0; i < STEP_SEARCH_MAX && low < high; i++) {
		step_u32 mid = low + (high - low) / 2;

		if (step_row(w, mid, &row))
			return STEP_RULE(STEP_NONE, 0, 0);
		if (row.offset <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || step_row(w, low - 1, &row))
		return STEP_RULE(STEP_NONE, 0, 0);
	return row.rule;
}

#define STEP_STACKS_MOST 256 /* of one thread, each switched to from the one before */

/*
 * Step from the frame in r to its caller by a rule.  Beyond unwind information: within
 * a stack callers are above their callees, but a frame that the frame pointer leads to
 * may be on another stack; and first frames often have no rule that says so.
 */
STEP_INLINE enum step_end
step_frame(struct walk *w, step_u32 rule, struct step_regs *r)
{
	step_u64 sp = r->sp;
	int cloned = STEP_KIND(rule) == STEP_CLONE;
	enum step_end end = step_up(w, rule, r);

	if (end != STEP_OK)
		return cloned ? STEP_END_ROOT : end;
	if (STEP_KIND(rule) != STEP_SIGNAL && r->sp <= sp &&
	    (!step_leads_anywhere(rule) || ++r->stacks > STEP_STACKS_MOST))
		return STEP_END_MEMORY;
	if ((r->pc == 0 && r->fp == 0 && !r->exact) ||
	    (cloned && !step_mapped(w, r->pc - 1)))
		return STEP_END_ROOT;
	return STEP_OK;
}

#endif
