/*
 * The gate's code, mapped into this process and called: which allocations are
 * sampled, and what becomes of sampled blocks.
 *
 * Bounds of what depends on chance are such that one run in some millions breaks one.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "gate/image.h"
#include "gate/ring.h"
#include "os/proc.h"
#include "tap.h"

#define SIGMAS 5.5 /* two-sided: 4 in 100 million */

static char *base;
static struct gate_data *data;
static struct gate_own *own;
static int ring_file;

/* What cannot be allocated is NULL with sanitizers, too. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void
map_gate(void)
{
	void *code;

	base = mmap(NULL, GATE_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	code = mmap(base, GATE_CODE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	memcpy(code, image_bytes(), GATE_CODE);
	mprotect(code, GATE_CODE, PROT_READ | PROT_EXEC);
	data = (struct gate_data *)(base + GATE_CODE);
	data->magic = GATE_MAGIC;
	data->seed = 12345;
	data->period = GATE_OFF;
	own = (struct gate_own *)(base + GATE_CODE + GATE_OWN_AT);
	madvise(own, 4096, MADV_WIPEONFORK);
	ring_file = memfd_create("ring", 0);
	if (ftruncate(ring_file, GATE_RING_FILE) < 0)
		exit(1);
	mmap(base + GATE_CODE + GATE_RING_AT, GATE_RING_FILE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_FIXED, ring_file, 0);
}

static void
set_period(uint64_t period)
{
	data->period = period;
	memset(base + GATE_CODE + GATE_CELLS_AT, 0, GATE_FILTER_AT - GATE_CELLS_AT);
}

static void
set_real(int number, const void *function)
{
	memcpy(&data->real[number], &function, sizeof function);
}

/* The wrapper with a number, as a pointer to a function of any type. */
#define WRAPPER(number, type) \
	((union { uintptr_t addr; type; }){ (uintptr_t)base + image_wrappers()[number] }).call

#define MALLOC WRAPPER(GATE_ALLOC, void *(*call)(size_t))
#define ALIGNED WRAPPER(GATE_ALIGNED, void *(*call)(size_t, size_t))
#define CALLOC WRAPPER(GATE_CALLOC, void *(*call)(size_t, size_t))
#define REALLOC WRAPPER(GATE_REALLOC, void *(*call)(void *, size_t))
#define MEMALIGN WRAPPER(GATE_MEMALIGN, int (*call)(void **, size_t, size_t))
#define FREE WRAPPER(GATE_FREE, void (*call)(void *))

/* ---- the functions behind ---------------------------------------------- */

static char block[64];
static uint64_t calls;

static void *
fake_malloc(size_t size)
{
	(void)size;
	calls++;
	return block;
}

static void
fake_free(void *p)
{
	(void)p;
	calls++;
}

static void *
no_memory(size_t size)
{
	(void)size;
	calls++;
	return NULL;
}

/* What arguments came through, and with what alignment of the stack. */
static struct {
	uint64_t arg[4];
	int misaligned;
} seen;

static void *
six(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	seen.arg[0] = a;
	seen.arg[1] = b;
	seen.arg[2] = c;
	seen.arg[3] = d;
	seen.misaligned |= (uintptr_t)__builtin_frame_address(0) % 16 != 0;
	return block;
}

static void
set_fakes(void)
{
	set_real(GATE_ALLOC, (void *)(uintptr_t)fake_malloc);
	set_real(GATE_FREE, (void *)(uintptr_t)fake_free);
}

static void
set_libc(void)
{
	set_real(GATE_ALLOC, (void *)(uintptr_t)malloc);
	set_real(GATE_ALIGNED, (void *)(uintptr_t)aligned_alloc);
	set_real(GATE_CALLOC, (void *)(uintptr_t)calloc);
	set_real(GATE_REALLOC, (void *)(uintptr_t)realloc);
	set_real(GATE_MEMALIGN, (void *)(uintptr_t)posix_memalign);
	set_real(GATE_FREE, (void *)(uintptr_t)free);
}

/* ---- which are sampled ------------------------------------------------- */

static void
test_off(void)
{
	set_fakes();
	set_period(GATE_OFF);
	calls = 0;
	data->count = (struct gate_counters){ 0 };
	for (int i = 0; i < 100000; i++) {
		MALLOC(1000);
		FREE(block);
	}
	ok(calls == 200000 && data->count.sampled == 0 && data->count.freed == 0,
	    "a gate that is off calls the functions and samples nothing");
}

static void
test_chance(uint64_t size, uint64_t period, int n)
{
	double p = 1 - exp(-(double)size / (double)period), want = p * n, got;

	set_period(period);
	data->count = (struct gate_counters){ 0 };
	for (int i = 0; i < n; i++) {
		MALLOC(size);
		FREE(block);
	}
	got = (double)data->count.sampled;
	ok(fabs(got - want) <= SIGMAS * sqrt(want * (1 - p)) + 1,
	    "%llu bytes at a period of %llu: %.0f of %d sampled, %.0f to be expected",
	    (unsigned long long)size, (unsigned long long)period, got, n, want);
	ok(data->count.freed == data->count.sampled && data->count.twice == 0 &&
	        data->count.full == 0, "each is freed");
}

#define BINS 20

/* Sizes of 1: the number between two samples is the draw itself, rounded down. */
static void
test_draws(void)
{
	const int n = 40000;
	const uint64_t period = 400;
	double chi = 0, expected = (double)n / BINS;
	uint64_t run = 0, before, bin[BINS] = { 0 };

	set_period(period);
	MALLOC(1);
	for (int i = 0; i < n; run++) {
		before = data->count.sampled;
		MALLOC(1);
		if (data->count.sampled == before)
			continue;
		FREE(block);
		/* The distribution's function at a uniform place in its step. */
		double low = 1 - exp(-(double)run / (double)period);
		double high = 1 - exp(-(double)(run + 1) / (double)period);
		double u = low + (high - low) * drand48();

		bin[(int)(u * BINS) % BINS]++;
		run = (uint64_t)-1;
		i++;
	}
	for (int i = 0; i < BINS; i++)
		chi += ((double)bin[i] - expected) * ((double)bin[i] - expected) / expected;
	/* 19 degrees of freedom: above 66 once in 2 million. */
	ok(chi < 66, "gaps between samples are exponential: chi-square %.1f", chi);
}

/* Returns the bytes that went by, as a reader of the cells counts them. */
static uint64_t
bytes_passed(void)
{
	const struct gate_cell *cell = (void *)(base + GATE_CODE + GATE_CELLS_AT);
	uint64_t sum = data->count.bytes;

	for (int i = 0; i < GATE_CELLS; i++)
		sum += cell[i].drawn - cell[i].left;
	return sum;
}

static void
test_bytes(void)
{
	const uint64_t periods[] = { GATE_OFF, 1, 1000, 100000 };
	int good = 1;

	for (size_t p = 0; p < sizeof periods / sizeof *periods; p++) {
		uint64_t sum = 0;

		set_period(periods[p]);
		data->count = (struct gate_counters){ 0 };
		for (uint64_t i = 0; i < 5000; i++) {
			sum += i * i % 3001;
			MALLOC(i * i % 3001);
			FREE(block);
		}
		good &= bytes_passed() == sum;
	}
	ok(good, "all bytes that go by are counted, sampled or not");
}

/* Have that many samples drawn. */
static void
draw_some(uint64_t n)
{
	for (uint64_t end = data->count.sampled + n; data->count.sampled < end;) {
		MALLOC(64);
		FREE(block);
	}
}

static void
test_limit(void)
{
	set_period(64);
	data->count = (struct gate_counters){ 0 };
	data->stretch = 1ULL << 62;
	data->draws = 0;
	draw_some(GATE_STRETCH - 2); /* a new cell draws, too */
	ok(data->period == 64, "the period stays for a stretch");
	for (int i = 0; i < 10000; i++)
		MALLOC(1ULL << 60);
	ok(data->period == 64, "what no allocator has makes it no longer");
	draw_some(2);
	ok(data->period == 256, "and is raised if that was too fast");
	draw_some(GATE_STRETCH);
	ok(data->period == 1024, "and again");
	data->stretch = 1;
	draw_some(10 * GATE_STRETCH);
	ok(data->period == 1024, "it stays where they are slow enough");
	data->stretch = 0;
	draw_some(10 * GATE_STRETCH);
	ok(data->period == 1024, "and without a limit");
}

/* A thread whose cell is taken from it goes on with numbers that it has not had. */
static void
test_numbers(void)
{
	struct gate_cell *cell = (void *)(base + GATE_CODE + GATE_CELLS_AT);
	uint64_t before = 0;
	int same = 0;

	set_period(1 << 20);
	MALLOC(1);
	FREE(block);
	while (cell->key == 0)
		cell++;
	for (int i = 0; i < 1000; i++) {
		same += cell->drawn == before;
		before = cell->drawn;
		cell->key = 0;
		MALLOC(1);
		FREE(block);
	}
	ok(same < 5, "a cell that is taken again has another number: %d of 1000 are the same", same);
}

static void
test_failing(void)
{
	set_real(GATE_ALLOC, (void *)(uintptr_t)no_memory);
	set_period(1);
	data->count = (struct gate_counters){ 0 };
	calls = 0;
	for (int i = 0; i < 1000; i++)
		if (MALLOC(100))
			calls = 0;
	ok(calls == 1000 && data->count.sampled == 0, "what fails is no sample");
	set_fakes();
}

/* ---- what they are like ------------------------------------------------ */

static void
test_arguments(void)
{
	union {
		uintptr_t addr;
		void *(*call)(uint64_t, uint64_t, uint64_t, uint64_t);
	} w;
	int good = 1;

	for (int n = 0; n < GATE_FUNCTIONS; n++) {
		if (n >= GATE_CALLOC && n < GATE_REALLOC) /* it has two arguments */
			continue;
		for (uint64_t period = 1; period < 1 << 20; period <<= 5) {
			uint64_t a = n >= GATE_MEMALIGN && n < GATE_FREE ? (uintptr_t)&seen.arg : 160;

			set_real(n, (void *)(uintptr_t)six);
			set_period(period);
			w.addr = (uintptr_t)base + image_wrappers()[n];
			w.call(a, 200, 300, 400);
			good &= (seen.arg[0] == a || n >= GATE_MEMALIGN) && seen.arg[1] == 200 &&
			    seen.arg[2] == 300 && seen.arg[3] == 400;
		}
	}
	ok(good, "arguments come through every wrapper as they were");
	ok(!seen.misaligned, "and the stack is aligned");
	memset(data->real, 0, sizeof data->real);
	memset(base + GATE_CODE + GATE_FILTER_AT, 0, GATE_RING_AT - GATE_FILTER_AT);
}

static void
test_kinds(void)
{
	void *p;

	set_libc();
	set_period(1);
	data->count = (struct gate_counters){ 0 };
	p = MALLOC(100);
	p = REALLOC(p, 100000);
	ok(p && data->count.sampled == 2 && data->count.freed == 1, "realloc ends one, begins one");
	ok(REALLOC(p, SIZE_MAX / 2 + 2) == NULL && errno == ENOMEM && data->count.freed == 1,
	    "one that cannot succeed ends none");
	FREE(p);
	ok(data->count.freed == 2, "free");
	p = CALLOC(10, 100);
	ok(p && memcmp(p, (char[1000]){ 0 }, 1000) == 0 && data->count.sampled == 3, "calloc");
	FREE(p);
	ok(CALLOC(SIZE_MAX / 2, 3) == NULL && data->count.sampled == 3, "calloc, too much");
	ok(MEMALIGN(&p, 256, 1000) == 0 && (uintptr_t)p % 256 == 0 && data->count.sampled == 4,
	    "posix_memalign");
	FREE(p);
	ok(MEMALIGN(&p, 3, 1000) == EINVAL && data->count.sampled == 4, "posix_memalign, wrong");
	p = ALIGNED(512, 1024);
	ok(p && (uintptr_t)p % 512 == 0 && data->count.sampled == 5, "aligned_alloc");
	FREE(p);
	FREE(NULL);
	p = REALLOC(NULL, 100);
	ok(p && data->count.sampled == 6 && data->count.freed == 5, "realloc of nothing");
	REALLOC(p, 0);
	ok(data->count.freed == 6 && data->count.twice == 0, "realloc to nothing");
}

static void
test_twice(void)
{
	set_fakes();
	set_period(1);
	data->count = (struct gate_counters){ 0 };
	for (int i = 0; i < 10; i++)
		MALLOC(1000);
	ok(data->count.sampled == 10 && data->count.twice == 9, "frees that were missed are noticed");
	FREE(block);
	ok(data->count.freed == 1, "and the last counts once");
}

static void
test_lease(void)
{
	set_fakes();
	set_period(1);
	data->count = (struct gate_counters){ 0 };
	data->lease = 1;
	for (int i = 0; i < 1000; i++) {
		MALLOC(1000);
		FREE(block);
	}
	ok(data->count.sampled == 0 && data->count.expired == 1 && data->period == GATE_OFF,
	    "when the lease has ended nothing is sampled any more");
	data->lease = 0;
}

/* ---- several threads --------------------------------------------------- */

#define KEPT 512

static void *
churn(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char *kept[KEPT] = { NULL };

	for (int i = 0; i < 200000; i++) {
		char **p = &kept[rand_r(&seed) % KEPT];

		if (*p && rand_r(&seed) % 4 == 0) {
			*p = REALLOC(*p, (size_t)rand_r(&seed) % 2000 + 1);
		} else if (*p) {
			FREE(*p);
			*p = NULL;
		} else {
			*p = MALLOC((size_t)rand_r(&seed) % 500 + 1);
		}
	}
	for (int i = 0; i < KEPT; i++)
		FREE(kept[i]);
	return NULL;
}

static int
is_zero(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i])
			return 0;
	return 1;
}

static void
test_threads(void)
{
	pthread_t thread[4];

	set_libc();
	set_period(2000);
	data->count = (struct gate_counters){ 0 };
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, churn, (void *)(i + 1));
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	ok(data->count.sampled > 1000 && data->count.freed == data->count.sampled &&
	        data->count.twice == 0 && data->count.full == 0,
	    "4 threads: %llu sampled, all freed", (unsigned long long)data->count.sampled);
	ok(is_zero(base + GATE_CODE + GATE_FILTER_AT, GATE_RING_AT - GATE_FILTER_AT),
	    "filter and table are empty again");
}

static void *
one_block(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++)
		FREE(MALLOC(1000));
	return NULL;
}

/* All cells belong to others: the shared one is used, by 2 threads at once. */
static void
test_homeless(void)
{
	struct gate_cell *cell = (struct gate_cell *)(base + GATE_CODE + GATE_CELLS_AT);
	double p = 1 - exp(-1000.0 / 5000), want = 2000 * p;
	pthread_t thread[2];

	set_period(5000);
	for (int i = 0; i < GATE_CELLS; i++)
		cell[i].key = 1;
	data->count = (struct gate_counters){ 0 };
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, one_block, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	ok(data->count.homeless == 2000 &&
	        fabs((double)data->count.sampled - want) < SIGMAS * sqrt(want) + 20,
	    "threads without a cell are sampled, too: %llu of 2000",
	    (unsigned long long)data->count.sampled);
}

/* ---- the ring ---------------------------------------------------------- */

#define TID_AT 720 /* as glibc keeps it */

static uint64_t stack_end;

struct sum {
	uint64_t sampled, freed, bytes, stacks, numbers, unchanged, copied;
	uint64_t marker; /* looked for in stacks */
	int32_t tid;     /* looked for in records */
	uint64_t left;   /* of the last that was sampled */
};

static void
on_record(void *ctx, const struct gate_record *r)
{
	struct sum *s = ctx;
	const uint64_t *stack = (const void *)(r + 1);

	s->numbers += r->tid == s->tid;
	if (r->kind == GATE_FREED) {
		s->freed++;
		s->unchanged += r->left == s->left;
		return;
	}
	s->sampled++;
	s->bytes += r->size;
	s->copied += r->bytes - sizeof *r;
	s->left = r->left;
	for (size_t i = 0; i < (r->bytes - sizeof *r) / sizeof *stack; i++)
		if (stack[i] == s->marker) {
			s->stacks++;
			break;
		}
}

__attribute__((noinline)) static void
with_marker(uint64_t marker)
{
	volatile uint64_t here = marker;

	FREE(MALLOC(100));
	(void)here;
}

static void
on_map(void *ctx, const struct proc_map *map, const char *perms)
{
	(void)perms;
	if (strcmp(map->path, "[stack]") == 0)
		*(uint64_t *)ctx = map->end;
}

/* Begin with an empty ring, to which all blocks of a page and more go. */
static struct ring *
begin_ring(uint32_t stack)
{
	memset(base + GATE_CODE + GATE_RING_AT, 0, GATE_RING_FILE);
	set_libc();
	set_period(1);
	own->ring = 1;
	data->stack = stack;
	data->tid_at = TID_AT;
	data->stack_end = stack_end;
	data->count = (struct gate_counters){ 0 };
	return ring_open(ring_file);
}

static void
end_ring(struct ring *r)
{
	own->ring = 0;
	ring_close(r);
}

static void
test_ring(void)
{
	struct ring *r = begin_ring(1024);
	struct sum s = { .marker = 0x123456789abcdef, .tid = (int32_t)gettid() };
	int good = 1;

	for (int i = 0; i < 5000; i++) {
		with_marker(s.marker);
		if (i % 100 == 99)
			good &= ring_read(r, 0, on_record, &s) == 200;
	}
	ok(good && s.sampled == 5000 && s.freed == 5000 && s.bytes == 500000,
	    "records go round the ring: %llu", (unsigned long long)s.sampled);
	ok(s.stacks == 5000 && s.copied == 5000 * 1024, "each has the caller's stack");
	ok(s.numbers == 10000, "and the thread's number");
	ok(s.unchanged == 5000, "a block is known to be freed before the next is allocated");
	for (int i = 0; i < 20000; i++)
		with_marker(s.marker);
	ok(ring_lost(r) > 0 && ring_use(r) > 0.9, "a full ring loses records");
	s = (struct sum){ .marker = s.marker };
	ring_read(r, 0, on_record, &s);
	ok(s.sampled + s.freed + ring_lost(r) == 40000, "and what is lost is counted: %llu",
	    (unsigned long long)ring_lost(r));
	ok(s.stacks > 500 && s.sampled > s.stacks && s.freed > s.sampled,
	    "stacks go first, then samples, then frees: %llu, %llu, %llu",
	    (unsigned long long)s.stacks, (unsigned long long)s.sampled,
	    (unsigned long long)s.freed);
	ok(ring_read(r, 0, on_record, &s) == 0 && ring_use(r) == 0, "then it is empty");
	end_ring(r);
}

/* A record that is never completed does not hold up the others for ever. */
static void
test_stuck(void)
{
	struct ring *r = begin_ring(0);
	struct gate_ring *in = (struct gate_ring *)(base + GATE_CODE + GATE_RING_AT);
	struct sum s = { 0 };

	in->head += 192;
	with_marker(0);
	ok(ring_read(r, 0, on_record, &s) == 0, "an incomplete record is waited for");
	usleep(1100000);
	ring_read(r, 0, on_record, &s);
	ok(ring_given_up(r) > 0, "for a second");
	with_marker(0);
	ok(ring_read(r, 0, on_record, &s) == 2 && s.sampled == 1, "and it goes on behind it");
	((struct gate_record *)(base + GATE_CODE + GATE_RECORDS_AT + in->head))->room = 192;
	in->head += 192;
	with_marker(0);
	ok(ring_read(r, 1, on_record, &s) == 2 && s.sampled == 2,
	    "at the end it is passed over at once");
	end_ring(r);
}

/* What another process has written there is checked. */
static void
test_garbage(void)
{
	struct ring *r = begin_ring(0);
	struct gate_ring *in = (struct gate_ring *)(base + GATE_CODE + GATE_RING_AT);
	uint32_t *words = (uint32_t *)(base + GATE_CODE + GATE_RECORDS_AT);
	struct sum s = { 0 };

	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < GATE_RING / sizeof *words; i++)
			words[i] = i % 16 < 3 && lrand48() % 3 ? (uint32_t)(lrand48() % 5) * 64
			                                       : (uint32_t)lrand48();
		for (size_t i = 0; i < GATE_RING / sizeof *words; i += 16)
			words[i] = (uint32_t)lrand48() % 4;
		in->head += (uint64_t)lrand48() % (2 * GATE_RING);
		ring_read(r, 1, on_record, &s);
	}
	ok(s.sampled > 0 && s.freed > 0, "garbage does no harm: %llu",
	    (unsigned long long)(s.sampled + s.freed));
	end_ring(r);
}

/* ---- stacks ------------------------------------------------------------ */

struct deep {
	struct sum sum;
	size_t depth;
};

__attribute__((noinline)) static void
deepen(size_t depth, uint64_t marker)
{
	volatile char room[1000];

	room[depth % sizeof room] = 1;
	if (depth)
		deepen(depth - 1, marker);
	else
		with_marker(marker);
	room[0] = 2; /* it is needed up to here */
}

static void *
deep_thread(void *arg)
{
	struct deep *d = arg;

	d->sum.tid = (int32_t)gettid();
	for (int i = 0; i < 3; i++)
		deepen(d->depth, d->sum.marker);
	return NULL;
}

static void
run_deep(struct ring *r, struct deep *d, const pthread_attr_t *attr)
{
	pthread_t thread;

	pthread_create(&thread, attr, deep_thread, d);
	pthread_join(thread, NULL);
	ring_read(r, 0, on_record, &d->sum);
}

static void
test_stacks(void)
{
	struct ring *r = begin_ring(16384);
	struct deep d = { .sum.marker = 0x23456789abcdef1 };

	deepen(3, d.sum.marker);
	d.sum.tid = (int32_t)gettid();
	ring_read(r, 0, on_record, &d.sum);
	ok(d.sum.stacks == 1 && d.sum.numbers == 2 && d.sum.copied > 3000,
	    "the first thread's stack is copied without a system call that may be filtered");
	for (d.depth = 0; d.depth < 12; d.depth += 11) {
		struct deep t = d;

		t.sum = (struct sum){ .marker = d.sum.marker };
		run_deep(r, &t, NULL);
		ok(t.sum.stacks == 3 && t.sum.numbers == 6 &&
		        t.sum.copied > 3 * (d.depth * 1000 + 200),
		    "and another thread's: %llu bytes", (unsigned long long)t.sum.copied / 3);
	}
	end_ring(r);
}

static struct {
	ucontext_t here, there;
	uint64_t marker;
} switched;

static void
on_other_stack(void)
{
	with_marker(switched.marker);
}

/* Of a stack that is not the thread's own, the page that it is on is copied, of which the
 * next may not be there. */
static void
test_coroutine(void)
{
	const size_t size = 5 * 4096;
	char *stack = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ring *r = begin_ring(16384);
	struct sum s = { .marker = 0x3456789abcdef12 };

	mprotect(stack + size, 4096, PROT_NONE);
	switched.marker = s.marker;
	for (int known = 0; known < 2; known++) {
		data->tid_at = known ? TID_AT : 0;
		getcontext(&switched.there);
		switched.there.uc_stack.ss_sp = stack;
		switched.there.uc_stack.ss_size = size;
		switched.there.uc_link = &switched.here;
		makecontext(&switched.there, on_other_stack, 0);
		swapcontext(&switched.here, &switched.there);
		s.copied = 0;
		ring_read(r, 0, on_record, &s);
		ok(s.copied > 0 && s.copied < 4096, "a coroutine's stack ends where it does");
	}
	ok(s.stacks == 2, "and what is there of it was copied");
	end_ring(r);
	munmap(stack, size + 4096);
}

static void
test_fork(void)
{
	struct sum s = { 0 };
	struct ring *r;
	uint64_t before;
	int status;
	pid_t child;

	r = begin_ring(1024);
	before = data->count.sampled;
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 100; i++)
			FREE(MALLOC(100));
		_exit(data->count.sampled == before + 100 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	ok(status == 0 && data->count.sampled == before, "a forked child has data of its own");
	ok(ring_read(r, 1, on_record, &s) == 0, "and does not write into the ring");
	end_ring(r);
}

int
main(void)
{
	srand48(1);
	map_gate();
	proc_all_maps(getpid(), on_map, &stack_end);
	test_off();
	test_chance(1, 100, 200000);
	test_chance(100, 1, 10000);
	test_chance(300, 524288, 4000000);
	test_chance(1000, 1000, 200000);
	test_chance(1 << 20, 524288, 100000);
	test_draws();
	test_bytes();
	test_limit();
	test_numbers();
	test_failing();
	test_arguments();
	test_kinds();
	test_twice();
	test_lease();
	test_threads();
	test_homeless();
	test_ring();
	test_stuck();
	test_garbage();
	test_stacks();
	test_coroutine();
	test_fork();
	return tap_done();
}
