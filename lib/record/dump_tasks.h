/*
 * The processes and threads of a recording as records: where each begins and ends, in the order
 * of time, and each before the first record that refers to it.
 *
 * Functions return 0, -1 with db_error(), or what out->put() returned.
 */
#ifndef DUMP_TASKS_H
#define DUMP_TASKS_H

#include <stdint.h>

struct db;
struct dump_out;
struct dump_tasks;

/*
 * Load them; those of one pid only, unless it is 0, and one thread only, its number or its name,
 * unless that is NULL.  The arguments stay the caller's.  Returns NULL on failure; db_error()
 * says why.
 */
struct dump_tasks *dump_tasks_open(struct db *db, struct dump_out *out, uint64_t pid,
    const char *thread);
void dump_tasks_close(struct dump_tasks *t);

/* Set *time to that of the next record.  Returns 0 if there is none. */
int dump_tasks_next(const struct dump_tasks *t, int64_t *time);
/* Write the next record. */
int dump_tasks_put(struct dump_tasks *t);

/*
 * Write the beginning of the process, or the thread, that a row stands for, unless that has been
 * done, and set its numbers.  *wanted becomes 0, and nothing is written, if it was not asked for.
 */
int dump_tasks_process(struct dump_tasks *t, int64_t row, uint64_t *pid, int *wanted);
int dump_tasks_thread(struct dump_tasks *t, int64_t row, uint64_t *pid, uint64_t *tid,
    int *wanted);

#endif
