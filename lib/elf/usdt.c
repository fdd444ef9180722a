#include "elf/usdt.h"

#include <string.h>

#include "base/bytes.h"
#include "elf/elf_file.h"

#define OWNER "stapsdt"
#define TYPE 3

/* Returns the string that bytes begin with, and steps over it; NULL: it has no end. */
static const char *
take_string(struct bytes *b)
{
	const unsigned char *end = memchr(b->p, '\0', (size_t)(b->end - b->p));
	const char *s = (const char *)b->p;

	if (end == NULL)
		return NULL;
	b->p = end + 1;
	return s;
}

/* Returns n, or the next multiple of 4. */
static uint64_t
aligned(uint64_t n)
{
	return (n + 3) & ~3ULL;
}

/* Parse the contents of a note.  base is the address of .stapsdt.base, 0: there is none.
 * Returns -1 if it is damaged. */
static int
parse(struct bytes *b, uint64_t base, struct usdt_note *out)
{
	uint64_t was;

	out->addr = bytes_take(b, 8);
	was = bytes_take(b, 8);
	out->semaphore = bytes_take(b, 8);
	if (b->failed)
		return -1;
	/* A file that was moved since it was linked has old addresses in its notes. */
	if (base && was) {
		out->addr += base - was;
		out->semaphore += out->semaphore ? base - was : 0;
	}
	out->provider = take_string(b);
	out->name = out->provider ? take_string(b) : NULL;
	out->args = out->name ? take_string(b) : NULL;
	return out->args ? 0 : -1;
}

void
usdt_notes(const struct elf_file *e,
    void (*fn)(void *ctx, const struct usdt_note *note), void *ctx)
{
	struct elf_file_section s = elf_file_section(e, ".note.stapsdt");
	uint64_t base = elf_file_section(e, ".stapsdt.base").addr;
	struct bytes notes = { s.bytes, s.bytes + s.len, 0 };

	if (s.bytes == NULL || s.packed)
		return;
	while (notes.end - notes.p >= 12) {
		uint64_t owner = bytes_take(&notes, 4), len = bytes_take(&notes, 4);
		uint64_t type = bytes_take(&notes, 4);
		const unsigned char *name = bytes_skip(&notes, aligned(owner));
		const unsigned char *p = bytes_skip(&notes, aligned(len));
		struct bytes content = { p, p ? p + len : p, 0 };
		struct usdt_note note;

		if (name == NULL || p == NULL)
			return;
		if (type == TYPE && owner == sizeof OWNER &&
		    memcmp(name, OWNER, sizeof OWNER) == 0 &&
		    parse(&content, base, &note) == 0)
			fn(ctx, &note);
	}
}
