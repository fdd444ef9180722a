/*
 * Unwind tables and mappings where the walk in the kernel finds them: the
 * arena and the process map of bpf/walk.h.
 */
#ifndef WALK_MAPS_H
#define WALK_MAPS_H

#include <stdint.h>
#include <sys/types.h>

struct module;
struct addrspace;
struct walk_maps;

/* The descriptors of the maps stay the caller's.  NULL with errno. */
struct walk_maps *walk_maps_new(int arena, int process);
void walk_maps_free(struct walk_maps *w);

/* Let a process count: as soon as its mappings are given, or from its next
 * execve(2) on.  -1 with errno. */
int walk_maps_track(struct walk_maps *w, pid_t pid);

/* The version that the next mappings to be given will have. */
uint32_t walk_maps_version(const struct walk_maps *w);

/*
 * Give the kernel a watched process' mappings as they are now, and the tables
 * of their modules that are ready and not there yet; tables are shared by
 * all processes.  Where a module does not fit, its stacks are copied as if
 * its table were still to come, and *full is set to it (else to NULL); where
 * the mappings are too many, to the module of the first one left out.
 * 0, or -1 with errno: ESRCH where the process has gone.
 */
int walk_maps_put(struct walk_maps *w, const struct addrspace *s,
    const struct module **full);

/* The process has gone. */
void walk_maps_forget(struct walk_maps *w, pid_t pid);

#endif
