#include "gate/borrow.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/rseq.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "gate/way_back.h"
#include "os/proc.h"
#include "os/tracee.h"

#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif
#define STOP_NS 200000000ULL  /* how long a thread may take to stop */
#define FOR_EVER UINT64_MAX
#define SYSCALL_STOP (SIGTRAP | 0x80)
#define BIT(signal) (1ULL << ((signal)-1))
#define FAULTS (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE))

#define GONE "the process has ended, or executes another program"

struct borrow_saved {
	struct user_regs_struct user;
	uint64_t way_back; /* where it stands on the thread's stack: see gate/way_back.h; or 0 */
};

/* ---- /proc ------------------------------------------------------------- */

static int
read_text(char *out, size_t size, pid_t pid, pid_t tid, const char *name)
{
	char path[80];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, out, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	out[n] = '\0';
	return 0;
}

/* The number behind a key at a line's beginning, 0 if there is none. */
static uint64_t
field(const char *text, const char *key, int base)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, base) : 0;
}

const char *
borrow_check(pid_t pid, pid_t *tracer, int *seccomp)
{
	size_t n;
	pid_t *tid = proc_threads(pid, &n), by;
	char text[8192];

	*tracer = 0;
	*seccomp = 0;
	if (tid == NULL)
		return errno == EACCES || errno == EPERM ? "it must not be looked at" : GONE;
	for (size_t i = 0; i < n; i++) {
		if (read_text(text, sizeof text, pid, tid[i], "status") < 0)
			continue;
		by = (pid_t)field(text, "\nTracerPid:", 10);
		if (by != getpid() && *tracer == 0) /* we: see borrow_reap() */
			*tracer = by;
		if (field(text, "\nSeccomp:", 10) != 0)
			*seccomp = 1;
	}
	free(tid);
	if (*tracer)
		return "another process traces it";
	return proc_has_ended(pid) ? GONE : NULL;
}

/* System calls that go on by themselves after a stop, with the time left. */
static int
is_restarted(long number)
{
	switch (number) {
	case SYS_futex:
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
	case SYS_poll:
	case SYS_ppoll:
	case SYS_select:
	case SYS_pselect6:
	case SYS_read:
	case SYS_write:
	case SYS_wait4:
	case SYS_waitid:
	case SYS_pause:
	case SYS_rt_sigsuspend:
	case SYS_flock:
	case SYS_fcntl:
	case SYS_open:
	case SYS_openat:
		return 1;
	default:
		return 0;
	}
}

/* Those that a stop ends with EINTR, some of them only with a timeout. */
static int
is_ended(long number)
{
	switch (number) {
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
	case SYS_rt_sigtimedwait:
	case SYS_semop:
	case SYS_semtimedop:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_accept:
	case SYS_accept4:
	case SYS_connect:
	case SYS_io_getevents:
	case SYS_io_uring_enter:
		return 1;
	default:
		return 0;
	}
}

/* Is it one of those, but without a timeout?  arg: of the system call. */
static int
is_endless(long number, const uint64_t arg[6])
{
	switch (number) {
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
		return (int32_t)arg[3] < 0;
	case SYS_epoll_pwait2:
	case SYS_semtimedop:
		return arg[3] == 0;
	case SYS_rt_sigtimedwait:
		return arg[2] == 0;
	case SYS_semop:
		return 1;
	default:
		return 0;
	}
}

enum borrow_wait
borrow_state(pid_t pid, pid_t tid, uint64_t *sp)
{
	char text[512], *end;
	uint64_t a[6];
	long number;

	*sp = 0;
	if (read_text(text, sizeof text, pid, tid, "stat") < 0)
		return BORROW_NEVER;
	end = strrchr(text, ')');
	if (end == NULL || end[1] == '\0' || strchr("DZXx", end[2]))
		return BORROW_NEVER;
	if (read_text(text, sizeof text, pid, tid, "syscall") < 0)
		return BORROW_NEVER;
	if (strncmp(text, "running", 7) == 0)
		return BORROW_RUNNING;
	if (sscanf(text, "%ld %" SCNx64 "%" SCNx64 "%" SCNx64 "%" SCNx64 "%" SCNx64 "%" SCNx64
	        "%" SCNx64, &number, &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], sp) != 8)
		return BORROW_UNKNOWN;
	if (is_restarted(number) || is_endless(number, a))
		return BORROW_SAFE;
	return is_ended(number) ? BORROW_RISKY : BORROW_UNKNOWN;
}

/* ---- stops ------------------------------------------------------------- */

/* Wait for the thread to stop, until a time (proc_now()).  *status is as waitpid() has it. */
static const char *
await_stop(pid_t tid, uint64_t end, int *status)
{
	struct timespec pause = { 0, 20000 };
	pid_t got;

	for (int round = 0;; round++) {
		got = waitpid(tid, status, WNOHANG | __WALL);
		if (got == tid && WIFSTOPPED(*status))
			return NULL;
		if (got == tid || (got < 0 && errno != EINTR))
			return GONE;
		if (proc_now() >= end)
			return BORROW_LATE;
		/* Most stops come at once: another processor makes them. */
		if (round > 50)
			nanosleep(&pause, NULL);
		if (round > 5000)
			pause.tv_nsec = 1000000;
	}
}

static int
is_event_stop(int status)
{
	return status >> 16 == PTRACE_EVENT_STOP;
}

/* The signal that a stop is to go on with: a group-stop has none to deliver. */
static long
signal_of(int status)
{
	return status >> 8 == SYSCALL_STOP || status >> 16 ? 0 : WSTOPSIG(status);
}

/* Go on until a stop of PTRACE_INTERRUPT: signals that come first are delivered. */
static const char *
await_interrupt(pid_t tid, uint64_t end)
{
	const char *why;
	int status;

	for (;;) {
		why = await_stop(tid, end, &status);
		if (why || is_event_stop(status))
			return why;
		if (ptrace(PTRACE_CONT, tid, NULL, signal_of(status)) < 0)
			return GONE;
	}
}

/* Did the thread itself cause the signal that is about to be delivered? */
static int
is_own(pid_t tid)
{
	siginfo_t info;

	return ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) == 0 && info.si_code > 0;
}

/*
 * Go on until a system call begins or ends, however long that takes: the thread has
 * registers that are not its own, and must not be left.  *fault is set if there was a
 * fault instead, which is not delivered.  Signals that others send are kept for later.
 */
static const char *
await_syscall_stop(struct borrow *b, int *fault)
{
	const char *why;
	int status;

	*fault = 0;
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, b->tid, NULL, NULL) < 0)
			return GONE;
		why = await_stop(b->tid, FOR_EVER, &status);
		if (why || WSTOPSIG(status) == SYSCALL_STOP)
			return why;
		if (is_event_stop(status))
			continue;
		if (!is_own(b->tid))
			b->kept |= BIT(WSTOPSIG(status));
		else if (BIT(WSTOPSIG(status)) & FAULTS)
			return *fault = 1, NULL;
	}
}

int
borrow_reap(void)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
		if (WIFSTOPPED(status))
			ptrace(PTRACE_DETACH, tid, NULL, signal_of(status));
	return tid == 0;
}

/* ---- registers --------------------------------------------------------- */

/* Returns the address of a `syscall` instruction in an executable range, or 0. */
static uint64_t
search_syscall(pid_t pid, uint64_t start, uint64_t end)
{
	unsigned char code[4096];

	for (; start < end; start += sizeof code) {
		if (proc_read(pid, start, code, sizeof code) < 0)
			return 0;
		for (size_t i = 0; i + 1 < sizeof code; i++)
			if (code[i] == 0x0f && code[i + 1] == 0x05)
				return start + i;
	}
	return 0;
}

struct search {
	pid_t pid;
	int vdso;
	uint64_t found;
};

static void
see_map(void *ctx, const struct proc_map *map)
{
	struct search *s = ctx;
	int is_vdso = strcmp(map->path, "[vdso]") == 0;

	if (s->found == 0 && is_vdso == s->vdso && strcmp(map->path, "[vsyscall]") != 0)
		s->found = search_syscall(s->pid, map->start, map->end);
}

/* The vDSO has one; without it any other code does. */
static uint64_t
find_syscall(pid_t pid)
{
	struct search s = { .pid = pid, .vdso = 1 };

	proc_maps(pid, see_map, &s);
	s.vdso = 0;
	if (s.found == 0)
		proc_maps(pid, see_map, &s);
	return s.found;
}

/*
 * Abort a restartable sequence (rseq(2)), as the kernel does when one is
 * interrupted: it will not see this, since the thread is elsewhere when it goes on.
 */
static void
abort_rseq(struct borrow *b)
{
	struct {
		uint64_t pointer;
		uint32_t size, signature, flags, pad;
	} config;
	struct rseq_cs cs;
	uint64_t at;

	if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, b->tid, sizeof config, &config) < 0 ||
	    config.pointer == 0 ||
	    proc_read(b->pid, config.pointer + offsetof(struct rseq, rseq_cs), &at,
	        sizeof at) < 0 ||
	    at == 0 || proc_read(b->pid, at, &cs, sizeof cs) < 0)
		return;
	if (b->saved->user.rip - cs.start_ip < cs.post_commit_offset)
		b->saved->user.rip = cs.abort_ip;
}

/* Returns whether signals are to be delivered.  Of those that are ignored, the kernel keeps the
 * ones of a thread that is traced. */
static int
has_pending_signals(const struct borrow *b)
{
	const uint64_t by_default = BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH);
	uint64_t pending, ignored;
	char text[8192];

	if (read_text(text, sizeof text, b->pid, b->tid, "status") < 0)
		return 1;
	pending = field(text, "\nSigPnd:", 16) | field(text, "\nShdPnd:", 16);
	ignored = field(text, "\nSigIgn:", 16) | (by_default & ~field(text, "\nSigCgt:", 16));
	return (pending & ~b->mask & ~ignored) != 0;
}

/*
 * Restart a wait without a timeout that the stop has ended with EINTR: no signal
 * handler wants to be noticed, and it goes on as it would have.
 */
static void
restart_wait(struct borrow *b)
{
	struct user_regs_struct *r = &b->saved->user;
	const uint64_t arg[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };

	if ((int64_t)r->rax != -EINTR || !is_endless((long)r->orig_rax, arg) ||
	    has_pending_signals(b))
		return;
	r->rax = r->orig_rax;
	r->orig_rax = (uint64_t)-1;
	r->rip -= 2;
}

static const char *
save(struct borrow *b)
{
	b->kept = 0;
	if (ptrace(PTRACE_GETREGS, b->tid, NULL, &b->saved->user) < 0 ||
	    ptrace(PTRACE_GETSIGMASK, b->tid, sizeof b->mask, &b->mask) < 0)
		return GONE;
	if ((int64_t)b->saved->user.orig_rax < 0)
		abort_rseq(b);
	else
		restart_wait(b);
	return NULL;
}

/* Keep signals from a thread that is about to run what is not the program's, when it has the
 * registers for that: on its way back it has its own mask again. */
static const char *
block_signals(struct borrow *b)
{
	/* One that is blocked and comes of a fault would lose its handler. */
	uint64_t all = ~(FAULTS | BIT(SIGTRAP));

	if (b->blocks)
		return NULL;
	b->blocks = 1;
	return ptrace(PTRACE_SETSIGMASK, b->tid, sizeof all, &all) < 0 ? GONE : NULL;
}

/* ---- borrowing --------------------------------------------------------- */

static const char *
seize_error(int seccomp)
{
	switch (errno) {
	case ESRCH:
		return GONE;
	case EINVAL:
		return "the kernel cannot suspend its seccomp filter";
	default:
		return seccomp ? "it must not be traced, or its seccomp filter not be suspended"
		               : "it must not be traced";
	}
}

/* Have we seized it before, and has it not stopped yet?  If nobody waits for it,
 * borrow_reap() will let it go. */
static int
is_late(pid_t pid, pid_t tid)
{
	char text[8192];

	return read_text(text, sizeof text, pid, tid, "status") == 0 &&
	    (pid_t)field(text, "\nTracerPid:", 10) == getpid();
}

/* Seize a thread and have it stop, at some time. */
static const char *
interrupt(pid_t pid, pid_t tid, int seccomp)
{
	long options = PTRACE_O_TRACESYSGOOD | (seccomp ? PTRACE_O_SUSPEND_SECCOMP : 0);

	if (tracee_seize(tid, options) < 0) {
		const char *why = seize_error(seccomp);

		if (proc_thread_has_ended(tid))
			return GONE;
		return is_late(pid, tid) ? NULL : why;
	}
	return ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 ? GONE : NULL;
}

/* Wait until b->tid has stopped, and save its registers. */
static const char *
await_thread(struct borrow *b, uint64_t end)
{
	const char *why = await_interrupt(b->tid, end);

	if (why)
		return why;
	b->saved = calloc(1, sizeof *b->saved);
	why = b->saved ? save(b) : "out of memory";
	if (why == NULL && b->saved->user.cs == 0x23)
		why = "it runs in 32 bits";
	if (why) {
		ptrace(PTRACE_DETACH, b->tid, NULL, NULL);
		free(b->saved);
	}
	return why;
}

const char *
borrow_thread(struct borrow *b, pid_t pid, pid_t tid, int seccomp)
{
	const char *why = interrupt(pid, tid, seccomp);

	*b = (struct borrow){ .pid = pid, .tid = tid };
	return why ? why : await_thread(b, proc_now() + STOP_NS);
}

int
borrow_is_late(const char *why)
{
	return why && strcmp(why, BORROW_LATE) == 0;
}

uint64_t
borrow_way_back(const struct borrow *b)
{
	return b->saved->way_back;
}

int
borrow_is_on_way(const struct borrow *b, const struct way_back *way, uint64_t way_back)
{
	const struct user_regs_struct *u = &b->saved->user;
	uint64_t call = u->rip - way->syscall_ret, end = u->rip - way->sigreturn;

	return way_back && ((u->rsp == way_back && call <= 2) || (u->rsp == way_back + 8 && end < 9));
}

/* Returns the thread to stop, of those that wait no worse than `worst`; 0: none. */
static pid_t
choose(pid_t pid, enum borrow_wait worst)
{
	enum borrow_wait best = worst + 1, is;
	pid_t chosen = 0, *tid;
	uint64_t sp;
	size_t n;

	tid = proc_threads(pid, &n);
	for (size_t i = 0; tid && i < n && best > BORROW_RUNNING; i++) {
		is = borrow_state(pid, tid[i], &sp);
		if (is < best && !is_late(pid, tid[i])) {
			best = is;
			chosen = tid[i];
		}
	}
	free(tid);
	return chosen;
}

const char *
borrow_begin(struct borrow *b, pid_t pid, int seccomp, int patience)
{
	uint64_t patient = proc_now() + (uint64_t)patience * 1000000;
	uint64_t end = patient + BORROW_LATE_MS * 1000000ULL;
	struct timespec pause = { 0, 1000000 };
	uint64_t syscall = find_syscall(pid);
	struct way_back way;
	const char *why;

	if (syscall == 0)
		return "no code of it makes system calls";
	way_back_find(&way, pid);
	do {
		pid_t tid = choose(pid, proc_now() < patient ? BORROW_UNKNOWN : BORROW_RISKY);

		borrow_reap();
		why = BORROW_LATE;
		if (tid)
			why = borrow_thread(b, pid, tid, seccomp);
		else if (proc_has_ended(pid))
			break;
		if (why == NULL) {
			b->saved->way_back = way_back_lay(&way, b->tid, &b->saved->user, b->mask);
			b->syscall = b->saved->way_back ? way.syscall_ret : syscall;
			break;
		}
		/* One that has just ended, or cannot be stopped: another. */
		if (strcmp(why, GONE) != 0 && !borrow_is_late(why))
			break;
		nanosleep(&pause, NULL);
	} while (proc_now() < end);
	way_back_clear(&way);
	return why;
}

static int
write_word(pid_t pid, uint64_t addr, uint64_t word)
{
	struct iovec local = { &word, sizeof word }, remote = { NULL, sizeof word };

	memcpy(&remote.iov_base, &addr, sizeof addr);
	return process_vm_writev(pid, &local, 1, &remote, 1, 0) == sizeof word ? 0 : -1;
}

const char *
borrow_syscall(struct borrow *b, long number, const uint64_t arg[6], int64_t *result)
{
	struct user_regs_struct r = b->saved->user;
	const char *why;
	int fault;

	r.rip = b->syscall;
	r.rax = (uint64_t)number;
	r.orig_rax = (uint64_t)-1;
	r.rdi = arg[0];
	r.rsi = arg[1];
	r.rdx = arg[2];
	r.r10 = arg[3];
	r.r8 = arg[4];
	r.r9 = arg[5];
	if (b->saved->way_back)
		r.rsp = b->saved->way_back;
	if (ptrace(PTRACE_SETREGS, b->tid, NULL, &r) < 0 || block_signals(b))
		return GONE;
	/* Where it enters, and where it returns. */
	for (int i = 0; i < 2; i++) {
		why = await_syscall_stop(b, &fault);
		if (why || fault)
			return why ? why : "a borrowed thread has faulted";
	}
	if (ptrace(PTRACE_GETREGS, b->tid, NULL, &r) < 0)
		return GONE;
	*result = (int64_t)r.rax;
	return NULL;
}

const char *
borrow_run(struct borrow *b, uint64_t pc, uint64_t sp, int *fault)
{
	struct user_regs_struct r = b->saved->user;
	const char *why;

	uint64_t way_back = b->saved->way_back ? b->saved->way_back + 8 : 0;

	r.rip = pc;
	r.rsp = sp;
	r.orig_rax = (uint64_t)-1;
	r.eflags &= ~0x400ULL; /* no direction flag: as at a function's entry */
	if (write_word(b->pid, sp, way_back) < 0 ||
	    ptrace(PTRACE_SETREGS, b->tid, NULL, &r) < 0 || block_signals(b))
		return GONE;
	do {
		why = await_syscall_stop(b, fault);
		if (why || *fault)
			return why;
		if (ptrace(PTRACE_GETREGS, b->tid, NULL, &r) < 0)
			return GONE;
	} while ((int64_t)r.orig_rax != -1);
	/* Where it returns: what the registers are given where it enters would be
	 * taken for a system call to be made. */
	return await_syscall_stop(b, fault);
}

/*
 * The last stop is one that PTRACE_INTERRUPT makes: only there does the kernel
 * look at a system call that is to be restarted.
 */
static const char *
let_go(const struct borrow *b)
{
	if ((b->blocks && ptrace(PTRACE_SETSIGMASK, b->tid, sizeof b->mask, &b->mask) < 0) ||
	    ptrace(PTRACE_SETREGS, b->tid, NULL, &b->saved->user) < 0 ||
	    ptrace(PTRACE_INTERRUPT, b->tid, NULL, NULL) < 0 ||
	    ptrace(PTRACE_CONT, b->tid, NULL, NULL) < 0 || await_interrupt(b->tid, FOR_EVER) ||
	    ptrace(PTRACE_DETACH, b->tid, NULL, NULL) < 0)
		return GONE;
	for (int signal = 1; signal <= 64; signal++)
		if (b->kept & BIT(signal))
			syscall(SYS_tgkill, b->pid, b->tid, signal);
	return NULL;
}

const char *
borrow_release(struct borrow *b)
{
	const char *why = let_go(b);

	free(b->saved);
	return why;
}

/* Find the registers that code may have put an address into, and be interrupted. */
static void
find_registers(struct user_regs_struct *u, __typeof__(u->rax) *at[BORROW_REGISTERS])
{
	__typeof__(u->rax) *all[BORROW_REGISTERS] = { &u->rax, &u->rbx, &u->rcx, &u->rdx,
		&u->rsi, &u->rdi, &u->rbp, &u->r8, &u->r9, &u->r10, &u->r11, &u->r12, &u->r13,
		&u->r14, &u->r15 };

	memcpy(at, all, sizeof all);
}

uint64_t
borrow_registers(const struct borrow *b, uint64_t reg[BORROW_REGISTERS])
{
	__typeof__(b->saved->user.rax) *at[BORROW_REGISTERS];

	find_registers(&b->saved->user, at);
	for (size_t i = 0; i < BORROW_REGISTERS; i++)
		reg[i] = *at[i];
	return b->saved->user.rsp;
}

void
borrow_set_registers(struct borrow *b, const uint64_t reg[BORROW_REGISTERS])
{
	__typeof__(b->saved->user.rax) *at[BORROW_REGISTERS];

	find_registers(&b->saved->user, at);
	for (size_t i = 0; i < BORROW_REGISTERS; i++)
		*at[i] = reg[i];
}

uint64_t
borrow_thread_pointer(const struct borrow *b)
{
	return b->saved->user.fs_base;
}

/* ---- all of them ------------------------------------------------------- */

static int
is_among(const struct borrow *others, size_t n, pid_t tid)
{
	for (size_t i = 0; i < n; i++)
		if (others[i].tid == tid)
			return 1;
	return 0;
}

/* Have threads stop that are not among others[*n] yet, all at once.  Returns how many
 * do not, or -1 if there is no memory. */
static long
interrupt_others(const struct borrow *b, int seccomp, struct borrow **others, size_t *n,
    size_t *room)
{
	size_t threads = 0;
	pid_t *tid = proc_threads(b->pid, &threads);
	long missed = 0;

	for (size_t i = 0; tid && i < threads && missed >= 0; i++) {
		if (tid[i] == b->tid || is_among(*others, *n, tid[i]))
			continue;
		if (array_room(others, *n, room, sizeof **others) < 0) {
			missed = -1;
		} else if (interrupt(b->pid, tid[i], seccomp) == NULL) {
			(*others)[*n] = (struct borrow){ .pid = b->pid, .tid = tid[i] };
			++*n;
		} else if (!proc_thread_has_ended(tid[i])) {
			missed++;
		}
	}
	free(tid);
	return missed;
}

/* Wait for those from `first` on, of which some may end.  Returns how many do not stop. */
static long
await_others(struct borrow *others, size_t first, size_t *n)
{
	uint64_t end = proc_now() + STOP_NS;
	size_t stopped = first;
	long missed = 0;

	for (size_t i = first; i < *n; i++) {
		const char *why = await_thread(&others[i], end);

		if (why == NULL)
			others[stopped++] = others[i];
		else if (strcmp(why, GONE) != 0)
			missed++;
	}
	*n = stopped;
	return missed;
}

/* Threads that run may create others: look until there are none. */
const char *
borrow_others(const struct borrow *b, int seccomp, struct borrow **others, size_t *n)
{
	size_t room = 0, before;
	const char *why = NULL;
	long missed;

	*others = NULL;
	*n = 0;
	do {
		before = *n;
		missed = interrupt_others(b, seccomp, others, n, &room);
		if (missed < 0)
			why = "out of memory";
		missed += await_others(*others, before, n);
		if (why == NULL && missed > 0)
			why = BORROW_LATE;
	} while (why == NULL && *n > before);
	if (why) {
		borrow_release_all(*others, *n);
		*others = NULL;
		*n = 0;
	}
	return why;
}

void
borrow_release_all(struct borrow *others, size_t n)
{
	for (size_t i = 0; i < n; i++)
		borrow_release(&others[i]);
	free(others);
}
