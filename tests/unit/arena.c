/*
 * What malloc has in use in a process, read from outside: a child whose threads have
 * allocated and freed says which blocks live, and stands still, or goes on meanwhile.
 */
#include "heap/arena.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "heap/census.h"
#include "tap.h"

#define THREADS 4
#define BLOCKS 20000

/* What the child leaves: written by it, read by this process. */
struct shared {
	uintptr_t block[THREADS][BLOCKS];
	size_t size[THREADS][BLOCKS];
	char is_live[THREADS][BLOCKS];
	volatile int done, go_on;
	struct mallinfo2 info;
};
static struct shared *shared;

static pthread_barrier_t together;

static size_t
some_size(unsigned *state)
{
	*state = *state * 1103515245 + 12345;
	switch (*state >> 28) {
	case 0: return 200000 + (*state >> 8 & 0xffff);
	case 1: return 2000 + (*state >> 8 & 0xfff);
	case 2: return 0;
	default: return *state >> 8 & 0xff;
	}
}

/* Allocate blocks, and free most of them: into the thread's cache, fastbins and others. */
static void *
work(void *arg)
{
	size_t t = (size_t)(uintptr_t)arg, churn = 0;
	unsigned state = (unsigned)t + 1;
	void *keep[64] = { NULL };

	for (size_t i = 0; i < BLOCKS; i++) {
		shared->size[t][i] = some_size(&state);
		if (shared->size[t][i] > 100000 && i % 16)
			shared->size[t][i] = 24;
		shared->block[t][i] = (uintptr_t)malloc(shared->size[t][i]);
		shared->is_live[t][i] = 1;
	}
	for (size_t i = 0; i < BLOCKS; i++)
		if (some_size(&state) % 3) {
			void *p;

			memcpy(&p, &shared->block[t][i], sizeof p);
			free(p);
			shared->is_live[t][i] = 0;
		}
	pthread_barrier_wait(&together);
	pthread_barrier_wait(&together);
	while (shared->go_on) {
		void **p = &keep[churn++ % 64];

		free(*p);
		*p = malloc(some_size(&state) % 3000);
	}
	return NULL;
}

static void
be_child(void)
{
	pthread_t thread[THREADS];

	pthread_barrier_init(&together, NULL, THREADS + 1);
	for (size_t t = 0; t < THREADS; t++)
		pthread_create(&thread[t], NULL, work, (void *)(uintptr_t)t);
	pthread_barrier_wait(&together);
	shared->info = mallinfo2();
	shared->done = 1;
	while (!shared->go_on)
		usleep(1000);
	pthread_barrier_wait(&together);
	pause();
}

/* Returns whether a chunk of a block is in use. */
static int
has(const struct census_chunk *chunk, size_t n, uintptr_t block, size_t size)
{
	size_t i = array_upto(chunk, n, sizeof *chunk, block);

	return i && chunk[i - 1].addr == block && chunk[i - 1].size >= size + 8;
}

/* Compare what is in use with what the child says. */
static void
check(const struct census_chunk *chunk, size_t n, const char *when)
{
	size_t missing = 0, dead = 0, live = 0;

	for (int t = 0; t < THREADS; t++)
		for (size_t i = 0; i < BLOCKS; i++) {
			int got = has(chunk, n, shared->block[t][i], shared->size[t][i]);

			live += shared->is_live[t][i] != 0;
			missing += shared->is_live[t][i] && !got;
			dead += !shared->is_live[t][i] && got;
		}
	ok(chunk && missing == 0, "%s: every live block is in use, %zu of %zu missing", when,
	    missing, live);
	/* A freed block may be in use again, and the child has some of its own. */
	ok(chunk && dead * 100 <= live, "%s: no other one, but %zu", when, dead);
}

static void
test_child(pid_t pid)
{
	struct arena *a = arena_open(pid);
	const struct census_chunk *chunk;
	double bytes = 0, want;
	size_t n, read = 0;

	ok(a != NULL, "it has glibc's malloc");
	chunk = arena_read(a, &n);
	check(chunk, n, "at rest");
	for (size_t i = 0; chunk && i < n; i++)
		bytes += (double)chunk[i].size;
	/* mallinfo2() counts what is in threads' caches as in use. */
	want = (double)(shared->info.uordblks + shared->info.hblkhd);
	ok(bytes <= want && bytes > want * 0.97, "%.0f bytes, and %.0f by mallinfo2()", bytes,
	    want);
	shared->go_on = 1;
	for (int i = 0; i < 20; i++) {
		chunk = arena_read(a, &n);
		read += chunk != NULL;
	}
	ok(read >= 18, "it can be read while it goes on, %zu of 20 times", read);
	chunk = arena_read(a, &n);
	check(chunk, n, "meanwhile");
	arena_close(a);
}

int
main(void)
{
	pid_t pid;
	size_t n;

#ifdef __SANITIZE_ADDRESS__
	puts("1..0 # SKIP malloc is the sanitizer's");
	return 0;
#endif
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	    -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	pid = fork();
	if (pid == 0) {
		be_child();
		_exit(0);
	}
	while (!shared->done && waitpid(pid, NULL, WNOHANG) == 0)
		usleep(1000);
	test_child(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(arena_open(pid) == NULL, "a process that has ended has none");
	ok(arena_read(NULL, &n) == NULL && n == 0, "nothing can be read of none");
	return tap_done();
}
