/*
 * Functions that a file wants from others, and the slots (its GOT) where their
 * addresses stand when it runs.
 */
#ifndef GOT_H
#define GOT_H

#include <stdint.h>

struct elf_file;

/* Call fn for each function that is wanted by name, and each of its slots: an
 * address as in the file. */
void got_slots(const struct elf_file *elf,
    void (*fn)(void *ctx, const char *name, uint64_t slot), void *ctx);

#endif
