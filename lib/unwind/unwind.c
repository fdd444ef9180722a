#include "unwind/unwind.h"

#include <stdlib.h>
#include <string.h>

#include "bpf/step_frame.h"

#define STACK_MAX (1ULL << 30) /* bytes: a stack is believed to be no longer */

/* A table to search, or a stack and its code to step in. */
struct walk {
	const struct unwind_table *t;
	const struct unwind_stack *s;
	const struct unwind_code *code;
	int beyond;
};

STEP_INLINE int
step_row(struct walk *w, step_u32 i, struct step_row *row)
{
	if (i >= w->t->nrow)
		return -1;
	*row = w->t->row[i];
	return 0;
}

STEP_INLINE int
step_page(struct walk *w, step_u32 p, step_u32 *low, step_u32 *high)
{
	if (w->t->page == NULL || p >= w->t->npage)
		return -1;
	*low = w->t->page[p];
	*high = w->t->page[p + 1];
	return 0;
}

STEP_INLINE int
step_mapped(struct walk *w, step_u64 addr)
{
	return w->code->mapped(w->code->ctx, addr);
}

/* Returns the part of a copy that has 8 bytes at an address, or NULL. */
static const struct unwind_stack *
part_of(const struct unwind_stack *s, uint64_t addr)
{
	for (; s; s = s->next)
		if (addr >= s->sp && s->len >= 8 && addr - s->sp <= s->len - 8)
			return s;
	return NULL;
}

STEP_INLINE int
step_read(struct walk *w, step_u64 addr, step_u64 *out)
{
	const struct unwind_stack *part = part_of(w->s, addr);
	uint64_t word;
	int got;

	if (part) {
		memcpy(out, (const char *)part->bytes + (addr - part->sp), sizeof *out);
		return 0;
	}
	if (w->s->more)
		got = w->s->more(w->s->ctx, addr, &word);
	else if (step_mapped(w, addr))
		got = w->code->read(w->code->ctx, addr, &word);
	else {
		/* No copy at all: there is nothing at the stack pointer. */
		w->beyond = w->s->len && addr >= w->s->sp && addr - w->s->sp < STACK_MAX;
		return -1;
	}
	*out = got < 0 ? 0 : word;
	return got;
}

STEP_INLINE int
step_return(struct walk *w, step_u64 addr, step_u64 *out)
{
	return step_read(w, addr, out);
}

STEP_INLINE int
step_leaf(struct walk *w, step_u32 n, step_u64 *out)
{
	if (w->s->leaf == NULL || n >= STEP_LEAF)
		return -1;
	*out = w->s->leaf->word[n];
	return 0;
}

void
unwind_free(struct unwind_table *t)
{
	free(t->row);
	free(t->page);
	memset(t, 0, sizeof *t);
}

int
unwind_index(struct unwind_table *t)
{
	uint32_t i = 0;

	if (t->nrow == 0)
		return 0;
	t->base = t->row[0].offset & ~255U;
	t->npage = ((t->row[t->nrow - 1].offset - t->base) >> STEP_PAGE_SHIFT) + 1;
	t->page = reallocarray(NULL, (size_t)t->npage + 1, sizeof *t->page);
	if (t->page == NULL)
		return -1;
	for (uint32_t p = 0; p <= t->npage; p++) {
		uint64_t offset = t->base + ((uint64_t)p << STEP_PAGE_SHIFT);

		while (i < t->nrow && t->row[i].offset <= offset)
			i++;
		t->page[p] = i;
	}
	return 0;
}

uint32_t
unwind_rule(const struct unwind_table *t, uint64_t offset)
{
	struct walk w = { .t = t };

	if (offset > UINT32_MAX)
		return STEP_RULE(STEP_NONE, 0, 0);
	return step_find(&w, t->base, (uint32_t)offset);
}

enum step_end
unwind_step(uint32_t rule, const struct unwind_stack *s,
    const struct unwind_code *code, struct step_regs *r, int *beyond)
{
	struct walk w = { .s = s, .code = code };
	enum step_end end = step_frame(&w, rule, r);

	*beyond = w.beyond || (s->more == NULL && r->sp - s->sp > s->len &&
	                          part_of(s, r->sp) == NULL);
	return end;
}
