/*
 * Names of code in a module's file: from its DWARF, else from its symbol table,
 * else by where the function begins, else module+offset.
 */
#ifndef SYMBOL_H
#define SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#include "elf/dwarf.h"
#include "symbol/demangle.h"

struct cache;
struct crates;
struct symbols;

struct symbol_options {
	struct dwarf_memory *memory; /* for debug information */
	int kallsyms;                /* see kallsyms_open() */
	const char *const *dir;      /* directories with another machine's files */
	size_t ndir;
	int hashes;                  /* keep crates' disambiguators and hashes */
	struct cache *cache;         /* keeps names between runs; may be NULL */
};

struct symbol_frame {
	char function[DEMANGLE_MAX]; /* demangled */
	int named;                   /* 0: function is only "module fn+offset", where it begins,
	                                or module+offset */
	const char *file;            /* NULL: unknown; valid as long as the symbols */
	uint64_t line, column;       /* 0: unknown */
	char *whole;                 /* the name with hashes, NULL unless these are kept */
};

/* A process that maps a module, and one address range where it does. */
struct symbol_user {
	uint64_t pid, start, end;
};

/*
 * Open the names of a module: the file whose build-id (or its replacement,
 * rsprof-records(5)) is `buildid`, sought at `path` as the processes
 * user[0..nuser) see it, then at `path` itself, then in the directories.  [vdso]
 * and [kernel] are those of the running kernel, if the build-id agrees.  Returns
 * NULL when out of memory; if no file is found the symbols have no names.
 */
struct symbols *symbols_open(const char *path, const char *buildid,
    const struct symbol_user *user, size_t nuser, const struct symbol_options *o);
/* Open the names of a file, whatever its build-id.  Returns NULL with *error. */
struct symbols *symbols_of_file(const char *path, const struct symbol_options *o,
    const char **error);
void symbols_close(struct symbols *s);

/* Add another process that maps the module.  For [anon] its just-in-time compiler may
 * name its code (symbol/perfmap.h). */
void symbols_add_process(struct symbols *s, uint64_t pid);

/* Returns why names or lines are missing, for people; NULL if nothing is missing. */
const char *symbols_problem(const struct symbols *s);

/* Returns the crates that the file names, or NULL. */
const struct crates *symbols_crates(const struct symbols *s);

/* Returns the path of the separate file with its debug information or symbols
 * (elf/debugfile.h), as the processes see it, or NULL. */
const char *symbols_debug_path(const struct symbols *s);

/*
 * Look up an offset of the module, as in a stack record.  Sets *frame to its frames,
 * the innermost inlined call first, valid until the next call.  Returns their number,
 * at least 1.
 */
size_t symbols_lookup(struct symbols *s, uint64_t offset,
    const struct symbol_frame **frame);

/* Look up a virtual address in the same way, for symbols_of_file(). */
size_t symbols_at(struct symbols *s, uint64_t addr, const struct symbol_frame **frame);

#endif
