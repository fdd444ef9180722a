#include "base/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct worker {
	worker_run *run;
	void *ctx;
	pthread_t thread;
	int started;
	int fd;
	atomic_int stop;
	pthread_mutex_t lock; /* protects the queue; both conditions use it */
	pthread_cond_t added, done;
	struct worker_job *first, **last;
};

struct worker *
worker_new(worker_run *run, void *ctx)
{
	struct worker *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0) {
		free(w);
		return NULL;
	}
	w->run = run;
	w->ctx = ctx;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->added, NULL);
	pthread_cond_init(&w->done, NULL);
	return w;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	atomic_store(&w->stop, 1);
	pthread_cond_signal(&w->added);
	pthread_mutex_unlock(&w->lock);
	if (w->started)
		pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->done);
	pthread_cond_destroy(&w->added);
	pthread_mutex_destroy(&w->lock);
	close(w->fd);
	free(w);
}

/* ---- the queue --------------------------------------------------------- */

static void
append(struct worker *w, struct worker_job *job)
{
	job->next = NULL;
	*w->last = job;
	w->last = &job->next;
}

static void
put_first(struct worker *w, struct worker_job *job)
{
	job->next = w->first;
	w->first = job;
	if (job->next == NULL)
		w->last = &job->next;
}

static struct worker_job *
unlink_at(struct worker *w, struct worker_job **at)
{
	struct worker_job *job = *at;

	*at = job->next;
	if (*at == NULL)
		w->last = at;
	return job;
}

/* Find the pointer to a job in the queue.  Returns NULL if it is not queued. */
static struct worker_job **
slot(struct worker *w, const struct worker_job *job)
{
	struct worker_job **at = &w->first;

	while (*at && *at != job)
		at = &(*at)->next;
	return *at ? at : NULL;
}

static struct worker_job *
pop(struct worker *w)
{
	struct worker_job **best = &w->first;

	if (w->first == NULL)
		return NULL;
	for (struct worker_job **at = &w->first; *at; at = &(*at)->next)
		if ((*at)->rank < (*best)->rank)
			best = at;
	return unlink_at(w, best);
}

/* ---- the thread -------------------------------------------------------- */

static void
run_one(struct worker *w, struct worker_job *job)
{
	pthread_mutex_unlock(&w->lock);
	w->run(w->ctx, job, &w->stop);
	pthread_mutex_lock(&w->lock);
	atomic_store(&job->done, 1);
	pthread_cond_broadcast(&w->done);
	eventfd_write(w->fd, 1);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct worker_job *job;

	pthread_mutex_lock(&w->lock);
	while (!atomic_load(&w->stop)) {
		job = pop(w);
		if (job)
			run_one(w, job);
		else
			pthread_cond_wait(&w->added, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Start the thread, once, with all signals blocked: they have to interrupt the owner's
 * poll(2). */
static int
start(struct worker *w)
{
	sigset_t all, old;

	if (w->started)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	w->started = pthread_create(&w->thread, NULL, work, w) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return w->started ? 0 : -1;
}

/* ---- the interface ----------------------------------------------------- */

void
worker_add(struct worker *w, struct worker_job *job)
{
	int there = start(w) == 0;

	pthread_mutex_lock(&w->lock);
	if (there) {
		append(w, job);
		pthread_cond_signal(&w->added);
	} else {
		run_one(w, job);
	}
	pthread_mutex_unlock(&w->lock);
}

int
worker_done(const struct worker_job *job)
{
	return atomic_load(&job->done);
}

void
worker_want(struct worker *w, struct worker_job *job)
{
	struct worker_job **at;

	pthread_mutex_lock(&w->lock);
	at = slot(w, job);
	if (at && job->rank != 0) {
		append(w, unlink_at(w, at));
		job->rank = 0;
	}
	pthread_mutex_unlock(&w->lock);
}

void
worker_wait(struct worker *w, struct worker_job *job)
{
	struct worker_job **at;

	pthread_mutex_lock(&w->lock);
	at = slot(w, job);
	if (at) {
		put_first(w, unlink_at(w, at));
		job->rank = 0;
	}
	while (!atomic_load(&job->done))
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

int
worker_fd(const struct worker *w)
{
	return w->fd;
}

int
worker_news(struct worker *w)
{
	eventfd_t n;

	return eventfd_read(w->fd, &n) == 0;
}
