/*
 * Samples the allocations of a producer's process inside of it, by the gate that
 * rsprof-guard(1) maps there, and emits notes about that.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include <stdint.h>

#include "gate/guard.h"

struct arming;
struct duty;

struct inside {
	/* Set by the owner. */
	struct arming *arming;
	struct duty *duty;
	int wanted;         /* the user asks for it */

	uint64_t period;    /* of struct duty, without the gate */
	int given;          /* `fixed' of struct duty, without the gate */
	char why[GUARD_LINE]; /* it cannot be, the last time that it was tried */
	struct guard guard; /* fd is -1 while nothing is sampled inside */
};

/* Sample inside the process from now on, if that is wanted.  Returns 0 if probes are to
 * be armed: if it is not, or cannot be; a note says why. */
int inside_begin(struct inside *in);

/* Returns whether the process is sampled inside. */
int inside_is_on(const struct inside *in);

/* Arm probes if nobody holds the gate any more. */
void inside_round(struct inside *in);

/* Have the process restored, and wait for that. */
void inside_end(struct inside *in);

#endif
