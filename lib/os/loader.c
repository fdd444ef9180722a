#include "os/loader.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/btf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/btf.h"

#define FIRST_PID_NAMESPACE 0xeffffffcU /* PROC_PID_INIT_INO, proc_ns.h */

/* The first warning of libbpf. */
static char warning[512];

static int listen_to_libbpf(enum libbpf_print_level level, const char *format,
    va_list args) __attribute__((format(printf, 2, 0)));

static int
listen_to_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && warning[0] == '\0') {
		vsnprintf(warning, sizeof warning, format, args);
		warning[strcspn(warning, "\n")] = '\0';
	}
	return 0;
}

void
loader_listen(void)
{
	warning[0] = '\0';
	libbpf_set_print(listen_to_libbpf);
}

void
loader_explain(int error, char *why, size_t size)
{
	if (error == ENOSYS) /* so say some seccomp filters */
		error = EPERM;
	if (error == EPERM || error == EACCES)
		snprintf(why, size, "BPF is not permitted: %s",
		    geteuid() == 0 ? "a seccomp filter, the kernel's lockdown or a "
		                     "missing CAP_BPF or CAP_PERFMON forbids it"
		                   : "run as root, or give CAP_BPF and CAP_PERFMON");
	else if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		snprintf(why, size, "the kernel has no type information "
		    "(/sys/kernel/btf/vmlinux)");
	else
		snprintf(why, size, "the kernel does not take the BPF programs "
		    "(%s)%s%.300s", strerror(error), warning[0] ? ": " : "", warning);
	errno = error;
}

unsigned
loader_pid_namespace(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino == FIRST_PID_NAMESPACE)
		return 0;
	return (unsigned)st.st_ino;
}

int
loader_has_sessions(void)
{
	struct btf_file types;
	int has = btf_open(&types) == NULL &&
	    btf_find(&types, BTF_KIND_FUNC, "bpf_session_is_return");

	btf_close(&types);
	return has;
}
