/*
 * A region is a function, or what stands where one might begin.  Its instructions are
 * decoded when a path comes to them, once.  A block begins wherever a branch leads,
 * with the state in which it is reached: if by several ways, with what they have in
 * common.  Blocks whose state has changed are followed again, until none has.  Then
 * each instruction gets a row.
 *
 * A path behind a call that turns out not to return has spoilt the states that it led
 * to: the region is begun again without it (restart).  Jumps through tables whose
 * address is lost on the way lead to the entries of all tables that the region uses.
 */
#include "unwind/synth_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define BLOCKS 16384
#define VISITS 200           /* of one block */
#define RESTARTS 1000
#define TABLES 64            /* of one region */
#define ENTRIES 4096         /* of one table */
#define STEPS_PER_BYTE 16    /* instructions followed, again and again */
#define INSIDE UINT32_MAX    /* a byte of an instruction that is not its first */

struct region_insn {
	struct insn_effect e;
	uint32_t at;
	uint32_t owner; /* the block that has come to it last */
	uint8_t fell;   /* a path has gone on behind this call */
	uint8_t stops;  /* it is a call that does not return */
};

struct region_block {
	uint32_t at;
	uint16_t visits;
	uint8_t queued;
	struct synth_state state;
};

struct synth_region {
	struct synth *s;
	uint64_t from;
	size_t len;
	const unsigned char *bytes;
	uint32_t *insn_at; /* for each byte: an instruction's number + 1, 0 or INSIDE */
	uint32_t *block_at; /* for each byte: a block's number + 1, or 0 */
	struct region_insn *insn;
	size_t ninsn, insn_room;
	struct region_block *block;
	size_t nblock, block_room;
	uint32_t *queue;
	size_t nqueue, queue_room;
	struct synth_value table[TABLES];
	unsigned char used[TABLES]; /* a jump is known to go by it */
	size_t ntable;
	uint32_t lost[TABLES]; /* blocks that end in jumps through lost tables */
	size_t nlost;
	struct synth_seed *out; /* where it leaves the region */
	size_t nout, out_room;
	uint64_t steps;
	int refused, restart, unresolved, emitting;
	int returns; /* it returns to its caller */
	int astray;  /* a return that may be to another place, or be made to be */
};

struct synth_region *
synth_region_new(struct synth *s)
{
	struct synth_region *r = calloc(1, sizeof *r);

	if (r)
		r->s = s;
	return r;
}

void
synth_region_free(struct synth_region *r)
{
	if (r == NULL)
		return;
	free(r->insn_at);
	free(r->block_at);
	free(r->insn);
	free(r->block);
	free(r->queue);
	free(r->out);
	free(r);
}

static int
is_over(const struct synth_region *r)
{
	return r->refused || r->restart || r->s->failed;
}

/* ---- instructions ---------------------------------------------------------- */

/* Mark the bytes of a new instruction.  Returns -1 if one begins among them. */
static int
mark(struct synth_region *r, size_t at, unsigned len)
{
	for (unsigned i = 1; i < len; i++)
		if (r->insn_at[at + i])
			return -1;
	for (unsigned i = 1; i < len; i++)
		r->insn_at[at + i] = INSIDE;
	r->insn_at[at] = (uint32_t)r->ninsn;
	return 0;
}

/* Return the instruction at an offset, or NULL where there is none.  Ones that overlap
 * make no sense. */
static struct region_insn *
insn(struct synth_region *r, size_t at)
{
	struct region_insn *i;
	uint32_t known = r->insn_at[at];

	if (known == INSIDE) {
		r->refused = 1;
		return NULL;
	}
	if (known)
		return &r->insn[known - 1];
	if (synth_spend(r->s) < 0)
		return NULL;
	if (array_room(&r->insn, r->ninsn, &r->insn_room, sizeof *r->insn) < 0) {
		r->s->failed = 1;
		return NULL;
	}
	i = &r->insn[r->ninsn];
	memset(i, 0, sizeof *i);
	if (insn_effect(r->bytes + at, r->len - at, r->from + at, &i->e) < 0)
		return NULL;
	i->at = (uint32_t)at;
	r->ninsn++;
	if (mark(r, at, i->e.len) < 0) {
		r->refused = 1;
		return NULL;
	}
	return i;
}

/* ---- blocks ------------------------------------------------------------------ */

static void
enqueue(struct synth_region *r, uint32_t b)
{
	if (r->block[b].queued)
		return;
	if (array_room(&r->queue, r->nqueue, &r->queue_room, sizeof *r->queue) < 0) {
		r->s->failed = 1;
		return;
	}
	r->block[b].queued = 1;
	r->queue[r->nqueue++] = b;
}

/* Begin a block.  If it was the middle of another one, that ends there now. */
static void
add_block(struct synth_region *r, size_t at, const struct synth_state *state)
{
	struct region_block *b;
	uint32_t known = r->insn_at[at];

	if (r->nblock == BLOCKS || known == INSIDE) {
		r->refused = 1;
		return;
	}
	if (array_room(&r->block, r->nblock, &r->block_room, sizeof *r->block) < 0) {
		r->s->failed = 1;
		return;
	}
	b = &r->block[r->nblock];
	b->at = (uint32_t)at;
	b->visits = 0;
	b->queued = 0;
	b->state = *state;
	r->block_at[at] = (uint32_t)++r->nblock;
	enqueue(r, (uint32_t)r->nblock - 1);
	if (known && r->insn[known - 1].owner < r->nblock - 1)
		enqueue(r, r->insn[known - 1].owner);
}

/* Let code be reached in a state. */
static void
reach(struct synth_region *r, size_t at, const struct synth_state *state)
{
	uint32_t b = r->block_at[at];

	if (b == 0)
		add_block(r, at, state);
	else if (synth_state_join(&r->block[b - 1].state, state))
		enqueue(r, b - 1);
}

/* Follow an edge to an address, here or outside. */
static void
leave_to(struct synth_region *r, uint64_t addr, const struct synth_state *state)
{
	if (r->emitting)
		return;
	if (addr >= r->from && addr - r->from < r->len) {
		reach(r, addr - r->from, state);
		return;
	}
	if (array_room(&r->out, r->nout, &r->out_room, sizeof *r->out) < 0) {
		r->s->failed = 1;
		return;
	}
	r->out[r->nout].addr = addr;
	r->out[r->nout++].state = *state;
}

/* ---- tables -------------------------------------------------------------------- */

/* Read an entry of a table: where it leads.  Returns -1 if that is no code here. */
static int
read_entry(struct synth_region *r, struct synth_value table, unsigned i, uint64_t *to)
{
	unsigned size = table.kind == SYNTH_POINTER ? 8 : 4;
	struct synth_range gap;
	int64_t word;

	if (synth_read(r->s, (uint64_t)table.n + (uint64_t)i * size, size, &word) < 0)
		return -1;
	*to = (uint64_t)word + (size == 4 ? (uint64_t)table.n + (uint64_t)(int64_t)table.from : 0);
	if (*to >= r->from && *to - r->from < r->len)
		return table.limit || r->insn_at[*to - r->from] != INSIDE ? 0 : -1;
	gap = synth_gap(r->s, *to);
	return table.limit && table.from == 0 && gap.end ? 0 : -1;
}

/* Return how many entries a table may have, as far as other addresses show. */
static unsigned
table_size(const struct synth_region *r, struct synth_value table)
{
	const struct synth_code *code = r->s->code;
	size_t next = array_upto(code->address, code->naddress, sizeof *code->address,
	    (uint64_t)table.n);
	unsigned size = table.kind == SYNTH_POINTER ? 8 : 4;
	uint64_t n = table.limit ? table.limit : ENTRIES;

	if (next < code->naddress &&
	    (code->address[next] - (uint64_t)table.n + size - 1) / size < n)
		n = (code->address[next] - (uint64_t)table.n + size - 1) / size;
	return (unsigned)n;
}

/* Follow a jump through a table.  Returns how many of its entries lead somewhere. */
static unsigned
jump_table(struct synth_region *r, struct synth_value table,
    const struct synth_state *state)
{
	unsigned n = table_size(r, table), i;
	uint64_t to;

	for (i = 0; i < n && !is_over(r) && read_entry(r, table, i, &to) == 0; i++)
		leave_to(r, to, state);
	return i;
}

static int
is_table(struct synth_value a, struct synth_value b)
{
	return a.n == b.n && a.from == b.from && a.kind == b.kind;
}

/* Add a table whose entries are read somewhere in the region. */
static void
add_table(struct synth_region *r, struct synth_value v)
{
	if (v.kind == SYNTH_ENTRY)
		v.kind = SYNTH_TARGET;
	for (size_t i = 0; i < r->ntable; i++)
		if (is_table(v, r->table[i])) {
			if (v.limit == 0 || r->table[i].limit == 0)
				r->table[i].limit = 0;
			return;
		}
	if (r->ntable == TABLES)
		return;
	r->used[r->ntable] = 0;
	r->table[r->ntable++] = v;
	for (size_t i = 0; i < r->nlost; i++)
		enqueue(r, r->lost[i]);
}

/* Note that a jump goes by a table of the region. */
static void
use_table(struct synth_region *r, struct synth_value v)
{
	for (size_t i = 0; i < r->ntable; i++)
		if (is_table(v, r->table[i]))
			r->used[i] = 1;
}

/* Return a table of the region as a jump may use it of which nothing is known: of
 * addresses, as interpreters have them of their labels, only those in the region count. */
static struct synth_value
any_table(struct synth_value v)
{
	if (v.kind == SYNTH_POINTER)
		v.limit = 0;
	return v;
}

/* Follow a jump by way of a table, nobody knows which: any of the region.  Where the
 * stack is as at the beginning it is more likely to be a call of another function, so
 * only tables count that no other jump goes by. */
static void
jump_lost(struct synth_region *r, uint32_t b, const struct synth_state *state)
{
	int entry = synth_state_is_entry(state);
	unsigned n = 0;
	size_t i = 0;

	while (i < r->nlost && r->lost[i] != b)
		i++;
	if (i == r->nlost && i < TABLES)
		r->lost[r->nlost++] = b;
	for (i = 0; i < r->ntable; i++)
		if ((r->table[i].kind == SYNTH_TARGET || !entry) && !(entry && r->used[i]))
			n += jump_table(r, any_table(r->table[i]), state);
	if (n == 0 && !entry)
		r->unresolved = 1;
}

/* ---- following ------------------------------------------------------------------ */

static void
follow_jump(struct synth_region *r, uint32_t b, const struct insn_effect *e,
    const struct synth_state *state)
{
	struct synth_value v = { .kind = SYNTH_ANY };

	if (e->to == INSN_DIRECT) {
		leave_to(r, e->target, state);
		return;
	}
	if (e->to == INSN_SLOT || r->emitting)
		return;
	if (e->to == INSN_REGISTER) {
		v = state->reg[e->src];
	} else if (e->to == INSN_TABLE) {
		v.kind = SYNTH_CONSTANT;
		if (e->src != INSN_NOREG)
			v = state->reg[e->src];
		v.kind = v.kind == SYNTH_CONSTANT ? SYNTH_POINTER : SYNTH_ANY;
		v.n += e->n;
		if (e->index != INSN_NOREG && (state->limited >> e->index & 1))
			v.limit = (uint16_t)state->limit;
	}
	if (v.kind == SYNTH_TARGET || v.kind == SYNTH_POINTER) {
		use_table(r, v);
		r->unresolved |= jump_table(r, v, state) == 0;
	} else if (v.kind == SYNTH_CONSTANT)
		leave_to(r, (uint64_t)v.n, state);
	else
		jump_lost(r, b, state);
}

/* Check a return: it makes no sense if it is not to the caller. */
static void
follow_return(struct synth_region *r, const struct synth_state *state)
{
	struct synth_value sp = state->reg[INSN_SP], fp = state->reg[INSN_FP];

	if (state->root)
		return;
	if (synth_state_is_entry(state))
		r->returns = 1;
	else
		r->astray = 1;
	if ((sp.kind == SYNTH_CFA && sp.n != -8) || sp.kind == SYNTH_ALIGNED)
		r->refused = 1;
	if (sp.kind == SYNTH_CFA && fp.kind != SYNTH_CALLER_FP && fp.kind != SYNTH_ANY)
		r->refused = 1;
}

/* Check whether an instruction writes over the return address. */
static int
overwrites_return(const struct insn_effect *e, const struct synth_state *state)
{
	struct synth_value to;
	int64_t at;

	if (e->op != INSN_STORE)
		return 0;
	to = state->reg[e->dst];
	at = to.n + e->n;
	return to.kind == SYNTH_CFA && at < 0 && at + e->size > -8;
}

/* Check whether a path ends with a call. */
static int
call_stops(const struct synth_region *r, const struct region_insn *i, uint64_t next)
{
	return i->stops || synth_call_stops(r->s, &i->e, next) || synth_ends(r->s, next);
}

/* Follow a call, given the state before it: the one behind goes to *state.  Returns 0
 * if the path ends. */
static int
follow_call(struct synth_region *r, struct region_insn *i, size_t next,
    const struct synth_state *before, struct synth_state *state)
{
	struct region_insn *then;
	size_t number = (size_t)(i - r->insn);
	uint32_t b;

	if (next >= r->len || call_stops(r, i, r->from + next)) {
		i->stops = 1;
		return 0;
	}
	b = r->emitting ? 0 : r->block_at[next];
	if (b && synth_state_differs(state, &r->block[b - 1].state)) {
		/* A branch says better than this how high the stack is there. */
		r->restart |= i->fell;
		i->stops = 1;
		return 0;
	}
	i->fell = 1;
	/* A function that makes a large frame keeps the register with its size. */
	then = insn(r, next);
	i = &r->insn[number];
	if (then && then->e.op == INSN_DIFFER && then->e.dst == INSN_SP)
		state->reg[then->e.src] = before->reg[then->e.src];
	return 1;
}

/* Check whether an instruction has made an entry of a table out of what it was given, or
 * has added one to where it is from. */
static int
reads_table(const struct insn_effect *e, const struct synth_state *state)
{
	if (e->op == INSN_SUM)
		return state->reg[e->dst].kind == SYNTH_TARGET && state->reg[e->dst].from;
	return (e->op == INSN_ENTRY || e->op == INSN_ENTRY8 || e->op == INSN_SCALED) &&
	    state->reg[e->dst].kind != SYNTH_ANY;
}

/* Execute an instruction of block b.  Returns 0 if the path ends. */
static int
execute(struct synth_region *r, uint32_t b, struct region_insn *i, size_t at,
    struct synth_state *state)
{
	struct insn_effect e = i->e;
	struct synth_state other;

	if (e.flow == INSN_CALL || e.flow == INSN_BRANCH)
		other = *state;
	r->astray |= overwrites_return(&e, state);
	synth_state_apply(state, &e, r->from + at);
	if (!r->emitting && reads_table(&e, state))
		add_table(r, state->reg[e.dst]);
	switch (e.flow) {
	case INSN_STOP: return 0;
	case INSN_RETURN: follow_return(r, state); return 0;
	case INSN_JUMP: follow_jump(r, b, &e, state); return 0;
	case INSN_CALL: return follow_call(r, i, at + e.len, &other, state);
	case INSN_BRANCH:
		synth_state_branch(&other, e.condition, 1);
		synth_state_branch(state, e.condition, 0);
		if (e.to == INSN_DIRECT)
			leave_to(r, e.target, &other);
		return 1;
	default: return 1;
	}
}

/* Follow a block to its end. */
static void
follow(struct synth_region *r, uint32_t b)
{
	struct synth_state state = r->block[b].state;
	size_t first = r->block[b].at, at = first;

	if (!r->emitting && ++r->block[b].visits > VISITS)
		r->refused = 1;
	while (at < r->len && !is_over(r)) {
		struct region_insn *i;

		if (at != first && r->block_at[at]) {
			if (!r->emitting)
				reach(r, at, &state);
			return;
		}
		i = insn(r, at);
		if (i == NULL || ++r->steps > (uint64_t)r->len * STEPS_PER_BYTE + 10000) {
			r->refused |= i != NULL;
			return;
		}
		i->owner = b;
		if (r->emitting) {
			synth_add_row(r->s, r->from + at, i->e.len, &state);
			synth_refer(r->s, &i->e, r->from + at + i->e.len);
		}
		at += i->e.len;
		if (!execute(r, b, i, at - i->e.len, &state))
			return;
	}
}

/* ---- regions ---------------------------------------------------------------------- */

/* Forget the blocks. */
static void
clear_blocks(struct synth_region *r)
{
	for (size_t i = 0; i < r->nblock; i++)
		r->block_at[r->block[i].at] = 0;
	r->nblock = 0;
}

/* Forget all of the region before: no more than there was, for a region may be much
 * longer than the code that is followed. */
static void
clear(struct synth_region *r)
{
	clear_blocks(r);
	for (size_t i = 0; i < r->ninsn; i++)
		memset(&r->insn_at[r->insn[i].at], 0, r->insn[i].e.len * sizeof *r->insn_at);
	r->ninsn = r->ntable = 0;
}

/* Prepare for a region.  Returns -1 if there is no code, or no memory. */
static int
begin(struct synth_region *r, uint64_t addr, uint64_t end)
{
	size_t len = 0;

	if (r->insn_at == NULL)
		r->insn_at = calloc(SYNTH_LONGEST, sizeof *r->insn_at);
	if (r->block_at == NULL)
		r->block_at = calloc(SYNTH_LONGEST, sizeof *r->block_at);
	if (r->insn_at == NULL || r->block_at == NULL)
		r->s->failed = 1;
	r->bytes = synth_code_at(r->s, addr, &len);
	if (r->bytes == NULL || r->s->failed)
		return -1;
	clear(r);
	r->from = addr;
	r->len = end - addr < len ? (size_t)(end - addr) : len;
	if (r->len > SYNTH_LONGEST)
		r->len = SYNTH_LONGEST;
	r->steps = 0;
	r->emitting = r->refused = 0;
	return 0;
}

/* Follow all there is, once.  Sets r->restart if that was in vain. */
static void
pass(struct synth_region *r, const struct synth_state *entry,
    const struct synth_seed *seed, size_t n)
{
	clear_blocks(r);
	r->nqueue = r->nout = r->nlost = 0;
	r->restart = r->unresolved = r->returns = r->astray = 0;
	for (size_t i = 0; i < r->ninsn; i++) {
		r->insn[i].owner = UINT32_MAX;
		r->insn[i].fell = 0;
	}
	if (entry)
		reach(r, 0, entry);
	for (size_t i = 0; i < n; i++)
		if (seed[i].addr >= r->from && seed[i].addr - r->from < r->len)
			reach(r, seed[i].addr - r->from, &seed[i].state);
	while (r->nqueue && !is_over(r)) {
		uint32_t b = r->queue[--r->nqueue];

		r->block[b].queued = 0;
		follow(r, b);
	}
}

enum synth_done
synth_region_run(struct synth_region *r, uint64_t addr, uint64_t end,
    const struct synth_state *entry, const struct synth_seed *seed, size_t n, int proof)
{
	int restarts = 0;

	if (begin(r, addr, end) < 0)
		return SYNTH_REFUSED;
	do
		pass(r, entry, seed, n);
	while (r->restart && !r->refused && !r->s->failed && ++restarts < RESTARTS);
	if (is_over(r))
		return SYNTH_REFUSED;
	if (proof && (r->unresolved || r->astray || !r->returns))
		return SYNTH_REFUSED;
	r->emitting = 1;
	for (uint32_t b = 0; b < r->nblock && !is_over(r); b++)
		follow(r, b);
	for (size_t i = 0; i < r->nout; i++)
		synth_reach(r->s, r->out[i].addr, &r->out[i].state);
	return r->unresolved ? SYNTH_UNRESOLVED : SYNTH_DONE;
}
