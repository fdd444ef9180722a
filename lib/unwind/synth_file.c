/*
 * Where functions begin is gathered in an array of addresses, in any order and with
 * repetitions, which is sorted in the end.  Code that has unwind information is swept
 * from one instruction to the next for what it calls and refers to; it is known where
 * its functions begin, so it is decoded in step.  Code that has none is swept, too, but
 * what is found there may be data: it counts less.
 */
#include "unwind/synth_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "elf/dynamic.h"
#include "elf/elf_file.h"
#include "elf/insn_effect.h"
#include "elf/minidebug.h"
#include "unwind/synth.h"

#define SEGMENTS 64

struct gather {
	const struct elf_file *file, *apart;
	struct synth_segment segment[SEGMENTS];
	size_t nsegment;
	struct synth_start *start;
	size_t nstart, start_room;
	uint64_t *address;
	size_t naddress, address_room;
	struct synth_pointer *pointer;
	size_t npointer, pointer_room;
	uint64_t *noreturn;
	size_t nnoreturn, noreturn_room;
	const struct synth_range *covered;
	size_t ncovered;
	uint64_t entry; /* of the program, or 0 */
	int only_entry;
	int fixed;  /* its addresses are those that it runs at: constants may be some */
	int failed; /* memory has ended, or somebody wants it to stop */
	const atomic_int *stop;
};

/* ---- arrays --------------------------------------------------------------- */

static void
append_start(struct gather *g, uint64_t addr, unsigned how)
{
	if (array_room(&g->start, g->nstart, &g->start_room, sizeof *g->start) < 0)
		g->failed = 1;
	else
		g->start[g->nstart++] = (struct synth_start){ addr, how };
}

static void
add_number(struct gather *g, uint64_t **array, size_t *n, size_t *room, uint64_t number)
{
	if (array_room(array, *n, room, sizeof number) < 0)
		g->failed = 1;
	else
		(*array)[(*n)++] = number;
}

/* Find the segment that an address is in, or NULL. */
static const struct synth_segment *
segment_at(const struct gather *g, uint64_t addr)
{
	for (size_t i = 0; i < g->nsegment; i++)
		if (addr - g->segment[i].addr < g->segment[i].len)
			return &g->segment[i];
	return NULL;
}

/* Add a start, if it is in code that is not covered. */
static void
add_start(struct gather *g, uint64_t addr, unsigned how)
{
	const struct synth_segment *s = segment_at(g, addr);
	size_t n;

	if (s == NULL || !s->exec)
		return;
	n = array_upto(g->covered, g->ncovered, sizeof *g->covered, addr);
	if (n == 0 || g->covered[n - 1].end <= addr)
		append_start(g, addr, how);
}

/* Add an address that is taken. */
static void
add_address(struct gather *g, uint64_t addr)
{
	const struct synth_segment *s = segment_at(g, addr);

	if (s == NULL)
		return;
	if (s->exec)
		add_start(g, addr, SYNTH_LABEL);
	add_number(g, &g->address, &g->naddress, &g->address_room, addr);
}

/* Sort numbers, and keep each once.  Returns how many there are. */
static size_t
sort_numbers(uint64_t *number, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(number, n, sizeof *number, array_order);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || number[kept - 1] != number[i])
			number[kept++] = number[i];
	return kept;
}

/* Sort starts, and keep each address once. */
static void
sort_starts(struct gather *g)
{
	size_t n = 0;

	if (g->nstart)
		qsort(g->start, g->nstart, sizeof *g->start, array_order);
	for (size_t i = 0; i < g->nstart; i++)
		if (n && g->start[n - 1].addr == g->start[i].addr)
			g->start[n - 1].how |= g->start[i].how;
		else
			g->start[n++] = g->start[i];
	g->nstart = n;
}

/* ---- tables of the file ------------------------------------------------------ */

static void
add_symbol(void *ctx, const char *table, const struct elf_file_symbol *symbol)
{
	struct gather *g = ctx;

	(void)table;
	if (symbol->addr)
		add_start(g, symbol->addr, symbol->size == 0 ? SYNTH_LABEL
		        : symbol->local                  ? SYNTH_HELD
		                                         : SYNTH_FUNCTION);
}

/* Only what a loader needs: as in a stripped file. */
static void
add_dynamic_symbol(void *ctx, const char *table, const struct elf_file_symbol *symbol)
{
	if (strcmp(table, ".dynsym") == 0)
		add_symbol(ctx, table, symbol);
}

static void
gather_symbols(struct gather *g, int stripped)
{
	struct elf_file *inside = stripped ? NULL : minidebug_open(g->file);

	elf_file_symbols(g->file, stripped ? add_dynamic_symbol : add_symbol, g);
	if (inside)
		elf_file_symbols(inside, add_symbol, g);
	if (g->apart)
		elf_file_symbols(g->apart, add_symbol, g);
	elf_file_close(inside);
}

/* Check whether a function of another file never returns. */
static int
never_returns(const char *name)
{
	static const char *const names[] = { "abort", "exit", "_exit", "_Exit",
		"quick_exit", "pthread_exit", "longjmp", "_longjmp", "siglongjmp",
		"__longjmp_chk", "__stack_chk_fail", "__chk_fail", "__fortify_fail",
		"__assert_fail", "__assert_perror_fail", "__assert", "_Unwind_Resume",
		"__cxa_throw", "__cxa_rethrow", "__cxa_bad_cast", "__cxa_bad_typeid",
		"__cxa_throw_bad_array_new_length", "__cxa_throw_bad_array_length",
		"__cxa_call_unexpected", "__cxa_call_terminate", "__cxa_pure_virtual",
		"__cxa_deleted_virtual", "_ZSt9terminatev", "_ZSt10unexpectedv", "err",
		"errx", "verr", "verrx", "g_abort", "g_assertion_message",
		"g_assertion_message_expr", "__libc_fatal" };
	const char *p;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return 1;
	/* core::panicking::panic..., assert_failed... */
	p = strstr(name, "4core9panicking");
	if (p && name[0] == '_') {
		p += strlen("4core9panicking");
		p += strspn(p, "0123456789");
		return strncmp(p, "panic", 5) == 0 || strncmp(p, "assert_", 7) == 0;
	}
	/* std::__throw_... */
	p = name;
	if (strncmp(p, "_ZSt", 4) != 0)
		return 0;
	p += 4;
	p += strspn(p, "0123456789");
	return strncmp(p, "__throw_", 8) == 0;
}

static void
add_word(void *ctx, const struct dynamic_word *w)
{
	struct gather *g = ctx;

	if (w->name && never_returns(w->name))
		add_number(g, &g->noreturn, &g->nnoreturn, &g->noreturn_room, w->at);
	if (!w->here)
		return;
	add_start(g, w->to, SYNTH_LABEL);
	if (array_room(&g->pointer, g->npointer, &g->pointer_room, sizeof *g->pointer) < 0)
		g->failed = 1;
	else
		g->pointer[g->npointer++] = (struct synth_pointer){ w->at, w->to, w->got };
}

/* Add addresses of code in data that no loader changes, as in a program that is meant
 * for fixed addresses.  Numbers may look like such. */
static void
add_constants(struct gather *g, const struct synth_segment *s)
{
	uint64_t at = (s->addr + 7) & ~UINT64_C(7), word;

	for (; at - s->addr + 8 <= s->len && !g->failed; at += 8) {
		memcpy(&word, s->bytes + (at - s->addr), sizeof word);
		add_start(g, word, SYNTH_NUMBER);
	}
}

/* ---- code --------------------------------------------------------------------- */

/* Take an instruction of code that is covered up to `end', or, if that is 0, of other
 * code. */
static void
take(struct gather *g, const struct insn_effect *e, uint64_t from, uint64_t end)
{
	if (e->to == INSN_DIRECT && e->flow != INSN_BRANCH &&
	    (e->flow == INSN_CALL || e->target < from || e->target >= end) &&
	    (e->flow == INSN_CALL || end))
		add_start(g, e->target, end ? SYNTH_FUNCTION : SYNTH_SWEPT);
	if (e->op == INSN_ADDRESS || (e->op == INSN_SET && g->fixed))
		add_address(g, (uint64_t)e->n);
}

/* Sweep code from one address to another. */
static void
sweep(struct gather *g, const struct synth_segment *s, uint64_t from, uint64_t to,
    int covered)
{
	struct insn_effect e;
	uint64_t at = from;

	while (at < to && !g->failed) {
		size_t filler = covered ? 0 : insn_filler(s->bytes + (at - s->addr),
		    (size_t)(to - at));

		if (filler) {
			at += filler;
			continue;
		}
		if (insn_outline(s->bytes + (at - s->addr), (size_t)(to - at), at, &e) < 0) {
			at++;
			continue;
		}
		if (e.to == INSN_DIRECT || e.op == INSN_ADDRESS || e.op == INSN_SET)
			take(g, &e, from, covered ? to : 0);
		at += e.len;
	}
	if (g->stop && atomic_load(g->stop))
		g->failed = 1;
}

/* Sweep a segment, what is covered and what is not. */
static void
sweep_segment(struct gather *g, const struct synth_segment *s)
{
	uint64_t at = s->addr, end = s->addr + s->len;

	for (size_t i = 0; i < g->ncovered && !g->failed; i++) {
		const struct synth_range *c = &g->covered[i];
		int known = g->only_entry &&
		    (g->entry == 0 || g->entry - c->addr >= c->end - c->addr);

		if (c->addr < s->addr || c->end > end)
			continue;
		if (at < c->addr)
			sweep(g, s, at, c->addr, 0);
		if (!known)
			sweep(g, s, c->addr, c->end, 1);
		at = c->end;
	}
	if (at < end)
		sweep(g, s, at, end, 0);
}

static void
add_segment(struct gather *g, const struct elf_file_segment *from, int exec)
{
	struct synth_segment *s = &g->segment[g->nsegment++];
	size_t len;

	s->addr = from->addr;
	s->len = from->len;
	s->bytes = elf_file_bytes(g->file, &len) + from->offset;
	s->exec = exec;
}

/* Gather what is loaded: first what is code.  All the rest is data, even if it could be
 * executed. */
static void
gather_segments(struct gather *g)
{
	struct elf_file_segment s;
	int exec;

	g->fixed = elf_file_is_fixed(g->file);
	for (size_t i = 0; g->nsegment < SEGMENTS / 2 && elf_file_code(g->file, i, &s) == 0;
	     i++)
		add_segment(g, &s, 1);
	for (size_t i = 0; g->nsegment < SEGMENTS &&
	     elf_file_load_segment(g->file, i, &s, &exec) == 0; i++)
		add_segment(g, &s, 0);
}

static void
gather_starts(struct gather *g, int stripped)
{
	uint64_t offset;

	if (elf_file_entry(g->file, &offset) == 0 &&
	    elf_file_offset_to_addr(g->file, offset, &g->entry) == 0)
		add_start(g, g->entry, SYNTH_ROOT);
	for (size_t i = 0; i < g->ncovered; i++)
		append_start(g, g->covered[i].addr, SYNTH_FUNCTION);
	gather_symbols(g, stripped);
	dynamic_words(g->file, add_word, g);
	for (size_t i = 0; i < g->nsegment && !g->failed; i++)
		if (g->segment[i].exec)
			sweep_segment(g, &g->segment[i]);
		else if (g->fixed)
			add_constants(g, &g->segment[i]);
}

int
synth_file_rows(const struct elf_file *file, const struct synth_range *covered, size_t n,
    const struct synth_file_options *o, struct synth_rows *out)
{
	struct gather g = { .file = file, .apart = o->apart, .covered = covered, .ncovered = n,
		.only_entry = o->only_entry, .stop = o->stop };
	struct synth_code code = { .segment = g.segment, .covered = covered, .ncovered = n,
		.stop = o->stop, .see = o->see, .ctx = o->ctx };
	int failed;

	gather_segments(&g);
	gather_starts(&g, o->no_symbols);
	sort_starts(&g);
	if (g.npointer)
		qsort(g.pointer, g.npointer, sizeof *g.pointer, array_order);
	code.nsegment = g.nsegment;
	code.start = g.start;
	code.nstart = g.nstart;
	code.address = g.address;
	code.naddress = sort_numbers(g.address, g.naddress);
	code.pointer = g.pointer;
	code.npointer = g.npointer;
	code.noreturn = g.noreturn;
	code.nnoreturn = sort_numbers(g.noreturn, g.nnoreturn);
	failed = g.failed || synth_rows(&code, out) < 0;
	free(g.start);
	free(g.address);
	free(g.pointer);
	free(g.noreturn);
	return failed ? -1 : 0;
}

int
synth_file_starts(const struct elf_file *file, const struct synth_range *covered, size_t n,
    struct synth_start **out, size_t *nout)
{
	struct gather g = { .file = file, .covered = covered, .ncovered = n };

	gather_segments(&g);
	gather_starts(&g, 0);
	sort_starts(&g);
	free(g.address);
	free(g.pointer);
	free(g.noreturn);
	if (g.failed) {
		free(g.start);
		return -1;
	}
	*out = g.start;
	*nout = g.nstart;
	return 0;
}
