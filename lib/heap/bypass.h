/*
 * Tell whether the __rust_* functions of a file, where they do more than jump, are the only
 * way to its allocator.
 *
 * A compiler that inlines such a function copies its calls.  So where one of the functions
 * that it calls is called by nothing else in the file there is no copy, and whoever
 * allocates calls the function itself.
 */
#ifndef BYPASS_H
#define BYPASS_H

#include <stdint.h>

struct elf_file;

/* Returns whether that is so of each of n functions, by their offsets in the file. */
int bypass_none(const struct elf_file *elf, const uint64_t *offset, unsigned n);

#endif
