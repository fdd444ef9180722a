/*
 * Why another process may not be looked at.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdint.h>
#include <sys/types.h>

struct ability;
struct privilege;

/* Say why a look at a process was refused with this errno, where these
 * capabilities (PRIVILEGE_...) would permit it whosever it is. */
void access_read(const struct privilege *me, pid_t pid, uint64_t caps, int error,
    struct ability *out);

/* The same of process_vm_readv(2). */
void access_memory(const struct privilege *me, pid_t pid, int error,
    struct ability *out);

#endif
