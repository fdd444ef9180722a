#include "tui/page.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "profile/profile.h"
#include "tui/session.h"

extern char **environ;

#define PROGRAM_MAX (PATH_MAX + 32)
#define TIME_MAX 32

/* Format where another of the programs is.  Returns 0, or -1 with errno set. */
static int
find_program(const char *name, char path[PROGRAM_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	char *slash;

	if (n < 0)
		return -1;
	path[n] = '\0';
	slash = strrchr(path, '/');
	snprintf(slash ? slash + 1 : path, 32, "%s", name);
	return access(path, X_OK);
}

/* Format a time as an option's argument, in seconds. */
static const char *
seconds(char text[TIME_MAX], uint64_t ns)
{
	snprintf(text, TIME_MAX, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
	return text;
}

/* Run a program with its standard output in fd, and with signals as a shell has them: here
 * they are blocked.  Returns 0, or -1 with errno set. */
static int
run(const char *argv[], int fd)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int status, error;
	pid_t pid;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	error = posix_spawn(&pid, argv[0], &actions, &attr, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	while (error == 0 && waitpid(pid, &status, 0) < 0)
		error = errno == EINTR ? 0 : errno;
	if (error == 0 && status != 0)
		error = EIO;
	errno = error;
	return error ? -1 : 0;
}

int
page_write(const struct session *s, FILE *out)
{
	const struct profile_select *range = profile_selected(session_profile(s));
	char pipe[PROGRAM_MAX], dump[PROGRAM_MAX], flame[PROGRAM_MAX], since[TIME_MAX],
	    until[TIME_MAX];
	const char *argv[16] = { pipe, "-n", "rsprof", "producer", dump };
	int n = 5;

	if (find_program("rsprof-pipe", pipe) < 0 || find_program("rsprof-dump", dump) < 0 ||
	    find_program("rsprof-flame", flame) < 0)
		return -1;
	if (range->from) {
		argv[n++] = "-s";
		argv[n++] = seconds(since, range->from);
	}
	if (range->to != UINT64_MAX) {
		argv[n++] = "-u";
		argv[n++] = seconds(until, range->to);
	}
	argv[n++] = "--";
	argv[n++] = session_path(s);
	argv[n++] = "|";
	argv[n++] = "sink";
	argv[n++] = flame;
	return run(argv, fileno(out));
}
