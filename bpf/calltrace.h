/*
 * Data that user space and calltrace.bpf.c share: calls of functions of which only
 * their beginning is known.
 */
#ifndef CALLTRACE_H
#define CALLTRACE_H

#include "bpf/step.h"

#define CALLTRACE_RETURN 0x80000000U

struct calltrace_event {
	step_u32 fn, tid; /* fn: the function's number, with CALLTRACE_RETURN if it returns */
	step_u64 sp;      /* the stack pointer at the entry */
	step_u64 word[4]; /* entry: four arguments; return: the result, and the word that the
	                     first argument pointed at (0: none) */
};

#endif
