/*
 * rustc's allocation functions in a file that has no names: four jumps in a
 * row, to functions that do with others what those of std's System allocator do
 * with malloc(), free(), realloc() and calloc().
 */
#ifndef RUST_STUBS_H
#define RUST_STUBS_H

#include <stdint.h>

struct elf_file;

/* Call fn for each such row: the offsets in the file of the four, in the order of
 * allocator_shim(). */
void rust_stubs_find(const struct elf_file *o, void (*fn)(void *ctx, const uint64_t offset[4]),
    void *ctx);

#endif
