/*
 * Abilities of BPF (doctor/check.h): each probe loads a small program of the
 * kind that rsprof's own are, uses it on this process, and takes it back.
 */
#ifndef CHECK_BPF_H
#define CHECK_BPF_H

struct check;
struct check_case;

void check_bpf_load(const struct check_case *c, struct check *out);
void check_bpf_ringbuf(const struct check_case *c, struct check *out);
void check_bpf_loop(const struct check_case *c, struct check *out);
void check_bpf_task(const struct check_case *c, struct check *out);
void check_bpf_tracepoint(const struct check_case *c, struct check *out);
void check_bpf_btf(const struct check_case *c, struct check *out);
void check_bpf_walk(const struct check_case *c, struct check *out);
void check_bpf_uprobe(const struct check_case *c, struct check *out);
void check_bpf_session(const struct check_case *c, struct check *out);

#endif
