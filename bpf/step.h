/*
 * The step from a stack frame to its caller: rows of a compiled .eh_frame
 * table say how.  These are its shapes; the step itself is bpf/step_frame.h.
 * User space (unwind/unwind) and BPF compile the same two files, so they have
 * no libc, no pointers into tables and no loops without a bound.
 *
 * A table covers offsets into the module's file.  Row i holds from its offset
 * up to the next row's.  Entry p of the page index is the number of rows that
 * begin at or before offset base + p * 256, so the row of an offset in that
 * page is one of those from entry p minus 1 on, up to entry p + 1 minus 1.  Entry
 * p + 1 is 0 for a page whose rows are not there yet (STEP_LATER): in a whole table
 * the first page has the first row.
 *
 * What a rule can say is the machine's, and so are the registers that it needs:
 * machine_step.h, in a folder of bpf/ that the Makefile chooses, defines
 *	enum step_kind    the kinds of rules, of which this and other code knows
 *	                  STEP_NONE, _SP, _FP, _CLONE, _SIGNAL, _ROOT, _BAD, _FIRST,
 *	                  _FRAME and _LATER;
 *	STEP_RULE(kind, 0, 0), STEP_KIND(rule)
 *	                  a rule of 32 bits, and its kind;
 *	STEP_ADDR_BITS    the bits of a program's addresses;
 *	struct step_regs  pc, sp and fp (the frame pointer) as step_u64; exact: pc is
 *	                  an instruction about to execute, not the one after a call;
 *	                  stacks: how often the walk has gone to a lower one, 0 at
 *	                  first; and what else the machine needs.
 */
#ifndef STEP_H
#define STEP_H

typedef unsigned short step_u16;
typedef unsigned int step_u32;
typedef unsigned long long step_u64;

#define STEP_PAGE_SHIFT 8

/* 8 bytes: the offset that it holds from, and the rule. */
struct step_row {
	step_u32 offset;
	step_u32 rule;
};

enum step_end {
	STEP_OK,
	STEP_END_ROOT,   /* this was the first frame */
	STEP_END_NONE,   /* no unwind information */
	STEP_END_BAD,    /* unwind information cannot be followed */
	STEP_END_MEMORY, /* the stack cannot be read there */
	STEP_END_LATER   /* unwind information is not there yet */
};

#include "machine_step.h"

#endif
