/*
 * The few fields of kernel structures that the programs read, found at load
 * by their names (CO-RE), and numbers of processes as user space has them.
 */
#ifndef KERNEL_BPF_H
#define KERNEL_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define KERNEL_STRUCT __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} KERNEL_STRUCT;

struct pid_namespace {
	struct ns_common ns;
} KERNEL_STRUCT;

struct upid {
	int nr;
	struct pid_namespace *ns;
} KERNEL_STRUCT;

struct pid {
	unsigned int level;
	struct upid numbers[1];
} KERNEL_STRUCT;

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
} KERNEL_STRUCT;

struct return_instance {
	unsigned long stack; /* the address of the return address */
	unsigned long orig_ret_vaddr;
	struct return_instance *next;
} KERNEL_STRUCT;

struct uprobe_task {
	struct return_instance *return_instances; /* the innermost first */
	unsigned long vaddr; /* of the instruction that is executed in single steps */
} KERNEL_STRUCT;

struct xol_area {
	unsigned long vaddr; /* of the page for single steps, [uprobes] */
} KERNEL_STRUCT;

struct uprobes_state {
	struct xol_area *xol_area;
} KERNEL_STRUCT;

struct mm_struct {
	struct uprobes_state uprobes_state;
} KERNEL_STRUCT;

struct sched_entity {
	unsigned long long sum_exec_runtime; /* ns on a CPU */
} KERNEL_STRUCT;

struct task_struct {
	int pid, tgid;
	struct sched_entity se;
	unsigned int flags, __state;
	int on_cpu;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct signal_struct *signal;
	struct uprobe_task *utask;
	struct mm_struct *mm;
} KERNEL_STRUCT;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} KERNEL_STRUCT;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} KERNEL_STRUCT;

/* include/linux/sched.h, as task_struct.flags. */
#define KERNEL_EXITING 0x4 /* PF_EXITING */

/* Our pid namespace, by its inode: 0 stands for the machine's first one. */
const volatile unsigned int pid_namespace;

#define KERNEL_PID_LEVELS 33

/* Returns a thread's number in our pid namespace; 0: it is not in there. */
static __always_inline unsigned int
kernel_tid(struct task_struct *task)
{
	struct pid *pid;
	struct upid upid;
	unsigned int level;

	if (pid_namespace == 0)
		return (unsigned int)task->pid;
	pid = BPF_CORE_READ(task, thread_pid);
	level = BPF_CORE_READ(pid, level);
	for (unsigned int i = 0; i < KERNEL_PID_LEVELS && i <= level; i++) {
		bpf_probe_read_kernel(&upid, sizeof upid, &pid->numbers[i]);
		if (BPF_CORE_READ(upid.ns, ns.inum) == pid_namespace)
			return (unsigned int)upid.nr;
	}
	return 0;
}

/* Returns the number of a task's process in our pid namespace, or 0. */
static __always_inline unsigned int
kernel_pid(struct task_struct *task)
{
	return pid_namespace ? kernel_tid(task->group_leader)
	                     : (unsigned int)task->tgid;
}

#endif
