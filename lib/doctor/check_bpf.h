/*
 * Abilities of BPF (doctor/check.h): each probe loads a small program of the
 * kind that rsprof's own are, uses it on this process, and takes it back.
 */
#ifndef CHECK_BPF_H
#define CHECK_BPF_H

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
void check_bpf_session(const struct caps *me, struct verdict *out);

#endif
