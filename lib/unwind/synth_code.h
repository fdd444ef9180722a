/*
 * What unwind/synth has to know of code, and the rows that it makes of it.
 */
#ifndef SYNTH_CODE_H
#define SYNTH_CODE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct synth_state;

/* A loaded part of a file; addresses are virtual ones. */
struct synth_segment {
	uint64_t addr;
	size_t len;
	const unsigned char *bytes;
	int exec;
};

/* Bits: how an address is known at which a function begins, perhaps. */
enum {
	SYNTH_FUNCTION = 1, /* it is called, jumped to, or has an exported symbol */
	SYNTH_HELD = 2,     /* it has a local symbol, as parts of functions have, too */
	SYNTH_LABEL = 4,    /* its address is taken */
	SYNTH_SWEPT = 8,    /* it is called by what may be code, or data */
	SYNTH_ROOT = 16,    /* nothing calls it: the program's entry */
	SYNTH_NUMBER = 32   /* a word of data has its address, or is a number */
};

struct synth_start {
	uint64_t addr;
	unsigned how;
};

struct synth_range {
	uint64_t addr, end;
};

/* A word of data that the loader sets to an address. */
struct synth_pointer {
	uint64_t at, to;
	int fixed; /* the program itself does not change it */
};

/* What is known of a file.  All arrays are in the order of their first member. */
struct synth_code {
	const struct synth_segment *segment;
	size_t nsegment;
	const struct synth_range *covered; /* code that needs no rows; disjoint */
	size_t ncovered;
	const struct synth_start *start;
	size_t nstart;
	const uint64_t *address; /* that code refers to: tables end there */
	size_t naddress;
	const struct synth_pointer *pointer;
	size_t npointer;
	const uint64_t *noreturn; /* slots with addresses of functions that do not return */
	size_t nnoreturn;
	const atomic_int *stop; /* not 0 any more: give up; NULL: nothing stops it */

	/* For tests: be given the state before each instruction that gets a row. */
	void (*see)(void *ctx, uint64_t addr, const struct synth_state *state);
	void *ctx;
};

struct synth_row {
	uint64_t addr;
	uint32_t len;
	uint32_t rule; /* of bpf/step.h */
};

struct synth_rows {
	struct synth_row *row; /* by address, disjoint */
	size_t n;
	uint64_t known; /* bytes of code that have rows */
};

#endif
