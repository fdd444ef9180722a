/*
 * Which words of the stack decide about a walk, noted while it is made.
 *
 * A walk is a function of the registers, of the mappings, and of the words
 * that it reads: the same of them, the same stack.  Most words are return
 * addresses.  A saved rbp counts only where a later frame is found by it: for
 * most of the code it is a register as any other, full of whatever.
 */
#ifndef TRACE_BPF_H
#define TRACE_BPF_H

static __always_inline void
trace_begin(struct walk *w)
{
	struct walk_trace *t = &w->trace;

	t->sp = w->regs.sp;
	t->bp_from = 0;
	t->bp_used = t->bp_known = 0;
	t->n = t->sp & 7 ? WALK_TRACE + 1 : 0;
	t->most = 0;
	t->sum = 0;
}

static __always_inline __u64
trace_sum(__u64 sum, __u64 word)
{
	sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
	return sum ^ sum >> 29;
}

static __always_inline void
trace_give_up(struct walk_trace *t)
{
	t->n = WALK_TRACE + 1;
}

/* This word counts. */
static __always_inline void
trace_word(struct walk *w, __u64 addr)
{
	struct walk_trace *t = &w->trace;
	__u64 at = (addr - t->sp) / 8, word;
	__u32 n = t->n;

	if (n >= WALK_TRACE || addr < t->sp || (addr & 7) || at > 0xffff ||
	    walk_read(w, addr, &word)) {
		trace_give_up(t);
		return;
	}
	t->at[n] = (step_u16)at;
	t->n = n + 1;
	if (at > t->most)
		t->most = (__u32)at;
	t->sum = trace_sum(t->sum, word);
}

/* rbp counts. */
static __always_inline void
trace_bp(struct walk *w)
{
	struct walk_trace *t = &w->trace;

	if (t->bp_known)
		return;
	t->bp_known = 1;
	if (t->bp_from)
		trace_word(w, t->bp_from);
	else
		t->bp_used = 1;
}

/* A step from `before' by a rule, which ended so. */
static __always_inline void
walk_trace(struct walk *w, step_u32 rule, const struct step_regs *before,
    enum step_end end)
{
	struct walk_trace *t = &w->trace;
	step_u32 kind = STEP_KIND(rule), at = STEP_RBP_AT(rule);
	__u64 cfa = w->regs.sp;

	if (t->n > WALK_TRACE || kind == STEP_NONE || kind == STEP_ROOT)
		return;
	if ((end != STEP_OK && end != STEP_END_ROOT) ||
	    (kind != STEP_RSP && kind != STEP_RBP && kind != STEP_PLT &&
	        kind != STEP_CLONE)) {
		trace_give_up(t);
		return;
	}
	if (kind == STEP_RBP)
		trace_bp(w);
	if (at && (kind == STEP_RBP || cfa - 8 * at >= before->sp)) {
		t->bp_from = cfa - 8 * at;
		t->bp_known = 0;
	}
	/* Where a thread begins there may be no return address. */
	trace_word(w, kind == STEP_CLONE ? before->sp : cfa - 8);
	if (end == STEP_END_ROOT)
		trace_bp(w);
}

#endif
