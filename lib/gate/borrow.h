/*
 * A thread of another process, borrowed: stopped, sent through system calls and
 * through code of the gate, and released as if nothing had happened.
 *
 * The caller should survive until borrow_release(): a thread whose tracer dies in
 * between finds its way back by itself only if it has a stack as C libraries make them.
 * The caller has SIGCHLD blocked.
 *
 * Functions that return a string return NULL, or a constant that says what is
 * wrong.
 */
#ifndef BORROW_H
#define BORROW_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct borrow_saved;
struct way_back;

struct borrow {
	pid_t pid, tid;
	uint64_t syscall;              /* the address of a `syscall` instruction */
	uint64_t mask;                 /* signals that the thread had blocked */
	int blocks;                    /* all are blocked meanwhile */
	uint64_t kept;                 /* signals that came meanwhile */
	struct borrow_saved *saved;    /* registers that it goes on with; freed when it is
	                                  released */
};

/* Why the process cannot be borrowed from, as far as /proc knows: it is traced
 * (*tracer is set to by whom), or has ended.  `seccomp` is set if a filter or strict
 * mode is in force in any of its threads. */
const char *borrow_check(pid_t pid, pid_t *tracer, int *seccomp);

/*
 * Stop the thread that is disturbed least.  `seccomp` asks for the filters to be
 * suspended meanwhile.  One that waits in a system call which a stop ends early is
 * taken only if there is no other for `patience` milliseconds.
 */
const char *borrow_begin(struct borrow *b, pid_t pid, int seccomp, int patience);

/* Stop this thread, and no other: it does not run anything. */
const char *borrow_thread(struct borrow *b, pid_t pid, pid_t tid, int seccomp);

#define BORROW_LATE "a thread of it does not stop"
#define BORROW_LATE_MS 10000 /* how long threads are waited for that do not stop */

/* Returns whether it says that a thread does not stop: it is not scheduled, or its control
 * group is frozen. */
int borrow_is_late(const char *why);

/* Returns where the thread's way back is: see gate/way_back.h; 0: it has none. */
uint64_t borrow_way_back(const struct borrow *b);

/* Returns whether a thread that was stopped is on its way back still, from what another
 * tracer had it do before it died. */
int borrow_is_on_way(const struct borrow *b, const struct way_back *way, uint64_t way_back);

/* Have the thread make a system call: *result is what it returned, or -errno. */
const char *borrow_syscall(struct borrow *b, long number, const uint64_t arg[6], int64_t *result);

/* Run code at `pc` with that stack pointer, up to a system call with the number
 * -1.  At `sp` is what the code makes its stack pointer for rt_sigreturn(2), if nobody stops
 * it there.  *fault is set if it has faulted instead: the program does not notice. */
const char *borrow_run(struct borrow *b, uint64_t pc, uint64_t sp, int *fault);

/* Let it go on with b->saved: a system call that was interrupted is restarted. */
const char *borrow_release(struct borrow *b);

/* Copy the general registers that it goes on with.  Returns the stack pointer. */
#define BORROW_REGISTERS 15
uint64_t borrow_registers(const struct borrow *b, uint64_t reg[BORROW_REGISTERS]);

/* Have the thread go on with other values in them. */
void borrow_set_registers(struct borrow *b, const uint64_t reg[BORROW_REGISTERS]);

/* Returns the thread pointer: the C library has what it points to at the end of a
 * thread's stack. */
uint64_t borrow_thread_pointer(const struct borrow *b);

/*
 * Stop all threads of a process but b->tid, which is borrowed: *others is an array of *n,
 * to be freed by borrow_release_all(), which lets them go on.  Fails if one does not stop.
 */
const char *borrow_others(const struct borrow *b, int seccomp, struct borrow **others, size_t *n);
void borrow_release_all(struct borrow *others, size_t n);

/* How a thread waits: whether a stop can be noticed. */
enum borrow_wait {
	BORROW_RUNNING,
	BORROW_SAFE,    /* in a system call that is restarted */
	BORROW_UNKNOWN, /* in another one */
	BORROW_RISKY,   /* in one that may end with EINTR */
	BORROW_NEVER    /* cannot be stopped, or has ended */
};

/* *sp is set to the stack pointer of one that waits, else to 0. */
enum borrow_wait borrow_state(pid_t pid, pid_t tid, uint64_t *sp);

/* Let threads go that stopped too late for an earlier call.  Returns whether there are
 * others, that have not stopped yet.  No thread is borrowed. */
int borrow_reap(void);

#endif
