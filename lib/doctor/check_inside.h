/*
 * Whether allocations can be sampled inside a process of one's own, without BPF.
 */
#ifndef CHECK_INSIDE_H
#define CHECK_INSIDE_H

struct caps;
struct verdict;

void check_inside(const struct caps *me, struct verdict *out);

#endif
