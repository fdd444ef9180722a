/*
 * ELF files: identity, segments, sections, symbols.  Only files of this machine
 * (elf/machine).  Everything is bounds-checked: the files belong to others.
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

#define ELF_FILE_SEGMENTS 64 /* PT_LOAD segments: a file with more is refused */

struct elf_file_segment {
	uint64_t addr, offset, len; /* len: as far as it is in the file */
};

struct elf_file_symbol {
	uint64_t addr, size;
	const char *name; /* lives as long as the elf */
	int local;        /* other files cannot refer to it */
};

#define ELF_FILE_BUILDID_MAX 129 /* 64 bytes in hexadecimal and the NUL */

/*
 * Open a file, a regular file by its path, or the image of one in memory (the vDSO;
 * the memory stays the caller's and must outlive it).  NULL: *error is a constant
 * string, and errno is 0 where no system call failed.
 */
struct elf_file *elf_file_open(int fd, const char **error);
struct elf_file *elf_file_open_path(const char *path, const char **error);
struct elf_file *elf_file_image(const void *image, size_t len, const char **error);

/* Open what a process has loaded of a file, each byte where the file has it: sections are
 * not part of that, and their headers in the image are cleared. */
struct elf_file *elf_file_loaded(void *image, size_t len, const char **error);
void elf_file_close(struct elf_file *e);

/* Give the image's memory, of malloc(), to be freed with the file. */
void elf_file_own(struct elf_file *e, void *image);

/* Copy the build-id, or its replacement, as rsprof-records(5) defines both. */
void elf_file_buildid(const struct elf_file *e, char out[ELF_FILE_BUILDID_MAX]);

/* Returns the whole file as bytes. */
const unsigned char *elf_file_bytes(const struct elf_file *e, size_t *len);

/* Returns the owner that the file had when elf_file_open() opened it. */
uid_t elf_file_owner(const struct elf_file *e);

/* Get the n-th executable segment, from 0 on.  Returns -1 past the last. */
int elf_file_exec_segment(const struct elf_file *e, size_t n, struct elf_file_segment *out);

/* Get the n-th part of executable segments that is code, by the sections; the n-th such
 * segment where there are no section headers.  Returns -1 past the last. */
int elf_file_code(const struct elf_file *e, size_t n, struct elf_file_segment *out);

/* Get the n-th loaded segment, and whether it is executable.  Returns -1 past the last. */
int elf_file_load_segment(const struct elf_file *e, size_t n, struct elf_file_segment *out,
    int *exec);

/* Convert between file offset and virtual address, through the loaded segments.
 * Returns -1 where no segment is. */
int elf_file_offset_to_addr(const struct elf_file *e, uint64_t offset, uint64_t *addr);
int elf_file_addr_to_offset(const struct elf_file *e, uint64_t addr, uint64_t *offset);

/* Get the file offset of the first instruction, e_entry.  Returns -1 if there is none. */
int elf_file_entry(const struct elf_file *e, uint64_t *offset);

/* Returns whether the file is meant for the addresses that stand in it (ET_EXEC). */
int elf_file_is_fixed(const struct elf_file *e);

/* Returns a section by name, not decompressed. */
struct elf_file_section elf_file_section(const struct elf_file *e, const char *name);

struct elf_file_data {
	const unsigned char *bytes; /* NULL: there is none */
	size_t len;
	unsigned char *own; /* the caller's to free */
};

/* Returns a section's contents by name, decompressed (zlib, zstd).  A section .debug_*
 * may also be called .zdebug_*, as older compilers did. */
struct elf_file_data elf_file_data(const struct elf_file *e, const char *name);

/* Returns whether it has names of functions of its own, or debug information. */
int elf_file_has_symtab(const struct elf_file *e);
int elf_file_has_debug(const struct elf_file *e);

/* Returns .eh_frame of a file without section headers: from where PT_GNU_EH_FRAME's
 * header says that it begins to the end of its segment. */
struct elf_file_section elf_file_eh_frame(const struct elf_file *e);

/* Returns that header, PT_GNU_EH_FRAME's, and what follows it in its segment. */
struct elf_file_section elf_file_eh_frame_hdr(const struct elf_file *e);

/* Returns whether it loads a library whose name begins so (DT_NEEDED).  0 too where
 * there are no section headers to find that by. */
int elf_file_needs(const struct elf_file *e, const char *prefix);

/* Returns the name by which others need it (DT_SONAME), NULL if it has none. */
const char *elf_file_soname(const struct elf_file *e);

/* Returns whether it looks like a program that rustc made.  A stripped one is known by
 * the source paths in its panic messages. */
int elf_file_is_rust(const struct elf_file *e);

/*
 * Find the function symbol that an address lies in, in .symtab, else .dynsym.
 * Returns -1 if there is none.  The first call sorts the table.
 */
int elf_file_symbol(struct elf_file *e, uint64_t addr, struct elf_file_symbol *out);

/*
 * Call fn for each symbol of .symtab, then of .dynsym (table says which) that
 * is a function or may be one: addr is 0 where another file defines it.
 */
void elf_file_symbols(const struct elf_file *e,
    void (*fn)(void *ctx, const char *table, const struct elf_file_symbol *symbol),
    void *ctx);

/* Returns libelf's handle (Elf *). */
void *elf_file_handle(const struct elf_file *e);

#endif
