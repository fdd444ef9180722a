#include "os/uprobes.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/rawbpf.h"

#define STACK (64 << 10)

struct uprobes_hold {
	const struct uprobes *what; /* of the request that the child serves */
	pid_t pid;
	int ours, theirs;           /* a pair of sockets */
	_Alignas(16) char stack[STACK];
};

/* A message with descriptors: a request has a program and a file. */
struct message {
	struct msghdr head;
	struct iovec text;
	char byte;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
};

static void
message_init(struct message *m)
{
	memset(m, 0, sizeof *m);
	m->text = (struct iovec){ &m->byte, 1 };
	m->head.msg_iov = &m->text;
	m->head.msg_iovlen = 1;
	m->head.msg_control = m->control;
	m->head.msg_controllen = sizeof m->control;
}

/* ---- the child --------------------------------------------------------- */

/* Returns a link. */
static int
place(const struct uprobes *u, int program, const char *file)
{
	if (u->attach == 0)
		return rawbpf_uprobe_event(program, file, *u->offset, u->cookie ? *u->cookie : 0,
		    u->semaphore, u->at_return, u->pid);
	if (u->semaphore)
		return rawbpf_usdt(program, u->attach, file, *u->offset,
		    u->cookie ? *u->cookie : 0, u->semaphore, (unsigned)u->pid);
	return rawbpf_uprobes(program, u->attach, file, u->offset, u->cookie, u->n,
	    (unsigned)u->pid);
}

/* Serve a request by its two descriptors, and keep the link.  Returns an errno, or 0. */
static int
serve(const struct uprobes *u, const struct message *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(&m->head);
	char file[32];
	int fd[2], error;

	if (c == NULL || c->cmsg_len != CMSG_LEN(sizeof fd))
		return EMFILE; /* there was no room for them */
	memcpy(fd, CMSG_DATA(c), sizeof fd);
	snprintf(file, sizeof file, "/proc/self/fd/%d", fd[1]);
	error = place(u, fd[0], file) < 0 ? errno : 0;
	close(fd[0]);
	close(fd[1]);
	return error;
}

/* Serve requests until the other end is closed.  The child shares our memory but not our
 * descriptors, of which it keeps none but its socket: those to other children would wait
 * for this one.  All signals are blocked. */
static int
keep(void *ctx)
{
	struct uprobes_hold *h = ctx;
	int error, theirs = h->theirs;
	struct message m;

	prctl(PR_SET_NAME, "rsprof-uprobes");
	setpgid(0, 0); /* SIGKILL to our group is not for it */
	if (theirs > 0)
		syscall(SYS_close_range, 0, theirs - 1, 0);
	syscall(SYS_close_range, theirs + 1, ~0U, 0);
	error = 0; /* the answer to our start */
	while (send(theirs, &error, sizeof error, MSG_NOSIGNAL) > 0) {
		message_init(&m);
		if (recvmsg(theirs, &m.head, MSG_CMSG_CLOEXEC) != 1)
			break;
		error = serve(h->what, &m);
	}
	_exit(0);
}

/* ---- its parent -------------------------------------------------------- */

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
	if (h->pid > 0)
		error = answer(h);
	errno = error;
	return h->pid < 0 || error ? -1 : 0;
}

struct uprobes_hold *
uprobes_hold_new(void)
{
	struct uprobes_hold *h = malloc(sizeof *h);
	int pair[2], error;

	if (h == NULL)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		free(h);
		return NULL;
	}
	h->ours = pair[0];
	h->theirs = pair[1];
	if (start(h) == 0)
		return h;
	error = errno;
	close(h->ours);
	free(h);
	errno = error;
	return NULL;
}

/* Returns whether a descriptor is of the file that probes are for: at the offsets of another one
 * they would break its code. */
static int
is_file(int fd, const struct uprobes *u)
{
	struct stat st;

	return u->ino == 0 || (fstat(fd, &st) == 0 && st.st_dev == u->dev && st.st_ino == u->ino);
}

/* Send a request.  A file that is open takes no other descriptor: there may be none.
 * Returns an errno, or 0. */
static int
ask(struct uprobes_hold *h, const struct uprobes *u)
{
	int fd[2] = { u->program, -1 }, opened = -1, error;
	struct message m;
	struct cmsghdr *c;

	if (sscanf(u->file, "/proc/self/fd/%d", &fd[1]) != 1)
		fd[1] = opened = open(u->file, O_PATH | O_CLOEXEC);
	if (fd[1] < 0)
		return errno;
	if (!is_file(fd[1], u)) {
		if (opened >= 0)
			close(opened);
		return ESTALE;
	}
	message_init(&m);
	c = CMSG_FIRSTHDR(&m.head);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), fd, sizeof fd);
	h->what = u;
	error = sendmsg(h->ours, &m.head, MSG_NOSIGNAL) < 0 ? errno : 0;
	if (opened >= 0)
		close(opened);
	return error == EPIPE ? ECANCELED : error;
}

int
uprobes_place(struct uprobes_hold *h, const struct uprobes *u)
{
	int error = ask(h, u);

	if (error == 0)
		error = answer(h);
	errno = error;
	return error ? -1 : 0;
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
