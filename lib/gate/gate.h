/*
 * A gate: code in a process that is not ours, in front of its allocation
 * functions, which chooses what is sampled.
 *
 * Whoever holds a gate must survive until gate_detach(): see gate/borrow.h.
 * Functions that return a string return NULL, or a constant that says what is wrong;
 * then nothing in the process has changed unless they say otherwise.
 */
#ifndef GATE_H
#define GATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "gate/abi.h"

struct gate;

struct gate_options {
	uint64_t period;  /* mean bytes between samples, or GATE_OFF */
	int all_callers;  /* sample what files without Rust code allocate, too */
	int ringing;      /* record samples in a ring, for gate/ring.h */
	uint32_t stack;   /* bytes of stack to copy there with each */
	int patience;     /* ms to wait for a thread that is not disturbed */
};

struct gate_status {
	uint64_t base;    /* where the gate is mapped */
	uint64_t sampled, freed; /* addresses of the places for probes */
	size_t slots, functions; /* that are changed; that are wrapped */
	size_t hoisted;   /* addresses that threads had loaded before */
	uint64_t stop_ns; /* how long a thread was borrowed, the last time */
	pid_t holder;     /* who traces the process, or holds its gate: see gate_attach() */
};

/*
 * Map the gate into a process, and lead its slots through it.  A gate that an earlier
 * holder has left there is taken over; so is the copy that a forked process has of its
 * parent's, which goes on sampling without a break, unless it is to have a ring.  If it
 * fails because of another process, status->holder is that one.  *out is NULL if it fails.
 */
const char *gate_attach(struct gate **out, pid_t pid, const struct gate_options *o,
    struct gate_status *status);

/* Lead new slots through it: of libraries that were loaded since, and those that were
 * bound again.  Returns NULL too if there are none. */
const char *gate_refresh(struct gate *g);

/* Change the period, and renew the lease for some seconds: sampling ends by itself
 * when it is not renewed.  Returns -1 if the process is gone. */
int gate_set_period(struct gate *g, uint64_t period);
int gate_renew(struct gate *g, unsigned seconds);

/* Have the gate raise the period by itself, to two or four times, while more than so many
 * samples a second are drawn; 0: never.  Returns -1 if the process is gone. */
int gate_set_limit(struct gate *g, uint64_t samples);

/* Follow blocks as if they had been sampled: they have come before there was a gate, and
 * their ends are to be noticed.  Those for which there is no room count as full.  forget: the
 * other way round, they have been freed unnoticed. */
const char *gate_follow(struct gate *g, const uint64_t *block, size_t n, int forget);

/* Free the cells of threads that may have ended.  Countdowns begin anew, which makes no
 * difference.  Returns -1 if the process is gone. */
int gate_sweep(struct gate *g);

int gate_counters(const struct gate *g, struct gate_counters *out);

/* Returns the file of its ring, which closes with g; -1: there is none.  And how many
 * records it had no room for. */
int gate_ring(const struct gate *g);
uint64_t gate_lost(const struct gate *g);

void gate_status(const struct gate *g, struct gate_status *out);

/*
 * Restore the slots and free g.  The code stays mapped, since threads may be in it; its
 * memory is given back.  Slots that could not be restored still work.
 */
const char *gate_detach(struct gate *g);

/* Free g alone: the process has ended, or executes another program. */
void gate_free(struct gate *g);

#endif
