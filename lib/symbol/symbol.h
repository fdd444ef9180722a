/*
 * Names for places in a module's file: from its DWARF, else from its symbol
 * table, else module+offset.
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
	const char *const *dir;      /* directories with files of another machine */
	size_t ndir;
	int hashes;                  /* keep crates' disambiguators and hashes too */
	struct cache *cache;         /* names from one run to the next; or NULL */
};

struct symbol_frame {
	char function[DEMANGLE_MAX]; /* demangled */
	int named;                   /* 0: it is but module+offset */
	const char *file;            /* NULL: unknown; lives as the symbols do */
	uint64_t line, column;       /* 0: unknown */
	char *whole;                 /* with hashes, if they are kept; or NULL */
};

/* A process that maps a module, and where. */
struct symbol_user {
	uint64_t pid, start, end;
};

/*
 * Open the names of a module: the file whose build-id (or its replacement,
 * rsprof-records(5)) is `buildid`, looked for at `path` as the processes
 * user[0..nuser) see it, then at `path` itself, then in the directories.  [vdso]
 * and [kernel] are those of the running kernel, if the build-id agrees.  NULL:
 * out of memory; a module without a file gives a struct symbols that knows no
 * names.
 */
struct symbols *symbols_open(const char *path, const char *buildid,
    const struct symbol_user *user, size_t nuser, const struct symbol_options *o);
/* Those of a file, whatever its build-id: NULL with *error. */
struct symbols *symbols_of_file(const char *path, const struct symbol_options *o,
    const char **error);
void symbols_close(struct symbols *s);

/* Another process that maps the module: of [anon], one whose just-in-time compiler
 * may tell what it has made (symbol/perfmap). */
void symbols_add_process(struct symbols *s, uint64_t pid);

/* Why names or lines are missing, for a person; NULL: nothing is. */
const char *symbols_problem(const struct symbols *s);

/* The crates that it names; NULL: none. */
const struct crates *symbols_crates(const struct symbols *s);

/* The file that has its debug information or symbols instead (elf/debugfile), as the
 * processes name it; NULL: none. */
const char *symbols_debug_path(const struct symbols *s);

/*
 * The frames at an offset of the module (as in a stack record), the innermost
 * inlined call first; at least 1.  The array is the symbols' own, valid
 * until the next call.
 */
size_t symbols_lookup(struct symbols *s, uint64_t offset,
    const struct symbol_frame **frame);

/* The same for a virtual address, of symbols_of_file(). */
size_t symbols_at(struct symbols *s, uint64_t addr, const struct symbol_frame **frame);

#endif
