#include "sample/refusal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "os/proc.h"

/* Returns 1 if the process belongs to another user, and we are not root: *uid. */
static int
is_foreign(const struct producer *p, unsigned *uid)
{
	struct proc_stat st;

	if (proc_stat(p->pid, &st) < 0 || geteuid() == 0 || st.uid == geteuid())
		return 0;
	*uid = st.uid;
	return 1;
}

enum producer_result
refusal_perf(struct producer *p, const char *event, int error)
{
	long paranoid = proc_number("/proc/sys/kernel/perf_event_paranoid", 2);
	int pid = (int)p->pid;
	unsigned uid;

	if (error == EMFILE)
		return producer_fail(p, PRODUCER_FAILED, "process %d: too many open files "
		    "for an event per thread and CPU: raise the limit (ulimit -n)", pid);
	if (error == ENOENT || error == ENODEV || error == EOPNOTSUPP)
		return producer_fail(p, PRODUCER_FAILED, "process %d: cannot sample %s: "
		    "this machine does not count them, like most virtual machines", pid, event);
	if (error != EACCES && error != EPERM && error != ENOSYS)
		return producer_fail(p, PRODUCER_FAILED, "process %d: cannot sample: %s",
		    pid, strerror(error));
	if (is_foreign(p, &uid))
		return producer_fail(p, PRODUCER_PERM, "process %d belongs to another user "
		    "(uid %u): run as that user, or as root", pid, uid);
	if (paranoid > 2 && geteuid() != 0)
		return producer_fail(p, PRODUCER_PERM, "process %d: perf_event_open is not "
		    "permitted: sysctl kernel.perf_event_paranoid is %ld: set it to 2, or "
		    "give CAP_PERFMON", pid, paranoid);
	return producer_fail(p, PRODUCER_PERM, "process %d: perf_event_open is not permitted: "
	    "a seccomp filter or a missing CAP_PERFMON forbids it (sysctl "
	    "kernel.perf_event_paranoid is %ld)", pid, paranoid);
}

enum producer_result
refusal_ptrace(struct producer *p, int error)
{
	long yama = proc_number("/proc/sys/kernel/yama/ptrace_scope", 0);
	int pid = (int)p->pid;
	unsigned uid;

	if (error == ENOENT || error == ESRCH)
		return producer_fail(p, PRODUCER_NOPROC, "process %d has ended", pid);
	if (error != EACCES && error != EPERM)
		return producer_fail(p, PRODUCER_FAILED, "process %d: %s", pid,
		    strerror(error));
	if (is_foreign(p, &uid))
		return producer_fail(p, PRODUCER_PERM, "process %d belongs to another user "
		    "(uid %u): run as that user or as root, or give CAP_SYS_PTRACE", pid,
		    uid);
	if (yama > 0 && yama < 3)
		return producer_fail(p, PRODUCER_PERM, "process %d may not be traced: "
		    "sysctl kernel.yama.ptrace_scope is %ld: set it to 0, run as root, or "
		    "give CAP_SYS_PTRACE", pid, yama);
	if (yama >= 3)
		return producer_fail(p, PRODUCER_PERM, "process %d may not be traced: "
		    "sysctl kernel.yama.ptrace_scope is %ld, which only a reboot changes", pid, yama);
	return producer_fail(p, PRODUCER_PERM, "process %d may not be traced: run as root, "
	    "or give CAP_SYS_PTRACE", pid);
}
