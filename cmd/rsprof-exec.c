/*
 * rsprof-exec stops until the profilers of a command are attached and continue
 * it (SIGCONT), and then becomes that command.
 */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cmd/status.h"

static const char synopsis[] =
    "usage: rsprof-exec [-hV] CMD [ARG ...]\n";

/* Returns 0 if path is a file that may be executed, else an errno. */
static int
check_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return access(path, X_OK) < 0 ? errno : 0;
}

/* Returns 0 if execvp(3) finds a command that may be executed, at *path; else an errno. */
static int
check_command(const char *cmd, char path[PATH_MAX])
{
	const char *dir = getenv("PATH");
	int why = ENOENT;

	if (strchr(cmd, '/')) {
		snprintf(path, PATH_MAX, "%s", cmd);
		return check_file(cmd);
	}
	if (dir == NULL)
		dir = "/bin:/usr/bin";
	for (; dir && *cmd; dir = *dir ? dir + 1 : NULL) {
		size_t len = strcspn(dir, ":");
		int n = snprintf(path, PATH_MAX, "%.*s%s%s", (int)len, dir,
		    len ? "/" : "", cmd);

		dir += len;
		if (n < 0 || n >= PATH_MAX)
			continue;
		switch (check_file(path)) {
		case 0:
			return 0;
		case EACCES:
			why = EACCES;
		}
	}
	return why;
}

/* Exit with a message as a shell does: 127 if there is no such command, else 126. */
static void
fail(const char *cmd, int why)
{
	if (why == ENOENT && strchr(cmd, '/') == NULL)
		errx(127, "%s: not found", cmd);
	errno = why;
	err(why == ENOENT || why == ENOTDIR ? 127 : 126, "%s", cmd);
}

/* Restore signals that a shell ignores in background commands. */
static void
restore_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
}

/*
 * Let the heap's profiler trace us, which our parent or a descendant of it has started:
 * Yama permits that to our own ancestors only.  A program that gets more rights by its
 * file would not get them from a user who traces it, so then nobody may.
 */
static void
permit_tracing(const char *path, pid_t parent)
{
	char value[64];
	struct stat st;

	prctl(PR_SET_PTRACER, (unsigned long)parent, 0, 0, 0);
	if (geteuid() != 0 &&
	    ((stat(path, &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID))) ||
	        getxattr(path, "security.capability", value, sizeof value) > 0))
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Stop until continued.  Ends if the parent does, which is what continues it. */
static void
hold(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		errx(STATUS_FAILED, "its parent has ended");
	raise(SIGSTOP);
	prctl(PR_SET_PDEATHSIG, 0);
}

int
main(int argc, char **argv)
{
	char path[PATH_MAX];
	pid_t parent = getppid();
	int c, why;

	while ((c = next_option(argc, argv, "+hV", synopsis)) != -1)
		switch (c) {
		}
	argc -= optind;
	argv += optind;
	if (argc < 1)
		usage(synopsis);

	if ((why = check_command(argv[0], path)))
		fail(argv[0], why);
	restore_signals();
	permit_tracing(path, parent);
	hold(parent);
	execvp(argv[0], argv);
	fail(argv[0], errno);
}
