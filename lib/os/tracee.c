#include "os/tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/proc.h"
#include "os/regs.h"

#define TIMEOUT_NS 1000000000ULL

/* ---- /proc ------------------------------------------------------------- */

/* Read a small file of a thread as a string. */
static int
read_file(pid_t tid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd, error;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	error = errno;
	close(fd);
	errno = error;
	if (n < 0)
		return -1;
	buf[n] = '\0';
	return 0;
}

/* Returns the number behind a key at a line's beginning; 0 where there is none. */
static uint64_t
field(const char *text, const char *key)
{
	uint64_t n = 0;
	size_t len = strlen(key);

	for (const char *s = text; s; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (strncmp(s, key, len) == 0) {
			sscanf(s + len, ": %" SCNu64, &n);
			break;
		}
	}
	return n;
}

int
tracee_status(pid_t tid, struct tracee_status *out)
{
	char text[8192];

	if (read_file(tid, "status", text, sizeof text) < 0)
		return -1;
	out->tgid = (pid_t)field(text, "Tgid");
	out->tracer = (pid_t)field(text, "TracerPid");
	out->switches = field(text, "voluntary_ctxt_switches") +
	    field(text, "nonvoluntary_ctxt_switches");
	return 0;
}

int
tracee_permitted(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/mem", (int)proc_shown(pid));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* ---- waiting ----------------------------------------------------------- */

/* Read the last two numbers of /proc/TID/syscall, and the second one, which is a system
 * call's argument.  Of a thread on a CPU it says "running": EBUSY. */
static int
read_location(pid_t tid, uint64_t *sp, uint64_t *pc, uint64_t *argument)
{
	char text[512], *at;

	if (read_file(tid, "syscall", text, sizeof text) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	if (sscanf(text, "%*d %" SCNx64, argument) != 1)
		*argument = 0;
	at = strrchr(text, ' ');
	if (at && at > text) {
		do
			at--;
		while (at > text && *at != ' ');
		if (sscanf(at, "%" SCNx64 "%" SCNx64, sp, pc) == 2)
			return 0;
	}
	errno = EBUSY;
	return -1;
}

int
tracee_peek(struct tracee_peek *p, pid_t tid, struct step_regs *regs, struct step_leaf *leaf)
{
	struct tracee_status st;
	uint64_t argument;

	if (tracee_status(tid, &st) < 0 || read_location(tid, &p->sp, &p->pc, &argument) < 0)
		return -1;
	p->tid = tid;
	p->switches = st.switches;
	regs_waiting(p->pc, p->sp, argument, regs, leaf);
	return 0;
}

int
tracee_still(const struct tracee_peek *p)
{
	struct tracee_status st;
	uint64_t sp, pc, argument;

	return read_location(p->tid, &sp, &pc, &argument) == 0 && sp == p->sp && pc == p->pc &&
	    tracee_status(p->tid, &st) == 0 && st.switches == p->switches;
}

/* ---- stopping ---------------------------------------------------------- */

/*
 * Check whether a thread has stopped, and with which signal.  That is left for a
 * later wait(2) to take, so that a signal which the thread was about to get is not
 * lost if we are killed now.  Returns 1: it has stopped; 0: not yet; -1: it has ended.
 */
static int
has_stopped(pid_t tid, int *signal)
{
	siginfo_t info;

	info.si_pid = 0;
	if (waitid(P_PID, (id_t)tid, &info,
	        WSTOPPED | WEXITED | WNOWAIT | WNOHANG | __WALL) < 0)
		return -1;
	if (info.si_pid == 0)
		return 0;
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) {
		waitpid(tid, NULL, WNOHANG | __WALL);
		errno = ESRCH;
		return -1;
	}
	/* Above the signal stands an event where no signal is delivered. */
	*signal = info.si_status >> 8 ? 0 : info.si_status;
	return 1;
}

/* Wait until a thread has stopped. */
static int
await_stop(pid_t tid, int *signal)
{
	uint64_t end = proc_now() + TIMEOUT_NS, now;
	struct timespec left;
	sigset_t child;
	int got;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while ((got = has_stopped(tid, signal)) == 0) {
		now = proc_now();
		if (now >= end) {
			errno = ETIMEDOUT;
			return -1;
		}
		left.tv_sec = (time_t)((end - now) / 1000000000);
		left.tv_nsec = (long)((end - now) % 1000000000);
		sigtimedwait(&child, NULL, &left);
	}
	return got < 0 ? -1 : 0;
}

/* Reap threads that have died; stops stay to be waited for. */
static void
reap_dead(int signal)
{
	siginfo_t info = { .si_signo = signal };
	int error = errno;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0 ||
		    info.si_pid == 0 || info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED)
			break;
		waitpid(info.si_pid, NULL, WNOHANG | __WALL);
	}
	errno = error;
}

/*
 * While the process executes a program, the kernel has this wait; and the process waits for
 * the ends of its other threads, to which those that are traced come only when they are
 * reaped: cred_guard_mutex in the kernel's fs/exec.c, and "BUGS" in ptrace(2).
 */
int
tracee_seize(pid_t tid, long options)
{
	const struct sigaction reap = { .sa_handler = reap_dead, .sa_flags = SA_RESTART };
	struct sigaction action;
	sigset_t child, mask;
	long got;
	int error;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigaction(SIGCHLD, &reap, &action);
	sigprocmask(SIG_UNBLOCK, &child, &mask);
	got = ptrace(PTRACE_SEIZE, tid, NULL, options);
	error = errno;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGCHLD, &action, NULL);
	errno = error;
	return got < 0 ? -1 : 0;
}

int
tracee_stop(pid_t tid, struct step_regs *regs, struct step_leaf *leaf, int *signal)
{
	if (tracee_seize(tid, 0) < 0) {
		/* One that has ended must not be traced either. */
		if (errno == EPERM && proc_thread_has_ended(tid))
			errno = ESRCH;
		return -1;
	}
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 ||
	    await_stop(tid, signal) < 0)
		return -1;
	if (regs_stopped(tid, regs, leaf) < 0) {
		tracee_go(tid, *signal);
		return -1;
	}
	return 0;
}

void
tracee_go(pid_t tid, int signal)
{
	ptrace(PTRACE_DETACH, tid, NULL, (long)signal);
}

/* ---- memory ------------------------------------------------------------ */

void
tracee_memory(struct tracee_memory *m, pid_t tid)
{
	m->tid = tid;
	for (size_t i = 0; i < TRACEE_BLOCKS; i++)
		m->addr[i] = 1;
}

int
tracee_word(void *ctx, uint64_t addr, uint64_t *out)
{
	struct tracee_memory *m = ctx;
	uint64_t at = addr % TRACEE_BLOCK, block = addr - at;
	size_t i = addr / TRACEE_BLOCK % TRACEE_BLOCKS;

	if (at > TRACEE_BLOCK - sizeof *out)
		return proc_read(m->tid, addr, out, sizeof *out);
	if (m->addr[i] != block) {
		m->addr[i] = 1;
		if (proc_read(m->tid, block, m->block[i], TRACEE_BLOCK) < 0)
			return -1;
		m->addr[i] = block;
	}
	memcpy(out, m->block[i] + at, sizeof *out);
	return 0;
}
