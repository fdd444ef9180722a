#include "tui/page.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/child.h"
#include "os/proc.h"
#include "profile/profile.h"
#include "tui/session.h"

#define TIME_MAX 32

/* Format a time as an option's argument, in seconds. */
static const char *
seconds(char text[TIME_MAX], uint64_t ns)
{
	snprintf(text, TIME_MAX, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
	return text;
}

/* Run a program with its standard output in fd, and without messages: the screen is the
 * view's.  Returns 0, or -1 with errno set. */
static int
run(const char *argv[], int fd)
{
	struct child c = { .argv = (char *const *)argv, .out = fd };
	sigset_t none;
	int status, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	if (null < 0)
		return -1;
	sigemptyset(&none);
	c.in = c.err = null;
	c.mask = &none;
	pid = child_start(&c);
	close(null);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	errno = EIO;
	return status ? -1 : 0;
}

int
page_write(const struct session *s, FILE *out)
{
	const struct profile_select *range = profile_selected(session_profile(s));
	char pipe[PATH_MAX], dump[PATH_MAX], flame[PATH_MAX], since[TIME_MAX],
	    until[TIME_MAX];
	const char *argv[16] = { pipe, "-n", "rsprof", "producer", dump };
	int n = 5;

	if (proc_sibling(pipe, "rsprof-pipe") < 0 || proc_sibling(dump, "rsprof-dump") < 0 ||
	    proc_sibling(flame, "rsprof-flame") < 0)
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
