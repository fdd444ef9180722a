/*
 * A line program is operations of a machine with a few registers (struct state):
 * some set the address, the file or the line, some make a row of what they are.  Rows
 * of a sequence ascend by address, and each holds up to the next; sequences are in no
 * order, and begin from the same state.  So an array of sequences, by address, with
 * the offset of each in the program, is all that is kept beside the tables of files and
 * directories.
 */
#include "elf/dwarf_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bytes.h"
#include "elf/dwarf_file.h"
#include "elf/dwarf_names.h"

#define OVERLAPS 16 /* sequences that are searched back from the last candidate */

struct sequence {
	uint64_t low, high;
	uint32_t at; /* offset in the program */
};

struct file {
	const char *name;
	uint64_t dir;
};

struct dwarf_lines {
	struct dwarf_unit *unit;
	struct bytes program;
	const unsigned char *begin;
	unsigned version, min_instruction, opcode_base, line_range;
	int line_base;
	const unsigned char *operands; /* how many opcodes from 1 on have */
	struct sequence *sequence;     /* by low */
	size_t nsequence, sequence_room;
	struct file *file;
	size_t nfile, file_room;
	const char **dir;
	size_t ndir, dir_room;
};

/* ---- files ------------------------------------------------------------- */

static int
add_dir(struct dwarf_lines *l, const char *name)
{
	if (array_room(&l->dir, l->ndir, &l->dir_room, sizeof *l->dir) < 0)
		return -1;
	l->dir[l->ndir++] = name;
	return 0;
}

static int
add_file(struct dwarf_lines *l, const char *name, uint64_t dir)
{
	if (array_room(&l->file, l->nfile, &l->file_room, sizeof *l->file) < 0)
		return -1;
	l->file[l->nfile++] = (struct file){ name, dir };
	return 0;
}

/* Read the tables of DWARF 4, 6.2.4: lists that end with an empty name; numbered from
 * 1, directory 0 is the unit's. */
static int
read_files_4(struct dwarf_lines *l, struct bytes *b)
{
	const char *name;
	uint64_t dir;

	if (add_dir(l, NULL) < 0 || add_file(l, NULL, 0) < 0)
		return -1;
	while (*(name = bytes_string(b)))
		if (add_dir(l, name) < 0)
			return -1;
	while (*(name = bytes_string(b))) {
		dir = bytes_uleb(b);
		bytes_uleb(b); /* time of its last change */
		bytes_uleb(b); /* size */
		if (add_file(l, name, dir) < 0)
			return -1;
	}
	return 0;
}

#define KINDS 16

/* A table of DWARF 5, 6.2.4.1: the fields of an entry, then n entries. */
struct table {
	struct {
		uint64_t kind;
		uint16_t form;
	} field[KINDS];
	unsigned nfield;
	uint64_t n;
};

static int
read_fields(struct table *t, struct bytes *b)
{
	unsigned n = (unsigned)bytes_take(b, 1);

	t->nfield = 0;
	for (unsigned i = 0; i < n; i++) {
		uint64_t kind = bytes_uleb(b);
		uint16_t form = (uint16_t)bytes_uleb(b);

		if (i < KINDS) {
			t->field[t->nfield].kind = kind;
			t->field[t->nfield++].form = form;
		}
	}
	t->n = bytes_uleb(b);
	/* An entry takes a byte at least. */
	return b->failed || n > KINDS || n == 0 || t->n > (uint64_t)(b->end - b->p) ? -1 : 0;
}

static struct file
read_entry(struct dwarf_lines *l, const struct table *t, struct bytes *b)
{
	struct file f = { NULL, 0 };

	for (unsigned i = 0; i < t->nfield; i++) {
		struct dwarf_value v = { .number = 0 };

		dwarf_take(l->unit, t->field[i].form, b, &v);
		if (t->field[i].kind == DW_LNCT_path)
			f.name = dwarf_string(l->unit, &v);
		else if (t->field[i].kind == DW_LNCT_directory_index)
			f.dir = v.number;
	}
	return f;
}

static int
read_files_5(struct dwarf_lines *l, struct bytes *b)
{
	struct table t;
	struct file f;

	if (read_fields(&t, b) < 0)
		return 0;
	for (uint64_t i = 0; i < t.n && !b->failed; i++)
		if (add_dir(l, read_entry(l, &t, b).name) < 0)
			return -1;
	if (read_fields(&t, b) < 0)
		return 0;
	for (uint64_t i = 0; i < t.n && !b->failed; i++) {
		f = read_entry(l, &t, b);
		if (add_file(l, f.name, f.dir) < 0)
			return -1;
	}
	return 0;
}

size_t
dwarf_lines_files(const struct dwarf_lines *l)
{
	return l->nfile;
}

const char *
dwarf_lines_file(const struct dwarf_lines *l, uint64_t n, const char **dir)
{
	const struct file *f = n < l->nfile ? &l->file[n] : NULL;

	*dir = f && f->dir < l->ndir ? l->dir[f->dir] : NULL;
	return f ? f->name : NULL;
}

/* ---- the program (6.2.5) ----------------------------------------------- */

struct state {
	uint64_t addr;
	struct dwarf_row row;
};

enum event { NONE, ROW, END };

static void
reset(struct state *s)
{
	*s = (struct state){ 0, { 1, 1, 0 } };
}

static enum event
extended(struct bytes *b, struct state *s)
{
	uint64_t len = bytes_uleb(b);
	const unsigned char *p = bytes_skip(b, len);

	if (p == NULL || len == 0)
		return NONE;
	if (*p == DW_LNE_end_sequence)
		return END;
	if (*p == DW_LNE_set_address && len == 9)
		memcpy(&s->addr, p + 1, 8);
	return NONE;
}

/* Execute a special opcode: it advances address and line, and makes a row. */
static enum event
special(const struct dwarf_lines *l, unsigned opcode, struct state *s)
{
	unsigned adjusted = opcode - l->opcode_base;

	s->addr += (uint64_t)(adjusted / l->line_range) * l->min_instruction;
	s->row.line += (uint64_t)(int64_t)(l->line_base + (int)(adjusted % l->line_range));
	return ROW;
}

static enum event
standard(const struct dwarf_lines *l, unsigned opcode, struct bytes *b, struct state *s)
{
	switch (opcode) {
	case DW_LNS_copy: return ROW;
	case DW_LNS_advance_pc: s->addr += bytes_uleb(b) * l->min_instruction; break;
	case DW_LNS_advance_line: s->row.line += (uint64_t)bytes_sleb(b); break;
	case DW_LNS_set_file: s->row.file = bytes_uleb(b); break;
	case DW_LNS_set_column: s->row.column = bytes_uleb(b); break;
	case DW_LNS_const_add_pc:
		s->addr += (uint64_t)((255 - l->opcode_base) / l->line_range) *
		    l->min_instruction;
		break;
	case DW_LNS_fixed_advance_pc: s->addr += bytes_take(b, 2); break;
	default:
		for (unsigned i = 0; i < l->operands[opcode - 1]; i++)
			bytes_uleb(b);
	}
	return NONE;
}

/* Execute up to the next row, or the end of the sequence. */
static enum event
next(const struct dwarf_lines *l, struct bytes *b, struct state *s)
{
	enum event e = NONE;

	while (e == NONE && b->p < b->end) {
		unsigned opcode = *b->p++;

		if (opcode >= l->opcode_base)
			e = special(l, opcode, s);
		else if (opcode)
			e = standard(l, opcode, b, s);
		else
			e = extended(b, s);
	}
	return b->failed ? NONE : e;
}

/* Note the range of each sequence.  Returns -1: out of memory. */
static int
find_sequences(struct dwarf_lines *l)
{
	struct bytes b = l->program;
	struct sequence q = { 0, 0, 0 };
	struct state s;
	enum event e;
	int first = 1;

	reset(&s);
	while ((e = next(l, &b, &s)) != NONE) {
		if (first)
			q.low = s.addr;
		first = 0;
		if (e == ROW)
			continue;
		q.high = s.addr;
		if (q.low < q.high && q.low >= DWARF_LOWEST) {
			if (array_room(&l->sequence, l->nsequence, &l->sequence_room, sizeof q) < 0)
				return -1;
			l->sequence[l->nsequence++] = q;
		}
		q.at = (uint32_t)(b.p - l->program.p);
		first = 1;
		reset(&s);
	}
	if (l->nsequence)
		qsort(l->sequence, l->nsequence, sizeof q, array_order);
	return 0;
}

/* Returns the sequence that has an address, or NULL. */
static const struct sequence *
sequence_of(const struct dwarf_lines *l, uint64_t addr)
{
	size_t last = array_upto(l->sequence, l->nsequence, sizeof *l->sequence, addr);

	for (size_t i = last; i > 0 && last - i < OVERLAPS; i--)
		if (addr < l->sequence[i - 1].high)
			return &l->sequence[i - 1];
	return NULL;
}

int
dwarf_lines_at(const struct dwarf_lines *l, uint64_t addr, struct dwarf_row *out)
{
	const struct sequence *q = sequence_of(l, addr);
	struct bytes b = l->program;
	struct state s, before;
	enum event e;

	if (q == NULL)
		return -1;
	b.p += q->at;
	reset(&s);
	for (before = s; (e = next(l, &b, &s)) != NONE && s.addr <= addr; before = s)
		if (e == END)
			return -1;
	if (before.addr > addr || before.addr < q->low)
		return -1;
	*out = before.row;
	return 0;
}

/* ---- reading ------------------------------------------------------------ */

static int
read_header(struct dwarf_lines *l, struct bytes *b)
{
	unsigned size;
	uint64_t len;

	l->begin = b->p;
	len = bytes_length(b, &size);
	if (len > (uint64_t)(b->end - b->p))
		return -1;
	b->end = b->p + len;
	l->version = (unsigned)bytes_take(b, 2);
	if (l->version < 2 || l->version > 5)
		return -1;
	if (l->version == 5)
		bytes_skip(b, 2);
	len = bytes_take(b, size);
	if (len > (uint64_t)(b->end - b->p))
		return -1;
	l->program = (struct bytes){ b->p + len, b->end, 0 };
	l->min_instruction = (unsigned)bytes_take(b, 1);
	if (l->version >= 4)
		bytes_skip(b, 1);
	bytes_skip(b, 1);
	l->line_base = (signed char)bytes_take(b, 1);
	l->line_range = (unsigned)bytes_take(b, 1);
	l->opcode_base = (unsigned)bytes_take(b, 1);
	l->operands = bytes_skip(b, l->opcode_base ? l->opcode_base - 1 : 0);
	return b->failed || l->line_range == 0 || l->opcode_base == 0 ? -1 : 0;
}

struct dwarf_lines *
dwarf_lines_read(struct dwarf_unit *u)
{
	struct dwarf_lines *l = u->line < 0 ? NULL : calloc(1, sizeof *l);
	struct bytes b;

	if (l == NULL)
		return NULL;
	l->unit = u;
	b = dwarf_bytes(u->dwarf, DWARF_LINE, (uint64_t)u->line);
	if (read_header(l, &b) == 0 &&
	    (l->version == 5 ? read_files_5(l, &b) : read_files_4(l, &b)) == 0 &&
	    find_sequences(l) == 0)
		return l;
	dwarf_lines_free(l);
	return NULL;
}

void
dwarf_lines_free(struct dwarf_lines *l)
{
	if (l == NULL)
		return;
	free(l->sequence);
	free(l->file);
	free(l->dir);
	free(l);
}

size_t
dwarf_lines_size(const struct dwarf_lines *l)
{
	return sizeof *l + l->sequence_room * sizeof *l->sequence +
	    l->file_room * sizeof *l->file + l->dir_room * sizeof *l->dir;
}

const unsigned char *
dwarf_lines_bytes(const struct dwarf_lines *l, size_t *len)
{
	*len = (size_t)(l->program.end - l->begin);
	return l->begin;
}
