#include "unwind/synth_state.h"

#include "bpf/step.h"

#define R11 11 /* its number in elf/x86_64/insn_effect.c */

/* Check whether n bytes are words, at least one and at most max. */
static int
is_words(int64_t n, int64_t max)
{
	return n >= 8 && n % 8 == 0 && n / 8 <= max;
}

/* Return where the caller's rbp is: words below the CFA, 0 if in rbp, or STEP_FP_LOST if
 * that is not known, as in parts of assembly that may use it as they like. */
static uint32_t
find_fp(const struct synth_state *s)
{
	int64_t best = -INT64_C(8) * (STEP_FP_MAX + 1);

	if (s->reg[INSN_FP].kind == SYNTH_CALLER_FP)
		return 0;
	for (uint32_t i = 0; i < s->nslot; i++)
		if (s->slot[i].base == SYNTH_CFA && s->slot[i].is.kind == SYNTH_CALLER_FP &&
		    s->slot[i].at > best && is_words(-(int64_t)s->slot[i].at, STEP_FP_MAX))
			best = s->slot[i].at;
	return -best / 8 <= STEP_FP_MAX ? (uint32_t)(-best / 8) : STEP_FP_LOST;
}

/* Find a word of the aligned stack that holds the CFA + n, at most `most' words above
 * or below (sign) what a register points to. */
static int
find_cfa(const struct synth_state *s, struct synth_value reg, int sign, int64_t n,
    int64_t *words)
{
	for (uint32_t i = 0; i < s->nslot && reg.kind == SYNTH_ALIGNED; i++) {
		const struct synth_slot *slot = &s->slot[i];
		int64_t at = sign * (slot->at - reg.n);

		if (slot->base == SYNTH_ALIGNED && slot->is.kind == SYNTH_CFA &&
		    slot->is.n == n && at >= 0 && at % 8 == 0 && at / 8 <= STEP_SAVED_MAX) {
			*words = at / 8;
			return 0;
		}
	}
	return -1;
}

/* Return the rule of a frame whose size stands in a word of it, or STEP_NONE's. */
static uint32_t
sized_rule(const struct synth_state *s, uint32_t rbp)
{
	struct synth_value sp = s->reg[INSN_SP];

	for (uint32_t i = 0; i < s->nslot && sp.kind == SYNTH_ALIGNED && sp.n == 0; i++) {
		const struct synth_slot *slot = &s->slot[i];

		if (slot->base == SYNTH_ALIGNED && slot->is.kind == SYNTH_SIZE &&
		    slot->is.n == -8 && slot->at >= 0 && slot->at % 8 == 0 &&
		    slot->at / 8 <= STEP_SAVED_MAX)
			return STEP_RULE(STEP_SAVED, (uint32_t)slot->at / 8 | STEP_SAVED_SIZE, rbp);
	}
	return STEP_RULE(STEP_NONE, 0, 0);
}

/* Return the rule of a frame that has a register at a known distance from the CFA. */
static uint32_t
near_rule(const struct synth_state *s, uint32_t fp)
{
	struct synth_value sp = s->reg[INSN_SP], bp = s->reg[INSN_FP];

	/* As compilers do: a frame pointer, if there is one. */
	if (bp.kind == SYNTH_CFA && bp.n == -16 && fp == 2)
		return STEP_RULE(STEP_FP, 2, 2);
	if (sp.kind == SYNTH_CFA && is_words(-sp.n, STEP_CFA_MAX))
		return STEP_RULE(STEP_SP, (uint32_t)(-sp.n / 8), fp);
	if (bp.kind == SYNTH_CFA && is_words(-bp.n, STEP_CFA_MAX))
		return STEP_RULE(STEP_FP, (uint32_t)(-bp.n / 8), fp);
	return STEP_RULE(STEP_NONE, 0, 0);
}

uint32_t
synth_state_rule(const struct synth_state *s)
{
	struct synth_value fp = s->reg[INSN_FP], r11 = s->reg[R11];
	uint32_t rbp = find_fp(s), rule;
	int64_t words;

	if (s->root)
		return STEP_RULE(STEP_ROOT, 0, 0);
	rule = near_rule(s, rbp);
	if (STEP_KIND(rule) != STEP_NONE)
		return rule;
	if (find_cfa(s, fp, -1, 0, &words) == 0 &&
	    synth_state_load(s, fp, 0).kind == SYNTH_CALLER_FP)
		return STEP_RULE(STEP_DEREF, (uint32_t)words, 0);
	if (find_cfa(s, s->reg[INSN_SP], 1, -8, &words) == 0)
		return STEP_RULE(STEP_SAVED, (uint32_t)words, rbp);
	if (r11.kind == SYNTH_CFA && is_words(-r11.n, STEP_CFA_MAX))
		return STEP_RULE(STEP_R11, (uint32_t)(-r11.n / 8), rbp);
	return sized_rule(s, rbp);
}

/* ---- checking a rule ------------------------------------------------------- */

/* Compare what a rule takes for the CFA, value + n, with the CFA. */
static int
is_cfa(struct synth_value v, int64_t n)
{
	return v.kind == SYNTH_CFA ? (v.n + n == 0 ? 1 : -1) : 0;
}

/* Check where a rule finds the caller's rbp. */
static int
agrees_fp(const struct synth_state *s, uint32_t rule)
{
	struct synth_value sp = s->reg[INSN_SP], fp = s->reg[INSN_FP];
	struct synth_value cfa = { .kind = SYNTH_CFA };
	int64_t at = -8 * (int64_t)STEP_FP_WORDS(rule);

	/* Popped already: see step_fp_at(). */
	if (at && (STEP_KIND(rule) == STEP_FP || sp.kind != SYNTH_CFA || at >= sp.n)) {
		fp = synth_state_load(s, cfa, at);
		return fp.kind == SYNTH_CALLER_FP ? 1 : sp.kind == SYNTH_CFA ? -1 : 0;
	}
	return fp.kind == SYNTH_CALLER_FP ? 1 : fp.kind == SYNTH_ANY ? 0 : -1;
}

int
synth_state_agrees(const struct synth_state *s, uint32_t rule)
{
	int64_t words = (int64_t)STEP_CFA(rule);
	struct synth_value v;
	int cfa;

	switch (STEP_KIND(rule)) {
	case STEP_SP: cfa = is_cfa(s->reg[INSN_SP], 8 * words); break;
	case STEP_FP: cfa = is_cfa(s->reg[INSN_FP], 8 * words); break;
	case STEP_R11: cfa = is_cfa(s->reg[R11], 8 * words); break;
	case STEP_SAVED:
		v = synth_state_load(s, s->reg[INSN_SP], 8 * words);
		cfa = is_cfa(v, 8);
		break;
	case STEP_DEREF:
		v = synth_state_load(s, s->reg[INSN_FP], -8 * words);
		cfa = is_cfa(v, 0);
		v = synth_state_load(s, s->reg[INSN_FP], 0);
		return cfa == 1 ? v.kind == SYNTH_CALLER_FP : cfa;
	case STEP_ROOT: return s->root;
	default: return 0;
	}
	return cfa == 1 ? agrees_fp(s, rule) : cfa;
}
