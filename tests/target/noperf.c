/*
 * noperf [-bn] CMD [ARG...]: run a command for which perf_event_open(2), or
 * bpf(2) with -b, fails with EPERM, as it does in a container with the usual
 * seccomp filter; with -n it is ENOSYS, as of other filters.
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
forbid(unsigned call, unsigned error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		err(1, "seccomp");
}

int
main(int argc, char *argv[])
{
	unsigned call = SYS_perf_event_open, error = EPERM;
	int c;

	while ((c = getopt(argc, argv, "+bn")) != -1)
		switch (c) {
		case 'b': call = SYS_bpf; break;
		case 'n': error = ENOSYS; break;
		default: argc = 0;
		}
	if (optind >= argc)
		errx(2, "usage: noperf [-bn] CMD [ARG...]");
	forbid(call, error);
	execvp(argv[optind], argv + optind);
	err(127, "%s", argv[optind]);
}
