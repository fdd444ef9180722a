/*
 * spent FILE COMMAND [ARG...]: run a command, and write what it and all that
 * it started have used into FILE: CPU time in ms, the largest resident memory
 * of one of them in KiB, and the time that passed in ms.  Those count too that
 * the command did not wait for.  Exits as the command does.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
start(char *command[])
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	execvp(command[0], command);
	err(127, "%s", command[0]);
}

/* The first child's status, once none is left. */
static int
wait_all(pid_t first)
{
	int status, result = 0;
	pid_t pid;

	while ((pid = wait(&status)) > 0 || errno == EINTR)
		if (pid == first)
			result = WIFEXITED(status) ? WEXITSTATUS(status)
						   : 128 + WTERMSIG(status);
	return result;
}

static double
ms(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static void
report(const char *file, double passed)
{
	FILE *out = fopen(file, "w");
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	if (out == NULL)
		err(126, "%s", file);
	fprintf(out, "%.3f %ld %.3f\n", ms(u.ru_utime) + ms(u.ru_stime),
	    u.ru_maxrss, passed);
	if (fclose(out) == EOF)
		err(126, "%s", file);
}

int
main(int argc, char *argv[])
{
	double began = now_ms();
	pid_t pid;
	int status;

	if (argc < 3)
		errx(126, "usage: spent FILE COMMAND [ARG...]");
	/* Orphans become ours, and their use with them. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		err(126, "prctl");
	pid = fork();
	if (pid < 0)
		err(126, "fork");
	if (pid == 0)
		start(argv + 2);
	status = wait_all(pid);
	report(argv[1], now_ms() - began);
	return status;
}
