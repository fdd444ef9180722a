/*
 * The way back of a borrowed thread, for the case that its tracer dies: each system call
 * that it is sent through is followed by `ret`, to the end of a signal handler, below which
 * on the stack is a frame with all that the thread has.  The kernel restores it from there,
 * as after a signal (rt_sigreturn(2)).
 */
#ifndef WAY_BACK_H
#define WAY_BACK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct way_back_stack;

/* Where the pieces are in a process. */
struct way_back {
	pid_t pid;
	uint64_t syscall_ret; /* `syscall; ret` */
	uint64_t sigreturn;   /* the end of a signal handler */
	struct way_back_stack *stack; /* mappings in which stacks may be */
	size_t n, room;
};

/* Find the pieces; it is all that takes time. */
void way_back_find(struct way_back *w, pid_t pid);

/*
 * Write the frame of a stopped thread, which goes on with `registers` as PTRACE_GETREGS has
 * them, on its stack.  Returns the stack pointer with which
 * it is to make system calls at w->syscall_ret; 0: there is no way back, since a piece is
 * missing, or the stack is one of the program's own making, below which anything may be.
 */
uint64_t way_back_lay(const struct way_back *w, pid_t tid, const void *registers, uint64_t mask);

void way_back_clear(struct way_back *w);

#endif
