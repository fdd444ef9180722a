#include "debug.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "obj.h"
#include "strtab.h"

#define NESTING 200 /* of DIEs: deeper ones are left out */

/* A range of addresses that belongs to a function or an inlined call. */
struct part {
	uint64_t low, high;
	Dwarf_Off die;
	int depth;       /* 0: a function; 1 and more: inlined calls */
	unsigned family; /* number of parts from a function on: 1 + inlined ones */
};

struct unit {
	Dwarf_Off die;
	int loaded;
	struct part *part;      /* each function, then what is inlined into it */
	size_t npart, room;
	uint32_t *function;     /* parts of depth 0, by low */
	size_t nfunction;
};

struct range {
	uint64_t low, high;
	uint32_t unit;
};

struct debug {
	Dwarf *dw;
	struct unit *unit;
	size_t nunit, unit_room;
	struct range *range; /* by low */
	size_t nrange, range_room;
	struct strtab made; /* names that had to be put together */
};

/* ---- units ------------------------------------------------------------- */

static int
add_range(struct debug *d, uint64_t low, uint64_t high)
{
	/* What the linker dropped keeps an address of 0 or 1. */
	if (low >= high || low < 2)
		return 0;
	if (array_room(&d->range, d->nrange, &d->range_room, sizeof *d->range) < 0)
		return -1;
	d->range[d->nrange++] = (struct range){ low, high, (uint32_t)d->nunit };
	return 0;
}

static int
add_unit(struct debug *d, Dwarf_Die *die)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	if (array_room(&d->unit, d->nunit, &d->unit_room, sizeof *d->unit) < 0)
		return -1;
	while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0)
		if (add_range(d, low, high) < 0)
			return -1;
	memset(&d->unit[d->nunit], 0, sizeof *d->unit);
	d->unit[d->nunit++].die = dwarf_dieoffset(die);
	return 0;
}

static int
range_order(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

static int
read_units(struct debug *d)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;

	while (dwarf_get_units(d->dw, cu, &cu, NULL, &type, &die, NULL) == 0)
		if ((type == DW_UT_compile || type == DW_UT_skeleton) &&
		    add_unit(d, &die) < 0)
			return -1;
	if (d->nrange)
		qsort(d->range, d->nrange, sizeof *d->range, range_order);
	return d->nunit ? 0 : -1;
}

struct debug *
debug_open(const struct obj *obj)
{
	struct debug *d;

	if (obj_section(obj, ".debug_info").len == 0 &&
	    obj_section(obj, ".zdebug_info").len == 0)
		return NULL;
	d = calloc(1, sizeof *d);
	if (d == NULL)
		return NULL;
	d->dw = dwarf_begin_elf(obj_handle(obj), DWARF_C_READ, NULL);
	if (d->dw && read_units(d) == 0)
		return d;
	debug_close(d);
	return NULL;
}

void
debug_close(struct debug *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->nunit; i++) {
		free(d->unit[i].part);
		free(d->unit[i].function);
	}
	strtab_clear(&d->made);
	free(d->unit);
	free(d->range);
	dwarf_end(d->dw);
	free(d);
}

/* ---- a unit's functions ------------------------------------------------ */

static int
add_parts(struct unit *u, Dwarf_Die *die, int depth)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
		if (low >= high || low < 2)
			continue;
		if (array_room(&u->part, u->npart, &u->room, sizeof *u->part) < 0)
			return -1;
		u->part[u->npart++] =
		    (struct part){ low, high, dwarf_dieoffset(die), depth, 1 };
	}
	return 0;
}

/* Does a kind of DIE hold functions or inlined calls? */
static int
holds_code(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_try_block:
	case DW_TAG_catch_block: return 1;
	default: return 0;
	}
}

/* Inlined calls belong to a function; a function within another one (a
 * nested one of C) is one of its own. */
static int
collect(struct unit *u, Dwarf_Die *parent, int depth, int level)
{
	Dwarf_Die die;

	if (level > NESTING || dwarf_child(parent, &die) != 0)
		return 0;
	do {
		int tag = dwarf_tag(&die), inner = depth;

		if (!holds_code(tag))
			continue;
		if (tag == DW_TAG_subprogram)
			inner = 0;
		if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine)
			if (add_parts(u, &die, inner++) < 0)
				return -1;
		if (collect(u, &die, inner, level + 1) < 0)
			return -1;
	} while (dwarf_siblingof(&die, &die) == 0);
	return 0;
}

/* qsort() knows no context, so the key stands beside the number. */
struct keyed {
	uint64_t low;
	uint32_t part;
};

static int
keyed_order(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

/* List the functions by address, each with the size of its family. */
static int
list_functions(struct unit *u)
{
	struct keyed *key = reallocarray(NULL, u->npart + 1, sizeof *key);
	size_t n = 0;

	u->function = reallocarray(NULL, u->npart + 1, sizeof *u->function);
	if (key == NULL || u->function == NULL) {
		free(key);
		return -1;
	}
	for (size_t i = u->npart; i-- > 0;) {
		struct part *p = &u->part[i];

		if (p->depth == 0)
			key[n++] = (struct keyed){ p->low, (uint32_t)i };
	}
	for (size_t i = 0, last = 0; i < u->npart; i++) {
		if (u->part[i].depth == 0)
			last = i;
		else
			u->part[last].family++;
	}
	qsort(key, n, sizeof *key, keyed_order);
	for (size_t i = 0; i < n; i++)
		u->function[i] = key[i].part;
	u->nfunction = n;
	free(key);
	return 0;
}

static void
load_unit(struct debug *d, struct unit *u)
{
	Dwarf_Die die;

	if (u->loaded)
		return;
	u->loaded = 1;
	if (dwarf_offdie(d->dw, u->die, &die) == NULL ||
	    collect(u, &die, 0, 0) < 0 || list_functions(u) < 0)
		u->npart = u->nfunction = 0;
}

/* ---- names ------------------------------------------------------------- */

/* A copy that lives as long as d; NULL: out of memory. */
static const char *
keep(struct debug *d, const char *s)
{
	uint32_t number;

	return strtab_add(&d->made, s, &number) < 0 ? NULL
	                                            : strtab_text(&d->made, number);
}

static const char *
linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute a;
	const char *s = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &a) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &a))
		s = dwarf_formstring(&a);
	return s && *s ? s : NULL;
}

/* The DIE that declares what this one is an instance of. */
static Dwarf_Die
declaration(Dwarf_Die die)
{
	static const unsigned link[] = { DW_AT_abstract_origin, DW_AT_specification };

	for (int hops = 0; hops < 16; hops++) {
		Dwarf_Attribute a;
		Dwarf_Die to;
		int found = 0;

		for (size_t i = 0; i < 2 && !found; i++)
			found = dwarf_attr(&die, link[i], &a) &&
			    dwarf_formref_die(&a, &to);
		if (!found)
			break;
		die = to;
	}
	return die;
}

/* A name with its namespaces, for compilers that give no linkage name. */
static const char *
scoped_name(struct debug *d, Dwarf_Die *die, const char *name)
{
	Dwarf_Die decl = declaration(*die), *scope = NULL;
	int n = dwarf_getscopes_die(&decl, &scope);
	char out[2048];
	size_t used = 0;

	for (int i = n - 1; i > 0; i--) {
		const char *s = dwarf_diename(&scope[i]);
		int tag = dwarf_tag(&scope[i]);

		if (s && tag != DW_TAG_compile_unit && used < sizeof out)
			used += (size_t)snprintf(out + used, sizeof out - used, "%s::", s);
	}
	free(scope);
	if (used == 0 || used >= sizeof out)
		return name;
	snprintf(out + used, sizeof out - used, "%s", name);
	return keep(d, out);
}

static void
set_function(struct debug *d, Dwarf_Die *die, struct debug_frame *f)
{
	f->function = linkage_name(die);
	f->mangled = f->function != NULL;
	if (f->function == NULL) {
		f->function = dwarf_diename(die);
		if (f->function)
			f->function = scoped_name(d, die, f->function);
	}
}

/* ---- lines ------------------------------------------------------------- */

/* Names of files are relative to where the compiler ran. */
static const char *
whole_path(struct debug *d, Dwarf_Die *unit, const char *file)
{
	Dwarf_Attribute a;
	const char *dir;
	char out[8192];

	if (file == NULL || file[0] == '/' ||
	    dwarf_attr(unit, DW_AT_comp_dir, &a) == NULL ||
	    (dir = dwarf_formstring(&a)) == NULL)
		return file;
	if ((size_t)snprintf(out, sizeof out, "%s/%s", dir, file) >= sizeof out)
		return file;
	return keep(d, out);
}

static void
set_line(struct debug *d, Dwarf_Die *unit, uint64_t addr, struct debug_frame *f)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, addr);
	int n;

	if (line == NULL)
		return;
	f->file = whole_path(d, unit, dwarf_linesrc(line, NULL, NULL));
	if (dwarf_lineno(line, &n) == 0 && n > 0)
		f->line = (uint64_t)n;
}

/* Where an inlined call was made, which is its caller's line. */
static void
set_call(struct debug *d, Dwarf_Die *unit, Dwarf_Die *die,
    struct debug_frame *caller)
{
	Dwarf_Attribute a;
	Dwarf_Word n;
	Dwarf_Files *files;
	size_t nfiles;

	if (dwarf_attr(die, DW_AT_call_line, &a) && dwarf_formudata(&a, &n) == 0)
		caller->line = n;
	if (dwarf_attr(die, DW_AT_call_file, &a) && dwarf_formudata(&a, &n) == 0 &&
	    dwarf_getsrcfiles(unit, &files, &nfiles) == 0 && n < nfiles)
		caller->file = whole_path(d, unit, dwarf_filesrc(files, n, NULL, NULL));
}

/* ---- looking up -------------------------------------------------------- */

static struct unit *
find_unit(struct debug *d, uint64_t addr)
{
	size_t low = 0, high = d->nrange;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (d->range[mid].low <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	/* Ranges should not overlap; look a little further if they do. */
	for (size_t i = low; i > 0 && low - i < 16; i--)
		if (addr < d->range[i - 1].high)
			return &d->unit[d->range[i - 1].unit];
	return NULL;
}

static const struct part *
find_function(const struct unit *u, uint64_t addr)
{
	size_t low = 0, high = u->nfunction;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (u->part[u->function[mid]].low <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = low; i > 0 && low - i < 16; i--)
		if (addr < u->part[u->function[i - 1]].high)
			return &u->part[u->function[i - 1]];
	return NULL;
}

/* A function of several ranges has its inlined calls behind the last one. */
static const struct part *
family(const struct unit *u, const struct part *p)
{
	const struct part *end = u->part + u->npart;

	while (p + 1 < end && p[1].depth == 0 && p[1].die == p->die)
		p++;
	return p;
}

/* The parts that hold an address, from the function inwards. */
static size_t
chain(const struct unit *u, uint64_t addr, const struct part *out[DEBUG_DEPTH])
{
	const struct part *p = find_function(u, addr), *head;
	size_t n = 0;

	if (p == NULL)
		return 0;
	out[n++] = p;
	head = family(u, p);
	for (unsigned i = 1; i < head->family && n < DEBUG_DEPTH; i++)
		if (addr >= head[i].low && addr < head[i].high &&
		    head[i].depth > out[n - 1]->depth)
			out[n++] = &head[i];
	return n;
}

size_t
debug_lookup(struct debug *d, uint64_t addr, struct debug_frame frame[DEBUG_DEPTH])
{
	const struct part *part[DEBUG_DEPTH];
	struct unit *u = find_unit(d, addr);
	Dwarf_Die unit, die;
	size_t n;

	if (u == NULL || dwarf_offdie(d->dw, u->die, &unit) == NULL)
		return 0;
	load_unit(d, u);
	n = chain(u, addr, part);
	memset(frame, 0, (n ? n : 1) * sizeof *frame);
	set_line(d, &unit, addr, &frame[0]);
	for (size_t i = 0; i < n; i++) {
		if (dwarf_offdie(d->dw, part[n - 1 - i]->die, &die) == NULL)
			continue;
		set_function(d, &die, &frame[i]);
		if (i + 1 < n)
			set_call(d, &unit, &die, &frame[i + 1]);
	}
	return n ? n : frame[0].file != NULL;
}
