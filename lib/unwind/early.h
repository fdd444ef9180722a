/*
 * Unwind rows of the parts of a file's code that are needed before its table is where
 * it is needed.  While the table (unwind/cfi) is still being compiled, a part's entries
 * are found by the index that .eh_frame_hdr has for the program's own use; what has no
 * entry has the rule STEP_LATER: only the whole table tells.
 *
 * LSB 5.0, 10.6.2 (.eh_frame_hdr).
 */
#ifndef EARLY_H
#define EARLY_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/step.h"

struct early;
struct elf_file;
struct unwind_table;

#define EARLY_SHIFT 14 /* a part has so many bytes of code, as a power of 2 */

struct early_part {
	uint32_t start; /* file offset, a multiple of its size */
	uint32_t nrow;
	struct step_row row[]; /* by offset; the first one begins at start */
};

/* Prepare the parts of a file, which is taken over.  Returns NULL if it has no index
 * that can be used, or memory is short; then it has been closed. */
struct early *early_open(struct elf_file *elf);
void early_close(struct early *e);

/* Returns the rule for a file offset, and makes the part that has it, from the table if
 * there is one (else NULL). */
uint32_t early_rule(struct early *e, uint64_t offset, const struct unwind_table *table);

/* Sets the range of file offsets that parts may have, in whole parts. */
void early_range(const struct early *e, uint32_t *start, uint32_t *end);

/* Returns part i of those that have been made, in the order in which they were; NULL
 * past the last. */
const struct early_part *early_nth(const struct early *e, size_t i);

#endif
