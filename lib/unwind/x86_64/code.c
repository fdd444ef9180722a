#include "unwind/code.h"

#include <string.h>

#include "bpf/step.h"
#include "elf/elf_file.h"
#include "elf/insn_effect.h"

int
code_is_clone(const unsigned char *bytes, size_t len, uint64_t from, uint64_t to)
{
	/* syscall; test %rax, %rax: here, or from the entry's last 2 bytes on */
	static const unsigned char cloned[] = { 0x0f, 0x05, 0x48, 0x85, 0xc0 };

	return from >= 2 && to <= len && to - from <= 64 &&
	    memmem(bytes + from - 2, (size_t)(to - from + 2), cloned, sizeof cloned) != NULL;
}

int
code_next(const unsigned char *code, size_t len, uint64_t addr, uint64_t next[2])
{
	struct insn_effect e;
	int n = 0;

	if (insn_outline(code, len, addr, &e) < 0)
		return 0;
	if (e.flow == INSN_NEXT || e.flow == INSN_BRANCH)
		next[n++] = addr + e.len;
	if (e.flow != INSN_NEXT && e.to == INSN_DIRECT)
		next[n++] = e.target;
	return n;
}

uint64_t
code_prologues(const unsigned char *code, size_t len)
{
	/* push %rbp; mov %rsp, %rbp */
	static const unsigned char prologue[] = { 0x55, 0x48, 0x89, 0xe5 };
	const unsigned char *p = code, *end = code + len;
	uint64_t n = 0;

	while ((p = memmem(p, (size_t)(end - p), prologue, sizeof prologue))) {
		p += sizeof prologue;
		n++;
	}
	return n;
}

int
code_has_musl_clone(const unsigned char *code, size_t len)
{
	/* xor %ebp, %ebp; pop %rdi; call *%r9 */
	static const unsigned char clone[] = { 0x31, 0xed, 0x5f, 0x41, 0xff, 0xd1 };

	return memmem(code, len, clone, sizeof clone) != NULL;
}

void
code_plt(const struct elf_file *elf, code_rule_fn *fn, void *ctx)
{
	static const char *const name[] = { ".plt.got", ".plt.sec", ".iplt" };
	struct elf_file_section s = elf_file_section(elf, ".plt");

	/* Every entry of 16 bytes jumps, and in a lazy one pushes a number before it
	 * jumps on (psABI AMD64, 5.2). */
	if (s.len > 16) {
		fn(ctx, s.addr, 16, STEP_RULE(STEP_SP, 3, 0));
		fn(ctx, s.addr + 16, s.len - 16, STEP_RULE(STEP_PLT, 11, 0));
	}
	for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
		s = elf_file_section(elf, name[i]);
		fn(ctx, s.addr, s.len, STEP_RULE(STEP_SP, 1, 0));
	}
}

void
code_init(const struct elf_file *elf, const char *section, code_rule_fn *fn, void *ctx)
{
	/* sub $8, %rsp first; add $8, %rsp; ret last */
	static const unsigned char enter[] = { 0x48, 0x83, 0xec, 8 };
	static const unsigned char leave[] = { 0x48, 0x83, 0xc4, 8, 0xc3 };
	struct elf_file_section s = elf_file_section(elf, section);
	const unsigned char *in, *out;

	in = s.bytes ? memmem(s.bytes, s.len, enter, sizeof enter) : NULL;
	out = in ? memmem(in, (size_t)(s.bytes + s.len - in), leave, sizeof leave)
	         : NULL;
	if (out == NULL)
		return;
	in += sizeof enter;
	out += sizeof leave - 1;
	fn(ctx, s.addr, (uint64_t)(in - s.bytes), STEP_RULE(STEP_SP, 1, 0));
	fn(ctx, s.addr + (uint64_t)(in - s.bytes), (uint64_t)(out - in),
	    STEP_RULE(STEP_SP, 2, 0));
	fn(ctx, s.addr + (uint64_t)(out - s.bytes), 1, STEP_RULE(STEP_SP, 1, 0));
}

void
code_restorer(const struct elf_file *elf, const struct elf_file_segment *segment,
    code_rule_fn *fn, void *ctx)
{
	/* mov $SYS_rt_sigreturn, %rax; syscall */
	static const unsigned char code[] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f,
		0x05 };
	size_t len;
	const unsigned char *bytes = elf_file_bytes(elf, &len), *p;

	p = memmem(bytes + segment->offset, segment->len, code, sizeof code);
	/* A caller's lookup asks for the byte before its address. */
	if (p)
		fn(ctx, segment->addr + (uint64_t)(p - bytes - 1) - segment->offset,
		    sizeof code + 1, STEP_RULE(STEP_SIGNAL, 0, 0));
}
