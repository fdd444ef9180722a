/*
 * Functions that a file imports, and the slots (its GOT) that hold their addresses
 * when it runs.
 */
#ifndef GOT_H
#define GOT_H

#include <stdint.h>

struct elf_file;

/* Call fn for each function that is imported by name, and each of its slots: a virtual
 * address. */
void got_slots(const struct elf_file *elf,
    void (*fn)(void *ctx, const char *name, uint64_t slot), void *ctx);

#endif
