/*
 * Parts of tables, made by the index of .eh_frame_hdr or from the table, against the
 * whole table, at each of its rows.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "elf/elf_file.h"
#include "unwind/cfi.h"
#include "unwind/early.h"
#include "unwind/unwind.h"
#include "tap.h"

struct tally {
	unsigned rows, same, later, wrong;
};

static struct elf_file *
open_file(const char *path)
{
	const char *error;

	return elf_file_open_path(path, &error);
}

/* Compare the rule for an offset with the table's, which may know more. */
static void
compare(struct early *e, const struct unwind_table *t, const struct unwind_table *source,
    uint64_t offset, struct tally *y)
{
	uint32_t whole = unwind_rule(t, offset), part = early_rule(e, offset, source);

	/* Padding has no entry. */
	if (source == NULL && STEP_KIND(whole) == STEP_NONE)
		return;
	y->rows++;
	if (part == whole)
		y->same++;
	else if (STEP_KIND(part) == STEP_LATER)
		y->later++;
	else if (y->wrong++ < 5)
		printf("# %lx: %x, in the table %x\n", (unsigned long)offset, part, whole);
}

/* Compare all of a file: source is what parts are made from, NULL is the index. */
static struct tally
compare_all(const char *path, const struct unwind_table *t, const struct unwind_table *source)
{
	struct early *e = early_open(open_file(path));
	struct tally y = { 0, 0, 0, 0 };
	uint32_t start, end;

	if (e == NULL)
		return y;
	early_range(e, &start, &end);
	for (uint32_t i = 0; i < t->nrow; i++) {
		compare(e, t, source, t->row[i].offset, &y);
		if (i + 1 < t->nrow)
			compare(e, t, source, t->row[i + 1].offset - 1, &y);
	}
	if (STEP_KIND(early_rule(e, end, source)) != STEP_LATER ||
	    (start && STEP_KIND(early_rule(e, start - 1, source)) != STEP_LATER))
		y.wrong++;
	early_close(e);
	return y;
}

/* The parts that have been made are handed out once each, in order, with rows that
 * ascend from their start on. */
static int
check_parts(const char *path, const struct unwind_table *t)
{
	struct early *e = early_open(open_file(path));
	const struct early_part *p;
	uint32_t a = t->row[0].offset, b = t->row[t->nrow - 1].offset;
	int good = early_nth(e, 0) == NULL;

	early_rule(e, b, NULL);
	early_rule(e, a, NULL);
	early_rule(e, b, NULL);
	good &= (p = early_nth(e, 0)) && p->start == (b & ~((1U << EARLY_SHIFT) - 1));
	for (uint32_t i = 1; p && i < p->nrow; i++)
		good &= p->row[i].offset > p->row[i - 1].offset;
	good &= p && p->nrow && p->row[0].offset == p->start;
	if (a >> EARLY_SHIFT != b >> EARLY_SHIFT)
		good &= (p = early_nth(e, 1)) && p->start == (a & ~((1U << EARLY_SHIFT) - 1)) &&
		    early_nth(e, 2) == NULL;
	early_close(e);
	return good;
}

static void
check_file(const char *path)
{
	struct elf_file *elf = open_file(path);
	struct unwind_table t;
	struct tally y;

	if (elf == NULL || cfi_compile(&t, elf, NULL) != NULL) {
		printf("# %s: not here\n", path);
		elf_file_close(elf);
		return;
	}
	y = compare_all(path, &t, NULL);
	ok(y.wrong == 0 && y.same > 0, "%s, by the index: %u of %u rules as in the table, "
	    "%u wrong", path, y.same, y.rows, y.wrong);
	ok(y.later * 50 < y.rows, "%s: %u rules are known later", path, y.later);
	y = compare_all(path, &t, &t);
	ok(y.wrong + y.later == 0 && y.same > 0, "%s, from the table: %u of %u rules", path,
	    y.same, y.rows);
	ok(check_parts(path, &t), "%s: each part once", path);
	unwind_free(&t);
	elf_file_close(elf);
}

int
main(int argc, char *argv[])
{
	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			check_file(argv[i]);
		return tap_done();
	}
#ifndef __SANITIZE_ADDRESS__ /* whose reports are code that does not return */
	check_file("/proc/self/exe");
#endif
	check_file("/lib/x86_64-linux-gnu/libc.so.6");
	check_file("/lib64/ld-linux-x86-64.so.2");
	check_file("/usr/lib/x86_64-linux-gnu/libstdc++.so.6");
	check_file("/usr/lib/x86_64-linux-gnu/libcrypto.so.3");
	return tap_done();
}
