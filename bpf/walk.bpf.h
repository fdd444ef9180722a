/*
 * The walk of a live user stack, in the kernel: the maps that bpf/walk.h
 * describes, the step of bpf/step_frame.h over them, and each distinct stack
 * emitted once through the ring buffer.
 *
 * A program calls walk_begin(), then walk_from(), or walk_user() of
 * bpf/walk_user.bpf.h, then walk_emit().  A struct walk has the registers of the frame
 * that the walk has come to, its mapping, a window of the stack, and the stack so far.
 * It is too big for a BPF stack and is in the map `scratch'.  A program may be
 * interrupted by another one on the same CPU, so each has its own area there, by a
 * key: of walk_key() for programs of WALK_BY_..., of walk_acquire() for one that may
 * be preempted by its like.
 *
 * The includer defines walk_stepped(), which is called after each step:
 * bpf/walk_cache.bpf.h does, to remember walks; else it is empty.
 */
#ifndef WALK_BPF_H
#define WALK_BPF_H

#include "bpf/kernel.bpf.h"
#include "bpf/step_frame.h"
#include "bpf/walk.h"

/*
 * The target's memory is read in aligned windows, which never cross a page: a
 * read of 8 bytes takes about as long as one of 512, and that is several frames.
 */
#define WALK_WINDOW 512

#define WALK_HELD_WORDS 64 /* registers, and the top of the kernel's stack */

/* The words of the stack that a walk depends on, see bpf/walk_cache.bpf.h. */
#define WALK_WORDS 112
struct walk_words {
	step_u64 sp;      /* the stack pointer at first */
	step_u64 fp_from; /* where fp was read; 0: it is as it was at first */
	step_u64 sum;     /* a hash of the words */
	step_u32 fp_used; /* fp as it was at first decides, too */
	step_u32 fp_known; /* fp as it is now has been noted */
	step_u32 tid;     /* the thread whose walk it is */
	step_u32 n;       /* words; WALK_WORDS + 1: this walk cannot be described so */
	step_u32 most;    /* the greatest of at[] */
	step_u16 at[WALK_WORDS]; /* positions of the words, in words from sp on */
};

struct walk {
	struct step_regs regs;
	struct walk_map map;  /* the mapping of the last frame */
	step_u32 first, n;    /* the process' mappings */
	step_u64 leaf;        /* the kernel's struct pt_regs of the first frame; or 0 */
	step_u64 returns;     /* pending uretprobes: struct return_instance */
	step_u64 hidden_at;   /* where a uretprobe has just put its address; or 0 */
	step_u64 hidden;      /* the return address that was there */
	step_u32 returning, pad; /* the uretprobe is being handled */
	step_u64 held[WALK_HELD_WORDS]; /* the kernel's registers and stack, for hidden */
	step_u32 frames;
	step_u32 acquired;    /* see walk_acquire() */
	step_u64 window;      /* the address that word[] is a copy of; or 0 */
	step_u64 word[WALK_WINDOW / 8];
	struct walk_words words;
	struct walk_stack out;
};

static __always_inline void walk_stepped(struct walk *w, step_u32 rule,
    const struct step_regs *before, enum step_end end);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, WALK_SEGMENTS);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 1);
		__uint(map_flags, BPF_F_MMAPABLE);
		__uint(key_size, sizeof(__u32));
		__uint(value_size, sizeof(struct walk_segment));
	});
} arena SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WALK_PROCESSES);
	__type(key, __u32);
	__type(value, struct walk_process);
} process SEC(".maps");

/* The areas, by their keys. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk);
} scratch SEC(".maps");

/* The ids of stacks that have been emitted. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u8);
} emitted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

/* The reader is woken when so many bytes wait; until then it looks now and then. */
const volatile __u64 ring_wake = 256 << 10;

/* A part of each stack's id: user space changes it to have all stacks emitted again. */
__u64 epoch;

/* ---- memory for the step ------------------------------------------------ */

/* Returns slot i of the arena, or NULL. */
static __always_inline __u64 *
walk_slot(__u32 i)
{
	__u32 segment = i >> WALK_SEGMENT_SHIFT, zero = 0;
	struct walk_segment *s;
	void *map = bpf_map_lookup_elem(&arena, &segment);

	if (!map || !(s = bpf_map_lookup_elem(map, &zero)))
		return NULL;
	return &s->slot[i & (WALK_SEGMENT_SLOTS - 1)];
}

STEP_INLINE int
step_row(struct walk *w, step_u32 i, struct step_row *row)
{
	__u64 *slot = i < w->map.nrow ? walk_slot(w->map.row + i) : NULL;

	if (!slot)
		return -1;
	row->offset = (__u32)*slot;
	row->rule = (__u32)(*slot >> 32);
	return 0;
}

STEP_INLINE int
step_page(struct walk *w, step_u32 p, step_u32 *low, step_u32 *high)
{
	__u64 *slot = p < w->map.npage ? walk_slot(w->map.page + p) : NULL;

	if (!slot)
		return -1;
	*low = (__u32)*slot;
	*high = (__u32)(*slot >> 32);
	return 0;
}

STEP_INLINE int
step_read(struct walk *w, step_u64 addr, step_u64 *out)
{
	__u64 window = addr & ~(WALK_WINDOW - 1ULL);

	if (addr & 7) /* code, which is read now and then */
		return bpf_probe_read_user(out, sizeof *out, (const void *)addr) != 0;
	if (w->window != window) {
		w->window = 0;
		if (bpf_probe_read_user(w->word, WALK_WINDOW, (const void *)window))
			return -1;
		w->window = window;
	}
	*out = w->word[(addr & (WALK_WINDOW - 1)) / 8];
	return 0;
}

STEP_INLINE int
step_leaf(struct walk *w, step_u32 n, step_u64 *out)
{
	return !w->leaf || bpf_probe_read_kernel(out, sizeof *out,
	    (const void *)(w->leaf + 8 * n));
}

/*
 * A pending uretprobe has put an address of its own in the place of a return
 * address.  The task has a list of those that were replaced, the innermost first.
 */
#define WALK_RETURNS 64 /* the kernel's own limit, MAX_URETPROBE_DEPTH */

struct walk_hidden {
	__u64 addr;     /* of the return address */
	__u64 instance; /* struct return_instance */
	__u64 found;    /* the return address that was replaced; 0: none was */
};

/* Compare one uretprobe with a struct walk_hidden: for bpf_loop(). */
static long
walk_instance(__u32 i, void *ctx)
{
	struct walk_hidden *h = ctx;
	struct return_instance *r = (struct return_instance *)h->instance;
	__u64 at;

	if (!r)
		return 1;
	at = BPF_CORE_READ(r, stack);
	if (at == h->addr)
		h->found = BPF_CORE_READ(r, orig_ret_vaddr);
	if (at >= h->addr)
		return 1;
	h->instance = (__u64)BPF_CORE_READ(r, next);
	return 0;
}

STEP_INLINE int
step_return(struct walk *w, step_u64 addr, step_u64 *out)
{
	struct walk_hidden h = { addr, w->returns, 0 };

	if (step_read(w, addr, out))
		return -1;
	if (addr == w->hidden_at) {
		*out = w->hidden;
		return 0;
	}
	if (!h.instance)
		return 0;
	bpf_loop(WALK_RETURNS, walk_instance, &h, 0);
	w->returns = h.instance;
	if (h.found)
		*out = h.found;
	return 0;
}

/* Set w->map to the mapping of an address.  Returns 0, or -1 where there is none.
 * The function is not static, so that it is verified once. */
__attribute__((noinline)) int
walk_find(struct walk *w, __u64 addr)
{
	__u32 low = 0, high;
	__u64 *slot;

	if (!w)
		return -1;
	high = w->n;
	if (addr - w->map.start < w->map.end - w->map.start)
		return 0;
	/* The last mapping that starts at or before the address is [low - 1]. */
	for (int i = 0; i < 15 && low < high; i++) {
		__u32 mid = low + (high - low) / 2;

		slot = walk_slot(w->first + mid * WALK_MAP_SLOTS);
		if (!slot)
			return -1;
		if (*slot <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return -1;
	slot = walk_slot(w->first + (low - 1) * WALK_MAP_SLOTS);
	if (!slot ||
	    bpf_probe_read_kernel(&w->map, sizeof w->map, slot))
		return -1;
	return addr - w->map.start < w->map.end - w->map.start ? 0 : -1;
}

STEP_INLINE int
step_mapped(struct walk *w, step_u64 addr)
{
	return walk_find(w, addr) == 0;
}

/* ---- the walk ---------------------------------------------------------- */

static __always_inline struct walk *
walk_scratch(__u32 key)
{
	return bpf_map_lookup_elem(&scratch, &key);
}

static __always_inline __u32
walk_key(enum walk_by by)
{
	return bpf_get_smp_processor_id() * WALK_BYS + by;
}

/* Acquire one of the CPU's areas and sets *key.  Returns -1 if none is free. */
static __always_inline int
walk_acquire(__u32 *key)
{
	__u32 first = bpf_get_smp_processor_id() * WALK_SHARED;

	for (int i = 0; i < WALK_SHARED; i++) {
		struct walk *w;

		*key = first + i;
		w = walk_scratch(*key);
		if (w && __sync_lock_test_and_set(&w->acquired, 1) == 0)
			return 0;
	}
	return -1;
}

static __always_inline void
walk_release(struct walk *w)
{
	__sync_lock_test_and_set(&w->acquired, 0);
}

/* Add an address to the stack.  Returns -1 if that is full. */
static __always_inline int
walk_add(struct walk *w, __u64 addr)
{
	__u32 n = w->out.n;

	if (n >= WALK_KERNEL_DEPTH + WALK_DEPTH)
		return -1;
	w->out.addr[n] = addr;
	w->out.n = n + 1;
	w->out.id = (w->out.id ^ addr) * 0x9e3779b97f4a7c15ULL;
	w->out.id ^= w->out.id >> 29;
	return 0;
}

/* Walk one frame, for bpf_loop(): ctx is the area's key.  Returns 1 to end the walk. */
static long
walk_frame(__u32 i, void *ctx)
{
	struct walk *w = walk_scratch(*(__u32 *)ctx);
	struct step_regs before;
	__u64 addr, offset;
	enum step_end end;
	step_u32 rule;

	if (!w)
		return 1;
	addr = w->regs.pc - !w->regs.exact;
	if (walk_find(w, addr)) {
		w->out.end = WALK_UNKNOWN;
		if (w->frames == 0)
			walk_add(w, addr);
		return 1;
	}
	if (w->frames++ >= WALK_DEPTH || walk_add(w, addr)) {
		w->out.end = WALK_DEEP;
		return 1;
	}
	if (w->map.kind != WALK_TABLE) {
		w->out.end = w->map.kind == WALK_PENDING ? WALK_LATER : WALK_NOINFO;
		return 1;
	}
	offset = addr - w->map.start + w->map.offset;
	rule = step_find(w, w->map.base, (__u32)offset);
	before = w->regs;
	end = step_frame(w, rule, &w->regs);
	walk_stepped(w, rule, &before, end);
	switch (end) {
	case STEP_OK: return 0;
	case STEP_END_ROOT: w->out.end = WALK_ROOT; break;
	case STEP_END_NONE: w->out.end = WALK_NOINFO; break;
	case STEP_END_BAD: w->out.end = WALK_BADINFO; break;
	case STEP_END_LATER: w->out.end = WALK_LATER; break;
	default: w->out.end = WALK_MEMORY; break;
	}
	return 1;
}

/* Begin an empty stack of a process' thread in the area of a key; or NULL. */
static __always_inline struct walk *
walk_begin(__u32 key, __u32 pid, const struct walk_process *p)
{
	struct walk *w = walk_scratch(key);

	if (!w)
		return NULL;
	w->first = p->first;
	w->n = p->n;
	w->frames = 0;
	w->window = 0;
	w->hidden_at = 0;
	w->map.start = w->map.end = 0;
	w->out.event = WALK_STACK;
	w->out.pid = pid;
	w->out.version = p->version;
	w->out.nkernel = w->out.n = 0;
	w->out.id = epoch ^ p->version ^ (__u64)pid << 32;
	w->out.end = WALK_NOSTACK;
	return w;
}

/* Add the kernel's frames, which bpf_get_stack() has put where the addresses begin:
 * `bytes` is what it returned. */
static __always_inline void
walk_kernel(struct walk *w, long bytes)
{
	__u32 n = bytes > 0 ? (__u32)bytes / 8 : 0;

	for (__u32 i = 0; i < WALK_KERNEL_DEPTH && i < n; i++)
		walk_add(w, w->out.addr[i]);
	w->out.nkernel = w->out.n;
}

/* Returns the uretprobes that a task has pending: a struct return_instance. */
static __always_inline __u64
walk_pending(struct task_struct *task)
{
	struct uprobe_task *utask = task->utask;

	return utask ? (__u64)utask->return_instances : 0;
}

/* Walk from w->regs on and adds the frames to those that are there already.
 * w->returns is set. */
static __always_inline void
walk_from(__u32 key, struct walk *w)
{
	w->regs.stacks = 0;
	/* As many rounds as frames, and one that finds that there are more. */
	bpf_loop(WALK_DEPTH + 1, walk_frame, &key, 0);
}

/* Put an event into the ring buffer.  Returns not 0 if there is no room. */
static __always_inline int
walk_put(void *event, __u64 size)
{
	__u64 flags = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= ring_wake
	    ? BPF_RB_FORCE_WAKEUP
	    : BPF_RB_NO_WAKEUP;

	return bpf_ringbuf_output(&ring, event, size, flags) != 0;
}

/* Returns the id of the stack, which is not 0. */
static __always_inline __u64
walk_id(const struct walk *w)
{
	__u64 id = w->out.id ^ w->out.end ^ (__u64)w->out.nkernel << 8;

	return id ? id : 1;
}

/* Emit the stack if it is new.  Returns its id, or 0 where there was no room. */
static __always_inline __u64
walk_emit(struct walk *w)
{
	__u64 id = walk_id(w), size;
	__u8 one = 1;

	if (bpf_map_lookup_elem(&emitted, &id))
		return id;
	w->out.id = id;
	size = WALK_STACK_HEAD + 8 * (__u64)w->out.n;
	if (size > sizeof w->out || walk_put(&w->out, size))
		return 0;
	bpf_map_update_elem(&emitted, &id, &one, BPF_ANY);
	return id;
}

#endif
