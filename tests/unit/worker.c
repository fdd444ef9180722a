/*
 * The thread that does jobs by their rank.  A job can be held until all the
 * others are queued, so that their order is not left to chance.
 */
#include "base/worker.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/proc.h"
#include "tap.h"

#define MANY 5000

struct job {
	struct worker_job worker;
	char name;
	enum { AT_ONCE, LET_GO, STOPPED, WAITED_FOR } hold; /* until then */
	int stopped;
	sigset_t blocked;
};

struct bench {
	struct worker *worker;
	pid_t owner;
	atomic_int waits; /* the owner does, or is about to */
	sem_t begun, go;
	char order[MANY + 1];
	size_t n;
};

static int
owner_waits(struct bench *b)
{
	struct proc_stat st;

	return atomic_load(&b->waits) && proc_stat(b->owner, &st) == 0 &&
	    st.state == 'S';
}

static void
run(void *ctx, struct worker_job *worker, const atomic_int *stop)
{
	struct job *job = (struct job *)worker;
	struct bench *b = ctx;

	pthread_sigmask(SIG_SETMASK, NULL, &job->blocked);
	sem_post(&b->begun);
	if (job->hold == LET_GO)
		sem_wait(&b->go);
	while (job->hold == STOPPED && !atomic_load(stop))
		poll(NULL, 0, 1);
	while (job->hold == WAITED_FOR && !owner_waits(b))
		poll(NULL, 0, 1);
	job->stopped = atomic_load(stop);
	b->order[b->n++] = job->name;
}

static void
begin(struct bench *b)
{
	memset(b, 0, sizeof *b);
	sem_init(&b->begun, 0, 0);
	sem_init(&b->go, 0, 0);
	b->owner = gettid();
	b->worker = worker_new(run, b);
}

static void
end(struct bench *b)
{
	worker_free(b->worker);
	sem_destroy(&b->begun);
	sem_destroy(&b->go);
}

static void
add(struct bench *b, struct job *job, char name, uint64_t rank)
{
	job->name = name;
	job->worker.rank = rank;
	worker_add(b->worker, &job->worker);
}

/* A first job that is held, and four that are queued behind it. */
static void
queue(struct bench *b, struct job job[5], int hold)
{
	memset(job, 0, 5 * sizeof *job);
	begin(b);
	job[0].hold = hold;
	add(b, &job[0], '0', 9);
	sem_wait(&b->begun);
	add(b, &job[1], 'a', 7);
	add(b, &job[2], 'b', 8);
	add(b, &job[3], 'c', 7);
	add(b, &job[4], 'd', 1);
}

static void
let_go(struct bench *b, struct job *job, size_t n)
{
	sem_post(&b->go);
	for (size_t i = 0; i < n; i++)
		while (!worker_done(&job[i].worker))
			poll(NULL, 0, 1);
}

static void
test_order(void)
{
	struct bench b;
	struct job job[5];

	queue(&b, job, LET_GO);
	let_go(&b, job, 5);
	ok(strcmp(b.order, "0dacb") == 0, "by rank, then as added: %s", b.order);
	end(&b);

	queue(&b, job, LET_GO);
	worker_want(b.worker, &job[2].worker);
	worker_want(b.worker, &job[1].worker);
	worker_want(b.worker, &job[2].worker);
	let_go(&b, job, 5);
	ok(strcmp(b.order, "0badc") == 0, "what is wanted before: %s", b.order);
	worker_want(b.worker, &job[2].worker);
	worker_wait(b.worker, &job[2].worker);
	ok(b.n == 5, "what is done is not done again");
	end(&b);
}

static void
test_wait(void)
{
	struct bench b;
	struct job job[5];

	queue(&b, job, WAITED_FOR);
	worker_want(b.worker, &job[1].worker);
	atomic_store(&b.waits, 1);
	worker_wait(b.worker, &job[3].worker);
	ok(worker_done(&job[3].worker), "what is waited for is done then");
	let_go(&b, job, 5);
	ok(strcmp(b.order, "0cadb") == 0,
	    "it goes first, then what is wanted: %s", b.order);
	end(&b);

	queue(&b, job, WAITED_FOR);
	atomic_store(&b.waits, 1);
	worker_wait(b.worker, &job[0].worker);
	ok(worker_done(&job[0].worker), "waiting for what is being done");
	end(&b);
}

static int
readable(const struct worker *w)
{
	struct pollfd p = { worker_fd(w), POLLIN, 0 };

	return poll(&p, 1, 0) == 1;
}

static void
test_news(void)
{
	struct bench b;
	struct job job[5];

	queue(&b, job, LET_GO);
	ok(!readable(b.worker) && !worker_news(b.worker), "no news yet");
	let_go(&b, job, 5);
	worker_wait(b.worker, &job[4].worker);
	while (!readable(b.worker))
		poll(NULL, 0, 1);
	ok(worker_news(b.worker), "news, and something to poll for them");
	end(&b);

	begin(&b);
	memset(job, 0, sizeof job);
	add(&b, &job[0], 'x', 1);
	worker_wait(b.worker, &job[0].worker);
	ok(readable(b.worker) && worker_news(b.worker), "news of one job");
	ok(!readable(b.worker) && !worker_news(b.worker), "only once");
	ok(sigismember(&job[0].blocked, SIGINT) == 1 &&
	        sigismember(&job[0].blocked, SIGTERM) == 1,
	    "signals are for the owner");
	end(&b);
}

static void
test_free(void)
{
	struct bench b;
	struct job job[5];

	begin(&b);
	end(&b);
	worker_free(NULL);
	memset(job, 0, sizeof job);
	begin(&b);
	job[0].hold = STOPPED;
	add(&b, &job[0], '0', 1);
	add(&b, &job[1], 'a', 1);
	sem_wait(&b.begun);
	end(&b);
	ok(job[0].stopped, "a job is told to stop");
	ok(strcmp(b.order, "0") == 0, "what is queued is dropped");
}

static void
test_many(void)
{
	static struct job job[MANY];
	static struct bench b;
	size_t done = 0;

	begin(&b);
	for (size_t i = 0; i < MANY; i++) {
		add(&b, &job[i], 'x', i % 7);
		if (i % 11 == 0)
			worker_want(b.worker, &job[i / 2].worker);
		if (i % 501 == 0)
			worker_wait(b.worker, &job[i / 3].worker);
	}
	for (size_t i = MANY; i-- > 0;)
		worker_wait(b.worker, &job[i].worker);
	for (size_t i = 0; i < MANY; i++)
		done += (size_t)worker_done(&job[i].worker);
	ok(done == MANY && b.n == MANY, "%d jobs, each once", MANY);
	end(&b);
}

int
main(void)
{
	test_order();
	test_wait();
	test_news();
	test_free();
	test_many();
	return tap_done();
}
