/*
 * A thread that runs queued jobs one at a time, the most urgent first.
 *
 * Any thread may call worker_done(), worker_want() and worker_wait(); the other
 * functions are for the thread that owns the worker.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdatomic.h>
#include <stdint.h>

struct worker;

/* A job: the first member of a struct that the caller owns.  Zeroed, except for its rank. */
struct worker_job {
	uint64_t rank; /* lowest first; equal ranks in the order they were added */
	atomic_int done;
	struct worker_job *next;
};

/* Run a job, in the worker's thread.  It may return early once *stop is not 0. */
typedef void worker_run(void *ctx, struct worker_job *job,
    const atomic_int *stop);

/* Create a worker.  The first worker_add() starts its thread, with all signals blocked.
 * Returns NULL, with errno set, on failure. */
struct worker *worker_new(worker_run *run, void *ctx);

/* Tell the running job to stop, wait for it, and drop the queued ones.  No job is
 * touched after this returns. */
void worker_free(struct worker *w);

/* Queue a job; if no thread can be created, run it at once. */
void worker_add(struct worker *w, struct worker_job *job);

/* Returns whether a job has been run.  Everything it wrote is visible then. */
int worker_done(const struct worker_job *job);

/* Move a job ahead of all jobs that were not asked for, to rank 0. */
void worker_want(struct worker *w, struct worker_job *job);
/* Move a job to the front and wait until it has been run. */
void worker_wait(struct worker *w, struct worker_job *job);

/* Poll for completed jobs: worker_fd() is readable, for poll(2), if a job was completed
 * since the last worker_news(), which returns whether one was. */
int worker_fd(const struct worker *w);
int worker_news(struct worker *w);

#endif
