/*
 * What to probe so that a process' allocations are seen, and where.
 *
 * What a binary contains decides, and names mislead: after link-time
 * optimisation __rust_alloc is still there, and nothing goes through it.  So for each file with
 * Rust code, the first of these that is there:
 *	rust      the four __rust_* functions, if all of them do nothing but
 *	          jump on: then everything comes by.  In another file of the
 *	          process if this one wants them from there; in a stripped file
 *	          what looks like them;
 *	jemalloc, mimalloc   their functions, by name, in the file itself;
 *	libc      malloc() and the like: the functions that the file's slots
 *	          (its GOT) point at right now, whoever has put them there; or its
 *	          own, if it is linked statically;
 *	rust      what is left of the __rust_* functions, if nothing else is
 *	          there: a part of the allocations.
 */
#ifndef PROBE_PLAN_H
#define PROBE_PLAN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "heap/probe.h"

/* To who has a file without names. */
#define PROBE_PLAN_ADVICE ": keep its symbols (strip = \"debuginfo\" or \"none\" in Cargo.toml)"

struct plan_file;

struct probe_plan_options {
	int all_callers; /* files without Rust code count, too */
	int no_shims;    /* never by the __rust_* functions */
};

struct probe_plan {
	struct probe *probe; /* no place twice */
	size_t nprobe;
	/* Where __rust_* are probed, the functions that allocate for them: calls
	 * from Rust code must be about as many. */
	struct probe *below;
	size_t nbelow;
	/* Functions of a file that has no names for those that allocate, which are
	 * among them: all in one file, with shape 0. */
	struct probe *guess;
	size_t nguess;
	char **note;              /* for people: what was chosen, and what is missing */
	size_t nnote;
	struct plan_file *file;
};

/*
 * For a process that runs, or for a file alone: then what other files would
 * bring is not known.  NULL: why[] says why there is nothing to probe; errno
 * is EACCES or EPERM where something is not permitted, ENOMEM, or 0.
 */
struct probe_plan *probe_plan_of_process(pid_t pid, const struct probe_plan_options *o,
    char *why, size_t size);
struct probe_plan *probe_plan_of_file(const char *path, const struct probe_plan_options *o,
    char *why, size_t size);
void probe_plan_free(struct probe_plan *p);

/*
 * Take over those of guess[] of which it is known now (by heap/infer) how they are
 * called: shape[i], or 0.  Pointers to probes do not stay valid.  How many; -1:
 * out of memory.
 */
int probe_plan_adopt(struct probe_plan *p, const uint64_t *shape);

/* A line for each probe, and the notes. */
void probe_plan_print(FILE *out, const struct probe_plan *p);

#endif
