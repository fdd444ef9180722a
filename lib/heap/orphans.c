#include "heap/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "elf/insn.h"
#include "heap/probe_plan.h"
#include "os/proc.h"

int
orphans_add(struct orphans *o, pid_t probed, pid_t parent, pid_t child)
{
	int ours = parent == probed;

	for (size_t i = 0; i < o->n; i++)
		ours |= o->pid[i] == parent;
	if (!ours)
		return 0;
	if (array_room(&o->pid, o->n, &o->room, sizeof *o->pid) < 0)
		return -1;
	o->pid[o->n++] = child;
	return 0;
}

/* Replace a breakpoint in the memory that fd is: context of probe_plan_bytes(). */
static void
replace(void *ctx, uint64_t addr, unsigned char byte)
{
	int fd = *(int *)ctx;
	unsigned char is;

	if (byte != INSN_BREAKPOINT && pread(fd, &is, 1, (off_t)addr) == 1 &&
	    is == INSN_BREAKPOINT)
		(void)!pwrite(fd, &byte, 1, (off_t)addr);
}

/* Returns -1 if a child that lives could not be helped. */
static int
help(pid_t probed, pid_t child, const struct probe_plan *plan)
{
	/* Before its memory is opened: what is shared now may be replaced by execve(2), but
	 * what is not will never be shared.  */
	long differ = syscall(SYS_kcmp, proc_shown(probed), child, KCMP_VM, 0, 0);
	char path[32];
	int fd;

	if (differ == 0) /* vfork(2), posix_spawn(3) */
		return 0;
	snprintf(path, sizeof path, "/proc/%d/mem", (int)child);
	fd = differ < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return proc_has_ended(child) ? 0 : -1;
	probe_plan_bytes(plan, replace, &fd);
	close(fd);
	return 0;
}

size_t
orphans_free(struct orphans *o, pid_t probed, const struct probe_plan *plan)
{
	size_t left = 0;

	for (size_t i = 0; plan && i < o->n; i++)
		left += help(probed, o->pid[i], plan) < 0;
	o->n = 0;
	return left;
}

void
orphans_clear(struct orphans *o)
{
	free(o->pid);
	o->pid = NULL;
	o->n = o->room = 0;
}
