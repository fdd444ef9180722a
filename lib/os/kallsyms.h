/*
 * Names of the running kernel's functions, from /proc/kallsyms.
 */
#ifndef KALLSYMS_H
#define KALLSYMS_H

#include <stdint.h>

struct kallsyms;

/* NULL: *problem says why, in a constant string.  The build-id must be the
 * running kernel's.  fd is /proc/kallsyms, opened by somebody who may see
 * the addresses in it, or -1: what counts is who has opened it. */
struct kallsyms *kallsyms_open(const char *buildid, int fd, const char **problem);
void kallsyms_close(struct kallsyms *k);

/* The function at an address, living as long as k; NULL: none. */
const char *kallsyms_lookup(const struct kallsyms *k, uint64_t addr);

/* The running kernel's build-id in hexadecimal; "" where it is not known.
 * out has at least 129 bytes. */
void kallsyms_buildid(char *out);

#endif
