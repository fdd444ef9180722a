#include "os/proc_check.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "os/proc.h"
#include "os/tracee.h"

/* Where the sentence goes. */
struct sentence {
	char *text;
	size_t size;
};

/* Write the sentence, and return the result. */
__attribute__((format(printf, 3, 4))) static enum proc_check
fail(struct sentence *s, enum proc_check result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->text, s->size, format, args);
	va_end(args);
	return result;
}

enum proc_check
proc_check(pid_t pid, const char *object, char *why, size_t size)
{
	struct sentence s = { why, size };
	struct tracee_status status;
	struct proc_stat st;
	int n = (int)pid;

	if (proc_stat(pid, &st) < 0 || tracee_status(pid, &status) < 0) {
		if (kill(pid, 0) < 0 && errno == ESRCH)
			return fail(&s, PROC_CHECK_NOPROC, "no process %d", n);
		return fail(&s, PROC_CHECK_PERM, "process %d: /proc does not show it: it is "
		    "mounted with hidepid; run as root, or as that user", n);
	}
	if (status.tgid != pid)
		return fail(&s, PROC_CHECK_NOPROC, "no process %d: it is a thread of process %d",
		    n, (int)status.tgid);
	if (proc_has_ended(pid))
		return fail(&s, PROC_CHECK_NOPROC, "process %d is a zombie: it has ended, its "
		    "parent %d has not waited for it", n, (int)st.ppid);
	if (st.kernel)
		return fail(&s, PROC_CHECK_NOTHING, "process %d (%s) is a kernel thread: it has "
		    "no %s", n, st.name, object);
	return PROC_CHECK_OK;
}
