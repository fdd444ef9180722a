/*
 * Functions, inlined calls and lines of a file, from its DWARF 2 to 5.
 *
 * A unit is loaded when an address first hits it: the ranges of its functions and its
 * line program.  The calls inlined into a function are read when an address hits
 * that.  When all of this takes too much memory, units are unloaded, those used
 * longest ago first.
 */
#ifndef DWARF_H
#define DWARF_H

#include <stddef.h>
#include <stdint.h>

struct dwarf;
struct debugfile_where;
struct elf_file;

/* The memory that all files together may take, in bytes: allocated, and the parts of
 * their mappings that were read from end to end.  Zeroed but for most. */
struct dwarf_memory {
	uint64_t most, used, clock, unloaded;
	struct dwarf *first;
};

struct dwarf_options {
	struct dwarf_memory *memory;
	const struct debugfile_where *where; /* to search for files that it refers to */
	const char *path; /* its own path, if that is another than where->path; or NULL */
};

/* Strings live as long as the struct dwarf. */
struct dwarf_frame {
	const char *function; /* mangled where it is known so; NULL: unknown */
	const char *file;     /* NULL: unknown */
	uint64_t line, column; /* 0: unknown; column: in bytes, from 1 on */
	int mangled;          /* function is a linkage name, not a bare one */
};

#define DWARF_DEPTH 256 /* inlined calls within one another, at most */

/* Open the DWARF of a file.  elf and the targets of o must outlive it.  NULL: the file
 * has none, or out of memory. */
struct dwarf *dwarf_open(struct elf_file *elf, const struct dwarf_options *o);
void dwarf_close(struct dwarf *d);

/* Returns a message about files that are missing, once an address was looked up; NULL:
 * none is missing. */
const char *dwarf_problem(const struct dwarf *d);

/*
 * Get the frames of a virtual address, the innermost inlined call first, the
 * function that was really called last; at most DWARF_DEPTH of them.
 * Returns how many: 0 where nothing is known; 1 without a function but with
 * a line where there is only that.
 */
size_t dwarf_lookup(struct dwarf *d, uint64_t addr,
    struct dwarf_frame frame[DWARF_DEPTH]);

#endif
