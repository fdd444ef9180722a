/*
 * The slow paths of the wrappers: which allocations are sampled, and which blocks
 * are.  This runs inside the target: no library, no thread-local storage, no
 * lock, and every function may be interrupted by a signal handler that calls it
 * again, or by a fork() after which only the copy goes on.
 */
#include <stddef.h>

#include "gate/abi.h"
#include <machine.h>

#define HASH 0x9E3779B1U /* as in x86_64/entry.S */
#define PROBES 16        /* cells that a thread may have */
#define FULL 255         /* of the filter's bytes */

#define PAGE 4096UL
#define PROT_WRITE 2
#define FUTEX_WAIT_PRIVATE 128
#define EFAULT 14

/* At GATE_CODE, by the linker script. */
extern unsigned char gate_memory[] __attribute__((visibility("hidden"), aligned(4096)));
#define gate_data (*(struct gate_data *)gate_memory)

uint64_t gate_pick(uint64_t size, struct gate_cell *cell);
uint64_t gate_enter(uint64_t block, uint64_t size, uint64_t period, const uint64_t *regs);
int gate_leave(uint64_t block);
void gate_patch(void);
void gate_follow(void);

static inline void *
part(uint64_t offset)
{
	return gate_memory + offset;
}

static inline void
count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* ---- countdowns -------------------------------------------------------- */

/* xorshift64* (Vigna 2016). */
static uint64_t
random64(struct gate_cell *c)
{
	uint64_t x = c->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	c->random = x;
	return x * 0x2545F4914F6CDD1DULL;
}

/* Returns -log2(r / 2^64) in units of 2^-32, for r > 0: a squaring doubles the
 * logarithm, and its whole part is the next bit. */
static uint64_t
minus_log2(uint64_t r)
{
	int shift = __builtin_clzll(r);
	uint64_t x = r << shift, log = 0; /* x / 2^63 in [1, 2) */

	for (int bit = 31; bit >= 0; bit--) {
		unsigned __int128 square = (unsigned __int128)x * x;

		x = (uint64_t)(square >> 63);
		if (square >> 127) {
			x = (uint64_t)(square >> 64);
			log |= 1ULL << bit;
		}
	}
	return ((uint64_t)shift + 1) * (1ULL << 32) - log;
}

/* Returns how many bytes go by before the next sample: exponentially distributed
 * with a mean of `period`, rounded down. */
static uint64_t
draw(uint64_t r, uint64_t period)
{
	const uint64_t ln2 = 2977044472; /* in units of 2^-32 */
	unsigned __int128 nats = (unsigned __int128)minus_log2(r | 1) * ln2;

	return (uint64_t)((nats >> 16) * period >> 48);
}

/* Count a draw, and raise the period if they come faster than the target can bear: the
 * holder will choose another, but that takes it a while. */
static void
count_draw(void)
{
	uint64_t period = gate_data.period, time, lasted;

	if (gate_data.stretch == 0 ||
	    __atomic_add_fetch(&gate_data.draws, 1, __ATOMIC_RELAXED) % GATE_STRETCH)
		return;
	time = now();
	lasted = time - __atomic_exchange_n(&gate_data.mark, time, __ATOMIC_RELAXED);
	if (lasted >= gate_data.stretch || period >= GATE_OFF / 4)
		return;
	__atomic_compare_exchange_n(&gate_data.period, &period,
	    lasted < gate_data.stretch / 2 ? period * 4 : period * 2, 0, __ATOMIC_RELAXED,
	    __ATOMIC_RELAXED);
}

/* Count the bytes that a countdown has passed; a size that no allocator has is none. */
static void
count_passed(const struct gate_cell *c)
{
	uint64_t passed = c->drawn - c->left;

	if (passed < GATE_MOST)
		__atomic_fetch_add(&gate_data.count.bytes, passed, __ATOMIC_RELAXED);
}

static void
draw_next(struct gate_cell *c)
{
	uint64_t period;

	count_passed(c);
	count_draw();
	period = gate_data.period;
	if (gate_data.lease && now() > gate_data.lease) {
		if (period != GATE_OFF)
			count(&gate_data.count.expired);
		gate_data.period = period = GATE_OFF;
	}
	c->period = period;
	c->drawn = period >= GATE_OFF ? GATE_OFF : draw(random64(c), period);
	c->left = c->drawn;
}

/* Make a cell ready whose key was just set. */
static void
settle(struct gate_cell *c)
{
	/* What it had before counts, too: else a thread would begin with the same numbers
	 * each time that its cell was taken from it. */
	uint64_t x = gate_data.seed ^ (uint64_t)(uintptr_t)c ^ c->key << 20 ^ c->random;

	/* splitmix64 (Steele, Lea and Flood 2014) */
	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
	x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
	c->random = (x ^ x >> 31) | 1;
	c->low = 0;
	draw_next(c);
}

/* Returns the thread's cell, which may be new; NULL if there is none for it. */
static struct gate_cell *
find_cell(void)
{
	struct gate_cell *cells = part(GATE_CELLS_AT);
	uint64_t self = thread();
	uint32_t at = ((uint32_t)self * HASH) >> (32 - GATE_CELL_BITS);

	for (int i = 0; i < PROBES; i++) {
		struct gate_cell *c = &cells[(at + (uint32_t)i) % GATE_CELLS];
		uint64_t key = __atomic_load_n(&c->key, __ATOMIC_RELAXED);

		if (key == 0 &&
		    __atomic_compare_exchange_n(&c->key, &key, self, 0, __ATOMIC_RELAXED,
		        __ATOMIC_RELAXED)) {
			settle(c);
			return c;
		}
		if (key == self)
			return c;
	}
	return 0;
}

/* Count down in the cell that is shared by all threads without one. */
static uint64_t
pick_shared(uint64_t size)
{
	struct gate_cell *c = (struct gate_cell *)part(GATE_CELLS_AT) + GATE_CELLS;
	uint64_t left = __atomic_load_n(&c->left, __ATOMIC_RELAXED), period = c->period;
	struct gate_cell next = { .random = c->random };

	count(&gate_data.count.homeless);
	if (period && left >= size) {
		while (!__atomic_compare_exchange_n(&c->left, &left, left - size, 0,
		    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			if (left < size)
				break;
		if (left >= size)
			return 0;
	}
	/* Of two threads that come here at once, one draws. */
	if (next.random == 0) {
		next.key = now();
		settle(&next);
	} else {
		draw_next(&next);
	}
	if (__atomic_compare_exchange_n(&c->left, &left, next.left, 0, __ATOMIC_RELAXED,
	        __ATOMIC_RELAXED)) {
		c->random = next.random;
		c->period = next.period;
		return period;
	}
	return 0;
}

/*
 * Decide whether an allocation of `size` bytes is sampled.  `cell` is that of the
 * thread if its countdown has just ended, or NULL.  Returns the period that it was
 * drawn with, 0 if it is not sampled.
 */
uint64_t
gate_pick(uint64_t size, struct gate_cell *cell)
{
	uint64_t period;

	/* It will fail: a countdown goes on as if it had not been. */
	if (size >= GATE_MOST) {
		if (cell)
			cell->left += size;
		return 0;
	}
	if (cell == 0) {
		cell = find_cell();
		if (cell == 0) {
			period = pick_shared(size);
			return period >= GATE_OFF ? 0 : period;
		}
		if (cell->left >= size) {
			cell->left -= size;
			return 0;
		}
		cell->left -= size;
	}
	period = cell->period;
	draw_next(cell);
	return period >= GATE_OFF ? 0 : period;
}

/* ---- stacks ------------------------------------------------------------ */

/* No system call is made but futex(2), and that seldom: each takes longer than all else
 * here, and a filter (seccomp) may kill a process for it, but for one that any program with
 * threads makes itself. */

#define DEEP (1UL << 20)        /* bytes of a thread's stack that are looked at */
#define FIRST_DEEP (64UL << 20) /* of the first thread's: nothing else is mapped there */

/* Returns whether the word at an address can be read: it is not waited for. */
static int
is_readable(uint64_t addr)
{
	uint64_t no_time[2] = { 0, 0 };

	return call(SYS_FUTEX, addr, FUTEX_WAIT_PRIVATE, ~0U, (uint64_t)(uintptr_t)no_time, 0,
	           0) != -EFAULT;
}

/*
 * Returns up to where the stack that sp is on can be read.  What glibc and
 * musl keep for a thread, to which %fs points, is in one mapping with its stack: so
 * if all pages from sp up to there can be read, they stay, as long as this very
 * thread runs.  Another stack (of a coroutine, or for signals) has a page that cannot
 * be read between, or is elsewhere: of that only the rest of a page is sure to be there.
 */
static uint64_t
end_of_stack(struct gate_cell *c, uint32_t tid, uint64_t sp)
{
	uint64_t end = gate_data.stack_end, self = thread(), low;

	if (sp < end && end - sp < FIRST_DEEP)
		return end;
	if (c == 0 || tid == 0 || c->key != self || sp >= self || self - sp >= DEEP)
		return (sp | (PAGE - 1)) + 1;
	low = c->low && c->tid == tid ? c->low : self;
	while (low > sp) {
		uint64_t page = (low - 1) & ~(PAGE - 1);

		if (!is_readable(page < sp ? sp & ~3UL : page))
			return (sp | (PAGE - 1)) + 1;
		low = page < sp ? sp : page;
	}
	c->tid = tid;
	c->low = low;
	return self;
}

/* Returns the thread's number, 0 if it is not known. */
static uint32_t
thread_number(void)
{
	return gate_data.tid_at ? *(const volatile uint32_t *)(thread() + gate_data.tid_at) : 0;
}

/* ---- the ring ---------------------------------------------------------- */

/* Room that others must leave: samples without a stack matter more than stacks, and
 * frees more than samples. */
#define FOR_SAMPLES (GATE_RING / 4)
#define FOR_FREES (GATE_RING / 8)

/* Returns room for a record of `bytes` if `spare` are free behind it, NULL if the
 * reader is too far behind. */
static struct gate_record *
reserve(uint64_t bytes, uint64_t spare)
{
	struct gate_ring *ring = part(GATE_RING_AT);
	uint64_t room = (bytes + 63) & ~63ULL, head, at, skip;

	head = __atomic_load_n(&ring->head, __ATOMIC_RELAXED);
	do {
		at = head % GATE_RING;
		skip = at + room > GATE_RING ? GATE_RING - at : 0;
		if (head + skip + room - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) +
		        spare > GATE_RING)
			return 0;
	} while (!__atomic_compare_exchange_n(&ring->head, &head, head + skip + room, 0,
	    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	if (skip) {
		struct gate_record *r = part(GATE_RECORDS_AT + at);

		r->room = (uint32_t)skip;
		__atomic_store_n(&r->kind, GATE_SKIP, __ATOMIC_RELEASE);
		at = 0;
	}
	struct gate_record *r = part(GATE_RECORDS_AT + at);

	r->room = (uint32_t)room;
	return r;
}

static void
lose(void)
{
	struct gate_ring *ring = part(GATE_RING_AT);

	count(&ring->lost);
}

/* Complete a record of a block. */
static void
put(struct gate_record *r, enum gate_kind kind, uint64_t block, uint32_t tid,
    const struct gate_cell *c)
{
	r->time = now();
	r->tid = (int32_t)tid;
	r->block = block;
	r->left = c ? c->left : 0;
	__atomic_store_n(&r->kind, kind, __ATOMIC_RELEASE);
}

static void
put_sampled(uint64_t block, uint64_t size, uint64_t period, const uint64_t *regs)
{
	struct gate_cell *c = find_cell();
	uint32_t tid = thread_number();
	uint64_t sp = regs[GATE_SP], len = gate_data.stack, end;
	struct gate_record *r = 0;

	if (len) {
		end = end_of_stack(c, tid, sp);
		if (end - sp < len)
			len = end - sp;
		r = reserve(sizeof *r + len, FOR_SAMPLES);
	}
	if (r == 0) {
		len = 0;
		r = reserve(sizeof *r, FOR_FREES);
	}
	if (r == 0) {
		lose();
		return;
	}
	r->size = size;
	r->period = period;
	for (int i = 0; i < GATE_REGS; i++)
		r->regs[i] = regs[i];
	copy(r + 1, (const void *)sp, len);
	r->bytes = (uint32_t)(sizeof *r + len);
	put(r, GATE_SAMPLED, block, tid, c);
}

static void
put_freed(uint64_t block)
{
	struct gate_record *r = reserve(offsetof(struct gate_record, size), 0);

	if (r == 0) {
		lose();
		return;
	}
	r->bytes = offsetof(struct gate_record, size);
	put(r, GATE_FREED, block, thread_number(), find_cell());
}

/* ---- sampled blocks ---------------------------------------------------- */

static inline uint32_t
hash(uint64_t block)
{
	return (uint32_t)(block >> 4 ^ block >> 20) & ((1U << GATE_FILTER_BITS) - 1);
}

/* Another hash than the filter's, in which neighbours need not be neighbours: blocks of
 * some allocators begin at multiples of a page. */
static inline uint64_t *
bucket(uint64_t block)
{
	uint64_t h = block * 0x9E3779B97F4A7C15ULL >> (64 - GATE_BUCKET_BITS);

	return (uint64_t *)part(GATE_TABLE_AT) + h * GATE_WAYS;
}

/* Add one to a byte of the filter.  Returns 0 if it cannot count so far. */
static int
filter_add(uint8_t *f)
{
	uint8_t n = __atomic_load_n(f, __ATOMIC_RELAXED);

	do
		if (n == FULL)
			return 0;
	while (!__atomic_compare_exchange_n(f, &n, (uint8_t)(n + 1), 0, __ATOMIC_RELAXED,
	    __ATOMIC_RELAXED));
	return 1;
}

enum followed { NO_ROOM, FOLLOWED, KNOWN /* before: its end was missed */ };

static enum followed
follow(uint64_t block)
{
	uint32_t h = hash(block);
	uint8_t *f = (uint8_t *)part(GATE_FILTER_AT) + h;
	uint64_t *b = bucket(block);

	for (int i = 0; i < GATE_WAYS; i++)
		if (__atomic_load_n(&b[i], __ATOMIC_RELAXED) == block)
			return KNOWN;
	if (!filter_add(f))
		return NO_ROOM;
	for (int i = 0; i < GATE_WAYS; i++) {
		uint64_t none = 0;

		if (__atomic_compare_exchange_n(&b[i], &none, block, 0, __ATOMIC_RELEASE,
		        __ATOMIC_RELAXED))
			return FOLLOWED;
	}
	__atomic_fetch_sub(f, 1, __ATOMIC_RELAXED);
	return NO_ROOM;
}

/*
 * Follow a block that was sampled: it was allocated with `size` bytes and a
 * `period`; regs are the caller's, as enum gate_reg has them.  Returns the block,
 * or 0 if its end will not be noticed.
 */
uint64_t
gate_enter(uint64_t block, uint64_t size, uint64_t period, const uint64_t *regs)
{
	const struct gate_own *own = part(GATE_OWN_AT);

	count(&gate_data.count.sampled);
	switch (follow(block)) {
	case NO_ROOM:
		count(&gate_data.count.full);
		block = 0;
		break;
	case KNOWN:
		count(&gate_data.count.twice);
		break;
	case FOLLOWED:
		break;
	}
	if (own->ring)
		put_sampled(block, size, period, regs);
	return block;
}

/* Forget a block.  Returns 1 if it was a sampled one. */
int
gate_leave(uint64_t block)
{
	const struct gate_own *own = part(GATE_OWN_AT);
	uint32_t h = hash(block);
	uint64_t *b = bucket(block);

	for (int i = 0; i < GATE_WAYS && block; i++) {
		uint64_t is = block;

		if (__atomic_load_n(&b[i], __ATOMIC_RELAXED) != block ||
		    !__atomic_compare_exchange_n(&b[i], &is, 0, 0, __ATOMIC_RELAXED,
		        __ATOMIC_RELAXED))
			continue;
		__atomic_fetch_sub((uint8_t *)part(GATE_FILTER_AT) + h, 1, __ATOMIC_RELAXED);
		count(&gate_data.count.freed);
		if (own->ring)
			put_freed(block);
		return 1;
	}
	return 0;
}

/* Follow the blocks that patch[] lists, as if they had been sampled; or, if `new` is set,
 * forget them, as if they had been freed. */
void
gate_follow(void)
{
	for (uint32_t i = 0; i < gate_data.npatch && i < GATE_PATCHES; i++) {
		struct gate_patch *p = &gate_data.patch[i];

		if (p->result != GATE_TODO)
			continue;
		if (p->new) {
			p->result = !gate_leave(p->addr);
			continue;
		}
		p->result = follow(p->addr) == NO_ROOM;
		if (p->result)
			count(&gate_data.count.full);
	}
}

/* ---- slots ------------------------------------------------------------- */

static void
apply(struct gate_patch *p)
{
	uint64_t *word = (uint64_t *)p->addr, page = p->addr & ~(PAGE - 1), old = p->old;
	/* Even of a page that can be written: it fails if the page is gone. */
	long error = call(SYS_MPROTECT, page, PAGE, p->protection | PROT_WRITE, 0, 0, 0);

	if (error < 0) {
		p->result = (int32_t)error;
		return;
	}
	p->result = !__atomic_compare_exchange_n(word, &old, p->new, 0, __ATOMIC_RELEASE,
	    __ATOMIC_RELAXED);
	if (!(p->protection & PROT_WRITE))
		call(SYS_MPROTECT, page, PAGE, p->protection, 0, 0, 0);
}

/* Change the words that patch[] lists.  Other threads read them meanwhile: each
 * changes at once. */
void
gate_patch(void)
{
	for (uint32_t i = 0; i < gate_data.npatch && i < GATE_PATCHES; i++)
		if (gate_data.patch[i].result == GATE_TODO)
			apply(&gate_data.patch[i]);
}
