/*
 * A thread that does jobs one after the other, the most urgent first.
 *
 * Other threads may ask for a job (worker_done, worker_want, worker_wait);
 * all else is for the one that owns the worker.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdatomic.h>
#include <stdint.h>

struct worker;

/* The first member of whatever a job is; the caller owns it.  Zeroed, but for
 * its rank. */
struct worker_job {
	uint64_t rank; /* the lowest goes first, of equals the one added first */
	atomic_int done;
	struct worker_job *next;
};

/* Does a job, in the thread; it may return early where *stop is not 0. */
typedef void worker_run(void *ctx, struct worker_job *job,
    const atomic_int *stop);

/* The thread is started by the first worker_add(), with all signals blocked.
 * NULL: errno says why. */
struct worker *worker_new(worker_run *run, void *ctx);

/* The job that is being done is told to stop, and waited for; what is still
 * queued is not done.  No job is touched any more after this. */
void worker_free(struct worker *w);

/* Where there cannot be a thread the job is done at once. */
void worker_add(struct worker *w, struct worker_job *job);

/* Has it been done?  Then all that it wrote can be seen. */
int worker_done(const struct worker_job *job);

/* Do this job before all that nobody wants yet (rank 0). */
void worker_want(struct worker *w, struct worker_job *job);
/* Do it next, and return when it is done. */
void worker_wait(struct worker *w, struct worker_job *job);

/* For poll(2): readable when a job was done since the last worker_news(),
 * which says whether one was. */
int worker_fd(const struct worker *w);
int worker_news(struct worker *w);

#endif
