#include "os/loader.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/btf.h"
#include "os/rawbpf.h"

#define FIRST_PID_NAMESPACE 0xeffffffcU /* PROC_PID_INIT_INO, proc_ns.h */

#define LOG_BEGINS "-- BEGIN PROG LOAD LOG --"

/* The first warning of libbpf, and the verifier's complaint of a program. */
static char warning[512], complaint[512];

/* Keep the end of the verifier's log in a warning of libbpf, which begins with the
 * program's name, as complaint: "prog 'NAME': COMPLAINT". */
static void
keep_log(char *text)
{
	char *log = strstr(text, LOG_BEGINS), *end;
	const char *said;

	if (log == NULL)
		return;
	*log = '\0';
	log += strlen(LOG_BEGINS);
	if (strncmp(text, "libbpf: ", 8) == 0)
		text += 8;
	end = strstr(log, "-- END PROG LOAD LOG --");
	if (end)
		*end = '\0';
	said = rawbpf_complaint(log);
	if (said[0])
		snprintf(complaint, sizeof complaint, "%s%.400s", text, said);
}

static int listen_to_libbpf(enum libbpf_print_level level, const char *format,
    va_list args) __attribute__((format(printf, 2, 0)));

static int
listen_to_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text = NULL;

	if (level != LIBBPF_WARN || vasprintf(&text, format, args) < 0)
		return 0;
	if (warning[0] == '\0')
		snprintf(warning, sizeof warning, "%.*s", (int)strcspn(text, "\n"), text);
	if (complaint[0] == '\0')
		keep_log(text);
	free(text);
	return 0;
}

void
loader_listen(void)
{
	warning[0] = complaint[0] = '\0';
	libbpf_set_print(listen_to_libbpf);
}

void
loader_explain(int error, char *why, size_t size)
{
	if (error == ENOSYS) /* so say some seccomp filters */
		error = EPERM;
	/* The verifier says EACCES too, of what it was permitted to look at. */
	if (complaint[0] && error == EACCES)
		error = EINVAL;
	if (complaint[0] && error != EPERM)
		snprintf(why, size, "the kernel's verifier refuses a BPF program: %.400s",
		    complaint);
	else if (error == EPERM || error == EACCES)
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
	    btf_has_member(&types, "bpf_attach_type", "BPF_TRACE_UPROBE_SESSION");

	btf_close(&types);
	return has;
}
