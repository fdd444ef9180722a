/*
 * A process, looked at from outside: abilities (doctor/check.h) that depend on
 * it, and on whose it is.
 */
#ifndef CHECK_PROCESS_H
#define CHECK_PROCESS_H

#include <sys/types.h>

struct caps;
struct check_process;
struct verdict;

/* NULL: out of memory. */
struct check_process *check_process_open(pid_t pid, const struct caps *me);
void check_process_close(struct check_process *p);

void check_process_perf(struct check_process *p, struct verdict *out);
void check_process_maps(struct check_process *p, struct verdict *out);
void check_process_memory(struct check_process *p, struct verdict *out);
void check_process_unwind(struct check_process *p, struct verdict *out);
void check_process_symbols(struct check_process *p, struct verdict *out);
void check_process_allocator(struct check_process *p, struct verdict *out);

#endif
