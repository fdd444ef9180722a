/*
 * Puts unwind tables and mappings where the walk in the kernel finds them: into
 * the arena and the process map of bpf/walk.h.
 */
#ifndef WALK_MAPS_H
#define WALK_MAPS_H

#include <stdint.h>
#include <sys/types.h>

struct module;
struct addrspace;
struct walk_maps;

/* Take the descriptors of both BPF maps, which stay the caller's.  Returns NULL
 * with errno. */
struct walk_maps *walk_maps_new(int arena, int process);
void walk_maps_free(struct walk_maps *w);

/* Track a process: it counts as soon as its mappings are given, or from its next
 * execve(2) on.  Returns -1 with errno. */
int walk_maps_track(struct walk_maps *w, pid_t pid);

/* Returns the version that the mappings given next will have. */
uint32_t walk_maps_version(const struct walk_maps *w);

/*
 * Give the kernel the mappings of a tracked process, and the tables of their
 * modules that are ready and not there yet; processes share tables.  Sets *full
 * to a module whose table does not fit, whose stacks are copied as if it was
 * still being made, or to that of the first of too many mappings, else to NULL.
 * Returns -1 with errno; ESRCH: the process has ended.
 */
int walk_maps_put(struct walk_maps *w, const struct addrspace *s,
    const struct module **full);

/*
 * Big tables take long to copy: from now on a slice is copied by each
 * walk_maps_refresh(), and until all is there the kernel has the parts that have been
 * needed (unwind/early).
 */
void walk_maps_gradual(struct walk_maps *w);

/* Give the kernel the parts of tables that have been made since, for the mappings that
 * it has already, and a slice of a big table. */
void walk_maps_refresh(struct walk_maps *w);

/* Returns whether a process' mappings are to be given again, as a table has become
 * whole. */
int walk_maps_stale(struct walk_maps *w, pid_t pid);

/* Free what a process that has ended has there. */
void walk_maps_forget(struct walk_maps *w, pid_t pid);

#endif
