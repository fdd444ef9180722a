#include "elf/dynamic.h"

#include <gelf.h>
#include <libelf.h>
#include <string.h>

#include "base/bytes.h"
#include "elf/elf_file.h"
#include "elf/machine.h"

#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR 36
#endif

/* A table that PT_DYNAMIC names: its address and size. */
struct part {
	uint64_t addr, size;
};

struct dynamic {
	const struct elf_file *file;
	struct part rela, jmprel, relr, symbols, strings;
	void (*fn)(void *ctx, const struct dynamic_word *word);
	void *ctx;
};

/* Return the bytes of a table as far as they are in the file. */
static struct bytes
bytes_of(const struct elf_file *file, uint64_t addr, uint64_t size)
{
	struct bytes b = { NULL, NULL, 0 };
	uint64_t offset;
	size_t len;
	const unsigned char *all = elf_file_bytes(file, &len);

	if (size == 0 || elf_file_addr_to_offset(file, addr, &offset) < 0 || offset > len)
		return b;
	b.p = all + offset;
	b.end = b.p + (size < len - offset ? size : len - offset);
	return b;
}

/* Read an address that stands in the file. */
static uint64_t
word_at(const struct elf_file *file, uint64_t addr)
{
	struct bytes b = bytes_of(file, addr, 8);

	return b.p ? bytes_take(&b, 8) : 0;
}

static void
take_tag(struct dynamic *d, uint64_t tag, uint64_t value)
{
	switch (tag) {
	case DT_RELA: d->rela.addr = value; break;
	case DT_RELASZ: d->rela.size = value; break;
	case DT_JMPREL: d->jmprel.addr = value; break;
	case DT_PLTRELSZ: d->jmprel.size = value; break;
	case DT_RELR: d->relr.addr = value; break;
	case DT_RELRSZ: d->relr.size = value; break;
	case DT_SYMTAB: d->symbols.addr = value; break;
	case DT_STRTAB: d->strings.addr = value; break;
	case DT_STRSZ: d->strings.size = value; break;
	default: break;
	}
}

/* Find the tables.  Returns -1 if there are none. */
static int
find_tables(struct dynamic *d)
{
	Elf *elf = elf_file_handle(d->file);
	struct bytes b = { NULL, NULL, 0 };
	GElf_Phdr ph;
	size_t n;

	if (elf_getphdrnum(elf, &n) < 0)
		return -1;
	for (size_t i = 0; i < n && b.p == NULL; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_DYNAMIC)
			b = bytes_of(d->file, ph.p_vaddr, ph.p_filesz);
	if (b.p == NULL)
		return -1;
	while (b.end - b.p >= 16) {
		uint64_t tag = bytes_take(&b, 8);

		if (tag == DT_NULL)
			break;
		take_tag(d, tag, bytes_take(&b, 8));
	}
	return 0;
}

/* Set a word's symbol, by its number. */
static void
take_symbol(const struct dynamic *d, uint64_t number, uint64_t addend,
    struct dynamic_word *w)
{
	struct bytes symbol = bytes_of(d->file, d->symbols.addr + number * sizeof(Elf64_Sym),
	    sizeof(Elf64_Sym));
	struct bytes strings = bytes_of(d->file, d->strings.addr, d->strings.size);
	Elf64_Sym s;

	if (symbol.p == NULL || symbol.end - symbol.p < (long)sizeof s)
		return;
	memcpy(&s, symbol.p, sizeof s);
	if (s.st_shndx != SHN_UNDEF) {
		w->to = s.st_value + addend;
		w->here = 1;
	}
	if (strings.p && s.st_name < (size_t)(strings.end - strings.p) &&
	    memchr(strings.p + s.st_name, '\0', (size_t)(strings.end - strings.p) - s.st_name))
		w->name = (const char *)strings.p + s.st_name;
}

static void
take_rela(const struct dynamic *d, struct part part)
{
	struct bytes b = bytes_of(d->file, part.addr, part.size);
	Elf64_Rela r;

	while (b.p && b.end - b.p >= (long)sizeof r) {
		struct dynamic_word w = { .at = 0 };

		memcpy(&r, bytes_skip(&b, sizeof r), sizeof r);
		w.at = r.r_offset;
		if (machine_is_relative(ELF64_R_TYPE(r.r_info))) {
			w.to = (uint64_t)r.r_addend;
			w.here = 1;
		} else if (machine_is_slot(ELF64_R_TYPE(r.r_info))) {
			w.got = machine_is_got(ELF64_R_TYPE(r.r_info));
			take_symbol(d, ELF64_R_SYM(r.r_info), (uint64_t)r.r_addend, &w);
		} else {
			continue;
		}
		d->fn(d->ctx, &w);
	}
}

static void
emit_relative(const struct dynamic *d, uint64_t at)
{
	struct dynamic_word w = { .at = at, .to = word_at(d->file, at), .here = 1 };

	d->fn(d->ctx, &w);
}

/* Read packed relocations: an even word is an address, an odd one has a bit for each of
 * the 63 words behind. */
static void
take_relr(const struct dynamic *d)
{
	struct bytes b = bytes_of(d->file, d->relr.addr, d->relr.size);
	uint64_t at = 0;

	while (b.p && b.end - b.p >= 8) {
		uint64_t word = bytes_take(&b, 8);

		if ((word & 1) == 0) {
			emit_relative(d, word);
			at = word + 8;
			continue;
		}
		for (unsigned i = 1; i < 64; i++)
			if (word >> i & 1)
				emit_relative(d, at + 8 * (i - 1));
		at += 8 * 63;
	}
}

void
dynamic_words(const struct elf_file *file,
    void (*fn)(void *ctx, const struct dynamic_word *word), void *ctx)
{
	struct dynamic d = { .file = file, .fn = fn, .ctx = ctx };

	if (find_tables(&d) < 0)
		return;
	take_rela(&d, d.rela);
	take_rela(&d, d.jmprel);
	take_relr(&d);
}
