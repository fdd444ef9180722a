/*
 * Instructions of x86-64, decoded by Zydis.
 */
#include "elf/insn.h"

#include <Zydis/Zydis.h>
#include <string.h>

#define PROBE_INSNS 16 /* that are tried for a probe */

struct insn {
	ZydisDecodedInstruction is;
	ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
};

/* Decode the instruction that code begins with.  Returns 0, or -1 if it is none. */
static int
decode(const unsigned char *code, size_t len, struct insn *out)
{
	ZydisDecoder d;

	ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, code, len, &out->is,
	           out->operand))
	    ? 0
	    : -1;
}

static int
is_locked(const struct insn *in)
{
	return (in->is.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0;
}

/*
 * Returns whether it is a nop of 5 bytes, which must not be probed: from Linux 6.18 on
 * the kernel replaces it by a call into a page that fork() does not copy, and a forked
 * child that comes by dies of SIGSEGV.
 */
static int
is_nop5(const struct insn *in)
{
	return in->is.length == 5 && in->is.mnemonic == ZYDIS_MNEMONIC_NOP;
}

/* Returns whether the kernel emulates an instruction, by its first bytes: all
 * encodings that compilers use of the kinds in arch/x86/kernel/uprobes.c. */
static int
is_emulated(const unsigned char *code, const struct insn *in)
{
	unsigned char c = code[0];

	if (c == 0x41) /* push %r8 and so on */
		return in->is.length == 2 && code[1] >= 0x50 && code[1] <= 0x57;
	if (c == 0x0f) /* jcc of 32 bits */
		return code[1] >= 0x80 && code[1] <= 0x8f;
	return (c >= 0x50 && c <= 0x57) || (c >= 0x70 && c <= 0x7f) || c == 0x90 ||
	    c == 0xe8 || c == 0xe9 || c == 0xeb;
}

/* Returns whether an instruction may be followed by another one than the next. */
static int
is_branch(const struct insn *in)
{
	switch (in->is.meta.category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_INTERRUPT:
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_SYSRET:
		return 1;
	default:
		return 0;
	}
}

/* Returns the bit of insn.h that stands for a register, or 0. */
static unsigned
bit_of(ZydisRegister reg)
{
	switch (ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg)) {
	case ZYDIS_REGISTER_RDI: return INSN_ARG1;
	case ZYDIS_REGISTER_RSI: return INSN_ARG2;
	case ZYDIS_REGISTER_RDX: return INSN_ARG3;
	case ZYDIS_REGISTER_RCX: return INSN_ARG4;
	case ZYDIS_REGISTER_RSP: return INSN_STACK;
	default: return 0;
	}
}

/* Returns the bits of the registers that an instruction changes. */
static unsigned
changes(const struct insn *in)
{
	unsigned bits = 0;

	for (int i = 0; i < in->is.operand_count; i++) {
		const ZydisDecodedOperand *o = &in->operand[i];

		if (o->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    (o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			bits |= bit_of(o->reg.value);
	}
	return bits;
}

int
insn_probe(const unsigned char *code, size_t len, unsigned keep,
    struct insn_probe *out)
{
	size_t at = 0;
	int found = 0;

	for (int i = 0; i < PROBE_INSNS && at < len; i++) {
		struct insn in;

		if (decode(code + at, len - at, &in) < 0)
			break;
		if (is_emulated(code + at, &in)) {
			*out = (struct insn_probe){ at, 0 };
			return 0;
		}
		/* The kernel refuses a locked one. */
		if (!found && !is_locked(&in) && !is_nop5(&in)) {
			*out = (struct insn_probe){ at, 1 };
			found = 1;
		}
		if (is_branch(&in) || (changes(&in) & keep))
			break;
		at += in.is.length;
	}
	return found ? 0 : -1;
}

int
insn_marks(const unsigned char *code, size_t len)
{
	return len && code[0] == 0x90;
}

int
insn_may_be_stub(unsigned char first)
{
	return first == 0xe9 || first == 0x55;
}

int
insn_stub(const unsigned char *code, size_t len, long long *target)
{
	static const unsigned char frame[] = { 0x55, 0x48, 0x89, 0xe5, 0x5d };
	size_t at = 0;
	int to;

	if (len >= sizeof frame + 5 && memcmp(code, frame, sizeof frame) == 0)
		at = sizeof frame;
	if (len < at + 5 || code[at] != 0xe9)
		return 0;
	memcpy(&to, code + at + 1, sizeof to);
	*target = (long long)at + 5 + to;
	return 1;
}

/* ---- callees ------------------------------------------------------------ */

#define SMALL 1024    /* bytes: a jump that goes no farther stays inside */
#define BRANCHES 32   /* to be followed later */

/* The paths through a function: which of its bytes have been decoded, and where
 * branches lead that are still to be followed. */
struct gather {
	const unsigned char *code;
	size_t len; /* of the code that may be the function */
	uint64_t addr;
	unsigned char seen[SMALL];
	uint32_t todo[BRANCHES];
	size_t ntodo;
	struct insn_callee *out;
	size_t n, max;
};

/* Add a callee, if it is not there already. */
static void
add_callee(struct gather *g, uint64_t addr, int slot)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->out[i].addr == addr && g->out[i].slot == slot)
			return;
	if (g->n < g->max)
		g->out[g->n++] = (struct insn_callee){ addr, slot };
}

/* Add the callee of a call or jump, or, where that stays inside, a path to follow. */
static void
add_branch(struct gather *g, const struct insn *in, size_t at)
{
	const ZydisDecodedOperand *o = &in->operand[0];
	uint64_t next = g->addr + at + in->is.length, to;

	if (o->type == ZYDIS_OPERAND_TYPE_MEMORY && o->mem.base == ZYDIS_REGISTER_RIP)
		add_callee(g, next + (uint64_t)o->mem.disp.value, 1);
	if (o->type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return;
	to = next + (uint64_t)o->imm.value.s;
	if (in->is.meta.category == ZYDIS_CATEGORY_CALL || to - g->addr >= g->len)
		add_callee(g, to, 0);
	else if (g->ntodo < BRANCHES)
		g->todo[g->ntodo++] = (uint32_t)(to - g->addr);
}

/* Follow a path from an offset on, up to where the function does not go on. */
static void
follow(struct gather *g, size_t at)
{
	struct insn in;

	while (at < g->len && !g->seen[at] &&
	    decode(g->code + at, g->len - at, &in) == 0) {
		g->seen[at] = 1;
		if (is_branch(&in))
			add_branch(g, &in, at);
		if (in.is.meta.category == ZYDIS_CATEGORY_RET ||
		    in.is.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
		    in.is.meta.category == ZYDIS_CATEGORY_INTERRUPT)
			break;
		at += in.is.length;
	}
}

size_t
insn_callees(const unsigned char *code, size_t len, uint64_t addr,
    struct insn_callee *out, size_t max)
{
	struct gather g = { .code = code, .len = len < SMALL ? len : SMALL,
		.addr = addr, .out = out, .max = max };

	follow(&g, 0);
	while (g.ntodo)
		follow(&g, g.todo[--g.ntodo]);
	return g.n;
}

/* ---- references --------------------------------------------------------- */

static uint64_t
relative(const unsigned char *field, uint64_t next)
{
	int32_t d;

	memcpy(&d, field, sizeof d);
	return next + (uint64_t)(int64_t)d;
}

void
insn_references(const unsigned char *code, size_t len, uint64_t addr,
    void (*fn)(void *ctx, const struct insn_callee *to), void *ctx)
{
	for (size_t i = 0; i + 7 < len; i++) {
		const unsigned char *c = code + i;
		struct insn_callee to = { 0, 1 };

		if (c[0] == 0x67 && c[1] == 0xe8) /* addr32 call */
			to = (struct insn_callee){ relative(c + 2, addr + i + 6), 0 };
		else if (c[0] == 0xff && (c[1] == 0x15 || c[1] == 0x25)) /* call *, jmp * */
			to.addr = relative(c + 2, addr + i + 6);
		else if ((c[0] & 0xfb) == 0x48 && c[1] == 0x8b && (c[2] & 0xc7) == 5)
			to.addr = relative(c + 3, addr + i + 7); /* mov slot(%rip), %r64 */
		else
			continue;
		fn(ctx, &to);
	}
}

void
insn_branches(const unsigned char *code, size_t len, uint64_t addr,
    void (*fn)(void *ctx, const struct insn_callee *to), void *ctx)
{
	struct insn_callee to;
	int32_t distance;

	for (size_t i = 0; i + 6 <= len; i++) {
		size_t head = 0;

		if (code[i] == 0xe8 || code[i] == 0xe9) /* call, jmp */
			head = 1;
		else if (code[i] == 0x0f && (code[i + 1] & 0xf0) == 0x80) /* jcc */
			head = 2;
		else if (code[i] == 0xff && (code[i + 1] == 0x15 || code[i + 1] == 0x25))
			head = 2; /* call and jmp through a slot */
		if (head == 0)
			continue;
		memcpy(&distance, code + i + head, sizeof distance);
		to.addr = addr + i + head + 4 + (uint64_t)(int64_t)distance;
		to.slot = code[i] == 0xff;
		fn(ctx, &to);
	}
}
