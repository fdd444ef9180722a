/*
 * The clock that the gate's lease is told in.
 */
#ifndef TICKS_H
#define TICKS_H

#include <stdint.h>

uint64_t ticks_now(void); /* the time stamp counter */

#endif
