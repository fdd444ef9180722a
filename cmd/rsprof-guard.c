/*
 * Holds the gate of a process: maps it there, leads new libraries through it, and
 * restores everything.  It is a process of its own, which outlives whoever started it,
 * because a target whose thread is borrowed dies with the borrower.
 *
 * One word a line comes in, one line goes out for each; at the end of the input the
 * target is restored.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arg.h"
#include "cmd/status.h"
#include "gate/borrow.h"
#include "gate/gate.h"
#include "gate/heirs.h"
#include "gate/start.h"
#include "os/proc.h"

#define ROUND_MS 1000 /* between looks at the target */
#define LEASE_S 10
#define TWICE 100     /* blocks whose frees were missed that are too many, */
#define OF_TWICE 20   /* if it is more than one of so many samples */
#define PATIENCE_MS 200
#define LINE 4096 /* a word and GATE_LISTED numbers */

static struct gate_options options = { .patience = PATIENCE_MS };
static int followed; /* -f: whoever has started us looks after forked processes */

struct guard {
	pid_t pid;
	int pidfd, signals; /* SIGCHLD: something has happened to a thread */
	int starting;       /* start is in use */
	struct start start;
	struct gate *gate;  /* NULL: not attached */
	struct heirs heirs; /* processes that have it by fork(2) */
	uint64_t homeless;  /* as counted when cells were last swept */
	char line[LINE];
	size_t len;
};

static const char synopsis[] =
    "usage: rsprof-guard [-cfhrV] [-k BYTES] PID\n";

/* ---- surviving --------------------------------------------------------- */

/* Leave the terminal's and the job's reach, and be the last to be killed. */
static void
withdraw(void)
{
	sigset_t all;
	int fd;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	/* The leader of a process group, as a shell's job, cannot begin a session: then
	 * its child does the work. */
	if (setsid() < 0) {
		pid_t child = fork();
		int status = 0;

		if (child < 0)
			err(STATUS_FAILED, "fork");
		if (child > 0) {
			close(STDIN_FILENO);
			close(STDOUT_FILENO);
			waitpid(child, &status, 0);
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILED);
		}
		setsid();
	}
	prctl(PR_SET_PDEATHSIG, 0);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) { /* lower than it was only for root */
		if (write(fd, "-1000", 5) < 0)
			errno = 0;
		close(fd);
	}
}

/* Without what the program file was given (set-user-ID, capabilities): ask the kernel
 * whether the real user may do this.  It says so before it looks at the address. */
static int
ask_kernel(pid_t pid)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };
	char byte;
	struct iovec local = { &byte, 1 }, remote = { NULL, 1 };

	if (setresgid(getgid(), getgid(), getgid()) < 0 ||
	    setresuid(getuid(), getuid(), getuid()) < 0 ||
	    syscall(SYS_capset, &header, none) < 0)
		return 0;
	return process_vm_readv(pid, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT;
}

/* Returns whether the real user may trace the process.  The kernel's own answer counts, with
 * all that it considers: users, capabilities, dumpable, Yama. */
static int
is_permitted(pid_t pid)
{
	pid_t child;
	int status;

	if (!getauxval(AT_SECURE) || getuid() == 0)
		return 1;
	child = fork();
	if (child == 0)
		_exit(!ask_kernel(pid));
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0;
}

/* Refuse what the real user could not do, to whoever has started us, too. */
static void
check_permission(pid_t pid)
{
	if (is_permitted(pid))
		return;
	puts("refused it is not one's own, or has rights that one has not");
	fflush(stdout);
	errx(STATUS_PERM, "process %d is not yours, or has rights that you have not", (int)pid);
}

/* ---- words ------------------------------------------------------------- */

static void
refuse(const char *why, pid_t holder)
{
	struct proc_stat st;

	if (holder && proc_stat(holder, &st) == 0)
		printf("refused %s: %s (process %d)\n", why, st.name, (int)holder);
	else
		printf("refused %s\n", why);
}

/* Answer with a line and, if standard output is a socket, with a descriptor that comes
 * with it. */
static void
answer_with(const char *line, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof fd)];
		struct cmsghdr align;
	} control = { .buf = "" };
	char text[512];
	struct iovec iov = { text, (size_t)snprintf(text, sizeof text, "%s", line) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
		.msg_controllen = sizeof control.buf };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof fd) };
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	fflush(stdout);
	if (fd < 0 || sendmsg(STDOUT_FILENO, &m, MSG_NOSIGNAL) < 0)
		fputs(line, stdout);
}

static void
attach(struct guard *g, uint64_t period)
{
	struct gate_status s;
	char line[512];
	const char *why;

	options.period = period;
	why = g->gate ? "it is attached" : gate_attach(&g->gate, g->pid, &options, &s);
	g->homeless = 0;
	if (why) {
		refuse(why, g->gate ? 0 : s.holder);
		return;
	}
	g->heirs.all_callers = options.all_callers;
	heirs_find(g->pid, &g->heirs);
	snprintf(line, sizeof line, "attached base=%" PRIx64 " sampled=%" PRIx64
	    " freed=%" PRIx64 " slots=%zu functions=%zu hoisted=%zu stop_ns=%" PRIu64 "\n",
	    s.base, s.sampled, s.freed, s.slots, s.functions, s.hoisted, s.stop_ns);
	answer_with(line, gate_ring(g->gate));
}

/* Bring a process that is held to the first instruction of its program: the second
 * answer is given when it is there. */
static void
start(struct guard *g)
{
	const char *why = g->starting || g->gate ? "it has started" : start_begin(&g->start, g->pid);

	if (why) {
		refuse(why, 0);
		return;
	}
	g->starting = 1;
	printf("starting\n");
}

/* Handle a SIGCHLD. */
static void
on_stop(struct guard *g)
{
	struct signalfd_siginfo info;
	const char *why;

	if (read(g->signals, &info, sizeof info) < 0)
		return;
	if (!g->starting) {
		borrow_reap();
		return;
	}
	switch (start_step(&g->start, &why)) {
	case START_WAITS: return;
	case START_STOPPED: printf("started\n"); break;
	case START_OVER: refuse(why, 0); break;
	}
	g->starting = 0;
	fflush(stdout);
}

static void
look(struct guard *g)
{
	const char *why = gate_refresh(g->gate);
	struct gate_status s;

	gate_status(g->gate, &s);
	if (why)
		refuse(why, 0);
	else
		printf("looked slots=%zu functions=%zu\n", s.slots, s.functions);
}

static void
count(struct guard *g)
{
	struct gate_counters c;

	if (gate_counters(g->gate, &c) < 0)
		refuse("it has ended, or executes another program", 0);
	else
		printf("counted bytes=%" PRIu64 " sampled=%" PRIu64 " freed=%" PRIu64 " full=%" PRIu64
		    " twice=%" PRIu64 " homeless=%" PRIu64 " expired=%" PRIu64 " lost=%" PRIu64 "\n",
		    c.bytes, c.sampled, c.freed, c.full, c.twice, c.homeless, c.expired,
		    gate_lost(g->gate));
}

static void
detach(struct guard *g)
{
	const char *why = gate_detach(g->gate);

	g->gate = NULL;
	heirs_restore(&g->heirs);
	if (why)
		refuse(why, 0);
	else
		printf("detached\n");
}

static void
set_limit(struct guard *g, uint64_t samples)
{
	if (gate_set_limit(g->gate, samples == GATE_OFF ? 0 : samples) < 0)
		printf("refused it has ended\n");
	else
		printf("set\n");
}

/* Follow the blocks whose addresses are listed, or forget them. */
static void
follow(struct guard *g, char *list, int forget)
{
	uint64_t block[GATE_LISTED];
	const char *why = NULL;
	size_t n = 0;
	char *end;

	for (char *word = strtok(list, " "); word && why == NULL; word = strtok(NULL, " ")) {
		if (n == GATE_LISTED)
			why = "too many blocks in a line";
		else
			block[n++] = strtoull(word, &end, 16);
		if (why == NULL && (*end || block[n - 1] == 0))
			why = "no address of a block";
	}
	if (why == NULL)
		why = gate_follow(g->gate, block, n, forget);
	if (why)
		refuse(why, 0);
	else
		printf("%s %zu\n", forget ? "forgotten" : "followed", n);
}

/* A period in bytes, "off": nothing is sampled.  -1: it is none. */
static int
parse_period(const char *s, uint64_t *out)
{
	*out = GATE_OFF;
	return strcmp(s, "off") == 0 ? 0 : arg_number(s, 1, 1ULL << 40, out);
}

static void
on_line(struct guard *g, char *line)
{
	char *arg = strchr(line, ' ');
	uint64_t period = 0;
	int good;

	if (arg)
		*arg++ = '\0';
	if (arg && g->gate && (strcmp(line, "follow") == 0 || strcmp(line, "forget") == 0)) {
		follow(g, arg, strcmp(line, "forget") == 0);
		return;
	}
	good = arg && parse_period(arg, &period) == 0;
	if (good && strcmp(line, "attach") == 0)
		attach(g, period);
	else if (arg && !good)
		printf("refused no such period: %s\n", arg);
	else if (!arg && strcmp(line, "start") == 0)
		start(g);
	else if (g->gate == NULL)
		printf("refused it is not attached\n");
	else if (good && strcmp(line, "period") == 0)
		printf("%s\n", gate_set_period(g->gate, period) == 0 ? "set" : "refused it has ended");
	else if (good && strcmp(line, "limit") == 0)
		set_limit(g, period);
	else if (!arg && strcmp(line, "look") == 0)
		look(g);
	else if (!arg && strcmp(line, "count") == 0)
		count(g);
	else if (!arg && strcmp(line, "detach") == 0)
		detach(g);
	else
		printf("refused no such word: %s\n", line);
}

/* Returns 0 at the end of the input. */
static int
on_input(struct guard *g)
{
	ssize_t n = read(STDIN_FILENO, g->line + g->len, sizeof g->line - 1 - g->len);
	char *end;

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	g->len += (size_t)n;
	g->line[g->len] = '\0';
	while ((end = memchr(g->line, '\n', g->len))) {
		size_t used = (size_t)(end + 1 - g->line);

		*end = '\0';
		on_line(g, g->line);
		g->len -= used;
		memmove(g->line, end + 1, g->len + 1);
	}
	fflush(stdout); /* whoever has asked may be gone */
	return g->len < sizeof g->line - 1;
}

/* ---- the loop ---------------------------------------------------------- */

/* Returns whether so many frees are missed that nothing can be said of what is live: the
 * program frees by functions that are not known. */
static int
misses_frees(const struct gate_counters *c)
{
	return c->twice > TWICE && c->twice * OF_TWICE > c->sampled;
}

/* Returns 0 if the process is gone, or cannot be sampled. */
static int
on_round(struct guard *g)
{
	struct gate_counters c;

	if (g->gate == NULL)
		return 1;
	borrow_reap();
	if (gate_renew(g->gate, LEASE_S) < 0 || gate_counters(g->gate, &c) < 0)
		return 0;
	if (misses_frees(&c)) {
		gate_detach(g->gate);
		g->gate = NULL;
		heirs_restore(&g->heirs);
		refuse("its frees are not all seen", 0);
		fflush(stdout);
		return 0;
	}
	if (c.homeless != g->homeless && gate_sweep(g->gate) < 0)
		return 0;
	g->homeless = c.homeless;
	gate_refresh(g->gate); /* what it cannot do now, it may the next time */
	return 1;
}

/* Restore the process and those that it has forked, at the end of the input. */
static int
end(struct guard *g)
{
	const char *why = g->gate ? gate_detach(g->gate) : NULL;

	heirs_restore(&g->heirs);
	return why == NULL || proc_has_ended(g->pid) ? STATUS_OK : STATUS_FAILED;
}

/* Leave a process that has ended, or is another program, and say so by ending the output.
 * Those that it has forked go on: if they are followed, they are restored at the end of the
 * input. */
static int
outlive(struct guard *g)
{
	char ignored[LINE];

	gate_free(g->gate);
	fflush(stdout);
	shutdown(STDOUT_FILENO, SHUT_WR);
	while (followed && read(STDIN_FILENO, ignored, sizeof ignored) > 0)
		continue;
	heirs_restore(&g->heirs);
	return STATUS_OK;
}

static int
guard(struct guard *g)
{
	struct pollfd fd[] = { { STDIN_FILENO, POLLIN, 0 }, { g->pidfd, POLLIN, 0 },
		{ g->signals, POLLIN, 0 } };
	uint64_t next = proc_now();

	for (;;) {
		uint64_t now = proc_now();
		int left = now < next ? (int)((next - now) / 1000000) + 1 : 0;
		int n = poll(fd, 3, left);

		if (n < 0 && errno != EINTR)
			break;
		if (fd[2].revents)
			on_stop(g);
		if (fd[1].revents)
			return outlive(g);
		if (n > 0 && fd[0].revents && !on_input(g))
			break;
		if (proc_now() < next)
			continue;
		next = proc_now() + ROUND_MS * 1000000ULL;
		if (!on_round(g))
			return outlive(g);
	}
	if (g->starting)
		start_cancel(&g->start);
	return end(g);
}

int
main(int argc, char **argv)
{
	struct guard g = { .gate = NULL };
	sigset_t child;
	uint64_t number;
	int c;

	while ((c = next_option(argc, argv, "cfk:rhV", synopsis)) != -1)
		switch (c) {
		case 'c':
			options.all_callers = 1;
			break;
		case 'f':
			followed = 1;
			break;
		case 'k':
			if (arg_number(optarg, 0, 65536, &number) < 0)
				errx(STATUS_USAGE, "-k %s: no size up to 65536", optarg);
			options.stack = (uint32_t)number;
			break;
		case 'r':
			options.ringing = 1;
			break;
		}
	if (argc - optind != 1 || arg_number(argv[optind], 1, INT32_MAX, &number) < 0)
		usage(synopsis);
	g.pid = (pid_t)number;
	g.pidfd = (int)syscall(SYS_pidfd_open, g.pid, 0);
	if (g.pidfd < 0)
		errx(STATUS_NOPROC, "no process %d", (int)g.pid);
	check_permission(g.pid);
	withdraw();
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	g.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (g.signals < 0)
		err(STATUS_FAILED, "signalfd");
	return guard(&g);
}
