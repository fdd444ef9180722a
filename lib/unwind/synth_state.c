#include "unwind/synth_state.h"

#include <string.h>

#define FAR INT64_C(0x7fffffff) /* distances from the CFA that count */
#define TABLE_MOST 4096          /* entries of a jump table */

static const struct synth_value any;

/* ---- values -------------------------------------------------------------- */

static int
is_stack(struct synth_value v)
{
	return v.kind == SYNTH_CFA || v.kind == SYNTH_ALIGNED;
}

static int
same(struct synth_value a, struct synth_value b)
{
	return a.kind == b.kind && a.n == b.n && a.from == b.from && a.limit == b.limit;
}

/* Return v + n. */
static struct synth_value
plus(struct synth_value v, int64_t n)
{
	if (n == 0)
		return v;
	if (is_stack(v)) {
		if (n > FAR || n < -FAR || v.n + n > FAR || v.n + n < -FAR)
			return any;
		v.n += n;
		return v;
	}
	if (v.kind == SYNTH_LOW)
		return v;
	if (v.kind != SYNTH_CONSTANT)
		return any;
	v.n = (int64_t)((uint64_t)v.n + (uint64_t)n);
	return v;
}

/* Return a + b. */
static struct synth_value
sum(struct synth_value a, struct synth_value b)
{
	struct synth_value table = a.kind == SYNTH_ENTRY ? a : b;
	struct synth_value base = a.kind == SYNTH_ENTRY ? b : a;

	if (table.kind == SYNTH_ENTRY) {
		int64_t from = (int64_t)((uint64_t)base.n - (uint64_t)table.n);

		if (base.kind != SYNTH_CONSTANT || from != (int32_t)from)
			return any;
		table.kind = SYNTH_TARGET;
		table.from = (int32_t)from;
		return table;
	}
	if (a.kind == SYNTH_ALIGNED && b.kind == SYNTH_SIZE)
		return plus((struct synth_value){ .kind = SYNTH_CFA, .n = b.n }, a.n);
	return b.kind == SYNTH_CONSTANT ? plus(a, b.n)
	    : a.kind == SYNTH_CONSTANT  ? plus(b, a.n)
	                                : any;
}

/* Return a - b. */
static struct synth_value
difference(struct synth_value a, struct synth_value b)
{
	if (b.kind != SYNTH_CONSTANT || b.n == INT64_MIN)
		return any;
	return plus(a, -b.n);
}

/* ---- words of the stack --------------------------------------------------- */

static void
drop_slot(struct synth_state *s, uint32_t i)
{
	s->slot[i] = s->slot[--s->nslot];
}

/* Forget words that overlap len bytes. */
static void
forget(struct synth_state *s, uint8_t base, int64_t at, int64_t len)
{
	for (uint32_t i = 0; i < s->nslot;)
		if (s->slot[i].base == base && s->slot[i].at < at + len &&
		    s->slot[i].at + 8 > at)
			drop_slot(s, i);
		else
			i++;
}

/* Forget the words below the stack pointer: a callee may use them. */
static void
forget_below(struct synth_state *s)
{
	struct synth_value sp = s->reg[INSN_SP];

	for (uint32_t i = 0; is_stack(sp) && i < s->nslot;)
		if (s->slot[i].base == sp.kind && s->slot[i].at < sp.n)
			drop_slot(s, i);
		else
			i++;
}

/* Check whether a value is worth a slot. */
static int
is_kept(const struct synth_state *s, struct synth_value v)
{
	return v.kind == SYNTH_CALLER_FP || v.kind == SYNTH_SIZE ||
	    (v.kind == SYNTH_CFA && (v.n == 0 || v.n == -8)) ||
	    (is_stack(v) && same(v, s->reg[INSN_SP]));
}

/* Store len bytes at to + at. */
static void
store(struct synth_state *s, struct synth_value to, int64_t at, unsigned len,
    struct synth_value v)
{
	struct synth_value where = plus(to, at);

	if (!is_stack(where))
		return;
	forget(s, where.kind, where.n, len);
	if (len != 8 || !is_kept(s, v) || s->nslot == SYNTH_SLOTS)
		return;
	s->slot[s->nslot++] = (struct synth_slot){ where.kind, (int32_t)where.n, v };
}

struct synth_value
synth_state_load(const struct synth_state *s, struct synth_value to, int64_t at)
{
	struct synth_value where = plus(to, at);

	for (uint32_t i = 0; is_stack(where) && i < s->nslot; i++)
		if (s->slot[i].base == where.kind && s->slot[i].at == where.n)
			return s->slot[i].is;
	return any;
}

static void
push(struct synth_state *s, struct synth_value v)
{
	s->reg[INSN_SP] = plus(s->reg[INSN_SP], -8);
	store(s, s->reg[INSN_SP], 0, 8, v);
}

static struct synth_value
pop(struct synth_state *s)
{
	struct synth_value v = synth_state_load(s, s->reg[INSN_SP], 0);

	s->reg[INSN_SP] = plus(s->reg[INSN_SP], 8);
	return v;
}

/* ---- comparisons ----------------------------------------------------------- */

/* Forget what was compared and limited of the registers that change. */
static void
change(struct synth_state *s, unsigned bits)
{
	s->compared &= (uint16_t)~bits;
	s->limited &= (uint16_t)~bits;
	for (int i = 0; i < 2; i++)
		if (s->pair[i] != INSN_NOREG && (bits >> s->pair[i] & 1))
			s->pair[0] = s->pair[1] = INSN_NOREG;
}

/* Let a register be compared and limited as another one is, of which it has a copy. */
static void
follow(struct synth_state *s, unsigned to, unsigned from)
{
	if (s->compared >> from & 1)
		s->compared |= (uint16_t)(1U << to);
	if (s->limited >> from & 1)
		s->limited |= (uint16_t)(1U << to);
}

static void
set_limit(struct synth_state *s, uint64_t limit)
{
	if (limit == 0 || limit > TABLE_MOST || s->compared == 0)
		return;
	s->limited = s->compared;
	s->limit = (uint32_t)limit;
}

void
synth_state_branch(struct synth_state *s, unsigned condition, int met)
{
	unsigned a = s->pair[0], b = s->pair[1];

	switch (condition) {
	case INSN_ABOVE:
	case INSN_NOT_ABOVE:
		if (met == (condition == INSN_NOT_ABOVE))
			set_limit(s, s->number + 1);
		break;
	case INSN_BELOW:
	case INSN_NOT_BELOW:
		if (met == (condition == INSN_BELOW))
			set_limit(s, s->number);
		break;
	case INSN_EQUAL:
	case INSN_UNEQUAL:
		if (met != (condition == INSN_EQUAL) || a == INSN_NOREG)
			break;
		/* The end of a loop that makes a large frame. */
		if (a == INSN_SP && is_stack(s->reg[b]))
			s->reg[INSN_SP] = s->reg[b];
		else if (b == INSN_SP && is_stack(s->reg[a]))
			s->reg[INSN_SP] = s->reg[a];
		break;
	default: break;
	}
}

/* ---- instructions ----------------------------------------------------------- */

/* Forget the words of an aligned stack: what was below an earlier one, as in a loop, has
 * gone. */
static void
forget_slots(struct synth_state *s)
{
	for (uint32_t i = 0; i < s->nslot;)
		if (s->slot[i].base == SYNTH_ALIGNED)
			drop_slot(s, i);
		else
			i++;
}

/* Subtract a register from the stack pointer: its lowest bits and more, which aligns it.
 * The register has the size of the frame then. */
static struct synth_value
subtract(struct synth_state *s, const struct insn_effect *e, uint64_t addr)
{
	struct synth_value sp = s->reg[INSN_SP], aligned = { .kind = SYNTH_ALIGNED };

	if (e->dst != INSN_SP || e->src == INSN_NOREG || s->reg[e->src].kind != SYNTH_LOW)
		return difference(s->reg[e->dst], s->reg[e->src]);
	if (sp.kind != SYNTH_CFA || (s->aligned_at && s->aligned_at != addr))
		return any;
	s->aligned_at = addr;
	forget_slots(s);
	s->reg[e->src] = (struct synth_value){ .kind = SYNTH_SIZE, .n = sp.n };
	return aligned;
}

/* Align a register that points into the stack, or limit one that is an index. */
static struct synth_value
mask(struct synth_state *s, const struct insn_effect *e, uint64_t addr)
{
	struct synth_value v = s->reg[e->dst], aligned = { .kind = SYNTH_ALIGNED };

	if (e->n >= 0 && e->n < TABLE_MOST) {
		s->limited = (uint16_t)(1U << e->dst);
		s->limit = (uint32_t)e->n + 1;
	}
	if (v.kind == SYNTH_CFA && e->n > 0 && e->n < 4096)
		return (struct synth_value){ .kind = SYNTH_LOW };
	if (v.kind != SYNTH_CFA || e->n >= 0 || (e->n & 7))
		return any;
	if (s->aligned_at && s->aligned_at != addr)
		return any;
	s->aligned_at = addr;
	forget_slots(s);
	return aligned;
}

/* Return what is loaded from a table. */
static struct synth_value
entry(const struct synth_state *s, const struct insn_effect *e)
{
	struct synth_value base = { .kind = SYNTH_CONSTANT };

	if (e->src != INSN_NOREG)
		base = s->reg[e->src];
	base = plus(base, e->n);
	if (base.kind != SYNTH_CONSTANT)
		return any;
	base.kind = e->op == INSN_ENTRY ? SYNTH_ENTRY : SYNTH_POINTER;
	if (e->index != INSN_NOREG && (s->limited >> e->index & 1))
		base.limit = (uint16_t)s->limit;
	return base;
}

/* Return an index times 4. */
static struct synth_value
scale(const struct synth_state *s, const struct insn_effect *e)
{
	struct synth_value v = { .kind = SYNTH_OFFSET };

	if (e->index != INSN_NOREG && (s->limited >> e->index & 1))
		v.limit = (uint16_t)s->limit;
	return v;
}

/* Return what is loaded from a table by way of such an index. */
static struct synth_value
scaled_entry(const struct synth_state *s, const struct insn_effect *e)
{
	struct synth_value base = any, offset = any;

	if (e->src == INSN_NOREG || e->index == INSN_NOREG)
		return any;
	base = s->reg[e->src];
	offset = s->reg[e->index];
	if (base.kind == SYNTH_OFFSET) {
		base = offset;
		offset = s->reg[e->src];
	}
	if (base.kind != SYNTH_CONSTANT || offset.kind != SYNTH_OFFSET)
		return any;
	return (struct synth_value){ .kind = SYNTH_ENTRY, .limit = offset.limit, .n = base.n };
}

/* Return what an operation leaves in its destination. */
static struct synth_value
result(struct synth_state *s, const struct insn_effect *e, uint64_t addr)
{
	switch (e->op) {
	case INSN_SET:
	case INSN_ADDRESS: return (struct synth_value){ .kind = SYNTH_CONSTANT, .n = e->n };
	case INSN_COPY: return plus(s->reg[e->src], e->n);
	case INSN_SUM: return sum(s->reg[e->dst], s->reg[e->src]);
	case INSN_DIFFER: return subtract(s, e, addr);
	case INSN_MASK: return mask(s, e, addr);
	case INSN_LOAD: return synth_state_load(s, s->reg[e->src], e->n);
	case INSN_POP: return pop(s);
	case INSN_ENTRY:
	case INSN_ENTRY8: return entry(s, e);
	case INSN_SCALE: return scale(s, e);
	case INSN_SCALED: return scaled_entry(s, e);
	case INSN_SIGN: return s->reg[e->dst].kind == SYNTH_ENTRY ? s->reg[e->dst] : any;
	default: return any;
	}
}

/* Set the destination of an operation that has one. */
static void
operate(struct synth_state *s, const struct insn_effect *e, uint64_t addr)
{
	struct synth_value v = result(s, e, addr);
	unsigned bit = 1U << (e->dst & 15);

	if (e->dst == INSN_NOREG)
		return;
	if (e->op != INSN_MASK && !(e->op == INSN_PART && e->dst == e->src))
		change(s, bit);
	if (e->op == INSN_PART || (e->op == INSN_COPY && e->n == 0))
		follow(s, e->dst, e->src);
	s->reg[e->dst] = v;
}

static void
compare(struct synth_state *s, const struct insn_effect *e)
{
	if (e->op == INSN_COMPARED) {
		s->pair[0] = e->dst;
		s->pair[1] = e->src;
	} else if (e->src != INSN_NOREG) {
		s->compared = (uint16_t)(1U << e->src);
		s->number = (uint64_t)e->n;
	}
}

void
synth_state_apply(struct synth_state *s, const struct insn_effect *e, uint64_t addr)
{
	if (e->flags) {
		s->compared = 0;
		s->pair[0] = s->pair[1] = INSN_NOREG;
	}
	switch (e->op) {
	case INSN_OTHER: break;
	case INSN_STORE:
		store(s, s->reg[e->dst], e->n, e->size,
		    e->src == INSN_NOREG ? any : s->reg[e->src]);
		break;
	case INSN_PUSH: push(s, e->src == INSN_NOREG ? any : s->reg[e->src]); break;
	case INSN_ENTER:
		push(s, s->reg[INSN_FP]);
		s->reg[INSN_FP] = s->reg[INSN_SP];
		s->reg[INSN_SP] = plus(s->reg[INSN_SP], -e->n);
		break;
	case INSN_LEAVE:
		s->reg[INSN_SP] = s->reg[INSN_FP];
		s->reg[INSN_FP] = pop(s);
		break;
	case INSN_COMPARE:
	case INSN_COMPARED: compare(s, e); break;
	default: operate(s, e, addr);
	}
	if (e->writes)
		change(s, e->writes);
	for (unsigned i = 0; i < INSN_REGS && e->writes >> i; i++)
		if (e->writes >> i & 1)
			s->reg[i] = any;
	if (e->flow == INSN_CALL)
		forget_below(s);
}

/* ---- states ----------------------------------------------------------------- */

void
synth_state_entry(struct synth_state *s)
{
	memset(s, 0, sizeof *s);
	s->reg[INSN_SP] = (struct synth_value){ .kind = SYNTH_CFA, .n = -8 };
	s->reg[INSN_FP] = (struct synth_value){ .kind = SYNTH_CALLER_FP };
	s->pair[0] = s->pair[1] = INSN_NOREG;
}

int
synth_state_is_entry(const struct synth_state *s)
{
	return s->reg[INSN_SP].kind == SYNTH_CFA && s->reg[INSN_SP].n == -8 &&
	    s->reg[INSN_FP].kind == SYNTH_CALLER_FP;
}

int
synth_state_differs(const struct synth_state *a, const struct synth_state *b)
{
	struct synth_value x = a->reg[INSN_SP], y = b->reg[INSN_SP];

	return is_stack(x) && is_stack(y) && (x.kind != y.kind || x.n != y.n);
}

/* Return what two values have in common. */
static struct synth_value
common(struct synth_value a, struct synth_value b)
{
	if (a.kind != b.kind || a.n != b.n || a.from != b.from)
		return any;
	if (a.limit != b.limit)
		a.limit = 0;
	return a;
}

/* Keep the slots that are in both states.  Returns whether any has gone. */
static int
join_slots(struct synth_state *s, const struct synth_state *other)
{
	uint32_t n = s->nslot;

	for (uint32_t i = 0; i < s->nslot;) {
		uint32_t j = 0;

		while (j < other->nslot &&
		    (other->slot[j].base != s->slot[i].base ||
		        other->slot[j].at != s->slot[i].at ||
		        !same(other->slot[j].is, s->slot[i].is)))
			j++;
		if (j == other->nslot)
			drop_slot(s, i);
		else
			i++;
	}
	return n != s->nslot;
}

/* Forget all that is known in terms of what was aligned. */
static int
forget_aligned(struct synth_state *s)
{
	int changed = s->aligned_at != 0;

	s->aligned_at = 0;
	for (unsigned i = 0; i < INSN_REGS; i++)
		if (s->reg[i].kind == SYNTH_ALIGNED || s->reg[i].kind == SYNTH_SIZE)
			s->reg[i] = any;
	for (uint32_t i = 0; i < s->nslot;)
		if (s->slot[i].base == SYNTH_ALIGNED || s->slot[i].is.kind == SYNTH_ALIGNED ||
		    s->slot[i].is.kind == SYNTH_SIZE)
			drop_slot(s, i);
		else
			i++;
	return changed;
}

/* Join what is known of comparisons: only to find out how long tables are. */
static int
join_limits(struct synth_state *s, const struct synth_state *other)
{
	uint16_t limited = s->limited & other->limited;
	int changed = 0;

	if (s->compared != other->compared || s->number != other->number)
		s->compared = 0;
	if (s->pair[0] != other->pair[0] || s->pair[1] != other->pair[1])
		s->pair[0] = s->pair[1] = INSN_NOREG;
	if (s->limit != other->limit)
		limited = 0;
	changed = s->limited != limited;
	s->limited = limited;
	return changed;
}

int
synth_state_join(struct synth_state *s, const struct synth_state *other)
{
	int changed = 0;

	if (s->aligned_at != other->aligned_at)
		changed = forget_aligned(s);
	for (unsigned i = 0; i < INSN_REGS; i++) {
		struct synth_value v = common(s->reg[i], other->reg[i]);

		changed |= !same(v, s->reg[i]);
		s->reg[i] = v;
	}
	changed |= join_slots(s, other);
	changed |= join_limits(s, other);
	if (s->root && !other->root) {
		s->root = 0;
		changed = 1;
	}
	return changed;
}
