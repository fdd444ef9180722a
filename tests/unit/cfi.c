/*
 * The compiled tables against libdw's own reading of the same .eh_frame, on
 * files that every machine has: at each sampled address both must give the
 * same CFA, the same place of rbp, and the same first frames.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf/elf_file.h"
#include "unwind/cfi.h"
#include "unwind/unwind.h"
#include "tap.h"

struct tally {
	unsigned checked, same, none, expression, bad, wrong;
};

/* libdw's word on the CFA: the rule's kind and offset, or STEP_BAD where it
 * is none that a row expresses. */
static uint32_t
libdw_rule(Dwarf_Frame *frame)
{
	Dwarf_Op *ops, mem[3];
	size_t n;
	int64_t off;
	uint32_t kind, cfa, rbp = 0;

	if (dwarf_frame_register(frame, 16, mem, &ops, &n) == 0 && n == 0 &&
	    ops == mem)
		return STEP_RULE(STEP_ROOT, 0, 0); /* undefined */
	if (n != 2 || ops[0].atom != DW_OP_call_frame_cfa ||
	    ops[1].atom != DW_OP_plus_uconst || (int64_t)ops[1].number != -8)
		return STEP_RULE(STEP_BAD, 0, 0);
	if (dwarf_frame_cfa(frame, &ops, &n) != 0)
		return STEP_RULE(STEP_BAD, 0, 0);
	if (n != 1 || (ops[0].atom != DW_OP_bregx && (ops[0].atom < DW_OP_breg0 ||
	                                                ops[0].atom > DW_OP_breg31)))
		return STEP_RULE(STEP_BAD, 0, 0);
	off = (int64_t)(ops[0].atom == DW_OP_bregx ? ops[0].number2 : ops[0].number);
	kind = (uint32_t)(ops[0].atom == DW_OP_bregx ? ops[0].number
	                                             : ops[0].atom - DW_OP_breg0 + 0U);
	if ((kind != 6 && kind != 7 && kind != 11) || off < 0 || off % 8)
		return STEP_RULE(STEP_BAD, 0, 0);
	cfa = (uint32_t)(off / 8);
	if (dwarf_frame_register(frame, 6, mem, &ops, &n) == 0 && n > 0) {
		/* "CFA + n": call_frame_cfa, then a constant and plus. */
		int64_t at = 0;

		if (ops[0].atom != DW_OP_call_frame_cfa)
			return STEP_RULE(STEP_BAD, 0, 0);
		if (n == 2 && ops[1].atom == DW_OP_plus_uconst)
			at = (int64_t)ops[1].number;
		if (at >= 0 || at % 8)
			return STEP_RULE(STEP_BAD, 0, 0);
		rbp = (uint32_t)(-at / 8);
	}
	return STEP_RULE(kind == 7 ? STEP_SP : kind == 6 ? STEP_FP : STEP_R11,
	    cfa, rbp);
}

/* ---- what both lead to -------------------------------------------------- */

/* A frame that was interrupted: all words of memory and registers are different addresses
 * above the stack pointer. */
#define SP 0x10000

static uint64_t
word_at(uint64_t addr)
{
	return SP + 8 + ((addr * 0x9e3779b97f4a7c15ULL) >> 40 << 3);
}

static int
more(void *ctx, uint64_t addr, uint64_t *out)
{
	(void)ctx;
	*out = word_at(addr);
	return 0;
}

static int
is_mapped(void *ctx, uint64_t addr)
{
	(void)ctx, (void)addr;
	return 1;
}

/* The value of a register by DWARF's number, and its place in struct step_leaf. */
static const int place[16] = { 10, 12, 11, 5, 13, 14, 4, 15, 9, 8, 7, 6, 3, 2, 1, 0 };
static uint64_t fp_value;

static uint64_t
register_value(uint64_t reg)
{
	return reg == 7 ? SP : reg == 6 ? fp_value : SP + 0x100 + 0x400 * reg;
}

/* Evaluate what libdw says of a place, given the CFA.  Returns -1 if that is more than the
 * test knows. */
static int
evaluate(const Dwarf_Op *op, size_t n, uint64_t cfa, uint64_t *out)
{
	uint64_t s[16];
	size_t d = 0;

	for (size_t i = 0; i < n; i++, op++) {
		if (d > 12)
			return -1;
		if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg15)
			s[d++] = register_value(op->atom - DW_OP_breg0) + op->number;
		else if (op->atom == DW_OP_bregx && op->number < 16)
			s[d++] = register_value(op->number) + op->number2;
		else if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
			s[d++] = op->atom - DW_OP_lit0;
		else if (op->atom == DW_OP_call_frame_cfa)
			s[d++] = cfa;
		else if (d >= 1 && op->atom == DW_OP_plus_uconst)
			s[d - 1] += op->number;
		else if (d >= 1 && op->atom == DW_OP_deref)
			s[d - 1] = word_at(s[d - 1]);
		else if (d >= 2 && op->atom == DW_OP_plus)
			d--, s[d - 1] += s[d];
		else if (d >= 2 && op->atom == DW_OP_mul)
			d--, s[d - 1] *= s[d];
		else if (d >= 2 && op->atom == DW_OP_shl)
			d--, s[d - 1] <<= s[d];
		else
			return -1;
	}
	*out = d ? s[d - 1] : 0;
	return d == 1 ? 0 : -1;
}

/* Find the caller's value of a register by libdw.  Returns -1 if that is not known. */
static int
their_register(Dwarf_Frame *frame, int reg, uint64_t cfa, uint64_t *out)
{
	Dwarf_Op mem[3], *ops;
	size_t n;
	uint64_t at;

	if (dwarf_frame_register(frame, reg, mem, &ops, &n) != 0 || (n == 0 && ops == mem))
		return -1;
	if (n == 0) {
		*out = register_value((uint64_t)reg);
		return 0;
	}
	if (n == 1 && ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg15) {
		*out = register_value(ops[0].atom - DW_OP_reg0);
		return 0;
	}
	if (n == 1 && ops[0].atom == DW_OP_regx && ops[0].number < 16) {
		*out = register_value(ops[0].number);
		return 0;
	}
	if (evaluate(ops, n, cfa, &at) < 0)
		return -1;
	*out = word_at(at);
	return 0;
}

/* Step by our rule, and by libdw's.  Returns whether both come to the same frame: the frame
 * pointer may not be known to ours. */
static int
agrees(uint32_t rule, Dwarf_Frame *frame, uint64_t fp)
{
	struct step_regs r = { .pc = 0x5000, .sp = SP, .fp = fp, .exact = 1 };
	const struct unwind_code code = { is_mapped, more, NULL };
	struct step_leaf leaf;
	const struct unwind_stack stack = { .sp = SP, .more = more, .leaf = &leaf };
	uint64_t cfa, pc, their_fp;
	Dwarf_Op *ops;
	size_t n;
	int beyond;

	fp_value = fp;
	for (int i = 0; i < 16; i++)
		if (place[i] < STEP_LEAF)
			leaf.word[place[i]] = register_value((uint64_t)i);
	if (dwarf_frame_cfa(frame, &ops, &n) != 0 || evaluate(ops, n, 0, &cfa) < 0 ||
	    their_register(frame, 16, cfa, &pc) < 0)
		return 0;
	if (unwind_step(rule, &stack, &code, &r, &beyond) != STEP_OK)
		return 0;
	if (STEP_FP_WORDS(rule) == STEP_FP_LOST && STEP_KIND(rule) != STEP_SIGNAL)
		return r.fp == 1 && r.pc == pc && r.sp == cfa;
	return r.pc == pc && their_register(frame, 6, cfa, &their_fp) == 0 && r.fp == their_fp &&
	    (r.sp == cfa || STEP_KIND(rule) == STEP_SIGNAL);
}

static void
compare(const struct elf_file *obj, const struct unwind_table *t, Dwarf_CFI *cfi,
    uint64_t addr, struct tally *y)
{
	Dwarf_Frame *frame = NULL;
	uint64_t offset;
	uint32_t ours, theirs;
	int expressed;

	if (elf_file_addr_to_offset(obj, addr, &offset) < 0)
		return;
	ours = unwind_rule(t, offset);
	y->checked++;
	if (dwarf_cfi_addrframe(cfi, addr, &frame) != 0) {
		/* Rules that we make where there is no entry. */
		if (STEP_KIND(ours) == STEP_NONE || STEP_KIND(ours) == STEP_PLT ||
		    STEP_KIND(ours) == STEP_CLONE || STEP_KIND(ours) == STEP_SIGNAL ||
		    STEP_KIND(ours) == STEP_SP || STEP_KIND(ours) == STEP_FP ||
		    STEP_KIND(ours) == STEP_DEREF || STEP_KIND(ours) == STEP_SAVED ||
		    STEP_KIND(ours) == STEP_R11 || STEP_KIND(ours) == STEP_ROOT ||
		    STEP_KIND(ours) == STEP_REG)
			y->none++;
		else
			y->wrong++;
		return;
	}
	theirs = libdw_rule(frame);
	/* In a realigned frame rbp is in it. */
	expressed = STEP_KIND(theirs) == STEP_BAD && STEP_KIND(ours) != STEP_BAD &&
	    (agrees(ours, frame, SP + 0x40) || agrees(ours, frame, SP));
	free(frame);
	if (STEP_KIND(ours) == STEP_BAD && STEP_KIND(theirs) == STEP_BAD)
		y->bad++;
	else if (ours == theirs)
		y->same++;
	else if (expressed || (STEP_KIND(theirs) == STEP_BAD && (STEP_KIND(ours) == STEP_PLT ||
	                          ours == STEP_RULE(STEP_SIGNAL, 0, STEP_BY_SP))))
		y->expression++;
	else if (y->wrong++ < 5)
		printf("# %" PRIx64 ": %x, libdw %x\n", addr, ours, theirs);
}

static void
check_file(const char *path, uint64_t step)
{
	struct tally y = { 0, 0, 0, 0, 0, 0 };
	struct unwind_table t;
	struct elf_file_segment seg;
	const char *error;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_file *obj = fd < 0 ? NULL : elf_file_open(fd, &error);
	Dwarf_CFI *cfi = obj ? dwarf_getcfi_elf(elf_file_handle(obj)) : NULL;

	if (cfi == NULL) {
		printf("# %s: not here\n", path);
		goto out;
	}
	error = cfi_compile(&t, obj, NULL);
	ok(error == NULL && t.nrow > 0, "%s: %u rows, %u skipped", path, t.nrow,
	    t.skipped);
	ok(t.skipped == 0, "%s: every entry understood", path);
	for (size_t i = 0; elf_file_exec_segment(obj, i, &seg) == 0; i++)
		for (uint64_t a = seg.addr; a < seg.addr + seg.len; a += step)
			compare(obj, &t, cfi, a, &y);
	ok(y.wrong == 0 && y.same > 0,
	    "%s: %u addresses: %u the same, %u without entry, %u expressions, "
	    "%u inexpressible, %u wrong", path, y.checked, y.same, y.none,
	    y.expression, y.bad, y.wrong);
	ok(y.bad * 1000 <= y.checked, "%s: at most 1 per mille inexpressible", path);
	unwind_free(&t);
out:
	if (cfi)
		dwarf_cfi_end(cfi);
	elf_file_close(obj);
	if (fd >= 0)
		close(fd);
}

/* What only a C library has is looked for only in such: a new thread's first
 * frame. */
static void
check_clone(const char *path, int is_libc)
{
	struct unwind_table t;
	const char *error;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_file *obj = fd < 0 ? NULL : elf_file_open(fd, &error);
	unsigned n = 0;

	if (obj && cfi_compile(&t, obj, NULL) == NULL) {
		for (uint32_t i = 0; i < t.nrow; i++)
			n += STEP_KIND(t.row[i].rule) == STEP_CLONE;
		ok(elf_file_needs(obj, "libc.") == !is_libc && (n > 0) == is_libc,
		    "%s: %u places where threads begin", path, n);
		unwind_free(&t);
	}
	elf_file_close(obj);
	if (fd >= 0)
		close(fd);
}

/* The loader's first instructions have no entry, and no caller. */
static void
check_entry(const char *path)
{
	struct unwind_table t;
	const char *error;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_file *obj = fd < 0 ? NULL : elf_file_open(fd, &error);
	uint64_t entry;

	if (obj && cfi_compile(&t, obj, NULL) == NULL) {
		ok(elf_file_entry(obj, &entry) == 0 &&
		        STEP_KIND(unwind_rule(&t, entry)) == STEP_ROOT,
		    "%s: nothing has called its first instruction", path);
		unwind_free(&t);
	}
	elf_file_close(obj);
	if (fd >= 0)
		close(fd);
}

/* ---- files without entries --------------------------------------------- */

#define CODE 0x1000

/* A library of one executable segment, 4 KiB of nops, where each `every'
 * bytes a function begins that keeps its frame pointer; and nothing else. */
static struct elf_file *
bare_file(unsigned char image[2 * CODE], size_t every)
{
	static const unsigned char begin[] = { 0x55, 0x48, 0x89, 0xe5 };
	const Elf64_Ehdr e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64,
		ELFDATA2LSB, EV_CURRENT }, .e_type = ET_DYN, .e_machine = EM_X86_64,
		.e_version = EV_CURRENT, .e_phoff = sizeof e, .e_ehsize = sizeof e,
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1 };
	const Elf64_Phdr p = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X,
		.p_offset = CODE, .p_vaddr = CODE, .p_filesz = CODE, .p_memsz = CODE,
		.p_align = CODE };
	const char *error;

	memset(image, 0, CODE);
	memset(image + CODE, 0x90, CODE);
	memcpy(image, &e, sizeof e);
	memcpy(image + sizeof e, &p, sizeof p);
	for (size_t i = 0; every && i < CODE; i += every)
		memcpy(image + CODE + i, begin, sizeof begin);
	return elf_file_image(image, 2 * CODE, &error);
}

static void
check_bare(size_t every, uint32_t kind, const char *what)
{
	static unsigned char image[2 * CODE];
	struct unwind_table t = { 0 };
	struct elf_file *obj = bare_file(image, every);
	int good = obj && cfi_compile(&t, obj, NULL) == NULL;

	for (uint64_t at = CODE; good && at < 2 * CODE; at += 16)
		good = STEP_KIND(unwind_rule(&t, at)) == kind;
	ok(good && STEP_KIND(unwind_rule(&t, 2 * CODE)) == STEP_NONE &&
	        STEP_KIND(unwind_rule(&t, CODE - 1)) == STEP_NONE,
	    "a file without entries %s", what);
	unwind_free(&t);
	elf_file_close(obj);
}

/* How many rows of a file follow frame pointers. */
static void
check_pointers(const char *path)
{
	struct unwind_table t;
	const char *error;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_file *obj = fd < 0 ? NULL : elf_file_open(fd, &error);
	unsigned n = 0;

	if (obj && cfi_compile(&t, obj, NULL) == NULL) {
		for (uint32_t i = 0; i < t.nrow; i++)
			n += STEP_KIND(t.row[i].rule) == STEP_FRAME;
		ok(n == 0, "%s, which has entries, needs no frame pointers", path);
		unwind_free(&t);
	}
	elf_file_close(obj);
	if (fd >= 0)
		close(fd);
}

int
main(int argc, char *argv[])
{
	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			check_file(argv[i], 97);
		return tap_done();
	}
	check_file("/proc/self/exe", 1);
	check_file("/lib/x86_64-linux-gnu/libc.so.6", 7);
	check_file("/lib/x86_64-linux-gnu/libgcc_s.so.1", 1);
	check_file("/lib64/ld-linux-x86-64.so.2", 1);
	check_file("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", 31);
	check_clone("/lib/x86_64-linux-gnu/libc.so.6", 1);
	check_clone("/proc/self/exe", 0);
	check_entry("/lib64/ld-linux-x86-64.so.2");
	check_bare(256, STEP_FRAME, "that keeps frame pointers: they are followed");
	check_bare(0, STEP_NONE, "or frame pointers has nothing to follow");
	check_pointers("/proc/self/exe");
	check_pointers("/lib/x86_64-linux-gnu/libc.so.6");
	return tap_done();
}
