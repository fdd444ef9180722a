/*
 * What unwind/synth has to know of a file: its segments, where functions begin, which
 * addresses its code and data refer to.
 */
#ifndef SYNTH_FILE_H
#define SYNTH_FILE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;
struct synth_range;
struct synth_rows;
struct synth_start;
struct synth_state;

/* How a file's rows are made, if not as usual. */
struct synth_file_options {
	const struct elf_file *apart; /* a file with further symbols, or NULL */
	int no_symbols;       /* as if it were stripped */
	int only_entry;       /* of the covered code, look only at the program's entry */
	const atomic_int *stop;
	void (*see)(void *ctx, uint64_t addr, const struct synth_state *state);
	void *ctx;
};

/*
 * Make rows of the code of a file that is not covered: by n ranges, in order and
 * disjoint, each of which begins where a function or a part of one does.  Returns 0, and
 * free(rows->row) frees them, or -1 if memory ended or *o->stop was not 0 any more.
 */
int synth_file_rows(const struct elf_file *file, const struct synth_range *covered,
    size_t n, const struct synth_file_options *o, struct synth_rows *out);

/*
 * Find where functions begin, perhaps, in the code that is not covered, and where covered
 * parts do.  Returns 0, and free(*out) frees them, by address, or -1 if memory ended.
 */
int synth_file_starts(const struct elf_file *file, const struct synth_range *covered,
    size_t n, struct synth_start **out, size_t *nout);

#endif
