/*
 * Walks that are remembered: most allocations come from where others have come
 * from a moment before, and to see that a stack is the same takes a tenth of
 * what walking it does.  See bpf/trace.bpf.h for what is compared.
 *
 * The table has one place for each walk.  It is written and read without
 * locks: seq is odd while somebody writes, and a reader that finds it
 * changed has read nothing.
 */
#ifndef MEMO_BPF_H
#define MEMO_BPF_H

#define WALK_TRACED
#include "bpf/walk.bpf.h"

#define MEMO_SHIFT 14
#define MEMO_CHUNK 4096 /* bytes of the stack that are read at once */

struct memo {
	__u32 seq, n;
	__u64 pc, sp, bp; /* bp: only where bp_used */
	__u32 version, tid;
	__u32 bp_used, most;
	__u64 sum;
	__u64 value; /* what the walk's user has found */
	__u16 at[WALK_TRACE];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << MEMO_SHIFT);
	__type(key, __u32);
	__type(value, struct memo);
} memos SEC(".maps");

/* The top of a stack, by the key of the scratch area. */
struct memo_stack {
	__u64 word[MEMO_CHUNK / 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct memo_stack);
} memo_stacks SEC(".maps");

static __always_inline struct memo *
memo_of(const struct walk *w)
{
	__u64 h = (w->regs.pc ^ (__u64)w->out.version << 40) * 0x9e3779b97f4a7c15ULL;
	__u32 i;

	h = (h ^ w->regs.sp) * 0x9e3779b97f4a7c15ULL;
	i = (__u32)(h >> (64 - MEMO_SHIFT));
	return bpf_map_lookup_elem(&memos, &i);
}

/* Is the stack's part in w->regs as it was? */
static __always_inline int
memo_fits(const struct memo *m, const struct walk *w)
{
	return m->pc == w->regs.pc && m->sp == w->regs.sp &&
	    m->version == w->out.version && m->tid == w->trace.tid &&
	    (!m->bp_used || m->bp == w->regs.bp);
}

/* The sum of the words, as they are now. */
static __always_inline int
memo_sum(const struct memo *m, struct walk *w, __u32 key, __u64 *sum)
{
	struct memo_stack *s = bpf_map_lookup_elem(&memo_stacks, &key);
	__u32 n = m->n, bytes = (m->most + 1) * 8;
	__u64 all = 0, word;

	if (!s || n > WALK_TRACE)
		return -1;
	if (bytes > MEMO_CHUNK)
		bytes = MEMO_CHUNK;
	if (bpf_probe_read_user(s->word, bytes, (const void *)w->regs.sp))
		return -1;
	for (__u32 i = 0; i < WALK_TRACE; i++) {
		__u32 at;

		if (i >= n)
			break;
		at = m->at[i];
		if (at < MEMO_CHUNK / 8)
			word = s->word[at & (MEMO_CHUNK / 8 - 1)];
		else if (walk_read(w, w->regs.sp + 8 * (__u64)at, &word))
			return -1;
		all = trace_sum(all, word);
	}
	*sum = all;
	return 0;
}

/* What was found at the end of the walk from w->regs, if it has been made
 * and would be the same now; or 0. */
static __always_inline __u64
memo_find(struct walk *w, __u32 key)
{
	struct memo *m = memo_of(w);
	__u64 sum, value;
	__u32 seq;

	if (!m || w->returns)
		return 0;
	seq = *(volatile __u32 *)&m->seq;
	barrier();
	if ((seq & 1) || !memo_fits(m, w) || memo_sum(m, w, key, &sum))
		return 0;
	value = m->value;
	barrier();
	return sum == m->sum && *(volatile __u32 *)&m->seq == seq ? value : 0;
}

/* Remember what was found by the walk from `regs' that w has just made. */
static __always_inline void
memo_keep(struct walk *w, const struct step_regs *regs, __u64 value)
{
	struct walk_trace *t = &w->trace;
	struct memo *m;
	__u32 seq;

	w->regs = *regs;
	m = memo_of(w);
	if (!m || t->n > WALK_TRACE)
		return;
	seq = *(volatile __u32 *)&m->seq;
	if ((seq & 1) || __sync_val_compare_and_swap(&m->seq, seq, seq + 1) != seq)
		return;
	barrier();
	m->n = t->n;
	m->most = t->most;
	m->pc = regs->pc;
	m->sp = regs->sp;
	m->bp = regs->bp;
	m->bp_used = t->bp_used;
	m->version = w->out.version;
	m->tid = w->trace.tid;
	m->sum = t->sum;
	m->value = value;
	bpf_probe_read_kernel(m->at, sizeof m->at, t->at);
	barrier();
	*(volatile __u32 *)&m->seq = seq + 2;
}

#endif
