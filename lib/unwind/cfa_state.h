/*
 * The state of a call frame program at an instruction: how the CFA and the caller's
 * registers are found there; and the rule of bpf/step.h that says the same.  The
 * registers and expressions are the machine's: each has its functions in a folder.
 */
#ifndef CFA_STATE_H
#define CFA_STATE_H

#include <stddef.h>
#include <stdint.h>

/* Where a caller's register is. */
enum cfa_where {
	CFA_SAME,  /* in the register: it has the callee's value */
	CFA_SAVED, /* saved at CFA + n */
	CFA_BY_FP, /* saved at the frame pointer + n: an expression */
	CFA_UNDEF, /* nowhere: for the return address, there is no caller */
	CFA_IN,    /* in register n, by DWARF's number */
	CFA_ELSEWHERE
};

struct cfa_register {
	enum cfa_where where;
	int64_t n;
};

/* How the CFA is found; reg and n are numbers of struct cfa_state. */
enum cfa_kind {
	CFA_REG,    /* reg + n */
	CFA_DEREF,  /* *(reg + 8 * index + n) + more */
	CFA_PLT,    /* n: where the second half of an entry begins */
	CFA_SIGNAL, /* in the signal's context */
	CFA_OTHER
};

#define CFA_NO_INDEX UINT64_MAX

struct cfa_state {
	enum cfa_kind kind;
	uint64_t reg;
	int64_t n;
	uint64_t index; /* CFA_NO_INDEX: none */
	int64_t more;
	struct cfa_register fp, ra;
};

/* Returns fp or ra, by DWARF's number of a register.  NULL: it is neither, and does not
 * matter. */
struct cfa_register *cfa_state_register(struct cfa_state *s, uint64_t reg);

/* Set the CFA from an expression, if it is one that compilers, linkers and libcs
 * write, else to CFA_OTHER. */
void cfa_state_expression(struct cfa_state *s, const unsigned char *p, size_t len);

/* Returns where an expression says that a register is saved; only CFA_BY_FP is
 * understood. */
struct cfa_register cfa_state_saved(const unsigned char *p, size_t len);

/* Returns the rule; STEP_BAD's where no rule says the same.  signal: the frame is
 * that of a signal handler's restorer. */
uint32_t cfa_state_rule(const struct cfa_state *s, int signal);

#endif
