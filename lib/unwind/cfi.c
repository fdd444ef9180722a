/*
 * A section .eh_frame is a list of entries for ranges of code (unwind/fde), in no
 * order, each of which has a call frame program.  The compiler (struct compiler) reads
 * them into an array of struct entry, and adds entries for code that is known to have
 * none, which have one fixed rule instead of a program.  It sorts all by address and
 * executes one program after the other: each emits rows of the table.  Gaps between
 * entries get a rule, too: m->gap, which depends on how much of the code has entries.
 */
#include "unwind/cfi.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "elf/elf_file.h"
#include "unwind/cfa.h"
#include "unwind/code.h"
#include "unwind/fde.h"
#include "unwind/gap.h"
#include "unwind/unwind.h"

#define CODES ELF_FILE_SEGMENTS /* sections of code; of further ones nothing is counted */

struct entry {
	uint64_t start, end; /* file offsets */
	struct fde_cie cie;
	const unsigned char *program, *stop; /* NULL: there is none */
	uint32_t fixed; /* a rule for all of it, instead of a program */
	uint32_t order; /* real ones before made ones */
};

struct compiler {
	const struct elf_file *elf, *apart;
	struct elf_file_segment segment[ELF_FILE_SEGMENTS];
	size_t nsegment;
	struct elf_file_segment code[CODES]; /* what of them is code */
	size_t ncode;
	struct entry *entry;
	size_t nentry, entry_room;
	uint32_t gap;   /* the rule for code without an entry */
	struct gap_rows made; /* what is known of such code, nevertheless */
	size_t next;          /* of them, to be emitted */
	uint64_t first; /* see elf_file_entry(); 0: none */
	int libc;     /* it may be a C library, and is searched for code of one */
	struct unwind_table *t;
	size_t row_room;
	int nomem;
	const atomic_int *stop;
};

static int
stopped(const struct compiler *m)
{
	return m->nomem || (m->stop && atomic_load(m->stop));
}

/* Find the file offset of code.  Returns -1 where there is none: sections that the
 * linker dropped leave entries at address 0. */
static int
code_offset(const struct compiler *m, uint64_t addr, uint64_t len, uint64_t *out)
{
	for (size_t i = 0; i < m->nsegment; i++) {
		const struct elf_file_segment *s = &m->segment[i];

		if (addr >= s->addr && addr - s->addr < s->len &&
		    len <= s->len - (addr - s->addr)) {
			*out = addr - s->addr + s->offset;
			return *out + len <= UINT32_MAX ? 0 : -1;
		}
	}
	return -1;
}

/* Add an entry for code.  Returns NULL if there is no such code, or no memory. */
static struct entry *
add_entry(struct compiler *m, uint64_t addr, uint64_t len)
{
	struct entry *f;
	uint64_t offset;

	if (len == 0 || code_offset(m, addr, len, &offset) < 0)
		return NULL;
	if (array_room(&m->entry, m->nentry, &m->entry_room, sizeof *m->entry) < 0) {
		m->nomem = 1;
		return NULL;
	}
	f = &m->entry[m->nentry++];
	memset(f, 0, sizeof *f);
	f->start = offset;
	f->end = offset + len;
	f->order = (uint32_t)m->nentry;
	return f;
}

/* Read the entries of a section. */
static void
read_section(struct compiler *m, struct elf_file_section section, int debug)
{
	struct fde_section f;
	enum fde_got got;
	struct entry *e;
	struct fde fde;
	uint64_t at = 0;

	fde_begin(&f, section, debug);
	while (!stopped(m) && (got = fde_read(&f, &at, &fde)) != FDE_END)
		if (got == FDE_DAMAGED)
			m->t->skipped++;
		else if (got == FDE_READ && (e = add_entry(m, fde.addr, fde.len))) {
			e->cie = fde.cie;
			e->program = fde.program;
			e->stop = fde.stop;
		}
}

/* Read .debug_frame of a file, which the program itself does not need: for functions that
 * have no entry in .eh_frame, such as 128-bit division in the std of Debian's Rust 1.63.
 * Entries refer to *data, which is the caller's to free. */
static void
read_debug_frame(struct compiler *m, const struct elf_file *elf, struct elf_file_data *data)
{
	*data = elf_file_data(elf, ".debug_frame");
	if (data->bytes)
		read_section(m, (struct elf_file_section){ .bytes = data->bytes, .len = data->len },
		    1);
}

/* ---- rows -------------------------------------------------------------- */

/* Add a row, unless the rule holds already. */
static void
emit(void *ctx, uint64_t offset, uint32_t r)
{
	struct compiler *m = ctx;
	struct unwind_table *t = m->t;
	struct step_row *last = t->nrow ? &t->row[t->nrow - 1] : NULL;

	if (last && last->offset == offset) {
		last->rule = r;
		return;
	}
	if (last && last->rule == r)
		return;
	if (array_room(&t->row, t->nrow, &m->row_room, sizeof *t->row) < 0) {
		m->nomem = 1;
		return;
	}
	t->row[t->nrow].offset = (uint32_t)offset;
	t->row[t->nrow++].rule = r;
}

static void
compile_fde(struct compiler *m, const struct entry *f)
{
	if (f->program == NULL)
		emit(m, f->start, f->fixed);
	else if (cfa_run(&f->cie.cfa, f->program, f->stop, f->start, f->end, emit,
	             m) < 0)
		m->t->skipped++;
}

/* Order entries by address; real ones come before made ones. */
static int
by_start(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Count code without rows, unless it is padding, or no code. */
static void
count_bare(struct compiler *m, uint64_t from, uint64_t to)
{
	size_t len;
	const unsigned char *bytes = elf_file_bytes(m->elf, &len);

	for (size_t i = 0; i < m->ncode; i++) {
		const struct elf_file_segment *s = &m->code[i];
		uint64_t start = from < s->offset ? s->offset : from;
		uint64_t end = to < s->offset + s->len ? to : s->offset + s->len;

		if (start < end && !gap_is_padding(bytes + start, end - start))
			m->t->bare += (uint32_t)(end - start);
	}
}

/* Return the rule of a byte between two entries, if nothing is known of it. */
static uint32_t
gap_rule(const struct compiler *m, uint64_t at, uint64_t to)
{
	/* The loader's _start, and what it goes on to, has no caller. */
	if (m->first && at >= m->first && m->first < to && to - m->first <= 256)
		return STEP_RULE(STEP_ROOT, 0, 0);
	return m->gap;
}

/* Emit the rows that were made from code between two entries. */
static void
emit_made(struct compiler *m, uint64_t from, uint64_t to)
{
	const struct gap_row *row = m->made.row;
	uint64_t end = from;

	while (m->next < m->made.n && row[m->next].start < from)
		m->next++;
	for (; m->next < m->made.n && row[m->next].start < to; m->next++) {
		const struct gap_row *r = &row[m->next];

		if (STEP_KIND(r->rule) == STEP_NONE)
			continue;
		if (r->start > end) {
			count_bare(m, end, r->start);
			emit(m, end, gap_rule(m, end, to));
			if (m->first > end && m->first < r->start)
				emit(m, m->first, gap_rule(m, m->first, to));
		}
		emit(m, r->start, r->rule);
		end = r->start + r->len < to ? r->start + r->len : to;
		m->t->made += (uint32_t)(end - r->start);
	}
	count_bare(m, end, to);
	if (end == to)
		return;
	emit(m, end, gap_rule(m, end, to));
	if (m->first > end && m->first < to)
		emit(m, m->first, gap_rule(m, m->first, to));
}

/*
 * Emit the rules of code between two entries.  glibc's clone and clone3 end theirs
 * before the system call, because it would be wrong in the child: there the parent's
 * return address is still on top of the parent's stack.
 */
static void
emit_gap(struct compiler *m, uint64_t from, uint64_t to)
{
	size_t len;
	const unsigned char *bytes = elf_file_bytes(m->elf, &len);

	if (m->libc && code_is_clone(bytes, len, from, to)) {
		emit(m, from, STEP_RULE(STEP_CLONE, 0, 0));
		m->t->listed += (uint32_t)(to - from);
	} else if (from < to) {
		emit_made(m, from, to);
	}
}

/* Returns whether functions keep frame pointers: then some page in four has one that
 * begins so. */
static int
keeps_pointers(const struct compiler *m)
{
	uint64_t all = 0, found = 0;
	size_t len;
	const unsigned char *bytes = elf_file_bytes(m->elf, &len);

	for (size_t i = 0; i < m->nsegment; i++) {
		all += m->segment[i].len;
		found += code_prologues(bytes + m->segment[i].offset, m->segment[i].len);
	}
	return found > all / 16384;
}

/* Returns whether it is musl, which has no entries, and sets the frame pointer to 0 for
 * its first frames. */
static int
is_musl(const struct compiler *m)
{
	size_t len;
	const unsigned char *bytes = elf_file_bytes(m->elf, &len);

	for (size_t i = 0; i < m->nsegment; i++)
		if (code_has_musl_clone(bytes + m->segment[i].offset, m->segment[i].len))
			return 1;
	return 0;
}

/* Choose the rule for code without entries.  How much of the code has entries shows
 * whether its compiler made any: a linker and the C runtime add few to others. */
static void
choose_gap(struct compiler *m)
{
	uint64_t code = 0, covered = 0;

	for (size_t i = 0; i < m->nsegment; i++)
		code += m->segment[i].len;
	for (size_t i = 0; i < m->nentry; i++)
		covered += m->entry[i].end - m->entry[i].start;
	if (m->libc && is_musl(m))
		m->gap = STEP_RULE(STEP_FIRST, 0, 0);
	else if (covered * 8 < code && keeps_pointers(m))
		m->gap = STEP_RULE(STEP_FRAME, 0, 0);
	else
		m->gap = STEP_RULE(STEP_NONE, 0, 0);
}

/* Find where the code of all segments begins and ends. */
static struct gap_range
whole_code(const struct compiler *m)
{
	struct gap_range all = { UINT64_MAX, 0 };

	for (size_t i = 0; i < m->nsegment; i++) {
		const struct elf_file_segment *s = &m->segment[i];

		if (s->offset < all.start)
			all.start = s->offset;
		if (s->offset + s->len > all.end)
			all.end = s->offset + s->len;
	}
	if (all.end > UINT32_MAX)
		all.end = UINT32_MAX;
	return all;
}

/* Make rows of code that no entry covers.  Returns -1 if memory ended, or to stop. */
static int
make_rows(struct compiler *m)
{
	struct gap_range *covered = reallocarray(NULL, m->nentry + 1, sizeof *covered);
	uint64_t end = 0;
	size_t n = 0;
	int status;

	if (covered == NULL)
		return -1;
	for (size_t i = 0; i < m->nentry; i++) {
		const struct entry *f = &m->entry[i];
		uint64_t start = f->start < end ? end : f->start;

		if (start >= f->end)
			continue;
		covered[n++] = (struct gap_range){ start, f->end };
		end = f->end;
	}
	status = gap_make(m->elf, m->apart, covered, n, m->stop, &m->made);
	free(covered);
	return status;
}

/* Emit the rows of all entries and gaps. */
static void
compile_fdes(struct compiler *m)
{
	struct gap_range all = whole_code(m);
	uint64_t end = all.start, more = 0;

	if (m->nsegment == 0)
		return;
	if (m->nentry)
		qsort(m->entry, m->nentry, sizeof *m->entry, by_start);
	if (make_rows(m) < 0) {
		m->nomem = 1;
		return;
	}
	for (size_t i = 0; i < m->nentry && !stopped(m); i++) {
		struct entry *f = &m->entry[i];

		/* Two functions folded into one have two entries. */
		if (f->start < end)
			f->start = end;
		if (f->start >= f->end)
			continue;
		if (f->start > end)
			emit_gap(m, end + more, f->start);
		compile_fde(m, f);
		end = f->end;
		m->t->listed += (uint32_t)(f->end - f->start);
		/* During its system call a signal frame's pc stands behind it. */
		more = f->cie.cfa.signal || STEP_KIND(f->fixed) == STEP_SIGNAL;
	}
	if (end + more < all.end)
		emit_gap(m, end + more, all.end);
	if (all.end > all.start)
		emit(m, all.end, STEP_RULE(STEP_NONE, 0, 0));
}

/* ---- code without entries ----------------------------------------------- */

/* Add an entry that has one rule for all of its code. */
static void
add_fixed(void *ctx, uint64_t addr, uint64_t len, uint32_t r)
{
	struct entry *f = add_entry(ctx, addr, len);

	if (f) {
		f->fixed = r;
		f->order = UINT32_MAX;
	}
}

/* Add entries for code that is known to have none. */
static void
add_missing(struct compiler *m)
{
	code_plt(m->elf, add_fixed, m);
	code_init(m->elf, ".init", add_fixed, m);
	code_init(m->elf, ".fini", add_fixed, m);
	for (size_t i = 0; m->libc && i < m->nsegment; i++)
		code_restorer(m->elf, &m->segment[i], add_fixed, m);
}

/* Read all entries that a file has, or that stand in a file apart (unless NULL). */
static void
read_entries(struct compiler *m, struct elf_file_data data[2])
{
	struct elf_file_section section = elf_file_section(m->elf, ".eh_frame");

	if (section.bytes == NULL)
		section = elf_file_eh_frame(m->elf);
	if (section.bytes)
		read_section(m, section, 0);
	read_debug_frame(m, m->elf, &data[0]);
	if (m->apart)
		read_debug_frame(m, m->apart, &data[1]);
}

const char *
cfi_compile(struct unwind_table *t, const struct elf_file *elf, const atomic_int *stop)
{
	return cfi_compile_with(t, elf, NULL, stop);
}

const char *
cfi_compile_with(struct unwind_table *t, const struct elf_file *elf,
    const struct elf_file *apart, const atomic_int *stop)
{
	struct elf_file_data data[2] = { { .own = NULL } };
	struct compiler m;

	memset(t, 0, sizeof *t);
	memset(&m, 0, sizeof m);
	m.t = t;
	m.elf = elf;
	m.apart = apart;
	t->apart = apart != NULL;
	m.stop = stop;
	m.libc = !elf_file_needs(elf, "libc.");
	if (elf_file_entry(elf, &m.first) < 0)
		m.first = 0;
	while (m.nsegment < ELF_FILE_SEGMENTS &&
	    elf_file_exec_segment(elf, m.nsegment, &m.segment[m.nsegment]) == 0)
		m.nsegment++;
	while (m.ncode < CODES && elf_file_code(elf, m.ncode, &m.code[m.ncode]) == 0)
		m.ncode++;
	read_entries(&m, data);
	choose_gap(&m);
	add_missing(&m);
	compile_fdes(&m);
	free(m.entry);
	free(m.made.row);
	free(data[0].own);
	free(data[1].own);
	if (!stopped(&m) && unwind_index(t) == 0)
		return NULL;
	unwind_free(t);
	return "out of memory";
}
