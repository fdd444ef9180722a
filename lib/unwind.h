/*
 * The step of bpf/step.h from frame to caller, over a copied stack.
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
};

void unwind_free(struct unwind_table *t); /* what is in it */

/* The rule for a file offset. */
uint32_t unwind_rule(const struct unwind_table *t, uint64_t offset);

/* A stack as the kernel copied it: len bytes from address sp on. */
struct unwind_stack {
	const void *bytes;
	uint64_t sp;
	size_t len;
};

/*
 * One step up from the frame in r, by its rule.  Where the stack cannot be
 * read because the copy is too short the end is STEP_END_MEMORY and *beyond
 * is set.  A signal frame may lead to another stack, which is not in the copy either.
 */
enum step_end unwind_step(uint32_t rule, const struct unwind_stack *s,
    struct step_regs *r, int *beyond);

#endif
