#include "gate/hoist.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/array.h"
#include "gate/borrow.h"
#include "os/proc.h"

#define RED_ZONE 128        /* bytes below the stack pointer that are in use */
#define STACK_MAX (1 << 20) /* bytes of a stack that are looked at */
#define CHUNK 4096          /* words that are read at once */

struct range {
	uint64_t start, end;
};

/* Mappings in which stacks may be. */
struct ranges {
	struct range *range;
	size_t n, room;
};

static void
on_map(void *ctx, const struct proc_map *map, const char *perms)
{
	struct ranges *r = ctx;

	if (perms[0] == 'r' && perms[1] == 'w' &&
	    array_room(&r->range, r->n, &r->room, sizeof *r->range) == 0)
		r->range[r->n++] = (struct range){ map->start, map->end };
}

static void
read_ranges(struct ranges *r, pid_t pid)
{
	*r = (struct ranges){ NULL, 0, 0 };
	proc_all_maps(pid, on_map, r);
}

/* Returns where the stack that `sp` points into ends, at the latest. */
static uint64_t
end_of_stack(const struct ranges *r, uint64_t sp)
{
	size_t i = array_upto(r->range, r->n, sizeof *r->range, sp);
	uint64_t end = i ? r->range[i - 1].end : 0;

	return end > sp + STACK_MAX ? sp + STACK_MAX : end;
}

/* ---- words ------------------------------------------------------------- */

/* Returns what replaces a word, 0: it stays. */
static uint64_t
replacement(uint64_t word, const struct hoist_pair *pair, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (word == pair[i].from)
			return pair[i].to;
	return 0;
}

static void
write_word(pid_t pid, uint64_t addr, uint64_t word)
{
	struct iovec local = { &word, sizeof word }, remote = { NULL, sizeof word };

	memcpy(&remote.iov_base, &addr, sizeof addr);
	process_vm_writev(pid, &local, 1, &remote, 1, 0);
}

/* Returns whether a word is still what it was: what looks like the stack may belong to
 * threads that run, where a thread has a stack of the program's own making. */
static int
is_still(pid_t pid, uint64_t addr, uint64_t word)
{
	uint64_t is;

	return proc_read(pid, addr, &is, sizeof is) == 0 && is == word;
}

/* Look at a stack, and with `change` replace its words.  Returns how many. */
static size_t
on_stack(pid_t pid, uint64_t sp, uint64_t end, int change, const struct hoist_pair *pair,
    size_t n)
{
	uint64_t word[CHUNK], new;
	size_t found = 0;

	for (uint64_t at = (sp - RED_ZONE) & ~7ULL; at < end; at += sizeof word) {
		uint64_t len = end - at < sizeof word ? end - at : sizeof word;

		if (proc_read(pid, at, word, len) < 0)
			break;
		for (size_t i = 0; i < len / sizeof *word; i++) {
			new = replacement(word[i], pair, n);
			if (new == 0)
				continue;
			found++;
			if (change && is_still(pid, at + i * sizeof *word, word[i]))
				write_word(pid, at + i * sizeof *word, new);
		}
	}
	return found;
}

/* ---- threads ----------------------------------------------------------- */

static size_t
replace(struct borrow *b, const struct ranges *r, const struct hoist_pair *pair, size_t n)
{
	uint64_t reg[BORROW_REGISTERS];
	uint64_t sp = borrow_registers(b, reg), pointer = borrow_thread_pointer(b);
	uint64_t end = end_of_stack(r, sp);
	size_t found = 0;

	for (size_t i = 0; i < BORROW_REGISTERS; i++) {
		uint64_t new = replacement(reg[i], pair, n);

		if (new) {
			reg[i] = new;
			found++;
		}
	}
	if (found)
		borrow_set_registers(b, reg);
	/* Mappings that follow each other are one: the next may be another thread's. */
	if (pointer > sp && pointer < end)
		end = pointer;
	return found + on_stack(b->pid, sp, end, 1, pair, n);
}

size_t
hoist_borrowed(struct borrow *b, const struct hoist_pair *pair, size_t n)
{
	struct ranges r;
	size_t found;

	read_ranges(&r, b->pid);
	found = replace(b, &r, pair, n);
	free(r.range);
	return found;
}

/* A search for words in all threads of a process. */
struct job {
	pid_t pid;
	int seccomp;
	const struct hoist_pair *pair;
	size_t n;
	struct ranges r;
	size_t found;
};

/* Returns 0 if the thread does not stop. */
static int
look_at(struct job *j, pid_t tid)
{
	uint64_t sp;
	struct borrow b;
	const char *why;
	enum borrow_wait is = borrow_state(j->pid, tid, &sp);

	if (is == BORROW_NEVER)
		return 1;
	if ((is == BORROW_RISKY || is == BORROW_UNKNOWN) && sp &&
	    on_stack(j->pid, sp, end_of_stack(&j->r, sp), 0, j->pair, j->n) == 0)
		return 1;
	why = borrow_thread(&b, j->pid, tid, j->seccomp);
	if (why)
		return !borrow_is_late(why);
	j->found += replace(&b, &j->r, j->pair, j->n);
	borrow_release(&b);
	return 1;
}

size_t
hoist_all(pid_t pid, pid_t except, int seccomp, int patience, const struct hoist_pair *pair,
    size_t n, size_t *found)
{
	uint64_t end = proc_now() + (uint64_t)patience * 1000000;
	struct job j = { .pid = pid, .seccomp = seccomp, .pair = pair, .n = n };
	size_t late, threads = 0;
	pid_t *tid = proc_threads(pid, &threads);

	read_ranges(&j.r, pid);
	do {
		late = 0;
		for (size_t i = 0; tid && i < threads; i++)
			if (tid[i] != except && !look_at(&j, tid[i]))
				tid[late++] = tid[i];
		threads = late;
	} while (late && proc_now() < end);
	borrow_reap();
	*found += j.found;
	free(j.r.range);
	free(tid);
	return late;
}
