/*
 * guarded MODE: allocates and frees in a loop, until standard input ends.  "ready" when it
 * has begun.
 *
 *	registers   the functions' addresses are in callee-saved registers
 *	stack       they are on the stack
 *	asleep      the same, below a sleep
 *	lazy        nothing has been called yet when standard input says anything
 *	filtered    a seccomp filter kills it for memfd_create() and mprotect()
 *	execs       when standard input says anything it executes itself, asleep
 *	threads     a thousand threads more wait meanwhile
 */
#include <err.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef void *allocate(size_t size);
typedef void release(void *block);

static int
has_ended(void)
{
	struct pollfd in = { STDIN_FILENO, POLLIN, 0 };
	char c[16];

	return poll(&in, 1, 0) > 0 && read(STDIN_FILENO, c, sizeof c) <= 0;
}

/* What the compiler cannot see through. */
#define OPAQUE(x) __asm__ volatile("" : "+r"(x))

static void
in_registers(allocate *a, release *r)
{
	int ended = 0;

	OPAQUE(a);
	OPAQUE(r);
	while (!ended) {
		for (int i = 0; i < 100000; i++) {
			void *block = a(1000);

			OPAQUE(block);
			r(block);
		}
		ended = has_ended();
	}
}

static void
on_stack(allocate *volatile a, release *volatile r)
{
	while (!has_ended())
		for (int i = 0; i < 100000; i++)
			r(a(1000));
}

static void
asleep(allocate *volatile a, release *volatile r)
{
	struct timespec pause = { 0, 2000000 };

	while (!has_ended()) {
		nanosleep(&pause, NULL);
		r(a(1000));
	}
}

static void
loop(void)
{
	while (!has_ended())
		for (int i = 0; i < 1000; i++) {
			void *block = malloc(1000);

			OPAQUE(block);
			free(block);
		}
}

static void
filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		err(1, "seccomp");
}

static void *
wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void
start_threads(int n)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (int i = 0; i < n; i++)
		if (pthread_create(&thread, &small, wait_for_ever, NULL))
			errx(1, "thread %d", i);
}

static void
begin(const char *mode)
{
	if (strcmp(mode, "filtered") == 0)
		filter();
	if (strcmp(mode, "threads") == 0)
		start_threads(1000);
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		err(1, "stdout");
}

int
main(int argc, char **argv)
{
	char line[16];

	if (argc != 2)
		errx(2, "usage: guarded MODE");
	begin(argv[1]);
	if (strcmp(argv[1], "registers") == 0)
		in_registers(malloc, free);
	else if (strcmp(argv[1], "stack") == 0)
		on_stack(malloc, free);
	else if (strcmp(argv[1], "asleep") == 0)
		asleep(malloc, free);
	else if (strcmp(argv[1], "lazy") == 0 && read(STDIN_FILENO, line, sizeof line) > 0)
		loop();
	else if (strcmp(argv[1], "execs") == 0 && read(STDIN_FILENO, line, sizeof line) > 0)
		execl("/proc/self/exe", "guarded", "asleep", NULL);
	else
		loop();
	return 0;
}
