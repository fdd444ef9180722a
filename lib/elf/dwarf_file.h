/*
 * DWARF 2 to 5, as it is in a file: units, their entries (DIEs) and
 * attributes, ranges of addresses.  Nothing is read before it is asked for, and
 * nothing is trusted: damaged bytes read as zeros and end early.  Numbers in
 * comments are sections of the DWARF 5 standard; GNU's extensions for DWARF 4
 * are those of gcc.gnu.org/wiki/DebugFission.
 */
#ifndef DWARF_FILE_H
#define DWARF_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct elf_file;
struct dwarf_file;

enum dwarf_section {
	DWARF_INFO,
	DWARF_ABBREV,
	DWARF_STR,
	DWARF_LINE,
	DWARF_LINE_STR,
	DWARF_RANGES,
	DWARF_RNGLISTS,
	DWARF_ADDR,
	DWARF_STR_OFFSETS,
	DWARF_SECTIONS
};

/* An attribute of a kind of entries. */
struct dwarf_spec {
	uint16_t attr, form;
	int32_t size;     /* bytes; -1: it differs */
	int64_t constant; /* of DW_FORM_implicit_const */
};

/* A kind of entries (7.5.3). */
struct dwarf_abbrev {
	uint64_t code;
	uint16_t tag;
	uint8_t children;
	uint8_t code_range; /* it has DW_AT_low_pc or DW_AT_ranges */
	uint32_t spec, nspec;
	int32_t size;       /* bytes of all attributes; -1: it differs */
};

/* The kinds of a unit's entries. */
struct dwarf_abbrevs {
	struct dwarf_abbrev *abbrev;
	size_t n, room;
	struct dwarf_spec *spec;
	size_t nspec, spec_room;
	int in_order; /* the codes are 1, 2, 3 and so on */
};

struct dwarf_unit {
	struct dwarf_file *dwarf;
	uint64_t offset, die, end; /* offsets in DWARF_INFO: of the header, of the first
	                              entry, past the last */
	uint64_t abbrev_offset, id; /* id: of split units */
	uint8_t version, address_size, offset_size, type;
	struct dwarf_abbrevs *abbrevs; /* NULL: not read yet */

	/* From the first entry. */
	int rooted; /* it was read */
	uint64_t low_pc;
	uint64_t str_offsets_base, addr_base, rnglists_base, ranges_base;
	int64_t line; /* offset of its line program; -1: it has none */
	const char *comp_dir, *split_name;
	struct dwarf_unit *skeleton; /* of a split unit: it has the addresses; or NULL */
};

/* The value of an attribute. */
struct dwarf_value {
	uint16_t attr, form;
	uint64_t number;          /* also an offset, an index, or an address */
	const unsigned char *bytes; /* of a block, or an inline string */
};

/* An entry, and its bytes. */
struct dwarf_die {
	struct dwarf_unit *unit;
	const struct dwarf_abbrev *abbrev; /* NULL: the end of a list of children */
	struct bytes at;                   /* its attributes, then those of the next */
};

/* Open the DWARF of a file, which must outlive it; split: the sections of a .dwo or
 * .dwp.  NULL: there is none in it, or out of memory. */
struct dwarf_file *dwarf_file_open(struct elf_file *elf, int split);
void dwarf_file_close(struct dwarf_file *d);
struct elf_file *dwarf_file_elf(const struct dwarf_file *d);

/* Returns the bytes of a section from an offset on. */
struct bytes dwarf_bytes(const struct dwarf_file *d, enum dwarf_section s,
    uint64_t offset);

/* Narrow a section to a part of it: of a .dwp. */
void dwarf_narrow(struct dwarf_file *d, enum dwarf_section s, uint64_t offset,
    uint64_t len);

/* Read the header of the unit at an offset of DWARF_INFO; the next one begins at u->end.
 * Returns -1 if there is none. */
int dwarf_unit_read(struct dwarf_file *d, uint64_t offset, struct dwarf_unit *u);

/* Read a unit's first entry, once.  Returns -1 if there is none. */
int dwarf_root(struct dwarf_unit *u);

/* Free the abbreviations, which are read again if need be. */
void dwarf_unit_clear(struct dwarf_unit *u);

/* Set the function that finds the unit of an entry: the caller keeps them. */
void dwarf_file_set_units(struct dwarf_file *d,
    struct dwarf_unit *(*find)(void *ctx, uint64_t offset), void *ctx);

/* Set the supplementary file, whose entries several files share (7.3.6; dwz(1)); its
 * units are its own.  Without it, its names are not known. */
void dwarf_file_set_supplement(struct dwarf_file *d, struct dwarf_file *supplement);

/* Get the entry at an offset of DWARF_INFO.  Returns -1 if there is none. */
int dwarf_die_at(struct dwarf_unit *u, uint64_t offset, struct dwarf_die *out);

/* Go on from behind an entry's attributes to the next one, in the order of the file. */
void dwarf_die_next(struct dwarf_die *d);

/* Pass over an entry's attributes. */
void dwarf_die_skip(struct dwarf_die *d);

/* Read an entry's attributes one after another.  dwarf_next_attr() returns 0 past the
 * last; then die is behind them. */
struct dwarf_attrs {
	struct dwarf_die die;
	uint32_t next;
};
struct dwarf_attrs dwarf_attrs_of(const struct dwarf_die *d);
int dwarf_next_attr(struct dwarf_attrs *a, struct dwarf_value *out);

/* Read a value of a form from anywhere. */
void dwarf_take(const struct dwarf_unit *u, uint16_t form, struct bytes *b,
    struct dwarf_value *out);

/* Convert a value to a string, an address, a number, or the entry that it refers to.
 * Return NULL, or -1, if it is not of that kind. */
const char *dwarf_string(struct dwarf_unit *u, const struct dwarf_value *v);
int dwarf_address(struct dwarf_unit *u, const struct dwarf_value *v, uint64_t *out);
int dwarf_number(const struct dwarf_value *v, uint64_t *out);
int dwarf_reference(struct dwarf_unit *u, const struct dwarf_value *v,
    struct dwarf_die *out);

#define DWARF_LOWEST 2 /* address: code that the linker has dropped is at 0 or 1 */

/*
 * Call fn for each range [low, high) of an entry that is not empty or dropped,
 * while it returns 0.  Returns fn's last result, or 0.  Many entries can name
 * the same list: *left is how many ranges may be read yet.
 */
typedef int dwarf_range_fn(void *ctx, uint64_t low, uint64_t high);
int dwarf_ranges_of(const struct dwarf_die *d, uint64_t *left, dwarf_range_fn *fn,
    void *ctx);

#endif
