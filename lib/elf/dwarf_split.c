#include "elf/dwarf_split.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "elf/debugfile.h"
#include "elf/dwarf_file.h"
#include "elf/dwarf_names.h"
#include "elf/elf_file.h"

struct dwarf_split {
	const struct debugfile_where *where;
	struct elf_file *package; /* the .dwp */
	int searched;        /* for the .dwp */
	const char *problem;
};

/* A split unit. */
struct opened {
	struct dwarf_unit unit; /* first */
	struct dwarf_file *dwarf;
	struct elf_file *own; /* its .dwo; NULL: it is of the package */
};

struct dwarf_split *
dwarf_split_new(const struct debugfile_where *w)
{
	struct dwarf_split *s = calloc(1, sizeof *s);

	if (s)
		s->where = w;
	return s;
}

void
dwarf_split_close(struct dwarf_split *s)
{
	if (s)
		elf_file_close(s->package);
	free(s);
}

const char *
dwarf_split_problem(const struct dwarf_split *s)
{
	return s->problem;
}

/* ---- files ------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static struct elf_file *
open_file(const char *format, ...)
{
	char path[8192];
	const char *error;
	va_list ap;

	va_start(ap, format);
	vsnprintf(path, sizeof path, format, ap);
	va_end(ap);
	return elf_file_open_path(path, &error);
}

/* Open a .dwo below a root: where the compiler has left it, or beside the program. */
static struct elf_file *
open_below(const char *root, const struct dwarf_unit *u, const char *path)
{
	const char *name = u->split_name, *dir = u->comp_dir ? u->comp_dir : "";
	const char *last = strrchr(name, '/'), *slash = strrchr(path, '/');
	struct elf_file *elf = name[0] == '/' ? open_file("%s%s", root, name)
	                                 : open_file("%s%s/%s", root, dir, name);

	if (elf == NULL && slash)
		elf = open_file("%s%.*s/%s", root, (int)(slash - path), path,
		    last ? last + 1 : name);
	return elf;
}

/* Search the .dwo of a unit. */
static struct elf_file *
open_dwo(const struct debugfile_where *w, const struct dwarf_unit *u)
{
	const char *last = strrchr(u->split_name, '/');
	struct elf_file *elf = open_below(w->root, u, w->path);

	if (elf == NULL && w->root[0])
		elf = open_below("", u, w->path);
	for (size_t i = 0; i < w->ndir && elf == NULL; i++) {
		elf = open_below(w->dir[i], u, w->path);
		if (elf == NULL)
			elf = open_file("%s/%s", w->dir[i], last ? last + 1 : u->split_name);
	}
	return elf;
}

/* Search the .dwp, once. */
static struct elf_file *
package_of(struct dwarf_split *s)
{
	const struct debugfile_where *w = s->where;
	const char *last = strrchr(w->path, '/');

	if (s->searched)
		return s->package;
	s->searched = 1;
	s->package = open_file("%s%s.dwp", w->root, w->path);
	if (s->package == NULL && w->root[0])
		s->package = open_file("%s.dwp", w->path);
	for (size_t i = 0; i < w->ndir && s->package == NULL; i++) {
		s->package = open_file("%s%s.dwp", w->dir[i], w->path);
		if (s->package == NULL)
			s->package = open_file("%s/%s.dwp", w->dir[i], last ? last + 1 : w->path);
	}
	return s->package;
}

/* ---- the index of a package (7.3.5.3) ---------------------------------- */

struct index {
	unsigned columns;
	uint32_t units, slots;
	const unsigned char *ids, *rows, *kinds, *offsets, *sizes;
};

static uint32_t
word(const unsigned char *p, uint64_t n)
{
	uint32_t v;

	memcpy(&v, p + 4 * n, sizeof v);
	return v;
}

/* Read the index of a package's units.  Returns -1 if there is none. */
static int
read_index(const struct elf_file *package, struct index *x)
{
	struct elf_file_section s = elf_file_section(package, ".debug_cu_index");
	struct bytes b = { s.bytes, s.bytes + s.len, 0 };
	uint64_t cells;

	if (s.bytes == NULL)
		return -1;
	bytes_skip(&b, 4); /* the version: both look the same */
	x->columns = (unsigned)bytes_take(&b, 4);
	x->units = (uint32_t)bytes_take(&b, 4);
	x->slots = (uint32_t)bytes_take(&b, 4);
	if (b.failed || x->columns > 16 || (x->slots & (x->slots - 1)))
		return -1;
	cells = (uint64_t)x->units * x->columns;
	x->ids = bytes_skip(&b, (uint64_t)x->slots * 8);
	x->rows = bytes_skip(&b, (uint64_t)x->slots * 4);
	x->kinds = bytes_skip(&b, x->columns * 4);
	x->offsets = bytes_skip(&b, cells * 4);
	x->sizes = bytes_skip(&b, cells * 4);
	return b.failed || x->slots == 0 ? -1 : 0;
}

/* Returns the row of an id, from 1; 0: there is none. */
static uint32_t
find_row(const struct index *x, uint64_t id)
{
	uint64_t mask = x->slots - 1, at = id & mask, step = ((id >> 32) & mask) | 1, there;

	for (uint32_t i = 0; i < x->slots; i++, at = (at + step) & mask) {
		uint32_t row = word(x->rows, at);

		memcpy(&there, x->ids + 8 * at, sizeof there);
		if (row == 0 || there == id)
			return row <= x->units ? row : 0;
	}
	return 0;
}

/* Returns the section of a column of the index, or -1. */
static int
section_of(uint32_t kind)
{
	switch (kind) {
	case DW_SECT_INFO: return DWARF_INFO;
	case DW_SECT_ABBREV: return DWARF_ABBREV;
	case DW_SECT_LINE: return DWARF_LINE;
	case DW_SECT_STR_OFFSETS: return DWARF_STR_OFFSETS;
	case DW_SECT_RNGLISTS: return DWARF_RNGLISTS;
	default: return -1;
	}
}

/* Open the parts of the package's sections that are of one unit. */
static struct dwarf_file *
open_packed(struct elf_file *package, uint64_t id)
{
	struct dwarf_file *d;
	struct index x;
	uint32_t row;
	int section;

	if (read_index(package, &x) < 0 || (row = find_row(&x, id)) == 0 ||
	    (d = dwarf_file_open(package, 1)) == NULL)
		return NULL;
	for (unsigned i = 0; i < x.columns; i++) {
		uint64_t cell = (uint64_t)(row - 1) * x.columns + i;

		section = section_of(word(x.kinds, i));
		if (section >= 0)
			dwarf_narrow(d, (enum dwarf_section)section, word(x.offsets, cell),
			    word(x.sizes, cell));
	}
	return d;
}

/* ---- units ------------------------------------------------------------- */

/* Find the unit that has the skeleton's id.  Returns -1 if there is none. */
static int
find_unit(struct opened *o, struct dwarf_unit *skeleton)
{
	struct dwarf_unit *u = &o->unit;
	uint64_t at = 0;

	for (; dwarf_unit_read(o->dwarf, at, u) == 0; at = u->end) {
		u->skeleton = skeleton;
		if ((u->type == DW_UT_compile || u->type == DW_UT_split_compile) &&
		    dwarf_root(u) == 0 && u->id == skeleton->id)
			return 0;
		dwarf_unit_clear(u);
	}
	return -1;
}

struct dwarf_unit *
dwarf_split_unit(struct dwarf_split *s, struct dwarf_unit *skeleton)
{
	struct elf_file *package = skeleton->split_name ? package_of(s) : NULL;
	struct opened *o;

	if (skeleton->split_name == NULL || (o = calloc(1, sizeof *o)) == NULL)
		return NULL;
	if (package)
		o->dwarf = open_packed(package, skeleton->id);
	if (o->dwarf == NULL && (o->own = open_dwo(s->where, skeleton)))
		o->dwarf = dwarf_file_open(o->own, 1);
	if (o->dwarf && find_unit(o, skeleton) == 0)
		return &o->unit;
	s->problem = "its split debug information (.dwp, .dwo) was not all found: of some "
	             "code there are no inlined calls";
	dwarf_split_free(&o->unit);
	return NULL;
}

void
dwarf_split_free(struct dwarf_unit *u)
{
	struct opened *o = (struct opened *)u;

	if (o == NULL)
		return;
	dwarf_unit_clear(u);
	dwarf_file_close(o->dwarf);
	elf_file_close(o->own);
	free(o);
}
