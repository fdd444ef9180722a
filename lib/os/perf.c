/*
 * Each CPU has a ring (struct ring), a buffer that the kernel writes records into.
 * Each attached thread (struct root) has an event on each CPU, which the threads that
 * it starts inherit; all events of a CPU write into its ring.  Where a whole
 * machine is counted there are no roots, but one event a CPU.  To read records in the
 * order of time is to take the earliest of the rings' next ones.  A thread may have
 * both inherited events and its own: `speaker' notes which root's samples of it count.
 */
#include "os/perf.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/idmap.h"
#include "base/page.h"
#include "os/proc.h"
#include "os/regs.h"

#define CPUS 4096
#define RING_MOST (16UL << 20)      /* bytes of one ring */
#define RING_ALL_MOST (256UL << 20) /* bytes of all rings */
#define RING_MILLISECONDS 500       /* of samples that a ring should hold */
#define BOUNCE 65536                /* a record's size is 16 bits */

struct ring {
	int cpu;
	int fd;       /* the event whose buffer it is */
	size_t polled; /* the root whose event of this CPU is polled */
	struct perf_event_mmap_page *page;
	const unsigned char *data;
	size_t size;          /* bytes of data, a power of two */
	uint64_t tail, head;  /* where the next record begins; where the last one ends */
	uint64_t next_time;   /* of the record at tail, if tail < head */
	unsigned char *bounce; /* a record that wraps around, made whole */
};

/* An attached thread, with its event on each CPU (-1: none there). */
struct root {
	pid_t tid;
	int *fd;
	int guard; /* see open_guard(); or -1 */
	int count; /* an event that only counts, on all CPUs; or -1 */
};

struct perf {
	struct perf_event_attr attr;
	int program;
	int all; /* everything is counted: perf_attach_all() */
	struct ring *ring;
	size_t nring;
	struct root *root;
	size_t nroot, root_room;
	struct idmap root_of; /* event id -> index of its root */
	struct idmap speaker; /* thread -> root whose samples count */
	struct pollfd *poll;
	struct ring *pending; /* the ring of the record that was read last */
};

/* ---- events ------------------------------------------------------------ */

#define HARDWARE(name, what) \
	{ name, PERF_TYPE_HARDWARE, PERF_COUNT_HW_##what, 0 }
#define SOFTWARE(name, what, every) \
	{ name, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_##what, every }

/*
 * The clock is first.  The kernel cannot keep to a rate of other software events:
 * it takes a sample for the count of the one that follows
 * (perf_swevent_set_period), and ends up waiting for millions.
 */
static const struct perf_event events[] = {
	SOFTWARE("cpu-clock", CPU_CLOCK, 0),
	SOFTWARE("page-faults", PAGE_FAULTS, 61),
	SOFTWARE("minor-faults", PAGE_FAULTS_MIN, 61),
	SOFTWARE("major-faults", PAGE_FAULTS_MAJ, 1),
	SOFTWARE("context-switches", CONTEXT_SWITCHES, 17),
	SOFTWARE("cpu-migrations", CPU_MIGRATIONS, 1),
	HARDWARE("cycles", CPU_CYCLES),
	HARDWARE("instructions", INSTRUCTIONS),
	HARDWARE("cache-references", CACHE_REFERENCES),
	HARDWARE("cache-misses", CACHE_MISSES),
	HARDWARE("branches", BRANCH_INSTRUCTIONS),
	HARDWARE("branch-misses", BRANCH_MISSES),
};

const struct perf_event *
perf_event_find(const char *name)
{
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (strcmp(events[i].name, name) == 0)
			return &events[i];
	return NULL;
}

int
perf_event_is_clock(const struct perf_event *e)
{
	return e == &events[0];
}

/* ---- set-up ------------------------------------------------------------ */

/* Read the numbers of CPUs, a list such as "0-3,6".  Returns how many. */
static size_t
online_cpus(int *cpu, size_t most)
{
	FILE *f = fopen("/sys/devices/system/cpu/online", "re");
	size_t n = 0;
	int from, to, c;

	while (f && fscanf(f, "%d", &from) == 1) {
		to = from;
		c = getc(f);
		if (c == '-' && fscanf(f, "%d", &to) == 1)
			c = getc(f);
		for (; from <= to && n < most; from++)
			cpu[n++] = from;
		if (c != ',')
			break;
	}
	if (f)
		fclose(f);
	for (long i = 0; n == 0 && i < sysconf(_SC_NPROCESSORS_ONLN); i++)
		cpu[n++] = (int)i;
	return n;
}

/* Set the event to count, and the rate of samples. */
static void
set_count(struct perf_event_attr *a, const struct perf_options *o)
{
	a->type = o->event->type;
	a->config = o->event->config;
	if (perf_event_is_clock(o->event)) {
		a->sample_period = 1000000000ULL / o->hz;
	} else if (o->event->every) {
		a->sample_period = o->event->every;
	} else {
		a->freq = 1;
		a->sample_freq = o->hz;
	}
	/* With it, a software event with a fixed period makes a sample each time
	 * (perf_swevent_event). */
	if (!o->event->every)
		a->sample_type |= PERF_SAMPLE_PERIOD;
}

/* Set the event, and the records of mappings, names, forks and exits. */
static void
set_event(struct perf_event_attr *a, const struct perf_options *o)
{
	a->size = sizeof *a;
	a->sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
	if (o->track) {
		a->type = PERF_TYPE_SOFTWARE;
		a->config = PERF_COUNT_SW_DUMMY;
	} else {
		set_count(a, o);
	}
	a->sample_id_all = 1;
	a->use_clockid = 1;
	a->clockid = CLOCK_MONOTONIC;
	a->exclude_kernel = o->user_only != 0;
	a->exclude_hv = 1;
	a->mmap = a->mmap2 = 1;
	a->comm = a->comm_exec = 1;
	a->task = 1;
	a->watermark = 1;
}

/* Set the parts of a sample: registers and a copy of the stack; and inheritance. */
static void
set_copy(struct perf_event_attr *a, const struct perf_options *o)
{
	a->sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER |
	    PERF_SAMPLE_READ; /* see open_guard() */
	if (o->kernel_frames) {
		a->sample_type |= PERF_SAMPLE_CALLCHAIN;
		a->exclude_callchain_user = 1;
	}
	if (o->address)
		a->sample_type |= PERF_SAMPLE_ADDR;
	a->sample_regs_user = regs_perf_mask();
	a->sample_stack_user = o->copy;
	a->disabled = a->enable_on_exec = o->from_exec != 0;
}

/* Have threads that a thread starts, and its children, inherit its event. */
static void
set_inherited(struct perf_event_attr *a, const struct perf_options *o)
{
	a->inherit = 1;
	a->inherit_thread = !o->children;
}

/* Set the members of an event that counts a whole CPU. */
static void
set_all(struct perf_event_attr *a)
{
	a->disabled = 1; /* until it has the program */
	a->wakeup_watermark = 1; /* records of mappings cannot wait */
	/* An idle CPU has no ticks, and without ticks the kernel takes the clock's
	 * interrupts for too many, and stops it for some time. */
	a->exclude_idle = 1;
}

/* Raise the limit of open files to what is permitted: all that the kernel has, for root. */
static void
raise_file_limit(void)
{
	struct rlimit r, most;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	most.rlim_cur = most.rlim_max = (rlim_t)proc_number("/proc/sys/fs/nr_open", 0);
	if (most.rlim_max > r.rlim_max && setrlimit(RLIMIT_NOFILE, &most) == 0)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* Returns the size of a ring for half a second of samples, a power of two. */
static size_t
ring_size(const struct perf_options *o, size_t ncpu)
{
	size_t copy = o->program < 0 && !o->track ? o->copy : 0;
	size_t want = (size_t)o->hz * (copy + 256UL) * RING_MILLISECONDS / 1000;
	size_t most = RING_ALL_MOST / ncpu, size = 512UL << 10;

	if (most > RING_MOST)
		most = RING_MOST;
	while (size < want && size * 2 <= most)
		size *= 2;
	return size;
}

struct perf *
perf_new(const struct perf_options *o)
{
	struct perf *p = calloc(1, sizeof *p);
	static int cpu[CPUS];
	size_t n = online_cpus(cpu, CPUS);

	if (p == NULL)
		return NULL;
	p->ring = calloc(n, sizeof *p->ring);
	p->poll = calloc(n + PERF_WAIT_MOST, sizeof *p->poll);
	if (p->ring == NULL || p->poll == NULL) {
		perf_free(p);
		errno = ENOMEM;
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		p->ring[i].cpu = cpu[i];
		p->ring[i].fd = -1;
		p->ring[i].size = ring_size(o, n);
	}
	p->nring = n;
	p->program = o->program;
	p->all = o->program >= 0 || (o->track && !o->threads);
	set_event(&p->attr, o);
	if (!p->all)
		set_inherited(&p->attr, o);
	if (!p->all && !o->track)
		set_copy(&p->attr, o);
	if (p->all)
		set_all(&p->attr);
	raise_file_limit();
	return p;
}

static void
close_events(const struct perf *p, const int *fd)
{
	for (size_t i = 0; i < p->nring; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

void
perf_free(struct perf *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->nring; i++) {
		struct ring *r = &p->ring[i];

		if (r->fd >= 0 && p->all)
			close(r->fd);
		if (r->page)
			munmap(r->page, r->size + page_size());
		free(r->bounce);
	}
	for (size_t i = 0; i < p->nroot; i++) {
		close_events(p, p->root[i].fd);
		free(p->root[i].fd);
		if (p->root[i].guard >= 0)
			close(p->root[i].guard);
		if (p->root[i].count >= 0)
			close(p->root[i].count);
	}
	idmap_clear(&p->root_of);
	idmap_clear(&p->speaker);
	free(p->ring);
	free(p->poll);
	free(p->root);
	free(p);
}

/* ---- attaching --------------------------------------------------------- */

/* Open the event for a thread (-1: all) on a CPU. */
static int
open_event(struct perf *p, pid_t tid, int cpu)
{
	int fd = (int)syscall(SYS_perf_event_open, &p->attr, tid, cpu, -1,
	    PERF_FLAG_FD_CLOEXEC);

	/* Kernels before 6.13 refuse it with events that are inherited. */
	if (fd < 0 && errno == EINVAL && (p->attr.sample_type & PERF_SAMPLE_READ)) {
		p->attr.sample_type &= ~(uint64_t)PERF_SAMPLE_READ;
		fd = open_event(p, tid, cpu);
	}
	/* Kernels before 5.13 do not know it; then children are inherited
	 * too, and the caller sorts them out by their pid. */
	if (fd < 0 && errno == EINVAL && p->attr.inherit_thread) {
		p->attr.inherit_thread = 0;
		fd = open_event(p, tid, cpu);
	}
	return fd;
}

/* Map the ring of an event.  An unprivileged user may lock only so much memory: take
 * less, then. */
static int
map_ring(struct ring *r, int fd)
{
	size_t page = page_size();
	void *m;

	r->bounce = malloc(BOUNCE);
	if (r->bounce == NULL)
		return -1;
	for (;; r->size /= 2) {
		m = mmap(NULL, r->size + page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (m != MAP_FAILED)
			break;
		if ((errno != EPERM && errno != ENOMEM) || r->size <= (128UL << 10))
			return -1;
	}
	r->page = m;
	r->data = (const unsigned char *)m + page;
	r->fd = fd;
	return 0;
}

/* Open an event of a thread on the ring's CPU.  Returns its descriptor, or -1 with
 * errno. */
static int
attach_cpu(struct perf *p, struct ring *r, pid_t tid)
{
	uint64_t id;
	int fd, error;

	p->attr.wakeup_watermark = (uint32_t)(r->size / 4);
	fd = open_event(p, tid, r->cpu);
	if (fd < 0)
		return -1;
	if ((r->page ? ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, r->fd)
	             : map_ring(r, fd)) == 0 &&
	    ioctl(fd, PERF_EVENT_IOC_ID, &id) == 0 &&
	    idmap_put(&p->root_of, id, (uint32_t)p->nroot) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/*
 * Open an event that keeps the kernel from swapping events.  Where a thread has
 * inherited all events of another one, the kernel does not switch events from one to
 * the other, but lets the two swap theirs; and the one that ends takes with it the
 * time that the other has used since its last sample.  A program that often starts
 * threads would hardly be sampled.  PERF_SAMPLE_READ forbids the swap; where the
 * kernel refuses that, an event that is not inherited does, for the threads that this
 * one starts.
 */
static int
open_guard(const struct perf *p, pid_t tid)
{
	struct perf_event_attr a = { .size = sizeof a,
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1 };

	if (p->attr.sample_type & PERF_SAMPLE_READ)
		return -1;
	return (int)syscall(SYS_perf_event_open, &a, tid, -1, -1,
	    PERF_FLAG_FD_CLOEXEC);
}

/* Open an event that counts the CPU time of a thread and its children. */
static int
open_count(const struct perf *p, pid_t tid)
{
	struct perf_event_attr a = { .size = sizeof a,
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK };

	a.inherit = 1;
	a.inherit_thread = p->attr.inherit_thread;
	a.exclude_kernel = p->attr.exclude_kernel;
	a.exclude_hv = 1;
	a.disabled = p->attr.disabled;
	a.enable_on_exec = p->attr.enable_on_exec;
	if (p->attr.config != a.config || p->attr.type != a.type)
		return -1;
	return (int)syscall(SYS_perf_event_open, &a, tid, -1, -1,
	    PERF_FLAG_FD_CLOEXEC);
}

/* Open an event on each CPU.  Returns -1 with errno. */
static int
attach_all(struct perf *p, pid_t tid, int *fd)
{
	int any = 0;

	for (size_t i = 0; i < p->nring; i++) {
		fd[i] = attach_cpu(p, &p->ring[i], tid);
		if (fd[i] >= 0)
			any = 1;
		else if (errno != ENODEV) /* the CPU has gone offline */
			return -1;
	}
	return any ? 0 : -1;
}

int
perf_attach(struct perf *p, pid_t tid)
{
	struct root *root;
	int error;

	if (array_room(&p->root, p->nroot, &p->root_room, sizeof *root) < 0)
		return -1;
	root = &p->root[p->nroot];
	root->tid = tid;
	root->fd = malloc(p->nring * sizeof *root->fd);
	if (root->fd == NULL)
		return -1;
	memset(root->fd, -1, p->nring * sizeof *root->fd);
	if (attach_all(p, tid, root->fd) == 0) {
		root->guard = open_guard(p, tid);
		root->count = open_count(p, tid);
		p->nroot++;
		return 0;
	}
	/* Where its event holds the buffer of a ring the ring goes as well;
	 * that can only be the first thread's, and then all is over. */
	error = errno;
	if (p->nroot > 0)
		close_events(p, root->fd);
	free(root->fd);
	errno = error;
	return -1;
}

/* Count a thread.  Returns 1; 0 if it is already, or has ended; -1 with errno. */
static int
attach_thread(struct perf *p, pid_t tid)
{
	if (perf_attached(p, tid))
		return 0;
	if (perf_attach(p, tid) == 0)
		return 1;
	return errno == ESRCH ? 0 : -1;
}

int
perf_attach_process(struct perf *p, pid_t pid)
{
	size_t n, fresh;
	int any = 0, got = 0;

	do {
		pid_t *tid = proc_threads(pid, &n);

		fresh = 0;
		for (size_t i = 0; tid && i < n && got >= 0; i++) {
			got = attach_thread(p, tid[i]);
			if (got > 0)
				fresh++;
		}
		any |= fresh > 0;
		free(tid);
	} while (fresh && got >= 0);
	return got < 0 ? -1 : any;
}

int
perf_attach_all(struct perf *p)
{
	for (size_t i = 0; i < p->nring; i++) {
		struct ring *r = &p->ring[i];
		int fd = (int)syscall(SYS_perf_event_open, &p->attr, -1, r->cpu, -1,
		    PERF_FLAG_FD_CLOEXEC);

		if (fd < 0 && errno == ENODEV) /* the CPU has gone offline */
			continue;
		if (fd < 0)
			return -1;
		r->fd = fd;
		if (map_ring(r, fd) < 0 ||
		    (p->program >= 0 &&
		        ioctl(fd, PERF_EVENT_IOC_SET_BPF, p->program) < 0) ||
		    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
			return -1;
	}
	return 0;
}

void
perf_period(struct perf *p, uint64_t ns)
{
	for (size_t i = 0; i < p->nring; i++)
		if (p->ring[i].fd >= 0)
			ioctl(p->ring[i].fd, PERF_EVENT_IOC_PERIOD, &ns);
}

int
perf_attached(const struct perf *p, pid_t tid)
{
	for (size_t i = 0; i < p->nroot; i++)
		if (p->root[i].tid == tid)
			return 1;
	return 0;
}

uint64_t
perf_counted(const struct perf *p)
{
	uint64_t sum = 0, n;

	for (size_t i = 0; i < p->nroot; i++) {
		uint32_t speaker = idmap_get(&p->speaker, (uint64_t)p->root[i].tid);

		/* A thread may have an inherited event as well: count it once. */
		if (p->root[i].count >= 0 && (speaker == i || speaker == IDMAP_NONE) &&
		    read(p->root[i].count, &n, sizeof n) == sizeof n)
			sum += n;
	}
	return sum;
}

/* ---- waiting ----------------------------------------------------------- */

#define BLIND_MILLISECONDS 10 /* between looks at a ring that no event wakes us for */

/* Returns the event to poll for a ring; -1: all have hung up. */
static int
polled_event(const struct perf *p, size_t ring)
{
	const struct ring *r = &p->ring[ring];

	if (p->all)
		return r->fd;
	return r->polled < p->nroot ? p->root[r->polled].fd[ring] : -1;
}

int
perf_wait(struct perf *p, struct pollfd *fd, size_t n, int milliseconds)
{
	struct pollfd *rings = p->poll + PERF_WAIT_MOST;
	int got;

	for (size_t i = 0; i < PERF_WAIT_MOST; i++)
		p->poll[i] = i < n ? fd[i] : (struct pollfd){ -1, 0, 0 };
	for (size_t i = 0; i < p->nring; i++) {
		rings[i] = (struct pollfd){ polled_event(p, i), POLLIN, 0 };
		if (rings[i].fd < 0 && milliseconds > BLIND_MILLISECONDS)
			milliseconds = BLIND_MILLISECONDS;
	}
	got = poll(p->poll, p->nring + PERF_WAIT_MOST, milliseconds);
	if (got < 0)
		return -1;
	for (size_t i = 0; i < n && i < PERF_WAIT_MOST; i++)
		fd[i] = p->poll[i];
	/* A thread and all of its children have ended: poll another root's event. */
	for (size_t i = 0; i < p->nring; i++)
		if (rings[i].revents & (POLLHUP | POLLERR))
			p->ring[i].polled++;
	return got;
}

/* ---- reading ----------------------------------------------------------- */

/* Copy from the ring, around its end. */
static void
peek(const struct ring *r, uint64_t at, void *to, size_t len)
{
	size_t from = (size_t)at & (r->size - 1), part = r->size - from;

	if (part > len)
		part = len;
	memcpy(to, r->data + from, part);
	memcpy((char *)to + part, r->data, len - part);
}

/* Look for a record at tail and set its time.  Returns 0: there is none; -1: the bytes
 * there make no sense and were dropped. */
static int
find_record(struct ring *r)
{
	struct perf_event_header h;
	/* After the header, a sample has id and tid before the time; others
	 * have the time and an id at their end (sample_id_all). */
	uint64_t at;

	if (r->page == NULL)
		return 0;
	if (r->tail == r->head)
		r->head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
	if (r->tail == r->head)
		return 0;
	peek(r, r->tail, &h, sizeof h);
	if (h.size < sizeof h + 24 || h.size > r->head - r->tail) {
		r->tail = r->head;
		__atomic_store_n(&r->page->data_tail, r->tail, __ATOMIC_RELEASE);
		return -1;
	}
	at = h.type == PERF_RECORD_SAMPLE ? sizeof h + 16 : h.size - 16UL;
	peek(r, r->tail + at, &r->next_time, sizeof r->next_time);
	return 1;
}

/* Returns whether a sample counts: whether it is of the root that speaks for its thread. */
static int
counts(struct perf *p, uint64_t id, pid_t tid)
{
	uint32_t root = idmap_get(&p->root_of, id);
	uint32_t speaker = idmap_get(&p->speaker, (uint64_t)tid);

	if (root == IDMAP_NONE || speaker != IDMAP_NONE)
		return root != IDMAP_NONE && speaker == root;
	return idmap_put(&p->speaker, (uint64_t)tid, root) == 0;
}

/* Give the record that was read last back to the kernel. */
static void
release(struct perf *p)
{
	struct perf_event_header h;
	struct ring *r = p->pending;

	if (r == NULL)
		return;
	peek(r, r->tail, &h, sizeof h);
	r->tail += h.size;
	__atomic_store_n(&r->page->data_tail, r->tail, __ATOMIC_RELEASE);
	p->pending = NULL;
}

static int
damaged(struct perf_record *out)
{
	memset(out, 0, sizeof *out);
	out->type = PERF_DAMAGED;
	return 1;
}

/* Read the record at a ring's tail.  Returns 1; 0: it does not count; -1: it makes no
 * sense. */
static int
read_ring(struct perf *p, struct ring *r, struct perf_record *out)
{
	size_t at = (size_t)r->tail & (r->size - 1);
	const unsigned char *bytes = r->data + at;
	struct perf_event_header h;
	int got;

	p->pending = r;
	peek(r, r->tail, &h, sizeof h);
	if (at + h.size > r->size) {
		peek(r, r->tail, r->bounce, h.size);
		bytes = r->bounce;
	}
	memset(out, 0, sizeof *out);
	out->time = r->next_time;
	got = perf_record_decode(bytes, p->attr.sample_type, out);
	if (got > 0 && out->type == PERF_SAMPLE &&
	    !(p->attr.sample_type & PERF_SAMPLE_PERIOD))
		out->sample.count = p->attr.sample_period;
	if (got > 0 && out->type == PERF_SAMPLE)
		return counts(p, out->sample.event, out->tid);
	if (got > 0 && out->type == PERF_EXIT) /* its number may come again */
		idmap_delete(&p->speaker, (uint64_t)out->tid);
	return got;
}

int
perf_next(struct perf *p, uint64_t until, struct perf_record *out)
{
	for (;;) {
		struct ring *first = NULL;
		int got;

		release(p);
		for (size_t i = 0; i < p->nring; i++) {
			struct ring *r = &p->ring[i];

			got = find_record(r);
			if (got < 0)
				return damaged(out);
			if (got && r->next_time <= until &&
			    (first == NULL || r->next_time < first->next_time))
				first = r;
		}
		if (first == NULL)
			return 0;
		got = read_ring(p, first, out);
		if (got != 0)
			return got < 0 ? damaged(out) : 1;
	}
}
