/* Calls of functions of which the kernel does not probe some. */
#include "heap/calltrace.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/probe.h"
#include "os/loader.h"
#include "tests/unit/tap.h"

/* It refuses instructions with a lock prefix. */
#define FUNCTION(name, first) \
	__asm__(".text\n.p2align 4\n" #name ":\n" first "push %rbp\npop %rbp\nret\n"); \
	void name(void);
FUNCTION(plain, "")
FUNCTION(locked, "lock incl -64(%rsp)\n")
FUNCTION(other, "")

/* Returns the offset of an address in the file of this program, or 0. */
static uint64_t
offset_of(void (*f)(void))
{
	uint64_t at = (uintptr_t)f, start, end, offset, found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4200];

	while (maps && fgets(line, sizeof line, maps))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &start, &end, &offset) == 3 &&
		    at >= start && at < end)
			found = at - start + offset;
	if (maps)
		fclose(maps);
	return found;
}

static pid_t
start(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	alarm(600);
	/* What is probed first is called least, or it would have all calls that are waited for. */
	for (unsigned i = 0;; i++) {
		if (i % 100 == 0)
			plain();
		locked();
		other();
		usleep(1000);
	}
}

/* Trace n functions of a process.  Returns how often each was called, in called[], and
 * what calltrace_run() returns. */
static int
trace(pid_t pid, void (*const *f)(void), size_t n, size_t called[], size_t *refused)
{
	struct probe probe[3] = { 0 };
	struct calltrace_calls calls = { 0 };
	char why[512] = "";
	int got;

	for (size_t i = 0; i < n; i++) {
		called[i] = 0;
		probe[i].file = probe[i].path = "/proc/self/exe";
		probe[i].entry = probe[i].offset = offset_of(f[i]);
	}
	got = calltrace_run(pid, probe, n, 400, UINT64_C(60000000000), &calls, why, sizeof why);
	if (got < 0)
		printf("# %s\n", why);
	for (size_t i = 0; i < calls.n; i++)
		called[calls.call[i].fn]++;
	*refused = calls.refused;
	free(calls.call);
	return got;
}

int
main(void)
{
	void (*const all[])(void) = { plain, locked, other };
	size_t called[3], refused;
	pid_t pid;

	if (geteuid() != 0 || !loader_has_sessions()) {
		puts("1..0 # SKIP no BPF or no uprobe sessions here");
		return 0;
	}
	pid = start();
	ok(trace(pid, all, 3, called, &refused) == 0, "one of three functions cannot be probed");
	ok(refused == 1 && called[1] == 0, "it is counted: %zu", refused);
	ok(called[0] > 0 && called[2] > 0, "the others are traced: %zu and %zu calls", called[0],
	    called[2]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return tap_done();
}
