/*
 * What the files synth*.c share: code and where its functions begin (unwind/synth),
 * which functions return (unwind/synth_returns), and the instructions from the
 * beginning of one to that of the next: a region (unwind/synth_region).
 */
#ifndef SYNTH_INSIDE_H
#define SYNTH_INSIDE_H

#include "base/idmap.h"
#include "unwind/synth_code.h"
#include "unwind/synth_state.h"

#define SYNTH_LONGEST (1 << 19) /* bytes of a region: 50,000 are much for a function */

/* A state that code is reached in from another region, not as a function. */
struct synth_seed {
	uint64_t addr;
	struct synth_state state;
};

struct synth_region;

/* For each byte of a segment a bit: a row begins there; a function does, or a part of
 * one; one may. */
struct synth_bits {
	uint64_t *seen, *boundary, *label;
};

/* The rows that following a region has made. */
struct synth_run {
	size_t first, n;
};

struct synth {
	const struct synth_code *code;
	struct idmap how;      /* by address: what else than code->start is known of it */
	struct synth_bits *bits; /* for each segment */
	uint64_t *queue;       /* functions to be followed */
	size_t nqueue, queue_room, next;
	uint64_t *label;       /* addresses that may be functions */
	size_t nlabel, label_room;
	struct synth_range *doubt; /* code that jumps may lead to that were not followed */
	size_t ndoubt, doubt_room;
	struct synth_seed *seed;
	size_t nseed, seed_room;
	struct synth_row *row; /* in the order in which they were made */
	size_t nrow, row_room;
	size_t first;          /* of them, of the region that is being followed */
	struct synth_run *run;
	size_t nrun, run_room;
	struct idmap run_of;   /* by a region's first address: the last run of it */
	struct idmap returns;  /* by address: 1 if a function returns, else 0 */
	uint32_t depth, taint; /* see synth_returns.c */
	struct synth_region *region;
	uint64_t budget;       /* instructions that may still be decoded */
	int failed;            /* memory has ended, or somebody wants it to stop */
};

/* Find the code at an address.  Returns NULL if there is none, else its bytes, of
 * which there are *len. */
const unsigned char *synth_code_at(const struct synth *s, uint64_t addr, size_t *len);

/* Read len bytes, at most 8, with their sign, or a pointer that the loader sets.
 * Returns -1 if there are none. */
int synth_read(const struct synth *s, uint64_t addr, unsigned len, int64_t *out);

/* Return where the code that is not covered begins and ends around an address; both 0
 * if that is covered or no code. */
struct synth_range synth_gap(const struct synth *s, uint64_t addr);

/* Return how an address is known to begin a function: bits, or 0. */
unsigned synth_start_at(const struct synth *s, uint64_t addr);

/* Check whether a function's code ends here, or only fillers follow: then what stands
 * before does not return. */
int synth_ends(const struct synth *s, uint64_t addr);

/* Check whether an address is that of a slot of a function that does not return. */
int synth_slot_stops(const struct synth *s, uint64_t slot);

/* Find the function whose address a slot has, and keeps.  Returns -1 if that is not
 * known. */
int synth_slot_function(const struct synth *s, uint64_t slot, uint64_t *to);

/* Count an instruction.  Returns -1 once there were too many, or there is a reason to
 * give up. */
int synth_spend(struct synth *s);

/* Check whether the function at an address returns, as far as its code shows. */
int synth_returns(struct synth *s, uint64_t addr);

/* Check whether the function that a call goes to never returns, given what it would
 * return to. */
int synth_call_stops(struct synth *s, const struct insn_effect *e, uint64_t next);

/* Take notice that code is reached from another region in a state. */
void synth_reach(struct synth *s, uint64_t addr, const struct synth_state *state);

/* Take notice of functions that an instruction, the one before `next', refers to. */
void synth_refer(struct synth *s, const struct insn_effect *e, uint64_t next);

/* Add a row for an instruction. */
void synth_add_row(struct synth *s, uint64_t addr, uint32_t len,
    const struct synth_state *state);

/* Check whether an instruction has been given a row. */
int synth_seen(const struct synth *s, uint64_t addr);

/* Create what regions are followed with, for one after the other.  NULL: out of
 * memory. */
struct synth_region *synth_region_new(struct synth *s);
void synth_region_free(struct synth_region *r);

/* Results of synth_region_run(). */
enum synth_done {
	SYNTH_DONE,
	SYNTH_UNRESOLVED, /* some of its jumps lead nobody knows where */
	SYNTH_REFUSED     /* it makes no sense: nothing was added */
};

/*
 * Follow the code of [addr, end): from addr on in a state, unless that is NULL, and from
 * n seeds.  proof: refuse it unless it proves to be a function, as one does that returns
 * to its caller, restores the frame pointer, and does nothing that is not understood.
 */
enum synth_done synth_region_run(struct synth_region *r, uint64_t addr, uint64_t end,
    const struct synth_state *entry, const struct synth_seed *seed, size_t n, int proof);

#endif
