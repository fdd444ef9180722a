/*
 * Threads of another process, by their number: their registers, taken while
 * they wait in the kernel, without touching them, or with them stopped for a
 * moment; and the memory that goes with them.
 *
 * This takes what ptrace(2) calls PTRACE_MODE_ATTACH: the same user and
 * kernel.yama.ptrace_scope 0, or CAP_SYS_PTRACE.  Functions return 0, or -1
 * with errno unless they say otherwise.
 */
#ifndef TRACEE_H
#define TRACEE_H

#include <stdint.h>
#include <sys/types.h>

struct step_leaf;
struct step_regs;

struct tracee_status {
	pid_t tgid, tracer; /* its process; the one that traces it, or 0 */
	uint64_t switches;  /* how often it has left a CPU */
};

/* Read /proc/TID/status. */
int tracee_status(pid_t tid, struct tracee_status *out);

/* Check whether a process may be looked at.  EACCES or EPERM: no. */
int tracee_permitted(pid_t pid);

/* ---- a thread that waits ----------------------------------------------- */

struct tracee_peek {
	pid_t tid;
	uint64_t switches, sp, pc;
};

/*
 * Read where a thread that is off the CPU has entered the kernel: pc and sp, and the first
 * argument of its system call.  Its other registers are not known; they get a value that
 * is no address, so that a walk which needs one ends there.  EBUSY: it is running.
 */
int tracee_peek(struct tracee_peek *p, pid_t tid, struct step_regs *regs,
    struct step_leaf *leaf);

/* Returns 1 if the thread has not run since, so that what was read of its stack in
 * between is true; 0 if it has, or may have. */
int tracee_still(const struct tracee_peek *p);

/* ---- a thread that is stopped ------------------------------------------ */

/*
 * PTRACE_SEIZE, by a caller that traces other threads of the process: those that die
 * meanwhile are reaped.  SIGCHLD is unblocked meanwhile.  Returns as ptrace(2).
 */
int tracee_seize(pid_t tid, long options);

/*
 * Stop a thread, and read its registers.  No signal is sent (PTRACE_SEIZE),
 * and one that is about to be delivered is kept: *signal goes to tracee_go().
 * The caller has SIGCHLD blocked, and its default action set.
 *
 * ESRCH: it has ended.  EPERM: it must not be stopped, or another process traces
 * it.  ETIMEDOUT: it does not stop within a second, as in a wait that nothing
 * interrupts; then it will stop later, and go on when the calling thread ends.
 */
int tracee_stop(pid_t tid, struct step_regs *regs, struct step_leaf *leaf, int *signal);

/* Let it go on; one that was stopped before stays so. */
void tracee_go(pid_t tid, int signal);

/* ---- memory ------------------------------------------------------------ */

#define TRACEE_BLOCK 4096 /* never more than a page */
#define TRACEE_BLOCKS 16

/* Some blocks of a process' memory as they were when first asked for. */
struct tracee_memory {
	pid_t tid;
	uint64_t addr[TRACEE_BLOCKS]; /* of each block; 1: none */
	unsigned char block[TRACEE_BLOCKS][TRACEE_BLOCK];
};

/* Set whose memory it is from now on, and forget all blocks. */
void tracee_memory(struct tracee_memory *m, pid_t tid);

/* Read 8 bytes: ctx is a struct tracee_memory, the rest as unwind_stack's more(). */
int tracee_word(void *ctx, uint64_t addr, uint64_t *out);

#endif
