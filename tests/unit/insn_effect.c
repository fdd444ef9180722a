/*
 * The outline of an instruction and its full effect say the same of where execution goes
 * on, and fillers are instructions that do nothing: at each instruction of a library.
 */
#include <stdlib.h>

#include "elf/elf_file.h"
#include "elf/insn_effect.h"
#include "tap.h"

struct tally {
	size_t insns, direct, addresses, fillers, wrong;
};

/* Compare what an outline says. */
static int
agree(const struct insn_effect *a, const struct insn_effect *b)
{
	if (a->len != b->len || a->flow != b->flow)
		return 0;
	if (a->to == INSN_DIRECT || b->to == INSN_DIRECT || a->to == INSN_SLOT ||
	    b->to == INSN_SLOT)
		if (a->to != b->to || a->target != b->target)
			return 0;
	return (a->op == INSN_ADDRESS) == (b->op == INSN_ADDRESS) &&
	    (a->op != INSN_ADDRESS || a->n == b->n);
}

static void
compare(const unsigned char *code, size_t len, uint64_t addr, struct tally *y)
{
	struct insn_effect e, o;

	for (size_t at = 0; at < len; at += e.len) {
		int full = insn_effect(code + at, len - at, addr + at, &e);
		int outline = insn_outline(code + at, len - at, addr + at, &o);
		size_t filler = insn_filler(code + at, len - at);

		if (full < 0) {
			y->wrong += outline == 0;
			e.len = 1;
			continue;
		}
		y->insns++;
		y->direct += e.to == INSN_DIRECT;
		y->addresses += e.op == INSN_ADDRESS;
		y->fillers += filler != 0 && code[at] != 0;
		if (outline < 0 || !agree(&e, &o) ||
		    (filler && code[at] && (!e.filler || filler != e.len)))
			if (y->wrong++ < 5)
				printf("# at %zx: flow %u %u, to %u %u, op %u %u, filler %zu\n",
				    (size_t)(addr + at), e.flow, o.flow, e.to, o.to, e.op,
				    o.op, filler);
	}
}

int
main(void)
{
	const char *error;
	struct elf_file *file =
	    elf_file_open_path("/lib/x86_64-linux-gnu/libc.so.6", &error);
	struct elf_file_section s = { NULL, 0, 0, 0 };
	struct tally y = { 0 };

	if (file)
		s = elf_file_section(file, ".text");
	if (s.bytes)
		compare(s.bytes, s.len, s.addr, &y);
	ok(y.insns > 100000 && y.direct > 10000 && y.addresses > 1000 && y.fillers > 1000,
	    "%zu instructions, %zu direct jumps, %zu addresses, %zu fillers", y.insns,
	    y.direct, y.addresses, y.fillers);
	ok(y.wrong == 0, "outlines agree: %zu do not", y.wrong);
	elf_file_close(file);
	return tap_done();
}
