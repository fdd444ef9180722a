#include "doctor/check_inside.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor/verdict.h"
#include "os/proc.h"

#define YAMA "/proc/sys/kernel/yama/ptrace_scope"
#define PAGE 4096

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* Returns 0 if a process that has permitted it can be traced, else an errno: a child,
 * which has no need to. */
static int
try_trace(void)
{
	int error = 0;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		error = errno;
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return error;
}

/* Returns 0 if a file in memory can be mapped as code, else an errno. */
static int
try_code(void)
{
	int fd = memfd_create("rsprof-doctor", MFD_CLOEXEC), error = 0;
	void *m;

	if (fd < 0)
		return errno;
	if (ftruncate(fd, PAGE) < 0)
		error = errno;
	m = error ? MAP_FAILED : mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (m == MAP_FAILED)
		error = errno;
	else
		munmap(m, PAGE);
	close(fd);
	return error;
}

/* Returns whether memory can be kept from child processes. */
static int
try_wipe(void)
{
	void *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int works;

	if (m == MAP_FAILED)
		return 0;
	works = madvise(m, PAGE, MADV_WIPEONFORK) == 0;
	munmap(m, PAGE);
	return works;
}

void
check_inside(const struct caps *me, struct verdict *out)
{
	long yama = proc_number(YAMA, 0);
	int error = try_trace();

	(void)me;
	if (error)
		verdict_no(out, yama > 1 ? "sysctl kernel.yama.ptrace_scope=1" : NULL,
		    "a process of one's own cannot be traced: %s", strerror(error));
	else if ((error = try_code()))
		verdict_no(out, NULL, "a file in memory cannot be mapped as code: %s",
		    strerror(error));
	else if (!try_wipe())
		verdict_no(out, "Linux 4.14", "child processes would inherit the ring");
	else if (yama == 1 && geteuid() != 0)
		verdict_yes(out, "of commands that rsprof(1) runs; not of others: "
		    "kernel.yama.ptrace_scope is 1");
	else
		verdict_yes(out, "of processes of one's own");
}
