/*
 * The memory of a gate in the process is as gate/abi.h has it.  Here stands what was
 * found in the process (slots), and a copy of what is told to the blob (data): which
 * function each wrapper leads to.  A function keeps its wrapper as long as the blob is
 * mapped, for a thread may hold that address for ever.
 */
#include "gate/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "elf/insn.h"
#include "gate/borrow.h"
#include "gate/hoist.h"
#include "gate/image.h"
#include "gate/slots.h"
#include "gate/ticks.h"
#include "gate/way_back.h"
#include "os/cgroup.h"
#include "os/proc.h"
#include "unwind/mapping.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#define MFD_NOEXEC_SEAL 8U
#endif
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif
#define GONE "it has ended, or executes another program"
#define BLOBS 8          /* mapped in one process: of several versions */
#define TRIES 40         /* to detach */
#define STACK_SIZE 4096  /* of what borrowed threads run */
#define ROOM (2 << 20)   /* bytes that a gate may come to need */
#define LEASE_FIRST 30e9 /* TSC ticks before the first gate_renew(): some seconds */

/* A blob that is mapped, of any version: where its wrappers lead. */
struct blob {
	uint64_t base;
	uint32_t functions;
	uint64_t real[GATE_FUNCTIONS];
	uint32_t wrapper[GATE_FUNCTIONS];
};

struct gate {
	pid_t pid;
	int mem;               /* /proc/PID/mem: when it executes another program, this
	                          stays that of the old one, and cannot be used */
	int seccomp, all, patience;
	int ringing, ring;     /* the ring's file, for the reader; -1: there is none */
	uint64_t base;         /* 0: not mapped yet */
	int inherited;         /* it goes on with what its parent's gate has left it */
	int ring_left;         /* a ring of its parent is mapped */
	struct slots slots;
	size_t nslots;         /* that have a wrapper: see assign() */
	uint32_t *number;      /* the wrapper of each slot, GATE_FUNCTIONS: none */
	struct gate_data data; /* as far as real[], it is what the blob has */
	struct blob blob[BLOBS];
	size_t nblob;
	struct gate_status status;
	const uint64_t *follow; /* blocks, for follow_blocks() */
	size_t nfollow;
	int forget;             /* them */
	uint64_t tsc, ns;      /* at the same moment, when it was attached */
};

/* ---- memory of the process --------------------------------------------- */

static int
write_memory(const struct gate *g, uint64_t addr, const void *from, size_t len)
{
	return pwrite(g->mem, from, len, (off_t)addr) == (ssize_t)len ? 0 : -1;
}

/* Is it still the program whose slots are known? */
static int
is_same_program(const struct gate *g)
{
	char c;

	return g->slots.n && pread(g->mem, &c, 1, (off_t)g->slots.slot[0].addr) == 1;
}

static uint64_t
data_at(const struct gate *g, size_t offset)
{
	return g->base + GATE_CODE + offset;
}

#define FIELD(g, member) data_at(g, offsetof(struct gate_data, member))

static int
put_word(struct gate *g, uint64_t addr, uint64_t value)
{
	return write_memory(g, addr, &value, sizeof value);
}

/* ---- blobs that are there already -------------------------------------- */

static void
on_blob(void *ctx, const struct proc_map *map)
{
	struct gate *g = ctx;
	struct gate_data d;
	struct blob *b = &g->blob[g->nblob];

	if (!mapping_is_gate(map->path) || map->offset != 0 ||
	    g->nblob == BLOBS ||
	    proc_read(g->pid, map->start + GATE_CODE, &d, sizeof d) < 0 ||
	    d.magic != GATE_MAGIC)
		return;
	*b = (struct blob){ .base = map->start,
		.functions = d.functions < GATE_FUNCTIONS ? d.functions : GATE_FUNCTIONS };
	/* Of another version: behind real[] comes wrapper[], as here. */
	if (proc_read(g->pid, map->start + GATE_CODE + d.real_at, b->real,
	        b->functions * sizeof *b->real) < 0 ||
	    proc_read(g->pid, map->start + GATE_CODE + d.real_at + d.functions * sizeof *b->real,
	        b->wrapper, b->functions * sizeof *b->wrapper) < 0)
		return;
	g->nblob++;
}

/* Returns 1 if the blob is of this very build.  Probes at its places may be armed. */
static int
is_ours(const struct gate *g, const struct blob *b)
{
	const uint64_t place[] = { image_sampled(), image_freed() };
	unsigned char code[GATE_CODE];

	if (proc_read(g->pid, b->base, code, sizeof code) < 0)
		return 0;
	for (int i = 0; i < 2; i++)
		if (code[place[i]] == INSN_BREAKPOINT)
			code[place[i]] = image_bytes()[place[i]];
	return memcmp(code, image_bytes(), sizeof code) == 0;
}

/* A holder that has died, or is another program by now, holds nothing. */
static pid_t
holder_of(const struct gate *g, const struct blob *b)
{
	struct proc_stat st;
	int32_t owner = 0;

	if (proc_read(g->pid, b->base + GATE_CODE + offsetof(struct gate_data, owner), &owner,
	        sizeof owner) < 0 ||
	    owner <= 0 || owner == getpid() || proc_stat(owner, &st) < 0 || st.state == 'Z' ||
	    strncmp(st.name, "rsprof", 6) != 0)
		return 0;
	return owner;
}

/* Returns whether two processes share their memory, as after vfork(2). */
static int
share_memory(pid_t a, pid_t b)
{
	long differ = syscall(SYS_kcmp, proc_shown(a), proc_shown(b), KCMP_VM, 0, 0);

	return differ == 0 || (differ < 0 && errno != ESRCH);
}

/* Take over a copy of another process' gate, which samples on meanwhile.  Returns 0 if it is
 * no copy. */
static int
inherit(struct gate *g, const struct blob *b)
{
	struct gate_data d;

	if (proc_read(g->pid, b->base + GATE_CODE, &d, sizeof d) < 0 || d.process <= 0 ||
	    d.process == g->pid || share_memory(d.process, g->pid))
		return 0;
	g->inherited = 1;
	if (d.owner == 0)
		return 1;
	g->data.period = d.period;
	g->data.stretch = d.stretch;
	g->data.draws = d.draws;
	g->data.mark = d.mark;
	return 1;
}

/* Have a blob that nobody holds sample nothing any more. */
static void
silence(const struct gate *g, const struct blob *b)
{
	const uint64_t off = GATE_OFF;

	write_memory(g, b->base + GATE_CODE + offsetof(struct gate_data, period), &off, sizeof off);
}

/* Take over what earlier holders have left. */
static const char *
find_blobs(struct gate *g)
{
	proc_maps(g->pid, on_blob, g);
	for (size_t i = 0; i < g->nblob; i++) {
		int ours = g->base == 0 && is_ours(g, &g->blob[i]);

		if (!ours || !inherit(g, &g->blob[i]))
			g->status.holder = holder_of(g, &g->blob[i]);
		if (g->status.holder)
			return "another process holds its gate";
		if (ours) {
			g->base = g->blob[i].base;
			memcpy(g->data.real, g->blob[i].real, sizeof g->data.real);
		} else {
			silence(g, &g->blob[i]);
		}
	}
	return NULL;
}

static int
has_thread(pid_t pid, pid_t tid)
{
	char name[PROC_NAME_MAX];

	return proc_thread_name(pid, tid, name) == 0;
}

/*
 * Wait until a thread that was borrowed by a holder who died is back from what it was sent
 * to do, which may be late on a busy machine: it has the gate's stack, and would go on with
 * what is unmapped or changed by then.
 */
static const char *
await_errand(struct gate *g)
{
	const uint64_t stack = data_at(g, GATE_STACK_AT);
	const uint64_t end = proc_now() + BORROW_LATE_MS * 1000000ULL;
	const struct timespec pause = { 0, 1000000 };
	struct gate_lent lent;
	struct way_back way;
	const char *why;
	int away;

	if (g->base == 0 || proc_read(g->pid, FIELD(g, lent), &lent, sizeof lent) < 0 ||
	    lent.tid <= 0 || !has_thread(g->pid, lent.tid)) /* a child has only one thread */
		return NULL;
	way_back_find(&way, g->pid);
	do {
		uint64_t reg[BORROW_REGISTERS];
		struct borrow b;

		why = borrow_thread(&b, g->pid, lent.tid, g->seccomp);
		away = 0;
		if (why == NULL) {
			away = borrow_registers(&b, reg) - stack < STACK_SIZE ||
			    borrow_is_on_way(&b, &way, lent.way_back);
			borrow_release(&b);
		}
		if (away)
			nanosleep(&pause, NULL);
	} while ((away || borrow_is_late(why)) && proc_now() < end);
	way_back_clear(&way);
	if (away)
		return "another process that was killed has borrowed a thread of it";
	return why && has_thread(g->pid, lent.tid) ? why : NULL;
}

/* A slots_behind: where a wrapper leads. */
static uint64_t
behind_wrapper(void *ctx, uint64_t addr)
{
	const struct gate *g = ctx;

	for (uint32_t n = 0; n < GATE_FUNCTIONS && g->base; n++)
		if (g->data.real[n] && addr == g->base + image_wrappers()[n])
			return g->data.real[n];
	for (size_t i = 0; i < g->nblob; i++)
		for (uint32_t n = 0; n < g->blob[i].functions; n++)
			if (g->blob[i].real[n] && addr == g->blob[i].base + g->blob[i].wrapper[n])
				return g->blob[i].real[n];
	return 0;
}

/* ---- wrappers ---------------------------------------------------------- */

static uint32_t
end_of_kind(uint32_t kind)
{
	switch (kind) {
	case GATE_ALLOC: return GATE_ALIGNED;
	case GATE_ALIGNED: return GATE_CALLOC;
	case GATE_CALLOC: return GATE_REALLOC;
	case GATE_REALLOC: return GATE_MEMALIGN;
	case GATE_MEMALIGN: return GATE_FREE;
	default: return GATE_FUNCTIONS;
	}
}

/* Returns the number of a slot's wrapper, GATE_FUNCTIONS if there are no more.  A
 * realloc() that must not be sampled ends a block, as free() does. */
static uint32_t
wrapper_for(struct gate *g, const struct slot *s)
{
	uint32_t kind = s->kind == GATE_REALLOC && !s->sampled ? GATE_FREE : s->kind;

	for (uint32_t n = kind; n < end_of_kind(kind); n++)
		if (g->data.real[n] == s->function || g->data.real[n] == 0) {
			g->data.real[n] = s->function;
			return n;
		}
	return GATE_FUNCTIONS;
}

/* Choose wrappers for slots that have none yet. */
static const char *
assign(struct gate *g)
{
	uint32_t *number = reallocarray(g->number, g->slots.n + 1, sizeof *number);
	const char *why = NULL;

	if (number == NULL)
		return "out of memory";
	g->number = number;
	for (; g->nslots < g->slots.n; g->nslots++) {
		number[g->nslots] = wrapper_for(g, &g->slots.slot[g->nslots]);
		if (number[g->nslots] == GATE_FUNCTIONS)
			why = "it has more allocation functions than there are wrappers";
	}
	g->status.slots = g->nslots;
	g->status.functions = 0;
	for (uint32_t n = 0; n < GATE_FUNCTIONS; n++)
		g->status.functions += g->data.real[n] != 0;
	return why;
}

static uint64_t
wrapper(const struct gate *g, size_t slot)
{
	return g->base + image_wrappers()[g->number[slot]];
}

/* Returns the wrapper that samples a function; 0: there is none. */
static uint64_t
wrapper_of(const struct gate *g, uint64_t real)
{
	for (uint32_t n = 0; n < GATE_FUNCTIONS && real; n++)
		if (g->data.real[n] == real)
			return g->base + image_wrappers()[n];
	return 0;
}

#define PAIRS (GATE_FUNCTIONS * (BLOBS + 1))

/* List what is to be replaced in threads: functions by their wrappers, or the other way
 * round; and wrappers of other blobs.  Returns how many there are. */
static size_t
list_hoisted(const struct gate *g, int back, struct hoist_pair pair[PAIRS])
{
	size_t count = 0;

	for (uint32_t n = 0; n < GATE_FUNCTIONS; n++) {
		uint64_t real = g->data.real[n], wrapped = g->base + image_wrappers()[n];

		if (real && back)
			pair[count++] = (struct hoist_pair){ wrapped, real };
		else if (real && wrapper_of(g, real) == wrapped)
			pair[count++] = (struct hoist_pair){ real, wrapped };
	}
	for (size_t i = 0; i < g->nblob; i++)
		for (uint32_t n = 0; n < g->blob[i].functions; n++) {
			uint64_t real = g->blob[i].real[n], to = back ? real : wrapper_of(g, real);

			if (real && to && g->blob[i].base != g->base)
				pair[count++] = (struct hoist_pair){
					g->blob[i].base + g->blob[i].wrapper[n], to
				};
		}
	return count;
}

/* ---- mapping it -------------------------------------------------------- */

#define CALL(b, result, number, ...) \
	borrow_syscall(b, number, (const uint64_t[6]){ __VA_ARGS__ }, result)

static const char *
mapping_error(int64_t error)
{
	switch (error) {
	case -ENOMEM: return "it may not map more memory (RLIMIT_AS, or too many mappings)";
	case -EACCES: return "it may not map code (SELinux, or vm.memfd_noexec)";
	case -EPERM: return "it may not map code (seccomp, or a security module)";
	case -EMFILE: return "it has as many files open as it may";
	case -ENOSYS: return "its system calls are filtered";
	default: return "the gate cannot be mapped";
	}
}

/* Open a file of a borrowed thread.  Returns its descriptor here, or -1. */
static int
open_file(const struct borrow *b, int64_t fd)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task/%d/fd/%d", (int)b->pid, (int)b->tid, (int)fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

#define SIZE_SEALS (F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/* Write the code to the file that a borrowed thread has opened. */
static const char *
fill_code(struct gate *g, const struct borrow *b, int64_t fd)
{
	int file = open_file(b, fd), ok;

	(void)g;
	if (file < 0)
		return "its memory file cannot be opened";
	ok = pwrite(file, image_bytes(), GATE_CODE, 0) == GATE_CODE &&
	    fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | SIZE_SEALS) == 0;
	close(file);
	return ok ? NULL : "its memory file cannot be written";
}

/* Give the ring its size, and keep its file for the reader. */
static const char *
fill_ring(struct gate *g, const struct borrow *b, int64_t fd)
{
	g->ring = open_file(b, fd);
	if (g->ring < 0)
		return "its memory file cannot be opened";
	if (ftruncate(g->ring, GATE_RING_FILE) < 0 || fcntl(g->ring, F_ADD_SEALS, SIZE_SEALS) < 0)
		return "its memory file cannot be written";
	return NULL;
}

/* A part of the gate that is mapped from a file in memory. */
struct part {
	const char *name;
	uint64_t at, size; /* from the gate's base on */
	unsigned file_flag, protection, flags;
	const char *(*fill)(struct gate *g, const struct borrow *b, int64_t fd);
};

/* Map a part over what is mapped there.  Its name is written there for the system call. */
static const char *
map_part(struct gate *g, struct borrow *b, const struct part *p)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	uint64_t at = g->base + p->at;
	int64_t fd, got, ignored;
	const char *why;

	if (write_memory(g, at, p->name, strlen(p->name) + 1) < 0)
		return "its memory cannot be written";
	why = CALL(b, &fd, SYS_memfd_create, at, flags | p->file_flag);
	if (why == NULL && fd == -EINVAL) /* before Linux 6.3 */
		why = CALL(b, &fd, SYS_memfd_create, at, flags);
	if (why || fd < 0)
		return why ? why : mapping_error(fd);
	why = p->fill(g, b, fd);
	if (why == NULL) {
		why = CALL(b, &got, SYS_mmap, at, p->size, p->protection, p->flags | MAP_FIXED,
		    (uint64_t)fd, 0);
		if (why == NULL && got < 0)
			why = mapping_error(got);
	}
	CALL(b, &ignored, SYS_close, (uint64_t)fd);
	return why;
}

static const char *
map_code(struct gate *g, struct borrow *b)
{
	static const struct part code = { MAPPING_GATE, 0, GATE_CODE, MFD_EXEC, PROT_READ | PROT_EXEC,
		MAP_PRIVATE, fill_code };

	return map_part(g, b, &code);
}

static const char *
map_blob(struct gate *g, struct borrow *b)
{
	int64_t got;
	const char *why = CALL(b, &got, SYS_mmap, 0, GATE_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1, 0);

	if (why || got < 0)
		return why ? why : mapping_error(got);
	g->base = (uint64_t)got;
	why = CALL(b, &got, SYS_madvise, g->base, GATE_SIZE, MADV_NOHUGEPAGE);
	if (why == NULL)
		why = map_code(g, b);
	if (why) {
		CALL(b, &got, SYS_munmap, g->base, GATE_SIZE);
		g->base = 0;
	}
	return why;
}

/* ---- the ring ---------------------------------------------------------- */

/* Where C libraries keep a thread's number, from %fs:0 on: glibc, musl. */
static const uint32_t number_places[] = { 720, 48 };

/* Find where the process' threads have their numbers. */
static void
find_numbers(struct gate *g, struct borrow *b)
{
	int32_t is;
	int64_t tid;

	if (CALL(b, &tid, SYS_gettid, 0) || tid <= 0)
		return;
	for (size_t i = 0; i < sizeof number_places / sizeof *number_places; i++)
		if (proc_read(g->pid, borrow_thread_pointer(b) + number_places[i], &is,
		        sizeof is) == 0 && is == tid)
			g->data.tid_at = number_places[i];
}

#define OUTERMOST 64 /* bytes of the stack that its first function may look at */

/* Find where the first thread's stack ends: behind it are the environment and up to two
 * pages of nothing, which no frame has. */
static void
on_stack(void *ctx, const struct proc_map *map, const char *perms)
{
	struct gate *g = ctx;
	struct proc_stat st;

	if (perms[0] != 'r' || strcmp(map->path, "[stack]") != 0)
		return;
	g->data.stack_end = map->end;
	if (proc_stat(g->pid, &st) == 0 && st.stack >= map->start &&
	    st.stack + OUTERMOST < map->end)
		g->data.stack_end = st.stack + OUTERMOST;
}

/* Give up the ring: memory of its own is in its place, for threads that write there. */
static const char *
unmap_ring(struct gate *g, struct borrow *b)
{
	int64_t got;

	return CALL(b, &got, SYS_mmap, data_at(g, GATE_RING_AT), GATE_RING_FILE,
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
	    (uint64_t)-1, 0);
}

/*
 * Share a ring with the process.  A child process that it forks has not the page that
 * says so, and does not write there; nor do we, where its parent's ring is mapped.
 */
static const char *
map_ring(struct gate *g, struct borrow *b)
{
	static const struct part ring = { MAPPING_GATE, GATE_CODE + GATE_RING_AT, GATE_RING_FILE,
		MFD_NOEXEC_SEAL, PROT_READ | PROT_WRITE, MAP_SHARED, fill_ring };
	const struct gate_own own = { .ring = 1 };
	int64_t got;
	const char *why = CALL(b, &got, SYS_madvise, data_at(g, GATE_OWN_AT), 4096,
	    MADV_WIPEONFORK);

	if (why == NULL && got < 0)
		why = "its children would write into its ring (before Linux 4.14)";
	if (why == NULL)
		why = unmap_ring(g, b);
	if (why == NULL)
		why = map_part(g, b, &ring);
	if (why)
		return why;
	find_numbers(g, b);
	proc_all_maps(g->pid, on_stack, g);
	return write_memory(g, data_at(g, GATE_OWN_AT), &own, sizeof own) < 0
	    ? "its memory cannot be written" : NULL;
}

/* Look for the ring of a parent, which fork(2) has left it. */
static void
on_ring(void *ctx, const struct proc_map *map, const char *perms)
{
	struct gate *g = ctx;

	g->ring_left |= g->base && map->start == data_at(g, GATE_RING_AT) && perms[3] == 's';
}

/* Forget what an earlier holder has left: countdowns, sampled blocks, records. */
static const char *
empty(struct gate *g, struct borrow *b)
{
	int64_t got;

	return CALL(b, &got, SYS_madvise, data_at(g, GATE_CELLS_AT), GATE_DATA - GATE_CELLS_AT,
	    MADV_DONTNEED);
}

/* ---- changing slots ---------------------------------------------------- */

/* What a slot is to have: its wrapper, or what it had.  Returns 0 if it stays. */
static int
make_patch(struct gate *g, size_t i, int back, struct gate_patch *out)
{
	const struct slot *s = &g->slots.slot[i];
	uint64_t is, old = behind_wrapper(g, s->value) ? s->function : s->value;

	if (g->number[i] == GATE_FUNCTIONS || s->protection == 0 ||
	    proc_read(g->pid, s->addr, &is, sizeof is) < 0)
		return 0;
	*out = (struct gate_patch){ .addr = s->addr, .old = is, .protection = s->protection,
		.result = GATE_TODO, .new = back ? old : wrapper(g, i) };
	/* When it goes back, others may have changed it meanwhile: theirs stays. */
	if (back || is == wrapper(g, i))
		return back && is == wrapper(g, i);
	return slot_is_settled(s, is) || behind_wrapper(g, is) == s->function;
}

/* Returns how many slots are to be changed from *next on, at most GATE_PATCHES: of files
 * that are permanent, or that are not. */
static uint32_t
list_patches(struct gate *g, int back, int permanent, size_t *next)
{
	uint32_t n = 0;

	for (; *next < g->nslots && n < GATE_PATCHES; ++*next)
		if (slot_is_permanent(&g->slots.slot[*next]) == permanent)
			n += (uint32_t)make_patch(g, *next, back, &g->data.patch[n]);
	g->data.npatch = n;
	return n;
}

/* Mark the word at which the thread has faulted: its file was unmapped just then. */
static int
skip_fault(struct gate *g, uint32_t n)
{
	const int32_t gone = -EFAULT;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t at = FIELD(g, patch) + i * sizeof(struct gate_patch) +
		    offsetof(struct gate_patch, result);
		int32_t result;

		if (proc_read(g->pid, at, &result, sizeof result) < 0)
			return -1;
		if (result == GATE_TODO)
			return write_memory(g, at, &gone, sizeof gone);
	}
	return 0;
}

/* Run gate_patch(). */
static const char *
run_patches(struct gate *g, struct borrow *b, uint32_t n)
{
	int fault;

	do {
		const char *why = borrow_run(b, g->base + image_patch(),
		    data_at(g, GATE_STACK_AT + STACK_SIZE - 64), &fault);

		if (why)
			return why;
		if (fault && skip_fault(g, n) < 0)
			return "its memory cannot be written";
	} while (fault);
	return NULL;
}

/* Change n words by a borrowed thread, since only its own stores are never seen half. */
static const char *
change_running(struct gate *g, struct borrow *b, uint32_t n)
{
	if (write_memory(g, FIELD(g, npatch), &n, sizeof n) < 0 ||
	    write_memory(g, FIELD(g, patch), g->data.patch, n * sizeof *g->data.patch) < 0)
		return "its memory cannot be written";
	return run_patches(g, b, n);
}

/* Change n words while all threads are stopped, whatever their pages' protection. */
static const char *
change_stopped(struct gate *g, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (put_word(g, g->data.patch[i].addr, g->data.patch[i].new) < 0)
			return "its memory cannot be written";
	return NULL;
}

static const char *
change(struct gate *g, struct borrow *b, int back, int permanent)
{
	size_t next = 0;
	const char *why = NULL;

	while (why == NULL && next < g->nslots) {
		uint32_t n = list_patches(g, back, permanent, &next);

		if (n)
			why = permanent ? change_running(g, b, n) : change_stopped(g, n);
	}
	return why;
}

/*
 * Change all slots.  Those of files that may be unloaded, or be loaded just now, are
 * changed with all threads stopped, and not by one of them: if we die it would go on, and the
 * page's protection that it restores might no longer be the one that the loader has given.
 */
static const char *
apply_patches(struct gate *g, struct borrow *b, int back)
{
	const char *why = change(g, b, back, 1);
	struct borrow *others;
	size_t n, next = 0;

	if (why || list_patches(g, back, 0, &next) == 0)
		return why;
	why = borrow_others(b, g->seccomp, &others, &n);
	if (why)
		return back ? why : NULL; /* gate_refresh() does it later */
	why = slots_check(&g->slots, g->pid) < 0 ? "its mappings cannot be read"
	                                         : change(g, b, back, 0);
	borrow_release_all(others, n);
	return why;
}

/* ---- attaching --------------------------------------------------------- */

static int
write_data(struct gate *g)
{
	const void *data = (const char *)g + offsetof(struct gate, data);

	g->data.magic = GATE_MAGIC;
	g->data.functions = GATE_FUNCTIONS;
	g->data.real_at = GATE_REAL;
	g->data.owner = getpid();
	g->data.process = g->pid;
	g->data.seed = ticks_now() * 0x9E3779B97F4A7C15ULL;
	g->data.lease = ticks_now() + (uint64_t)LEASE_FIRST;
	memcpy(g->data.wrapper, image_wrappers(), sizeof g->data.wrapper);
	g->data.count = (struct gate_counters){ 0 };
	return write_memory(g, g->base + GATE_CODE, data, sizeof g->data);
}

/* Give back what cannot be installed. */
static void
withdraw(struct gate *g, struct borrow *b)
{
	apply_patches(g, b, 1);
	if (g->ringing && empty(g, b) == NULL)
		unmap_ring(g, b);
}

/* With a borrowed thread: all that happens to the process but for hoisted addresses of
 * other threads. */
static const char *
install(struct gate *g, struct borrow *b)
{
	struct hoist_pair pair[PAIRS];
	int goes_on = g->inherited && !g->ringing;
	const char *why = goes_on ? NULL : g->base ? empty(g, b) : map_blob(g, b);

	if (why == NULL && g->ringing)
		why = map_ring(g, b);
	if (why)
		return why;
	if (write_data(g) < 0)
		return "its memory cannot be written";
	why = apply_patches(g, b, 0);
	if (why)
		withdraw(g, b);
	else
		g->status.hoisted = hoist_borrowed(b, pair, list_hoisted(g, 0, pair));
	return why;
}

static void
set_status(struct gate *g)
{
	g->status.base = g->base;
	g->status.sampled = g->base + image_sampled();
	g->status.freed = g->base + image_freed();
}

/* Say which thread is borrowed, for whoever comes after us if we die meanwhile. */
static void
lend(struct gate *g, pid_t tid, uint64_t way_back)
{
	g->data.lent = (struct gate_lent){ .tid = tid, .way_back = way_back };
	if (g->base) /* else install() writes it */
		write_memory(g, FIELD(g, lent), &g->data.lent, sizeof g->data.lent);
}

/* Do something with a borrowed thread. */
static const char *
with_thread(struct gate *g, const char *(*job)(struct gate *g, struct borrow *b), pid_t *tid)
{
	struct borrow b;
	uint64_t start;
	const char *why = borrow_begin(&b, g->pid, g->seccomp, g->patience), *end;

	if (why)
		return why;
	start = proc_now();
	*tid = b.tid;
	lend(g, b.tid, borrow_way_back(&b));
	why = is_same_program(g) ? job(g, &b) : GONE;
	end = borrow_release(&b);
	lend(g, 0, 0);
	g->status.stop_ns = proc_now() - start;
	return why ? why : end;
}

static const char *
prepare(struct gate *g, const struct gate_options *o)
{
	const char *why = borrow_check(g->pid, &g->status.holder, &g->seccomp);
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/mem", (int)proc_shown(g->pid));
	g->mem = open(path, O_RDWR | O_CLOEXEC);
	if (why == NULL && g->mem < 0)
		why = "its memory may not be written";
	g->all = o->all_callers;
	g->patience = o->patience;
	g->data.period = GATE_OFF;
	g->ringing = o->ringing;
	g->data.stack = o->stack;
	if (why == NULL)
		why = find_blobs(g);
	if (why == NULL && g->inherited)
		proc_all_maps(g->pid, on_ring, g);
	if (why == NULL)
		why = await_errand(g);
	if (why == NULL)
		why = slots_find(&g->slots, g->pid, g->all, behind_wrapper, g);
	if (why == NULL)
		why = slots_lack(&g->slots);
	if (why == NULL && cgroup_room(g->pid) < ROOM)
		why = "its control group leaves it no memory for that";
	if (why == NULL)
		why = assign(g);
	if (why == NULL && slots_check(&g->slots, g->pid) < 0)
		why = "its mappings cannot be read";
	return why;
}

const char *
gate_attach(struct gate **out, pid_t pid, const struct gate_options *o, struct gate_status *status)
{
	struct hoist_pair pair[PAIRS];
	struct gate *g = calloc(1, sizeof *g);
	const char *why;
	pid_t tid;

	*out = NULL;
	*status = (struct gate_status){ 0 };
	if (g == NULL)
		return "out of memory";
	g->pid = pid;
	g->mem = g->ring = -1;
	g->tsc = ticks_now();
	g->ns = proc_now();
	why = prepare(g, o);
	if (why == NULL)
		why = with_thread(g, install, &tid);
	if (why) {
		*status = g->status;
		gate_free(g);
		return why;
	}
	set_status(g);
	/* Until all threads have the wrappers, nothing is sampled: one that goes on freeing
	 * without them would leave blocks that live for ever. */
	if (hoist_all(pid, tid, g->seccomp, BORROW_LATE_MS, pair, list_hoisted(g, 0, pair),
	        &g->status.hoisted))
		why = BORROW_LATE;
	else if (gate_set_period(g, o->period) < 0)
		why = GONE;
	*status = g->status;
	if (why)
		gate_detach(g);
	else
		*out = g;
	return why;
}

/* Are there slots that do not lead through the gate, but should? */
static int
has_patches(struct gate *g)
{
	struct gate_patch patch;

	for (size_t i = 0; i < g->nslots; i++)
		if (make_patch(g, i, 0, &patch))
			return 1;
	return 0;
}

static const char *
patch_more(struct gate *g, struct borrow *b)
{
	if (write_memory(g, FIELD(g, real), g->data.real, sizeof g->data.real) < 0)
		return "its memory cannot be written";
	return apply_patches(g, b, 0);
}

const char *
gate_refresh(struct gate *g)
{
	const char *why = slots_find(&g->slots, g->pid, g->all, behind_wrapper, g);
	pid_t tid;

	if (why == NULL)
		why = assign(g);
	if (why == NULL && slots_check(&g->slots, g->pid) < 0)
		why = "its mappings cannot be read";
	return why || !has_patches(g) ? why : with_thread(g, patch_more, &tid);
}

/* ---- while it is attached ---------------------------------------------- */

/* Countdowns that were drawn with another period end now, so that one that was drawn
 * with GATE_OFF does not last. */
int
gate_set_period(struct gate *g, uint64_t period)
{
	g->data.period = period;
	return put_word(g, FIELD(g, period), period) < 0 ? -1 : gate_sweep(g);
}

/* Returns how many ticks the TSC has in a second. */
static double
ticks_a_second(const struct gate *g)
{
	return (double)(ticks_now() - g->tsc) / ((double)(proc_now() - g->ns) + 1) * 1e9;
}

int
gate_set_limit(struct gate *g, uint64_t samples)
{
	uint64_t stretch = 0;

	if (samples)
		stretch = (uint64_t)(ticks_a_second(g) * GATE_STRETCH / (double)samples);
	return put_word(g, FIELD(g, stretch), stretch);
}

int
gate_renew(struct gate *g, unsigned seconds)
{
	uint64_t lease = ticks_now() + (uint64_t)(ticks_a_second(g) * seconds), period;

	if (put_word(g, FIELD(g, lease), lease) < 0 ||
	    proc_read(g->pid, FIELD(g, period), &period, sizeof period) < 0)
		return -1;
	if (period != GATE_OFF || g->data.period == GATE_OFF)
		return 0; /* a longer one: see gate_set_limit() */
	/* It had ended, as when we were stopped for long. */
	return gate_set_period(g, g->data.period);
}

int
gate_sweep(struct gate *g)
{
	static struct gate_cell cell[GATE_CELLS + 1];
	uint64_t at = data_at(g, GATE_CELLS_AT);

	if (proc_read(g->pid, at, cell, sizeof cell) < 0)
		return -1;
	for (size_t i = 0; i < GATE_CELLS; i++)
		if (cell[i].key &&
		    put_word(g, at + i * sizeof *cell + offsetof(struct gate_cell, key), 0) < 0)
			return -1;
	return put_word(g, at + GATE_CELLS * sizeof *cell + offsetof(struct gate_cell, period), 0);
}

int
gate_counters(const struct gate *g, struct gate_counters *out)
{
	return proc_read(g->pid, FIELD(g, count), out, sizeof *out);
}

int
gate_ring(const struct gate *g)
{
	return g->ring;
}

uint64_t
gate_lost(const struct gate *g)
{
	uint64_t lost;

	return g->ring >= 0 && pread(g->ring, &lost, sizeof lost,
	           offsetof(struct gate_ring, lost)) == sizeof lost ? lost : 0;
}

void
gate_status(const struct gate *g, struct gate_status *out)
{
	*out = g->status;
}

/* Have a borrowed thread follow blocks, GATE_PATCHES at a time. */
static const char *
follow_blocks(struct gate *g, struct borrow *b)
{
	const char *why = NULL;
	int fault = 0;

	for (size_t at = 0; at < g->nfollow && why == NULL; at += GATE_PATCHES) {
		size_t left = g->nfollow - at;
		uint32_t n = left < GATE_PATCHES ? (uint32_t)left : GATE_PATCHES;

		for (uint32_t i = 0; i < n; i++)
			g->data.patch[i] = (struct gate_patch){ .addr = g->follow[at + i],
				.new = (uint64_t)g->forget, .result = GATE_TODO };
		if (write_memory(g, FIELD(g, npatch), &n, sizeof n) < 0 ||
		    write_memory(g, FIELD(g, patch), g->data.patch,
		        n * sizeof *g->data.patch) < 0)
			return "its memory cannot be written";
		why = borrow_run(b, g->base + image_follow(),
		    data_at(g, GATE_STACK_AT + STACK_SIZE - 64), &fault);
		if (why == NULL && fault)
			why = "the gate has faulted";
	}
	return why;
}

const char *
gate_follow(struct gate *g, const uint64_t *block, size_t n, int forget)
{
	pid_t tid;

	g->forget = forget;
	g->follow = block;
	g->nfollow = n;
	return n ? with_thread(g, follow_blocks, &tid) : NULL;
}

/* ---- detaching --------------------------------------------------------- */

static const char *
uninstall(struct gate *g, struct borrow *b)
{
	struct hoist_pair pair[PAIRS];
	const char *why = apply_patches(g, b, 1);

	if (why)
		return why;
	hoist_borrowed(b, pair, list_hoisted(g, 1, pair));
	why = empty(g, b);
	return why || !(g->ringing || g->ring_left) ? why : unmap_ring(g, b);
}

const char *
gate_detach(struct gate *g)
{
	const struct timespec pause = { 0, 50000000 };
	struct hoist_pair pair[PAIRS];
	const int32_t nobody = 0;
	const char *why = NULL;
	size_t hoisted = 0;
	pid_t tid;

	if (gate_set_period(g, GATE_OFF) < 0 || slots_check(&g->slots, g->pid) < 0)
		why = GONE;
	/* A thread of it may not stop just now. */
	for (int tries = 0; why == NULL; tries++) {
		why = with_thread(g, uninstall, &tid);
		if (why == NULL || tries == TRIES || !is_same_program(g))
			break;
		nanosleep(&pause, NULL);
		why = NULL;
	}
	if (why == NULL)
		hoist_all(g->pid, tid, g->seccomp, 0, pair, list_hoisted(g, 1, pair), &hoisted);
	write_memory(g, FIELD(g, owner), &nobody, sizeof nobody);
	gate_free(g);
	return why;
}

void
gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	if (g->mem >= 0)
		close(g->mem);
	if (g->ring >= 0)
		close(g->ring);
	slots_clear(&g->slots);
	free(g->number);
	free(g);
}
