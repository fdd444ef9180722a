/*
 * Checks of a process (doctor/check.h), from outside: what can be read of it,
 * and what its files have for a profile.
 */
#ifndef CHECK_PROCESS_H
#define CHECK_PROCESS_H

#include <sys/types.h>

struct caps;
struct check_process;
struct verdict;

/* Returns a process to check, of which nothing is read yet; NULL if memory is
 * short.  me must outlive it.  close(NULL) is allowed. */
struct check_process *check_process_open(pid_t pid, const struct caps *me);
void check_process_close(struct check_process *p);

void check_process_perf(struct check_process *p, struct verdict *out);
void check_process_maps(struct check_process *p, struct verdict *out);
void check_process_memory(struct check_process *p, struct verdict *out);
void check_process_unwind(struct check_process *p, struct verdict *out);
void check_process_symbols(struct check_process *p, struct verdict *out);
void check_process_allocator(struct check_process *p, struct verdict *out);

#endif
