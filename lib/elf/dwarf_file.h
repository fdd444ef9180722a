/*
 * DWARF 2 to 5, as it stands in a file: units, their entries (DIEs) and
 * attributes, ranges of addresses.  Nothing is read before it is asked for, and
 * nothing is trusted: what is damaged reads as zeros and ends early.  Numbers in
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

struct dwarf_spec {
	uint16_t attr, form;
	int32_t size;     /* -1: it differs */
	int64_t constant; /* of DW_FORM_implicit_const */
};

/* How entries of a kind are written (7.5.3). */
struct dwarf_abbrev {
	uint64_t code;
	uint16_t tag;
	uint8_t children;
	uint8_t code_range; /* it has DW_AT_low_pc or DW_AT_ranges */
	uint32_t spec, nspec;
	int32_t size;       /* of all attributes; -1: it differs */
};

struct dwarf_abbrevs {
	struct dwarf_abbrev *abbrev;
	size_t n, room;
	struct dwarf_spec *spec;
	size_t nspec, spec_room;
	int in_order; /* the codes are 1, 2, 3 and so on */
};

struct dwarf_unit {
	struct dwarf_file *dwarf;
	uint64_t offset, die, end; /* the header, the first entry, past the last; in
	                              DWARF_INFO */
	uint64_t abbrev_offset, id; /* id: of split units */
	uint8_t version, address_size, offset_size, type;
	struct dwarf_abbrevs *abbrevs; /* NULL: not read yet */

	/* What the first entry says. */
	int rooted;
	uint64_t low_pc;
	uint64_t str_offsets_base, addr_base, rnglists_base, ranges_base;
	int64_t line; /* where its line program is; -1: it has none */
	const char *comp_dir, *split_name;
	/* A split unit's skeleton, which has its addresses; or NULL. */
	struct dwarf_unit *skeleton;
};

/* An attribute that was read. */
struct dwarf_value {
	uint16_t attr, form;
	uint64_t number;          /* also an offset, an index, or an address */
	const unsigned char *bytes; /* of a block, or an inline string */
};

/* An entry, and where it stands. */
struct dwarf_die {
	struct dwarf_unit *unit;
	const struct dwarf_abbrev *abbrev; /* NULL: the end of a list of children */
	struct bytes at;                   /* its attributes, then what follows */
};

/* The file, which must outlive it; split: the sections of a .dwo or .dwp.  NULL:
 * there is no DWARF in it, or no memory. */
struct dwarf_file *dwarf_file_open(struct elf_file *elf, int split);
void dwarf_file_close(struct dwarf_file *d);
struct elf_file *dwarf_file_elf(const struct dwarf_file *d);

struct bytes dwarf_bytes(const struct dwarf_file *d, enum dwarf_section s,
    uint64_t offset);

/* A section is only a part of what the file has: of a .dwp. */
void dwarf_narrow(struct dwarf_file *d, enum dwarf_section s, uint64_t offset,
    uint64_t len);

/*
 * The unit whose header stands at an offset of DWARF_INFO: 0, with u->end where
 * the next one begins; -1: there is none.  dwarf_root() reads its first entry.
 */
int dwarf_unit_read(struct dwarf_file *d, uint64_t offset, struct dwarf_unit *u);
int dwarf_root(struct dwarf_unit *u);
void dwarf_unit_clear(struct dwarf_unit *u);

/* The unit that has an entry, found by whoever keeps them. */
void dwarf_file_set_units(struct dwarf_file *d,
    struct dwarf_unit *(*find)(void *ctx, uint64_t offset), void *ctx);

/* The file that has what is the same in several ones (7.3.6; dwz(1)), with units of
 * its own; without it, names that it has are not known. */
void dwarf_file_set_supplement(struct dwarf_file *d, struct dwarf_file *supplement);

/* The entry at an offset of DWARF_INFO; -1: there is none. */
int dwarf_die_at(struct dwarf_unit *u, uint64_t offset, struct dwarf_die *out);
/* The one behind, in the order in which they are written. */
void dwarf_die_next(struct dwarf_die *d);
/* Pass over the attributes; what reads them is then at the entry behind. */
void dwarf_die_skip(struct dwarf_die *d);

/* The attributes one after another; 0: there is no more. */
struct dwarf_attrs {
	struct dwarf_die die;
	uint32_t next;
};
struct dwarf_attrs dwarf_attrs_of(const struct dwarf_die *d);
int dwarf_next_attr(struct dwarf_attrs *a, struct dwarf_value *out);

/* A value of some form, from anywhere. */
void dwarf_take(const struct dwarf_unit *u, uint16_t form, struct bytes *b,
    struct dwarf_value *out);

/* What a value is: NULL, or -1, where it is nothing of that kind. */
const char *dwarf_string(struct dwarf_unit *u, const struct dwarf_value *v);
int dwarf_address(struct dwarf_unit *u, const struct dwarf_value *v, uint64_t *out);
int dwarf_number(const struct dwarf_value *v, uint64_t *out);
int dwarf_reference(struct dwarf_unit *u, const struct dwarf_value *v,
    struct dwarf_die *out);

/* What the linker has dropped keeps an address of 0 or 1. */
#define DWARF_LOWEST 2

/*
 * Call fn for each range [low, high) of an entry that is not empty or dropped,
 * while it returns 0; the last it returned, or 0.  A list can be named again and
 * again: *left is how many ranges may be read yet.
 */
typedef int dwarf_range_fn(void *ctx, uint64_t low, uint64_t high);
int dwarf_ranges_of(const struct dwarf_die *d, uint64_t *left, dwarf_range_fn *fn,
    void *ctx);

#endif
