#include "doctor/caps.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor/verdict.h"
#include "os/proc.h"

#define ENOTSUPP 524 /* from include/linux/errno.h, not exported to user space */

/* Inode of the initial user namespace: include/linux/proc_ns.h. */
#define USER_NAMESPACE 0xEFFFFFFDU

/* ---- reading ----------------------------------------------------------- */

static void
read_status(struct caps *p)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	int seccomp = 0;

	while (f && fgets(line, sizeof line, f)) {
		sscanf(line, "CapEff: %" SCNx64, &p->effective);
		sscanf(line, "CapPrm: %" SCNx64, &p->permitted);
		sscanf(line, "Seccomp: %d", &seccomp);
	}
	if (f)
		fclose(f);
	p->filtered = seccomp == 2; /* proc_pid_status(5) */
}

/* Returns whether the kernel's lockdown is "confidentiality". */
static int
is_locked(void)
{
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[256] = "";
	int locked = f && fgets(line, sizeof line, f) &&
	    strstr(line, "[confidentiality]");

	if (f)
		fclose(f);
	return locked;
}

void
caps_read(struct caps *p)
{
	struct utsname u;
	struct stat st;

	memset(p, 0, sizeof *p);
	read_status(p);
	if (stat("/proc/self/ns/user", &st) == 0 && st.st_ino != USER_NAMESPACE) {
		p->namespaced = p->effective;
		p->effective = 0;
	}
	p->fine = proc_number("/proc/sys/kernel/cap_last_cap", 39) >= 39;
	p->locked = is_locked();
	p->perf_paranoid = proc_number("/proc/sys/kernel/perf_event_paranoid", 2);
	p->ptrace_scope = proc_number("/proc/sys/kernel/yama/ptrace_scope", 0);
	uname(&u);
	snprintf(p->release, sizeof p->release, "%s", u.release);
	sscanf(u.release, "%d.%d", &p->major, &p->minor);
}

/* ---- capabilities ------------------------------------------------------ */

/* Returns those of caps that the set have does not include. */
static uint64_t
lacking(uint64_t have, uint64_t caps)
{
	if (have & CAPS_ADMIN)
		have |= CAPS_PERFMON | CAPS_BPF;
	return caps & ~have;
}

int
caps_has(const struct caps *p, uint64_t caps)
{
	return lacking(p->effective, caps) == 0;
}

int
caps_before(const struct caps *p, int major, int minor)
{
	return p->major < major || (p->major == major && p->minor < minor);
}

/* Write the lacking ones of caps into out, named for this kernel: "CAP_BPF and
 * CAP_PERFMON". */
static void
name_lacking(const struct caps *p, uint64_t caps, char *out, size_t size)
{
	static const struct {
		uint64_t cap;
		const char *name;
	} names[] = {
		{ CAPS_ADMIN, "CAP_SYS_ADMIN" },
		{ CAPS_BPF, "CAP_BPF" },
		{ CAPS_PERFMON, "CAP_PERFMON" },
		{ CAPS_SYSLOG, "CAP_SYSLOG" },
		{ CAPS_PTRACE, "CAP_SYS_PTRACE" },
	};
	size_t used = 0;

	caps = lacking(p->effective, caps);
	if (!p->fine && (caps & (CAPS_BPF | CAPS_PERFMON)))
		caps = (caps & ~(CAPS_BPF | CAPS_PERFMON)) | CAPS_ADMIN;
	out[0] = '\0';
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if ((caps & names[i].cap) && used < size)
			used += (size_t)snprintf(out + used, size - used, "%s%s",
			    used ? " and " : "", names[i].name);
}

void
caps_ask(const struct caps *p, uint64_t caps, char *out, size_t size)
{
	char names[128];

	name_lacking(p, caps, names, sizeof names);
	if (lacking(p->namespaced, caps) == 0)
		snprintf(out, size, "run as root outside of this user namespace");
	else
		snprintf(out, size, "give %s%s", names,
		    geteuid() == 0 ? "" : ", or run as root (sudo)");
}

int
caps_lacks(const struct caps *p, uint64_t caps, struct verdict *out)
{
	char ask[256], names[128];

	if (caps_has(p, caps))
		return 0;
	caps_ask(p, caps, ask, sizeof ask);
	name_lacking(p, caps, names, sizeof names);
	if (lacking(p->namespaced, caps) == 0)
		verdict_no(out, ask, "not permitted: root in a user namespace is not enough");
	else
		verdict_no(out, ask, "not permitted without %s", names);
	return 1;
}

/* ---- refusals ---------------------------------------------------------- */

const char *
caps_error(int error)
{
	return error == ENOTSUPP ? "not supported (ENOTSUPP)" : strerror(error);
}

void
caps_unknown(int error, struct verdict *out)
{
	static const char *const files[][2] = {
		{ "/sys/fs/selinux/enforce", "SELinux" },
		{ "/sys/kernel/security/apparmor", "AppArmor" },
		{ "/sys/fs/smackfs", "Smack" },
		{ "/sys/kernel/security/tomoyo", "TOMOYO" },
	};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (access(files[i][0], F_OK) == 0) {
			verdict_no(out, "ask its log and its policy",
			    "refused (%s), perhaps by %s", caps_error(error),
			    files[i][1]);
			return;
		}
	verdict_no(out, NULL, "refused (%s), cause unknown",
	    caps_error(error));
}

/* Returns whether a seccomp filter lets perf_event_open(2) through: the kernel
 * answers a call with bad flags before it checks privileges. */
static int
perf_reaches_kernel(void)
{
	return syscall(SYS_perf_event_open, NULL, 0, -1, -1, ULONG_MAX) < 0 &&
	    errno == EINVAL;
}

/* Returns whether a seccomp filter lets bpf(2) through.  Before Linux 5.19 no
 * call tells that without CAP_BPF. */
static int
bpf_reaches_kernel(const struct caps *p)
{
	if (syscall(SYS_bpf, INT_MAX, NULL, INT_MAX) < 0 && errno == E2BIG)
		return 1;
	return errno != ENOSYS && caps_before(p, 5, 19) &&
	    !caps_has(p, CAPS_BPF);
}

/* Explain a system call that does not exist or is hidden. */
static void
missing_call(const struct caps *p, const char *call, const char *config,
    struct verdict *out)
{
	if (p->filtered)
		verdict_no(out, "run outside of its reach, or have it allow the call",
		    "%s is hidden by a seccomp filter, or the kernel was built "
		    "without it", call);
	else
		verdict_no(out, config, "the kernel was built without %s", call);
}

/* Explain a system call that a filter forbids, and which of caps it takes once
 * the filter allows it. */
static void
filtered_call(const struct caps *p, const char *call, uint64_t caps,
    struct verdict *out)
{
	char remedy[512], ask[256];

	snprintf(remedy, sizeof remedy, "run outside of its reach, or have it allow %s",
	    call);
	if (!caps_has(p, caps)) {
		caps_ask(p, caps, ask, sizeof ask);
		snprintf(remedy + strlen(remedy), sizeof remedy - strlen(remedy),
		    "; then %s", ask);
	}
	verdict_no(out, remedy, "a seccomp filter forbids %s, as a container's does", call);
}

/* Explain in *out an errno of perf_event_open(2) that is the same for all
 * events.  Returns 0 if it depends on the event. */
static int
perf_refused(const struct caps *p, int error, uint64_t caps,
    struct verdict *out)
{
	if (error == ENOSYS)
		missing_call(p, "perf_event_open(2)", "a kernel with CONFIG_PERF_EVENTS",
		    out);
	else if (error == EMFILE || error == ENFILE)
		verdict_no(out, "raise the limit (ulimit -n)", "too many open files");
	else if (error != EACCES && error != EPERM)
		verdict_no(out, NULL, "perf_event_open(2): %s", caps_error(error));
	else if (p->filtered && !perf_reaches_kernel())
		filtered_call(p, "perf_event_open(2)", caps, out);
	else
		return 0;
	return 1;
}

/* Write the remedy for a perf_event_paranoid above 2 into out: an addition of
 * Debian, Ubuntu and Android that only CAP_SYS_ADMIN overrides in Debian 12's
 * kernel, and CAP_PERFMON too in others. */
static void
remedy_beyond_2(const struct caps *p, char *out, size_t size)
{
	char ask[256];

	caps_ask(p, caps_has(p, CAPS_PERFMON) ? CAPS_ADMIN
	                                                     : CAPS_PERFMON,
	    ask, sizeof ask);
	snprintf(out, size, "set sysctl kernel.perf_event_paranoid to 2, or %s%s", ask,
	    caps_has(p, CAPS_PERFMON) ? "" : "; some kernels take nothing "
	                                               "less than CAP_SYS_ADMIN");
}

void
caps_perf(const struct caps *p, int error, int kernel, struct verdict *out)
{
	char ask[256], remedy[512];

	if (perf_refused(p, error, 0, out))
		return;
	if (p->perf_paranoid > 2 && !caps_has(p, CAPS_ADMIN)) {
		remedy_beyond_2(p, remedy, sizeof remedy);
	} else if (p->perf_paranoid == 2 && kernel &&
	    !caps_has(p, CAPS_PERFMON)) {
		caps_ask(p, CAPS_PERFMON, ask, sizeof ask);
		snprintf(remedy, sizeof remedy,
		    "set sysctl kernel.perf_event_paranoid to 1, or %s", ask);
	} else {
		caps_unknown(error, out);
		return;
	}
	verdict_no(out, remedy, "not permitted: sysctl kernel.perf_event_paranoid is %ld",
	    p->perf_paranoid);
}

void
caps_uprobe(const struct caps *p, int error, struct verdict *out)
{
	/* CAP_PERFMON is not enough: tried on 6.1.192 and 6.18.44. */
	if (!perf_refused(p, error, CAPS_ADMIN, out) &&
	    !caps_lacks(p, CAPS_ADMIN, out))
		caps_unknown(error, out);
}

/* Explain that the limit of locked memory is too low, if it may be the cause:
 * Linux before 5.11 counts BPF's memory as locked.  Returns whether it may. */
static int
short_of_memory(const struct caps *p, struct verdict *out)
{
	struct rlimit r;

	if (!caps_before(p, 5, 11) || getrlimit(RLIMIT_MEMLOCK, &r) < 0 ||
	    r.rlim_cur == RLIM_INFINITY)
		return 0;
	verdict_no(out, "raise the limit (ulimit -l unlimited, as root)",
	    "the limit of locked memory (RLIMIT_MEMLOCK) is %llu KiB, and Linux "
	    "before 5.11 counts BPF's memory in it",
	    (unsigned long long)r.rlim_cur / 1024);
	return 1;
}

void
caps_bpf(const struct caps *p, int error, struct verdict *out)
{
	const uint64_t caps = CAPS_BPF | CAPS_PERFMON;

	if (error == ENOSYS)
		missing_call(p, "bpf(2)", "a kernel with CONFIG_BPF_SYSCALL", out);
	else if (error != EPERM && error != EACCES)
		verdict_no(out, NULL, "bpf(2): %s", caps_error(error));
	else if (p->filtered && !bpf_reaches_kernel(p))
		filtered_call(p, "bpf(2)", caps, out);
	else if (caps_lacks(p, caps, out) || short_of_memory(p, out))
		return;
	else if (p->locked)
		verdict_no(out, "boot with lockdown=integrity, or without lockdown",
		    "the kernel is locked down (lockdown=confidentiality)");
	else
		caps_unknown(error, out);
}
