/*
 * The entries of .eh_frame and .debug_frame, as they stand in the file: an FDE for each
 * range of code, and CIEs, each of which has what some FDEs share.
 *
 * DWARF 5, sections 6.4 and 7.24; LSB 5.0, 10.6 (.eh_frame).
 */
#ifndef FDE_H
#define FDE_H

#include <stdint.h>

#include "elf/elf_file.h"
#include "unwind/cfa.h"

struct fde_cie {
	uint64_t at; /* offset in the section; the first 4 bytes are a length */
	unsigned encoding;
	int augmented;
	struct cfa_cie cfa;
};

/* A section that is being read. */
struct fde_section {
	struct elf_file_section s;
	int debug;          /* it is .debug_frame, not .eh_frame */
	struct fde_cie cie; /* the last one used */
};

struct fde {
	uint64_t addr, len; /* of the code */
	struct fde_cie cie;
	const unsigned char *program, *stop;
};

enum fde_got {
	FDE_END,     /* no entry: the terminator, or nothing to rely on */
	FDE_CIE,     /* an entry that belongs to others */
	FDE_READ,    /* *out is set */
	FDE_DAMAGED  /* an entry that makes no sense */
};

/* Begin to read a section. */
void fde_begin(struct fde_section *f, struct elf_file_section section, int debug);

/* Read the entry at an offset of the section, and set the offset to the next one. */
enum fde_got fde_read(struct fde_section *f, uint64_t *at, struct fde *out);

#endif
