/*
 * Plan which functions to probe, and where, so that a process' allocations are
 * seen.
 *
 * The contents of a binary decide, and names mislead: after link-time
 * optimisation __rust_alloc is still there, but nothing calls it.  For each
 * file with Rust code, a plan takes the first of these that applies:
 *	otel_memory  the static probes of an allocator that samples by itself: in
 *	          the file, or in the one whose malloc() it calls;
 *	rust      the four __rust_* functions, if all of them only jump to
 *	          another function: then every allocation passes through them.
 *	          They may be in another file that this one imports them from;
 *	          in a stripped file they are recognised by their code.
 *	jemalloc, mimalloc   their functions, by name, in the file itself;
 *	libc      malloc() and the like: the functions that the file's slots
 *	          (its GOT) point at right now, whoever put them there; or its
 *	          own, if it is linked statically;
 *	rust      those of the __rust_* functions that remain, if nothing else
 *	          is there: they see part of the allocations.
 */
#ifndef PROBE_PLAN_H
#define PROBE_PLAN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "heap/probe.h"

/* Advice for a file without names, to be appended to a message. */
#define PROBE_PLAN_ADVICE ": keep its symbols (strip = \"debuginfo\" or \"none\" in Cargo.toml)"

struct plan_file;

struct probe_plan_options {
	int all_callers; /* plan for files without Rust code as well */
	int no_shims;    /* never use the __rust_* functions */
	int no_samplers; /* never use what an allocator samples by itself */
	int *later;      /* set if there is nothing to probe, but the process may load libraries
	                    with Rust code; NULL: not asked for */
};

struct probe_plan {
	struct probe *probe; /* probes; no function of a file twice */
	size_t nprobe;
	/* Where __rust_* are probed: the functions that allocate for them.  Rust
	 * code must call them about as often. */
	struct probe *below;
	size_t nbelow;
	/* Candidates of files without names, or with an allocator that is not known,
	 * some of which allocate.  They have shape 0. */
	struct probe *guess;
	size_t nguess;
	char **note; /* for people: what was chosen, and what is missing */
	size_t nnote;
	unsigned missing; /* functions and files whose allocations are not seen, or only some */
	unsigned own;     /* files whose allocator is their own, and called by no known slot */
	unsigned doubts;  /* files that may allocate by other functions, too */
	struct plan_file *file;
};

/*
 * Make a plan for a running process, or for the file at path alone, without
 * knowing what other files would provide.  Free it with probe_plan_free().
 * Returns NULL with the reason in why[] if there is nothing to probe; errno is
 * then EACCES or EPERM if permission is missing, ENOMEM, or 0.
 */
struct probe_plan *probe_plan_of_process(pid_t pid, const struct probe_plan_options *o,
    char *why, size_t size);
struct probe_plan *probe_plan_of_file(const char *path, const struct probe_plan_options *o,
    char *why, size_t size);
void probe_plan_free(struct probe_plan *p);

/* Move those of guess[] whose shape[i] is known now (see heap/infer.h), and not
 * 0, into probe[].  Invalidates pointers to probes.  Returns how many were
 * added, or -1 if memory is short. */
int probe_plan_adopt(struct probe_plan *p, const uint64_t *shape);

/* Call fn for each place where a probe of the plan, or one below, is mapped in its process:
 * its address, and the byte that the file has there. */
void probe_plan_bytes(const struct probe_plan *p,
    void (*fn)(void *ctx, uint64_t addr, unsigned char byte), void *ctx);

/* Print a line for each probe, and the notes. */
void probe_plan_print(FILE *out, const struct probe_plan *p);

#endif
