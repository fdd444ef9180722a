/*
 * Samples the allocations of a producer's process inside of it, by the gate that
 * rsprof-guard(1) maps there, and emits notes about that.  Unless the user has chosen a
 * period it is what a share of the process' CPU time pays for (heap/pace).
 */
#ifndef INSIDE_H
#define INSIDE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "gate/guard.h"
#include "heap/pace.h"

struct arming;
struct duty;
struct target;

struct inside {
	/* Set by the owner. */
	struct arming *arming;
	struct duty *duty;
	pid_t pid;
	int child;          /* another process than the producer's: it is not up to it how
	                       allocations are recorded on the whole */
	int wanted;         /* the user asks for it, */
	int never;          /* or against it */
	int asked;          /* a descriptor by which the user may ask for it later: see
	                       heap/consent.h; or -1 */

	struct guard guard; /* fd is -1 while nothing is sampled inside */
	struct guard_gate gate;
	struct pace pace;
	int ready;          /* the gate is there, and nothing is sampled yet */
	int paced;          /* the period changes */
	uint64_t due;       /* when it is to be chosen anew */
	int over;           /* the process has ended; its guard is kept for those it has forked */
	int held;           /* the guard has brought the process to its beginning */
	int missed;         /* it was noted that frees are */
	uint64_t period;    /* members of struct duty, as they are without the gate */
	int fixed;
	char why[GUARD_LINE]; /* it cannot be, the last time that it was tried */
	char text[256];
};

/* Sample inside the process from now on, if that is wanted.  Returns 0 if probes are to
 * be armed: if it is not, or cannot be; a note says why. */
int inside_begin(struct inside *in);

/*
 * Arm the probes of a command that stands at its first instruction: at the functions where it
 * can be sampled inside, if it has them.  It is led through a gate then that samples nothing
 * yet, for inside_take_over().  Returns as arming_process().
 */
int inside_arm(struct inside *in, const struct target *t, char *why, size_t size);

/*
 * Sample inside the process from now on, in place of recording all allocations by probes.
 * Those that live are thinned as if they had been sampled.  inside: a struct inside.  Returns
 * a sentence for the user, NULL if it cannot be; either was emitted as a note.
 */
const char *inside_take_over(void *inside);

/* Bring a process that rsprof-exec(1) holds to its first instruction, without the
 * kernel's help.  Returns NULL, or the reason against it. */
const char *inside_run_to_start(struct inside *in);

/* Returns 1 if it is stopped there, -1 if it will not get there: in->why says why. */
int inside_has_started(struct inside *in);

/* Returns whether the process is sampled inside. */
int inside_is_on(const struct inside *in);

/* Change over from probes if that was asked for; choose the period anew if it is time for
 * that; arm probes if nobody holds the gate any more. */
void inside_round(struct inside *in);

/* Returns when the next round is due, UINT64_MAX if it does not matter. */
uint64_t inside_due(const struct inside *in);

/* ---- child processes ---------------------------------------------------- */

/* Begin with a child process as with the process itself: one that stands at the first
 * instruction of a program (forked 0), or one that goes on by a copy of a gate.  Returns NULL,
 * or the reason against it. */
const char *inside_begin_child(struct inside *in, const struct inside *root, pid_t pid,
    int forked);

/* Choose the period of a child process anew if it is time for that.  Returns -1 if nobody holds
 * its gate any more; *why is the reason, or NULL if none is known. */
int inside_round_child(struct inside *in, const char **why);

/* Have the process restored, and wait for that. */
void inside_end(struct inside *in);

#endif
