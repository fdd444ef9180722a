#include "unwind/starts.h"

#include <stdlib.h>

#include "base/array.h"
#include "elf/elf_file.h"
#include "unwind/fde.h"
#include "unwind/synth_code.h"
#include "unwind/synth_file.h"

struct starts {
	const struct elf_file *elf;
	struct synth_range *entry; /* by address, disjoint */
	size_t n, room;
	struct synth_start *more; /* starts in other code, by address, once it is read */
	size_t nmore;
	int read;
	int nomem;
};

/* Read the entries of .eh_frame. */
static void
read_entries(struct starts *s)
{
	struct elf_file_section section = elf_file_section(s->elf, ".eh_frame");
	struct fde_section f;
	enum fde_got got;
	struct fde fde;
	uint64_t at = 0;

	if (section.bytes == NULL)
		section = elf_file_eh_frame(s->elf);
	if (section.bytes == NULL)
		return;
	fde_begin(&f, section, 0);
	while (!s->nomem && (got = fde_read(&f, &at, &fde)) != FDE_END) {
		if (got != FDE_READ || fde.len == 0 || fde.addr + fde.len < fde.addr)
			continue;
		if (array_room(&s->entry, s->n, &s->room, sizeof *s->entry) < 0)
			s->nomem = 1;
		else
			s->entry[s->n++] = (struct synth_range){ fde.addr, fde.addr + fde.len };
	}
}

/* Sort entries, and make them disjoint: two functions folded into one have two. */
static void
sort_entries(struct starts *s)
{
	size_t n = 0;

	if (s->n)
		qsort(s->entry, s->n, sizeof *s->entry, array_order);
	for (size_t i = 0; i < s->n; i++) {
		struct synth_range r = s->entry[i];

		if (n && r.addr < s->entry[n - 1].end)
			r.addr = s->entry[n - 1].end;
		if (r.addr < r.end)
			s->entry[n++] = r;
	}
	s->n = n;
}

struct starts *
starts_read(const struct elf_file *elf)
{
	struct starts *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->elf = elf;
	read_entries(s);
	sort_entries(s);
	return s;
}

void
starts_free(struct starts *s)
{
	if (s == NULL)
		return;
	free(s->entry);
	free(s->more);
	free(s);
}

int
starts_find(struct starts *s, uint64_t addr, uint64_t *start)
{
	size_t i = array_upto(s->entry, s->n, sizeof *s->entry, addr), j;
	uint64_t end = i ? s->entry[i - 1].end : 0;

	if (i && addr < end) {
		*start = s->entry[i - 1].addr;
		return 0;
	}
	if (!s->read) {
		s->read = 1;
		if (synth_file_starts(s->elf, s->entry, s->n, &s->more, &s->nmore) < 0)
			s->nmore = 0;
	}
	j = array_upto(s->more, s->nmore, sizeof *s->more, addr);
	if (j == 0 || s->more[j - 1].addr < end)
		return -1;
	*start = s->more[j - 1].addr;
	return 0;
}
