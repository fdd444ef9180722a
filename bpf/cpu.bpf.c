/*
 * rsprof-cpu(1) in the kernel.
 *
 * On the CPU: at each overflow of a CPU's clock or counter the stack of the thread
 * that runs is walked, if its process is in the map `process', and a sample is put
 * into the ring buffer.  `sampled' has the CPU time that a thread's samples stand for
 * so far.
 *
 * Off the CPU: when a thread of ours is switched out its stack is walked and noted in
 * `away' with the time; each change of its state, up to its coming back, adds the time
 * since then to a sum in `off', by thread, state and stack, which user space reads and
 * deletes each interval.
 */
#include "bpf/kernel.bpf.h"
#include "bpf/cpu.h"
#include "bpf/probed.bpf.h"
#include "bpf/walk.bpf.h"
#include "bpf/walk_user.bpf.h"
#include "machine.bpf.h"

char LICENSE[] SEC("license") = "GPL";

const volatile int kernel_stacks; /* the kernel's frames, too */
const volatile int children;      /* children of a process are ours, too */
const volatile __u64 off_least;   /* ns: shorter waits have no stack */

struct cpu_counts counts;

/* The ns between ticks of the clock, which user space varies a little; 0: events are
 * counted, not the clock. */
__u64 period;

/* The CPU time that a thread's samples stand for, from some time on; by tid. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CPU_THREADS);
	__type(key, __u32);
	__type(value, __u64);
} sampled SEC(".maps");

/* Walks are not cached: each sample has another stack. */
static __always_inline void
walk_stepped(struct walk *w, step_u32 rule, const struct step_regs *before,
    enum step_end end)
{
}

/* ---- on the CPU -------------------------------------------------------- */

/* A copy that is being made. */
struct copying {
	__u64 at;           /* where it has come to */
	__u32 events, most; /* with pages */
	__u32 failed;
	__u32 unmapped, woken; /* long copies in code of no mapping, and all that have
	                          woken the reader, in this second */
	__u64 second;
	struct cpu_copy copy;
};

/* By the CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct copying);
} copies SEC(".maps");

/* Read the pages of the stack from c->from on, as far as they are there.  Returns how
 * many.  The function is not static, so that it is verified once. */
__attribute__((noinline)) int
read_pages(struct cpu_copy *c)
{
	__u32 pages = 0;

	if (!c)
		return 0;
	for (int i = 0; i < CPU_COPY_PAGES; i++) {
		if (bpf_probe_read_user(c->page[i], CPU_COPY_PAGE,
		        (const void *)(c->from + i * CPU_COPY_PAGE)))
			break;
		pages++;
	}
	return pages;
}

/* Emit a run of pages: for bpf_loop(), ctx is the CPU.  Pages that a big frame has not
 * touched yet are not there.  Returns 1 at the end. */
static long
copy_run(__u32 i, void *ctx)
{
	struct copying *c = bpf_map_lookup_elem(&copies, ctx);
	__u64 size, pages;

	if (!c)
		return 1;
	/* The last quarter is for samples: each of them counts, even without a stack. */
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > 3 * ring_wake) {
		c->failed = c->events == 0;
		return 1;
	}
	c->copy.from = c->at;
	pages = read_pages(&c->copy);
	c->copy.pages = pages;
	c->at += pages ? pages * CPU_COPY_PAGE : CPU_COPY_PAGE;
	if (pages == 0)
		return 0;
	size = CPU_COPY_HEAD + pages * CPU_COPY_PAGE;
	barrier_var(size); /* for the verifier, which wants the next comparison */
	if (size > sizeof c->copy || walk_put(&c->copy, size)) {
		c->failed = 1;
		return 1;
	}
	return ++c->events >= c->most;
}

#define UNMAPPED_MOST 32 /* a second */
#define WOKEN_MOST 64

/* Returns whether a stack is worth a long copy: its code will be known soon.  So will
 * code in no mapping if the process is young, and else unless the walk has gone wrong:
 * then they are too many. */
static __always_inline int
is_worth(struct copying *c, const struct walk *w, const struct walk_process *p, __u64 time)
{
	if (c->second != time >> 30) {
		c->second = time >> 30;
		c->unmapped = c->woken = 0;
	}
	return w->out.end == WALK_LATER || c->unmapped++ < UNMAPPED_MOST ||
	    WALK_STAMP(time) - (p->flags & ~WALK_HELD) < WALK_YOUNG;
}

/* Emit a copy of the stack, for user space to walk.  Returns not 0 if there is no room. */
static __always_inline int
copy(const struct cpu_sample *sample, struct walk *w, const struct walk_process *p,
    struct task_struct *task)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct copying *c = bpf_map_lookup_elem(&copies, &cpu);

	if (!c)
		return -1;
	c->copy.sample = *sample;
	c->copy.sample.event = CPU_PAGES;
	machine_user_regs(task, &c->copy.regs);
	bpf_probe_read_kernel(&c->copy.leaf, sizeof c->copy.leaf,
	    (const void *)machine_leaf(task));
	c->copy.regs.stacks = 0;
	c->copy.nkernel = w->out.nkernel;
	bpf_probe_read_kernel(c->copy.kernel, sizeof c->copy.kernel, w->out.addr);
	c->at = c->copy.regs.sp & ~(CPU_COPY_PAGE - 1ULL);
	c->events = 0;
	c->most = is_worth(c, w, p, sample->time) ? CPU_COPY_EVENTS : 1;
	c->failed = 0;
	bpf_loop(CPU_COPY_EVENTS + CPU_COPY_GAPS, copy_run, &cpu, 0);
	if (c->failed)
		return -1;
	c->copy.sample.event = CPU_COPY;
	c->copy.pages = 0;
	/* The sooner the code is known to the kernel, the fewer copies there are. */
	return bpf_ringbuf_output(&ring, &c->copy, CPU_COPY_HEAD,
	           c->most > 1 && c->woken++ < WOKEN_MOST ? BPF_RB_FORCE_WAKEUP
	                                                 : BPF_RB_NO_WAKEUP) != 0;
}

/* Emit a sample and its stack; a copy of the stack if the walk has come to code whose
 * table is not there yet.  Returns not 0 if there is no room. */
static __always_inline int
emit(struct cpu_sample *sample, struct walk *w, const struct walk_process *p,
    struct task_struct *task)
{
	/* Without room for the copy, a part of the stack is better than none. */
	if ((w->out.end == WALK_UNKNOWN || w->out.end == WALK_LATER) &&
	    copy(sample, w, p, task) == 0)
		return 0;
	sample->stack = walk_emit(w);
	return sample->stack ? walk_put(sample, sizeof *sample) : -1;
}

/*
 * Return the time that a sample of the clock stands for: a period, plus or minus a part
 * of the difference between the CPU time that the scheduler has counted for the thread
 * and the time that its samples stand for.  So the sum of a thread's samples is right,
 * however the ticks of a CPU coincide with its work; and the sum of many threads with
 * a sample or two each is right on average.
 *
 * The scheduler counts at its own ticks, some milliseconds apart, so that the
 * difference is made up for in about 20 ms, or in 4 samples.
 */
#define MAKE_UP_NS 20000000
#define MAKE_UP_LEAST 4

static __always_inline __u64
time_of_sample(__u32 tid, struct task_struct *task)
{
	__u64 *known = bpf_map_lookup_elem(&sampled, &tid), every = period;
	__u64 sum = task->se.sum_exec_runtime, parts, share;
	long long behind;

	if (!known || every == 0) {
		bpf_map_update_elem(&sampled, &tid, &sum, BPF_ANY);
		return every;
	}
	parts = MAKE_UP_NS / every;
	if (parts < MAKE_UP_LEAST)
		parts = MAKE_UP_LEAST;
	behind = (long long)(sum - *known) - (long long)every;
	share = behind > 0 ? every + (__u64)behind / parts
	                   : every - (__u64)-behind / parts;
	if (share < every / 2 || share > 1ULL << 62)
		share = every / 2;
	*known += share;
	return share;
}

SEC("perf_event")
int
on_event(struct bpf_perf_event_data *ctx)
{
	struct cpu_sample sample = { .event = WALK_SAMPLE };
	struct task_struct *task = bpf_get_current_task_btf();
	struct walk_process *p;
	__u32 key = walk_key(WALK_BY_EVENT);
	struct walk *w;

	sample.pid = kernel_pid(task);
	p = bpf_map_lookup_elem(&process, &sample.pid);
	if (!p || (p->flags & WALK_HELD) ||
	    !(w = walk_begin(key, sample.pid, p)))
		return 0;
	sample.time = bpf_ktime_get_ns();
	sample.tid = kernel_tid(task);
	if (!sample.tid) /* it has ended: see leave() */
		sample.tid = sample.pid;
	sample.count = period ? time_of_sample(sample.tid, task) : ctx->sample_period;
	sample.exiting = (task->flags & KERNEL_EXITING) != 0;
	sample.probed = probed(ctx, task, sample.pid, w->out.addr, &sample.place);
	if (sample.probed) {
		if (walk_put(&sample, sizeof sample))
			__sync_fetch_and_add(&counts.ring_full, 1);
		return 0;
	}
	if (kernel_stacks)
		walk_kernel(w,
		    bpf_get_stack(ctx, w->out.addr, 8 * WALK_KERNEL_DEPTH, 0));
	walk_user(key, w, task, machine_kernel_words(ctx, w->held, WALK_HELD_WORDS));
	if (emit(&sample, w, p, task))
		__sync_fetch_and_add(&counts.ring_full, 1);
	return 0;
}

/* ---- processes --------------------------------------------------------- */

SEC("tp_btf/sched_process_fork")
int
BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = kernel_pid(parent), new = kernel_pid(child);
	struct walk_process copy, *p;

	if (!children || pid == new)
		return 0;
	p = bpf_map_lookup_elem(&process, &pid);
	if (!p)
		return 0;
	copy = *p;
	bpf_map_update_elem(&process, &new, &copy, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int
BPF_PROG(on_exec, struct task_struct *task)
{
	__u32 pid = kernel_pid(task);
	struct walk_process *p = bpf_map_lookup_elem(&process, &pid);

	if (!p)
		return 0;
	p->n = 0;
	p->version = 0;
	p->flags = WALK_STAMP(bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/sched_process_exit")
int
BPF_PROG(on_exit, struct task_struct *task)
{
	__u32 pid = kernel_pid(task), tid = kernel_tid(task);

	bpf_map_delete_elem(&sampled, &tid);
	if (task->signal->live.counter == 0)
		bpf_map_delete_elem(&process, &pid);
	return 0;
}

/* ---- off the CPU ------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CPU_THREADS);
	__type(key, __u32); /* tid */
	__type(value, struct cpu_away);
} away SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CPU_OFFS);
	__type(key, struct cpu_off_key);
	__type(value, struct cpu_off);
} off SEC(".maps");

/* Add a part of a wait to its sum.  count: 1 if it is the last part, else 0. */
static __always_inline void
off_add(__u32 tid, const struct cpu_away *a, __u64 stack, __u64 ns, __u64 count)
{
	struct cpu_off_key key = { tid, a->state, stack, a->pid, 0 };
	struct cpu_off *sum = bpf_map_lookup_elem(&off, &key), none = { 0, 0 };

	if (!sum) {
		bpf_map_update_elem(&off, &key, &none, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(&off, &key);
	}
	if (!sum) {
		__sync_fetch_and_add(&counts.off_full, 1);
		return;
	}
	__sync_fetch_and_add(&sum->ns, ns);
	__sync_fetch_and_add(&sum->count, count);
}

/* Add the time since a wait's state began.  again: 0 if it ends now; now if it goes
 * on. */
static __always_inline void
off_close(__u32 tid, struct cpu_away *a, __u64 now, __u64 again)
{
	__u64 since = __sync_lock_test_and_set(&a->since, again);

	if (since && now > since)
		off_add(tid, a, now - a->begin < off_least ? 0 : a->stack, now - since,
		    again == 0);
}

/* Returns the state of a thread by its __state of include/linux/sched.h. */
static __always_inline __u32
off_state(int preempted, unsigned int state)
{
	if (preempted || state == 0)
		return CPU_READY;
	if (state & 1)
		return CPU_SLEEPING;
	return state & (4 | 8) ? CPU_STOPPED : CPU_DISK;
}

#define DEAD (0x10 | 0x20 | 0x80) /* bits of __state */

/* Note that a thread leaves the CPU, and its stack. */
static __always_inline void
leave(struct task_struct *task, __u64 now, int preempted, unsigned int state)
{
	/* In a namespace, one that has ended, and is still on its way out, has no number. */
	__u32 pid = kernel_pid(task), tid = kernel_tid(task);
	struct walk_process *p = bpf_map_lookup_elem(&process, &pid);
	struct cpu_away a = { now, now, 0, pid, off_state(preempted, state), 0, 0 };
	__u32 key = walk_key(WALK_BY_SWITCH);
	struct walk *w;

	if (!p || !tid || (p->flags & WALK_HELD) || (state & DEAD) ||
	    !(w = walk_begin(key, pid, p)))
		return;
	walk_user(key, w, task, 0);
	a.early = w->out.end == WALK_LATER || w->out.end == WALK_UNKNOWN;
	if (a.early)
		__sync_fetch_and_add(&counts.early, 1);
	a.stack = walk_emit(w);
	if (!a.stack) {
		__sync_fetch_and_add(&counts.ring_full, 1);
		a.stack = CPU_NO_STACK;
	}
	if (bpf_map_update_elem(&away, &tid, &a, BPF_ANY))
		__sync_fetch_and_add(&counts.off_full, 1);
}

SEC("tp_btf/sched_switch")
int
BPF_PROG(on_switch, int preempt, struct task_struct *prev,
    struct task_struct *next, unsigned int state)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 tid = kernel_tid(next);
	struct cpu_away *a = bpf_map_lookup_elem(&away, &tid);

	if (a) {
		off_close(tid, a, now, 0);
		bpf_map_delete_elem(&away, &tid);
	}
	leave(prev, now, preempt, state);
	return 0;
}

/* Note that a thread has been woken: from now on it waits for a CPU. */
static __always_inline int
wake(struct task_struct *task)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 tid = kernel_tid(task);
	struct cpu_away *a = bpf_map_lookup_elem(&away, &tid);

	if (!a || a->state == CPU_READY)
		return 0;
	off_close(tid, a, now, 0);
	a->state = CPU_READY;
	a->begin = now;
	a->since = now;
	return 0;
}

SEC("tp_btf/sched_wakeup")
int
BPF_PROG(on_wakeup, struct task_struct *task)
{
	return wake(task);
}

/* A new thread waits for a CPU from its birth on. */
SEC("tp_btf/sched_wakeup_new")
int
BPF_PROG(on_birth, struct task_struct *task)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 pid = kernel_pid(task), tid = kernel_tid(task);
	struct walk_process *p = bpf_map_lookup_elem(&process, &pid);
	struct cpu_away a = { now, now, CPU_NO_STACK, pid, CPU_READY, 0, 0 };

	if (p && !(p->flags & WALK_HELD))
		bpf_map_update_elem(&away, &tid, &a, BPF_ANY);
	return 0;
}

/*
 * Emit the threads of ours that are off the CPU, and have been since before the
 * attach, or since before the code was known that they wait in: user space runs this for
 * all threads of the machine.  A thread that comes back at this very moment may be
 * emitted, too; a second run deletes it from `away'.
 */
SEC("iter/task")
int
on_scan(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u64 now = bpf_ktime_get_ns();
	struct cpu_seen seen = { 0 };
	struct walk_process *p;
	struct cpu_away a = { now, now, 0, 0, 0, 0, 0 }, *known;

	if (!task)
		return 0;
	a.pid = seen.pid = kernel_pid(task);
	seen.tid = kernel_tid(task);
	a.stack = seen.stack = CPU_SEEN_STACK | ((now << 22 | seen.tid) & ~(3ULL << 62));
	p = bpf_map_lookup_elem(&process, &seen.pid);
	if (!p || (p->flags & WALK_HELD) || (task->flags & KERNEL_EXITING))
		return 0;
	known = bpf_map_lookup_elem(&away, &seen.tid);
	if (task->on_cpu) {
		if (known && CPU_IS_SEEN(known->stack))
			bpf_map_delete_elem(&away, &seen.tid);
		return 0;
	}
	if (known && !known->early)
		return 0;
	a.state = off_state(0, task->__state);
	if (known) {
		known->early = 0;
		known->stack = seen.stack;
	} else if (bpf_map_update_elem(&away, &seen.tid, &a, BPF_NOEXIST)) {
		return 0;
	}
	machine_user_regs(task, &seen.regs);
	bpf_probe_read_kernel(&seen.leaf, sizeof seen.leaf, (const void *)machine_leaf(task));
	bpf_seq_write(ctx->meta->seq, &seen, sizeof seen);
	return 0;
}

/* Add a wait up to now, for bpf_for_each_map_elem(). */
static long
close_one(void *map, __u32 *tid, struct cpu_away *a, void *now)
{
	__u64 t = *(__u64 *)now;

	if (t > a->since && t - a->begin >= off_least)
		off_close(*tid, a, t, t);
	return 0;
}

/* Add the waits that go on up to now: user space runs this at the end of an interval. */
SEC("syscall")
int
on_interval(void *ctx)
{
	__u64 now = bpf_ktime_get_ns();

	bpf_for_each_map_elem(&away, close_one, &now, 0);
	return 0;
}
