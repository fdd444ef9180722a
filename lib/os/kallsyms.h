/*
 * Names of the running kernel's functions, from /proc/kallsyms.
 */
#ifndef KALLSYMS_H
#define KALLSYMS_H

#include <stdint.h>

struct kallsyms;

/*
 * Read the names, if the build-id is the running kernel's.  fd is /proc/kallsyms,
 * which is taken over, or -1: then it is opened.  The kernel shows addresses only to
 * a process that was permitted to see them when it opened the file.  NULL: *problem
 * says why, in a constant string.
 */
struct kallsyms *kallsyms_open(const char *buildid, int fd, const char **problem);
void kallsyms_close(struct kallsyms *k);

/* Returns the name of the function at an address, which lives as long as k; NULL:
 * none. */
const char *kallsyms_lookup(const struct kallsyms *k, uint64_t addr);

/* Copy the running kernel's build-id in hexadecimal, "" where it is not known, to out
 * of at least 129 bytes. */
void kallsyms_buildid(char *out);

#endif
