/*
 * The registers of a thread that the step of bpf/step.h needs, as perf events,
 * ptrace(2) and /proc give them; in a folder for each machine.
 */
#ifndef REGS_H
#define REGS_H

#include <stdint.h>
#include <sys/types.h>

#include "bpf/step.h"

struct bytes;

/* Returns the mask of the registers, for sample_regs_user of struct perf_event_attr. */
uint64_t regs_perf_mask(void);

/* Read the registers of that mask from a sample. */
void regs_perf_read(struct bytes *b, struct step_regs *out, struct step_leaf *leaf);

/* Read the registers of a thread that is stopped by ptrace(2).  Returns 0, or -1
 * with errno. */
int regs_stopped(pid_t tid, struct step_regs *out, struct step_leaf *leaf);

/* Set the registers of which pc and sp are known, and the first argument of a system
 * call.  The others get a value that is no address, so that a walk which needs one ends
 * there. */
void regs_waiting(uint64_t pc, uint64_t sp, uint64_t argument, struct step_regs *out,
    struct step_leaf *leaf);

/* Returns the offset of the stack pointer in the kernel's struct pt_regs. */
int regs_kernel_sp(void);

#endif
