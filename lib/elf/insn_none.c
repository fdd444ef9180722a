/* Without a decoder of instructions: whatever asks is told that there is none. */
#include "elf/insn.h"

#include "elf/insn_effect.h"

int
insn_probe(const unsigned char *code, size_t len, unsigned keep, struct insn_probe *out)
{
	(void)code, (void)len, (void)keep, (void)out;
	return -1;
}

int
insn_marks(const unsigned char *code, size_t len)
{
	(void)code, (void)len;
	return 0;
}

int
insn_stub(const unsigned char *code, size_t len, long long *target)
{
	(void)code, (void)len, (void)target;
	return 0;
}

int
insn_may_be_stub(unsigned char first)
{
	(void)first;
	return 0;
}

size_t
insn_callees(const unsigned char *code, size_t len, uint64_t addr, struct insn_callee *out,
    size_t max)
{
	(void)code, (void)len, (void)addr, (void)out, (void)max;
	return 0;
}

void
insn_references(const unsigned char *code, size_t len, uint64_t addr,
    void (*fn)(void *ctx, const struct insn_callee *to), void *ctx)
{
	(void)code, (void)len, (void)addr, (void)fn, (void)ctx;
}

void
insn_branches(const unsigned char *code, size_t len, uint64_t addr,
    void (*fn)(void *ctx, const struct insn_callee *to), void *ctx)
{
	(void)code, (void)len, (void)addr, (void)fn, (void)ctx;
}

int
insn_effect(const unsigned char *code, size_t len, uint64_t addr, struct insn_effect *out)
{
	(void)code, (void)len, (void)addr, (void)out;
	return -1;
}

int
insn_outline(const unsigned char *code, size_t len, uint64_t addr, struct insn_effect *out)
{
	(void)code, (void)len, (void)addr, (void)out;
	return -1;
}

size_t
insn_filler(const unsigned char *code, size_t len)
{
	(void)code, (void)len;
	return 0;
}
