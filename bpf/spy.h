/*
 * What user space and spy.bpf.c share: calls of functions of which nothing is
 * known but where they begin.
 */
#ifndef SPY_H
#define SPY_H

#include "bpf/step.h"

#define SPY_RETURN 0x80000000U

struct spy_event {
	step_u32 fn, tid; /* its number; and SPY_RETURN */
	step_u64 sp;      /* at its entry */
	step_u64 word[4]; /* entry: rdi, rsi, rdx, rcx; return: rax, and what stands
	                     where rdi pointed at the entry (0: nothing) */
};

#endif
