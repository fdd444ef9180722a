/*
 * guarded MODE [N]: allocates and frees in a loop, until standard input ends.  "ready" when it
 * has begun.
 *
 *	registers   the functions' addresses are in callee-saved registers
 *	stack       they are on the stack
 *	asleep      the same, below a sleep
 *	lazy        nothing has been called yet when standard input says anything
 *	filtered    a seccomp filter kills it for memfd_create() and mprotect()
 *	forbidden   a filter has these fail with EPERM
 *	sandboxed   when standard input says anything it makes a filter that kills it for all
 *	            but what such a loop needs, in two threads and on a stack of its own
 *	closed      it is not dumpable
 *	novdso      it has unmapped its vDSO
 *	unseen      it frees by an address that it keeps in its data
 *	coroutine   the same as stack, on a stack of its own making
 *	execs       when standard input says anything it executes itself, asleep
 *	reexecs     a thread executes it anew, again and again, while others allocate
 *	threads     N threads more wait meanwhile
 *	busy        N threads more, which have allocated something
 *	sections    two threads of one processor count in restartable sequences (rseq(2)), and
 *	            compare: "right", or "wrong" and how many were lost
 */
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/rseq.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

typedef void *allocate(size_t size);
typedef void release(void *block);

static int
has_ended(void)
{
	struct pollfd in = { STDIN_FILENO, POLLIN, 0 };
	char c[16];

	return poll(&in, 1, 0) > 0 && read(STDIN_FILENO, c, sizeof c) <= 0;
}

/* What the compiler cannot see through. */
#define OPAQUE(x) __asm__ volatile("" : "+r"(x))

static void
in_registers(allocate *a, release *r)
{
	int ended = 0;

	OPAQUE(a);
	OPAQUE(r);
	while (!ended) {
		for (int i = 0; i < 100000; i++) {
			void *block = a(1000);

			OPAQUE(block);
			r(block);
		}
		ended = has_ended();
	}
}

static void
on_stack(allocate *volatile a, release *volatile r)
{
	while (!has_ended())
		for (int i = 0; i < 100000; i++)
			r(a(1000));
}

static void
asleep(allocate *volatile a, release *volatile r)
{
	struct timespec pause = { 0, 2000000 };

	while (!has_ended()) {
		nanosleep(&pause, NULL);
		r(a(1000));
	}
}

/* Free by an address that is in no table. */
static void
unseen(void)
{
	static release *volatile by;

	by = (release *)dlsym(RTLD_DEFAULT, "free");
	while (!has_ended())
		for (int i = 0; i < 1000; i++) {
			void *block = malloc(1000);

			OPAQUE(block);
			by(block);
		}
}

static void
loop(void)
{
	while (!has_ended())
		for (int i = 0; i < 1000; i++) {
			void *block = malloc(1000);

			OPAQUE(block);
			free(block);
		}
}

static void
filter(uint32_t action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		err(1, "seccomp");
}

/* Kill the process for any system call that it does not need itself. */
static void
sandbox(void)
{
	static const int may[] = { SYS_read, SYS_poll, SYS_futex, SYS_mmap, SYS_munmap,
		SYS_brk, SYS_mprotect, SYS_madvise, SYS_rt_sigprocmask, SYS_exit, SYS_exit_group };
	enum { N = sizeof may / sizeof *may };
	struct sock_filter code[N + 3] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
	};
	struct sock_fprog program = { N + 3, code };

	for (int i = 0; i < N; i++)
		code[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		    (unsigned)may[i], (unsigned char)(N - i), 0);
	code[N + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[N + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program))
		err(1, "seccomp");
}

static void *
wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* Allocate once when the gate is there, as it is by then. */
static void *
allocate_and_wait(void *arg)
{
	for (;;) {
		void *block = malloc(1000);

		OPAQUE(block);
		free(block);
		usleep(500000);
	}
	return arg;
}

static void
start_threads(int n, void *(*run)(void *arg))
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (int i = 0; i < n; i++)
		if ((errno = pthread_create(&thread, &small, run, NULL)))
			err(1, "thread %d", i);
}

static void
unmap_vdso(void)
{
	uint64_t start, end;
	char line[256];
	FILE *f = fopen("/proc/self/maps", "re");

	while (f && fgets(line, sizeof line, f))
		if (strstr(line, "[vdso]") && sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2 &&
		    munmap((void *)start, end - start) < 0)
			err(1, "munmap");
	if (f)
		fclose(f);
}

/* ---- on a stack of its own making ---------------------------------------- */

static ucontext_t outside, inside;

static void
in_coroutine(void)
{
	on_stack(malloc, free);
}

static void
coroutine(void)
{
	size_t size = 1 << 16;

	if (getcontext(&inside) < 0)
		err(1, "getcontext");
	inside.uc_stack.ss_sp = malloc(size);
	inside.uc_stack.ss_size = size;
	inside.uc_link = &outside;
	makecontext(&inside, in_coroutine, 0);
	if (swapcontext(&outside, &inside) < 0)
		err(1, "swapcontext");
}

/* ---- in a sandbox ---------------------------------------------------------- */

static pthread_mutex_t outside_of_it = PTHREAD_MUTEX_INITIALIZER;

static void *
loop_inside(void *arg)
{
	pthread_mutex_lock(&outside_of_it);
	pthread_mutex_unlock(&outside_of_it);
	loop();
	return arg;
}

static void
sandboxed(void)
{
	pthread_t thread;
	char line[16];

	pthread_mutex_lock(&outside_of_it);
	if (pthread_create(&thread, NULL, loop_inside, NULL))
		errx(1, "pthread_create");
	if (read(STDIN_FILENO, line, sizeof line) > 0)
		sandbox();
	pthread_mutex_unlock(&outside_of_it);
	/* A little on this stack, and then on another one. */
	for (int i = 0; i < 100000; i++) {
		void *block = malloc(1000);

		OPAQUE(block);
		free(block);
	}
	coroutine();
	_exit(0);
}

/* ---- executed anew ------------------------------------------------------- */

static void *
reexec(void *arg)
{
	usleep(30000);
	if (has_ended())
		_exit(0);
	execl("/proc/self/exe", "guarded", "reexecs", NULL);
	err(1, "exec");
	return arg;
}

static void *
allocate_for_ever(void *arg)
{
	for (;;) {
		void *block = malloc(1000);

		OPAQUE(block);
		free(block);
	}
	return arg;
}

/* ---- restartable sequences ------------------------------------------------ */

static volatile uint64_t shared;  /* counted by both, in sequences alone */
static uint64_t counted[2];

/* Where the C library has registered it. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));

/*
 * Add one to `shared`, unless the kernel interrupts that: it takes some microseconds from
 * the load to the store.  Returns whether it was added.
 */
static int
count_one(struct rseq *r)
{
	uint64_t value, turns = 3000;
	int done = 0;

	__asm__ volatile(
	    ".pushsection __rseq_cs, \"aw\"\n\t.balign 32\n"
	    "3:\t.long 0, 0\n\t.quad 1f, 2f - 1f, 4f\n\t.popsection\n\t"
	    "lea 3b(%%rip), %[value]\n\tmov %[value], %[cs]\n"
	    "1:\tmov %[shared], %[value]\n"
	    "5:\tdec %[turns]\n\tjnz 5b\n\t"
	    "inc %[value]\n\tmov %[value], %[shared]\n"
	    "2:\tmov $1, %[done]\n\tjmp 6f\n\t"
	    /* The signature that the C library has registered, before where it is aborted. */
	    ".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"
	    "4:\tnop\n6:"
	    : [value] "=&r"(value), [turns] "+r"(turns), [done] "+r"(done), [cs] "=m"(r->rseq_cs),
	    [shared] "+m"(shared)
	    :
	    : "memory", "cc");
	return done;
}

static void *
count_in_sections(void *arg)
{
	struct rseq *r = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof one, &one) < 0)
		err(1, "sched_setaffinity");
	while (!has_ended())
		for (int i = 0; i < 100; i++)
			*(uint64_t *)arg += (uint64_t)count_one(r);
	return NULL;
}

static void
sections(void)
{
	pthread_t thread;

	if (&__rseq_size == NULL || __rseq_size == 0)
		errx(1, "no rseq");
	if (pthread_create(&thread, NULL, count_in_sections, &counted[1]))
		errx(1, "pthread_create");
	count_in_sections(&counted[0]);
	pthread_join(thread, NULL);
	if (shared == counted[0] + counted[1])
		printf("right %ju\n", (uintmax_t)shared);
	else
		printf("wrong %jd of %ju\n", (intmax_t)(counted[0] + counted[1] - shared),
		    (uintmax_t)shared);
}

/* --------------------------------------------------------------------------- */

static void
begin(const char *mode, int n)
{
	if (strcmp(mode, "filtered") == 0)
		filter(SECCOMP_RET_KILL_PROCESS);
	if (strcmp(mode, "forbidden") == 0)
		filter(SECCOMP_RET_ERRNO | EPERM);
	if (strcmp(mode, "closed") == 0)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (strcmp(mode, "novdso") == 0)
		unmap_vdso();
	if (strcmp(mode, "threads") == 0)
		start_threads(n, wait_for_ever);
	if (strcmp(mode, "busy") == 0)
		start_threads(n, allocate_and_wait);
	if (strcmp(mode, "reexecs") == 0) {
		/* The last: a process that is about to execute something has no new threads. */
		start_threads(2, allocate_for_ever);
		start_threads(1, reexec);
	}
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		err(1, "stdout");
}

int
main(int argc, char **argv)
{
	char line[16];

	if (argc < 2)
		errx(2, "usage: guarded MODE [N]");
	begin(argv[1], argc > 2 ? atoi(argv[2]) : 0);
	if (strcmp(argv[1], "registers") == 0)
		in_registers(malloc, free);
	else if (strcmp(argv[1], "stack") == 0)
		on_stack(malloc, free);
	else if (strcmp(argv[1], "asleep") == 0 || strcmp(argv[1], "novdso") == 0)
		asleep(malloc, free);
	else if (strcmp(argv[1], "coroutine") == 0)
		coroutine();
	else if (strcmp(argv[1], "sandboxed") == 0)
		sandboxed();
	else if (strcmp(argv[1], "sections") == 0)
		sections();
	else if (strcmp(argv[1], "unseen") == 0)
		unseen();
	else if (strcmp(argv[1], "lazy") == 0 && read(STDIN_FILENO, line, sizeof line) > 0)
		loop();
	else if (strcmp(argv[1], "execs") == 0 && read(STDIN_FILENO, line, sizeof line) > 0)
		execl("/proc/self/exe", "guarded", "asleep", NULL);
	else
		loop();
	return 0;
}
