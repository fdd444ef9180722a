/*
 * Every program has some code without entries that the C runtime brings.  To find out
 * where all functions begin takes a look at each instruction of the file, so where the
 * gaps are small only the code at the program's entry is looked at, which knows where
 * main() is: rustc makes one without an entry if panics abort.
 */
#include "unwind/gap.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "elf/elf_file.h"
#include "elf/insn_effect.h"
#include "unwind/synth.h"
#include "unwind/synth_file.h"

#define SMALL_PART 64   /* of the code: one byte in so many */
#define QUICK (4 << 20) /* bytes of code that are looked at, anyway */

struct gaps {
	const struct elf_file *file;
	const unsigned char *bytes; /* of the file */
	uint64_t code, open; /* bytes: all, and in gaps that are not padding */
	struct synth_range *covered; /* addresses */
	size_t ncovered, room;
};

int
gap_is_padding(const unsigned char *code, uint64_t len)
{
	while (len) {
		size_t n = insn_filler(code, (size_t)len);

		if (n == 0)
			return 0;
		code += n;
		len -= n;
	}
	return 1;
}

/* Count a gap in a segment, in file offsets. */
static void
count(struct gaps *g, uint64_t from, uint64_t to)
{
	if (from < to && !gap_is_padding(g->bytes + from, to - from))
		g->open += to - from;
}

/* Add a range of addresses that needs no rows.  Returns -1 if memory ended. */
static int
cover(struct gaps *g, uint64_t addr, uint64_t end)
{
	if (array_room(&g->covered, g->ncovered, &g->room, sizeof *g->covered) < 0)
		return -1;
	g->covered[g->ncovered++] = (struct synth_range){ addr, end };
	return 0;
}

/* Find the gaps of a part of the code, and the addresses of what is covered. */
static int
find_gaps(struct gaps *g, const struct elf_file_segment *s, const struct gap_range *covered,
    size_t n)
{
	uint64_t at = s->offset, end = s->offset + s->len;
	size_t i = array_upto(covered, n, sizeof *covered, at);

	if (i && covered[i - 1].end > at)
		i--;
	g->code += s->len;
	for (; i < n && covered[i].start < end; i++) {
		uint64_t from = covered[i].start < at ? at : covered[i].start;
		uint64_t to = covered[i].end < end ? covered[i].end : end;

		count(g, at, from);
		if (from < to &&
		    cover(g, from - s->offset + s->addr, to - s->offset + s->addr) < 0)
			return -1;
		at = to > at ? to : at;
	}
	count(g, at, end);
	return 0;
}

/* Find all gaps.  Returns -1 if memory ended. */
static int
find_all(struct gaps *g, const struct gap_range *covered, size_t n)
{
	struct elf_file_segment s;

	for (size_t i = 0; elf_file_code(g->file, i, &s) == 0; i++)
		if (find_gaps(g, &s, covered, n) < 0)
			return -1;
	if (g->ncovered)
		qsort(g->covered, g->ncovered, sizeof *g->covered, array_order);
	return 0;
}

/* Turn addresses of rows into file offsets. */
static int
convert(const struct gaps *g, const struct synth_rows *rows, struct gap_rows *out)
{
	struct elf_file_segment s;

	out->row = reallocarray(NULL, rows->n + 1, sizeof *out->row);
	if (out->row == NULL)
		return -1;
	for (size_t i = 0; i < rows->n; i++) {
		const struct synth_row *r = &rows->row[i];

		for (size_t j = 0; elf_file_exec_segment(g->file, j, &s) == 0; j++) {
			if (r->addr < s.addr || r->addr - s.addr >= s.len)
				continue;
			out->row[out->n++] = (struct gap_row){ r->addr - s.addr + s.offset,
				r->len, r->rule };
			break;
		}
	}
	qsort(out->row, out->n, sizeof *out->row, array_order);
	return 0;
}

int
gap_make(const struct elf_file *file, const struct elf_file *apart,
    const struct gap_range *covered, size_t n, const atomic_int *stop, struct gap_rows *out)
{
	struct synth_file_options o = { .apart = apart, .stop = stop };
	struct gaps g = { .file = file };
	struct synth_rows rows = { NULL, 0, 0 };
	int status;
	size_t len;

	memset(out, 0, sizeof *out);
	g.bytes = elf_file_bytes(file, &len);
	status = find_all(&g, covered, n);
	o.only_entry = g.open < g.code / SMALL_PART && g.code > QUICK;
	if (status == 0 && g.open &&
	    (synth_file_rows(file, g.covered, g.ncovered, &o, &rows) < 0 ||
	        convert(&g, &rows, out) < 0))
		status = -1;
	free(rows.row);
	free(g.covered);
	return status;
}
