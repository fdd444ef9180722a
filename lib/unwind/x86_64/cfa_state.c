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

/* DW_OP_breg0 + n, DWARF 5, 7.7.1. */
enum {
	OP_RBP = 0x76,
	OP_RSP = 0x77,
	OP_DEREF = 0x06,
	OP_PLUS_UCONST = 0x23
};

struct cfa_register *
cfa_state_register(struct cfa_state *s, uint64_t reg)
{
	return reg == REG_RBP ? &s->fp : reg == REG_RA ? &s->ra : NULL;
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
	unsigned op;

	s->kind = CFA_OTHER;
	if (len == 11 && memcmp(p, plt, 6) == 0 && p[6] >= 0x30 && p[6] <= 0x3f &&
	    memcmp(p + 7, plt2, 4) == 0) {
		s->kind = CFA_PLT;
		s->n = p[6] - 0x30;
	} else if (len == 4 && memcmp(p, signal, 4) == 0) {
		s->kind = CFA_SIGNAL;
	} else {
		op = (unsigned)bytes_take(&c, 1);
		s->n = bytes_sleb(&c);
		if (bytes_take(&c, 1) != OP_DEREF || c.failed)
			return;
		if (op == OP_RBP && c.p == c.end)
			s->kind = CFA_DEREF;
		else if (op == OP_RSP && bytes_take(&c, 1) == OP_PLUS_UCONST &&
		    bytes_take(&c, 1) == 8 && c.p == c.end && !c.failed)
			s->kind = CFA_POPPED;
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

uint32_t
cfa_state_rule(const struct cfa_state *s, int signal)
{
	const uint32_t bad = STEP_RULE(STEP_BAD, 0, 0);
	uint32_t rbp = 0;

	if (s->ra.where == CFA_UNDEF)
		return STEP_RULE(STEP_ROOT, 0, 0);
	if (signal)
		return s->kind == CFA_SIGNAL ? STEP_RULE(STEP_SIGNAL, 0, 0) : bad;
	if (s->ra.where != CFA_SAVED || s->ra.n != -8)
		return bad;
	if (s->kind == CFA_DEREF)
		return s->fp.where == CFA_BY_FP && s->fp.n == 0 &&
		        is_words(negative(s->n), STEP_CFA_MAX)
		    ? STEP_RULE(STEP_DEREF, -s->n / 8, 0)
		    : bad;
	if (s->fp.where == CFA_SAVED && s->fp.n < 0 &&
	    is_words(negative(s->fp.n), STEP_FP_MAX))
		rbp = (uint32_t)(-s->fp.n / 8);
	else if (s->fp.where != CFA_SAME)
		return bad;
	if (s->kind == CFA_PLT)
		return STEP_RULE(STEP_PLT, s->n, 0);
	if (s->kind == CFA_POPPED && is_words(s->n, STEP_CFA_MAX))
		return STEP_RULE(STEP_SAVED, s->n / 8, rbp);
	if (s->kind != CFA_REG || !is_words(s->n, STEP_CFA_MAX))
		return bad;
	switch (s->reg) {
	case REG_R11: return STEP_RULE(STEP_R11, s->n / 8, rbp);
	case REG_RSP: return STEP_RULE(STEP_SP, s->n / 8, rbp);
	case REG_RBP: return STEP_RULE(STEP_FP, s->n / 8, rbp);
	default: return bad;
	}
}
