/*
 * Unwind tables and mappings where the walk in the kernel finds them: the
 * arena and the process map of bpf/walk.h.
 */
#ifndef TABLES_H
#define TABLES_H

#include <stdint.h>
#include <sys/types.h>

struct module;
struct addrspace;
struct tables;

/* The descriptors of the maps stay the caller's.  NULL with errno. */
struct tables *tables_new(int arena, int process);
void tables_free(struct tables *t);

/* Let a process count: as soon as its mappings are given, or from its next
 * execve(2) on.  -1 with errno. */
int tables_watch(struct tables *t, pid_t pid);

/* The version that the next mappings to be given will have. */
uint32_t tables_version(const struct tables *t);

/*
 * Give the kernel a watched process' mappings as they are now, and the tables
 * of their modules that are ready and not there yet; tables are shared by
 * all processes.  Where a module does not fit, its stacks are copied as if
 * its table were still to come, and *full is set to it (else to NULL); where
 * the mappings are too many, to the module of the first one left out.
 * 0, or -1 with errno: ESRCH where the process has gone.
 */
int tables_put(struct tables *t, const struct addrspace *s,
    const struct module **full);

/* The process has gone. */
void tables_forget(struct tables *t, pid_t pid);

#endif
