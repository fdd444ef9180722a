/*
 * The processes that a producer watches: their threads and mappings, kept up
 * to date, and the records that tell the stream of them and of stacks.
 *
 * Nothing here fails alone: where memory ends, or a record cannot be written,
 * targets_error() says so from then on, and a producer asks once a round.
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
	pid_t pid, ppid;      /* its parent's number: the last that was seen */
	unsigned threads;     /* that are known and have not ended */
	int emitted;          /* its proc record is written */
	uint64_t scanned;     /* when its mappings were last read from /proc */
	struct addrspace space;
};

/* NULL: errno says why.  The producer's name (a literal) and the output are
 * for the records; the output stays the caller's. */
struct targets *targets_new(struct rec_out *out, const char *producer);
void targets_free(struct targets *ts);
int targets_error(const struct targets *ts); /* an errno, or 0 */

/*
 * Tables of modules are made in the background (unwind/module.h).  targets_fd()
 * is readable when some have become ready, and targets_ready() tells what is
 * wrong with those: a producer calls it once a round.
 */
int targets_fd(const struct targets *ts);
void targets_ready(struct targets *ts);

/* Processes that have not ended, and the n-th of them. */
size_t targets_count(const struct targets *ts);
struct target *targets_nth(const struct targets *ts, size_t n);

/* A process by its number; NULL: not watched.  Pointers stay valid until the
 * process ends. */
struct target *target_find(const struct targets *ts, pid_t pid);
/* Watch one from now on.  Nothing is told yet.  NULL: out of memory. */
struct target *target_add(struct targets *ts, pid_t pid);

/*
 * Tell of a process as /proc shows it now: itself, its mappings, its threads.
 * command stands in for a command line that cannot be read any more, and for
 * the executable's path if it begins with one (NULL: none does).
 */
void target_describe(struct targets *ts, struct target *t, const char *command);
/* Begin to make the tables of what it maps, so that they are ready when it is
 * told of. */
void target_expect(struct targets *ts, const struct target *t);
/* Its mappings alone, again. */
void target_scan(struct targets *ts, struct target *t);

/* Returns 1 or 0: whether it maps code that rustc has made; -1 as long as that is
 * not known, for want of tables. */
int target_is_rust(const struct target *t);

/* What happens to it, at a time of CLOCK_MONOTONIC. */
void target_map(struct targets *ts, uint64_t time, struct target *t,
    const struct proc_map *map);
void target_exec(struct targets *ts, uint64_t time, struct target *t, pid_t tid,
    const char *name, const char *command);
/* A child process of t: watched from now on, with t's mappings. */
void target_fork(struct targets *ts, uint64_t time, struct target *t, pid_t pid,
    pid_t parent_tid);
/* A thread that was created by another one, or has got a name. */
void target_thread(struct targets *ts, uint64_t time, struct target *t,
    pid_t tid, const char *name);
void target_new_thread(struct targets *ts, uint64_t time, struct target *t,
    pid_t tid, pid_t parent_tid);
/* A thread that records refer to: told of if it is not known yet. */
void target_ensure_thread(struct targets *ts, uint64_t time, struct target *t, pid_t tid);
/* Has it been told of, and has not ended? */
int target_has_thread(const struct targets *ts, pid_t tid);
/* With its last thread the process has ended, and t is gone: 1, else 0. */
int target_exit(struct targets *ts, uint64_t time, struct target *t, pid_t tid);

/*
 * Tell of a frame called from *caller, if it is new, and make *caller refer
 * to it.  A module NULL: code in no mapping.
 */
void targets_stack(struct targets *ts, struct rec_ref *caller,
    const struct module *module, uint64_t offset);
/* All of a walk, outermost first: *leaf is set to the innermost frame. */
void targets_walk(struct targets *ts, const struct addrspace_walk *walk,
    struct rec_ref *leaf);
/* Kernel addresses, innermost first, on top of *leaf. */
void targets_kernel(struct targets *ts, uint64_t time, const uint64_t *addr,
    size_t n, struct rec_ref *leaf);

/* Records that every producer writes. */
void targets_emit(struct targets *ts, const struct rec *r);
void targets_note(struct targets *ts, uint64_t time, const char *text);
/* Nothing where *count is 0; it is set to 0. */
void targets_lost(struct targets *ts, uint64_t time, uint64_t *count,
    const char *reason);
void targets_cost(struct targets *ts, uint64_t time);
void targets_end(struct targets *ts, uint64_t time, const char *reason);

#endif
