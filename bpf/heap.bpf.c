/*
 * rsprof-heap(1) in the kernel: entries and returns of allocation functions, summed
 * up by site.
 *
 * Each thread of ours has a struct heap_thread, which holds the call that is under
 * way: one at a time, because calls that it makes itself do not count
 * (posix_memalign() calls malloc(), realloc() jumps there).  Entry and return are
 * paired by the thread and the stack pointer.  The stack is walked at the return,
 * from the caller on, so that a call that fails or never returns costs no walk.
 *
 * An allocation that is picked is added to its site (`sites', found by stack and
 * thread in `site_of') and to its process (`totals', by the number in `number_of'),
 * and is inserted into the table of live ones, whose entry leads its free back to both.
 */
#include "bpf/kernel.bpf.h"
#include "bpf/heap.h"
#include "bpf/heap_live.bpf.h"
#include "bpf/heap_weight.h"
#include "bpf/walk_cache.bpf.h"
#include "machine.bpf.h"

char LICENSE[] SEC("license") = "GPL";

const volatile int children;     /* children of a process are ours, too */
const volatile int stop_at_exec; /* stop a process at its execve(2), for its probes */
const volatile __u32 logs[HEAP_LOG];
const volatile __u32 weights[HEAP_WEIGHT];

struct heap_rate rates[HEAP_RATES];
struct heap_usdt usdts[HEAP_USDTS];
__u32 rate; /* the one in force */

struct heap_counts counts;
__u32 armings;    /* how often probes were added or removed */
__u32 nsites;     /* sites in use, site 0 included */
__u32 site_room;  /* sites for which there are segments */
__u32 site_ask_at; /* more sites: there should be more room */
__u32 site_crowded; /* that was asked for; user space sets it back */
__u32 nprocesses; /* the last number of a process */
__u32 logged;     /* the process whose calls are logged, by number: user space sums them */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, HEAP_SEGMENTS);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, HEAP_SEGMENT_SITES);
		__uint(map_flags, BPF_F_MMAPABLE);
		__uint(key_size, sizeof(__u32));
		__uint(value_size, sizeof(struct heap_site));
	});
} sites SEC(".maps");

struct site_key {
	__u64 stack;
	__u32 tid, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, HEAP_SITES_MOST);
	__type(key, struct site_key);
	__type(value, __u32);
} site_of SEC(".maps");

/* The numbers of processes of ours, by pid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HEAP_PROCESSES);
	__type(key, __u32); /* pid */
	__type(value, __u32);
} number_of SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, HEAP_PROCESSES);
	__type(key, __u32);
	__type(value, struct heap_total);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct heap_hits);
} hits SEC(".maps");

/* What is lost of a call: the first that is, so that each counts once. */
enum loss {
	LOSS_NONE,
	LOSS_STACK, /* the ring has no room for it */
	LOSS_SITE,  /* there is no room for it */
	LOSS_WALK   /* the stack was not walked */
};

/* A thread of ours. */
struct heap_thread {
	__u32 number; /* of its process */
	__u32 pid, tid;
	__u32 nested; /* calls since the one that is under way began */
	__u64 sp;     /* the stack pointer at its entry; 0: none is under way */
	__u32 arming; /* `armings' when it began: after a change its return is missed */
	__u32 loss;   /* enum loss: of the call that has returned */
	__u64 shape, size;
	__u64 from;   /* its pointer argument */
	struct heap_entry old; /* the allocation that realloc() was given; key 0: unknown */
	__u32 rate, picked;
	__u64 last;   /* the address allocated last, unless another was freed since */
	__u64 freed;  /* the address freed last: two layers may free it one after the other */
	__u64 until;  /* bytes up to the next picked one; 0: not drawn yet */
	__u64 foreign; /* the address that code which does not count was given last */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct heap_thread);
} threads SEC(".maps");

/* ---- numbers ----------------------------------------------------------- */

/* Returns the position of the highest bit that is set. */
static __always_inline __u32
log2_floor(__u64 x)
{
	__u32 n = 0;

	if (x >> 32) { x >>= 32; n += 32; }
	if (x >> 16) { x >>= 16; n += 16; }
	if (x >> 8) { x >>= 8; n += 8; }
	if (x >> 4) { x >>= 4; n += 4; }
	if (x >> 2) { x >>= 2; n += 2; }
	return n + (__u32)(x >> 1);
}

/* Draw the distance to the next picked allocation, which is distributed exponentially:
 * -ln(u / 2^32) * period, of a random u. */
static __always_inline __u64
draw(__u64 period)
{
	__u64 u = bpf_get_prandom_u32() + 1ULL, log, rest;
	__u32 n = log2_floor(u), i;

	rest = n >= 24 ? u << (40 - n) : u << 16 << (24 - n); /* 1.40 */
	rest &= (1ULL << 40) - 1;
	i = (__u32)(rest >> (40 - HEAP_LOG_SHIFT));
	if (i >= HEAP_LOG - 1)
		return period;
	log = logs[i] + ((logs[i + 1] - logs[i]) *
	    (rest >> (40 - HEAP_LOG_SHIFT - 16) & 0xffff) >> 16);
	log = ((__u64)(32 - n) << 24) - log; /* -log2(u / 2^32), 24 places */
	log = log * 11629080 >> 24;          /* ln 2, 24 places */
	return (period * (log >> 8) >> 16) + 1;
}

/* Returns the weight of an allocation by a rate. */
static __always_inline __u64
weigh(__u64 size, __u32 r)
{
	struct heap_rate *h = &rates[r & (HEAP_RATES - 1)];

	return heap_weight(size, h->period, weights) * h->scale >> HEAP_POINT;
}

/* Returns whether an allocation of this size is picked. */
static __always_inline int
pick(struct heap_thread *t, __u64 size)
{
	__u64 period = rates[rate & (HEAP_RATES - 1)].period;

	t->rate = rate & (HEAP_RATES - 1);
	if (period == 0)
		return 1;
	/* Programs count an allocation of nothing as one of a byte. */
	if (size == 0)
		size = 1;
	if (t->until == 0)
		t->until = draw(period);
	if (size < t->until) {
		t->until -= size;
		return 0;
	}
	t->until = draw(period);
	return 1;
}

/* ---- sites ------------------------------------------------------------- */

/* Returns a site by its number, or NULL. */
static __always_inline struct heap_site *
site_at(__u32 i)
{
	__u32 segment = i >> HEAP_SEGMENT_SHIFT, at = i & (HEAP_SEGMENT_SITES - 1);
	void *map = bpf_map_lookup_elem(&sites, &segment);

	return map ? bpf_map_lookup_elem(map, &at) : NULL;
}

/* Make a new site.  Returns its number; 0: there is no room. */
static __always_inline __u32
site_new(const struct heap_thread *t, const struct site_key *key)
{
	struct heap_site *s;
	__u32 n, old = nsites;

	/* Without this, numbers would be wasted. */
	if (old >= site_room)
		return 0;
	n = __sync_fetch_and_add(&nsites, 1);
	if (n >= site_room || !(s = site_at(n))) {
		__sync_fetch_and_sub(&nsites, 1);
		return 0;
	}
	if (n >= site_ask_at)
		ask_for_room(&site_crowded);
	s->stack = key->stack;
	s->pid = t->pid;
	s->tid = t->tid;
	bpf_map_update_elem(&site_of, key, &n, BPF_NOEXIST);
	return n;
}

/* Returns the number of the site of a thread and stack; 0: it is a new one. */
static __always_inline __u32
site_known(const struct heap_thread *t, __u64 stack)
{
	struct site_key key = { stack, t->tid, 0 };
	__u32 *known = bpf_map_lookup_elem(&site_of, &key);

	return known ? *known : 0;
}

/* Returns the number of the site of a thread and stack; a new one if need be.  Where there
 * is no room for it that is what is lost, whatever else is. */
static __always_inline __u32
site_number(struct heap_thread *t, __u64 stack)
{
	struct site_key key = { stack, t->tid, 0 };
	__u32 n = site_known(t, stack);

	if (!n)
		n = site_new(t, &key);
	if (!n)
		t->loss = LOSS_SITE;
	return n;
}

/* Returns the number of a site for a stack that is lost, for a reason. */
static __always_inline __u32
site_of_lost(struct heap_thread *t, enum loss loss)
{
	t->loss = loss;
	return site_number(t, 0);
}

/* Count what is lost of a thread's call, if anything is. */
static __always_inline void
count_loss(const struct heap_thread *t)
{
	if (t->loss == LOSS_STACK)
		__sync_fetch_and_add(&counts.ring_full, 1);
	else if (t->loss == LOSS_SITE)
		__sync_fetch_and_add(&counts.sites_full, 1);
	else if (t->loss == LOSS_WALK)
		__sync_fetch_and_add(&counts.scratch, 1);
}

/* Raise a peak to a value, if it is lower. */
static __always_inline void
raise_to(__u64 *peak, __u64 value)
{
	for (int i = 0; i < 8; i++) {
		__u64 now = *(volatile __u64 *)peak;

		if (value <= now ||
		    __sync_val_compare_and_swap(peak, now, value) == now)
			return;
	}
}

/* Returns the square root of a sum of squares, by Newton's method from a number that is
 * at most twice as large: three steps leave an error of 1 in 1,000. */
static __always_inline __u64
root(const struct heap_squares *v)
{
	__u64 high = v->high + (v->low >> 32);
	__u64 square = high >> 32 ? high : high << 32 | (v->low & 0xffffffff);
	__u64 x = 2ULL << (log2_floor(square | 1) / 2);

	for (int i = 0; i < 3; i++)
		x = (x + square / x) / 2;
	return high >> 32 ? x << 16 : x;
}

/* ---- allocations and frees ---------------------------------------------- */

static __always_inline __u64
entry_size(const struct heap_entry *e)
{
	return e->what & HEAP_SIZE_MOST;
}

static __always_inline void
add_square(struct heap_squares *to, __u64 square)
{
	__sync_fetch_and_add(&to->low, square & 0xffffffff);
	__sync_fetch_and_add(&to->high, square >> 32);
}

static __always_inline void
sub_square(struct heap_squares *to, __u64 square)
{
	__sync_fetch_and_sub(&to->low, square & 0xffffffff);
	__sync_fetch_and_sub(&to->high, square >> 32);
}

/* Raise a peak to what was live for certain.  The most of an estimate, of all moments, is that
 * of its error: where samples are few, a chance of 1 in 10,000 is not seldom. */
static __always_inline void
raise_peak(__u64 *peak, __u64 live, const struct heap_squares *var)
{
	__u64 error = var->low || var->high ? 4 * root(var) << HEAP_POINT : 0;

	if (live > error)
		raise_to(peak, live - error);
}

/* Add the variance of an allocation, with which so much is live in its process and at its
 * site.  Not static: so it is verified once, and not in each of its callers. */
__noinline int
add_variance(struct heap_total *total, __u64 all, struct heap_site *s, __u64 here,
    __u64 square)
{
	if (!total || !s)
		return 0;
	if (square) {
		add_square(&s->bytes_var, square);
		add_square(&s->live_var, square);
		add_square(&total->bytes_var, square);
		add_square(&total->live_var, square);
	}
	raise_peak(&s->peak, here, &s->live_var);
	raise_peak(&total->peak, all, &total->live_var);
	return 0;
}

/* Add an allocation to a process and a site. */
static __always_inline void
add_alloc(struct heap_total *total, struct heap_site *s, __u64 size, __u64 weight)
{
	__u64 square = heap_variance(size, weight);
	__u32 bucket = log2_floor(size | 1);
	__u64 bytes = size * weight, here, all;

	if (bucket >= HEAP_SIZES)
		bucket = HEAP_SIZES - 1;
	__sync_fetch_and_add(&s->samples, 1);
	__sync_fetch_and_add(&s->allocs, weight);
	__sync_fetch_and_add(&s->bytes, bytes);
	here = __sync_fetch_and_add(&s->live, bytes) + bytes;
	__sync_fetch_and_add(&s->sizes[bucket],
	    (__u32)((weight + HEAP_ONE / 2) >> HEAP_POINT));
	__sync_fetch_and_add(&total->allocs, weight);
	__sync_fetch_and_add(&total->bytes, bytes);
	all = __sync_fetch_and_add(&total->live, bytes) + bytes;
	add_variance(total, all, s, here, square);
}

/* Subtract an allocation from what lives.  s may be NULL. */
static __always_inline void
sub_live(struct heap_total *total, struct heap_site *s, __u64 size, __u64 weight)
{
	__u64 square = heap_variance(size, weight);

	__sync_fetch_and_add(&total->frees, weight);
	__sync_fetch_and_sub(&total->live, size * weight);
	if (square)
		sub_square(&total->live_var, square);
	if (!s)
		return;
	__sync_fetch_and_add(&s->frees, weight);
	__sync_fetch_and_sub(&s->live, size * weight);
	if (square)
		sub_square(&s->live_var, square);
}

/* Add the free of an allocation.  lost: it is not known when it was freed. */
static __always_inline void
add_free(struct heap_total *total, const struct heap_entry *e, __u64 now, int temp,
    int lost)
{
	__u64 size = entry_size(e), when = e->when >> HEAP_RATE_BITS;
	__u64 weight = weigh(size, (__u32)(e->when & (HEAP_RATES - 1)));
	struct heap_site *s = site_at((__u32)(e->what >> HEAP_SIZE_BITS));
	__u32 bucket = log2_floor(now > when ? now - when : 1);

	sub_live(total, s, size, weight);
	if (!s)
		return;
	if (bucket >= HEAP_LIVES)
		bucket = HEAP_LIVES - 1;
	if (temp)
		__sync_fetch_and_add(&s->temps, weight);
	if (!lost)
		__sync_fetch_and_add(&s->lives[bucket],
		    (__u32)((weight + HEAP_ONE / 2) >> HEAP_POINT));
}

/* ---- the log ------------------------------------------------------------ */

/* Log a call of a thread; a free if the site is HEAP_FREED.  Returns -1 if there is no room,
 * which is counted. */
static __always_inline int
log_call(const struct heap_thread *t, enum heap_event event, __u32 site, __u64 addr,
    __u64 size)
{
	struct heap_call c = { event, t->pid, t->tid, site, bpf_ktime_get_ns(), addr,
		size };

	if (bpf_ringbuf_output(&ring, &c, sizeof c, BPF_RB_NO_WAKEUP) == 0)
		return 0;
	__sync_fetch_and_add(&counts.unlogged, 1);
	return -1;
}

/* Log the free of memory. */
static __always_inline void
log_free(const struct heap_thread *t, enum heap_event event, __u64 addr)
{
	__u64 head = 0;

	bpf_probe_read_user(&head, sizeof head, (const void *)(addr - sizeof head));
	log_call(t, event, HEAP_FREED, addr, head);
}

/* Returns whether the calls of a thread's process are logged. */
static __always_inline int
is_logged(const struct heap_thread *t)
{
	return logged && t->number == logged;
}

/* ---- callers ------------------------------------------------------------ */

#define FOREIGN (~0ULL) /* the site of calls from code that does not count */

/* Walk the stack of a call that has just returned.  Returns its site, or FOREIGN. */
static __always_inline __u64
walk_site(struct pt_regs *ctx, struct heap_thread *t, struct walk *w,
    __u32 key, struct task_struct *task)
{
	struct step_regs regs = w->regs;
	__u64 stack, site;
	int foreign;

	__sync_fetch_and_add(&counts.walked, 1);
	foreign = (t->shape & HEAP_RUST_ONLY) &&
	    (walk_find(w, regs.pc - 1) || !w->map.rust);
	if (foreign) {
		walk_words_begin(w);
		walk_cache_keep(w, &regs, FOREIGN);
		return FOREIGN;
	}
	walk_words_begin(w);
	walk_from(key, w);
	/* The stack of a known site has been emitted, even if `emitted' has no room for it; and
	 * where there is no room for a site its stack would only fill the ring. */
	stack = walk_id(w);
	site = site_known(t, stack);
	if (!site && nsites < site_room && !walk_emit(w))
		return site_of_lost(t, LOSS_STACK);
	if (!site)
		site = site_number(t, stack);
	if (site)
		walk_cache_keep(w, &regs, site);
	return site;
}

/* Returns the site of a call that has returned to pc with this stack pointer, or
 * FOREIGN, and notes what is lost of it.  exact: pc is no return address but the instruction
 * that executes. */
static __always_inline __u64
find_site(struct pt_regs *ctx, struct heap_thread *t, __u64 pc, __u64 sp, int exact)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 pid = t->pid, key;
	struct walk_process *p = bpf_map_lookup_elem(&process, &pid);
	struct return_instance *pending;
	struct walk *w;
	__u64 site = 0;

	t->loss = LOSS_NONE;
	if (!p || walk_acquire(&key))
		return site_of_lost(t, LOSS_WALK);
	w = walk_begin(key, pid, p);
	if (w) {
		w->regs.pc = pc;
		w->regs.sp = sp;
		w->regs.fp = PT_REGS_FP(ctx);
		w->regs.exact = exact;
		w->words.tid = t->tid;
		/* Older kernels still have the uretprobe that is being handled in the list. */
		pending = (struct return_instance *)walk_pending(task);
		if (pending && BPF_CORE_READ(pending, stack) < w->regs.sp)
			pending = BPF_CORE_READ(pending, next);
		w->returns = (__u64)pending;
		site = walk_cache_find(w, key);
		if (site)
			__sync_fetch_and_add(&counts.remembered, 1);
		else
			site = walk_site(ctx, t, w, key, task);
		walk_release(w);
	}
	return site;
}

/* ---- threads ----------------------------------------------------------- */

/* Returns whether a thread is ours; its process may have become so since. */
static __always_inline int
is_ours(struct heap_thread *t, struct task_struct *task)
{
	__u32 *number;

	if (t->number)
		return 1;
	t->pid = kernel_pid(task);
	t->tid = kernel_tid(task);
	number = bpf_map_lookup_elem(&number_of, &t->pid);
	if (!number || *number == 0)
		return 0;
	t->number = *number;
	return 1;
}

/* Returns the current thread; NULL: it is not ours. */
static __always_inline struct heap_thread *
this_thread(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct heap_thread *t = bpf_task_storage_get(&threads, task, NULL,
	    BPF_LOCAL_STORAGE_GET_F_CREATE);

	return t && is_ours(t, task) ? t : NULL;
}

static __always_inline struct heap_total *
total_of(const struct heap_thread *t)
{
	__u32 i = t->number;

	return bpf_map_lookup_elem(&totals, &i);
}

/* Returns whether allocations of a thread's process count where a gate samples them. */
static __always_inline int
is_by_gate(const struct heap_thread *t)
{
	struct heap_total *total = total_of(t);

	return total && total->by_gate;
}

/* ---- hits -------------------------------------------------------------- */

#define TIMED 63 /* one in 64 hits is timed */

/* Begin a hit.  *began is its time; 0: it is not timed. */
static __always_inline struct heap_hits *
hit_begin(__u64 *began)
{
	__u32 zero = 0;
	struct heap_hits *h = bpf_map_lookup_elem(&hits, &zero);

	*began = 0;
	if (h && ((h->entries + h->returns + h->frees) & TIMED) == 0)
		*began = bpf_ktime_get_ns();
	return h;
}

static __always_inline void
hit_end(struct heap_hits *h, __u64 began)
{
	if (!h || !began)
		return;
	h->timed++;
	h->ns += bpf_ktime_get_ns() - began;
}

/* ---- entries ----------------------------------------------------------- */

/* Returns argument n, from 1 on; 0: there is none.  All are loaded before one is chosen:
 * the verifier wants offsets into the registers to be constant. */
static __always_inline __u64
argument(struct pt_regs *ctx, __u32 n)
{
	__u64 di = PT_REGS_PARM1(ctx), si = PT_REGS_PARM2(ctx);
	__u64 dx = PT_REGS_PARM3(ctx), cx = PT_REGS_PARM4(ctx);

	barrier_var(di);
	barrier_var(si);
	barrier_var(dx);
	barrier_var(cx);
	switch (n) {
	case 1: return di;
	case 2: return si;
	case 3: return dx;
	case 4: return cx;
	default: return 0;
	}
}

#define NESTED_MOST 256 /* calls: more, and the end of the one under way was missed */

/* Returns whether a call is made by the one that is under way. */
static __always_inline int
is_nested(struct heap_thread *t, __u64 sp)
{
	if (t->sp == 0)
		return 0;
	if (t->arming == armings && sp <= t->sp && ++t->nested < NESTED_MOST)
		return 1;
	t->sp = 0;
	if (t->arming == armings)
		__sync_fetch_and_add(&counts.returns, 1);
	return 0;
}

/* Begin a call.  Returns 1 if its return does not matter. */
static __always_inline int
enter(struct pt_regs *ctx, __u64 shape)
{
	struct heap_thread *t = this_thread();
	__u64 sp = PT_REGS_SP(ctx), times;

	if (!t || is_nested(t, sp))
		return 1;
	t->size = argument(ctx, shape >> 8 & 15);
	times = shape >> 12 & 15;
	if (times)
		t->size *= argument(ctx, (__u32)times);
	t->from = argument(ctx, shape >> 4 & 15);
	t->last = t->freed = 0;
	t->old.key = 0;
	if ((shape & 15) == HEAP_REALLOC && t->from &&
	    !live_remove(live_key(t->number, t->from), &t->old))
		t->old.key = 0;
	if ((shape & 15) == HEAP_REALLOC && t->from && is_logged(t))
		log_free(t, HEAP_RELOGGED, t->from);
	t->picked = !is_by_gate(t) && pick(t, t->size);
	if (!t->picked && !t->old.key)
		return 1;
	t->shape = shape;
	t->nested = 0;
	t->arming = armings;
	t->sp = sp;
	return 0;
}

/* Returns whether a function that has just been entered was called by code that counts. */
static __always_inline int
is_counted(struct pt_regs *ctx, const struct heap_thread *t, __u64 shape)
{
	__u64 pc;
	__u32 pid = t->pid, key;
	struct walk_process *p = bpf_map_lookup_elem(&process, &pid);
	struct walk *w;
	int counted = 0;

	if (!(shape & HEAP_RUST_ONLY))
		return 1;
	if (!p || machine_return_address(ctx, &pc) ||
	    walk_acquire(&key))
		return 0;
	w = walk_begin(key, pid, p);
	if (w) {
		counted = walk_find(w, pc - 1) == 0 && w->map.rust;
		walk_release(w);
	}
	return counted;
}

/* Handle the entry of a free. */
static __always_inline void
free_(struct pt_regs *ctx, __u64 shape)
{
	struct heap_thread *t = this_thread();
	struct heap_entry e = { 0 };
	struct heap_total *total;
	__u64 addr;
	int again;

	if (!t || is_nested(t, PT_REGS_SP(ctx)))
		return;
	addr = argument(ctx, shape >> 4 & 15);
	total = total_of(t);
	if (!addr || !total)
		return;
	/* A second layer frees what is gone already; another thread may have allocated the
	 * same address since. */
	again = addr == t->freed;
	t->freed = addr;
	if (is_logged(t) && !again)
		log_free(t, HEAP_LOGGED, addr);
	if (live_remove(live_key(t->number, addr), &e))
		add_free(total, &e, bpf_ktime_get_ns(), t->last == addr, 0);
	else if (again)
		return;
	else if (rates[rate & (HEAP_RATES - 1)].period == 0 && !is_logged(t) &&
	    is_counted(ctx, t, shape))
		__sync_fetch_and_add(&total->unknown, 1);
	if (t->last == addr)
		t->last = 0;
}

/* ---- returns ----------------------------------------------------------- */

/* Returns the address of the memory that a call has allocated; 0: it has failed. */
static __always_inline __u64
result(struct pt_regs *ctx, const struct heap_thread *t)
{
	__u64 addr = PT_REGS_RC(ctx);

	if ((t->shape & 15) != HEAP_MEMALIGN)
		return addr;
	if ((__u32)addr || bpf_probe_read_user(&addr, sizeof addr, (const void *)t->from))
		return 0;
	return addr;
}

/* Insert an allocation of a site, which lives from now on; addr 0: its free will not
 * be seen. */
static __always_inline void
insert(struct heap_thread *t, struct heap_total *total, __u64 addr, __u32 site,
    __u64 now)
{
	__u64 size = t->size < HEAP_SIZE_MOST ? t->size : HEAP_SIZE_MOST, weight;
	struct heap_entry e = { live_key(t->number, addr),
		size | (__u64)site << HEAP_SIZE_BITS, now << HEAP_RATE_BITS | t->rate }, was;
	struct heap_site *s = site_at(site);

	/* The allocator uses an address again only after a free. */
	if (addr && live_remove(e.key, &was)) {
		add_free(total, &was, now, 0, 1);
		__sync_fetch_and_add(&counts.reused, 1);
	}
	if (!s)
		return;
	weight = weigh(size, t->rate);
	add_alloc(total, s, size, weight);
	if (rates[t->rate & (HEAP_RATES - 1)].period == 0 && !total->by_gate &&
	    (total->allocs - total->frees) >> HEAP_POINT > live_ask_at)
		ask_for_room(&live_crowded);
	if (!addr || live_insert(&e)) {
		/* Its free will not be recognised: count it as freed. */
		__sync_fetch_and_add(&counts.live_full, 1);
		sub_live(total, s, size, weight);
	} else {
		count_loss(t);
	}
	t->last = addr;
}

/* Log an allocation of a site. */
static __always_inline void
log_alloc(struct heap_thread *t, struct heap_total *total, __u64 addr, __u64 site,
    __u64 now)
{
	struct heap_entry was;

	if (live_remove(live_key(t->number, addr), &was))
		add_free(total, &was, now, 0, 1);
	if (log_call(t, (t->shape & 15) == HEAP_REALLOC && t->from ? HEAP_RELOGGED : HEAP_LOGGED,
	        site == FOREIGN ? HEAP_ALIEN : (__u32)site, addr, t->size) == 0)
		count_loss(t);
	t->last = addr;
}

/* Add a realloc() by a site that has succeeded; the memory is at addr now. */
static __always_inline void
add_realloc(struct heap_thread *t, __u64 addr, __u32 site)
{
	struct heap_site *s = site_at(site);
	__u64 weight, size;

	if (!s || !t->old.key)
		return;
	weight = weigh(t->size, t->rate);
	size = entry_size(&t->old);
	if (size > t->size)
		size = t->size;
	if (addr == t->from) {
		__sync_fetch_and_add(&s->inplace, weight);
		return;
	}
	__sync_fetch_and_add(&s->moved, weight);
	__sync_fetch_and_add(&s->copied, size * weight);
}

/* Put back the block that realloc() was given, since it has failed: nothing has changed. */
static __always_inline void
restore(struct heap_total *total, const struct heap_entry *old)
{
	if (live_insert(old) == 0)
		return;
	/* Its free will not be recognised: count it as freed. */
	__sync_fetch_and_add(&counts.live_full, 1);
	add_free(total, old, bpf_ktime_get_ns(), 0, 1);
}

/* Handle the return of the call that is under way. */
static __always_inline void
finish(struct pt_regs *ctx, struct heap_thread *t)
{
	struct heap_total *total = total_of(t);
	__u64 addr = result(ctx, t), now, site;

	if (!total)
		return;
	if (!addr && t->old.key && t->size) {
		restore(total, &t->old);
		return;
	}
	if (!addr && !t->old.key && !is_logged(t))
		return;
	now = bpf_ktime_get_ns();
	if (t->old.key)
		add_free(total, &t->old, now, 0, 0);
	if (!addr || !t->picked)
		return;
	site = find_site(ctx, t, PT_REGS_IP(ctx), PT_REGS_SP(ctx), 0);
	if (is_logged(t)) {
		log_alloc(t, total, addr, site, now);
		return;
	}
	if (site == FOREIGN) {
		t->foreign = addr;
		return;
	}
	if ((t->shape & 15) == HEAP_REALLOC)
		add_realloc(t, addr, (__u32)site);
	insert(t, total, addr, (__u32)site, now);
}

/* End the call that is under way, unless the return is of one that it has made. */
static __always_inline void
leave(struct pt_regs *ctx)
{
	struct heap_thread *t = this_thread();
	__u64 sp = machine_entry_sp(ctx);

	if (!t || !t->sp || sp < t->sp)
		return;
	if (sp == t->sp)
		finish(ctx, t);
	else if (t->arming == armings)
		__sync_fetch_and_add(&counts.returns, 1);
	t->sp = 0;
}

/* ---- programs ---------------------------------------------------------- */

extern _Bool bpf_session_is_return(void) __ksym __weak;

/* An entry and, if that has not returned 1, the return. */
SEC("kprobe")
int
on_session(struct pt_regs *ctx)
{
	int returns = bpf_session_is_return(), skip = 0;
	__u64 began;
	struct heap_hits *h = hit_begin(&began);

	if (returns)
		leave(ctx);
	else
		skip = enter(ctx, bpf_get_attach_cookie(ctx));
	if (h && returns)
		h->returns++;
	else if (h)
		h->entries++;
	hit_end(h, began);
	return skip;
}

SEC("kprobe")
int
on_entry(struct pt_regs *ctx)
{
	__u64 began;
	struct heap_hits *h = hit_begin(&began);

	enter(ctx, bpf_get_attach_cookie(ctx));
	if (h)
		h->entries++;
	hit_end(h, began);
	return 0;
}

SEC("kretprobe")
int
on_return(struct pt_regs *ctx)
{
	__u64 began;
	struct heap_hits *h = hit_begin(&began);

	leave(ctx);
	if (h)
		h->returns++;
	hit_end(h, began);
	return 0;
}

SEC("kprobe")
int
on_free(struct pt_regs *ctx)
{
	__u64 began;
	struct heap_hits *h = hit_begin(&began);

	free_(ctx, bpf_get_attach_cookie(ctx));
	if (h)
		h->frees++;
	hit_end(h, began);
	return 0;
}

/* Returns the rate with a period, the one in force first. */
static __always_inline __u32
rate_of(__u64 period)
{
	__u32 now = rate;

	for (__u32 i = 0; i < HEAP_RATES; i++) {
		__u32 r = (now - i) & (HEAP_RATES - 1);

		if (rates[r].period == period)
			return r;
	}
	return now & (HEAP_RATES - 1);
}

/* Returns whether a sampled block does not count, since all allocations are recorded: then
 * a probe has seen it.  One that the gate has called returns there, to code that does not
 * count: it is recorded here. */
static __always_inline int
is_recorded(struct heap_thread *t, __u64 addr)
{
	int called = addr && t->foreign == addr;

	__sync_fetch_and_add(&counts.gate_seen, 1);
	if (called || live_has(live_key(t->number, addr)))
		__sync_fetch_and_add(&counts.gate_known, 1);
	t->foreign = 0;
	return !called;
}

/* The gate has sampled an allocation of a size, by a period: see lib/gate/abi.h.  The
 * block is 0 if its free will not come by.  All is as before the function returns. */
SEC("kprobe")
int
on_sampled(struct pt_regs *ctx)
{
	struct heap_thread *t = this_thread();
	__u64 sp = PT_REGS_SP(ctx), pc, began;
	struct heap_total *total;
	struct heap_hits *h;

	if (!t || bpf_probe_read_user(&pc, sizeof pc, (const void *)sp))
		return 0;
	total = total_of(t);
	if (!total || (!total->by_gate && is_recorded(t, PT_REGS_PARM3(ctx))))
		return 0;
	h = hit_begin(&began);
	t->size = PT_REGS_PARM1(ctx);
	t->rate = rate_of(total->by_gate ? PT_REGS_PARM2(ctx) : 0);
	t->shape = 0;
	t->sp = t->freed = 0;
	insert(t, total, PT_REGS_PARM3(ctx), (__u32)find_site(ctx, t, pc, sp + sizeof pc, 0),
	    bpf_ktime_get_ns());
	if (h)
		h->entries++;
	hit_end(h, began);
	return 0;
}

/* ---- allocators that sample by themselves ------------------------------- */

/* Returns argument i of a static probe. */
static __always_inline __u64
usdt_argument(struct pt_regs *ctx, const struct heap_usdt *u, __u32 i)
{
	struct heap_usdt_arg a = u->arg[i];
	__u64 value = a.n;
	__u32 unused = 64 - 8 * a.size;

	if (a.kind != HEAP_USDT_NUMBER &&
	    bpf_probe_read_kernel(&value, sizeof value, (void *)ctx + a.reg))
		return 0;
	if (a.kind == HEAP_USDT_MEMORY &&
	    bpf_probe_read_user(&value, sizeof value, (const void *)(value + a.n)))
		return 0;
	value <<= unused & 63;
	return a.negative ? (__u64)((long long)value >> (unused & 63))
	                  : value >> (unused & 63);
}

/* Returns the weight that a rate stands for. */
static __always_inline __u64
step_weight(__u32 r)
{
	r &= HEAP_RATES - 1;
	barrier_var(r);
	return rates[r].scale;
}

/* Returns the arguments of the static probe that was hit. */
static __always_inline const struct heap_usdt *
usdt_of(struct pt_regs *ctx)
{
	__u64 i = bpf_get_attach_cookie(ctx) >> 4 & (HEAP_USDTS - 1);

	barrier_var(i);
	return &usdts[i & (HEAP_USDTS - 1)];
}

/* Returns the number of a rate that stands for a weight, of HEAP_POINT places, on
 * average. */
static __always_inline __u32
rate_of_weight(__u64 weight)
{
	__u32 at = HEAP_STEP_FIRST;
	__u64 low, high;

	for (__u32 step = 128; step; step >>= 1) {
		__u32 next = at + step;

		if (next < HEAP_RATES - 1 && step_weight(next) <= weight)
			at = next;
	}
	low = step_weight(at);
	high = step_weight(at + 1);
	if (weight <= low || high <= low)
		return at;
	return at + (((weight - low) << 16) / (high - low) > (bpf_get_prandom_u32() & 0xffff));
}

/* An allocator has sampled an allocation. */
SEC("kprobe")
int
on_weighed(struct pt_regs *ctx)
{
	struct heap_thread *t = this_thread();
	const struct heap_usdt *u = usdt_of(ctx);
	struct heap_total *total = t ? total_of(t) : NULL;
	__u64 began, bytes;
	struct heap_hits *h;

	if (!total)
		return 0;
	h = hit_begin(&began);
	t->size = usdt_argument(ctx, u, 1);
	bytes = usdt_argument(ctx, u, 2);
	if (bytes > HEAP_SIZE_MOST)
		bytes = HEAP_SIZE_MOST;
	t->rate = rate_of_weight((bytes << HEAP_POINT) / (t->size ? t->size : 1));
	t->shape = 0;
	t->sp = t->freed = 0;
	insert(t, total, usdt_argument(ctx, u, 0),
	    (__u32)find_site(ctx, t, PT_REGS_IP(ctx), PT_REGS_SP(ctx), 1),
	    bpf_ktime_get_ns());
	if (h)
		h->entries++;
	hit_end(h, began);
	return 0;
}

/* An allocator frees what it has sampled. */
SEC("kprobe")
int
on_released(struct pt_regs *ctx)
{
	struct heap_thread *t = this_thread();
	const struct heap_usdt *u = usdt_of(ctx);
	struct heap_total *total = t ? total_of(t) : NULL;
	struct heap_entry e = { 0 };
	struct heap_hits *h;
	__u64 began, addr;

	if (!total)
		return 0;
	h = hit_begin(&began);
	addr = usdt_argument(ctx, u, 0);
	if (live_remove(live_key(t->number, addr), &e))
		add_free(total, &e, bpf_ktime_get_ns(), t->last == addr, 0);
	if (t->last == addr)
		t->last = 0;
	if (h)
		h->frees++;
	hit_end(h, began);
	return 0;
}

/* The entry of a function of the layer below the probed one: it is only counted. */
SEC("kprobe")
int
on_below(struct pt_regs *ctx)
{
	struct heap_thread *t = this_thread();
	__u32 zero = 0;
	struct heap_hits *h = bpf_map_lookup_elem(&hits, &zero);

	if (t && h && is_counted(ctx, t, HEAP_RUST_ONLY))
		h->below++;
	return 0;
}

/* ---- processes --------------------------------------------------------- */

#define SIGSTOP 19

/* Stop the current process, and have user space continue it. */
static __always_inline void
stop_for_probes(__u32 pid, enum heap_event at)
{
	struct heap_news news = { at, pid };

	if (bpf_ringbuf_output(&ring, &news, sizeof news, BPF_RB_FORCE_WAKEUP) == 0)
		bpf_send_signal(SIGSTOP);
}

/* The start of a program, whose libraries are loaded. */
SEC("kprobe")
int
on_start(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 pid = kernel_pid(task);

	if (bpf_map_lookup_elem(&number_of, &pid))
		stop_for_probes(pid, HEAP_AT_START);
	return 0;
}

/* Returns a number for a process; 0: there are too many. */
static __always_inline __u32
number_new(__u32 pid)
{
	__u32 n = __sync_fetch_and_add(&nprocesses, 1) + 1;
	struct heap_total *total = bpf_map_lookup_elem(&totals, &n);

	if (!total) {
		__sync_fetch_and_add(&counts.processes, 1);
		return 0;
	}
	total->pid = pid;
	return n;
}

SEC("tp_btf/sched_process_fork")
int
BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 pid = kernel_pid(parent), new = kernel_pid(child), n;
	__u32 *number = bpf_map_lookup_elem(&number_of, &pid);
	struct heap_total *from, *to;
	struct walk_process copy, *p;

	if (!children || pid == new)
		return 0;
	p = bpf_map_lookup_elem(&process, &pid);
	if (!p)
		return 0;
	copy = *p;
	bpf_map_update_elem(&process, &new, &copy, BPF_ANY);
	n = number_new(new);
	/* It has a copy of its parent's gate. */
	from = number ? bpf_map_lookup_elem(&totals, number) : NULL;
	to = bpf_map_lookup_elem(&totals, &n);
	if (from && to && n)
		to->by_gate = from->by_gate;
	bpf_map_update_elem(&number_of, &new, &n, BPF_ANY);
	return 0;
}

/* Note how the program of a process has ended. */
static __always_inline void
end_number(__u32 pid, enum heap_gone how)
{
	__u32 *n = bpf_map_lookup_elem(&number_of, &pid), i;
	struct heap_total *total;

	if (!n)
		return;
	i = *n;
	total = bpf_map_lookup_elem(&totals, &i);
	if (total)
		total->gone = how;
}

SEC("tp_btf/sched_process_exec")
int
BPF_PROG(on_exec, struct task_struct *task)
{
	__u32 pid = kernel_pid(task), n;
	struct walk_process *p = bpf_map_lookup_elem(&process, &pid);

	if (!p)
		return 0;
	p->n = 0;
	p->version = 0;
	p->flags = 0;
	end_number(pid, HEAP_REPLACED);
	bpf_task_storage_delete(&threads, task);
	n = number_new(pid);
	bpf_map_update_elem(&number_of, &pid, &n, BPF_ANY);
	if (stop_at_exec)
		stop_for_probes(pid, HEAP_AT_EXEC);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int
BPF_PROG(on_exit, struct task_struct *task)
{
	__u32 pid = kernel_pid(task);

	if (task->signal->live.counter != 0)
		return 0;
	if (bpf_map_lookup_elem(&number_of, &pid)) {
		end_number(pid, HEAP_ENDED);
		bpf_map_delete_elem(&number_of, &pid);
	}
	bpf_map_delete_elem(&process, &pid);
	return 0;
}
