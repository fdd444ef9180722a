/*
 * What rsprof needs of ELF files: identity, segments, sections, symbols.
 * x86-64 only.  Everything is bounds-checked: the files belong to others.
 */
#ifndef OBJ_H
#define OBJ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct obj;

struct obj_section {
	const unsigned char *bytes; /* NULL: there is none */
	size_t len;
	uint64_t addr; /* virtual address */
	int packed;    /* SHF_COMPRESSED: a header, and bytes for obj_data() */
};

struct obj_segment {
	uint64_t addr, offset, len; /* of the executable part in the file */
};

struct obj_symbol {
	uint64_t addr, size;
	const char *name; /* lives as long as the elf */
	int local;        /* others cannot refer to it */
};

#define OBJ_BUILDID_MAX 129 /* 64 bytes in hexadecimal and the NUL */

/*
 * Open a file, or the image of one in memory (the vDSO; the memory stays the
 * caller's and must outlive it).  NULL: *error is a constant string; where
 * a system call failed errno is set, else it is 0.
 */
struct obj *obj_open(int fd, const char **error);
struct obj *obj_open_path(const char *path, const char **error); /* a regular file */
struct obj *obj_image(const void *image, size_t len, const char **error);
void obj_close(struct obj *e);

/* The image's memory, of malloc(), goes with the obj. */
void obj_own(struct obj *e, void *image);

/* The build-id, or its replacement, as rsprof-records(5) defines both. */
void obj_buildid(const struct obj *e, char out[OBJ_BUILDID_MAX]);

/* The whole file as bytes, and whose it was when opened: of obj_open(). */
const unsigned char *obj_bytes(const struct obj *e, size_t *len);
uid_t obj_owner(const struct obj *e);

/* Executable segments; n-th from 0, -1 past the last. */
int obj_exec_segment(const struct obj *e, size_t n, struct obj_segment *out);

/* File offset <-> virtual address through the loaded segments; -1: none. */
int obj_offset_to_addr(const struct obj *e, uint64_t offset, uint64_t *addr);
int obj_addr_to_offset(const struct obj *e, uint64_t addr, uint64_t *offset);

/* The file offset of the first instruction of all, e_entry; -1: none. */
int obj_entry(const struct obj *e, uint64_t *offset);

/* A section's contents by name (not decompressed). */
struct obj_section obj_section(const struct obj *e, const char *name);

/* The same decompressed (zlib, zstd), and where NAME is .debug_* also what older
 * compilers called .zdebug_*. */
struct obj_data {
	const unsigned char *bytes; /* NULL: there is none */
	size_t len;
	unsigned char *own; /* the caller's to free */
};
struct obj_data obj_data(const struct obj *e, const char *name);

/* Has it names for functions of its own, and debug information? */
int obj_has_symtab(const struct obj *e);
int obj_has_debug(const struct obj *e);

/* Where PT_GNU_EH_FRAME's header says that .eh_frame begins, to the end of
 * its segment: for files without section headers. */
struct obj_section obj_eh_frame(const struct obj *e);

/* Does it load a library whose name begins so (DT_NEEDED)?  0 too where there
 * are no section headers to find that by. */
int obj_needs(const struct obj *e, const char *prefix);

/* Does it look like a program that rustc made: 1 yes, 0 no.  Knows stripped
 * ones by the source paths in their panic messages. */
int obj_is_rust(const struct obj *e);

/*
 * The function symbol that an address lies in, from .symtab, else .dynsym.
 * -1: none.  The first call sorts the table.
 */
int obj_symbol(struct obj *e, uint64_t addr, struct obj_symbol *out);

/*
 * Call fn for each symbol of .symtab, then of .dynsym (table says which) that
 * is a function or may be one: addr is 0 where another file defines it.
 */
void obj_symbols(const struct obj *e,
    void (*fn)(void *ctx, const char *table, const struct obj_symbol *symbol),
    void *ctx);

/* libelf's handle, for lib/dwarf (struct Elf *). */
void *obj_handle(const struct obj *e);

#endif
