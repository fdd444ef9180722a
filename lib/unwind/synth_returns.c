/*
 * A function does not return if each path through its code ends in a trap, a call of
 * one that does not return, or a loop.  Whether it calls such a one is found out in the
 * same way, so the search goes down the calls until a path to a return is found.
 * Functions that it is in the middle of count as not returning: if there is a way out
 * of a recursion, another path shows it.  A "no" that rests on such a guess about a
 * function farther up (taint) is not kept.
 */
#include "unwind/synth_inside.h"

#define LEADERS 256 /* branches of one function that are followed */
#define DEPTH 48    /* calls that the search goes down */
#define LONG 4000   /* instructions of one function */
#define UNTAINTED UINT32_MAX
#define DOING 2     /* plus the depth: a function that the search is in */

/* A search through one function. */
struct search {
	uint64_t leader[LEADERS]; /* branches: followed, then to be followed */
	size_t n, next;
	unsigned count; /* of instructions */
	int returns;
};

/* Add a branch to those to be followed. */
static void
add_leader(struct search *f, uint64_t addr)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->leader[i] == addr)
			return;
	if (f->n < LEADERS)
		f->leader[f->n++] = addr;
	else
		f->returns = 1;
}

/* Check whether a call goes on behind it. */
static int
call_returns(struct synth *s, const struct insn_effect *e, uint64_t next)
{
	return !synth_call_stops(s, e, next) && !synth_ends(s, next);
}

/* Note where a jump leads, at which a path ends. */
static void
follow_jump(struct synth *s, struct search *f, const struct insn_effect *e)
{
	if (e->to == INSN_SLOT) {
		f->returns |= !synth_call_stops(s, e, 0);
	} else if (e->to != INSN_DIRECT) {
		f->returns = 1;
	} else if (synth_start_at(s, e->target) & SYNTH_FUNCTION) {
		f->returns |= synth_returns(s, e->target);
	} else {
		add_leader(f, e->target);
	}
}

/* Follow a path from an address on. */
static void
follow_path(struct synth *s, struct search *f, uint64_t addr)
{
	struct insn_effect e;
	size_t len;

	while (!f->returns) {
		const unsigned char *code = synth_code_at(s, addr, &len);

		if (++f->count > LONG || synth_spend(s) < 0) {
			f->returns = 1;
			return;
		}
		if (code == NULL || insn_outline(code, len, addr, &e) < 0)
			return;
		addr += e.len;
		switch (e.flow) {
		case INSN_RETURN: f->returns = 1; return;
		case INSN_STOP: return;
		case INSN_JUMP: follow_jump(s, f, &e); return;
		case INSN_BRANCH: add_leader(f, e.target); break;
		case INSN_CALL:
			if (!call_returns(s, &e, addr))
				return;
			break;
		default: break;
		}
		/* Another branch has been here. */
		if (e.flow != INSN_NEXT)
			for (size_t i = 0; i < f->next; i++)
				if (f->leader[i] == addr)
					return;
	}
}

/* Search a function for a way to return. */
static int
search(struct synth *s, uint64_t addr)
{
	struct search f = { .n = 0 };

	add_leader(&f, addr);
	while (f.next < f.n && !f.returns) {
		/* The newest first: it is the nearest to the end. */
		uint64_t last = f.leader[f.n - 1];

		f.leader[f.n - 1] = f.leader[f.next];
		f.leader[f.next++] = last;
		follow_path(s, &f, last);
	}
	return f.returns;
}

int
synth_call_stops(struct synth *s, const struct insn_effect *e, uint64_t next)
{
	uint64_t to;

	if (e->to == INSN_DIRECT)
		return e->target != next && !synth_returns(s, e->target);
	if (e->to != INSN_SLOT)
		return 0;
	return synth_slot_stops(s, e->target) ||
	    (synth_slot_function(s, e->target, &to) == 0 && !synth_returns(s, to));
}

int
synth_returns(struct synth *s, uint64_t addr)
{
	uint32_t known = idmap_get(&s->returns, addr), outer = s->taint;
	int returns;

	if (known != IDMAP_NONE && known >= DOING) {
		if (known - DOING < s->taint)
			s->taint = known - DOING;
		return 0;
	}
	if (known != IDMAP_NONE)
		return known != 0;
	if (s->depth >= DEPTH || s->failed)
		return 1;
	if (idmap_put(&s->returns, addr, DOING + s->depth) < 0) {
		s->failed = 1;
		return 1;
	}
	s->taint = UNTAINTED;
	s->depth++;
	returns = search(s, addr);
	s->depth--;
	if (returns)
		s->taint = UNTAINTED;
	if (returns || s->taint >= s->depth) {
		s->taint = UNTAINTED;
		idmap_put(&s->returns, addr, (uint32_t)returns);
	} else {
		idmap_delete(&s->returns, addr);
	}
	if (outer < s->taint)
		s->taint = outer;
	return returns;
}
