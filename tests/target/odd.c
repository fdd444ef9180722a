/*
 * odd CASE: processes that it is not easy to look into.
 *
 *	signals    counts SIGRTMIN, in two threads of which one runs and one
 *	           waits; SIGTERM makes it say how many came, and end
 *	vfork      waits for a child that neither ends nor executes anything
 *	worker     has a thread that is the kernel's (io_uring)
 *	headless   its first thread has ended, another one goes on
 *	zombie     has a child that has ended and is not waited for: its number
 *	noptrace CMD [ARG...]
 *	           becomes a command that may not call ptrace(2)
 *
 * "ready" says that it is so far.
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_ulong count;
static atomic_int done;

static void
ready(void)
{
	puts("ready");
	fflush(stdout);
}

static void
on_signal(int sig)
{
	if (sig == SIGTERM)
		done = 1;
	else
		count++;
}

static void *
wait_forever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void
start_waiting(void)
{
	pthread_t thread;

	if ((errno = pthread_create(&thread, NULL, wait_forever, NULL)))
		err(1, "pthread_create");
}

static int
signals(void)
{
	struct sigaction a;

	memset(&a, 0, sizeof a);
	a.sa_handler = on_signal;
	sigaction(SIGRTMIN, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	start_waiting();
	ready();
	while (!done)
		;
	printf("%lu\n", (unsigned long)count);
	return 0;
}

static int
wait_for_vfork(void)
{
	pid_t pid;

	ready();
	pid = vfork();
	if (pid == 0) {
		/* With its parent. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return 1;
}

static int
worker(void)
{
	struct io_uring_params p;

	memset(&p, 0, sizeof p);
	p.flags = IORING_SETUP_SQPOLL;
	if (syscall(SYS_io_uring_setup, 8, &p) < 0)
		err(1, "io_uring_setup");
	ready();
	wait_forever(NULL);
	return 1;
}

static int
headless(void)
{
	start_waiting();
	ready();
	pthread_exit(NULL);
}

static int
zombie(void)
{
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	printf("%d\n", (int)pid);
	ready();
	wait_forever(NULL);
	return 1;
}

static int
noptrace(char *argv[])
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		err(1, "seccomp");
	execvp(argv[0], argv);
	err(127, "%s", argv[0]);
}

int
main(int argc, char *argv[])
{
	const char *c = argc > 1 ? argv[1] : "";

	if (strcmp(c, "signals") == 0)
		return signals();
	if (strcmp(c, "vfork") == 0)
		return wait_for_vfork();
	if (strcmp(c, "worker") == 0)
		return worker();
	if (strcmp(c, "headless") == 0)
		return headless();
	if (strcmp(c, "zombie") == 0)
		return zombie();
	if (strcmp(c, "noptrace") == 0 && argc > 2)
		return noptrace(argv + 2);
	errx(2, "usage: odd signals|vfork|worker|headless|zombie|noptrace CMD");
}
