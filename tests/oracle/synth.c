/*
 * Rows made from code alone, compared with those that the compiler has written, at each
 * instruction of a file that has .eh_frame.  The analysis does not get to see that.
 *
 * synth [-sv] [-a ADDRESS] [-d DEBUGFILE] FILE...: a line for each,
 *	FILE sym|stripped KIB INSNS equal% unknown% wrong calls lag asm pads% dead% SECONDS MB/S ROWS
 * -s: as if stripped; -d: with the symbols of another file; -v: tell where it is wrong,
 * -vv: and some of what is unknown, -vvv: all; -a: tell what is known before an instruction.
 *
 * INSNS are all instructions in FDEs whose rules a row can say, of frames that stand on
 * rsp or rbp: none are made from code for those that stand on what only an interrupted
 * function has, as where GCC realigns a stack by r10.  Equal is a state of
 * registers and stack in which the compiler's rule leads to the CFA and the caller's
 * rbp; unknown an instruction without a row; wrong the others, of which so many are calls.
 * Not among the 100 %: pads, which only exceptions reach (the LSDA names where they
 * begin), and dead, code that no path leads to but from behind a call that does not
 * return, that does nothing and fills the space behind a jump, or of functions that no
 * instruction and no word of the file could refer to, but in such code and in pads.
 *
 * Two kinds of differences are not ours:
 *
 * Lag are instructions where the compiler is wrong: its row at the one before is equal
 * to ours, that one falls through, and what it does to the stack is known; so ours is
 * right, or neither was.  LLVM moves the last add to rsp before a branch, and writes the
 * row after that.
 *
 * Asm are instructions of functions whose author has written too few directives: the
 * rule never changes, though the stack or rbp does; or the caller's rbp is said to be in
 * rbp, which the code has overwritten after it had saved it.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "bpf/step.h"
#include "elf/elf_file.h"
#include "elf/insn_effect.h"
#include "unwind/cfi.h"
#include "unwind/synth.h"
#include "unwind/synth_file.h"
#include "unwind/synth_state.h"
#include "unwind/unwind.h"

/* What is known of an instruction, by its first byte. */
enum {
	FIRST = 2,     /* it begins here, in an FDE */
	SEEN = 4,      /* the analysis has come to it */
	AGREES = 8,
	DISAGREES = 16,
	PAD = 32,
	DEAD = 64,
	LAG = 128,
	LOST_FP = 1 /* rbp is not the caller's, and it is saved */
};

struct check {
	const struct elf_file *file;
	struct unwind_table table;
	struct elf_file_segment code; /* the one with .text */
	const unsigned char *bytes;
	unsigned char *is; /* for each byte of it */
	unsigned char *referred; /* for each byte of it, a bit */
	int news;
	int verbose;
	int constant;   /* the function that is compared has one rule only */
	uint64_t watch; /* an instruction whose state is told, or 0 */
	unsigned shown;
	uint64_t insns, equal, unknown, wrong, wrong_calls, lag, odd, pads, dead, bad;
};

static uint32_t
oracle(const struct check *c, uint64_t at)
{
	return unwind_rule(&c->table, c->code.offset + at);
}

/* Tell what a state knows. */
static void
tell(const struct synth_state *s)
{
	printf("# sp %u%+" PRId64 ", fp %u%+" PRId64, s->reg[INSN_SP].kind, s->reg[INSN_SP].n,
	    s->reg[INSN_FP].kind, s->reg[INSN_FP].n);
	for (uint32_t i = 0; i < s->nslot; i++)
		printf(", %u%+d: %u%+" PRId64, s->slot[i].base, s->slot[i].at,
		    s->slot[i].is.kind, s->slot[i].is.n);
	printf("\n");
}

/* Check whether the caller's rbp is saved on the stack, and no more in rbp. */
static int
lost_fp(const struct synth_state *s)
{
	for (uint32_t i = 0; i < s->nslot; i++)
		if (s->slot[i].is.kind == SYNTH_CALLER_FP)
			return s->reg[INSN_FP].kind != SYNTH_CALLER_FP;
	return 0;
}

/* Be given our state before an instruction. */
static void
see(void *ctx, uint64_t addr, const struct synth_state *state)
{
	struct check *c = ctx;
	uint64_t at = addr - c->code.addr;
	int agrees;

	if (at >= c->code.len)
		return;
	agrees = synth_state_agrees(state, oracle(c, at));
	if (c->watch && addr == c->watch)
		tell(state);
	c->is[at] &= (unsigned char)~(AGREES | DISAGREES | LOST_FP);
	c->is[at] |= SEEN | (lost_fp(state) ? LOST_FP : 0);
	c->is[at] |= agrees > 0 ? AGREES : agrees < 0 ? DISAGREES : 0;
}

/* ---- .eh_frame: where functions are, and their landing pads --------------------- */

struct frame {
	struct elf_file_section s;
	unsigned lsda; /* the encoding, or 0xff */
};

static uint64_t
pointer(struct bytes *b, const struct frame *f, const unsigned char *base, uint64_t addr,
    unsigned encoding)
{
	uint64_t at = addr + (uint64_t)(b->p - base), v;

	(void)f;
	switch (encoding & 15) {
	case 0: case 4: case 12: v = bytes_take(b, 8); break;
	case 1: v = bytes_uleb(b); break;
	case 2: v = bytes_take(b, 2); break;
	case 3: v = bytes_take(b, 4); break;
	case 11: v = (uint64_t)(int64_t)(int32_t)bytes_take(b, 4); break;
	default: v = 0;
	}
	return v && (encoding & 0x70) == 0x10 ? v + at : v;
}

/* Follow code that no path of the analysis has come to. */
static void
mark(struct check *c, uint64_t at, unsigned how)
{
	uint64_t todo[256];
	size_t n = 0;

	todo[n++] = at;
	while (n) {
		struct insn_effect e;

		at = todo[--n];
		while (at < c->code.len && (c->is[at] & FIRST) &&
		    !(c->is[at] & (SEEN | PAD | DEAD)) &&
		    insn_effect(c->bytes + at, c->code.len - at, c->code.addr + at, &e) == 0) {
			c->is[at] |= (unsigned char)how;
			if (e.to == INSN_DIRECT && e.flow != INSN_CALL && n < 256)
				todo[n++] = e.target - c->code.addr;
			if (e.flow == INSN_STOP || e.flow == INSN_JUMP || e.flow == INSN_RETURN)
				break;
			at += e.len;
		}
	}
}

/* Mark the landing pads of a function, which begins at `start'. */
static void
mark_pads(struct check *c, uint64_t lsda, uint64_t start)
{
	struct bytes b = { NULL, NULL, 0 };
	uint64_t offset, base = start;
	unsigned encoding;
	size_t len;
	const unsigned char *all = elf_file_bytes(c->file, &len);

	if (elf_file_addr_to_offset(c->file, lsda, &offset) < 0)
		return;
	b.p = all + offset;
	b.end = all + len;
	encoding = (unsigned)bytes_take(&b, 1);
	if (encoding != 0xff)
		base = pointer(&b, NULL, all + offset, lsda, encoding);
	if (bytes_take(&b, 1) != 0xff)
		bytes_uleb(&b);
	encoding = (unsigned)bytes_take(&b, 1);
	len = bytes_uleb(&b);
	if (len < (size_t)(b.end - b.p))
		b.end = b.p + len;
	while (b.p < b.end && !b.failed) {
		uint64_t pad;

		pointer(&b, NULL, b.p, 0, encoding & 15);
		pointer(&b, NULL, b.p, 0, encoding & 15);
		pad = pointer(&b, NULL, b.p, 0, encoding & 15);
		bytes_uleb(&b);
		if (pad)
			mark(c, base + pad - c->code.addr, PAD);
	}
}

/* Read how the pointers of a CIE's FDEs are encoded. */
static void
read_cie(struct frame *f, const unsigned char *p)
{
	struct bytes b = { p, f->s.bytes + f->s.len, 0 };
	const char *augmentation;

	f->lsda = 0xff;
	bytes_skip(&b, 8);
	bytes_take(&b, 1);
	augmentation = bytes_string(&b);
	bytes_uleb(&b);
	bytes_sleb(&b);
	bytes_take(&b, 1);
	bytes_uleb(&b);
	for (const char *a = augmentation; *a; a++) {
		unsigned encoding;

		if (*a == 'P') {
			encoding = (unsigned)bytes_take(&b, 1);
			pointer(&b, f, b.p, 0, encoding & 15);
		} else if (*a == 'L') {
			f->lsda = (unsigned)bytes_take(&b, 1);
		} else if (*a == 'R') {
			bytes_take(&b, 1);
		}
	}
}

/* Call fn for each function: [start, end), and its LSDA or 0. */
static void
each_fde(struct check *c, void (*fn)(struct check *, uint64_t, uint64_t, uint64_t))
{
	struct frame f = { elf_file_section(c->file, ".eh_frame"), 0xff };
	const unsigned char *p = f.s.bytes, *end = p + f.s.len;

	while (p && end - p >= 8) {
		struct bytes b = { p, end, 0 };
		uint64_t len = bytes_take(&b, 4), start, size, lsda = 0;
		const unsigned char *id = b.p;
		uint32_t back = (uint32_t)bytes_take(&b, 4);

		if (len == 0 || len > (uint64_t)(end - p - 4))
			break;
		p += 4 + len;
		if (back == 0)
			continue;
		read_cie(&f, id - back);
		start = pointer(&b, &f, f.s.bytes, f.s.addr, 0x1b);
		size = bytes_take(&b, 4);
		bytes_uleb(&b);
		if (f.lsda != 0xff)
			lsda = pointer(&b, &f, f.s.bytes, f.s.addr, f.lsda);
		if (start - c->code.addr < c->code.len &&
		    size <= c->code.len - (start - c->code.addr))
			fn(c, start, start + size, lsda);
	}
}

/* ---- the comparison --------------------------------------------------------------- */

static void
mark_insns(struct check *c, uint64_t start, uint64_t end, uint64_t lsda)
{
	struct insn_effect e;

	(void)lsda;
	for (uint64_t at = start - c->code.addr; at < end - c->code.addr; at += e.len) {
		if (insn_outline(c->bytes + at, end - c->code.addr - at, 0, &e) < 0)
			return;
		c->is[at] |= FIRST;
	}
}

static void
mark_function_pads(struct check *c, uint64_t start, uint64_t end, uint64_t lsda)
{
	(void)end;
	if (lsda)
		mark_pads(c, lsda, start);
}

/* ---- functions that nothing refers to --------------------------------------------- */

static void
refer(struct check *c, uint64_t addr)
{
	uint64_t at = addr - c->code.addr;

	if (at < c->code.len)
		c->referred[at / 8] |= (unsigned char)(1 << at % 8);
}

/* Take any four bytes of an instruction for a distance from its end. */
static void
refer_insn(struct check *c, uint64_t at, size_t len)
{
	int32_t n;

	for (size_t i = 0; i + 4 <= len; i++) {
		memcpy(&n, c->bytes + at + i, sizeof n);
		refer(c, c->code.addr + at + len + (uint64_t)(int64_t)n);
	}
}

/* Find all addresses that instructions, but dead ones and pads, may refer to, or any word of the
 * file.  Of code without FDEs it is not known where instructions are. */
static void
find_references(struct check *c)
{
	size_t len;
	const unsigned char *all = elf_file_bytes(c->file, &len);
	struct insn_effect e;
	uint64_t word;

	memset(c->referred, 0, c->code.len / 8 + 1);
	for (size_t i = 0; i + 8 <= len; i += 8) {
		memcpy(&word, all + i, sizeof word);
		refer(c, word);
	}
	for (size_t i = 0; i + 4 <= c->code.len; i += e.len) {
		size_t filler = insn_filler(c->bytes + i, c->code.len - i);

		e.len = 1;
		if (!(c->is[i] & FIRST) && filler)
			e.len = (uint8_t)filler;
		else if (!(c->is[i] & FIRST))
			refer_insn(c, i, 4);
		else if (insn_outline(c->bytes + i, c->code.len - i, 0, &e) == 0 &&
		    !(c->is[i] & (DEAD | PAD)))
			refer_insn(c, i, e.len);
	}
}

/* Mark a function that nothing refers to, and that the analysis has not come to. */
static void
mark_unreferred(struct check *c, uint64_t start, uint64_t end, uint64_t lsda)
{
	uint64_t at = start - c->code.addr;

	(void)lsda;
	if (at == end - c->code.addr || (c->referred[at / 8] >> at % 8 & 1) ||
	    (c->is[at] & (SEEN | DEAD)))
		return;
	for (uint64_t i = at; i < end - c->code.addr; i++)
		c->is[i] |= DEAD;
	c->news = 1;
}

/* Mark all such functions, and those that only they refer to. */
static void
mark_all_unreferred(struct check *c)
{
	c->referred = calloc(c->code.len / 8 + 1, 1);
	if (c->referred == NULL)
		errx(1, "out of memory");
	do {
		c->news = 0;
		find_references(c);
		each_fde(c, mark_unreferred);
	} while (c->news);
	free(c->referred);
}

/* Mark what only stands behind calls that do not return. */
static void
mark_dead(struct check *c, uint64_t start, uint64_t end, uint64_t lsda)
{
	struct insn_effect e;

	(void)lsda;
	for (uint64_t at = start - c->code.addr; at < end - c->code.addr; at += e.len) {
		if (insn_outline(c->bytes + at, end - c->code.addr - at, 0, &e) < 0)
			return;
		if (e.flow == INSN_CALL && (c->is[at] & SEEN) &&
		    at + e.len < end - c->code.addr)
			mark(c, at + e.len, DEAD);
	}
}

static void
show(struct check *c, const char *what, uint64_t at)
{
	if (c->verbose && (c->verbose > 2 || c->shown++ < 60))
		printf("# %s at %" PRIx64 ", rule %x\n", what, c->code.addr + at, oracle(c, at));
}

static void
compare_insn(struct check *c, uint64_t at, unsigned known, const struct insn_effect *e)
{
	c->insns++;
	if (c->is[at] & PAD) {
		c->pads++;
	} else if ((c->is[at] & DEAD) || (e->filler && !(c->is[at] & SEEN))) {
		c->dead++;
	} else if (c->is[at] & LAG) {
		c->lag++;
	} else if (known && (c->is[at] & AGREES)) {
		c->equal++;
	} else if (known && c->constant && !(c->is[at] & DISAGREES)) {
		c->odd++;
	} else if (known && (c->is[at] & DISAGREES) &&
	    (c->constant || ((c->is[at] & LOST_FP) && STEP_FP_WORDS(oracle(c, at)) == 0 &&
	                        STEP_KIND(oracle(c, at)) != STEP_DEREF))) {
		c->odd++;
	} else if (known && (c->is[at] & DISAGREES)) {
		c->wrong++;
		c->wrong_calls += e->flow == INSN_CALL;
		show(c, "wrong", at);
	} else {
		c->unknown++;
		if (c->verbose > 1)
			show(c, c->is[at] & SEEN ? "lost" : "unknown", at);
	}
}

/* Check whether a function has the same rule from its first byte to its last. */
static int
is_constant(const struct check *c, uint64_t from, uint64_t to)
{
	for (uint64_t at = from; at < to; at++)
		if (oracle(c, at) != oracle(c, from))
			return 0;
	return 1;
}

/* Compare the instructions of a function. */
static void
compare(struct check *c, uint64_t start, uint64_t end, const struct unwind_table *ours)
{
	struct insn_effect e;
	int sure = 0; /* the instruction before falls through, and is equal or lags */

	c->constant = (c->is[start - c->code.addr] & AGREES) &&
	    is_constant(c, start - c->code.addr, end - c->code.addr);
	for (uint64_t at = start - c->code.addr; at < end - c->code.addr; at += e.len) {
		unsigned kind = STEP_KIND(oracle(c, at));

		if (insn_outline(c->bytes + at, end - c->code.addr - at, 0, &e) < 0)
			return;
		if (kind == STEP_BAD || kind == STEP_ROOT || kind == STEP_NONE ||
		    kind == STEP_CLONE || kind == STEP_SIGNAL || kind == STEP_PLT ||
		    kind == STEP_REG || kind == STEP_AT) {
			c->bad++;
			sure = 0;
			continue;
		}
		if (sure && (c->is[at] & DISAGREES))
			c->is[at] |= LAG;
		compare_insn(c, at,
		    STEP_KIND(unwind_rule(ours, c->code.offset + at)) != STEP_NONE, &e);
		sure = (c->is[at] & (AGREES | LAG)) != 0 && e.flow != INSN_JUMP &&
		    e.flow != INSN_STOP && e.flow != INSN_RETURN && e.flow != INSN_CALL;
	}
}

static const struct unwind_table *our_table;

static void
compare_fde(struct check *c, uint64_t start, uint64_t end, uint64_t lsda)
{
	(void)lsda;
	compare(c, start, end, our_table);
}

/* Make a table of rows. */
static void
make_table(const struct check *c, const struct synth_rows *rows, struct unwind_table *t)
{
	uint32_t n = 0;

	memset(t, 0, sizeof *t);
	t->row = reallocarray(NULL, 2 * rows->n + 1, sizeof *t->row);
	for (size_t i = 0; i < rows->n && t->row; i++) {
		uint64_t at = rows->row[i].addr - c->code.addr + c->code.offset;

		if (rows->row[i].addr - c->code.addr >= c->code.len)
			continue;
		if (n && t->row[n - 1].offset == at)
			n--;
		t->row[n++] = (struct step_row){ (uint32_t)at, rows->row[i].rule };
		t->row[n++] = (struct step_row){ (uint32_t)at + rows->row[i].len, 0 };
	}
	t->nrow = n;
	if (t->row == NULL || unwind_index(t) < 0)
		errx(1, "out of memory");
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Find the largest executable segment. */
static int
find_code(struct check *c)
{
	struct elf_file_segment s;

	for (size_t i = 0; elf_file_exec_segment(c->file, i, &s) == 0; i++)
		if (s.len > c->code.len)
			c->code = s;
	return c->code.len ? 0 : -1;
}

static void
report(const struct check *c, const char *path, int stripped, double seconds, size_t rows)
{
	uint64_t all = c->equal + c->unknown + c->wrong + c->lag + c->odd;
	double of = (double)(all ? all : 1) / 100, every = (double)(c->insns + !c->insns) / 100;

	printf("%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%.3f\t%.3f\t%" PRIu64 "\t%" PRIu64
	       "\t%" PRIu64 "\t%" PRIu64 "\t%.1f\t%.1f\t%.2f\t%.1f\t%zu\n", path,
	    stripped ? "stripped" : "sym", c->code.len / 1024, all,
	    (double)c->equal / of, (double)c->unknown / of, c->wrong, c->wrong_calls, c->lag,
	    c->odd,
	    (double)c->pads / every, (double)c->dead / every, seconds,
	    (double)c->code.len / 1e6 / (seconds > 0 ? seconds : 1), rows);
	fflush(stdout);
}

static int
check_file(const char *path, const struct elf_file *apart, int stripped, int verbose,
    uint64_t watch)
{
	struct synth_file_options o = { .apart = apart, .no_symbols = stripped,
		.see = see };
	struct check c = { .verbose = verbose, .watch = watch };
	struct unwind_table ours;
	struct synth_rows rows;
	const char *error;
	double begin;
	size_t len;
	struct elf_file *file = elf_file_open_path(path, &error);

	c.file = file;
	if (file == NULL || (error = cfi_compile(&c.table, file, NULL)) || find_code(&c) < 0) {
		warnx("%s: %s", path, error ? error : "no code");
		elf_file_close(file);
		return 1;
	}
	c.bytes = elf_file_bytes(file, &len) + c.code.offset;
	c.is = calloc(c.code.len + 1, 1);
	if (c.is == NULL)
		errx(1, "out of memory");
	each_fde(&c, mark_insns);
	o.ctx = &c;
	begin = now();
	if (synth_file_rows(file, NULL, 0, &o, &rows) < 0)
		errx(1, "%s: out of memory", path);
	begin = now() - begin;
	make_table(&c, &rows, &ours);
	our_table = &ours;
	each_fde(&c, mark_function_pads);
	each_fde(&c, mark_dead);
	mark_all_unreferred(&c);
	each_fde(&c, compare_fde);
	report(&c, path, stripped, begin, rows.n);
	free(rows.row);
	unwind_free(&ours);
	unwind_free(&c.table);
	free(c.is);
	elf_file_close(file);
	return 0;
}

int
main(int argc, char *argv[])
{
	int stripped = 0, verbose = 0, status = 0, ch;
	struct elf_file *apart = NULL;
	const char *error;
	uint64_t watch = 0;

	while ((ch = getopt(argc, argv, "a:d:sv")) != -1) {
		if (ch == 's')
			stripped = 1;
		else if (ch == 'a')
			watch = strtoull(optarg, NULL, 16);
		else if (ch == 'd' && (apart = elf_file_open_path(optarg, &error)) == NULL)
			errx(1, "%s: %s", optarg, error);
		else if (ch == 'd')
			continue;
		else if (ch == 'v')
			verbose++;
		else
			return 2;
	}
	for (int i = optind; i < argc; i++)
		status |= check_file(argv[i], apart, stripped, verbose, watch);
	elf_file_close(apart);
	return status;
}
