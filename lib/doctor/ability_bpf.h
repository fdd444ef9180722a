/*
 * Abilities of BPF (doctor/ability.h): each probe loads a small program of the
 * kind that rsprof's own are, uses it on this process, and takes it back.
 */
#ifndef ABILITY_BPF_H
#define ABILITY_BPF_H

struct ability;
struct ability_case;

void ability_bpf_load(const struct ability_case *c, struct ability *out);
void ability_bpf_ringbuf(const struct ability_case *c, struct ability *out);
void ability_bpf_loop(const struct ability_case *c, struct ability *out);
void ability_bpf_task(const struct ability_case *c, struct ability *out);
void ability_bpf_tracepoint(const struct ability_case *c, struct ability *out);
void ability_bpf_btf(const struct ability_case *c, struct ability *out);
void ability_bpf_walk(const struct ability_case *c, struct ability *out);
void ability_bpf_uprobe(const struct ability_case *c, struct ability *out);
void ability_bpf_session(const struct ability_case *c, struct ability *out);

#endif
