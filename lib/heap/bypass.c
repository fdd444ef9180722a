#include "heap/bypass.h"

#include <stddef.h>

#include "elf/elf_file.h"
#include "elf/insn.h"

#define FUNCTIONS 4
#define CALLEES 16

/* Functions called by those in question, and how often code refers to each. */
struct callees {
	struct insn_callee callee[FUNCTIONS * CALLEES];
	unsigned by[FUNCTIONS * CALLEES];    /* set of functions in question that call it */
	unsigned references[FUNCTIONS * CALLEES];
	size_t n;
};

/* Add a callee of function number i. */
static void
add(struct callees *c, const struct insn_callee *callee, unsigned i)
{
	size_t at = 0;

	while (at < c->n &&
	    (c->callee[at].addr != callee->addr || c->callee[at].slot != callee->slot))
		at++;
	if (at == c->n)
		c->callee[c->n++] = *callee;
	c->by[at] |= 1U << i;
}

/* Count a call or jump, if it is to a callee. */
static void
on_branch(void *ctx, const struct insn_callee *to)
{
	struct callees *c = ctx;

	for (size_t i = 0; i < c->n; i++)
		if (c->callee[i].addr == to->addr && c->callee[i].slot == to->slot)
			c->references[i]++;
}

/* Returns whether function number i has a callee that only the functions in question call,
 * each once. */
static int
has_own(const struct callees *c, unsigned i)
{
	for (size_t j = 0; j < c->n; j++)
		if (c->by[j] >> i & 1 &&
		    c->references[j] <= (unsigned)__builtin_popcount(c->by[j]))
			return 1;
	return 0;
}

int
bypass_none(const struct elf_file *elf, const uint64_t *offset, unsigned n)
{
	struct callees c = { .n = 0 };
	struct insn_callee callee[CALLEES];
	struct elf_file_segment s;
	size_t len;
	const unsigned char *bytes = elf_file_bytes(elf, &len);
	uint64_t addr;

	for (unsigned i = 0; i < n; i++) {
		if (n > FUNCTIONS || offset[i] >= len ||
		    elf_file_offset_to_addr(elf, offset[i], &addr) < 0)
			return 0;
		for (size_t got = insn_callees(bytes + offset[i], len - offset[i], addr, callee,
		         CALLEES); got > 0; got--)
			add(&c, &callee[got - 1], i);
	}
	for (size_t i = 0; elf_file_exec_segment(elf, i, &s) == 0; i++)
		if (s.offset < len && s.len <= len - s.offset)
			insn_branches(bytes + s.offset, s.len, s.addr, on_branch, &c);
	for (unsigned i = 0; i < n; i++)
		if (!has_own(&c, i))
			return 0;
	return 1;
}
