/*
 * What abilities are tried on: this process itself.
 */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <stdint.h>

/* A function for uprobes, nothing but a nop and a return: the file it is in,
 * and its place there (0, or -1 where it cannot be found). */
#define SELFTEST_FILE "/proc/self/exe"

int selftest_offset(uint64_t *out);
void selftest_call(void);

/* Use CPU time until done() says 1, for a fifth of a second at most.  Returns
 * what it said last. */
int selftest_spin(int (*done)(void *ctx), void *ctx);

#endif
