/*
 * Find rustc's allocation functions in a file without names: four jumps in a
 * row, whose targets call other functions in the pattern of std's System
 * allocator, which calls malloc(), free(), realloc() and calloc().
 */
#ifndef RUST_STUBS_H
#define RUST_STUBS_H

#include <stdint.h>

struct elf_file;

/* Call fn with the file offsets of each such row of four, in the order of
 * allocator_shim(). */
void rust_stubs_find(const struct elf_file *o, void (*fn)(void *ctx, const uint64_t offset[4]),
    void *ctx);

#endif
