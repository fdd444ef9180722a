/*
 * Unwind rows made from machine code, for functions that have no entry in .eh_frame:
 * by following the height of the stack, and where the caller's frame pointer is,
 * through each function's instructions.
 *
 * Where functions begin is known from symbols, calls, jumps and pointers, never from
 * how code looks.  What cannot be decided gets no row.  The code may be anything:
 * time and memory are bounded, and every row leads up the stack.
 */
#ifndef SYNTH_H
#define SYNTH_H

#include "unwind/synth_code.h"

/* Make rows of all code that is not covered.  Returns 0, and free(rows->row) frees
 * them, or -1 if memory ended or *stop was not 0 any more. */
int synth_rows(const struct synth_code *code, struct synth_rows *out);

#endif
