#include "doctor/ptrace_access.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor/caps.h"
#include "doctor/verdict.h"
#include "os/proc.h"

/* Owner and capabilities of a process: proc_pid_status(5). */
struct owner {
	unsigned uid[3], gid[3]; /* real, effective, saved */
	uint64_t permitted;
};

static void
read_owner(pid_t pid, struct owner *o)
{
	char path[64], line[256];
	FILE *f;

	memset(o, 0, sizeof *o);
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		sscanf(line, "Uid: %u %u %u", &o->uid[0], &o->uid[1], &o->uid[2]);
		sscanf(line, "Gid: %u %u %u", &o->gid[0], &o->gid[1], &o->gid[2]);
		sscanf(line, "CapPrm: %" SCNx64, &o->permitted);
	}
	if (f)
		fclose(f);
}

static int
all_are(const unsigned id[3], unsigned mine)
{
	return id[0] == mine && id[1] == mine && id[2] == mine;
}

/* Find which rule of ptrace(2), "Ptrace access mode checking", denies access.
 * Returns a text, perhaps in buf, or NULL. */
static const char *
denial_reason(const struct caps *me, pid_t pid, char *buf, size_t size)
{
	struct proc_stat st;
	struct owner o;
	struct passwd *user;

	read_owner(pid, &o);
	if (!all_are(o.uid, getuid())) {
		user = getpwuid(o.uid[1]);
		snprintf(buf, size, "it belongs to another user (%s, uid %u)",
		    user ? user->pw_name : "?", o.uid[1]);
		return buf;
	}
	if (!all_are(o.gid, getgid())) {
		snprintf(buf, size, "it has another group (gid %u)", o.gid[1]);
		return buf;
	}
	/* The files of such a process in /proc belong to root. */
	if (proc_stat(pid, &st) == 0 && st.uid != o.uid[1])
		return "it is not dumpable: it has changed its user, group or "
		       "capabilities, or does not want to be (PR_SET_DUMPABLE)";
	if (o.permitted & ~me->permitted)
		return "it has capabilities that you do not have";
	return NULL;
}

void
ptrace_access_read(const struct caps *me, pid_t pid, uint64_t caps, int error,
    struct verdict *out)
{
	char ask[256], remedy[512], buf[256];
	const char *why;

	if (error == ESRCH || error == ENOENT) {
		verdict_no(out, NULL, "it has ended");
		return;
	}
	if (error != EPERM && error != EACCES) {
		verdict_no(out, NULL, "%s", caps_error(error));
		return;
	}
	why = denial_reason(me, pid, buf, sizeof buf);
	if (caps_has(me, caps) || why == NULL) {
		caps_unknown(error, out);
		return;
	}
	caps_ask(me, caps, ask, sizeof ask);
	snprintf(remedy, sizeof remedy, "%s%s",
	    why == buf && strstr(why, "user") ? "run as that user, or " : "", ask);
	verdict_no(out, remedy, "not permitted: %s", why);
}

/* Explain in *out that Yama denies access to memory, if it does: Documentation/
 * admin-guide/LSM/Yama.rst of Linux.  Returns whether it does. */
static int
explain_yama(const struct caps *me, struct verdict *out)
{
	char ask[256], remedy[512];

	if (me->ptrace_scope == 3) {
		verdict_no(out, "boot with another setting", "not permitted to anyone: "
		    "sysctl kernel.yama.ptrace_scope is 3");
		return 1;
	}
	if (me->ptrace_scope == 0 || caps_has(me, CAPS_PTRACE))
		return 0;
	caps_ask(me, CAPS_PTRACE, ask, sizeof ask);
	snprintf(remedy, sizeof remedy, "set sysctl kernel.yama.ptrace_scope to 0, or %s",
	    ask);
	verdict_no(out, remedy, "not permitted: sysctl kernel.yama.ptrace_scope is %ld",
	    me->ptrace_scope);
	return 1;
}

void
ptrace_access_memory(const struct caps *me, pid_t pid, int error, struct verdict *out)
{
	char buf[256];

	if (error == ENOSYS)
		verdict_no(out, "a kernel with CONFIG_CROSS_MEMORY_ATTACH",
		    "the kernel has no process_vm_readv(2)");
	else if (error != EPERM || !(me->ptrace_scope == 3 ||
	                            denial_reason(me, pid, buf, sizeof buf) == NULL) ||
	    !explain_yama(me, out))
		ptrace_access_read(me, pid, CAPS_PTRACE, error, out);
}
