/*
 * The processes that a producer tracks: their threads and mappings, kept up to
 * date, and the records that describe them and their stacks.
 *
 * No function here fails by itself: if memory is short or a record cannot be
 * written, targets_error() says so from then on, and a producer asks it once a
 * round.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "unwind/addrspace.h"

struct module;
struct proc_map;
struct rec;
struct rec_out;
struct rec_ref;
struct targets;

struct target {
	pid_t pid, ppid;      /* parent as it was last seen */
	unsigned threads;     /* threads that are known and have not ended */
	int emitted;          /* its proc record is written */
	char *exe, *command;  /* of that record; each may be NULL */
	char *next;           /* command line that it is going to execute, if that is known */
	uint64_t scanned;     /* time at which its mappings were last read from /proc */
	struct addrspace space;
};

/* Begin without a target.  producer is a literal, for records; out stays the
 * caller's.  Returns NULL with errno. */
struct targets *targets_new(struct rec_out *out, const char *producer);
void targets_free(struct targets *ts);

/* Returns the errno of the first failure, or 0. */
int targets_error(const struct targets *ts);

/*
 * Emit notes about tables that have become ready, and let targets give them to
 * the kernel.  Tables are made in the background (unwind/module.h), and
 * targets_fd() is readable when there are some; a producer calls this once a round.
 */
void targets_ready(struct targets *ts);
int targets_fd(const struct targets *ts);

/* Returns how many targets have not ended, or the n-th of them. */
size_t targets_count(const struct targets *ts);
struct target *targets_nth(const struct targets *ts, size_t n);

/* Find a target by its number.  Returns NULL if it is not tracked.  Pointers stay
 * valid until the target ends. */
struct target *target_find(const struct targets *ts, pid_t pid);

/* Track a process from now on, without emitting anything.  Returns NULL if memory
 * is short. */
struct target *target_add(struct targets *ts, pid_t pid);

/* ---- from /proc -------------------------------------------------------- */

/*
 * Say what a target is going to execute: that stands in for a command line that cannot be
 * read any more and, if it begins with a path, for that of the executable.  command may be
 * NULL, and becomes the target's.
 */
void target_will_execute(struct target *t, char *command);

/* Emit a target as /proc shows it now: itself, its mappings, its threads. */
void target_describe(struct targets *ts, struct target *t);

/* Begin to make the tables of what a target maps, so that they are ready when it
 * is emitted. */
void target_expect(struct targets *ts, const struct target *t);

/* Read the mappings of a target again. */
void target_scan(struct targets *ts, struct target *t);

/* Returns whether a target maps code made by rustc; -1 until that is known, for
 * want of tables. */
int target_is_rust(const struct target *t);

/* ---- from events ------------------------------------------------------- */

/* Each of these happens at a time of CLOCK_MONOTONIC, in ns. */

/* Add a mapping. */
void target_map(struct targets *ts, uint64_t time, struct target *t,
    const struct proc_map *map);

/* Replace the program, and with it the mappings and the command line. */
void target_exec(struct targets *ts, uint64_t time, struct target *t, pid_t tid,
    const char *name);

/* Track a child process of t from now on, with t's program and mappings. */
void target_fork(struct targets *ts, uint64_t time, struct target *t, pid_t pid,
    pid_t parent_tid);

/* Name a thread, which may be new. */
void target_thread(struct targets *ts, uint64_t time, struct target *t,
    pid_t tid, const char *name);

/* Add a thread that another one has created. */
void target_new_thread(struct targets *ts, uint64_t time, struct target *t,
    pid_t tid, pid_t parent_tid);

/* Emit a thread that records refer to, if it is not known yet. */
void target_ensure_thread(struct targets *ts, uint64_t time, struct target *t, pid_t tid);

/* Returns whether a thread is known and has not ended. */
int target_has_thread(const struct targets *ts, pid_t tid);

/* End a thread.  Returns 1 if it was the last one: then the process has ended, and
 * t is gone. */
int target_exit(struct targets *ts, uint64_t time, struct target *t, pid_t tid);

/* ---- stacks ------------------------------------------------------------ */

/* Emit a frame called from *caller, if it is new, and make *caller refer to it.
 * module NULL: the code is in no mapping. */
void targets_stack(struct targets *ts, struct rec_ref *caller,
    const struct module *module, uint64_t offset);

/* Emit the frames of a walk, outermost first, and make *leaf refer to the
 * innermost one. */
void targets_walk(struct targets *ts, const struct addrspace_walk *walk,
    struct rec_ref *leaf);

/* The reason why a sample of probes, or of a gate, has no stack. */
#define TARGET_PROBES "probes"

/* Emit kernel addresses, innermost first, on top of *leaf, unless that is
 * TARGET_PROBES. */
void targets_kernel(struct targets *ts, uint64_t time, const uint64_t *addr,
    size_t n, struct rec_ref *leaf);

/* ---- other records ----------------------------------------------------- */

void targets_emit(struct targets *ts, const struct rec *r);
void targets_note(struct targets *ts, uint64_t time, const char *text);
/* Emit a lost record unless *count is 0, and set that to 0. */
void targets_lost(struct targets *ts, uint64_t time, uint64_t *count,
    const char *reason);
void targets_cost(struct targets *ts, uint64_t time);
void targets_end(struct targets *ts, uint64_t time, const char *reason);

#endif
