/*
 * The walk of the current task's user stack, whatever its uprobes are doing there.
 */
#ifndef WALK_USER_BPF_H
#define WALK_USER_BPF_H

#include "bpf/walk.bpf.h"
#include "machine.bpf.h"
#include "machine_uprobes.bpf.h"

/* Walk the current task's user stack.  held: w->held has the kernel's registers. */
static __always_inline void
walk_user(__u32 key, struct walk *w, struct task_struct *task, int held)
{
	machine_user_regs(task, &w->regs);
	w->leaf = machine_leaf(task);
	w->returns = walk_pending(task);
	walk_leave_uprobes(key, w, task, held);
	if (held)
		walk_just_hidden(key, w, task);
	walk_from(key, w);
}

#endif
