/*
 * Another process' threads: registers with and without stopping them, and
 * memory at the edges of pages and mappings.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/step.h"
#include "os/proc.h"
#include "os/tracee.h"
#include "tap.h"

static void
test_memory(void)
{
	static struct tracee_memory m;
	unsigned char *p = mmap(NULL, (size_t)3 * TRACEE_BLOCK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t at, want = 0x8877665544332211, out = 0;

	memcpy(&at, &p, sizeof at);
	munmap(p + (size_t)2 * TRACEE_BLOCK, TRACEE_BLOCK);
	tracee_memory(&m, getpid());
	memcpy(p + 16, &want, sizeof want);
	ok(tracee_word(&m, at + 16, &out) == 0 && out == want, "a word");
	memset(p + 16, 0, 8);
	out = 0;
	ok(tracee_word(&m, at + 16, &out) == 0 && out == want,
	    "is read once");
	tracee_memory(&m, getpid());
	ok(tracee_word(&m, at + 16, &out) == 0 && out == 0, "until it is forgotten");
	for (unsigned i = 1; i < 8; i++) {
		memcpy(p + TRACEE_BLOCK - i, &want, sizeof want);
		out = 0;
		ok(tracee_word(&m, at + TRACEE_BLOCK - i, &out) == 0 && out == want,
		    "a word over the edge of a page by %u", 8 - i);
	}
	memcpy(p + (size_t)2 * TRACEE_BLOCK - 8, &want, sizeof want);
	ok(tracee_word(&m, at + 2 * TRACEE_BLOCK - 8, &out) == 0 && out == want,
	    "the last word of a mapping");
	ok(tracee_word(&m, at + 2 * TRACEE_BLOCK - 7, &out) < 0, "and past it");
	ok(tracee_word(&m, at + 2 * TRACEE_BLOCK, &out) < 0, "and behind it");
	ok(tracee_word(&m, 0, &out) < 0 && tracee_word(&m, UINT64_MAX - 2, &out) < 0 &&
	        tracee_word(&m, 1ULL << 63, &out) < 0, "addresses of nothing");
	ok(tracee_word(&m, at + 2 * TRACEE_BLOCK - 8, &out) == 0 && out == want,
	    "do not spoil others");
}

static void
ignore(int sig)
{
	(void)sig;
}

static int
is_in(pid_t pid, char state)
{
	struct proc_stat st;

	return proc_stat(pid, &st) == 0 && st.state == state;
}

/* A child that waits, or runs. */
static pid_t
start_child(int waits)
{
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGUSR1, ignore);
		for (;;)
			if (waits)
				pause();
	}
	while (!is_in(pid, waits ? 'S' : 'R'))
		;
	return pid;
}

static void
end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void
test_running(void)
{
	struct step_regs regs;
	struct step_leaf leaf;
	struct tracee_peek peek;
	int sig;
	pid_t pid = start_child(0);

	ok(tracee_peek(&peek, pid, &regs, &leaf) < 0 && errno == EBUSY,
	    "one that runs is not waiting");
	ok(tracee_stop(pid, &regs, &leaf, &sig) == 0 && sig == 0 && regs.pc && regs.sp,
	    "but can be stopped");
	ok(is_in(pid, 't'), "then it is");
	tracee_go(pid, sig);
	while (!is_in(pid, 'R'))
		;
	ok(1, "and goes on");
	end_child(pid);
}

static void
test_waiting(void)
{
	struct step_regs seen, regs;
	struct step_leaf leaf;
	struct tracee_status st;
	struct tracee_peek peek;
	int sig = -1;
	pid_t pid = start_child(1);

	ok(tracee_permitted(pid) == 0, "a child may be looked at");
	ok(tracee_peek(&peek, pid, &seen, &leaf) == 0 && seen.pc && seen.sp && seen.exact,
	    "one that waits has a place");
	ok((seen.fp & 7) && (leaf.word[STEP_IN_R11] & 7), "and nothing more");
	ok(tracee_still(&peek), "where it stays");
	ok(tracee_stop(pid, &regs, &leaf, &sig) == 0 && sig == 0, "it can be stopped");
	ok(regs.pc == seen.pc && regs.sp == seen.sp && regs.exact,
	    "it is at the same place");
	ok(tracee_status(pid, &st) == 0 && st.tgid == pid && st.tracer == getpid(),
	    "we trace it");
	tracee_go(pid, sig);
	while (!is_in(pid, 'S'))
		;
	ok(tracee_status(pid, &st) == 0 && st.tracer == 0, "until it goes");
	ok(!tracee_still(&peek), "it has moved meanwhile");
	ok(tracee_peek(&peek, pid, &seen, &leaf) == 0 && tracee_still(&peek) &&
	        seen.pc == regs.pc, "and waits again");
	kill(pid, SIGKILL);
	while (!is_in(pid, 'Z'))
		;
	ok(tracee_stop(pid, &regs, &leaf, &sig) < 0 && errno == ESRCH, "one that has ended");
	waitpid(pid, NULL, 0);
	ok(tracee_stop(pid, &regs, &leaf, &sig) < 0 && errno == ESRCH &&
	        tracee_peek(&peek, pid, &seen, &leaf) < 0 && tracee_status(pid, &st) < 0,
	    "one that is no more");
}

static void
test_stopped(void)
{
	struct step_regs regs;
	struct step_leaf leaf;
	int sig = -1, status = 0;
	pid_t pid = start_child(1);

	kill(pid, SIGSTOP);
	while (!is_in(pid, 'T'))
		;
	ok(tracee_stop(pid, &regs, &leaf, &sig) == 0 && sig == 0 && regs.pc,
	    "one that a signal has stopped");
	kill(pid, SIGTERM);
	tracee_go(pid, sig);
	while (!is_in(pid, 'T'))
		;
	ok(1, "stays stopped");
	kill(pid, SIGCONT);
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	        WTERMSIG(status) == SIGTERM, "until it is continued, and no signal is lost");
}

int
main(void)
{
	sigset_t child;

	alarm(60); /* rather than wait forever */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	test_memory();
	test_running();
	test_waiting();
	test_stopped();
	return tap_done();
}
