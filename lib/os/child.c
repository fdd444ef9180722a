#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/invoker.h"

/* Make from[i] descriptor i for 0, 1 and 2. Returns 0 or -1. */
static int
move_standard(const int from[3])
{
	int copy[3];

	/* First out of each other's way. */
	for (int i = 0; i < 3; i++)
		if ((copy[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3)) < 0)
			return -1;
	for (int i = 0; i < 3; i++)
		if (dup2(copy[i], i) < 0)
			return -1;
	return 0;
}

static int
set_up(const struct child *c, pid_t parent)
{
	if (move_standard((const int[3]){ c->in, c->out, c->err }) < 0)
		return -1;
	for (size_t i = 0; i < c->nkept; i++)
		if (fcntl(c->kept[i], F_SETFD, 0) < 0)
			return -1;
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	for (const int *sig = c->ignored; sig && *sig; sig++)
		signal(*sig, SIG_IGN);
	if (c->user && invoker_become(c->user) < 0)
		return -1;
	/* Last, because a new identity clears it. */
	if (c->mortal && prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		return -1;
	if (getppid() != parent)
		_exit(1);
	return sigprocmask(SIG_SETMASK, c->mask, NULL);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

pid_t
child_start(const struct child *c)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	if (set_up(c, parent) == 0)
		execvp(c->argv[0], c->argv);
	dprintf(STDERR_FILENO, "%s: cannot be executed: %s\n", base_name(c->argv[0]),
	    strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

int
child_status(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
}

int
child_open_standard(void)
{
	static const int mode[] = { O_RDONLY, O_RDONLY, O_WRONLY };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode[fd]) != fd)
			return -1;
	return 0;
}
