/*
 * What a gate has counted in a process, read from outside.
 */
#ifndef TALLY_H
#define TALLY_H

#include <stdint.h>
#include <sys/types.h>

#include "gate/abi.h"

struct tally {
	struct gate_counters count; /* bytes: up to now, those of countdowns that go on too */
	uint64_t period;            /* in force */
};

/* Read what the gate that is mapped at `base` has counted.  Returns -1 with errno if the
 * process is gone. */
int tally_read(pid_t pid, uint64_t base, struct tally *out);

#endif
