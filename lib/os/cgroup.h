/*
 * Control groups, as cgroups(7) has them, version 1 or 2.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdint.h>
#include <sys/types.h>

/* Returns how many bytes more a process may have resident before one of its groups is at its
 * limit, caches of files taken out; UINT64_MAX: there is no limit, or none that is known. */
uint64_t cgroup_room(pid_t pid);

#endif
