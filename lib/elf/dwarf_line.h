/*
 * Which line of which file code comes from: the line program of a unit (DWARF 5,
 * 6.2; versions 2 to 5).
 *
 * Rows are not kept.  A program's sequences, of a function each as Rust's
 * compiler writes them, begin from the same state; where they are is noted once,
 * and the one that has an address is executed again to find its row.
 */
#ifndef DWARF_LINE_H
#define DWARF_LINE_H

#include <stddef.h>
#include <stdint.h>

struct dwarf_lines;
struct dwarf_unit;

struct dwarf_row {
	uint64_t file, line, column; /* 0: unknown; file: see below */
};

/* NULL: the unit has none that can be read, or no memory. */
struct dwarf_lines *dwarf_lines_read(struct dwarf_unit *u);
void dwarf_lines_free(struct dwarf_lines *l);

/* How much memory it takes; and how much of the file, from there on. */
size_t dwarf_lines_size(const struct dwarf_lines *l);
const unsigned char *dwarf_lines_bytes(const struct dwarf_lines *l, size_t *len);

/* The row of a virtual address; -1: none. */
int dwarf_lines_at(const struct dwarf_lines *l, uint64_t addr, struct dwarf_row *out);

/* How many files it names. */
size_t dwarf_lines_files(const struct dwarf_lines *l);

/* A file by its number: its name and, or NULL, a directory that it is in: both
 * may be relative, to what comes before.  NULL: there is none. */
const char *dwarf_lines_file(const struct dwarf_lines *l, uint64_t n, const char **dir);

#endif
