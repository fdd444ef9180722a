/*
 * The processes and threads of a stream over their lives.  A number that is used again gets a new
 * entry, and so does a process that executes another program, together with its threads.
 */
#ifndef EXPORT_TASKS_H
#define EXPORT_TASKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"
#include "base/strtab.h"
#include "stream/task.h"

struct rec_exit;
struct rec_proc;
struct rec_thread;

struct export_process {
	uint64_t pid;
	const char *name, *exe, *command; /* each may be NULL */
	int64_t began, ended;             /* ended: TASK_RUNS if it has not */
};

struct export_thread {
	uint32_t process; /* index */
	uint64_t tid;
	const char *name; /* the last one; may be NULL */
	int64_t began, ended;
};

/* Zeroed, it is empty; the strings are its own. */
struct tasks {
	struct export_process *process;
	struct export_thread *thread;
	size_t nprocess, process_room, nthread, thread_room;
	struct idmap process_map, thread_map; /* the last of each number */
	struct strtab strings;
};

/* Note where a task begins or ends.  Return -1 when out of memory. */
int tasks_proc(struct tasks *t, const struct rec_proc *p, int64_t time);
int tasks_thread(struct tasks *t, const struct rec_thread *r, int64_t time);
void tasks_exit(struct tasks *t, const struct rec_exit *e, int64_t time);

/* Set *index to the last process, or thread, of these numbers; one that nothing has begun begins
 * here.  Return -1 when out of memory. */
int tasks_find_process(struct tasks *t, uint64_t pid, int64_t time, uint32_t *index);
int tasks_find_thread(struct tasks *t, uint64_t pid, uint64_t tid, int64_t time, uint32_t *index);

void tasks_clear(struct tasks *t);

#endif
