/*
 * A process, looked at from outside: abilities (doctor/check.h) that depend on
 * it, and on whose it is.
 */
#ifndef CHECK_PROCESS_H
#define CHECK_PROCESS_H

#include <sys/types.h>

struct check;
struct check_case;
struct check_process;

struct check_process *check_process_open(pid_t pid); /* NULL: out of memory */
void check_process_close(struct check_process *p);

void check_process_perf(const struct check_case *c, struct check *out);
void check_process_maps(const struct check_case *c, struct check *out);
void check_process_memory(const struct check_case *c, struct check *out);
void check_process_unwind(const struct check_case *c, struct check *out);
void check_process_symbols(const struct check_case *c, struct check *out);
void check_process_allocator(const struct check_case *c, struct check *out);

#endif
