/*
 * Why another process may not be looked at.
 */
#ifndef PTRACE_ACCESS_H
#define PTRACE_ACCESS_H

#include <stdint.h>
#include <sys/types.h>

struct verdict;
struct caps;

/* Say why a look at a process was refused with this errno, where these
 * capabilities (PRIVILEGE_...) would permit it whosever it is. */
void ptrace_access_read(const struct caps *me, pid_t pid, uint64_t caps, int error,
    struct verdict *out);

/* The same of process_vm_readv(2). */
void ptrace_access_memory(const struct caps *me, pid_t pid, int error,
    struct verdict *out);

#endif
