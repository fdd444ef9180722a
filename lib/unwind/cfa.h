/*
 * Call frame programs (DWARF 5, 6.4.2): how each register of a caller is found
 * at each instruction, as rules of bpf/step.h.
 */
#ifndef CFA_H
#define CFA_H

#include <stdint.h>

/* A common information entry, which entries of functions share. */
struct cfa_cie {
	uint64_t code_align;
	int64_t data_align;
	int signal; /* frames are those of signal handlers' restorers */
	const unsigned char *program, *end;
};

/* Be given a rule that holds from an offset on, until the next one. */
typedef void cfa_emit(void *ctx, uint64_t offset, uint32_t rule);

/*
 * Run an entry's program, [program, stop), for the code in [from, to).  Returns -1
 * if it cannot be understood: from there on the rule is STEP_BAD.
 */
int cfa_run(const struct cfa_cie *cie, const unsigned char *program,
    const unsigned char *stop, uint64_t from, uint64_t to, cfa_emit *emit,
    void *ctx);

#endif
