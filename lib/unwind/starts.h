/*
 * Where the functions of a file begin, for those that have no name: by the entries of
 * .eh_frame, or by what code and data refer to (unwind/synth_file) where there are none.
 */
#ifndef STARTS_H
#define STARTS_H

#include <stdint.h>

struct elf_file;
struct starts;

/* Read the entries of a file, which has to live as long.  Returns NULL if memory is
 * short. */
struct starts *starts_read(const struct elf_file *elf);
void starts_free(struct starts *s);

/* Find where the function at a virtual address begins.  The first address that has no
 * entry makes this read the code of the whole file.  Returns -1 if it is not known. */
int starts_find(struct starts *s, uint64_t addr, uint64_t *start);

#endif
