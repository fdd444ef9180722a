/*
 * Entries of .debug_info have no framing: how long one is follows from its
 * abbreviation, a list of attributes and their forms that is shared by all entries of
 * a kind (struct dwarf_abbrev), and from the forms.  So entries can only be read one
 * after another, and a unit's abbreviations are read first, into two arrays: the
 * abbreviations, by code, and the specs of their attributes.  Strings, addresses and
 * lists of ranges are in sections of their own, found by offsets or by indexes into
 * tables that begin at a unit's bases.
 */
#include "elf/dwarf_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "elf/dwarf_names.h"
#include "elf/elf_file.h"

#define ABBREVS (1U << 20) /* of a unit: more are damage */
#define SPECS 1000         /* of an abbreviation: more are damage */

struct dwarf_file {
	struct elf_file *elf;
	struct elf_file_data section[DWARF_SECTIONS];
	struct dwarf_unit *(*find)(void *ctx, uint64_t offset);
	void *ctx;
	struct dwarf_file *supplement; /* or NULL */
};

/* ---- sections ---------------------------------------------------------- */

static const struct {
	const char *name;
	int split; /* a split file has its own */
} sections[DWARF_SECTIONS] = {
	[DWARF_INFO] = { ".debug_info", 1 },
	[DWARF_ABBREV] = { ".debug_abbrev", 1 },
	[DWARF_STR] = { ".debug_str", 1 },
	[DWARF_LINE] = { ".debug_line", 1 },
	[DWARF_LINE_STR] = { ".debug_line_str", 0 },
	[DWARF_RANGES] = { ".debug_ranges", 0 },
	[DWARF_RNGLISTS] = { ".debug_rnglists", 1 },
	[DWARF_ADDR] = { ".debug_addr", 0 },
	[DWARF_STR_OFFSETS] = { ".debug_str_offsets", 1 },
};

struct dwarf_file *
dwarf_file_open(struct elf_file *elf, int split)
{
	struct dwarf_file *d = calloc(1, sizeof *d);
	char name[40];

	if (d == NULL)
		return NULL;
	d->elf = elf;
	for (size_t i = 0; i < DWARF_SECTIONS; i++) {
		snprintf(name, sizeof name, "%s%s", sections[i].name,
		    split && sections[i].split ? ".dwo" : "");
		d->section[i] = elf_file_data(elf, name);
	}
	if (d->section[DWARF_INFO].len && d->section[DWARF_ABBREV].len)
		return d;
	dwarf_file_close(d);
	return NULL;
}

void
dwarf_file_close(struct dwarf_file *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < DWARF_SECTIONS; i++)
		free(d->section[i].own);
	free(d);
}

struct elf_file *
dwarf_file_elf(const struct dwarf_file *d)
{
	return d->elf;
}

void
dwarf_file_set_supplement(struct dwarf_file *d, struct dwarf_file *supplement)
{
	d->supplement = supplement;
}

void
dwarf_file_set_units(struct dwarf_file *d, struct dwarf_unit *(*find)(void *ctx, uint64_t offset),
    void *ctx)
{
	d->find = find;
	d->ctx = ctx;
}

struct bytes
dwarf_bytes(const struct dwarf_file *d, enum dwarf_section s, uint64_t offset)
{
	const struct elf_file_data *data = &d->section[s];
	static const unsigned char none;
	struct bytes b = { &none, &none, 1 };

	if (offset > data->len || data->bytes == NULL)
		return b;
	b.p = data->bytes + offset;
	b.end = data->bytes + data->len;
	b.failed = 0;
	return b;
}

void
dwarf_narrow(struct dwarf_file *d, enum dwarf_section s, uint64_t offset, uint64_t len)
{
	struct elf_file_data *data = &d->section[s];

	if (offset > data->len || len > data->len - offset)
		offset = len = 0;
	data->bytes += offset;
	data->len = len;
}

/* ---- abbreviations (7.5.3) --------------------------------------------- */

/* Returns the size of a form in bytes; -1: it differs. */
static int
form_size(const struct dwarf_unit *u, uint16_t form)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const: return 0;
	case DW_FORM_data1:
	case DW_FORM_ref1:
	case DW_FORM_flag:
	case DW_FORM_strx1:
	case DW_FORM_addrx1: return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2: return 2;
	case DW_FORM_strx3:
	case DW_FORM_addrx3: return 3;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
	case DW_FORM_ref_sup4: return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8: return 8;
	case DW_FORM_data16: return 16;
	case DW_FORM_addr: return u->address_size;
	case DW_FORM_ref_addr: return u->version > 2 ? u->offset_size : u->address_size;
	case DW_FORM_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_line_strp:
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt: return u->offset_size;
	default: return -1;
	}
}

/* Read the attributes of an abbreviation.  Returns -1: out of memory. */
static int
read_specs(const struct dwarf_unit *u, struct dwarf_abbrevs *t,
    struct dwarf_abbrev *a, struct bytes *b)
{
	struct dwarf_spec s;

	a->spec = (uint32_t)t->nspec;
	for (;;) {
		s.attr = (uint16_t)bytes_uleb(b);
		s.form = (uint16_t)bytes_uleb(b);
		s.size = form_size(u, s.form);
		s.constant = s.form == DW_FORM_implicit_const ? bytes_sleb(b) : 0;
		if ((s.attr == 0 && s.form == 0) || b->failed || a->nspec == SPECS)
			return 0;
		if (array_room(&t->spec, t->nspec, &t->spec_room, sizeof s) < 0)
			return -1;
		t->spec[t->nspec++] = s;
		a->nspec++;
		a->code_range |= s.attr == DW_AT_low_pc || s.attr == DW_AT_ranges;
		a->size = s.size < 0 || a->size < 0 || a->size > 1 << 20 ? -1
		                                                         : a->size + s.size;
	}
}

static int
by_code(const void *va, const void *vb)
{
	const struct dwarf_abbrev *a = va, *b = vb;

	return a->code < b->code ? -1 : a->code > b->code;
}

static void
free_abbrevs(struct dwarf_abbrevs *t)
{
	if (t == NULL)
		return;
	free(t->abbrev);
	free(t->spec);
	free(t);
}

/* Read a unit's abbreviations.  NULL: out of memory. */
static struct dwarf_abbrevs *
read_abbrevs(const struct dwarf_unit *u)
{
	struct bytes b = dwarf_bytes(u->dwarf, DWARF_ABBREV, u->abbrev_offset);
	struct dwarf_abbrevs *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	t->in_order = 1;
	while (!b.failed && t->n < ABBREVS) {
		struct dwarf_abbrev *a;

		if (array_room(&t->abbrev, t->n, &t->room, sizeof *a) < 0)
			goto fail;
		a = &t->abbrev[t->n];
		*a = (struct dwarf_abbrev){ .code = bytes_uleb(&b) };
		if (a->code == 0)
			break;
		a->tag = (uint16_t)bytes_uleb(&b);
		a->children = bytes_take(&b, 1) != 0;
		if (read_specs(u, t, a, &b) < 0)
			goto fail;
		t->n++;
		t->in_order &= a->code == t->n;
	}
	if (!t->in_order)
		qsort(t->abbrev, t->n, sizeof *t->abbrev, by_code);
	return t;
fail:
	free_abbrevs(t);
	return NULL;
}

/* Returns the abbreviation of a code, or NULL. */
static const struct dwarf_abbrev *
find_abbrev(const struct dwarf_abbrevs *t, uint64_t code)
{
	const struct dwarf_abbrev key = { .code = code };

	if (t->in_order)
		return code - 1 < t->n ? &t->abbrev[code - 1] : NULL;
	return bsearch(&key, t->abbrev, t->n, sizeof key, by_code);
}

/* ---- units (7.5.1) ----------------------------------------------------- */

/* Read a unit's header.  Returns -1 if it cannot be read. */
static int
read_header(struct dwarf_unit *u, struct bytes *b)
{
	u->version = (uint8_t)bytes_take(b, 2);
	if (u->version < 2 || u->version > 5)
		return -1;
	u->type = u->version == 5 ? (uint8_t)bytes_take(b, 1) : DW_UT_compile;
	if (u->version == 5)
		u->address_size = (uint8_t)bytes_take(b, 1);
	u->abbrev_offset = bytes_take(b, u->offset_size);
	if (u->version < 5)
		u->address_size = (uint8_t)bytes_take(b, 1);
	if (u->type == DW_UT_skeleton || u->type == DW_UT_split_compile)
		u->id = bytes_take(b, 8);
	else if (u->type == DW_UT_type || u->type == DW_UT_split_type)
		bytes_skip(b, 8 + u->offset_size);
	return b->failed || u->address_size != 8 ? -1 : 0;
}

int
dwarf_unit_read(struct dwarf_file *d, uint64_t offset, struct dwarf_unit *u)
{
	struct bytes all = dwarf_bytes(d, DWARF_INFO, 0);
	struct bytes b = dwarf_bytes(d, DWARF_INFO, offset);
	unsigned offset_size;
	uint64_t len = bytes_length(&b, &offset_size);

	memset(u, 0, sizeof *u);
	u->dwarf = d;
	u->offset = offset;
	u->line = -1;
	u->offset_size = (uint8_t)offset_size;
	if (b.failed || len == 0)
		return -1;
	if (len < (uint64_t)(b.end - b.p))
		b.end = b.p + len;
	u->end = (uint64_t)(b.end - all.p);
	/* A unit that cannot be read is passed over. */
	if (read_header(u, &b) < 0)
		u->type = 0;
	u->die = (uint64_t)(b.p - all.p);
	return 0;
}

void
dwarf_unit_clear(struct dwarf_unit *u)
{
	free_abbrevs(u->abbrevs);
	u->abbrevs = NULL;
}

/* Returns a base of a split unit.  One of DWARF 5 that is not given is behind the header
 * of its section (7.26, 7.28). */
static uint64_t
base_of(uint64_t given, const struct dwarf_unit *u, unsigned header)
{
	if (given || u->version < 5)
		return given;
	return u->offset_size == 8 ? header + 8 : header;
}

/* Set a base or an offset, which other attributes are found by. */
static void
set_base(struct dwarf_unit *u, const struct dwarf_value *v)
{
	switch (v->attr) {
	case DW_AT_str_offsets_base: u->str_offsets_base = v->number; break;
	case DW_AT_addr_base:
	case DW_AT_GNU_addr_base: u->addr_base = v->number; break;
	case DW_AT_rnglists_base: u->rnglists_base = v->number; break;
	case DW_AT_GNU_ranges_base: u->ranges_base = v->number; break;
	case DW_AT_GNU_dwo_id: u->id = v->number; break;
	case DW_AT_stmt_list: u->line = (int64_t)v->number; break;
	}
}

/* Set an attribute that is found by a base. */
static void
set_root(struct dwarf_unit *u, const struct dwarf_value *v)
{
	switch (v->attr) {
	case DW_AT_low_pc: dwarf_address(u, v, &u->low_pc); break;
	case DW_AT_comp_dir: u->comp_dir = dwarf_string(u, v); break;
	case DW_AT_dwo_name:
	case DW_AT_GNU_dwo_name: u->split_name = dwarf_string(u, v); break;
	}
}

int
dwarf_root(struct dwarf_unit *u)
{
	struct dwarf_attrs a;
	struct dwarf_value v;
	struct dwarf_die die;

	if (u->rooted)
		return 0;
	if (dwarf_die_at(u, u->die, &die) < 0)
		return -1;
	for (a = dwarf_attrs_of(&die); dwarf_next_attr(&a, &v);)
		set_base(u, &v);
	if (u->type == DW_UT_split_compile || u->skeleton) {
		u->str_offsets_base = base_of(u->str_offsets_base, u, 8);
		u->rnglists_base = base_of(u->rnglists_base, u, 12);
	}
	for (a = dwarf_attrs_of(&die); dwarf_next_attr(&a, &v);)
		set_root(u, &v);
	u->rooted = 1;
	return 0;
}

/* ---- entries ----------------------------------------------------------- */

int
dwarf_die_at(struct dwarf_unit *u, uint64_t offset, struct dwarf_die *out)
{
	struct bytes all = dwarf_bytes(u->dwarf, DWARF_INFO, 0);

	if (u->type == 0 || offset < u->die || offset >= u->end)
		return -1;
	if (u->abbrevs == NULL && (u->abbrevs = read_abbrevs(u)) == NULL)
		return -1;
	out->unit = u;
	out->at = (struct bytes){ all.p + offset, all.p + u->end, 0 };
	dwarf_die_next(out);
	return out->abbrev ? 0 : -1;
}

void
dwarf_die_next(struct dwarf_die *d)
{
	uint64_t code = bytes_uleb(&d->at);

	d->abbrev = code ? find_abbrev(d->unit->abbrevs, code) : NULL;
	if (code && d->abbrev == NULL)
		d->at.failed = 1;
}

void
dwarf_die_skip(struct dwarf_die *d)
{
	const struct dwarf_abbrev *a = d->abbrev;
	const struct dwarf_spec *s;
	struct dwarf_value v;

	if (a == NULL)
		return;
	if (a->size >= 0) {
		bytes_skip(&d->at, (uint64_t)a->size);
		return;
	}
	s = d->unit->abbrevs->spec + a->spec;
	for (uint32_t i = 0; i < a->nspec && !d->at.failed; i++)
		if (s[i].size >= 0)
			bytes_skip(&d->at, (uint64_t)s[i].size);
		else
			dwarf_take(d->unit, s[i].form, &d->at, &v);
}

/* ---- attributes -------------------------------------------------------- */

struct dwarf_attrs
dwarf_attrs_of(const struct dwarf_die *d)
{
	return (struct dwarf_attrs){ *d, 0 };
}

void
dwarf_take(const struct dwarf_unit *u, uint16_t form, struct bytes *b,
    struct dwarf_value *v)
{
	int size;

	v->form = form == DW_FORM_indirect ? (uint16_t)bytes_uleb(b) : form;
	if (v->form == DW_FORM_implicit_const && form == DW_FORM_indirect)
		b->failed = 1; /* it has no constant */
	v->bytes = b->p;
	v->number = v->form == DW_FORM_flag_present;
	size = form_size(u, v->form);
	if (size >= 0 && size <= 8) {
		if (size)
			v->number = bytes_take(b, (size_t)size);
		return;
	}
	switch (v->form) {
	case DW_FORM_data16: bytes_skip(b, 16); break;
	case DW_FORM_block1: bytes_skip(b, bytes_take(b, 1)); break;
	case DW_FORM_block2: bytes_skip(b, bytes_take(b, 2)); break;
	case DW_FORM_block4: bytes_skip(b, bytes_take(b, 4)); break;
	case DW_FORM_block:
	case DW_FORM_exprloc: bytes_skip(b, bytes_uleb(b)); break;
	case DW_FORM_string: bytes_string(b); break;
	case DW_FORM_sdata: v->number = (uint64_t)bytes_sleb(b); break;
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index: v->number = bytes_uleb(b); break;
	default: b->failed = 1; /* its length is unknown */
	}
}

int
dwarf_next_attr(struct dwarf_attrs *a, struct dwarf_value *out)
{
	const struct dwarf_abbrev *ab = a->die.abbrev;
	const struct dwarf_spec *s;

	if (ab == NULL || a->next >= ab->nspec || a->die.at.failed)
		return 0;
	s = &a->die.unit->abbrevs->spec[ab->spec + a->next++];
	*out = (struct dwarf_value){ .attr = s->attr };
	dwarf_take(a->die.unit, s->form, &a->die.at, out);
	if (s->form == DW_FORM_implicit_const)
		out->number = (uint64_t)s->constant;
	return !a->die.at.failed;
}

/* Read number n of an array. */
static int
indexed(const struct dwarf_file *d, enum dwarf_section s, uint64_t base, uint64_t n,
    unsigned size, uint64_t *out)
{
	struct bytes b;

	if (n > UINT32_MAX)
		return -1;
	b = dwarf_bytes(d, s, base + n * size);
	*out = bytes_take(&b, size);
	return b.failed ? -1 : 0;
}

/* Returns a string of a section, or NULL. */
static const char *
string_at(const struct dwarf_file *d, enum dwarf_section s, uint64_t offset)
{
	struct bytes b = dwarf_bytes(d, s, offset);
	const char *text = bytes_string(&b);

	return b.failed ? NULL : text;
}

const char *
dwarf_string(struct dwarf_unit *u, const struct dwarf_value *v)
{
	struct bytes b = { v->bytes, NULL, 0 };
	const struct dwarf_file *d = u->dwarf;
	struct bytes info = dwarf_bytes(d, DWARF_INFO, 0);
	uint64_t offset;

	switch (v->form) {
	case DW_FORM_string:
		b.end = info.p + u->end;
		return bytes_string(&b);
	case DW_FORM_strp: return string_at(d, DWARF_STR, v->number);
	case DW_FORM_line_strp: return string_at(d, DWARF_LINE_STR, v->number);
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		return d->supplement ? string_at(d->supplement, DWARF_STR, v->number) : NULL;
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
	case DW_FORM_GNU_str_index:
		return indexed(d, DWARF_STR_OFFSETS, u->str_offsets_base, v->number,
		           u->offset_size, &offset) < 0
		    ? NULL
		    : string_at(d, DWARF_STR, offset);
	default: return NULL;
	}
}

/* Returns the unit that has the addresses: the skeleton, if there is one. */
static const struct dwarf_unit *
addressed(const struct dwarf_unit *u)
{
	return u->skeleton ? u->skeleton : u;
}

static int
address_by_index(const struct dwarf_unit *u, uint64_t n, uint64_t *out)
{
	const struct dwarf_unit *a = addressed(u);

	return indexed(a->dwarf, DWARF_ADDR, a->addr_base, n, 8, out);
}

int
dwarf_address(struct dwarf_unit *u, const struct dwarf_value *v, uint64_t *out)
{
	switch (v->form) {
	case DW_FORM_addr: *out = v->number; return 0;
	case DW_FORM_addrx:
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
	case DW_FORM_GNU_addr_index: return address_by_index(u, v->number, out);
	default: return -1;
	}
}

int
dwarf_number(const struct dwarf_value *v, uint64_t *out)
{
	switch (v->form) {
	case DW_FORM_data1:
	case DW_FORM_data2:
	case DW_FORM_data4:
	case DW_FORM_data8:
	case DW_FORM_udata:
	case DW_FORM_sdata:
	case DW_FORM_implicit_const: *out = v->number; return 0;
	default: return -1;
	}
}

int
dwarf_reference(struct dwarf_unit *u, const struct dwarf_value *v,
    struct dwarf_die *out)
{
	const struct dwarf_file *d = u->dwarf;
	uint64_t to = v->number;

	switch (v->form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata: return dwarf_die_at(u, u->offset + to, out);
	case DW_FORM_ref_addr: break;
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
	case DW_FORM_GNU_ref_alt: d = d->supplement; break;
	default: return -1;
	}
	u = d && d->find ? d->find(d->ctx, to) : NULL;
	return u ? dwarf_die_at(u, to, out) : -1;
}

/* ---- ranges ------------------------------------------------------------ */

struct ranges {
	uint64_t *left;
	dwarf_range_fn *fn;
	void *ctx;
};

/* Hand a range on, unless it is empty or dropped.  Returns not 0 to stop. */
static int
emit(const struct ranges *r, uint64_t low, uint64_t high)
{
	if (*r->left == 0)
		return 1;
	(*r->left)--;
	return low < high && low >= DWARF_LOWEST ? r->fn(r->ctx, low, high) : 0;
}

/* Read a list of DWARF 4, 2.17.3. */
static int
list_4(const struct dwarf_unit *a, uint64_t at, const struct ranges *r)
{
	struct bytes b = dwarf_bytes(a->dwarf, DWARF_RANGES, at);
	uint64_t base = a->low_pc;
	int stop = 0;

	while (!b.failed && !stop) {
		uint64_t low = bytes_take(&b, 8), high = bytes_take(&b, 8);

		if ((low == 0 && high == 0) || b.failed)
			break;
		if (low == UINT64_MAX)
			base = high;
		else
			stop = emit(r, base + low, base + high);
	}
	return stop;
}

/* Read a list of DWARF 5, 2.17.3. */
static int
list_5(const struct dwarf_unit *u, uint64_t at, const struct ranges *r)
{
	struct bytes b = dwarf_bytes(u->dwarf, DWARF_RNGLISTS, at);
	uint64_t base = addressed(u)->low_pc, low, high;
	int stop = 0;

	while (!b.failed && !stop) {
		low = high = 0;
		switch (bytes_take(&b, 1)) {
		case DW_RLE_base_addressx:
			address_by_index(u, bytes_uleb(&b), &base);
			continue;
		case DW_RLE_base_address: base = bytes_take(&b, 8); continue;
		case DW_RLE_startx_endx:
			address_by_index(u, bytes_uleb(&b), &low);
			address_by_index(u, bytes_uleb(&b), &high);
			break;
		case DW_RLE_startx_length:
			address_by_index(u, bytes_uleb(&b), &low);
			high = low + bytes_uleb(&b);
			break;
		case DW_RLE_offset_pair:
			low = base + bytes_uleb(&b);
			high = base + bytes_uleb(&b);
			break;
		case DW_RLE_start_end:
			low = bytes_take(&b, 8);
			high = bytes_take(&b, 8);
			break;
		case DW_RLE_start_length:
			low = bytes_take(&b, 8);
			high = low + bytes_uleb(&b);
			break;
		default: return stop; /* the end, or nothing known */
		}
		if (!b.failed)
			stop = emit(r, low, high);
	}
	return stop;
}

/* Read the list that a value names. */
static int
list_of(struct dwarf_unit *u, const struct dwarf_value *v, const struct ranges *r)
{
	const struct dwarf_unit *a = addressed(u);
	uint64_t at = v->number;

	/* A skeleton's base counts for lists of its split unit, not for its own. */
	if (u->version < 5)
		return list_4(a, a == u ? at : at + a->ranges_base, r);
	if (v->form != DW_FORM_rnglistx)
		return list_5(u, at, r);
	if (indexed(u->dwarf, DWARF_RNGLISTS, u->rnglists_base, at, u->offset_size, &at) < 0)
		return 0;
	return list_5(u, u->rnglists_base + at, r);
}

int
dwarf_ranges_of(const struct dwarf_die *d, uint64_t *left, dwarf_range_fn *fn, void *ctx)
{
	const struct ranges r = { left, fn, ctx };
	struct dwarf_attrs a = dwarf_attrs_of(d);
	struct dwarf_value v, list = { .attr = 0 };
	uint64_t low = 0, high = 0, len;
	int has_low = 0, has_high = 0;

	while (dwarf_next_attr(&a, &v))
		if (v.attr == DW_AT_low_pc)
			has_low = dwarf_address(d->unit, &v, &low) == 0;
		else if (v.attr == DW_AT_high_pc && dwarf_number(&v, &len) == 0)
			has_high = 2, high = len;
		else if (v.attr == DW_AT_high_pc)
			has_high = dwarf_address(d->unit, &v, &high) == 0;
		else if (v.attr == DW_AT_ranges)
			list = v;
	if (list.attr)
		return list_of(d->unit, &list, &r);
	if (!has_low || !has_high)
		return 0;
	return emit(&r, low, has_high == 2 ? low + high : high);
}
