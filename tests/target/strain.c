/*
 * strain CASE [NUMBER...]: processes that are hard on who samples them.  Each
 * waits for a line on its standard input, and tells what it has used since.
 *
 *	threads N      N threads do work that can be checked, until standard
 *	               input ends: every tenth of a second it says
 *	               "at TIME CPU UNITS", in ns and units of work; and at the end
 *	               for each thread "thread TID CPU", and "right" or "wrong"
 *	forks N MS     N child processes that use so much CPU time each, two at
 *	               a time: "children CPU"
 *	spawns N MS    the same, but each of them executes this program
 *	burn MS        what these do; without waiting
 *	faults N       N times 64 page faults: "faults COUNT"
 *	switches N     sleeps N times: "switches COUNT"
 *	reads          is in read(2) most of the time, until it is killed
 *	maps N         spins below a function that is executed from the last of N
 *	               executable mappings, until it is killed: "mapped"
 *	tails          spins below functions that end in a call, until it is
 *	               killed
 *	lost           spins with no stack at all, until it is killed
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

/* What the compiler must not see through, nor make a jump of. */
static inline uint64_t
opaque(uint64_t x)
{
	__asm__ volatile("" : "+r"(x));
	return x;
}

static uint64_t
now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void
await_line(void)
{
	char c = 0;

	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
}

/* ---- work --------------------------------------------------------------- */

NOINLINE static uint64_t
churn(uint64_t x)
{
	for (int i = 0; i < 5000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		x = opaque(x);
	}
	return x;
}

NOINLINE static uint64_t
dig(unsigned depth, uint64_t x)
{
	volatile uint64_t room[6];

	if (depth == 0)
		return churn(x);
	room[x % 6] = x;
	return opaque(dig(depth - 1, x + depth)) ^ room[x % 6];
}

#define DEPTH 12

NOINLINE static uint64_t
spin(void)
{
	uint64_t x = 1;

	while (opaque(1))
		x = opaque(dig(DEPTH, x));
	return x;
}

NOINLINE static void
burn(uint64_t ns)
{
	uint64_t x = 1;

	while (now(CLOCK_PROCESS_CPUTIME_ID) < ns)
		x = opaque(dig(DEPTH, x));
}

/* ---- threads ------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	pid_t tid;
	uint64_t cpu;
	_Atomic uint64_t units;
	uint64_t wrong;
};

static atomic_int done;
static uint64_t expected;

static void *
work(void *arg)
{
	struct worker *w = arg;

	w->tid = (pid_t)syscall(SYS_gettid);
	while (!done) {
		w->wrong += dig(DEPTH, opaque(1)) != expected;
		w->units++;
	}
	w->cpu = now(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

static void
tell(const struct worker *w, size_t n)
{
	uint64_t units = 0;

	for (size_t i = 0; i < n; i++)
		units += w[i].units;
	printf("at %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", now(CLOCK_MONOTONIC),
	    now(CLOCK_PROCESS_CPUTIME_ID), units);
	fflush(stdout);
}

static int
threads(size_t n)
{
	struct worker *w = calloc(n, sizeof *w);
	struct pollfd in = { STDIN_FILENO, POLLIN, 0 };
	uint64_t wrong = 0, before = now(CLOCK_THREAD_CPUTIME_ID);

	if (w == NULL)
		err(1, NULL);
	expected = dig(DEPTH, opaque(1));
	for (size_t i = 0; i < n; i++)
		if ((errno = pthread_create(&w[i].thread, NULL, work, &w[i])))
			err(1, "pthread_create");
	while (poll(&in, 1, 100) == 0)
		tell(w, n);
	done = 1;
	for (size_t i = 0; i < n; i++) {
		pthread_join(w[i].thread, NULL);
		wrong += w[i].wrong;
		printf("thread %d %" PRIu64 "\n", (int)w[i].tid, w[i].cpu);
	}
	printf("thread %d %" PRIu64 "\n", (int)getpid(),
	    now(CLOCK_THREAD_CPUTIME_ID) - before);
	puts(wrong ? "wrong" : "right");
	free(w);
	return 0;
}

/* ---- processes ----------------------------------------------------------- */

static pid_t
start(int execute, const char *ms)
{
	char *argv[] = { (char *)"strain", (char *)"burn", (char *)ms, NULL };
	pid_t pid;

	if (!execute) {
		pid = fork();
		if (pid == 0) {
			burn(strtoull(ms, NULL, 10) * 1000000);
			_exit(0);
		}
		return pid;
	}
	errno = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
	return errno ? -1 : pid;
}

static int
children(int execute, size_t n, const char *ms)
{
	struct rusage u;

	for (size_t i = 0; i < n; i++) {
		if (start(execute, ms) < 0)
			err(1, "child process");
		if (i > 0)
			wait(NULL);
	}
	while (wait(NULL) > 0)
		;
	getrusage(RUSAGE_CHILDREN, &u);
	printf("children %" PRIu64 "\n",
	    (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 +
	        (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000);
	return 0;
}

/* ---- events -------------------------------------------------------------- */

static struct rusage
used(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u;
}

#define PAGES 64

NOINLINE static void
touch(volatile char *page)
{
	for (size_t i = 0; i < PAGES; i++)
		page[i * 4096] = 1;
}

static int
faults(size_t n)
{
	long before = used().ru_minflt;

	for (size_t i = 0; i < n; i++) {
		void *m = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (m == MAP_FAILED)
			err(1, "mmap");
		touch(m);
		munmap(m, PAGES * 4096);
	}
	printf("faults %ld\n", used().ru_minflt - before);
	return 0;
}

NOINLINE static void
nap(void)
{
	struct timespec pause = { 0, 50000 };

	nanosleep(&pause, NULL);
}

static int
switches(size_t n)
{
	struct rusage before = used(), after;

	for (size_t i = 0; i < n; i++)
		nap();
	after = used();
	printf("switches %ld\n", after.ru_nvcsw - before.ru_nvcsw + after.ru_nivcsw -
	    before.ru_nivcsw);
	return 0;
}

NOINLINE static int
reads(void)
{
	static char room[4 << 20];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	while (read(fd, room, sizeof room) > 0)
		;
	return 1;
}

/* ---- mappings ------------------------------------------------------------ */

typedef uint64_t (*function)(void);

NOINLINE static uint64_t
through(function call)
{
	return opaque(call()) + 1;
}

struct text {
	uintptr_t start;
	size_t len;
	off_t offset;
};

/* The segment that through() is in. */
static int
find_text(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct text *t = ctx;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && (uintptr_t)through - start < p->p_filesz) {
			t->start = start;
			t->len = p->p_filesz;
			t->offset = (off_t)p->p_offset;
			return 1;
		}
	}
	return 0;
}

/* Of a file and of none in turns, so that the kernel joins none of them. */
static void *
map(int fd, size_t i, const struct text *t)
{
	void *m = i % 2 ? mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
	                : mmap(NULL, t->len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
	                      t->offset);

	if (m == MAP_FAILED)
		err(1, "mapping %zu", i);
	return m;
}

static int
maps(size_t n)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct text t;
	char *m = NULL;
	uint64_t (*there)(function call);
	uintptr_t at;

	if (fd < 0 || !dl_iterate_phdr(find_text, &t))
		err(1, "/proc/self/exe");
	for (size_t i = 0; i < n; i++) {
		void *new = map(fd, i, &t);

		if (i % 2 == 0)
			m = new;
	}
	puts("mapped");
	fflush(stdout);
	at = (uintptr_t)m + ((uintptr_t)through - t.start);
	memcpy(&there, &at, sizeof there);
	return (int)opaque(there(spin));
}

/* ---- odd stacks ---------------------------------------------------------- */

NOINLINE static uint64_t
third(uint64_t x)
{
	return opaque(spin()) + x;
}

NOINLINE static uint64_t
second(uint64_t x)
{
	return third(x + 2);
}

NOINLINE static uint64_t
first(uint64_t x)
{
	return second(x + 1);
}

NOINLINE static int
tails(void)
{
	return (int)opaque(first(opaque(1)));
}

NOINLINE static int
lost(void)
{
	__asm__ volatile("mov $0x1000, %rsp\n1: pause\n\tjmp 1b");
	return 1;
}

static size_t
number(int argc, char *argv[], int i)
{
	return i < argc ? strtoul(argv[i], NULL, 10) : 1;
}

int
main(int argc, char *argv[])
{
	const char *c = argc > 1 ? argv[1] : "";
	size_t n = number(argc, argv, 2);

	if (strcmp(c, "burn") == 0) {
		burn(n * 1000000);
		return 0;
	}
	await_line();
	if (strcmp(c, "threads") == 0)
		return threads(n);
	if (strcmp(c, "forks") == 0 && argc > 3)
		return children(0, n, argv[3]);
	if (strcmp(c, "spawns") == 0 && argc > 3)
		return children(1, n, argv[3]);
	if (strcmp(c, "faults") == 0)
		return faults(n);
	if (strcmp(c, "switches") == 0)
		return switches(n);
	if (strcmp(c, "reads") == 0)
		return reads();
	if (strcmp(c, "maps") == 0)
		return maps(n);
	if (strcmp(c, "tails") == 0)
		return tails();
	if (strcmp(c, "lost") == 0)
		return lost();
	errx(2, "usage: strain CASE [NUMBER...]");
}
