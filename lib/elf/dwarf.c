/*
 * A file is an array of units, in the order of the file, and an array of ranges, by
 * address, that lead to units.  A loaded unit has an array of functions, by address,
 * and for each that an address has hit a tree of the calls inlined into it: an array
 * of parts in the order of the entries, so that a call comes before the calls that
 * are inlined into it, and those are deeper.  To look an address up is to find its
 * range, the function, and the chain of parts that have it.  What is kept of an entry
 * is its offset: names are read anew each time.
 */
#include "elf/dwarf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/array.h"
#include "base/page.h"
#include "base/strtab.h"
#include "elf/debugfile.h"
#include "elf/dwarf_file.h"
#include "elf/dwarf_line.h"
#include "elf/dwarf_names.h"
#include "elf/dwarf_split.h"
#include "elf/elf_file.h"

/* A range of a function's addresses. */
struct function {
	uint64_t low;
	uint32_t len;
	uint32_t die; /* its offset in the unit */
};

/* A range of an inlined call's addresses.  Those of one call follow each other. */
struct part {
	uint64_t low, high;
	uint32_t die;
	int depth;
};

/* The calls that are inlined into a function. */
struct tree {
	size_t n, room;
	struct part *part;
};

struct unit {
	struct dwarf_unit of;      /* the unit in the file, which has the addresses */
	struct dwarf_unit *split;  /* its split unit, which has the entries; or NULL */
	int loaded;
	uint64_t used;             /* the time of the last use: dwarf_memory's clock */
	size_t bytes;              /* of memory */
	struct function *function; /* by low */
	size_t nfunction, function_room;
	struct tree **tree;        /* of each function; NULL: not read yet */
	struct dwarf_lines *lines;
	uint32_t *file;            /* paths of files by number: a number of made + 1 */
};

struct range {
	uint64_t low, high;
	uint32_t unit;
};

/* More ranges than this for the entries of a unit are damage. */
#define RANGES(u) (1000 + 2 * ((u)->end - (u)->offset))

struct dwarf {
	struct dwarf *next;
	struct dwarf_memory *memory;
	struct dwarf_file *dwarf;
	struct dwarf_split *split;
	struct dwarf *supplement; /* or NULL */
	struct elf_file *supplement_file;
	const char *problem;
	struct unit *unit;
	size_t nunit, unit_room;
	struct range *range; /* by low */
	size_t nrange, range_room;
	uint64_t left;       /* ranges that may be added */
	struct strtab made;  /* paths, joined from their parts */
};

#define OVERLAPS 16 /* ranges that are searched back from the last candidate */
#define PADDING 16 /* bytes between two functions */
#define LONGEST UINT32_MAX
#define HEADERS (32 << 20) /* bytes of units whose headers were read: then drop pages */
#define NAMES 32 /* units are unloaded before pages of names are dropped, too */

/* ---- units ------------------------------------------------------------- */

static int
add_range(void *ctx, uint64_t low, uint64_t high)
{
	struct dwarf *d = ctx;

	if (array_room(&d->range, d->nrange, &d->range_room, sizeof *d->range) < 0)
		return -1;
	d->range[d->nrange++] = (struct range){ low, high, (uint32_t)d->nunit };
	return 0;
}

/* Add a unit and its ranges.  Returns -1: out of memory. */
static int
add_unit(struct dwarf *d, struct dwarf_unit *of)
{
	struct dwarf_die die;
	int code = of->type == DW_UT_compile || of->type == DW_UT_skeleton;

	d->left += RANGES(of);
	if (array_room(&d->unit, d->nunit, &d->unit_room, sizeof *d->unit) < 0)
		return -1;
	if (code && dwarf_root(of) == 0 && dwarf_die_at(of, of->die, &die) == 0 &&
	    dwarf_ranges_of(&die, &d->left, add_range, d) < 0)
		return -1;
	dwarf_unit_clear(of);
	d->unit[d->nunit++] = (struct unit){ .of = *of };
	return 0;
}

/* Sort the ranges, and join those of a unit that stand side by side. */
static void
sort_ranges(struct dwarf *d)
{
	size_t n = 0;

	if (d->nrange)
		qsort(d->range, d->nrange, sizeof *d->range, array_order);
	for (size_t i = 0; i < d->nrange; i++) {
		struct range *r = &d->range[i], *last = n ? &d->range[n - 1] : NULL;

		if (last && last->unit == r->unit && r->low >= last->low &&
		    r->low - last->low <= last->high - last->low + PADDING) {
			if (r->high > last->high)
				last->high = r->high;
		} else {
			d->range[n++] = *r;
		}
	}
	d->nrange = n;
}

/* Drop pages of a mapping that are not needed for now: they are in the file. */
static void
drop_pages(const struct dwarf_file *dwarf, const unsigned char *bytes, size_t len)
{
	size_t page = page_size(), all, from, to;
	const unsigned char *file = elf_file_bytes(dwarf_file_elf(dwarf), &all);

	/* Decompressed bytes are nowhere else. */
	if (bytes < file || len > all || (size_t)(bytes - file) > all - len)
		return;
	from = ((size_t)(bytes - file) + page - 1) / page * page;
	to = ((size_t)(bytes - file) + len) / page * page;
	if (from < to)
		madvise((void *)(uintptr_t)(file + from), to - from, MADV_DONTNEED);
}

/* Read the headers of all units.  Returns -1 if there is none, or no memory. */
static int
read_units(struct dwarf *d)
{
	struct dwarf_unit u;
	uint64_t at = 0, kept = 0;

	for (; dwarf_unit_read(d->dwarf, at, &u) == 0; at = u.end) {
		if (add_unit(d, &u) < 0)
			return -1;
		if (u.end - kept < HEADERS)
			continue;
		drop_pages(d->dwarf, dwarf_bytes(d->dwarf, DWARF_INFO, kept).p,
		    (size_t)(u.end - kept));
		kept = u.end;
	}
	sort_ranges(d);
	return d->nunit ? 0 : -1;
}

/* Returns the unit that the entry at an offset is in, or NULL. */
static struct dwarf_unit *
unit_of_entry(void *ctx, uint64_t offset)
{
	struct dwarf *d = ctx;
	size_t low = 0, high = d->nunit;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (d->unit[mid].of.end <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low < d->nunit ? &d->unit[low].of : NULL;
}

static struct dwarf *open_file(struct elf_file *elf, const struct dwarf_options *o,
    int supplements);

/* Open the supplementary file that a file refers to. */
static void
open_supplement(struct dwarf *d, const struct elf_file *elf, const struct dwarf_options *o)
{
	if (!debugfile_supplemented(elf))
		return;
	d->supplement_file = debugfile_supplement(elf, o->where,
	    o->path ? o->path : o->where->path);
	if (d->supplement_file)
		d->supplement = open_file(d->supplement_file, o, 0);
	if (d->supplement)
		dwarf_file_set_supplement(d->dwarf, d->supplement->dwarf);
	else
		d->problem = "the file that dwz(1) has put names of it into was not found: "
		             "of some inlined calls there is no name";
}

/* Open a file; a supplementary one has no supplement itself. */
static struct dwarf *
open_file(struct elf_file *elf, const struct dwarf_options *o, int supplements)
{
	struct dwarf *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->memory = o->memory;
	d->next = d->memory->first;
	d->memory->first = d;
	d->dwarf = dwarf_file_open(elf, 0);
	d->split = dwarf_split_new(o->where);
	if (d->dwarf && d->split) {
		if (supplements)
			open_supplement(d, elf, o);
		dwarf_file_set_units(d->dwarf, unit_of_entry, d);
		if (read_units(d) == 0)
			return d;
	}
	dwarf_close(d);
	return NULL;
}

struct dwarf *
dwarf_open(struct elf_file *elf, const struct dwarf_options *o)
{
	return open_file(elf, o, 1);
}

const char *
dwarf_problem(const struct dwarf *d)
{
	return d->problem ? d->problem : dwarf_split_problem(d->split);
}

/* ---- unloading --------------------------------------------------------- */

/* Returns the unit that has the entries. */
static struct dwarf_unit *
entries_of(struct unit *u)
{
	return u->split ? u->split : &u->of;
}

static void
free_tree(struct tree *t)
{
	if (t)
		free(t->part);
	free(t);
}

/* Free all that was loaded of a unit. */
static void
unload(struct dwarf *d, struct unit *u)
{
	struct dwarf_unit *e = entries_of(u);
	struct bytes info = dwarf_bytes(e->dwarf, DWARF_INFO, e->offset);
	const unsigned char *lines;
	size_t len;

	drop_pages(e->dwarf, info.p, (size_t)(e->end - e->offset));
	if (u->lines) {
		lines = dwarf_lines_bytes(u->lines, &len);
		drop_pages(d->dwarf, lines, len);
	}
	for (size_t i = 0; u->tree && i < u->nfunction; i++)
		free_tree(u->tree[i]);
	free(u->tree);
	free(u->function);
	free(u->file);
	dwarf_lines_free(u->lines);
	dwarf_unit_clear(&u->of);
	dwarf_split_free(u->split);
	d->memory->used -= u->bytes;
	*u = (struct unit){ .of = u->of };
}

static void
drop_section(const struct dwarf_file *dwarf, enum dwarf_section section)
{
	struct bytes b = dwarf_bytes(dwarf, section, 0);

	drop_pages(dwarf, b.p, (size_t)(b.end - b.p));
}

/* Drop the pages of names of all files: it is not known which are needed. */
static void
drop_names(const struct dwarf_memory *m)
{
	for (const struct dwarf *d = m->first; d; d = d->next)
		if (d->dwarf)
			drop_section(d->dwarf, DWARF_STR);
}

/* Unload units until the memory suffices, but for one. */
static void
make_room(struct dwarf_memory *m, const struct unit *keep)
{
	while (m->used > m->most) {
		struct unit *oldest = NULL;
		struct dwarf *whose = NULL;

		for (struct dwarf *d = m->first; d; d = d->next)
			for (size_t i = 0; i < d->nunit; i++) {
				struct unit *u = &d->unit[i];

				if (u != keep && u->loaded &&
				    (oldest == NULL || u->used < oldest->used)) {
					oldest = u;
					whose = d;
				}
			}
		if (oldest == NULL)
			return;
		unload(whose, oldest);
		if (++m->unloaded % NAMES == 0)
			drop_names(m);
	}
}

/* Charge a unit for memory. */
static void
charge(struct dwarf *d, struct unit *u, size_t bytes)
{
	u->bytes += bytes;
	d->memory->used += bytes;
}

void
dwarf_close(struct dwarf *d)
{
	struct dwarf **at;

	if (d == NULL)
		return;
	for (size_t i = 0; i < d->nunit; i++)
		if (d->unit[i].loaded)
			unload(d, &d->unit[i]);
		else
			dwarf_unit_clear(&d->unit[i].of);
	for (at = &d->memory->first; *at && *at != d; at = &(*at)->next)
		;
	if (*at)
		*at = d->next;
	dwarf_split_close(d->split);
	dwarf_file_close(d->dwarf);
	dwarf_close(d->supplement);
	elf_file_close(d->supplement_file);
	strtab_clear(&d->made);
	free(d->unit);
	free(d->range);
	free(d);
}

/* ---- a unit's functions ------------------------------------------------ */

struct adding {
	struct unit *unit;
	uint32_t die;
};

static int
add_function(void *ctx, uint64_t low, uint64_t high)
{
	const struct adding *a = ctx;
	struct unit *u = a->unit;

	if (array_room(&u->function, u->nfunction, &u->function_room,
	        sizeof *u->function) < 0)
		return -1;
	u->function[u->nfunction++] = (struct function){ low,
		high - low < LONGEST ? (uint32_t)(high - low) : LONGEST, a->die };
	return 0;
}

/* Add all functions of a unit.  Its entries are a list, with marks where the children
 * of one end; functions may stand anywhere in it. */
static int
find_functions(struct unit *u)
{
	struct dwarf_unit *e = entries_of(u);
	struct bytes all = dwarf_bytes(e->dwarf, DWARF_INFO, e->offset);
	struct adding a = { u, 0 };
	uint64_t left = RANGES(e);
	struct dwarf_die die;

	if (dwarf_die_at(e, e->die, &die) < 0)
		return -1;
	for (;;) {
		if (die.abbrev && die.abbrev->tag == DW_TAG_subprogram &&
		    die.abbrev->code_range && dwarf_ranges_of(&die, &left, add_function, &a) < 0)
			return -1;
		dwarf_die_skip(&die);
		if (die.at.failed || die.at.p >= die.at.end)
			return 0;
		a.die = (uint32_t)(die.at.p - all.p);
		dwarf_die_next(&die);
	}
}

/* Load a unit, if it is not loaded, and note its use. */
static void
load(struct dwarf *d, struct unit *u)
{
	size_t len = 0;

	u->used = ++d->memory->clock;
	if (u->loaded)
		return;
	u->loaded = 1;
	u->split = dwarf_split_unit(d->split, &u->of);
	if (find_functions(u) == 0)
		u->tree = calloc(u->nfunction + 1, sizeof *u->tree);
	if (u->tree == NULL)
		u->nfunction = 0;
	if (u->nfunction)
		qsort(u->function, u->nfunction, sizeof *u->function, array_order);
	u->lines = dwarf_lines_read(&u->of);
	charge(d, u, u->function_room * sizeof *u->function +
	    u->nfunction * sizeof *u->tree + (size_t)(entries_of(u)->end - entries_of(u)->offset));
	if (u->lines) {
		dwarf_lines_bytes(u->lines, &len);
		charge(d, u, len + dwarf_lines_size(u->lines) +
		    dwarf_lines_files(u->lines) * sizeof *u->file);
	}
	make_room(d->memory, u);
}

/* ---- inlined calls ------------------------------------------------------ */

/* The entry below a function that has been come to. */
struct growing {
	struct tree *tree;
	uint32_t die;
	uint64_t left;         /* ranges that may be added */
	int depth;             /* of the entry */
	int calls;             /* inlined calls that it is in */
	int call[DWARF_DEPTH]; /* their depths */
};

static int
add_part(void *ctx, uint64_t low, uint64_t high)
{
	const struct growing *g = ctx;
	struct tree *t = g->tree;

	if (array_room(&t->part, t->n, &t->room, sizeof *t->part) < 0)
		return -1;
	t->part[t->n++] = (struct part){ low, high, g->die, g->calls };
	return 0;
}

/* Add the ranges of an entry, if it is an inlined call. */
static int
add_call(struct growing *g, const struct dwarf_die *die)
{
	while (g->calls && g->call[g->calls - 1] >= g->depth)
		g->calls--;
	if (die->abbrev->tag != DW_TAG_inlined_subroutine || g->calls == DWARF_DEPTH)
		return 0;
	if (die->abbrev->code_range && dwarf_ranges_of(die, &g->left, add_part, g) < 0)
		return -1;
	g->call[g->calls++] = g->depth;
	return 0;
}

/* Add the inlined calls below a function's entry, but none of a function that is
 * declared within it. */
static int
grow(struct dwarf_unit *e, struct dwarf_die *die, struct tree *t)
{
	struct bytes all = dwarf_bytes(e->dwarf, DWARF_INFO, e->offset);
	struct growing g = { .tree = t, .left = RANGES(e) };
	int other = INT_MAX; /* the depth of a function within it */

	do {
		if (die->abbrev == NULL) {
			g.depth--;
		} else {
			if (g.depth <= other)
				other = g.depth && die->abbrev->tag == DW_TAG_subprogram
				    ? g.depth
				    : INT_MAX;
			if (other == INT_MAX && add_call(&g, die) < 0)
				return -1;
			g.depth += die->abbrev->children;
			dwarf_die_skip(die);
		}
		g.die = (uint32_t)(die->at.p - all.p);
		if (g.depth > 0)
			dwarf_die_next(die);
	} while (g.depth > 0 && !die->at.failed);
	return 0;
}

/* Returns the inlined calls of a function; NULL: out of memory. */
static const struct tree *
tree_of(struct dwarf *d, struct unit *u, size_t function)
{
	struct dwarf_unit *e = entries_of(u);
	struct tree *t = u->tree[function];
	struct dwarf_die die;

	if (t)
		return t;
	t = u->tree[function] = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	if (dwarf_die_at(e, e->offset + u->function[function].die, &die) < 0 ||
	    grow(e, &die, t) < 0)
		t->n = 0;
	charge(d, u, sizeof *t + t->room * sizeof *t->part);
	make_room(d->memory, u);
	return t;
}

/* Returns how many parts from i on are of the same call, and sets *has if one of them
 * has the address. */
static size_t
call_at(const struct tree *t, size_t i, uint64_t addr, int *has)
{
	size_t n = 0;

	*has = 0;
	for (; i + n < t->n && t->part[i + n].die == t->part[i].die; n++)
		*has |= addr >= t->part[i + n].low && addr < t->part[i + n].high;
	return n;
}

/* Find the entries of the calls that have an address, from the function inwards.
 * Returns how many. */
static size_t
chain(const struct tree *t, uint32_t function, uint64_t addr, uint32_t out[DWARF_DEPTH])
{
	int last = -1, without = INT_MAX, has;
	size_t n = 0, step;

	out[n++] = function;
	for (size_t i = 0; t && i < t->n && n < DWARF_DEPTH; i += step) {
		const struct part *p = &t->part[i];

		step = call_at(t, i, addr, &has);
		if (p->depth > without)
			continue; /* it is in one that does not have it */
		without = has ? INT_MAX : p->depth;
		if (has && p->depth > last) {
			last = p->depth;
			out[n++] = p->die;
		}
	}
	return n;
}

/* ---- names ------------------------------------------------------------- */

#define HOPS 16

/* Set a frame's function: the linkage name, or the bare one, of an entry or of its
 * declaration. */
static void
set_function(struct dwarf_die die, struct dwarf_frame *f)
{
	struct dwarf_attrs a;
	struct dwarf_value v, to;
	const char *bare = NULL;

	for (int i = 0; i < HOPS; i++) {
		to.attr = 0;
		for (a = dwarf_attrs_of(&die); dwarf_next_attr(&a, &v);)
			switch (v.attr) {
			case DW_AT_linkage_name:
			case DW_AT_MIPS_linkage_name:
				f->function = dwarf_string(die.unit, &v);
				break;
			case DW_AT_name:
				if (bare == NULL)
					bare = dwarf_string(die.unit, &v);
				break;
			case DW_AT_abstract_origin:
			case DW_AT_specification: to = v; break;
			}
		if (f->function && *f->function) {
			f->mangled = 1;
			return;
		}
		if (to.attr == 0 || dwarf_reference(die.unit, &to, &die) < 0)
			break;
	}
	f->function = bare;
}

/* ---- lines ------------------------------------------------------------- */

/* Join a path: a name that is not absolute is in its directory, and that in the one
 * where the compiler ran. */
static const char *
join_path(struct dwarf *d, const struct unit *u, const char *dir, const char *name,
    uint32_t *number)
{
	const char *base = u->of.comp_dir ? u->of.comp_dir : "";
	char out[8192];

	if (name[0] == '/')
		base = dir = "";
	else if (dir == NULL)
		dir = "";
	else if (dir[0] == '/')
		base = "";
	if ((size_t)snprintf(out, sizeof out, "%s%s%s%s%s", base, *base ? "/" : "", dir,
	        *dir ? "/" : "", name) >= sizeof out ||
	    strtab_add(&d->made, out, number) < 0)
		return NULL;
	return strtab_text(&d->made, *number);
}

/* Returns the path of file n of a unit's line program, or NULL. */
static const char *
file_name(struct dwarf *d, struct unit *u, uint64_t n)
{
	const char *dir, *name = u->lines ? dwarf_lines_file(u->lines, n, &dir) : NULL;
	uint32_t number;

	if (name == NULL)
		return NULL;
	if (u->file == NULL)
		u->file = calloc(dwarf_lines_files(u->lines), sizeof *u->file);
	if (u->file && u->file[n])
		return strtab_text(&d->made, u->file[n] - 1);
	name = join_path(d, u, dir, name, &number);
	if (name && u->file)
		u->file[n] = number + 1;
	return name;
}

/* Set a frame's file and line from the line program. */
static void
set_line(struct dwarf *d, struct unit *u, uint64_t addr, struct dwarf_frame *f)
{
	struct dwarf_row row;

	if (u->lines == NULL || dwarf_lines_at(u->lines, addr, &row) < 0)
		return;
	f->file = file_name(d, u, row.file);
	f->line = row.line;
	f->column = row.column;
}

/* Set the caller's file and line: where an inlined call is made. */
static void
set_call(struct dwarf *d, struct unit *u, const struct dwarf_die *die,
    struct dwarf_frame *caller)
{
	struct dwarf_attrs a;
	struct dwarf_value v;
	uint64_t n;

	for (a = dwarf_attrs_of(die); dwarf_next_attr(&a, &v);)
		if (v.attr == DW_AT_call_line)
			dwarf_number(&v, &caller->line);
		else if (v.attr == DW_AT_call_column)
			dwarf_number(&v, &caller->column);
		else if (v.attr == DW_AT_call_file && dwarf_number(&v, &n) == 0)
			caller->file = file_name(d, u, n);
}

/* ---- looking up -------------------------------------------------------- */

/* Returns the index of the function that has an address, or SIZE_MAX. */
static size_t
find_function(const struct unit *u, uint64_t addr)
{
	size_t last = array_upto(u->function, u->nfunction, sizeof *u->function, addr);

	for (size_t i = last; i > 0 && last - i < OVERLAPS; i--)
		if (addr - u->function[i - 1].low < u->function[i - 1].len)
			return i - 1;
	return SIZE_MAX;
}

/* Get the frames of an address in a unit. */
static size_t
lookup_in(struct dwarf *d, struct unit *u, uint64_t addr,
    struct dwarf_frame frame[DWARF_DEPTH])
{
	uint32_t die_of[DWARF_DEPTH];
	struct dwarf_unit *e;
	struct dwarf_die die;
	size_t function, n = 0;

	load(d, u);
	e = entries_of(u);
	function = find_function(u, addr);
	if (function != SIZE_MAX)
		n = chain(tree_of(d, u, function), u->function[function].die, addr, die_of);
	memset(frame, 0, (n ? n : 1) * sizeof *frame);
	set_line(d, u, addr, &frame[0]);
	for (size_t i = 0; i < n; i++) {
		if (dwarf_die_at(e, e->offset + die_of[n - 1 - i], &die) < 0)
			continue;
		set_function(die, &frame[i]);
		if (i + 1 < n)
			set_call(d, u, &die, &frame[i + 1]);
	}
	return n ? n : frame[0].file != NULL;
}

/* Ranges should not overlap; of those that do, take one that has a function. */
size_t
dwarf_lookup(struct dwarf *d, uint64_t addr, struct dwarf_frame frame[DWARF_DEPTH])
{
	size_t last = array_upto(d->range, d->nrange, sizeof *d->range, addr), n;
	struct unit *lines = NULL;

	for (size_t i = last; i > 0 && last - i < OVERLAPS; i--) {
		struct unit *u = &d->unit[d->range[i - 1].unit];

		if (addr >= d->range[i - 1].high)
			continue;
		n = lookup_in(d, u, addr, frame);
		if (n && frame[n - 1].function)
			return n;
		if (n && lines == NULL)
			lines = u;
	}
	return lines ? lookup_in(d, lines, addr, frame) : 0;
}
