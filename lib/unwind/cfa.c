/*
 * A call frame program is a list of operations: most set where the CFA or a register
 * is from now on, some advance to a later instruction.  struct interpreter has the
 * state at the instruction that the program has come to (now), the state after the
 * CIE's own program (initial), and a stack of states that DW_CFA_remember_state has
 * saved.  Each time that the program advances, the state is emitted as a rule.
 */
#include "unwind/cfa.h"

#include "base/bytes.h"
#include "bpf/step.h"
#include "unwind/cfa_state.h"

#define REMEMBER 64

struct interpreter {
	struct cfa_state now, initial, saved[REMEMBER];
	int nsaved;
	const struct cfa_cie *cie;
	uint64_t at, end; /* file offsets */
	cfa_emit *emit;
	void *ctx;
};

/* Set where a caller's register is. */
static void
set(struct cfa_state *s, uint64_t reg, enum cfa_where where, int64_t n)
{
	struct cfa_register *r = cfa_state_register(s, reg);

	if (r)
		*r = (struct cfa_register){ where, n };
}

/* Reset a register to the state after the CIE's program. */
static void
restore(struct interpreter *m, uint64_t reg)
{
	struct cfa_register *r = cfa_state_register(&m->now, reg);

	if (r)
		*r = *cfa_state_register(&m->initial, reg);
}

/* Set the CFA to a register + n. */
static void
set_cfa(struct cfa_state *s, uint64_t reg, int64_t n)
{
	s->kind = CFA_REG;
	s->reg = reg;
	s->n = n;
}

/* Set where a register is by an expression. */
static void
set_by_expression(struct cfa_state *s, struct bytes *c, uint64_t reg)
{
	uint64_t len = bytes_uleb(c);
	const unsigned char *p = bytes_skip(c, len);
	struct cfa_register *r = cfa_state_register(s, reg);

	if (p && r)
		*r = cfa_state_saved(p, len);
}

/* Emit the rule that holds up to here, and advances. */
static void
advance(struct interpreter *m, uint64_t delta)
{
	uint64_t by = delta * m->cie->code_align;

	m->emit(m->ctx, m->at, cfa_state_rule(&m->now, m->cie->signal));
	if (by > m->end - m->at)
		by = m->end - m->at;
	m->at += by;
}

/* Returns a factored offset; a hostile one wraps around, as unsigned numbers do. */
static int64_t
times(uint64_t n, int64_t align)
{
	return (int64_t)(n * (uint64_t)align);
}

/* Execute an operation from 0x00 to 0x3f.  Returns -1 if it is unknown: then the rest
 * cannot be understood. */
static int
operate(struct interpreter *m, struct bytes *c, unsigned op)
{
	struct cfa_state *s = &m->now;
	int64_t d = m->cie->data_align;
	uint64_t a;

	switch (op) {
	case 0x00: /* nop */
		return 0;
	case 0x01: /* set_loc: not in position independent code */
		return -1;
	case 0x02: advance(m, bytes_take(c, 1)); return 0;
	case 0x03: advance(m, bytes_take(c, 2)); return 0;
	case 0x04: advance(m, bytes_take(c, 4)); return 0;
	case 0x05: /* offset_extended */
		a = bytes_uleb(c);
		set(s, a, CFA_SAVED, times(bytes_uleb(c), d));
		return 0;
	case 0x06: restore(m, bytes_uleb(c)); return 0;
	case 0x07: set(s, bytes_uleb(c), CFA_UNDEF, 0); return 0;
	case 0x08: set(s, bytes_uleb(c), CFA_SAME, 0); return 0;
	case 0x09: /* register */
		a = bytes_uleb(c);
		set(s, a, CFA_IN, (int64_t)bytes_uleb(c));
		return 0;
	case 0x0a: /* remember_state */
		if (m->nsaved == REMEMBER)
			return -1;
		m->saved[m->nsaved++] = *s;
		return 0;
	case 0x0b: /* restore_state */
		if (m->nsaved == 0)
			return -1;
		*s = m->saved[--m->nsaved];
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
			cfa_state_expression(s, c->p - a, a);
		return 0;
	case 0x10: /* expression */
		set_by_expression(s, c, bytes_uleb(c));
		return 0;
	case 0x11: /* offset_extended_sf */
		a = bytes_uleb(c);
		set(s, a, CFA_SAVED, times((uint64_t)bytes_sleb(c), d));
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
		set(s, a, CFA_ELSEWHERE, 0);
		return 0;
	case 0x16: /* val_expression */
		a = bytes_uleb(c);
		bytes_skip(c, bytes_uleb(c));
		set(s, a, CFA_ELSEWHERE, 0);
		return 0;
	case 0x2e: /* GNU_args_size */
		bytes_uleb(c);
		return 0;
	case 0x2f: /* GNU_negative_offset_extended */
		a = bytes_uleb(c);
		set(s, a, CFA_SAVED, times(-bytes_uleb(c), d));
		return 0;
	default:
		return -1;
	}
}

/* Execute a program.  Returns -1 if it cannot be understood. */
static int
execute(struct interpreter *m, const unsigned char *p,
    const unsigned char *end)
{
	struct bytes c = { p, end, 0 };

	while (c.p < c.end && !c.failed) {
		unsigned op = (unsigned)bytes_take(&c, 1), low = op & 0x3f;

		switch (op >> 6) {
		case 1: advance(m, low); break;
		case 2:
			set(&m->now, low, CFA_SAVED,
			    times(bytes_uleb(&c), m->cie->data_align));
			break;
		case 3: restore(m, low); break;
		default:
			if (operate(m, &c, op) < 0)
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
	struct interpreter m = { .cie = cie, .at = from, .end = from, .emit = emit,
		.ctx = ctx };

	m.now.kind = CFA_OTHER;
	m.now.ra.where = CFA_ELSEWHERE;
	if (execute(&m, cie->program, cie->end) < 0) {
		emit(ctx, from, STEP_RULE(STEP_BAD, 0, 0));
		return -1;
	}
	m.initial = m.now;
	m.nsaved = 0;
	m.end = to;
	if (execute(&m, program, stop) < 0) {
		emit(ctx, m.at, STEP_RULE(STEP_BAD, 0, 0));
		return -1;
	}
	if (m.at < to)
		emit(ctx, m.at, cfa_state_rule(&m.now, cie->signal));
	return 0;
}
