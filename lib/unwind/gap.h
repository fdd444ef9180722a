/*
 * Code between a file's entries of unwind information: padding, or functions that the
 * compiler, or whoever wrote assembly, has left out.
 */
#ifndef GAP_H
#define GAP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;

/* A part of the code, in file offsets. */
struct gap_range {
	uint64_t start, end;
};

/* A row that was made from code: in file offsets. */
struct gap_row {
	uint64_t start;
	uint32_t len, rule;
};

struct gap_rows {
	struct gap_row *row; /* by offset, disjoint */
	size_t n;
};

/* Check whether code is only what compilers and linkers put between functions. */
int gap_is_padding(const unsigned char *code, uint64_t len);

/*
 * Make rows from the code of a file that is not covered by n ranges, in order and
 * disjoint, if it is more than padding.  apart has further symbols of it, or is NULL.
 * Returns 0, and free(out->row) frees them, or -1 if memory ended or *stop (unless NULL)
 * was not 0 any more.
 */
int gap_make(const struct elf_file *file, const struct elf_file *apart,
    const struct gap_range *covered, size_t n, const atomic_int *stop, struct gap_rows *out);

#endif
