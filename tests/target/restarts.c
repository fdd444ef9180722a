/*
 * restarts CALL: a thread alone, always in this system call, which must not notice that
 * it is stopped.  At the end of standard input it says "right" and how often it called, or
 * "wrong" and why.
 */
#include <err.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS 120 /* that a call takes */

static int pipe_fd, epoll_fd; /* that nothing comes through; and a child's */
static int ticks;             /* a pipe that a child writes to each MS */

static struct timespec
in_ms(long ms)
{
	return (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
}

static long
by_nanosleep(void)
{
	struct timespec t = in_ms(MS);

	return nanosleep(&t, NULL);
}

static long
by_clock_nanosleep(void)
{
	struct timespec t = in_ms(MS);

	return clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static long
by_poll(void)
{
	struct pollfd p = { pipe_fd, POLLIN, 0 };

	return poll(&p, 1, MS);
}

static long
by_ppoll(void)
{
	struct pollfd p = { pipe_fd, POLLIN, 0 };
	struct timespec t = in_ms(MS);
	sigset_t none;

	sigemptyset(&none);
	return ppoll(&p, 1, &t, &none);
}

static long
by_select(void)
{
	struct timeval t = { 0, MS * 1000 };
	fd_set in;

	FD_ZERO(&in);
	FD_SET(pipe_fd, &in);
	return select(pipe_fd + 1, &in, NULL, NULL, &t);
}

static long
by_pselect(void)
{
	struct timespec t = in_ms(MS);
	sigset_t none;
	fd_set in;

	sigemptyset(&none);
	FD_ZERO(&in);
	FD_SET(pipe_fd, &in);
	return pselect(pipe_fd + 1, &in, NULL, NULL, &t, &none);
}

static long
by_futex(void)
{
	static uint32_t word;
	struct timespec t = in_ms(MS);
	long r = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0);

	return r < 0 && errno == ETIMEDOUT ? 0 : r;
}

static long
by_read(void)
{
	char c;

	return read(ticks, &c, 1) == 1 ? 0 : -1;
}

/* Without a timeout: with one, the kernel ends these with EINTR. */
static long
by_epoll(void)
{
	struct epoll_event e;
	long n = epoll_wait(epoll_fd, &e, 1, -1);

	return n == 1 ? by_read() : -1;
}

static long
by_epoll_pwait(void)
{
	struct epoll_event e;
	sigset_t none;
	long n;

	sigemptyset(&none);
	n = epoll_pwait(epoll_fd, &e, 1, -1, &none);
	return n == 1 ? by_read() : -1;
}

/* Children that end meanwhile: nobody wants their signals, but the kernel keeps those of
 * a thread that is traced. */
#define CHILDREN 20

static long
by_sigwaitinfo(void)
{
	union sigval value = { .sival_int = 0 };
	sigset_t set;
	pid_t child[CHILDREN];
	long got;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (int i = 0; i < CHILDREN; i++) {
		child[i] = fork();
		if (child[i] > 0)
			continue;
		poll(NULL, 0, MS * (i + 1) / CHILDREN);
		if (i == CHILDREN - 1)
			sigqueue(getppid(), SIGUSR1, value);
		_exit(0);
	}
	/* The system call itself: the library's function hides EINTR. */
	got = syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, 8);
	for (int i = 0; i < CHILDREN; i++)
		while (waitpid(child[i], NULL, 0) < 0 && errno == EINTR)
			;
	return got == SIGUSR1 ? 0 : -1;
}

static const struct {
	const char *name;
	long (*call)(void);
	int shared; /* ends when others want it to: no time to check */
} calls[] = {
	{ "nanosleep", by_nanosleep, 0 },
	{ "clock_nanosleep", by_clock_nanosleep, 0 },
	{ "poll", by_poll, 0 },
	{ "ppoll", by_ppoll, 0 },
	{ "select", by_select, 0 },
	{ "pselect", by_pselect, 0 },
	{ "futex", by_futex, 0 },
	{ "read", by_read, 1 },
	{ "epoll_wait", by_epoll, 1 },
	{ "epoll_pwait", by_epoll_pwait, 1 },
	{ "sigtimedwait", by_sigwaitinfo, 1 },
};

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
prepare(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int p[2], q[2];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe(p) < 0 || pipe(q) < 0 || (epoll_fd = epoll_create1(0)) < 0)
		err(1, "pipe");
	pipe_fd = p[0];
	ticks = q[0];
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ticks, &e);
	if (fork() == 0) {
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(q[0]);
		signal(SIGPIPE, SIG_DFL);
		while (write(q[1], "x", 1) == 1)
			poll(NULL, 0, MS);
		_exit(0);
	}
	close(q[1]);
}

static int
run(size_t i)
{
	struct pollfd in = { STDIN_FILENO, POLLIN, 0 };
	void *volatile block = malloc(100); /* without slots there is no gate */
	int n = 0;

	free(block);
	puts("ready");
	fflush(stdout);
	do {
		double start = now_ms(), took;
		long r = calls[i].call();

		took = now_ms() - start;
		if (r != 0) {
			printf("wrong: %ld, %s\n", r, strerror(errno));
			return 1;
		}
		if (!calls[i].shared && took < MS - 1) {
			printf("wrong: %.1f ms\n", took);
			return 1;
		}
		n++;
	} while (poll(&in, 1, 0) == 0);
	printf("right %d\n", n);
	return 0;
}

int
main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if (argc == 1)
			puts(calls[i].name);
		if (argc != 2 || strcmp(argv[1], calls[i].name) != 0)
			continue;
		prepare();
		return run(i);
	}
	return argc != 1;
}
