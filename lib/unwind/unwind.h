/*
 * Unwind tables, and the step of bpf/step.h from frame to caller over a copied
 * stack.
 */
#ifndef UNWIND_H
#define UNWIND_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/step.h"

struct unwind_table {
	struct step_row *row; /* by offset, ascending */
	uint32_t *page;       /* npage + 1 entries, see bpf/step.h */
	uint32_t nrow, npage;
	uint32_t base;        /* file offset of page 0, a multiple of 256 */
	uint32_t skipped;     /* entries that made no sense */
	/* Bytes of code, but for padding: with entries of unwind information, with rows
	 * that were made from the code itself, with none. */
	uint32_t listed, made, bare;
	int apart; /* separate debug information has been read, too */
};

/* Free what is in a table, and zero it. */
void unwind_free(struct unwind_table *t);

/* Make the page index (page, npage, base) for the rows.  Returns -1: out of memory. */
int unwind_index(struct unwind_table *t);

/* Returns the rule for a file offset. */
uint32_t unwind_rule(const struct unwind_table *t, uint64_t offset);

/*
 * A stack as the kernel copied it: len bytes from address sp on, and further parts of
 * it, of which only these three members count.  more() reads 8 bytes of the target that
 * are not all among them, and returns -1 where it cannot.  NULL: the copy is all there
 * is.
 */
struct unwind_stack {
	const void *bytes;
	uint64_t sp;
	size_t len;
	int (*more)(void *ctx, uint64_t addr, uint64_t *out);
	void *ctx;
	const struct unwind_stack *next; /* a further part, or NULL */
	const struct step_leaf *leaf; /* registers of the first frame; NULL: not known */
};

/* The code that is known: mapped() returns whether an address is in it, read() reads 8
 * bytes of it and returns 0, or -1. */
struct unwind_code {
	int (*mapped)(void *ctx, uint64_t addr);
	int (*read)(void *ctx, uint64_t addr, uint64_t *out);
	void *ctx;
};

/*
 * Step from the frame in r to its caller by a rule.  Where the stack cannot be
 * read because the copy is too short, and there is no more(), the end is
 * STEP_END_MEMORY and *beyond is set.  A signal frame may lead to another
 * stack, which is not in the copy either.
 */
enum step_end unwind_step(uint32_t rule, const struct unwind_stack *s,
    const struct unwind_code *code, struct step_regs *r, int *beyond);

#endif
