/*
 * The unwind table of a file that a process has mapped, from wherever its parts stand: in
 * the file, or in its separate debug information.  Producers and the doctor ask here, so
 * that they agree.
 */
#ifndef TABLES_H
#define TABLES_H

#include <stdatomic.h>
#include <sys/types.h>

struct elf_file;
struct unwind_table;

/*
 * Compile the table of a file that a process maps as path: as cfi_compile(), but if much of
 * its code has no entry, or some of it no rows, symbols and debug information in a file
 * apart are read, too.
 */
const char *tables_compile(struct unwind_table *t, const struct elf_file *elf, pid_t pid,
    const char *path, const atomic_int *stop);

/* Add those to a table that is there without them.  Returns 1 if the table has been
 * compiled again. */
int tables_complete(struct unwind_table *t, const struct elf_file *elf, pid_t pid,
    const char *path, const atomic_int *stop);

#endif
