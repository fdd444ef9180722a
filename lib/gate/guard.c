#include "gate/guard.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate/abi.h"

extern char **environ;

#define REFUSED "refused "

int
guard_start(struct guard *g, const char *path, pid_t pid, const struct guard_options *o)
{
	char number[16], stack[16], name[] = "rsprof-guard", all[] = "-c", ring[] = "-rk";
	char followed[] = "-f";
	char *argv[7] = { name };
	posix_spawn_file_actions_t actions;
	int fd[2], n = 1;

	if (o->all_callers)
		argv[n++] = all;
	if (o->followed)
		argv[n++] = followed;
	if (o->ring) {
		argv[n++] = ring;
		argv[n++] = stack;
	}
	argv[n] = number;
	snprintf(stack, sizeof stack, "%" PRIu32, o->stack);
	snprintf(number, sizeof number, "%d", (int)pid);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd[1], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fd[1], STDOUT_FILENO);
	errno = posix_spawn(&g->pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fd[1]);
	g->fd = fd[0];
	if (errno == 0)
		return 0;
	close(fd[0]);
	g->fd = -1;
	return -1;
}

/* Write a word with a period, as rsprof-guard reads it. */
static void
write_period(char question[64], const char *word, uint64_t period)
{
	if (period == GATE_OFF)
		snprintf(question, 64, "%s off\n", word);
	else
		snprintf(question, 64, "%s %" PRIu64 "\n", word, period);
}

/* Read a byte, and a descriptor if one comes with it: *passed is set then.  Returns as
 * read(2). */
static ssize_t
read_byte(const struct guard *g, char *out, int *passed)
{
	union {
		char buf[CMSG_SPACE(sizeof *passed)];
		struct cmsghdr align;
	} control;
	struct iovec iov = { out, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
		.msg_controllen = sizeof control.buf };
	ssize_t n = recvmsg(g->fd, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	if (c && c->cmsg_type == SCM_RIGHTS && *passed < 0)
		memcpy(passed, CMSG_DATA(c), sizeof *passed);
	return n;
}

static int
is_refused(const struct guard *g)
{
	return strncmp(g->line, REFUSED, strlen(REFUSED)) == 0;
}

/* Read an answer to g->line.  Returns whether it is a good one; *passed is set if a
 * descriptor comes with it. */
static int
read_answer(struct guard *g, int *passed)
{
	size_t len = 0;
	ssize_t n;

	*passed = -1;
	while (len < sizeof g->line - 1) {
		n = read_byte(g, g->line + len, passed);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || g->line[len] == '\n')
			break;
		len++;
	}
	g->line[len] = '\0';
	return len > 0 && !is_refused(g);
}

/* Say a line, which ends in '\n'.  Returns as read_answer(). */
static int
ask(struct guard *g, const char *question, int *passed)
{
	*passed = -1;
	g->line[0] = '\0';
	/* One that has ended may have said why. */
	if (send(g->fd, question, strlen(question), MSG_NOSIGNAL) < 0 && errno != EPIPE)
		return 0;
	return read_answer(g, passed);
}

/* Returns the reason in the last answer. */
static const char *
reason(const struct guard *g)
{
	return is_refused(g) ? g->line + strlen(REFUSED) : "rsprof-guard has ended";
}

const char *
guard_run_to_start(struct guard *g)
{
	int none;

	g->starting = ask(g, "start\n", &none);
	return g->starting ? NULL : reason(g);
}

/* Returns whether it has said something, or has ended. */
static int
has_spoken(const struct guard *g)
{
	struct pollfd fd = { g->fd, POLLIN, 0 };

	return g->fd >= 0 && poll(&fd, 1, 0) > 0;
}

int
guard_has_started(struct guard *g, const char **why)
{
	int none, good;

	if (!g->starting || !has_spoken(g))
		return 0;
	g->starting = 0;
	good = read_answer(g, &none);
	*why = good ? NULL : reason(g);
	return good ? 1 : -1;
}

const char *
guard_attach(struct guard *g, uint64_t period, struct guard_gate *out)
{
	char question[64];

	write_period(question, "attach", period);
	if (!ask(g, question, &out->ring))
		return reason(g);
	if (sscanf(g->line, "attached base=%" SCNx64 " sampled=%" SCNx64 " freed=%" SCNx64,
	        &out->base, &out->sampled, &out->freed) != 3)
		return "rsprof-guard is of another version";
	return NULL;
}

const char *
guard_set_period(struct guard *g, uint64_t period)
{
	char question[64];
	int none;

	write_period(question, "period", period);
	return ask(g, question, &none) ? NULL : reason(g);
}

const char *
guard_set_limit(struct guard *g, uint64_t samples)
{
	char question[64];
	int none;

	write_period(question, "limit", samples ? samples : GATE_OFF);
	return ask(g, question, &none) ? NULL : reason(g);
}

const char *
guard_follow(struct guard *g, const uint64_t *block, size_t n, int forget)
{
	static char question[16 + GATE_LISTED * 18];
	int none;

	for (size_t i = 0; i < n;) {
		size_t end = i + GATE_LISTED < n ? i + GATE_LISTED : n, len;

		len = (size_t)sprintf(question, forget ? "forget" : "follow");
		for (; i < end; i++)
			len += (size_t)sprintf(question + len, " %" PRIx64, block[i]);
		strcpy(question + len, "\n");
		if (!ask(g, question, &none))
			return reason(g);
	}
	return NULL;
}

int
guard_has_ended(struct guard *g, const char **why)
{
	int none;

	/* Else it says nothing of its own accord, but why it ends. */
	if (g->starting || !has_spoken(g))
		return 0;
	read_answer(g, &none);
	*why = is_refused(g) ? reason(g) : NULL;
	return 1;
}

void
guard_stop(struct guard *g)
{
	if (g->fd < 0)
		return;
	close(g->fd);
	g->fd = -1;
	while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
