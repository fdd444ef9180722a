/*
 * The compiler of unwind tables: from a file's .eh_frame (and .debug_frame) to the rows
 * that unwind/unwind and BPF walk with.
 *
 * DWARF 5, sections 6.4 and 7.24; LSB 5.0, 10.6 (.eh_frame).
 */
#ifndef CFI_H
#define CFI_H

#include <stdatomic.h>

struct elf_file;
struct unwind_table;

/*
 * Compile the table of a file, which unwind_free() frees.  A file without .eh_frame
 * has an empty table, which is no error; damaged entries are skipped and counted.
 * Returns NULL, or a constant string: out of memory, or *stop was not 0 any more
 * (NULL: nothing stops it).
 */
const char *cfi_compile(struct unwind_table *t, const struct elf_file *elf,
    const atomic_int *stop);

/* Compile the table of a file whose symbols and debug information, with .debug_frame,
 * stand in another one. */
const char *cfi_compile_with(struct unwind_table *t, const struct elf_file *elf,
    const struct elf_file *apart, const atomic_int *stop);

#endif
