/*
 * The file and line that code comes from: the line program of a unit (DWARF 5, 6.2;
 * versions 2 to 5).
 *
 * Rows are not kept.  A program is a list of sequences, of a function each as Rust's
 * compiler writes them, that begin from the same state.  The ranges of sequences are
 * noted once, and the one that has an address is executed again to find its row.
 */
#ifndef DWARF_LINE_H
#define DWARF_LINE_H

#include <stddef.h>
#include <stdint.h>

struct dwarf_lines;
struct dwarf_unit;

struct dwarf_row {
	uint64_t file, line, column; /* 0: unknown; file: for dwarf_lines_file() */
};

/* Read the line program of a unit.  NULL: it has none that can be read, or out of
 * memory. */
struct dwarf_lines *dwarf_lines_read(struct dwarf_unit *u);
void dwarf_lines_free(struct dwarf_lines *l);

/* Returns the memory that it takes, in bytes. */
size_t dwarf_lines_size(const struct dwarf_lines *l);

/* Returns the part of the file that it reads. */
const unsigned char *dwarf_lines_bytes(const struct dwarf_lines *l, size_t *len);

/* Find the row of a virtual address.  Returns -1 if there is none. */
int dwarf_lines_at(const struct dwarf_lines *l, uint64_t addr, struct dwarf_row *out);

/* Returns how many files it names. */
size_t dwarf_lines_files(const struct dwarf_lines *l);

/* Returns the name of a file by its number, and sets *dir to its directory, or NULL.  The
 * name may be relative to that, and that to the unit's directory.  NULL: there is no
 * such file. */
const char *dwarf_lines_file(const struct dwarf_lines *l, uint64_t n, const char **dir);

#endif
