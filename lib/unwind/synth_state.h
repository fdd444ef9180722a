/*
 * What is known of registers and of the stack before an instruction, whatever the way
 * that led there: values in terms of the CFA and of the caller's registers.
 */
#ifndef SYNTH_STATE_H
#define SYNTH_STATE_H

#include <stdint.h>

#include "elf/insn_effect.h"

enum synth_kind {
	SYNTH_ANY,       /* unknown */
	SYNTH_CFA,       /* CFA + n */
	SYNTH_ALIGNED,   /* what has been aligned, + n */
	SYNTH_LOW,       /* the lowest bits of a stack address, plus a constant */
	SYNTH_SIZE,      /* CFA + n less what has been aligned by subtracting it */
	SYNTH_CALLER_FP, /* the caller's frame pointer */
	SYNTH_CONSTANT,  /* n */
	SYNTH_OFFSET,    /* an index times the size of an entry */
	SYNTH_ENTRY,     /* an entry of the table of offsets at n */
	SYNTH_TARGET,    /* such an entry, added to the table's address + from */
	SYNTH_POINTER    /* an entry of the table of addresses at n */
};

struct synth_value {
	uint8_t kind;
	uint16_t limit; /* of a table: how many entries it has, or 0: not known */
	int32_t from;   /* what its offsets are from, if not from the table itself */
	int64_t n;
};

/* A word of the stack, at SYNTH_CFA or SYNTH_ALIGNED + at. */
struct synth_slot {
	uint8_t base;
	int32_t at;
	struct synth_value is;
};

#define SYNTH_SLOTS 24

struct synth_state {
	struct synth_value reg[INSN_REGS];
	struct synth_slot slot[SYNTH_SLOTS];
	uint32_t nslot;
	uint8_t root;         /* it is the first frame: there is no caller */
	uint64_t aligned_at;  /* the instruction that has aligned the stack */

	/* The last comparison: registers with a number, or two registers. */
	uint16_t compared;
	uint8_t pair[2];      /* INSN_NOREG: not two registers */
	uint64_t number;
	/* Registers that are less than a limit. */
	uint16_t limited;
	uint32_t limit;
};

/* Set a state to that at a function's first instruction. */
void synth_state_entry(struct synth_state *s);

/* Check whether all is as at the first instruction, as far as the caller matters. */
int synth_state_is_entry(const struct synth_state *s);

/* Change a state by the instruction at an address. */
void synth_state_apply(struct synth_state *s, const struct insn_effect *e, uint64_t addr);

/* Add what follows from a branch's condition being met or not. */
void synth_state_branch(struct synth_state *s, unsigned condition, int met);

/* Reduce a state to what holds in another one, too.  Returns whether it changed. */
int synth_state_join(struct synth_state *s, const struct synth_state *other);

/* Check whether two states have the stack at different heights, for certain. */
int synth_state_differs(const struct synth_state *a, const struct synth_state *b);

/* Return what a word of the stack holds, `at' bytes from what a value points to. */
struct synth_value synth_state_load(const struct synth_state *s, struct synth_value to,
    int64_t at);

/* Return the rule of bpf/step.h by which the caller is found, or STEP_NONE's. */
uint32_t synth_state_rule(const struct synth_state *s);

/*
 * Check a rule against a state: 1 if the caller that it leads to is the one that the
 * state knows, -1 if it is another one, 0 where the state does not know.
 */
int synth_state_agrees(const struct synth_state *s, uint32_t rule);

#endif
