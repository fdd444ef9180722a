#include "unwind/fde.h"

#include <string.h>

#include "base/bytes.h"

/* DWARF 5, section 6.4.2 and 7.24, LSB 5.0, section 10.5 and 10.6. */
enum {
	DW_EH_PE_absptr = 0x00,
	DW_EH_PE_udata2 = 0x02,
	DW_EH_PE_udata4 = 0x03,
	DW_EH_PE_udata8 = 0x04,
	DW_EH_PE_sdata2 = 0x0a,
	DW_EH_PE_sdata4 = 0x0b,
	DW_EH_PE_sdata8 = 0x0c,
	DW_EH_PE_pcrel = 0x10,
	DW_EH_PE_omit = 0xff
};

#define DEBUG_CIE 0xffffffff /* a CIE's id in .debug_frame */

/* Take an encoded pointer; `where' is the address of the byte at the cursor. */
static uint64_t
take_pointer(struct bytes *c, unsigned encoding, uint64_t where)
{
	uint64_t v;

	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8: v = bytes_take(c, 8); break;
	case DW_EH_PE_udata2: v = bytes_take(c, 2); break;
	case DW_EH_PE_udata4: v = bytes_take(c, 4); break;
	case DW_EH_PE_sdata2: v = (uint64_t)(int64_t)(int16_t)bytes_take(c, 2); break;
	case DW_EH_PE_sdata4: v = (uint64_t)(int64_t)(int32_t)bytes_take(c, 4); break;
	default: c->failed = 1; return 0;
	}
	switch (encoding & 0xf0) {
	case 0: return v;
	case DW_EH_PE_pcrel: return v + where;
	default: c->failed = 1; return 0;
	}
}

/* Returns the address of a byte of the section. */
static uint64_t
address(const struct fde_section *f, const unsigned char *p)
{
	return f->s.addr + (uint64_t)(p - f->s.bytes);
}

/* Read the data that an augmentation string describes: LSB 5.0, 10.6.1.1.1. */
static void
read_augmentation(struct bytes *c, const char *string, struct fde_cie *cie)
{
	const unsigned char *end;
	uint64_t len = bytes_uleb(c);

	cie->augmented = 1;
	end = c->p;
	bytes_skip(c, len);
	if (c->failed)
		return;
	c->p = end;
	end += len;
	for (const char *s = string + 1; *s; s++) {
		unsigned encoding;

		if (*s == 'R') {
			cie->encoding = (unsigned)bytes_take(c, 1);
		} else if (*s == 'P') {
			encoding = (unsigned)bytes_take(c, 1);
			/* Only its length matters. */
			take_pointer(c, encoding & 0x0f, 0);
		} else if (*s == 'L') {
			bytes_take(c, 1);
		} else if (*s == 'S') {
			cie->cfa.signal = 1;
		}
	}
	if (c->p <= end)
		c->p = end;
}

/* Read the CIE at an offset into f->cie. */
static int
read_cie(struct fde_section *f, uint64_t at)
{
	struct fde_cie *cie = &f->cie;
	struct bytes c = { f->s.bytes + at, f->s.bytes + f->s.len, 0 };
	const char *augmentation;
	uint64_t len = bytes_take(&c, 4);
	unsigned version;

	if (c.failed || len > (uint64_t)(c.end - c.p))
		return -1;
	c.end = c.p + len;
	if (bytes_take(&c, 4) != (f->debug ? DEBUG_CIE : 0))
		return -1;
	version = (unsigned)bytes_take(&c, 1);
	augmentation = (const char *)c.p;
	if (c.failed || memchr(c.p, '\0', (size_t)(c.end - c.p)) == NULL)
		return -1;
	bytes_skip(&c, strlen(augmentation) + 1);
	memset(cie, 0, sizeof *cie);
	cie->at = at;
	if (version == 4)
		bytes_skip(&c, 2); /* address and segment selector size */
	cie->cfa.code_align = bytes_uleb(&c);
	cie->cfa.data_align = bytes_sleb(&c);
	if (version == 1)
		bytes_take(&c, 1);
	else
		bytes_uleb(&c);
	if (augmentation[0] == 'z')
		read_augmentation(&c, augmentation, cie);
	else if (augmentation[0] != '\0')
		return -1;
	cie->cfa.program = c.p;
	cie->cfa.end = c.end;
	return c.failed || (version != 1 && version != 3 && version != 4) ? -1 : 0;
}

/* Read an FDE: c is behind the CIE pointer `back', whose own offset is `at'.  It is
 * a distance back in .eh_frame, and an offset in .debug_frame. */
static int
read_fde(struct fde_section *f, struct bytes *c, uint64_t at, uint64_t back,
    struct fde *out)
{
	uint64_t cie = f->debug ? back : at - back;

	if (cie > f->s.len)
		return -1;
	if ((f->cie.cfa.program == NULL || f->cie.at != cie) && read_cie(f, cie) < 0) {
		f->cie.cfa.program = NULL;
		return -1;
	}
	out->addr = take_pointer(c, f->cie.encoding, address(f, c->p));
	out->len = take_pointer(c, f->cie.encoding & 0x0f, 0);
	if (f->cie.augmented)
		bytes_skip(c, bytes_uleb(c));
	out->cie = f->cie;
	out->program = c->p;
	out->stop = c->end;
	return c->failed ? -1 : 0;
}

void
fde_begin(struct fde_section *f, struct elf_file_section section, int debug)
{
	f->s = section;
	f->debug = debug;
	f->cie.cfa.program = NULL;
}

enum fde_got
fde_read(struct fde_section *f, uint64_t *at, struct fde *out)
{
	struct bytes c = { f->s.bytes, f->s.bytes + f->s.len, 0 };
	uint64_t len, start, id;

	if (*at > f->s.len || f->s.len - *at < 4)
		return FDE_END;
	c.p += *at;
	len = bytes_length(&c, NULL);
	if (len == 0 || c.failed || len > (uint64_t)(c.end - c.p))
		return FDE_END;
	c.end = c.p + len;
	*at = (uint64_t)(c.end - f->s.bytes);
	start = (uint64_t)(c.p - f->s.bytes);
	id = bytes_take(&c, 4);
	if (id == (f->debug ? DEBUG_CIE : 0))
		return FDE_CIE;
	return read_fde(f, &c, start, id, out) < 0 ? FDE_DAMAGED : FDE_READ;
}
