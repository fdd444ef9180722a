/*
 * References are counted by address in two tables: calls, by the address of
 * the code called, and slots, by the address of the slot.  When all code is
 * scanned, the counts of each slot are added to the function whose address it
 * holds.  A table is an array with an idmap from addresses to its indexes.
 */
#include "heap/hot_slots.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"
#include "elf/elf_file.h"
#include "elf/insn.h"

/* Counts of references, by the address of code or of a slot. */
struct slot_counts {
	struct idmap of; /* address -> index in target */
	struct hot_slot *target;
	size_t n, room;
};

/* Add to the references of addr. */
static void
add_references(struct slot_counts *r, uint64_t addr, uint64_t times)
{
	uint32_t i = idmap_get(&r->of, addr);

	if (i == IDMAP_NONE) {
		/* Out of memory: make do with the addresses counted so far. */
		if (array_room(&r->target, r->n, &r->room, sizeof *r->target) < 0 ||
		    idmap_put(&r->of, addr, (uint32_t)r->n) < 0)
			return;
		i = (uint32_t)r->n++;
		r->target[i] = (struct hot_slot){ addr, 0 };
	}
	r->target[i].references += times;
}

/* The segment of code that references are counted in, and the counts. */
struct scan {
	const struct elf_file_segment *segment;
	struct slot_counts *calls, *slots;
};

/* Count a reference, unless it is a call out of the segment. */
static void
on_reference(void *ctx, const struct insn_callee *to)
{
	const struct scan *s = ctx;

	if (to->slot)
		add_references(s->slots, to->addr, 1);
	else if (to->addr - s->segment->addr < s->segment->len)
		add_references(s->calls, to->addr, 1);
}

static int
is_code(const struct elf_file *o, uint64_t addr)
{
	struct elf_file_segment s;

	for (size_t i = 0; elf_file_exec_segment(o, i, &s) == 0; i++)
		if (addr - s.addr < s.len)
			return 1;
	return 0;
}

static int
by_references(const void *va, const void *vb)
{
	const struct hot_slot *a = va, *b = vb;

	if (a->references != b->references)
		return a->references < b->references ? 1 : -1;
	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

/* Add the references of each slot to the function whose address it holds. */
static void
resolve_slots(const struct elf_file *o, struct slot_counts *calls, const struct slot_counts *slots,
    int (*read_slot)(void *ctx, uint64_t slot, uint64_t *addr), void *ctx)
{
	uint64_t addr;

	for (size_t i = 0; i < slots->n; i++)
		if (read_slot(ctx, slots->target[i].addr, &addr) == 0 && is_code(o, addr))
			add_references(calls, addr, slots->target[i].references);
}

/* Count a call inside the segment. */
static void
on_branch(void *ctx, const struct insn_callee *to)
{
	const struct scan *s = ctx;

	if (!to->slot && to->addr - s->segment->addr < s->segment->len)
		add_references(s->calls, to->addr, 1);
}

size_t
hot_slots(const struct elf_file *o, int direct,
    int (*read_slot)(void *ctx, uint64_t slot, uint64_t *addr), void *ctx,
    struct hot_slot *out, size_t max)
{
	struct slot_counts calls, slots;
	struct elf_file_segment s;
	struct scan scan = { &s, &calls, &slots };
	size_t len, n = 0;
	const unsigned char *bytes = elf_file_bytes(o, &len);

	memset(&calls, 0, sizeof calls);
	memset(&slots, 0, sizeof slots);
	for (size_t i = 0; elf_file_exec_segment(o, i, &s) == 0; i++)
		if (s.offset < len && s.len <= len - s.offset) {
			insn_references(bytes + s.offset, s.len, s.addr, on_reference, &scan);
			if (direct)
				insn_branches(bytes + s.offset, s.len, s.addr, on_branch, &scan);
		}
	resolve_slots(o, &calls, &slots, read_slot, ctx);
	qsort(calls.target, calls.n, sizeof *calls.target, by_references);
	while (n < max && n < calls.n) {
		out[n] = calls.target[n];
		n++;
	}
	free(calls.target);
	free(slots.target);
	idmap_clear(&calls.of);
	idmap_clear(&slots.of);
	return n;
}
