/*
 * What user space and calltrace.bpf.c share: calls of functions of which nothing is
 * known but where they begin.
 */
#ifndef CALLTRACE_H
#define CALLTRACE_H

#include "bpf/step.h"

#define CALLTRACE_RETURN 0x80000000U

struct calltrace_event {
	step_u32 fn, tid; /* its number; and CALLTRACE_RETURN */
	step_u64 sp;      /* at its entry */
	step_u64 word[4]; /* entry: rdi, rsi, rdx, rcx; return: rax, and what stands
	                     where rdi pointed at the entry (0: nothing) */
};

#endif
