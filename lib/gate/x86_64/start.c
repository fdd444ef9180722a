#include "gate/start.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/proc.h"

#define GONE "it has ended"
#define CODE_32 0x23
#define INT3 0xcc

const char *
start_begin(struct start *s, pid_t pid)
{
	*s = (struct start){ .pid = pid };
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXEC) == 0)
		return NULL;
	return errno == ESRCH || proc_has_ended(pid) ? GONE : "it must not be traced";
}

/* Returns where the program begins, 0 if that cannot be read. */
static uint64_t
read_entry(pid_t pid)
{
	Elf64_auxv_t v;
	uint64_t entry = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/auxv", (int)pid);
	f = fopen(path, "re");
	while (f && entry == 0 && fread(&v, sizeof v, 1, f) == 1)
		if (v.a_type == AT_ENTRY)
			entry = v.a_un.a_val;
	if (f)
		fclose(f);
	return entry;
}

static int
set_debug(const struct start *s, size_t n, uint64_t value)
{
	return ptrace(PTRACE_POKEUSER, s->pid,
	           offsetof(struct user, u_debugreg) + n * sizeof(long), value) < 0 ? -1 : 0;
}

/* Write a byte of its code. */
static int
write_code(const struct start *s, unsigned char byte)
{
	char path[64];
	int fd, got;

	snprintf(path, sizeof path, "/proc/%d/mem", (int)s->pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	got = pwrite(fd, &byte, 1, (off_t)s->entry) == 1 ? 0 : -1;
	close(fd);
	return got;
}

/*
 * Have it stop at its entry: by a debug register, which leaves its code alone, and
 * where there is none by an instruction that traps.
 */
static const char *
set_trap(struct start *s)
{
	struct user_regs_struct u;

	if (ptrace(PTRACE_GETREGS, s->pid, NULL, &u) == 0 && u.cs == CODE_32)
		return "it runs in 32 bits";
	s->entry = read_entry(s->pid);
	if (s->entry == 0)
		return "its first instruction is not known";
	if (set_debug(s, 0, s->entry) == 0 && set_debug(s, 7, 1) == 0)
		return NULL;
	if (proc_read(s->pid, s->entry, &s->byte, 1) < 0 || write_code(s, INT3) < 0)
		return "it cannot be stopped at its first instruction";
	s->written = 1;
	return NULL;
}

/* Have its registers and code be as if nothing had stopped it. */
static void
clear_trap(struct start *s, struct user_regs_struct *u)
{
	if (s->written) {
		write_code(s, s->byte);
		u->rip = s->entry;
		ptrace(PTRACE_SETREGS, s->pid, NULL, u);
	} else if (s->entry) {
		set_debug(s, 7, 0);
		set_debug(s, 0, 0);
	}
	s->written = 0;
}

static int
is_event(int status, int event)
{
	return status >> 8 == (SIGTRAP | event << 8);
}

/* Has it got to its entry? */
static int
is_there(const struct start *s, int status, struct user_regs_struct *u)
{
	return s->entry && status >> 8 == SIGTRAP &&
	    ptrace(PTRACE_GETREGS, s->pid, NULL, u) == 0 && u->rip == s->entry + (s->written != 0);
}

enum start_state
start_step(struct start *s, const char **why)
{
	struct user_regs_struct u;
	int status;

	*why = GONE;
	while (waitpid(s->pid, &status, WNOHANG | __WALL) == s->pid) {
		if (!WIFSTOPPED(status))
			return START_OVER;
		if (is_there(s, status, &u)) {
			clear_trap(s, &u);
			return ptrace(PTRACE_DETACH, s->pid, NULL, SIGSTOP) < 0 ? START_OVER
			                                                        : START_STOPPED;
		}
		if (is_event(status, PTRACE_EVENT_EXEC) && s->entry == 0 &&
		    (*why = set_trap(s)) != NULL) {
			ptrace(PTRACE_DETACH, s->pid, NULL, NULL);
			return START_OVER;
		}
		/* Stopped by SIGSTOP, and the like, it stays so until it is continued. */
		if (status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP)
			ptrace(PTRACE_LISTEN, s->pid, NULL, NULL);
		else
			ptrace(PTRACE_CONT, s->pid, NULL, status >> 16 ? 0 : WSTOPSIG(status));
	}
	return proc_has_ended(s->pid) ? START_OVER : START_WAITS;
}

void
start_cancel(struct start *s)
{
	struct user_regs_struct u;
	int status;

	if (ptrace(PTRACE_INTERRUPT, s->pid, NULL, NULL) < 0 ||
	    waitpid(s->pid, &status, __WALL) != s->pid || !WIFSTOPPED(status))
		return;
	if (ptrace(PTRACE_GETREGS, s->pid, NULL, &u) < 0)
		return;
	if (!is_there(s, status, &u) && s->written) {
		write_code(s, s->byte);
		s->written = 0;
	}
	clear_trap(s, &u);
	ptrace(PTRACE_DETACH, s->pid, NULL,
	    status >> 16 || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
}
