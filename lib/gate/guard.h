/*
 * Talking to rsprof-guard(1), which holds the gate of a process for us.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GUARD_LINE 512

struct guard_options {
	int all_callers; /* as in gate/gate.h */
	int ring;        /* samples go to a ring, */
	uint32_t stack;  /* with so many bytes of stack */
	int followed;    /* forked processes are looked after: they are restored when guard_stop()
	                    is called, not when the process ends */
};

struct guard {
	int fd; /* to its standard input and output; -1: none runs */
	pid_t pid;
	int starting; /* an answer is to come: guard_has_started() */
	char line[GUARD_LINE]; /* its last answer */
};

/* What it has answered to "attach". */
struct guard_gate {
	uint64_t base, sampled, freed; /* addresses: see gate/gate.h */
	int ring;                      /* its file, for gate/ring.h; -1: there is none */
};

/* Start the program at `path` for a process.  Returns -1 with errno. */
int guard_start(struct guard *g, const char *path, pid_t pid, const struct guard_options *o);

/* Bring a process that rsprof-exec(1) holds to the first instruction of its program, once
 * it is continued.  Returns NULL, or the reason against it. */
const char *guard_run_to_start(struct guard *g);

/* Returns whether it has got there (1, it is stopped then), or will not (-1: *why is the
 * reason); 0: it has not yet.  Does not wait. */
int guard_has_started(struct guard *g, const char **why);

/* Map the gate, and sample by a period (GATE_OFF: nothing).  Returns NULL, or the reason
 * against it, which lives until the next call.  out->ring is the caller's to close. */
const char *guard_attach(struct guard *g, uint64_t period, struct guard_gate *out);

/* Change the period.  Returns NULL, or the reason against it. */
const char *guard_set_period(struct guard *g, uint64_t period);

/* Have the gate raise the period by itself while more than so many samples a second are
 * drawn; 0: never.  Returns NULL, or the reason against it. */
const char *guard_set_limit(struct guard *g, uint64_t samples);

/* Returns whether it has ended: *why is the reason, which lives until the next call, or NULL
 * if it has told none, as when it was killed. */
int guard_has_ended(struct guard *g, const char **why);

/* Have the gate follow or forget n blocks, as gate_follow() does.  Returns NULL, or the
 * reason against it. */
const char *guard_follow(struct guard *g, const uint64_t *block, size_t n, int forget);

/* Have everything restored, and wait for that. */
void guard_stop(struct guard *g);

#endif
