/*
 * The processes and threads that a stream has defined and that a record may still refer to.
 *
 * Those that have ended are kept for a while, because records of another producer may come late,
 * and a thread as long as memory that it has allocated is live.  `written` says whether the
 * stream that is written has the definition.
 */
#ifndef RESUME_TASKS_H
#define RESUME_TASKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"

struct rec_exit;
struct rec_proc;
struct rec_thread;

struct resume_process {
	uint64_t pid, ppid;
	uint64_t began, ended; /* times of its program; ended: 0 while it has not */
	char *name, *exe, *cmdline; /* each may be NULL */
	uint32_t running;           /* threads that have not ended */
	uint32_t threads;           /* threads that are known */
	int written;
};

struct resume_thread {
	uint64_t pid, tid, ended;
	char *name;     /* may be NULL */
	uint32_t sites; /* of memory that is live */
	int written;
};

/* Zeroed, it is empty. */
struct resume_tasks {
	struct resume_process *process;
	struct resume_thread *thread;
	size_t nprocess, process_room, nthread, thread_room;
	size_t nended, enough; /* threads and processes that have ended, and how many are too many */
	struct idmap process_map, thread_map;
};

/*
 * Remember where a task begins.  *gone becomes the process, if its program has ended, and
 * its mappings with it.  Return -1 when out of memory.
 */
int resume_tasks_proc(struct resume_tasks *t, const struct rec_proc *r, int written,
    uint64_t *gone);
int resume_tasks_thread(struct resume_tasks *t, const struct rec_thread *r, int written);
/* Remember where a task ends.  Returns the process that has ended, or 0. */
uint64_t resume_tasks_exit(struct resume_tasks *t, const struct rec_exit *e);

/* Let nothing be written. */
void resume_tasks_rewind(struct resume_tasks *t);

/* Return the last task of a number, or NULL; valid until a task is added or forgotten. */
struct resume_process *resume_tasks_process(const struct resume_tasks *t, uint64_t pid);
struct resume_thread *resume_tasks_find(const struct resume_tasks *t, uint64_t pid, uint64_t tid);

/* Returns whether there are so many ended tasks that resume_tasks_forget() is due. */
int resume_tasks_crowded(const struct resume_tasks *t);
/* Forget the tasks that had ended at `time`, but for threads with sites. */
void resume_tasks_forget(struct resume_tasks *t, uint64_t time);

void resume_tasks_clear(struct resume_tasks *t);

#endif
