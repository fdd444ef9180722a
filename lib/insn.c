#include "insn.h"

#include <Zydis/Zydis.h>
#include <string.h>

#define STEPS_MOST 16 /* instructions to look at */

struct insn {
	ZydisDecodedInstruction is;
	ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
};

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

/* One of those that the kernel emulates: all of their encodings that compilers
 * use, by their first bytes. */
static int
is_emulated(const unsigned char *code, const struct insn *in)
{
	unsigned char c = code[0];

	if (c == 0x41) /* push %r8 and so on */
		return in->is.length == 2 && code[1] >= 0x50 && code[1] <= 0x57;
	if (c == 0x0f) /* jcc of 32 bits, and nop of several bytes */
		return (code[1] >= 0x80 && code[1] <= 0x8f) ||
		    (code[1] == 0x1f && in->is.length == 5);
	return (c >= 0x50 && c <= 0x57) || (c >= 0x70 && c <= 0x7f) || c == 0x90 ||
	    c == 0xe8 || c == 0xe9 || c == 0xeb;
}

/* Does what follows not simply follow? */
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

/* What an instruction changes. */
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
insn_place(const unsigned char *code, size_t len, unsigned keep,
    struct insn_place *out)
{
	size_t at = 0;
	int found = 0;

	for (int i = 0; i < STEPS_MOST && at < len; i++) {
		struct insn in;

		if (decode(code + at, len - at, &in) < 0)
			break;
		if (is_emulated(code + at, &in)) {
			*out = (struct insn_place){ at, 0 };
			return 0;
		}
		/* The kernel refuses a locked one.  The others will do. */
		if (!found && !is_locked(&in)) {
			*out = (struct insn_place){ at, 1 };
			found = 1;
		}
		if (is_branch(&in) || (changes(&in) & keep))
			break;
		at += in.is.length;
	}
	return found ? 0 : -1;
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
