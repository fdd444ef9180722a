/*
 * The functions of a file that its Rust code refers to most often by slots (its
 * GOT), as it does to what other crates and languages have.  Where there are no
 * names, what allocates and what frees is among the first.
 */
#ifndef HOT_SLOTS_H
#define HOT_SLOTS_H

#include <stddef.h>
#include <stdint.h>

struct elf_file;

struct hot_slot {
	uint64_t addr; /* virtual, as in the file */
	uint64_t references; /* references: calls, jumps, and loads of the address */
};

/* slot tells what stands in a slot: the virtual address of a function of the
 * file, or -1.  How many were found, at most max, the most wanted first. */
size_t hot_slots(const struct elf_file *o,
    int (*read_slot)(void *ctx, uint64_t slot, uint64_t *addr), void *ctx,
    struct hot_slot *out, size_t max);

#endif
