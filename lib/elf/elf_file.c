#include "elf/elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/hash.h"
#include "elf/machine.h"

struct segment {
	uint64_t addr, offset, len;
	int exec;
};

struct elf_file {
	Elf *elf;
	const unsigned char *bytes;
	size_t len;
	uid_t owner;
	void *own; /* the image, where it is ours */
	struct segment segment[ELF_FILE_SEGMENTS];
	size_t nsegment;
	uint64_t eh_frame_hdr; /* address of PT_GNU_EH_FRAME, 0: none */
	struct elf_file_symbol *symbol; /* sorted by address once read */
	size_t nsymbol;
	int symbols_read;
};

/* ---- opening ----------------------------------------------------------- */

static void
add_segment(struct elf_file *e, const GElf_Phdr *ph)
{
	struct segment *s = &e->segment[e->nsegment];

	if (ph->p_offset > e->len ||
	    ph->p_vaddr > UINT64_MAX - ph->p_filesz)
		return;
	s->addr = ph->p_vaddr;
	s->offset = ph->p_offset;
	s->len = ph->p_filesz;
	if (s->len > e->len - s->offset)
		s->len = e->len - s->offset;
	s->exec = (ph->p_flags & PF_X) != 0;
	e->nsegment++;
}

/* Read the program headers.  Returns NULL, or a constant string. */
static const char *
read_segments(struct elf_file *e)
{
	const char *refused;
	GElf_Ehdr eh;
	size_t n;

	if (elf_kind(e->elf) != ELF_K_ELF || gelf_getehdr(e->elf, &eh) == NULL)
		return "not an ELF file";
	refused = machine_refuses(eh.e_machine, gelf_getclass(e->elf));
	if (refused)
		return refused;
	if (elf_getphdrnum(e->elf, &n) < 0)
		return "damaged ELF file";
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;

		if (gelf_getphdr(e->elf, (int)i, &ph) == NULL)
			return "damaged ELF file";
		if (ph.p_type == PT_LOAD && e->nsegment == ELF_FILE_SEGMENTS)
			return "it has more than 64 segments";
		if (ph.p_type == PT_LOAD)
			add_segment(e, &ph);
		else if (ph.p_type == PT_GNU_EH_FRAME)
			e->eh_frame_hdr = ph.p_vaddr;
	}
	return NULL;
}

/* Open a file by its handle of libelf, which is taken over. */
static struct elf_file *
open_handle(Elf *handle, const char **error)
{
	struct elf_file *e = handle ? calloc(1, sizeof *e) : NULL;

	if (e == NULL) {
		*error = handle ? "out of memory" : "not an ELF file";
		elf_end(handle);
		return NULL;
	}
	e->elf = handle;
	e->bytes = (const unsigned char *)elf_rawfile(handle, &e->len);
	*error = e->bytes ? read_segments(e) : "cannot be read";
	if (*error == NULL)
		return e;
	elf_file_close(e);
	return NULL;
}

struct elf_file *
elf_file_open(int fd, const char **error)
{
	struct elf_file *e;
	struct stat st;

	elf_version(EV_CURRENT);
	e = open_handle(elf_begin(fd, ELF_C_READ_MMAP, NULL), error);
	if (e)
		e->owner = fstat(fd, &st) == 0 ? st.st_uid : (uid_t)-1;
	errno = 0;
	return e;
}

struct elf_file *
elf_file_open_path(const char *path, const char **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), cause;
	struct elf_file *e = NULL;
	struct stat st;

	*error = "cannot be opened";
	if (fd < 0)
		return NULL;
	*error = "not an ELF file";
	errno = 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		e = elf_file_open(fd, error);
	cause = errno;
	close(fd);
	errno = cause;
	return e;
}

struct elf_file *
elf_file_image(const void *image, size_t len, const char **error)
{
	char *bytes;

	elf_version(EV_CURRENT);
	memcpy(&bytes, &image, sizeof bytes); /* libelf only reads it */
	return open_handle(elf_memory(bytes, len), error);
}

struct elf_file *
elf_file_loaded(void *image, size_t len, const char **error)
{
	Elf64_Ehdr h;

	if (len >= sizeof h) {
		memcpy(&h, image, sizeof h);
		h.e_shoff = 0;
		h.e_shnum = h.e_shstrndx = 0;
		memcpy(image, &h, sizeof h);
	}
	return elf_file_image(image, len, error);
}

void
elf_file_close(struct elf_file *e)
{
	if (e == NULL)
		return;
	free(e->symbol);
	elf_end(e->elf);
	free(e->own);
	free(e);
}

void
elf_file_own(struct elf_file *e, void *image)
{
	e->own = image;
}

void *
elf_file_handle(const struct elf_file *e)
{
	return e->elf;
}

uid_t
elf_file_owner(const struct elf_file *e)
{
	return e->owner;
}

const unsigned char *
elf_file_bytes(const struct elf_file *e, size_t *len)
{
	*len = e->len;
	return e->bytes;
}

/* ---- segments and sections --------------------------------------------- */

int
elf_file_exec_segment(const struct elf_file *e, size_t n, struct elf_file_segment *out)
{
	for (size_t i = 0; i < e->nsegment; i++) {
		const struct segment *s = &e->segment[i];

		if (!s->exec || n--)
			continue;
		out->addr = s->addr;
		out->offset = s->offset;
		out->len = s->len;
		return 0;
	}
	return -1;
}

int
elf_file_code(const struct elf_file *e, size_t n, struct elf_file_segment *out)
{
	Elf_Scn *scn = NULL;
	size_t seen = 0;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(e->elf, scn)) && gelf_getshdr(scn, &sh)) {
		if (!(sh.sh_flags & SHF_EXECINSTR) || sh.sh_type == SHT_NOBITS ||
		    sh.sh_offset > e->len || sh.sh_size > e->len - sh.sh_offset)
			continue;
		if (seen++ < n)
			continue;
		out->addr = sh.sh_addr;
		out->offset = sh.sh_offset;
		out->len = sh.sh_size;
		return 0;
	}
	return seen == 0 ? elf_file_exec_segment(e, n, out) : -1;
}

int
elf_file_load_segment(const struct elf_file *e, size_t n, struct elf_file_segment *out,
    int *exec)
{
	if (n >= e->nsegment)
		return -1;
	out->addr = e->segment[n].addr;
	out->offset = e->segment[n].offset;
	out->len = e->segment[n].len;
	*exec = e->segment[n].exec;
	return 0;
}

int
elf_file_offset_to_addr(const struct elf_file *e, uint64_t offset, uint64_t *addr)
{
	/* A page at a segment's edge belongs to two: the executable wins. */
	for (int exec = 1; exec >= 0; exec--)
		for (size_t i = 0; i < e->nsegment; i++) {
			const struct segment *s = &e->segment[i];

			if (s->exec == exec && offset >= s->offset &&
			    offset - s->offset < s->len) {
				*addr = offset - s->offset + s->addr;
				return 0;
			}
		}
	return -1;
}

int
elf_file_addr_to_offset(const struct elf_file *e, uint64_t addr, uint64_t *offset)
{
	for (size_t i = 0; i < e->nsegment; i++) {
		const struct segment *s = &e->segment[i];

		if (addr >= s->addr && addr - s->addr < s->len) {
			*offset = addr - s->addr + s->offset;
			return 0;
		}
	}
	return -1;
}

int
elf_file_entry(const struct elf_file *e, uint64_t *offset)
{
	GElf_Ehdr h;

	if (gelf_getehdr(e->elf, &h) == NULL || h.e_entry == 0)
		return -1;
	return elf_file_addr_to_offset(e, h.e_entry, offset);
}

int
elf_file_is_fixed(const struct elf_file *e)
{
	GElf_Ehdr h;

	return gelf_getehdr(e->elf, &h) && h.e_type == ET_EXEC;
}

/* Find a section that has bytes in the file.  Returns -1 if there is none. */
static int
find_section(const struct elf_file *e, const char *name, GElf_Shdr *sh)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(e->elf, &names) < 0)
		return -1;
	while ((scn = elf_nextscn(e->elf, scn)) && gelf_getshdr(scn, sh)) {
		const char *s = elf_strptr(e->elf, names, sh->sh_name);

		if (s && strcmp(s, name) == 0)
			return sh->sh_type == SHT_NOBITS || sh->sh_offset > e->len ||
			        sh->sh_size > e->len - sh->sh_offset
			    ? -1
			    : 0;
	}
	return -1;
}

struct elf_file_section
elf_file_section(const struct elf_file *e, const char *name)
{
	struct elf_file_section out = { .bytes = NULL };
	GElf_Shdr sh;

	if (find_section(e, name, &sh) < 0)
		return out;
	out.bytes = e->bytes + sh.sh_offset;
	out.len = sh.sh_size;
	out.addr = sh.sh_addr;
	out.packed = (sh.sh_flags & SHF_COMPRESSED) != 0;
	return out;
}

int
elf_file_has_symtab(const struct elf_file *e)
{
	return elf_file_section(e, ".symtab").len > 0;
}

int
elf_file_has_debug(const struct elf_file *e)
{
	return elf_file_section(e, ".debug_info").len > 0 ||
	    elf_file_section(e, ".zdebug_info").len > 0;
}

/* Returns the rest of the segment that an address lies in. */
static struct elf_file_section
rest_of_segment(const struct elf_file *e, uint64_t addr)
{
	struct elf_file_section out = { .bytes = NULL };

	for (size_t i = 0; i < e->nsegment; i++) {
		const struct segment *s = &e->segment[i];

		if (addr < s->addr || addr - s->addr >= s->len)
			continue;
		out.bytes = e->bytes + s->offset + (addr - s->addr);
		out.len = s->len - (addr - s->addr);
		out.addr = addr;
	}
	return out;
}

struct elf_file_section
elf_file_eh_frame_hdr(const struct elf_file *e)
{
	struct elf_file_section none = { 0 };

	return e->eh_frame_hdr ? rest_of_segment(e, e->eh_frame_hdr) : none;
}

struct elf_file_section
elf_file_eh_frame(const struct elf_file *e)
{
	/* LSB 5.0, 10.6.2: version 1, then eh_frame_ptr's encoding; every
	 * linker writes it as DW_EH_PE_pcrel | DW_EH_PE_sdata4. */
	struct elf_file_section hdr = elf_file_eh_frame_hdr(e), none = { 0 };
	int32_t distance;

	if (hdr.bytes == NULL || hdr.len < 8 || hdr.bytes[0] != 1 || hdr.bytes[1] != 0x1b)
		return none;
	memcpy(&distance, hdr.bytes + 4, sizeof distance);
	return rest_of_segment(e, hdr.addr + 4 + (uint64_t)(int64_t)distance);
}

int
elf_file_needs(const struct elf_file *e, const char *prefix)
{
	struct elf_file_section dynamic = elf_file_section(e, ".dynamic");
	struct elf_file_section names = elf_file_section(e, ".dynstr");
	size_t len = strlen(prefix);
	Elf64_Dyn d;

	for (size_t i = 0; i + sizeof d <= dynamic.len; i += sizeof d) {
		memcpy(&d, dynamic.bytes + i, sizeof d);
		if (d.d_tag == DT_NEEDED && d.d_un.d_val < names.len &&
		    names.len - d.d_un.d_val >= len &&
		    memcmp(names.bytes + d.d_un.d_val, prefix, len) == 0)
			return 1;
	}
	return 0;
}

const char *
elf_file_soname(const struct elf_file *e)
{
	struct elf_file_section dynamic = elf_file_section(e, ".dynamic");
	struct elf_file_section names = elf_file_section(e, ".dynstr");
	Elf64_Dyn d;

	for (size_t i = 0; i + sizeof d <= dynamic.len; i += sizeof d) {
		memcpy(&d, dynamic.bytes + i, sizeof d);
		if (d.d_tag == DT_SONAME && d.d_un.d_val < names.len &&
		    memchr(names.bytes + d.d_un.d_val, 0, names.len - d.d_un.d_val))
			return (const char *)names.bytes + d.d_un.d_val;
	}
	return NULL;
}

/* ---- identity ---------------------------------------------------------- */

/* Find NT_GNU_BUILD_ID in a note segment.  Returns its length, or 0. */
static size_t
note_buildid(Elf_Data *data, const unsigned char **desc)
{
	GElf_Nhdr nh;
	size_t name, at, next = 0;

	while (data && (next = gelf_getnote(data, next, &nh, &name, &at)) > 0)
		if (nh.n_type == NT_GNU_BUILD_ID && nh.n_namesz == 4 &&
		    memcmp((char *)data->d_buf + name, "GNU", 4) == 0) {
			*desc = (unsigned char *)data->d_buf + at;
			return nh.n_descsz;
		}
	return 0;
}

/* Find the build-id in notes at an offset.  Returns its length, or 0. */
static size_t
note_at(const struct elf_file *e, uint64_t offset, uint64_t size, uint64_t align,
    const unsigned char **desc)
{
	if (offset > e->len || size > e->len - offset)
		return 0;
	return note_buildid(elf_getdata_rawchunk(e->elf, (int64_t)offset, size,
	    align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR), desc);
}

/* Find the build-id.  A file that is never loaded, as dwz(1)'s, has no segments. */
static size_t
find_buildid(const struct elf_file *e, const unsigned char **desc)
{
	size_t n, len = 0;
	GElf_Shdr sh;

	if (elf_getphdrnum(e->elf, &n) < 0)
		return 0;
	for (size_t i = 0; i < n && len == 0; i++) {
		GElf_Phdr ph;

		if (gelf_getphdr(e->elf, (int)i, &ph) && ph.p_type == PT_NOTE)
			len = note_at(e, ph.p_offset, ph.p_filesz, ph.p_align, desc);
	}
	if (n == 0 && find_section(e, ".note.gnu.build-id", &sh) == 0)
		len = note_at(e, sh.sh_offset, sh.sh_size, sh.sh_addralign, desc);
	return len;
}

static void
hex(char *out, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		*out++ = "0123456789abcdef"[bytes[i] >> 4];
		*out++ = "0123456789abcdef"[bytes[i] & 15];
	}
	*out = '\0';
}

void
elf_file_buildid(const struct elf_file *e, char out[ELF_FILE_BUILDID_MAX])
{
	const unsigned char *desc = NULL;
	unsigned char be[8];
	size_t len = find_buildid(e, &desc), part = e->len < 4096 ? e->len : 4096;
	uint64_t h;

	if (len > 0 && len <= (ELF_FILE_BUILDID_MAX - 1) / 2) {
		hex(out, desc, len);
		return;
	}
	h = hash_bytes(HASH_INIT, e->bytes, part);
	h = hash_bytes(h, e->bytes + e->len - part, part);
	h = hash_u64(h, e->len);
	for (int i = 0; i < 8; i++)
		be[i] = (unsigned char)(h >> (56 - 8 * i));
	out[0] = 'h';
	hex(out + 1, be, sizeof be);
}

/* ---- symbols ----------------------------------------------------------- */

/* Order several names of an address, the best last: one that other files may use, and
 * with few underscores, as vfork of __GI___vfork, __vfork and vfork. */
static int
by_name(const struct elf_file_symbol *x, const struct elf_file_symbol *y)
{
	size_t a = strspn(x->name, "_"), b = strspn(y->name, "_");

	if (x->local != y->local)
		return x->local ? -1 : 1;
	if (a != b)
		return a > b ? -1 : 1;
	return strcmp(y->name, x->name);
}

static int
by_address(const void *a, const void *b)
{
	const struct elf_file_symbol *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return by_name(x, y);
}

/* Read symbol i of a table.  Returns -1 if it is no function or has no name. */
static int
read_symbol(const struct elf_file *e, Elf_Data *data, size_t i, size_t strings,
    struct elf_file_symbol *out)
{
	GElf_Sym sym;
	int type;

	if (gelf_getsym(data, (int)i, &sym) == NULL)
		return -1;
	type = GELF_ST_TYPE(sym.st_info);
	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return -1;
	out->name = elf_strptr(e->elf, strings, sym.st_name);
	out->addr = sym.st_shndx == SHN_UNDEF ? 0 : sym.st_value;
	out->size = type == STT_NOTYPE ? 0 : sym.st_size;
	out->local = GELF_ST_BIND(sym.st_info) == STB_LOCAL;
	return out->name && out->name[0] ? 0 : -1;
}

/* Read and sort a table of symbols. */
static int
read_table(struct elf_file *e, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = data && sh->sh_entsize ? data->d_size / sizeof(Elf64_Sym) : 0;

	e->symbol = n ? reallocarray(NULL, n, sizeof *e->symbol) : NULL;
	if (e->symbol == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (read_symbol(e, data, i, sh->sh_link, &e->symbol[e->nsymbol]) == 0 &&
		    e->symbol[e->nsymbol].addr)
			e->nsymbol++;
	qsort(e->symbol, e->nsymbol, sizeof *e->symbol, by_address);
	return 0;
}

static int
read_symbols(struct elf_file *e, uint32_t type)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(e->elf, scn))) {
		GElf_Shdr sh;

		if (gelf_getshdr(scn, &sh) && sh.sh_type == type)
			return read_table(e, scn, &sh);
	}
	return -1;
}

static void
load_symbols(struct elf_file *e)
{
	if (e->symbols_read)
		return;
	e->symbols_read = 1;
	if (read_symbols(e, SHT_SYMTAB) < 0)
		read_symbols(e, SHT_DYNSYM);
}

int
elf_file_symbol(struct elf_file *e, uint64_t addr, struct elf_file_symbol *out)
{
	size_t low;

	load_symbols(e);
	low = array_upto(e->symbol, e->nsymbol, sizeof *e->symbol, addr);
	/* The innermost one with a size that covers it; labels without a
	 * size reach to the next symbol, where nothing else is known. */
	for (size_t i = low; i > 0 && low - i < 32; i--) {
		*out = e->symbol[i - 1];
		if (addr - out->addr < out->size)
			return 0;
	}
	if (low == 0 || e->symbol[low - 1].size != 0)
		return -1;
	*out = e->symbol[low - 1];
	return 0;
}

static void
each_of_table(const struct elf_file *e, uint32_t type, const char *table,
    void (*fn)(void *ctx, const char *table, const struct elf_file_symbol *symbol),
    void *ctx)
{
	struct elf_file_symbol symbol;
	Elf_Scn *scn = NULL;
	Elf_Data *data;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(e->elf, scn))) {
		if (gelf_getshdr(scn, &sh) == NULL || sh.sh_type != type ||
		    (data = elf_getdata(scn, NULL)) == NULL)
			continue;
		for (size_t i = 0; i < data->d_size / sizeof(Elf64_Sym); i++)
			if (read_symbol(e, data, i, sh.sh_link, &symbol) == 0)
				fn(ctx, table, &symbol);
	}
}

void
elf_file_symbols(const struct elf_file *e,
    void (*fn)(void *ctx, const char *table, const struct elf_file_symbol *symbol),
    void *ctx)
{
	each_of_table(e, SHT_SYMTAB, ".symtab", fn, ctx);
	each_of_table(e, SHT_DYNSYM, ".dynsym", fn, ctx);
}

/* ---- Rust -------------------------------------------------------------- */

/* Returns whether a section contains a text. */
static int
section_has(const struct elf_file *e, const char *name, const char *text)
{
	struct elf_file_section s = elf_file_section(e, name);

	return s.bytes && memmem(s.bytes, s.len, text, strlen(text)) != NULL;
}

int
elf_file_is_rust(const struct elf_file *e)
{
	return section_has(e, ".comment", "rustc version") ||
	    section_has(e, ".strtab", "rust_eh_personality") ||
	    section_has(e, ".rodata", "/rustc/") ||
	    section_has(e, ".rodata", "library/core/src/") ||
	    section_has(e, ".rodata", "library/std/src/");
}
