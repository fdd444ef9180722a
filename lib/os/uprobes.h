/*
 * Uprobes of a BPF program in a process, which are removed whole however this program ends.
 *
 * Where a thread with a fatal signal pending removes a uprobe, Linux (6.18) gives up and
 * leaves the breakpoint in the process for ever, which then traps at each call and runs up
 * to 60 times slower ("failed to unregister, leaking uprobe" of kernel/events/uprobes.c).
 * That takes no more than SIGKILL, or exit() of another thread, while a probe is removed.
 * A process that ends by itself cannot be killed any more.  So a child process places the
 * probes, holds their link, and removes them by ending: once it is told to, or its parent
 * is gone.
 */
#ifndef UPROBES_H
#define UPROBES_H

#include <stdint.h>
#include <sys/types.h>

/* The errno of an instruction that the kernel does not probe: ENOTSUPP, which has no name
 * outside of it. */
#define UPROBES_REFUSED 524

struct uprobes {
	int program;
	unsigned attach;         /* enum bpf_attach_type for links of many uprobes;
	                          * 0: by a perf event, which has one */
	const char *file;
	uint64_t dev, ino;       /* that it must be; 0: any */
	const uint64_t *offset;  /* of n probes */
	const uint64_t *cookie;  /* for the program; NULL: none */
	unsigned n;
	uint64_t semaphore;      /* of a static probe: its offset in the file; 0: none */
	int at_return;           /* by a perf event only */
	pid_t pid;
};

struct uprobes_hold;

#define UPROBES_HOLDS 32 /* for probes of one kind in a process: more are shared */

/* Start a child for probes.  Returns NULL with errno. */
struct uprobes_hold *uprobes_hold_new(void);

/* Place probes beside those that the child of a hold has already.  Returns -1 with errno,
 * ECANCELED if the child was killed.  One link is removed after the other, each in some
 * milliseconds; several children do that at the same time. */
int uprobes_place(struct uprobes_hold *hold, const struct uprobes *u);

/* Returns whether the child holds its probes still; it does unless it was killed. */
int uprobes_held(const struct uprobes_hold *hold);

/* Have the probes removed, which begins at once; the kernel then waits for those that are
 * being hit. */
void uprobes_let_go(struct uprobes_hold *hold);

/* Returns whether none of the probes that were let go is hit any more; hold is freed then.
 * wait: wait for that. */
int uprobes_gone(struct uprobes_hold *hold, int wait);

#endif
