/*
 * This process itself, for trying out probes and sampling.
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <stdint.h>

/* A function for uprobes, nothing but a nop and a return. */
void selftest_call(void);

/* A function that is a nop of 5 bytes and a return. */
void selftest_long_nop(void);

/* Find the offset of selftest_call(), or of another function of this program, in its
 * file.  Returns 0, or -1. */
#define SELFTEST_FILE "/proc/self/exe"
int selftest_offset(uint64_t *out);
int selftest_offset_of(void (*function)(void), uint64_t *out);

/* Use CPU time until done() returns 1, for a fifth of a second at most.  Returns what
 * done() has returned last. */
int selftest_spin(int (*done)(void *ctx), void *ctx);

#endif
