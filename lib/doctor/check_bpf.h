/*
 * Checks of BPF (doctor/check.h).  Each loads a small program like rsprof's
 * own, uses it on this process, and removes it.
 */
#ifndef CHECK_BPF_H
#define CHECK_BPF_H

#include <stdint.h>

struct caps;
struct verdict;

void check_bpf_load(const struct caps *me, struct verdict *out);
void check_bpf_ringbuf(const struct caps *me, struct verdict *out);
void check_bpf_loop(const struct caps *me, struct verdict *out);
void check_bpf_task(const struct caps *me, struct verdict *out);
void check_bpf_tracepoint(const struct caps *me, struct verdict *out);
void check_bpf_btf(const struct caps *me, struct verdict *out);
void check_bpf_walk(const struct caps *me, struct verdict *out);
void check_bpf_uprobe(const struct caps *me, struct verdict *out);
/* Have a program run at the uprobe at an offset of this program's file, in this process.
 * Returns a descriptor that keeps it there, or -1 with *out set. */
int check_bpf_probe(const struct caps *me, uint64_t offset, struct verdict *out);

void check_bpf_session(const struct caps *me, struct verdict *out);
void check_bpf_heap(const struct caps *me, struct verdict *out);

#endif
