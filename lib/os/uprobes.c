#include "os/uprobes.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/rawbpf.h"

#define STACK (64 << 10)

struct uprobes_hold {
	const struct uprobes *what; /* until the child has answered */
	pid_t pid;
	int ours, theirs;           /* a pair of sockets */
	_Alignas(16) char stack[STACK];
};

/* Returns a link. */
static int
place(const struct uprobes *u)
{
	if (u->attach == 0)
		return rawbpf_uprobe_event(u->program, u->file, *u->offset,
		    u->cookie ? *u->cookie : 0, u->semaphore, u->at_return, u->pid);
	if (u->semaphore)
		return rawbpf_usdt(u->program, u->attach, u->file, *u->offset,
		    u->cookie ? *u->cookie : 0, u->semaphore, (unsigned)u->pid);
	return rawbpf_uprobes(u->program, u->attach, u->file, u->offset, u->cookie, u->n,
	    (unsigned)u->pid);
}

/* Close all descriptors but two, among them the sockets to other children, which would
 * wait for this one otherwise. */
static void
close_others(int a, int b)
{
	unsigned first = (unsigned)(a < b ? a : b), second = (unsigned)(a < b ? b : a);

	if (first > 0)
		close_range(0, first - 1, 0);
	if (second > first + 1)
		close_range(first + 1, second - 1, 0);
	close_range(second + 1, ~0U, 0);
}

/* The child, which shares our memory but not our descriptors.  All signals are blocked. */
static int
keep(void *ctx)
{
	struct uprobes_hold *h = ctx;
	int link, error, theirs = h->theirs;
	char none;

	prctl(PR_SET_NAME, "rsprof-uprobes");
	setpgid(0, 0); /* SIGKILL to our group is not for it */
	link = place(h->what);
	error = link < 0 ? errno : 0;
	if (link >= 0)
		close_others(link, theirs);
	send(theirs, &error, sizeof error, MSG_NOSIGNAL);
	if (link >= 0)
		recv(theirs, &none, sizeof none, 0); /* 0 once the other end is closed */
	_exit(0);
}

/* Start the child.  Returns -1 with errno. */
static int
start(struct uprobes_hold *h)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	h->pid = clone(keep, h->stack + sizeof h->stack, CLONE_VM, h);
	error = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(h->theirs);
	errno = error;
	return h->pid < 0 ? -1 : 0;
}

/* Returns what the child answers: an errno, or 0. */
static int
answer(const struct uprobes_hold *h)
{
	int error;
	ssize_t got;

	do
		got = recv(h->ours, &error, sizeof error, MSG_WAITALL);
	while (got < 0 && errno == EINTR);
	return got == sizeof error ? error : ECANCELED; /* it was killed */
}

struct uprobes_hold *
uprobes_place(const struct uprobes *u)
{
	struct uprobes_hold *h = malloc(sizeof *h);
	int pair[2], error;

	if (h == NULL)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		free(h);
		return NULL;
	}
	h->what = u;
	h->ours = pair[0];
	h->theirs = pair[1];
	if (start(h) < 0) {
		error = errno;
		close(h->ours);
		free(h);
		errno = error;
		return NULL;
	}
	error = answer(h);
	if (error == 0)
		return h;
	uprobes_let_go(h);
	uprobes_gone(h, 1);
	errno = error;
	return NULL;
}

int
uprobes_held(const struct uprobes_hold *h)
{
	char none;

	return recv(h->ours, &none, sizeof none, MSG_PEEK | MSG_DONTWAIT) < 0;
}

void
uprobes_let_go(struct uprobes_hold *h)
{
	close(h->ours);
}

int
uprobes_gone(struct uprobes_hold *h, int wait)
{
	pid_t got;

	do
		got = waitpid(h->pid, NULL, __WALL | (wait ? 0 : WNOHANG));
	while (got < 0 && errno == EINTR);
	if (got == 0)
		return 0;
	free(h);
	return 1;
}
