/* What the step of bpf/step.h asks of a copied stack. */
struct step_row;
static int row_at(void *ctx, unsigned i, struct step_row *row);
static int page_at(void *ctx, unsigned p, unsigned *out);
static int read_stack(void *ctx, unsigned long long addr, unsigned long long *out);
#define STEP_ROW row_at
#define STEP_PAGE page_at
#define STEP_READ read_stack

#include "unwind.h"

#include <stdlib.h>
#include <string.h>

/* How far above its top a stack is believed to reach. */
#define STACK_MAX (1ULL << 30)

struct walk {
	const struct unwind_table *t;
	const struct unwind_stack *s;
	int beyond;
};

static int
row_at(void *ctx, unsigned i, struct step_row *row)
{
	const struct walk *w = ctx;

	if (i >= w->t->nrow)
		return -1;
	*row = w->t->row[i];
	return 0;
}

static int
page_at(void *ctx, unsigned p, unsigned *out)
{
	const struct walk *w = ctx;

	if (w->t->page == NULL || p > w->t->npage)
		return -1;
	*out = w->t->page[p];
	return 0;
}

static int
read_stack(void *ctx, unsigned long long addr, unsigned long long *out)
{
	struct walk *w = ctx;
	uint64_t at = addr - w->s->sp;

	if (addr < w->s->sp)
		return -1;
	if (w->s->len < sizeof *out || at > w->s->len - sizeof *out) {
		w->beyond = at < STACK_MAX;
		return -1;
	}
	memcpy(out, (const char *)w->s->bytes + at, sizeof *out);
	return 0;
}

void
unwind_free(struct unwind_table *t)
{
	free(t->row);
	free(t->page);
	memset(t, 0, sizeof *t);
}

uint32_t
unwind_rule(const struct unwind_table *t, uint64_t offset)
{
	struct walk w = { t, NULL, 0 };

	if (offset > UINT32_MAX)
		return STEP_RULE(STEP_NONE, 0, 0);
	return step_find(&w, t->base, (uint32_t)offset);
}

enum step_end
unwind_step(uint32_t rule, const struct unwind_stack *s, struct step_regs *r,
    int *beyond)
{
	struct walk w = { NULL, s, 0 };
	uint64_t sp = r->sp;
	enum step_end end = step_up(&w, rule, r);

	*beyond = w.beyond || r->sp - s->sp > s->len;
	/* In one stack callers lie above their callees. */
	if (end == STEP_OK && STEP_KIND(rule) != STEP_SIGNAL && r->sp <= sp)
		return STEP_END_MEMORY;
	return end;
}
