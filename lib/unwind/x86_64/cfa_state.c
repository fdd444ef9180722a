#include "unwind/cfa_state.h"

#include <string.h>

#include "base/bytes.h"
#include "bpf/step.h"

/* System V ABI AMD64, 3.7. */
enum {
	REG_RBP = 6,
	REG_RSP = 7,
	REG_R11 = 11,
	REG_RA = 16
};

/* DWARF 5, 7.7.1. */
enum {
	OP_DEREF = 0x06,
	OP_MUL = 0x1e,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_SHL = 0x24,
	OP_LIT3 = 0x33,
	OP_LIT8 = 0x38,
	OP_BREG0 = 0x70, /* breg0 to breg15: a register + n */
	OP_RBP = OP_BREG0 + REG_RBP,
	OP_BREG15 = OP_BREG0 + 15
};

/* STEP_REG_RULE's numbers of registers, by DWARF's. */
static const unsigned char leaf[] = { 10, 12, 11, 5, 13, 14, STEP_IN_RBP, STEP_IN_RSP, 9, 8, 7,
	STEP_IN_R11, 3, 2, 1, 0 };

static int
is_register(uint64_t reg)
{
	return reg < sizeof leaf;
}

struct cfa_register *
cfa_state_register(struct cfa_state *s, uint64_t reg)
{
	return reg == REG_RBP ? &s->fp : reg == REG_RA ? &s->ra : NULL;
}

/* Read a register + n.  Returns -1 if the next operation is none. */
static int
take_breg(struct bytes *c, uint64_t *reg, int64_t *n)
{
	unsigned op = (unsigned)bytes_take(c, 1);

	if (op < OP_BREG0 || op > OP_BREG15)
		return -1;
	*reg = op - OP_BREG0;
	*n = bytes_sleb(c);
	return c->failed ? -1 : 0;
}

/* Read an index that is added: a register times 8. */
static int
take_index(struct bytes *c, uint64_t *index)
{
	unsigned eight, times;
	int64_t n;

	if (take_breg(c, index, &n) < 0 || n != 0)
		return -1;
	eight = (unsigned)bytes_take(c, 1);
	times = (unsigned)bytes_take(c, 1);
	return !((eight == OP_LIT8 && times == OP_MUL) || (eight == OP_LIT3 && times == OP_SHL)) ||
	        bytes_take(c, 1) != OP_PLUS
	    ? -1
	    : 0;
}

/* Read what perlasm and GCC write: *(register + register * 8 + n) + more. */
static int
take_deref(struct cfa_state *s, struct bytes *c)
{
	s->index = CFA_NO_INDEX;
	s->more = 0;
	if (take_breg(c, &s->reg, &s->n) < 0)
		return -1;
	if (c->p < c->end && *c->p >= OP_BREG0 && *c->p <= OP_BREG15 &&
	    take_index(c, &s->index) < 0)
		return -1;
	if (bytes_take(c, 1) != OP_DEREF)
		return -1;
	if (c->p < c->end) {
		if (bytes_take(c, 1) != OP_PLUS_UCONST)
			return -1;
		s->more = (int64_t)bytes_uleb(c);
	}
	return c->failed || c->p != c->end ? -1 : 0;
}

void
cfa_state_expression(struct cfa_state *s, const unsigned char *p, size_t len)
{
	/* breg7+8, breg16+0, lit15, and, lit<n>, ge, lit3, shl, plus */
	static const unsigned char plt[] = { 0x77, 8, 0x80, 0, 0x3f, 0x1a };
	static const unsigned char plt2[] = { 0x2a, 0x33, 0x24, 0x22 };
	/* breg7+160, deref */
	static const unsigned char signal[] = { 0x77, 0xa0, 0x01, 0x06 };
	struct bytes c = { p, p + len, 0 };

	s->kind = CFA_OTHER;
	if (len == 11 && memcmp(p, plt, 6) == 0 && p[6] >= 0x30 && p[6] <= 0x3f &&
	    memcmp(p + 7, plt2, 4) == 0) {
		s->kind = CFA_PLT;
		s->n = p[6] - 0x30;
	} else if (len == 4 && memcmp(p, signal, 4) == 0) {
		s->kind = CFA_SIGNAL;
	} else if (take_deref(s, &c) == 0) {
		s->kind = CFA_DEREF;
	}
}

struct cfa_register
cfa_state_saved(const unsigned char *p, size_t len)
{
	struct cfa_register r = { CFA_ELSEWHERE, 0 };
	struct bytes c = { p, p + len, 0 };

	if (bytes_take(&c, 1) != OP_RBP)
		return r;
	r.n = bytes_sleb(&c);
	if (c.p == c.end && !c.failed)
		r.where = CFA_BY_FP;
	return r;
}

/* Returns whether n bytes are a number of words, at most max. */
static int
is_words(int64_t n, int64_t max)
{
	return n >= 0 && n % 8 == 0 && n / 8 <= max;
}

static int64_t
negative(int64_t n)
{
	return n == INT64_MIN ? INT64_MAX : -n;
}

/* Returns whether n bytes are a number of words from min to max. */
static int
is_between(int64_t n, int64_t min, int64_t max)
{
	return n % 8 == 0 && n / 8 <= max && n / 8 >= min;
}

/* Returns the rule of a CFA that is in memory. */
static uint32_t
deref_rule(const struct cfa_state *s, uint32_t rbp)
{
	uint64_t index = s->index == CFA_NO_INDEX ? REG_RSP : s->index;

	if (s->index == CFA_NO_INDEX && s->reg == REG_RBP && s->more == 0 &&
	    rbp == STEP_FP_THERE && is_words(negative(s->n), STEP_CFA_MAX))
		return STEP_RULE(STEP_DEREF, -s->n / 8, 0);
	if (s->index == CFA_NO_INDEX && s->reg == REG_RSP && s->more == 8 &&
	    is_words(s->n, STEP_SAVED_MAX))
		return STEP_RULE(STEP_SAVED, s->n / 8, rbp);
	if (!is_between(s->n, STEP_AT_MIN, STEP_AT_MAX) || !is_words(s->more, STEP_AT_MORE) ||
	    !is_register(s->reg) || !is_register(index))
		return STEP_RULE(STEP_BAD, 0, 0);
	return STEP_AT_RULE(leaf[s->reg], leaf[index], s->n / 8, s->more / 8, rbp);
}

/* Returns the rule of a CFA that is a register + n. */
static uint32_t
register_rule(const struct cfa_state *s, uint32_t rbp)
{
	if (is_words(s->n, STEP_CFA_MAX) && rbp != STEP_FP_THERE)
		switch (s->reg) {
		case REG_R11: return STEP_RULE(STEP_R11, s->n / 8, rbp);
		case REG_RSP: return STEP_RULE(STEP_SP, s->n / 8, rbp);
		case REG_RBP: return STEP_RULE(STEP_FP, s->n / 8, rbp);
		default: break;
		}
	if (!is_register(s->reg) || !is_between(s->n, -STEP_REG_MAX, STEP_REG_MAX))
		return STEP_RULE(STEP_BAD, 0, 0);
	return STEP_REG_RULE(STEP_REG, leaf[s->reg], s->n / 8, rbp);
}

/* Returns the rule of a frame whose return address is not at CFA - 8; STEP_BAD's where
 * none says the same. */
static uint32_t
elsewhere_rule(const struct cfa_state *s)
{
	/* setcontext(3), and where a context begins. */
	if (s->kind == CFA_REG && is_register(s->reg) && s->n == 0 &&
	    s->ra.where == CFA_SAVED && s->ra.n == STEP_UC_RIP && s->fp.where == CFA_SAVED &&
	    s->fp.n == STEP_UC_RBP)
		return STEP_REG_RULE(STEP_SIGNAL, leaf[s->reg], 0, STEP_CONTEXT_AT);
	/* vfork(2). */
	if (s->kind == CFA_REG && s->reg == REG_RSP && is_between(s->n, -STEP_REG_MAX, STEP_REG_MAX) &&
	    s->ra.where == CFA_IN && s->ra.n >= 0 && is_register((uint64_t)s->ra.n) &&
	    s->fp.where == CFA_SAME)
		return STEP_REG_RULE(STEP_SIGNAL, leaf[s->ra.n], s->n / 8, STEP_RETURN_IN);
	return STEP_RULE(STEP_BAD, 0, 0);
}

uint32_t
cfa_state_rule(const struct cfa_state *s, int signal)
{
	const uint32_t bad = STEP_RULE(STEP_BAD, 0, 0);
	uint32_t rbp = 0;

	if (s->ra.where == CFA_UNDEF)
		return STEP_RULE(STEP_ROOT, 0, 0);
	if (signal)
		return s->kind == CFA_SIGNAL ? STEP_RULE(STEP_SIGNAL, 0, STEP_BY_SP) : bad;
	if (s->ra.where != CFA_SAVED || s->ra.n != -8)
		return elsewhere_rule(s);
	if (s->fp.where == CFA_BY_FP && s->fp.n == 0)
		rbp = STEP_FP_THERE;
	else if (s->fp.where == CFA_SAVED && s->fp.n < 0 &&
	    is_words(negative(s->fp.n), STEP_FP_MAX))
		rbp = (uint32_t)(-s->fp.n / 8);
	else if (s->fp.where == CFA_IN && s->fp.n >= 0 && is_register((uint64_t)s->fp.n) &&
	    leaf[s->fp.n] < STEP_LEAF)
		rbp = STEP_FP_IN(leaf[s->fp.n]);
	else if (s->fp.where != CFA_SAME)
		rbp = STEP_FP_LOST;
	switch (s->kind) {
	case CFA_PLT: return STEP_RULE(STEP_PLT, s->n, 0);
	case CFA_DEREF: return deref_rule(s, rbp);
	case CFA_REG: return register_rule(s, rbp);
	default: return bad;
	}
}
