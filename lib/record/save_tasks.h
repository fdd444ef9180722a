/*
 * Processes and threads of a recording, over their lives.  A number that is
 * used again gets a new row, and so does a process that executes another
 * program, and its threads with it.
 *
 * Times are those of the recording.  Functions return 0, or -1 and db_error().
 */
#ifndef SAVE_TASKS_H
#define SAVE_TASKS_H

#include <stdint.h>

struct complaints;
struct db;
struct rec_exit;
struct rec_proc;
struct rec_thread;
struct save_tasks;

/* With the processes that have not ended in the recording.  Both arguments
 * stay the caller's.  NULL: db_error() says why. */
struct save_tasks *save_tasks_open(struct db *db, struct complaints *c);
void save_tasks_close(struct save_tasks *t);

/* What two producers say of the same process or thread is stored once. */
int save_tasks_proc(struct save_tasks *t, const struct rec_proc *p,
    int64_t time);
int save_tasks_thread(struct save_tasks *t, const struct rec_thread *r,
    int64_t time);
int save_tasks_exit(struct save_tasks *t, const struct rec_exit *e,
    int64_t time);

/* The row of a process that is referred to, or of a thread.
 * One that is not known is complained of and made. */
int save_tasks_find_process(struct save_tasks *t, uint64_t pid, int64_t time,
    int64_t *row);
int save_tasks_find_thread(struct save_tasks *t, uint64_t pid, uint64_t tid,
    int64_t time, int64_t *row);

#endif
