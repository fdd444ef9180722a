/*
 * The mappings of a process are an array, sorted by address, that do not overlap: a
 * new one cuts a hole into those that were there, as mmap(2) with MAP_FIXED does.
 * An address leads by binary search to its mapping, that to the module and an offset
 * in its file, and the module's table has the rule for that offset.  A walk repeats
 * this from frame to frame; registers that it has come to are a struct step_regs.
 */
#include "unwind/addrspace.h"

#include <stdlib.h>
#include <string.h>

#include "os/proc.h"
#include "unwind/module.h"
#include "unwind/unwind.h"

/* Returns the index of the first mapping that ends above addr. */
static size_t
above(const struct addrspace *s, uint64_t addr)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->map[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct addrspace_map *
addrspace_find(const struct addrspace *s, uint64_t addr)
{
	size_t i = above(s, addr);

	return i < s->n && s->map[i].start <= addr ? &s->map[i] : NULL;
}

/* Make room for n mappings.  Returns -1: out of memory. */
static int
reserve(struct addrspace *s, size_t n)
{
	struct addrspace_map *map;
	size_t room = s->room ? s->room : 32;

	while (room < n)
		room *= 2;
	if (room == s->room)
		return 0;
	map = reallocarray(s->map, room, sizeof *map);
	if (map == NULL)
		return -1;
	s->map = map;
	s->room = room;
	return 0;
}

static void
insert(struct addrspace *s, size_t i, struct addrspace_map map)
{
	memmove(&s->map[i + 1], &s->map[i], (s->n - i) * sizeof *s->map);
	s->map[i] = map;
	s->n++;
}

/* Unmap a range: cut mappings at its ends, and drop those within. */
static void
cut_out(struct addrspace *s, uint64_t start, uint64_t end)
{
	size_t i = above(s, start), j;

	if (i < s->n && s->map[i].start < start) {
		struct addrspace_map right = s->map[i];

		s->map[i++].end = start;
		if (right.end > end) {
			right.offset += end - right.start;
			right.start = end;
			insert(s, i, right);
			return;
		}
	}
	for (j = i; j < s->n && s->map[j].end <= end; j++)
		;
	if (j < s->n && s->map[j].start < end) {
		s->map[j].offset += end - s->map[j].start;
		s->map[j].start = end;
	}
	memmove(&s->map[i], &s->map[j], (s->n - j) * sizeof *s->map);
	s->n -= j - i;
}

int
addrspace_add(struct addrspace *s, const struct addrspace_map *map)
{
	size_t i;

	if (reserve(s, s->n + 2) < 0)
		return -1;
	cut_out(s, map->start, map->end);
	i = above(s, map->start);
	insert(s, i, *map);
	s->map[i].born = s->last = s->next;
	s->changed = 1;
	return 0;
}

int
addrspace_copy(struct addrspace *to, const struct addrspace *from)
{
	addrspace_clear(to);
	if (reserve(to, from->n) < 0)
		return -1;
	if (from->n)
		memcpy(to->map, from->map, from->n * sizeof *from->map);
	to->n = from->n;
	to->next = from->next;
	to->last = from->last;
	to->changed = 1;
	return 0;
}

void
addrspace_clear(struct addrspace *s)
{
	free(s->map);
	s->map = NULL;
	s->n = s->room = 0;
	s->changed = 1;
	s->last = s->next;
}

/* ---- walking ----------------------------------------------------------- */

/* Returns the offset of an address in the module's file, or the address itself. */
static uint64_t
offset_of(const struct addrspace_map *map, uint64_t addr)
{
	return map == NULL || map->module->absolute ? addr
	                                            : addr - map->start + map->offset;
}

/* Add the frame at regs->pc and find its rule.  Returns -1: the walk ends. */
static int
add_frame(const struct addrspace *s, const struct step_regs *regs, struct addrspace_walk *w,
    uint32_t *rule)
{
	/* The byte before a return address belongs to the call. */
	uint64_t addr = regs->exact ? regs->pc : regs->pc - 1, offset;
	const struct addrspace_map *map = addrspace_find(s, addr);

	if (map == NULL) {
		w->cut = "no-module";
		w->unknown = addr;
		if (w->n > 0)
			return -1;
	}
	if (w->n == ADDRSPACE_DEPTH) {
		w->cut = "depth";
		return -1;
	}
	w->frame[w->n].module = map ? map->module : NULL;
	offset = offset_of(map, addr);
	w->frame[w->n++].offset = offset;
	if (map == NULL)
		return -1;
	if (module_early(map->module, offset, rule) == 0)
		return 0;
	if (w->no_wait && !module_ready(map->module)) {
		w->cut = "no-unwind-info";
		w->missing = map->module;
		return -1;
	}
	module_wait(map->module);
	*rule = unwind_rule(&map->module->table, offset);
	return 0;
}

/* Returns the reason for w->cut; NULL: the walk is complete. */
static const char *
reason(enum step_end end, int beyond)
{
	switch (end) {
	case STEP_END_ROOT: return NULL;
	case STEP_END_NONE: return "no-unwind-info";
	case STEP_END_LATER:
	case STEP_END_BAD: return "bad-unwind-info";
	default: return beyond ? "copy-end" : "bad-memory";
	}
}

static int
mapped(void *ctx, uint64_t addr)
{
	return addrspace_find(ctx, addr) != NULL;
}

/* Read 8 bytes of code, as they are now. */
static int
read_code(void *ctx, uint64_t addr, uint64_t *out)
{
	const struct addrspace *s = ctx;

	return proc_read(s->pid, addr, out, sizeof *out);
}

void
addrspace_walk(struct addrspace *s, const struct unwind_stack *stack,
    struct step_regs regs, struct addrspace_walk *w)
{
	const struct unwind_code code = { mapped, read_code, s };
	uint32_t rule;
	int beyond;

	w->n = 0;
	w->cut = NULL;
	w->unknown = 0;
	w->missing = NULL;
	while (add_frame(s, &regs, w, &rule) == 0) {
		enum step_end end = unwind_step(rule, stack, &code, &regs, &beyond);

		if (end != STEP_OK) {
			w->cut = reason(end, beyond);
			return;
		}
	}
}

void
addrspace_walked(const struct addrspace *s, uint32_t version, const uint64_t *addr,
    size_t n, const char *cut, struct addrspace_walk *w)
{
	w->n = 0;
	w->cut = cut;
	w->unknown = 0;
	for (size_t i = 0; i < n && i < ADDRSPACE_DEPTH; i++) {
		const struct addrspace_map *map = addrspace_find(s, addr[i]);

		w->frame[w->n].module = map ? map->module : NULL;
		w->frame[w->n++].offset = offset_of(map, addr[i]);
		if (map && map->born <= version)
			continue;
		if (w->cut == NULL || i + 1 < n)
			w->cut = "no-module";
		return;
	}
}
