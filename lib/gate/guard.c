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
guard_start(struct guard *g, const char *path, pid_t pid, int all_callers)
{
	char number[16], name[] = "rsprof-guard", all[] = "-c", end[] = "--";
	char *argv[] = { name, all_callers ? all : end, number, NULL };
	posix_spawn_file_actions_t actions;
	int fd[2];

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

/* Say a line, which ends in '\n'.  Returns whether the answer in g->line is a good one. */
static int
ask(struct guard *g, const char *question)
{
	size_t len = 0;
	ssize_t n;

	g->line[0] = '\0';
	if (send(g->fd, question, strlen(question), MSG_NOSIGNAL) < 0)
		return 0;
	while (len < sizeof g->line - 1) {
		n = read(g->fd, g->line + len, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || g->line[len] == '\n')
			break;
		len++;
	}
	g->line[len] = '\0';
	return len > 0 && strncmp(g->line, REFUSED, strlen(REFUSED)) != 0;
}

/* Returns the reason in the last answer. */
static const char *
reason(const struct guard *g)
{
	if (strncmp(g->line, REFUSED, strlen(REFUSED)) == 0)
		return g->line + strlen(REFUSED);
	return "rsprof-guard has ended";
}

const char *
guard_attach(struct guard *g, uint64_t period, struct guard_gate *out)
{
	char question[64];

	write_period(question, "attach", period);
	if (!ask(g, question))
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

	write_period(question, "period", period);
	return ask(g, question) ? NULL : reason(g);
}

int
guard_has_ended(const struct guard *g)
{
	struct pollfd fd = { g->fd, POLLIN, 0 };

	/* It says nothing of its own accord: what can be read is the end. */
	return g->fd >= 0 && poll(&fd, 1, 0) > 0;
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
