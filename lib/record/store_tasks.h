/*
 * Processes and threads of a recording, over their lives.  A number that is
 * used again gets a new row, and so does a process that executes another
 * program, and its threads with it.
 *
 * Times are those of the recording.  Functions return 0, or -1 and db_error().
 */
#ifndef STORE_TASKS_H
#define STORE_TASKS_H

#include <stdint.h>

struct warnings;
struct db;
struct rec_exit;
struct rec_proc;
struct rec_thread;
struct store_tasks;

/* With the processes that have not ended in the recording.  Both arguments
 * stay the caller's.  NULL: db_error() says why. */
struct store_tasks *store_tasks_open(struct db *db, struct warnings *w);
void store_tasks_close(struct store_tasks *t);

/* What two producers say of the same process or thread is stored once. */
int store_tasks_proc(struct store_tasks *t, const struct rec_proc *p,
    int64_t time);
int store_tasks_thread(struct store_tasks *t, const struct rec_thread *r,
    int64_t time);
int store_tasks_exit(struct store_tasks *t, const struct rec_exit *e,
    int64_t time);

/* The row of a process that is referred to, or of a thread.
 * One that is not known is complained of and made. */
int store_tasks_find_process(struct store_tasks *t, uint64_t pid, int64_t time,
    int64_t *row);
int store_tasks_find_thread(struct store_tasks *t, uint64_t pid, uint64_t tid,
    int64_t time, int64_t *row);

#endif
