/*
 * The index is an array, sorted by address, of where functions begin and where their
 * entries stand.  part[] has a pointer for each part of the code, NULL until it is
 * made; made[] has those that have been, in that order.
 */
#include "unwind/early.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "elf/elf_file.h"
#include "unwind/cfa.h"
#include "unwind/code.h"
#include "unwind/fde.h"
#include "unwind/unwind.h"

#define PART (UINT32_C(1) << EARLY_SHIFT)
#define LATER STEP_RULE(STEP_LATER, 0, 0)

/* Code that has one rule, unless it has an entry. */
struct fixed {
	uint64_t start, end; /* file offsets */
	uint32_t rule;
};

struct early {
	struct elf_file *elf;
	struct elf_file_segment segment[ELF_FILE_SEGMENTS]; /* of code */
	size_t nsegment;
	struct fde_section entries;
	struct elf_file_section index; /* from the header on */
	size_t nindex;
	struct fixed *fixed;
	size_t nfixed, fixed_room;
	uint32_t start, end; /* of all parts */
	struct early_part **part, **made;
	size_t nmade, made_room;
};

/* Rows of the part that is being made. */
struct rows {
	uint32_t start, end;
	struct step_row *row;
	size_t n, room;
	int nomem;
};

/* ---- opening ----------------------------------------------------------- */

#define INDEX_HEAD 12 /* bytes: four of encodings, where .eh_frame is, how many */
#define INDEX_ENTRY 8 /* bytes: two numbers */

static uint64_t
index_number(const struct early *e, size_t at)
{
	int32_t n;

	memcpy(&n, e->index.bytes + at, sizeof n);
	return e->index.addr + (uint64_t)(int64_t)n;
}

/* Returns the address that entry i of the index is for, or that of its FDE. */
static uint64_t
index_code(const struct early *e, size_t i)
{
	return index_number(e, INDEX_HEAD + INDEX_ENTRY * i);
}

static uint64_t
index_fde(const struct early *e, size_t i)
{
	return index_number(e, INDEX_HEAD + INDEX_ENTRY * i + 4);
}

/* Find the index and the entries.  Returns -1 if they are not as all linkers write
 * them. */
static int
find_index(struct early *e)
{
	/* version, DW_EH_PE_pcrel | sdata4, udata4, datarel | sdata4 */
	static const unsigned char head[] = { 1, 0x1b, 0x03, 0x3b };
	struct elf_file_section entries = elf_file_section(e->elf, ".eh_frame");
	uint32_t n;

	e->index = elf_file_eh_frame_hdr(e->elf);
	if (entries.bytes == NULL)
		entries = elf_file_eh_frame(e->elf);
	if (entries.bytes == NULL || e->index.bytes == NULL || e->index.len < INDEX_HEAD ||
	    memcmp(e->index.bytes, head, sizeof head) != 0)
		return -1;
	memcpy(&n, e->index.bytes + 8, sizeof n);
	e->nindex = n;
	fde_begin(&e->entries, entries, 0);
	return n && n <= (e->index.len - INDEX_HEAD) / INDEX_ENTRY ? 0 : -1;
}

/* Find the code.  Returns -1 if there is none, or memory is short. */
static int
find_code(struct early *e)
{
	uint64_t start = UINT64_MAX, end = 0;

	while (e->nsegment < ELF_FILE_SEGMENTS &&
	    elf_file_exec_segment(e->elf, e->nsegment, &e->segment[e->nsegment]) == 0) {
		const struct elf_file_segment *s = &e->segment[e->nsegment++];

		if (s->offset < start)
			start = s->offset;
		if (s->offset + s->len > end)
			end = s->offset + s->len;
	}
	start &= ~(uint64_t)(PART - 1);
	end = (end + PART - 1) & ~(uint64_t)(PART - 1);
	if (start >= end || end > UINT32_MAX)
		return -1;
	e->start = (uint32_t)start;
	e->end = (uint32_t)end;
	e->part = calloc((end - start) >> EARLY_SHIFT, sizeof *e->part);
	return e->part ? 0 : -1;
}

static void
add_fixed(void *ctx, uint64_t addr, uint64_t len, uint32_t rule)
{
	struct early *e = ctx;
	uint64_t offset;

	if (len && elf_file_addr_to_offset(e->elf, addr, &offset) == 0 &&
	    array_room(&e->fixed, e->nfixed, &e->fixed_room, sizeof *e->fixed) == 0)
		e->fixed[e->nfixed++] = (struct fixed){ offset, offset + len, rule };
}

struct early *
early_open(struct elf_file *elf)
{
	struct early *e = calloc(1, sizeof *e);

	if (e == NULL) {
		elf_file_close(elf);
		return NULL;
	}
	e->elf = elf;
	if (find_index(e) == 0 && find_code(e) == 0) {
		code_plt(elf, add_fixed, e);
		return e;
	}
	early_close(e);
	return NULL;
}

void
early_close(struct early *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->nmade; i++)
		free(e->made[i]);
	free(e->made);
	free(e->part);
	free(e->fixed);
	elf_file_close(e->elf);
	free(e);
}

/* ---- parts ------------------------------------------------------------- */

/* Add a row, unless the rule holds already: it holds from the part's start on if it
 * comes before that, and is none of its rows behind the end. */
static void
emit(void *ctx, uint64_t offset, uint32_t rule)
{
	struct rows *r = ctx;
	struct step_row *last = r->n ? &r->row[r->n - 1] : NULL;

	if (offset < r->start)
		offset = r->start;
	if (offset >= r->end)
		return;
	if (last && last->offset == offset) {
		last->rule = rule;
		return;
	}
	if (last && last->rule == rule)
		return;
	if (array_room(&r->row, r->n, &r->room, sizeof *r->row) < 0) {
		r->nomem = 1;
		return;
	}
	r->row[r->n++] = (struct step_row){ (uint32_t)offset, rule };
}

/* Returns the last entry of the index at or before an address, 0 if there is none. */
static size_t
last_before(const struct early *e, uint64_t addr)
{
	size_t low = 0, high = e->nindex;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (index_code(e, mid) <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? low - 1 : 0;
}

/* Read the FDE that entry i of the index leads to.  Returns -1 if that is another
 * function's, or none. */
static int
read_entry(struct early *e, size_t i, struct fde *out)
{
	uint64_t at = index_fde(e, i) - e->entries.s.addr;

	return fde_read(&e->entries, &at, out) == FDE_READ && out->addr == index_code(e, i)
	    ? 0
	    : -1;
}

/* Emit the rules of code without entries. */
static void
emit_gap(const struct early *e, struct rows *r, uint64_t from, uint64_t to)
{
	if (from >= to || to <= r->start)
		return;
	emit(r, from, LATER);
	for (size_t i = 0; i < e->nfixed; i++) {
		const struct fixed *f = &e->fixed[i];

		if (f->start < from || f->end > to)
			continue;
		emit(r, f->start, f->rule);
		emit(r, f->end, LATER);
	}
}

/* Emit the rows of an entry's function, in a segment, which covers code up to *end.
 * Where two functions lie in each other only the whole table tells which counts. */
static void
compile(const struct early *e, const struct elf_file_segment *s, const struct fde *f,
    struct rows *r, uint64_t *end)
{
	uint64_t from = f->addr - s->addr + s->offset, to = from + f->len;

	if (f->len == 0 || f->addr < s->addr || f->addr - s->addr >= s->len ||
	    f->len > s->len - (f->addr - s->addr) || to <= *end)
		return;
	emit_gap(e, r, *end, from);
	if (from < *end)
		emit(r, *end, LATER);
	else
		cfa_run(&f->cie.cfa, f->program, f->stop, from, to, emit, r);
	/* During its system call a signal frame's pc stands behind it. */
	*end = to + (uint64_t)f->cie.cfa.signal;
}

/* Emit the rows of the code that a segment has in a part. */
static void
compile_segment(struct early *e, const struct elf_file_segment *s, struct rows *r)
{
	uint64_t from = r->start > s->offset ? r->start : s->offset, end = s->offset;
	uint64_t to = r->end < s->offset + s->len ? r->end : s->offset + s->len;
	struct fde f;
	size_t i;

	if (from >= to)
		return;
	i = last_before(e, from - s->offset + s->addr);
	for (; i < e->nindex && index_code(e, i) < to - s->offset + s->addr; i++)
		if (read_entry(e, i, &f) == 0)
			compile(e, s, &f, r, &end);
	if (i < e->nindex && index_code(e, i) - s->addr < s->len)
		to = index_code(e, i) - s->addr + s->offset;
	else
		to = s->offset + s->len;
	emit_gap(e, r, end, to);
}

/* Copy the rows that a table has of a part. */
static void
copy_rows(const struct unwind_table *t, struct rows *r)
{
	uint32_t low = 0, high = t->nrow;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (t->row[mid].offset <= r->start)
			low = mid + 1;
		else
			high = mid;
	}
	emit(r, r->start, low ? t->row[low - 1].rule : STEP_RULE(STEP_NONE, 0, 0));
	for (; low < t->nrow && t->row[low].offset < r->end; low++)
		emit(r, t->row[low].offset, t->row[low].rule);
}

/* Make the part that begins at an offset.  Returns NULL if memory is short. */
static struct early_part *
make(struct early *e, uint32_t start, const struct unwind_table *table)
{
	struct rows r = { .start = start, .end = start + PART };
	struct early_part *p;

	if (table)
		copy_rows(table, &r);
	else
		emit(&r, start, LATER);
	for (size_t i = 0; table == NULL && i < e->nsegment; i++)
		compile_segment(e, &e->segment[i], &r);
	p = r.nomem ? NULL : malloc(sizeof *p + r.n * sizeof *p->row);
	if (p && array_room(&e->made, e->nmade, &e->made_room, sizeof *e->made) < 0) {
		free(p);
		p = NULL;
	}
	if (p) {
		p->start = start;
		p->nrow = (uint32_t)r.n;
		memcpy(p->row, r.row, r.n * sizeof *p->row);
		e->made[e->nmade++] = p;
	}
	free(r.row);
	return p;
}

uint32_t
early_rule(struct early *e, uint64_t offset, const struct unwind_table *table)
{
	struct early_part **p;
	uint32_t low = 0, high;

	if (offset < e->start || offset >= e->end)
		return LATER;
	p = &e->part[(offset - e->start) >> EARLY_SHIFT];
	if (*p == NULL)
		*p = make(e, (uint32_t)offset & ~(PART - 1), table);
	high = *p ? (*p)->nrow : 0;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if ((*p)->row[mid].offset <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? (*p)->row[low - 1].rule : LATER;
}

void
early_range(const struct early *e, uint32_t *start, uint32_t *end)
{
	*start = e->start;
	*end = e->end;
}

const struct early_part *
early_nth(const struct early *e, size_t i)
{
	return i < e->nmade ? e->made[i] : NULL;
}
