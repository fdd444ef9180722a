/* Zydis decodes.  Its numbers of registers are those of the encoding, but for rsp and
 * rbp (4 and 5), which change places with rax and rcx (0 and 1). */
#include "elf/insn_effect.h"

#include <Zydis/Zydis.h>
#include <string.h>

/* System V ABI AMD64, 3.2.1: rax, rcx, rdx, rsi, rdi, r8 to r11. */
#define VOLATILE (1 << 4 | 1 << 5 | 1 << 2 | 1 << 6 | 1 << 7 | 0xf << 8)

struct decoded {
	ZydisDecodedInstruction is;
	ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
};

/* Return the number of a register that any part of is named by, or INSN_NOREG. */
static unsigned
number_of(ZydisRegister reg)
{
	static const unsigned char other[] = { 4, 5, 2, 3, 0, 1 };
	ZydisRegister whole =
	    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	unsigned n;

	if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15)
		return INSN_NOREG;
	n = (unsigned)(whole - ZYDIS_REGISTER_RAX);
	return n < sizeof other ? other[n] : n;
}

static int
is_whole(const ZydisDecodedOperand *o)
{
	return o->type == ZYDIS_OPERAND_TYPE_REGISTER && o->size == 64 &&
	    number_of(o->reg.value) != INSN_NOREG;
}

/* Check whether an operand is a memory address of a register and a displacement. */
static int
is_based(const ZydisDecodedOperand *o)
{
	return o->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	    o->mem.index == ZYDIS_REGISTER_NONE &&
	    (o->mem.segment == ZYDIS_REGISTER_DS || o->mem.segment == ZYDIS_REGISTER_SS) &&
	    o->mem.base >= ZYDIS_REGISTER_RAX && o->mem.base <= ZYDIS_REGISTER_R15;
}

/* Set dst = src + n. */
static void
set_copy(struct insn_effect *e, ZydisRegister dst, ZydisRegister src, int64_t n)
{
	e->op = INSN_COPY;
	e->dst = (uint8_t)number_of(dst);
	e->src = (uint8_t)number_of(src);
	e->n = n;
}

/* Collect the registers that an instruction changes. */
static uint16_t
written(const struct decoded *d)
{
	unsigned bits = 0;

	for (int i = 0; i < d->is.operand_count; i++) {
		const ZydisDecodedOperand *o = &d->operand[i];
		unsigned reg;

		if (o->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		reg = number_of(o->reg.value);
		if (reg != INSN_NOREG)
			bits |= 1U << reg;
	}
	return (uint16_t)bits;
}

/* Take a register out of a set of them. */
static uint16_t
without(uint16_t bits, unsigned reg)
{
	return (uint16_t)(bits & ~(1U << reg));
}

/* ---- loads and stores --------------------------------------------------- */

/* Take what is loaded from a table: 8 bytes, or 4 with their sign. */
static void
take_entry(struct insn_effect *e, const ZydisDecodedOperand *dst,
    const ZydisDecodedOperand *from, unsigned scale)
{
	if (from->mem.scale != scale || from->mem.index == ZYDIS_REGISTER_NONE ||
	    !is_whole(dst))
		return;
	e->op = scale == 4 ? INSN_ENTRY : INSN_ENTRY8;
	e->dst = (uint8_t)number_of(dst->reg.value);
	e->src = (uint8_t)number_of(from->mem.base);
	e->index = (uint8_t)number_of(from->mem.index);
	e->n = from->mem.disp.value;
}

/* Take what an instruction does to the memory that is its first operand. */
static void
take_store(const struct decoded *d, struct insn_effect *e)
{
	const ZydisDecodedOperand *to = &d->operand[0], *from = &d->operand[1];

	if (!is_based(to) || !(to->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
		return;
	/* It only touches a page of the stack. */
	if ((d->is.mnemonic == ZYDIS_MNEMONIC_OR || d->is.mnemonic == ZYDIS_MNEMONIC_XOR) &&
	    from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && from->imm.value.u == 0)
		return;
	e->op = INSN_STORE;
	e->dst = (uint8_t)number_of(to->mem.base);
	e->n = to->mem.disp.value;
	e->size = (uint8_t)(to->size / 8 > 255 ? 255 : to->size / 8);
	e->src = INSN_NOREG;
	if (d->is.mnemonic == ZYDIS_MNEMONIC_MOV && is_whole(from))
		e->src = (uint8_t)number_of(from->reg.value);
}

static void
take_mov(const struct decoded *d, struct insn_effect *e)
{
	const ZydisDecodedOperand *to = &d->operand[0], *from = &d->operand[1];

	if (to->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		take_store(d, e);
	} else if (to->type != ZYDIS_OPERAND_TYPE_REGISTER) {
		return;
	} else if (from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && to->size >= 32) {
		e->op = INSN_SET;
		e->dst = (uint8_t)number_of(to->reg.value);
		e->n = to->size == 32 ? (int64_t)(uint32_t)from->imm.value.u
		                      : from->imm.value.s;
	} else if (is_whole(to) && is_whole(from)) {
		set_copy(e, to->reg.value, from->reg.value, 0);
	} else if (from->type == ZYDIS_OPERAND_TYPE_REGISTER && to->size == 32) {
		e->op = INSN_PART;
		e->dst = (uint8_t)number_of(to->reg.value);
		e->src = (uint8_t)number_of(from->reg.value);
	} else if (is_whole(to) && is_based(from)) {
		e->op = INSN_LOAD;
		e->dst = (uint8_t)number_of(to->reg.value);
		e->src = (uint8_t)number_of(from->mem.base);
		e->n = from->mem.disp.value;
	} else if (from->type == ZYDIS_OPERAND_TYPE_MEMORY && to->size == 32 &&
	    from->mem.scale == 1 && from->mem.disp.value == 0) {
		e->op = INSN_SCALED;
		e->dst = (uint8_t)number_of(to->reg.value);
		e->src = (uint8_t)number_of(from->mem.base);
		e->index = (uint8_t)number_of(from->mem.index);
	} else if (from->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		take_entry(e, to, from, 8);
	}
}

/* Take a lea: of a register's surroundings, or of an address. */
static void
take_lea(const struct decoded *d, struct insn_effect *e, uint64_t addr)
{
	const ZydisDecodedOperand *to = &d->operand[0], *from = &d->operand[1];

	if (!is_whole(to))
		return;
	if (from->mem.base == ZYDIS_REGISTER_RIP) {
		e->op = INSN_ADDRESS;
		e->dst = (uint8_t)number_of(to->reg.value);
		e->n = (int64_t)(addr + d->is.length + (uint64_t)from->mem.disp.value);
	} else if (from->mem.base == ZYDIS_REGISTER_NONE && from->mem.scale == 4 &&
	    from->mem.index != ZYDIS_REGISTER_NONE && from->mem.disp.value == 0) {
		e->op = INSN_SCALE;
		e->dst = (uint8_t)number_of(to->reg.value);
		e->index = (uint8_t)number_of(from->mem.index);
	} else if (from->mem.index == ZYDIS_REGISTER_NONE &&
	    from->mem.base >= ZYDIS_REGISTER_RAX && from->mem.base <= ZYDIS_REGISTER_R15) {
		set_copy(e, to->reg.value, from->mem.base, from->mem.disp.value);
	}
}

/* ---- arithmetic ---------------------------------------------------------- */

/* Take an add (sign 1) or a sub (-1). */
static void
take_add(const struct decoded *d, struct insn_effect *e, int sign)
{
	const ZydisDecodedOperand *to = &d->operand[0], *from = &d->operand[1];

	if (to->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		take_store(d, e);
	} else if (!is_whole(to)) {
		return;
	} else if (from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		set_copy(e, to->reg.value, to->reg.value, sign * from->imm.value.s);
	} else if (is_whole(from)) {
		e->op = sign > 0 ? INSN_SUM : INSN_DIFFER;
		e->dst = (uint8_t)number_of(to->reg.value);
		e->src = (uint8_t)number_of(from->reg.value);
	}
}

static void
take_and(const struct decoded *d, struct insn_effect *e)
{
	const ZydisDecodedOperand *to = &d->operand[0], *from = &d->operand[1];

	if (to->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		take_store(d, e);
	} else if (from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && to->size >= 32) {
		e->op = INSN_MASK;
		e->dst = (uint8_t)number_of(to->reg.value);
		e->n = to->size == 32 ? (int64_t)(uint32_t)from->imm.value.u
		                      : from->imm.value.s;
	}
}

/* Take a xor: of a register with itself it is 0. */
static void
take_xor(const struct decoded *d, struct insn_effect *e)
{
	const ZydisDecodedOperand *to = &d->operand[0], *from = &d->operand[1];

	if (to->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		take_store(d, e);
	} else if (to->size >= 32 && from->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    to->reg.value == from->reg.value) {
		e->op = INSN_SET;
		e->dst = (uint8_t)number_of(to->reg.value);
	}
}

static void
take_cmp(const struct decoded *d, struct insn_effect *e)
{
	const ZydisDecodedOperand *a = &d->operand[0], *b = &d->operand[1];

	if (a->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return;
	if (b->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		e->op = INSN_COMPARE;
		e->src = (uint8_t)number_of(a->reg.value);
		e->n = b->imm.value.s;
		if (a->size < 64)
			e->n &= (INT64_C(1) << a->size) - 1;
	} else if (is_whole(a) && is_whole(b)) {
		e->op = INSN_COMPARED;
		e->dst = (uint8_t)number_of(a->reg.value);
		e->src = (uint8_t)number_of(b->reg.value);
	}
}

/* ---- the stack ----------------------------------------------------------- */

static void
take_push(const struct decoded *d, struct insn_effect *e)
{
	e->writes = without(e->writes, INSN_SP);
	if (d->is.operand_width != 64)
		return;
	e->op = INSN_PUSH;
	e->src = INSN_NOREG;
	if (is_whole(&d->operand[0]))
		e->src = (uint8_t)number_of(d->operand[0].reg.value);
}

static void
take_pop(const struct decoded *d, struct insn_effect *e)
{
	if (d->is.operand_width != 64)
		return;
	e->op = INSN_POP;
	e->writes = without(e->writes, INSN_SP);
	e->dst = INSN_NOREG;
	if (is_whole(&d->operand[0]))
		e->dst = (uint8_t)number_of(d->operand[0].reg.value);
}

/* ---- jumps ---------------------------------------------------------------- */

static uint8_t
condition_of(ZydisMnemonic m)
{
	switch (m) {
	case ZYDIS_MNEMONIC_JZ: return INSN_EQUAL;
	case ZYDIS_MNEMONIC_JNZ: return INSN_UNEQUAL;
	case ZYDIS_MNEMONIC_JNBE: return INSN_ABOVE;
	case ZYDIS_MNEMONIC_JBE: return INSN_NOT_ABOVE;
	case ZYDIS_MNEMONIC_JB: return INSN_BELOW;
	case ZYDIS_MNEMONIC_JNB: return INSN_NOT_BELOW;
	default: return INSN_PERHAPS;
	}
}

/* Take where a jump or call leads. */
static void
take_target(const struct decoded *d, struct insn_effect *e, uint64_t addr)
{
	const ZydisDecodedOperand *o = &d->operand[0];

	if (o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		e->to = INSN_DIRECT;
		e->target = addr + d->is.length + (uint64_t)o->imm.value.s;
	} else if (is_whole(o)) {
		e->to = INSN_REGISTER;
		e->src = (uint8_t)number_of(o->reg.value);
	} else if (o->type != ZYDIS_OPERAND_TYPE_MEMORY) {
		return;
	} else if (o->mem.base == ZYDIS_REGISTER_RIP) {
		e->to = INSN_SLOT;
		e->target = addr + d->is.length + (uint64_t)o->mem.disp.value;
	} else if (o->mem.scale == 8 && o->mem.index != ZYDIS_REGISTER_NONE) {
		e->to = INSN_TABLE;
		e->src = (uint8_t)number_of(o->mem.base);
		e->index = (uint8_t)number_of(o->mem.index);
		e->n = o->mem.disp.value;
	}
}

/* Take an instruction that may be followed by another one than the next.  Returns 0
 * if it is none. */
static int
take_flow(const struct decoded *d, struct insn_effect *e, uint64_t addr)
{
	/* Zydis takes them for jumps; on the way on, they are none. */
	if (d->is.mnemonic == ZYDIS_MNEMONIC_XABORT || d->is.mnemonic == ZYDIS_MNEMONIC_XEND)
		return 0;
	switch (d->is.meta.category) {
	case ZYDIS_CATEGORY_CALL:
		e->flow = INSN_CALL;
		e->writes = VOLATILE;
		break;
	case ZYDIS_CATEGORY_UNCOND_BR: e->flow = INSN_JUMP; break;
	case ZYDIS_CATEGORY_COND_BR:
		e->flow = INSN_BRANCH;
		e->condition = condition_of(d->is.mnemonic);
		break;
	case ZYDIS_CATEGORY_RET:
		e->flow = d->is.mnemonic == ZYDIS_MNEMONIC_RET ? INSN_RETURN : INSN_STOP;
		e->writes = 0;
		return 1;
	default:
		if (d->is.mnemonic != ZYDIS_MNEMONIC_UD2 &&
		    d->is.mnemonic != ZYDIS_MNEMONIC_UD1 &&
		    d->is.mnemonic != ZYDIS_MNEMONIC_UD0 &&
		    d->is.mnemonic != ZYDIS_MNEMONIC_HLT &&
		    d->is.mnemonic != ZYDIS_MNEMONIC_INT3)
			return 0;
		e->flow = INSN_STOP;
		e->filler = d->is.mnemonic == ZYDIS_MNEMONIC_INT3;
		return 1;
	}
	take_target(d, e, addr);
	return 1;
}

/* Take the operation of an instruction that is followed by the next. */
static void
take_operation(const struct decoded *d, struct insn_effect *e, uint64_t addr)
{
	switch (d->is.mnemonic) {
	case ZYDIS_MNEMONIC_MOV: take_mov(d, e); break;
	case ZYDIS_MNEMONIC_LEA: take_lea(d, e, addr); break;
	case ZYDIS_MNEMONIC_ADD: take_add(d, e, 1); break;
	case ZYDIS_MNEMONIC_SUB: take_add(d, e, -1); break;
	case ZYDIS_MNEMONIC_AND: take_and(d, e); break;
	case ZYDIS_MNEMONIC_XOR: take_xor(d, e); break;
	case ZYDIS_MNEMONIC_CMP: take_cmp(d, e); break;
	case ZYDIS_MNEMONIC_PUSH: take_push(d, e); break;
	case ZYDIS_MNEMONIC_POP: take_pop(d, e); break;
	case ZYDIS_MNEMONIC_LEAVE: e->op = INSN_LEAVE; break;
	case ZYDIS_MNEMONIC_MOVSXD:
		if (d->operand[1].type == ZYDIS_OPERAND_TYPE_MEMORY)
			take_entry(e, &d->operand[0], &d->operand[1], 4);
		break;
	case ZYDIS_MNEMONIC_MOVZX:
		if (d->operand[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    d->operand[0].size >= 32) {
			e->op = INSN_PART;
			e->dst = (uint8_t)number_of(d->operand[0].reg.value);
			e->src = (uint8_t)number_of(d->operand[1].reg.value);
		}
		break;
	case ZYDIS_MNEMONIC_CDQE:
		e->op = INSN_SIGN;
		e->dst = (uint8_t)number_of(ZYDIS_REGISTER_RAX);
		break;
	case ZYDIS_MNEMONIC_ENTER:
		if (d->operand[1].imm.value.u == 0) {
			e->op = INSN_ENTER;
			e->n = (int64_t)(d->operand[0].imm.value.u & 0xffff);
		}
		break;
	case ZYDIS_MNEMONIC_NOP:
	case ZYDIS_MNEMONIC_ENDBR64: e->filler = 1; break;
	default:
		if (d->operand[0].type == ZYDIS_OPERAND_TYPE_MEMORY)
			take_store(d, e);
	}
}

/* Check whether the registers of an operation are ones with a number: it may be of
 * segment or control registers. */
static int
is_numbered(const struct insn_effect *e)
{
	switch (e->op) {
	case INSN_COPY:
	case INSN_PART:
	case INSN_SUM:
	case INSN_DIFFER:
	case INSN_LOAD:
	case INSN_COMPARED: return e->dst != INSN_NOREG && e->src != INSN_NOREG;
	case INSN_SET:
	case INSN_ADDRESS:
	case INSN_MASK:
	case INSN_STORE:
	case INSN_ENTRY:
	case INSN_ENTRY8:
	case INSN_SCALE:
	case INSN_SCALED:
	case INSN_SIGN: return e->dst != INSN_NOREG;
	default: return 1;
	}
}

static const ZydisDecoder *
decoder(void)
{
	static _Thread_local ZydisDecoder d;
	static _Thread_local int made;

	if (!made)
		made = ZYAN_SUCCESS(ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64,
		    ZYDIS_STACK_WIDTH_64));
	return &d;
}

/* Decode `lock', which counts as an instruction of its own: a branch may lead behind it,
 * as in glibc, where there is only one thread.  Returns -1 if it is another one. */
static int
take_lock(const unsigned char *code, size_t len, struct insn_effect *out)
{
	if (len == 0 || code[0] != 0xf0)
		return -1;
	memset(out, 0, sizeof *out);
	out->len = 1;
	out->dst = out->src = out->index = INSN_NOREG;
	return 0;
}

int
insn_effect(const unsigned char *code, size_t len, uint64_t addr, struct insn_effect *out)
{
	struct decoded d;

	if (take_lock(code, len, out) == 0)
		return 0;
	d.operand[0].type = d.operand[1].type = ZYDIS_OPERAND_TYPE_UNUSED;
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder(), code, len, &d.is, d.operand)))
		return -1;
	memset(out, 0, sizeof *out);
	out->len = d.is.length;
	out->dst = out->src = out->index = INSN_NOREG;
	out->flags = d.is.cpu_flags && d.is.cpu_flags->modified != 0;
	if (take_flow(&d, out, addr))
		return 0;
	out->writes = written(&d);
	take_operation(&d, out, addr);
	if (!is_numbered(out))
		out->op = INSN_OTHER;
	/* Registers that the operation itself accounts for. */
	if (out->op == INSN_PUSH || out->op == INSN_ENTER || out->op == INSN_LEAVE)
		out->writes = 0;
	else if (out->op != INSN_OTHER && out->op != INSN_STORE && out->dst != INSN_NOREG)
		out->writes = without(out->writes, out->dst);
	return 0;
}

/* ---- outlines -------------------------------------------------------------- */

static const ZydisDecoder *
quick_decoder(void)
{
	static _Thread_local ZydisDecoder d;
	static _Thread_local int made;

	if (!made)
		made = ZYAN_SUCCESS(ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64,
		           ZYDIS_STACK_WIDTH_64)) &&
		    ZYAN_SUCCESS(ZydisDecoderEnableMode(&d, ZYDIS_DECODER_MODE_MINIMAL,
		        ZYAN_TRUE));
	return &d;
}

/* Take a direct jump, branch or call. */
static void
outline_branch(const ZydisDecodedInstruction *is, struct insn_effect *e, uint8_t flow,
    uint64_t next)
{
	e->flow = flow;
	e->to = INSN_DIRECT;
	e->target = next + (uint64_t)is->raw.imm[0].value.s;
}

/* Take an indirect jump or call. */
static void
outline_indirect(const ZydisDecodedInstruction *is, struct insn_effect *e, uint64_t next)
{
	if (is->raw.modrm.reg == 2)
		e->flow = INSN_CALL;
	else if (is->raw.modrm.reg == 4)
		e->flow = INSN_JUMP;
	if (e->flow != INSN_NEXT && is->raw.modrm.mod == 0 && is->raw.modrm.rm == 5) {
		e->to = INSN_SLOT;
		e->target = next + (uint64_t)is->raw.disp.value;
	}
}

/* Take an instruction with an opcode of one byte. */
static void
outline_short(const ZydisDecodedInstruction *is, struct insn_effect *e, uint64_t next)
{
	unsigned op = is->opcode;

	if ((op & 0xf0) == 0x70 || (op & 0xfc) == 0xe0) /* jcc; loop, jrcxz */
		outline_branch(is, e, INSN_BRANCH, next);
	else if ((op & 0xf8) == 0xb8 && is->raw.imm[0].size == 32) {
		e->op = INSN_SET;
		e->n = (int64_t)(uint32_t)is->raw.imm[0].value.u;
	}
	switch (op) {
	case 0xe8: outline_branch(is, e, INSN_CALL, next); break;
	case 0xe9:
	case 0xeb: outline_branch(is, e, INSN_JUMP, next); break;
	case 0xff: outline_indirect(is, e, next); break;
	case 0xc2:
	case 0xc3: e->flow = INSN_RETURN; break;
	case 0xcc: e->filler = 1; e->flow = INSN_STOP; break;
	case 0xf4: e->flow = INSN_STOP; break;
	case 0x90: e->filler = 1; break;
	case 0xc7:
		if (is->raw.modrm.mod == 3 && is->raw.modrm.reg == 0) {
			e->op = INSN_SET;
			e->n = is->raw.imm[0].value.s;
		} else if (is->raw.modrm.mod == 3 && is->raw.modrm.reg == 7) {
			outline_branch(is, e, INSN_BRANCH, next); /* xbegin */
		}
		break;
	case 0x8d:
		if (is->raw.modrm.mod == 0 && is->raw.modrm.rm == 5) {
			e->op = INSN_ADDRESS;
			e->n = (int64_t)(next + (uint64_t)is->raw.disp.value);
		}
		break;
	default: break;
	}
}

int
insn_outline(const unsigned char *code, size_t len, uint64_t addr,
    struct insn_effect *out)
{
	ZydisDecodedInstruction is;

	if (take_lock(code, len, out) == 0)
		return 0;
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(quick_decoder(), NULL, code, len,
	        &is)))
		return -1;
	memset(out, 0, sizeof *out);
	out->len = is.length;
	if (is.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT) {
		outline_short(&is, out, addr + is.length);
	} else if (is.opcode_map == ZYDIS_OPCODE_MAP_0F) {
		if ((is.opcode & 0xf0) == 0x80)
			outline_branch(&is, out, INSN_BRANCH, addr + is.length);
		else if (is.opcode == 0x0b)
			out->flow = INSN_STOP;
		out->filler = is.opcode == 0x1f;
	}
	return 0;
}

/* ---- fillers ---------------------------------------------------------------- */

size_t
insn_filler(const unsigned char *code, size_t len)
{
	size_t at = 0;
	unsigned mod, rm;

	if (len == 0)
		return 0;
	if (code[0] == 0 || code[0] == 0xcc)
		return 1;
	/* data16 and cs, by which nops are made longer */
	while (at < len && (code[at] == 0x66 || code[at] == 0x2e))
		at++;
	if (at < len && code[at] == 0x90)
		return at + 1;
	if (len - at < 3 || code[at] != 0x0f || code[at + 1] != 0x1f)
		return 0;
	mod = code[at + 2] >> 6;
	rm = code[at + 2] & 7;
	at += 3 + (mod != 3 && rm == 4) + (mod == 1 ? 1U : mod == 2 ? 4U : 0U);
	return mod == 3 || (mod == 0 && (rm == 4 || rm == 5)) || at > len ? 0 : at;
}
