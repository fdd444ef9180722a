/*
 * What rsprof needs of ELF files: identity, segments, sections, symbols.
 * x86-64 only.  Everything is bounds-checked: the files belong to others.
 */
#ifndef ELF_FILE_H
#define ELF_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct elf_file;

struct elf_file_section {
	const unsigned char *bytes; /* NULL: there is none */
	size_t len;
	uint64_t addr; /* virtual address */
	int packed;    /* SHF_COMPRESSED: a header, and bytes for elf_file_data() */
};

struct elf_file_segment {
	uint64_t addr, offset, len; /* of the executable part in the file */
};

struct elf_file_symbol {
	uint64_t addr, size;
	const char *name; /* lives as long as the elf */
	int local;        /* others cannot refer to it */
};

#define ELF_FILE_BUILDID_MAX 129 /* 64 bytes in hexadecimal and the NUL */

/*
 * Open a file, or the image of one in memory (the vDSO; the memory stays the
 * caller's and must outlive it).  NULL: *error is a constant string; where
 * a system call failed errno is set, else it is 0.
 */
struct elf_file *elf_file_open(int fd, const char **error);
struct elf_file *elf_file_open_path(const char *path, const char **error); /* a regular file */
struct elf_file *elf_file_image(const void *image, size_t len, const char **error);
void elf_file_close(struct elf_file *e);

/* The image's memory, of malloc(), goes with the elf. */
void elf_file_own(struct elf_file *e, void *image);

/* The build-id, or its replacement, as rsprof-records(5) defines both. */
void elf_file_buildid(const struct elf_file *e, char out[ELF_FILE_BUILDID_MAX]);

/* The whole file as bytes, and whose it was when opened: of elf_file_open(). */
const unsigned char *elf_file_bytes(const struct elf_file *e, size_t *len);
uid_t elf_file_owner(const struct elf_file *e);

/* Executable segments; n-th from 0, -1 past the last. */
int elf_file_exec_segment(const struct elf_file *e, size_t n, struct elf_file_segment *out);

/* File offset <-> virtual address through the loaded segments; -1: none. */
int elf_file_offset_to_addr(const struct elf_file *e, uint64_t offset, uint64_t *addr);
int elf_file_addr_to_offset(const struct elf_file *e, uint64_t addr, uint64_t *offset);

/* The file offset of the first instruction of all, e_entry; -1: none. */
int elf_file_entry(const struct elf_file *e, uint64_t *offset);

/* A section's contents by name (not decompressed). */
struct elf_file_section elf_file_section(const struct elf_file *e, const char *name);

/* The same decompressed (zlib, zstd), and where NAME is .debug_* also what older
 * compilers called .zdebug_*. */
struct elf_file_data {
	const unsigned char *bytes; /* NULL: there is none */
	size_t len;
	unsigned char *own; /* the caller's to free */
};
struct elf_file_data elf_file_data(const struct elf_file *e, const char *name);

/* Has it names for functions of its own, and debug information? */
int elf_file_has_symtab(const struct elf_file *e);
int elf_file_has_debug(const struct elf_file *e);

/* Where PT_GNU_EH_FRAME's header says that .eh_frame begins, to the end of
 * its segment: for files without section headers. */
struct elf_file_section elf_file_eh_frame(const struct elf_file *e);

/* Does it load a library whose name begins so (DT_NEEDED)?  0 too where there
 * are no section headers to find that by. */
int elf_file_needs(const struct elf_file *e, const char *prefix);

/* Does it look like a program that rustc made: 1 yes, 0 no.  Knows stripped
 * ones by the source paths in their panic messages. */
int elf_file_is_rust(const struct elf_file *e);

/*
 * The function symbol that an address lies in, from .symtab, else .dynsym.
 * -1: none.  The first call sorts the table.
 */
int elf_file_symbol(struct elf_file *e, uint64_t addr, struct elf_file_symbol *out);

/*
 * Call fn for each symbol of .symtab, then of .dynsym (table says which) that
 * is a function or may be one: addr is 0 where another file defines it.
 */
void elf_file_symbols(const struct elf_file *e,
    void (*fn)(void *ctx, const char *table, const struct elf_file_symbol *symbol),
    void *ctx);

/* libelf's handle, for lib/dwarf (struct Elf *). */
void *elf_file_handle(const struct elf_file *e);

#endif
