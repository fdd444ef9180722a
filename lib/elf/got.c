#include "elf/got.h"

#include <gelf.h>
#include <libelf.h>

#include "elf/elf_file.h"
#include "elf/machine.h"

struct slots {
	void (*fn)(void *ctx, const char *name, uint64_t slot);
	void *ctx;
	Elf *handle;
	Elf_Data *symbols;
	size_t strings; /* the section of their names */
};

/* Find the symbol table that a section of relocations refers to. */
static int
find_symbols(struct slots *s, const GElf_Shdr *rela)
{
	Elf_Scn *scn = elf_getscn(s->handle, rela->sh_link);
	GElf_Shdr sh;

	if (scn == NULL || gelf_getshdr(scn, &sh) == NULL || sh.sh_type != SHT_DYNSYM)
		return -1;
	s->symbols = elf_getdata(scn, NULL);
	s->strings = sh.sh_link;
	return s->symbols ? 0 : -1;
}

static void
add_relocation(const struct slots *s, const GElf_Rela *r)
{
	const char *name;
	GElf_Sym sym;

	if (!machine_is_slot(GELF_R_TYPE(r->r_info)))
		return;
	if (gelf_getsym(s->symbols, (int)GELF_R_SYM(r->r_info), &sym) == NULL)
		return;
	name = elf_strptr(s->handle, s->strings, sym.st_name);
	if (name && *name)
		s->fn(s->ctx, name, r->r_offset);
}

static void
add_section(struct slots *s, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Rela r;

	if (data == NULL || sh->sh_entsize == 0 || find_symbols(s, sh) < 0)
		return;
	for (size_t i = 0; i < data->d_size / sh->sh_entsize; i++)
		if (gelf_getrela(data, (int)i, &r))
			add_relocation(s, &r);
}

void
got_slots(const struct elf_file *elf,
    void (*fn)(void *ctx, const char *name, uint64_t slot), void *ctx)
{
	struct slots s = { .fn = fn, .ctx = ctx, .handle = elf_file_handle(elf) };
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(s.handle, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_RELA)
			add_section(&s, scn, &sh);
}
