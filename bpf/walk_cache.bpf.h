/*
 * A cache of walks: most allocations come from where others have come from a
 * moment before, and to see that a stack is the same takes a tenth of the time
 * that walking it does.
 *
 * A walk is a function of the registers, of the mappings, and of the words that
 * it reads: if they are the same, so is the stack.  Most of the words are return
 * addresses.  A saved frame pointer matters only where a later frame is found by
 * it: to most code it is a register like any other.  So each walk notes the words
 * that it depends on, in w->words, and a cache entry has their positions and a hash of
 * them: to look a walk up is to hash the words at the same positions again.
 *
 * The table has one entry for each hash of the first registers.  It is written and
 * read without locks: seq is odd while an entry is being written, and a reader that
 * finds seq changed has read nothing.
 *
 * A program calls walk_words_begin() before it walks, then walk_cache_keep(); or
 * walk_cache_find() in place of a walk.
 */
#ifndef WALK_CACHE_BPF_H
#define WALK_CACHE_BPF_H

#include "bpf/walk.bpf.h"

#define WALK_CACHE_SHIFT 14
#define WALK_CACHE_CHUNK 4096 /* bytes of the stack that are read at once */

struct walk_cached {
	__u32 seq, n;
	__u64 pc, sp, fp; /* fp: compared only where fp_used */
	__u32 version, tid;
	__u32 fp_used, most;
	__u64 sum;
	__u64 value; /* the caller's result of the walk */
	__u16 at[WALK_WORDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << WALK_CACHE_SHIFT);
	__type(key, __u32);
	__type(value, struct walk_cached);
} walk_cache SEC(".maps");

struct walk_chunk {
	__u64 word[WALK_CACHE_CHUNK / 8];
};

/* The top of a stack, by the key of the scratch area. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk_chunk);
} walk_chunks SEC(".maps");

/* ---- the words that a walk depends on ----------------------------------- */

/* Begin to note the words, for a walk from w->regs on. */
static __always_inline void
walk_words_begin(struct walk *w)
{
	struct walk_words *t = &w->words;

	t->sp = w->regs.sp;
	t->fp_from = 0;
	t->fp_used = t->fp_known = 0;
	t->n = t->sp & 7 ? WALK_WORDS + 1 : 0;
	t->most = 0;
	t->sum = 0;
}

/* Returns the hash of some words and one more. */
static __always_inline __u64
walk_words_sum(__u64 sum, __u64 word)
{
	sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
	return sum ^ sum >> 29;
}

/* Mark the walk as one that its words do not describe. */
static __always_inline void
walk_words_give_up(struct walk_words *t)
{
	t->n = WALK_WORDS + 1;
}

/* Note the word at addr. */
static __always_inline void
walk_words_add(struct walk *w, __u64 addr)
{
	struct walk_words *t = &w->words;
	__u64 at = (addr - t->sp) / 8, word;
	__u32 n = t->n;

	if (n >= WALK_WORDS || addr < t->sp || (addr & 7) || at > 0xffff ||
	    step_read(w, addr, &word)) {
		walk_words_give_up(t);
		return;
	}
	t->at[n] = (step_u16)at;
	t->n = n + 1;
	if (at > t->most)
		t->most = (__u32)at;
	t->sum = walk_words_sum(t->sum, word);
}

/* Note the frame pointer: the word that it was read from, or that it is used as it
 * was at first. */
static __always_inline void
walk_words_add_fp(struct walk *w)
{
	struct walk_words *t = &w->words;

	if (t->fp_known)
		return;
	t->fp_known = 1;
	if (t->fp_from)
		walk_words_add(w, t->fp_from);
	else
		t->fp_used = 1;
}

/* Note the words that a step from `before' by a rule has depended on; it ended with
 * `end'. */
static __always_inline void
walk_stepped(struct walk *w, step_u32 rule, const struct step_regs *before,
    enum step_end end)
{
	struct walk_words *t = &w->words;
	step_u32 kind = STEP_KIND(rule);
	__u64 cfa = w->regs.sp, from;

	if (t->n > WALK_WORDS || kind == STEP_NONE || kind == STEP_ROOT)
		return;
	if ((end != STEP_OK && end != STEP_END_ROOT) || !step_is_plain(rule)) {
		walk_words_give_up(t);
		return;
	}
	if (kind == STEP_FP)
		walk_words_add_fp(w);
	if (step_fp_at(rule, before->sp, cfa, &from)) {
		t->fp_from = from;
		t->fp_known = 0;
	}
	walk_words_add(w, step_return_at(rule, before->sp, cfa));
	if (end == STEP_END_ROOT)
		walk_words_add_fp(w);
}

/* ---- the cache ---------------------------------------------------------- */

/* Returns the entry for a walk from w->regs on, which may be of another one. */
static __always_inline struct walk_cached *
walk_cache_entry(const struct walk *w)
{
	__u64 h = (w->regs.pc ^ (__u64)w->out.version << 40) * 0x9e3779b97f4a7c15ULL;
	__u32 i;

	h = (h ^ w->regs.sp) * 0x9e3779b97f4a7c15ULL;
	i = (__u32)(h >> (64 - WALK_CACHE_SHIFT));
	return bpf_map_lookup_elem(&walk_cache, &i);
}

/* Compare all of an entry but its words. */
static __always_inline int
walk_cache_matches(const struct walk_cached *m, const struct walk *w)
{
	return m->pc == w->regs.pc && m->sp == w->regs.sp &&
	    m->version == w->out.version && m->tid == w->words.tid &&
	    (!m->fp_used || m->fp == w->regs.fp);
}

/* Set *sum to the hash of an entry's words as they are now.  Returns -1 if they
 * cannot be read. */
static __always_inline int
walk_cache_sum(const struct walk_cached *m, struct walk *w, __u32 key, __u64 *sum)
{
	struct walk_chunk *s = bpf_map_lookup_elem(&walk_chunks, &key);
	__u32 n = m->n, bytes = (m->most + 1) * 8;
	__u64 all = 0, word;

	if (!s || n > WALK_WORDS)
		return -1;
	if (bytes > WALK_CACHE_CHUNK)
		bytes = WALK_CACHE_CHUNK;
	if (bpf_probe_read_user(s->word, bytes, (const void *)w->regs.sp))
		return -1;
	for (__u32 i = 0; i < WALK_WORDS; i++) {
		__u32 at;

		if (i >= n)
			break;
		at = m->at[i];
		if (at < WALK_CACHE_CHUNK / 8)
			word = s->word[at & (WALK_CACHE_CHUNK / 8 - 1)];
		else if (step_read(w, w->regs.sp + 8 * (__u64)at, &word))
			return -1;
		all = walk_words_sum(all, word);
	}
	*sum = all;
	return 0;
}

/* Returns the value that was kept for the walk from w->regs on, if the walk would be
 * the same now; else 0. */
static __always_inline __u64
walk_cache_find(struct walk *w, __u32 key)
{
	struct walk_cached *m = walk_cache_entry(w);
	__u64 sum, value;
	__u32 seq;

	if (!m || w->returns)
		return 0;
	seq = *(volatile __u32 *)&m->seq;
	barrier();
	if ((seq & 1) || !walk_cache_matches(m, w) || walk_cache_sum(m, w, key, &sum))
		return 0;
	value = m->value;
	barrier();
	return sum == m->sum && *(volatile __u32 *)&m->seq == seq ? value : 0;
}

/* Keep a value (not 0) for the walk from `regs' that w has just made. */
static __always_inline void
walk_cache_keep(struct walk *w, const struct step_regs *regs, __u64 value)
{
	struct walk_words *t = &w->words;
	struct walk_cached *m;
	__u32 seq;

	w->regs = *regs;
	m = walk_cache_entry(w);
	if (!m || t->n > WALK_WORDS)
		return;
	seq = *(volatile __u32 *)&m->seq;
	if ((seq & 1) || __sync_val_compare_and_swap(&m->seq, seq, seq + 1) != seq)
		return;
	barrier();
	m->n = t->n;
	m->most = t->most;
	m->pc = regs->pc;
	m->sp = regs->sp;
	m->fp = regs->fp;
	m->fp_used = t->fp_used;
	m->version = w->out.version;
	m->tid = w->words.tid;
	m->sum = t->sum;
	m->value = value;
	bpf_probe_read_kernel(m->at, sizeof m->at, t->at);
	barrier();
	*(volatile __u32 *)&m->seq = seq + 2;
}

#endif
