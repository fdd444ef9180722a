/*
 * Explain why another process may not be read.
 */
#ifndef PTRACE_ACCESS_H
#define PTRACE_ACCESS_H

#include <stdint.h>
#include <sys/types.h>

struct verdict;
struct caps;

/* Explain in *out why reading a process failed with an errno, where caps
 * (CAPS_...) would permit it whoever owns the process. */
void ptrace_access_read(const struct caps *me, pid_t pid, uint64_t caps, int error,
    struct verdict *out);

/* Explain in *out why process_vm_readv(2) failed with an errno. */
void ptrace_access_memory(const struct caps *me, pid_t pid, int error,
    struct verdict *out);

#endif
