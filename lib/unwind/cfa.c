#include "unwind/cfa.h"

#include <string.h>

#include "base/bytes.h"
#include "bpf/step.h"

enum {
	REG_RBP = 6,
	REG_RSP = 7,
	REG_R11 = 11,
	REG_RA = 16
};

/* ---- the call frame program -------------------------------------------- */

enum where {
	W_SAME,  /* the register has the callee's value */
	W_CFA,   /* saved at CFA + n */
	W_RBP,   /* saved at rbp + n: an expression */
	W_UNDEF, /* no value: for the return address, no caller */
	W_OTHER
};

struct site {
	enum where where;
	int64_t n;
};

enum cfa_kind {
	CFA_REG,
	CFA_DEREF,  /* *(rbp + n) */
	CFA_SAVED,  /* *(rsp + n) + 8 */
	CFA_PLT,    /* n: where the second half of an entry begins */
	CFA_SIGNAL, /* *(rsp + 160) */
	CFA_OTHER
};

struct state {
	enum cfa_kind kind;
	uint64_t reg;
	int64_t n;
	struct site rbp, ra;
};

#define REMEMBER 64

struct machine {
	struct state now, initial, saved[REMEMBER];
	int nsaved;
	const struct cfa_cie *cie;
	uint64_t at, end; /* file offsets */
	cfa_emit *emit;
	void *ctx;
};

static int
words(int64_t n, int64_t max)
{
	return n >= 0 && n % 8 == 0 && n / 8 <= max;
}

static int64_t
negative(int64_t n)
{
	return n == INT64_MIN ? INT64_MAX : -n;
}

static uint32_t
rule(const struct state *s, const struct cfa_cie *cie)
{
	const uint32_t bad = STEP_RULE(STEP_BAD, 0, 0);
	uint32_t rbp = 0;

	if (s->ra.where == W_UNDEF)
		return STEP_RULE(STEP_ROOT, 0, 0);
	if (cie->signal)
		return s->kind == CFA_SIGNAL ? STEP_RULE(STEP_SIGNAL, 0, 0) : bad;
	if (s->ra.where != W_CFA || s->ra.n != -8)
		return bad;
	if (s->kind == CFA_DEREF)
		return s->rbp.where == W_RBP && s->rbp.n == 0 &&
		        words(negative(s->n), STEP_CFA_MAX)
		    ? STEP_RULE(STEP_DEREF, -s->n / 8, 0)
		    : bad;
	if (s->rbp.where == W_CFA && s->rbp.n < 0 && words(negative(s->rbp.n), STEP_FP_MAX))
		rbp = (uint32_t)(-s->rbp.n / 8);
	else if (s->rbp.where != W_SAME)
		return bad;
	if (s->kind == CFA_PLT)
		return STEP_RULE(STEP_PLT, s->n, 0);
	if (s->kind == CFA_SAVED && words(s->n, STEP_CFA_MAX))
		return STEP_RULE(STEP_SAVED, s->n / 8, rbp);
	if (s->kind != CFA_REG || !words(s->n, STEP_CFA_MAX))
		return bad;
	if (s->reg == REG_R11)
		return STEP_RULE(STEP_R11, s->n / 8, rbp);
	if (s->reg == REG_RSP)
		return STEP_RULE(STEP_SP, s->n / 8, rbp);
	return s->reg == REG_RBP ? STEP_RULE(STEP_FP, s->n / 8, rbp) : bad;
}

/* CFA expressions that compilers, linkers and glibc write. */
static void
cfa_expression(struct state *s, const unsigned char *p, size_t len)
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
		if (bytes_take(&c, 1) != 0x06 || c.failed)
			return;
		if (op == 0x76 && c.p == c.end) /* breg6+n, deref */
			s->kind = CFA_DEREF;
		else if (op == 0x77 && bytes_take(&c, 1) == 0x23 && bytes_take(&c, 1) == 8 &&
		    c.p == c.end && !c.failed) /* breg7+n, deref, plus 8 */
			s->kind = CFA_SAVED;
	}
}

static struct site *
place_of(struct state *s, uint64_t reg)
{
	return reg == REG_RBP ? &s->rbp : reg == REG_RA ? &s->ra : NULL;
}

static void
set(struct state *s, uint64_t reg, enum where where, int64_t n)
{
	struct site *p = place_of(s, reg);

	if (p) {
		p->where = where;
		p->n = n;
	}
}

static void
restore(struct machine *v, uint64_t reg)
{
	struct site *p = place_of(&v->now, reg);

	if (p)
		*p = *place_of(&v->initial, reg);
}

static void
set_cfa(struct state *s, uint64_t reg, int64_t n)
{
	s->kind = CFA_REG;
	s->reg = reg;
	s->n = n;
}

/* Register rules by expression: only "at rbp + n" is understood. */
static void
reg_expression(struct state *s, struct bytes *c, uint64_t reg)
{
	uint64_t len = bytes_uleb(c);
	struct bytes e = { c->p, c->p, 0 };

	bytes_skip(c, len);
	if (c->failed)
		return;
	e.end = c->p;
	if (bytes_take(&e, 1) == 0x76) {
		int64_t n = bytes_sleb(&e);

		set(s, reg, e.p == e.end && !e.failed ? W_RBP : W_OTHER, n);
	} else {
		set(s, reg, W_OTHER, 0);
	}
}

static void
advance(struct machine *v, uint64_t delta)
{
	uint64_t by = delta * v->cie->code_align;

	v->emit(v->ctx, v->at, rule(&v->now, v->cie));
	if (by > v->end - v->at)
		by = v->end - v->at;
	v->at += by;
}

/* Factored offsets; hostile ones wrap around, as unsigned numbers do. */
static int64_t
times(uint64_t n, int64_t align)
{
	return (int64_t)(n * (uint64_t)align);
}

/* Operations 0x00 to 0x3f.  -1: unknown, the rest cannot be understood. */
static int
operate(struct machine *v, struct bytes *c, unsigned op)
{
	struct state *s = &v->now;
	int64_t d = v->cie->data_align;
	uint64_t a;

	switch (op) {
	case 0x00: /* nop */
		return 0;
	case 0x01: /* set_loc: not in position independent code */
		return -1;
	case 0x02: advance(v, bytes_take(c, 1)); return 0;
	case 0x03: advance(v, bytes_take(c, 2)); return 0;
	case 0x04: advance(v, bytes_take(c, 4)); return 0;
	case 0x05: /* offset_extended */
		a = bytes_uleb(c);
		set(s, a, W_CFA, times(bytes_uleb(c), d));
		return 0;
	case 0x06: restore(v, bytes_uleb(c)); return 0;
	case 0x07: set(s, bytes_uleb(c), W_UNDEF, 0); return 0;
	case 0x08: set(s, bytes_uleb(c), W_SAME, 0); return 0;
	case 0x09: /* register */
		a = bytes_uleb(c);
		bytes_uleb(c);
		set(s, a, W_OTHER, 0);
		return 0;
	case 0x0a: /* remember_state */
		if (v->nsaved == REMEMBER)
			return -1;
		v->saved[v->nsaved++] = *s;
		return 0;
	case 0x0b: /* restore_state */
		if (v->nsaved == 0)
			return -1;
		*s = v->saved[--v->nsaved];
		return 0;
	case 0x0c: /* def_cfa */
		a = bytes_uleb(c);
		set_cfa(s, a, (int64_t)bytes_uleb(c));
		return 0;
	case 0x0d: /* def_cfa_register */
		s->reg = bytes_uleb(c);
		return 0;
	case 0x0e: /* def_cfa_offset */
		s->n = (int64_t)bytes_uleb(c);
		return 0;
	case 0x0f: /* def_cfa_expression */
		a = bytes_uleb(c);
		bytes_skip(c, a);
		if (!c->failed)
			cfa_expression(s, c->p - a, a);
		return 0;
	case 0x10: /* expression */
		reg_expression(s, c, bytes_uleb(c));
		return 0;
	case 0x11: /* offset_extended_sf */
		a = bytes_uleb(c);
		set(s, a, W_CFA, times((uint64_t)bytes_sleb(c), d));
		return 0;
	case 0x12: /* def_cfa_sf */
		a = bytes_uleb(c);
		set_cfa(s, a, times((uint64_t)bytes_sleb(c), d));
		return 0;
	case 0x13: /* def_cfa_offset_sf */
		s->n = times((uint64_t)bytes_sleb(c), d);
		return 0;
	case 0x14: /* val_offset */
	case 0x15: /* val_offset_sf */
		a = bytes_uleb(c);
		bytes_uleb(c);
		set(s, a, W_OTHER, 0);
		return 0;
	case 0x16: /* val_expression */
		a = bytes_uleb(c);
		bytes_skip(c, bytes_uleb(c));
		set(s, a, W_OTHER, 0);
		return 0;
	case 0x2e: /* GNU_args_size */
		bytes_uleb(c);
		return 0;
	case 0x2f: /* GNU_negative_offset_extended */
		a = bytes_uleb(c);
		set(s, a, W_CFA, times(-bytes_uleb(c), d));
		return 0;
	default:
		return -1;
	}
}

static int
execute(struct machine *v, const unsigned char *p,
    const unsigned char *end)
{
	struct bytes c = { p, end, 0 };

	while (c.p < c.end && !c.failed) {
		unsigned op = (unsigned)bytes_take(&c, 1), low = op & 0x3f;

		switch (op >> 6) {
		case 1: advance(v, low); break;
		case 2:
			set(&v->now, low, W_CFA,
			    times(bytes_uleb(&c), v->cie->data_align));
			break;
		case 3: restore(v, low); break;
		default:
			if (operate(v, &c, op) < 0)
				return -1;
		}
	}
	return c.failed ? -1 : 0;
}

int
cfa_run(const struct cfa_cie *cie, const unsigned char *program,
    const unsigned char *stop, uint64_t from, uint64_t to, cfa_emit *emit,
    void *ctx)
{
	/* A CIE's own program does not advance. */
	struct machine v = { .cie = cie, .at = from, .end = from, .emit = emit,
		.ctx = ctx };

	v.now.kind = CFA_OTHER;
	v.now.ra.where = W_OTHER;
	if (execute(&v, cie->program, cie->end) < 0) {
		emit(ctx, from, STEP_RULE(STEP_BAD, 0, 0));
		return -1;
	}
	v.initial = v.now;
	v.nsaved = 0;
	v.end = to;
	if (execute(&v, program, stop) < 0) {
		emit(ctx, v.at, STEP_RULE(STEP_BAD, 0, 0));
		return -1;
	}
	if (v.at < to)
		emit(ctx, v.at, rule(&v.now, cie));
	return 0;
}
