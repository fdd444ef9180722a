/*
 * The life that producers have in common: they check a process, attach to it,
 * emit in rounds what has happened to it until something ends that, and end
 * the stream.
 *
 *	producer_open()   checks the process, and refers to it from then on
 *	                  (the command attaches to it, and emits what there is)
 *	producer_ready()  reports that the process is attached to
 *	producer_run()    runs rounds, emits the end record
 *	producer_close()
 *
 * Functions that return an enum producer_result leave a sentence for people in
 * why[] unless it is PRODUCER_OK.
 */
#ifndef PRODUCER_H
#define PRODUCER_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "stream/rec.h"
#include "unwind/addrspace.h"

struct module;
struct stackmap_stack;
struct target;
struct targets;
struct unwind_stack;

#define PRODUCER_WHY 640
#define PRODUCER_FDS 8 /* descriptors that the loop waits for */

enum producer_result {
	PRODUCER_OK,
	PRODUCER_FAILED,
	PRODUCER_NOPROC,       /* the process does not exist, or has ended */
	PRODUCER_PERM,         /* not permitted */
	PRODUCER_NOTHING,      /* the process has nothing to profile */
	PRODUCER_CANNOT_WRITE, /* the output failed: why[] has the errno's text */
	PRODUCER_UNREAD        /* the output's reader has gone: it knows */
};

struct producer {
	/* Set by the command. */
	const char *name;   /* in records */
	const char *object; /* what a kernel thread has none of */
	pid_t pid;
	int children;       /* child processes are followed, too */
	int held;           /* letter of the option that continues a command held
	                       by rsprof-exec(1); or 0 */
	int ready;          /* descriptor for producer_ready(), or -1 */
	uint64_t duration;  /* ns; 0: no limit */
	int no_gate;        /* stacks are those that the program would have without
	                       the code of a gate; in that code they are "probes" */

	/* Set by producer_open(). */
	struct targets *targets;
	struct rec_out out; /* standard output */
	int pidfd;
	struct pollfd fd[PRODUCER_FDS];
	size_t nfd;

	struct addrspace_walk walk; /* of the last stack */
	char why[PRODUCER_WHY];
};

/* ---- beginning --------------------------------------------------------- */

/*
 * Check that the process can be profiled, catch signals, and open targets.
 * Waits for a held command to be stopped.
 */
enum producer_result producer_open(struct producer *p);

/* Returns the command line that a held command will execute, to be freed; or NULL. */
char *producer_held_command(const struct producer *p);

/* Free targets and close the output. */
enum producer_result producer_close(struct producer *p);

/* Write a line to the descriptor ready and close it; without one, continue a held
 * command. */
enum producer_result producer_ready(struct producer *p);

/* Returns 1 once SIGINT, SIGTERM or SIGHUP has come. */
int producer_stopped(void);

/* Write a sentence to why[], and return the result. */
enum producer_result producer_fail(struct producer *p, enum producer_result result,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- the loop ---------------------------------------------------------- */

/* How a producer takes part in the loop. */
struct producer_ops {
	/* Wait as poll(2) does for n descriptors, and for what else has news.
	 * NULL: poll(2). */
	int (*wait)(void *ctx, struct pollfd *fd, size_t n, int milliseconds);
	/* Return when a round is due even without news, CLOCK_MONOTONIC in ns. */
	uint64_t (*due)(void *ctx);
	/* Emit what has happened until a time; UINT64_MAX: all of it, in the last
	 * round.  Records of all CPUs are there until then; see perf_next(). */
	void (*round)(void *ctx, uint64_t until);
};

/* Let the loop wake up when fd can be read.  Ignored if it is -1. */
void producer_wake_on(struct producer *p, int fd);

/* Wait until the records of all that has happened so far are there.  Returns until when,
 * as a round takes it. */
uint64_t producer_visible(void);

/* Run rounds until the process has ended, the duration is over, a signal has
 * come or the reader has gone.  Emits the end record, unless the reader has. */
enum producer_result producer_run(struct producer *p, const struct producer_ops *ops,
    void *ctx);

/* Emit the end record, and flush. */
enum producer_result producer_end(struct producer *p, const char *reason);

/* ---- stacks and code --------------------------------------------------- */

/* Emit a note, of at most 4 KiB. */
void producer_note(struct producer *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Walk and emit a stack of t from regs on.  Where it leads into code that came
 * unnoticed t's mappings are read again, but for a while after the last time.
 * Returns the innermost frame.
 */
struct rec_ref producer_walk(struct producer *p, struct target *t,
    const struct unwind_stack *stack, struct step_regs regs, uint64_t time);

/* Emit a stack that was walked in the kernel, by t's mappings as they are now.
 * Returns the innermost frame. */
struct rec_ref producer_resolve(struct producer *p, const struct target *t,
    const struct stackmap_stack *s);

/* Resolve a new stack, if its process has been emitted: ctx is the producer.
 * For stackmap_unresolved(). */
void producer_on_stack(void *ctx, struct stackmap_stack *s);

/*
 * Pass the mappings of all targets, and tables that have become ready, to the
 * kernel by put(), which is as sampler_put().  effect: what happens in modules
 * whose tables do not fit, for a note.
 */
enum producer_result producer_put_maps(struct producer *p,
    int (*put)(void *ctx, struct addrspace *space, const struct module **full),
    void *ctx, const char *effect);

#endif
