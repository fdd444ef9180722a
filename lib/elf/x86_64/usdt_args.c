/*
 * Arguments of static probes as the assembler writes operands: "8@%rdi", "-4@$5",
 * "8@-16(%rbp)".
 */
#include "elf/usdt.h"

#include <asm/ptrace.h>
#include <stdlib.h>
#include <string.h>

#define REG(member, ...) { offsetof(struct pt_regs, member), { __VA_ARGS__ } }

/* Registers, by their names of 8, 4, 2 and 1 bytes. */
static const struct {
	size_t offset;
	const char *name[4];
} registers[] = {
	REG(rax, "rax", "eax", "ax", "al"),
	REG(rbx, "rbx", "ebx", "bx", "bl"),
	REG(rcx, "rcx", "ecx", "cx", "cl"),
	REG(rdx, "rdx", "edx", "dx", "dl"),
	REG(rsi, "rsi", "esi", "si", "sil"),
	REG(rdi, "rdi", "edi", "di", "dil"),
	REG(rbp, "rbp", "ebp", "bp", "bpl"),
	REG(rsp, "rsp", "esp", "sp", "spl"),
	REG(r8, "r8", "r8d", "r8w", "r8b"),
	REG(r9, "r9", "r9d", "r9w", "r9b"),
	REG(r10, "r10", "r10d", "r10w", "r10b"),
	REG(r11, "r11", "r11d", "r11w", "r11b"),
	REG(r12, "r12", "r12d", "r12w", "r12b"),
	REG(r13, "r13", "r13d", "r13w", "r13b"),
	REG(r14, "r14", "r14d", "r14w", "r14b"),
	REG(r15, "r15", "r15d", "r15w", "r15b"),
};

/* Parse a register's name, of len bytes.  Returns -1 if it is none. */
static int
parse_register(const char *s, size_t len, unsigned *reg)
{
	for (size_t i = 0; i < sizeof registers / sizeof *registers; i++)
		for (int j = 0; j < 4; j++)
			if (strlen(registers[i].name[j]) == len &&
			    memcmp(registers[i].name[j], s, len) == 0) {
				*reg = (unsigned)registers[i].offset;
				return 0;
			}
	return -1;
}

/* Parse an operand, of len bytes. */
static int
parse_operand(const char *s, size_t len, struct usdt_arg *out)
{
	const char *end = s + len;
	char *next;

	if (len > 1 && s[0] == '%') {
		out->kind = USDT_REGISTER;
		return parse_register(s + 1, len - 1, &out->reg);
	}
	out->kind = len && s[0] == '$' ? USDT_NUMBER : USDT_MEMORY;
	s += out->kind == USDT_NUMBER;
	out->n = strtoll(s, &next, 0);
	if (out->kind == USDT_NUMBER)
		return next > s && next == end ? 0 : -1;
	if (end - next < 4 || next[0] != '(' || next[1] != '%' || end[-1] != ')')
		return -1;
	return parse_register(next + 2, (size_t)(end - next) - 3, &out->reg);
}

/* Parse an argument of len bytes: its size, with a minus if it has a sign, @, operand. */
static int
parse_arg(const char *s, size_t len, struct usdt_arg *out)
{
	const char *at = memchr(s, '@', len);
	long size = strtol(s, NULL, 10);

	if (at == NULL || (labs(size) != 1 && labs(size) != 2 && labs(size) != 4 &&
	    labs(size) != 8))
		return -1;
	*out = (struct usdt_arg){ .size = (unsigned)labs(size), .negative = size < 0 };
	return parse_operand(at + 1, len - (size_t)(at + 1 - s), out);
}

int
usdt_args(const char *text, struct usdt_arg *out, int max)
{
	int n = 0;

	for (text += strspn(text, " "); *text && n < max; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");

		if (parse_arg(text, len, &out[n++]) < 0)
			return -1;
		text += len;
	}
	return n;
}
