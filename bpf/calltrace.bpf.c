/*
 * Calls of functions, with their arguments and results, for heap/infer to find out
 * which of them allocate.  Each entry and each return is an event; a return is that
 * of the innermost call of the thread that was entered with the same stack pointer.
 */
#include "bpf/kernel.bpf.h"
#include "bpf/calltrace.h"
#include "machine.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

__u64 missed; /* events for which there was no room */

/* The calls of a thread that have not returned, the last DEPTH of n. */
#define DEPTH 16
struct calltrace_thread {
	__u32 n, pad;
	struct {
		__u64 sp, arg;
	} call[DEPTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct calltrace_thread);
} threads SEC(".maps");

static __always_inline struct calltrace_thread *
this_thread(void)
{
	return bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL,
	    BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline void
emit(struct calltrace_event *e)
{
	e->tid = (__u32)bpf_get_current_pid_tgid();
	if (bpf_ringbuf_output(&ring, e, sizeof *e, 0))
		__sync_fetch_and_add(&missed, 1);
}

static __always_inline void
enter(struct pt_regs *ctx, __u32 fn)
{
	struct calltrace_event e = { .fn = fn, .sp = PT_REGS_SP(ctx) };
	struct calltrace_thread *t = this_thread();

	e.word[0] = PT_REGS_PARM1(ctx);
	e.word[1] = PT_REGS_PARM2(ctx);
	e.word[2] = PT_REGS_PARM3(ctx);
	e.word[3] = PT_REGS_PARM4(ctx);
	if (t) {
		t->call[t->n & (DEPTH - 1)].sp = e.sp;
		t->call[t->n & (DEPTH - 1)].arg = e.word[0];
		t->n++;
	}
	emit(&e);
}

static __always_inline void
leave(struct pt_regs *ctx, __u32 fn)
{
	struct calltrace_event e = { .fn = fn | CALLTRACE_RETURN, .sp = machine_entry_sp(ctx) };
	struct calltrace_thread *t = this_thread();
	__u32 last;

	e.word[0] = PT_REGS_RC(ctx);
	for (int i = 0; t && i < DEPTH && t->n; i++) {
		last = --t->n & (DEPTH - 1);
		if (t->call[last].sp < e.sp)
			continue; /* its return was missed */
		if (t->call[last].sp == e.sp)
			bpf_probe_read_user(&e.word[1], sizeof e.word[1],
			    (const void *)t->call[last].arg);
		break;
	}
	emit(&e);
}

extern _Bool bpf_session_is_return(void) __ksym __weak;

SEC("kprobe")
int
on_session(struct pt_regs *ctx)
{
	__u32 fn = (__u32)bpf_get_attach_cookie(ctx);

	if (bpf_session_is_return())
		leave(ctx, fn);
	else
		enter(ctx, fn);
	return 0;
}

SEC("kprobe")
int
on_entry(struct pt_regs *ctx)
{
	enter(ctx, (__u32)bpf_get_attach_cookie(ctx));
	return 0;
}

SEC("kretprobe")
int
on_return(struct pt_regs *ctx)
{
	leave(ctx, (__u32)bpf_get_attach_cookie(ctx));
	return 0;
}
