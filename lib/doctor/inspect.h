/*
 * A process, looked at from outside: abilities (doctor/ability.h) that depend on
 * it, and on whose it is.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include <sys/types.h>

struct ability;
struct ability_case;
struct inspect;

struct inspect *inspect_open(pid_t pid); /* NULL: out of memory */
void inspect_close(struct inspect *p);

void inspect_perf(const struct ability_case *c, struct ability *out);
void inspect_maps(const struct ability_case *c, struct ability *out);
void inspect_memory(const struct ability_case *c, struct ability *out);
void inspect_unwind(const struct ability_case *c, struct ability *out);
void inspect_symbols(const struct ability_case *c, struct ability *out);
void inspect_allocator(const struct ability_case *c, struct ability *out);

#endif
