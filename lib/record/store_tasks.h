/*
 * The processes and threads of a recording, over their lives.  A pid or tid
 * that is reused gets a new row, and so does a process that executes another
 * program, together with its threads.
 *
 * Times are those of the recording.  Functions return 0, or -1 with db_error().
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

/* Load the processes that have not ended in the recording.  Both arguments stay
 * the caller's.  Returns NULL on failure; db_error() says why. */
struct store_tasks *store_tasks_open(struct db *db, struct warnings *w);
void store_tasks_close(struct store_tasks *t);

/* Store the start or the end of a process or thread; the same news from a
 * second producer changes nothing. */
int store_tasks_proc(struct store_tasks *t, const struct rec_proc *p,
    int64_t time);
int store_tasks_thread(struct store_tasks *t, const struct rec_thread *r,
    int64_t time);
int store_tasks_exit(struct store_tasks *t, const struct rec_exit *e,
    int64_t time);

/* Find the row of a process or thread.  One that is undefined gets a warning
 * and a row of its own. */
int store_tasks_find_process(struct store_tasks *t, uint64_t pid, int64_t time,
    int64_t *row);
int store_tasks_find_thread(struct store_tasks *t, uint64_t pid, uint64_t tid,
    int64_t time, int64_t *row);

#endif
