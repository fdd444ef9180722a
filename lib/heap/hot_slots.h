/*
 * Rank the functions of a file by how often its Rust code refers to them
 * through slots (its GOT), which it does for functions of other crates and
 * languages.  In a file without names, the functions that allocate and free
 * are among the first.
 */
#ifndef HOT_SLOTS_H
#define HOT_SLOTS_H

#include <stddef.h>
#include <stdint.h>

struct elf_file;

struct hot_slot {
	uint64_t addr;       /* virtual address, as in the file */
	uint64_t references; /* calls, jumps and loads of the address */
};

/* Store the most-referenced functions of o in out, at most max, the most
 * referenced first.  read_slot sets *addr to the function whose address is in a
 * slot, a virtual address of the file, or returns -1.  direct: what looks like a
 * call within a crate counts, too, and addresses may be none of functions.  Returns
 * how many were stored. */
size_t hot_slots(const struct elf_file *o, int direct,
    int (*read_slot)(void *ctx, uint64_t slot, uint64_t *addr), void *ctx,
    struct hot_slot *out, size_t max);

#endif
