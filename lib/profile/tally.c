#include "profile/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/idmap.h"
#include "profile/profile_types.h"
#include "profile/stacks.h"

#define NONE STACKS_NONE

/* ---- columns ----------------------------------------------------------- */

int
tally_reserve(struct tally_column *c, size_t n)
{
	uint64_t *value;

	if (n <= c->n)
		return 0;
	if (n < 2 * c->n)
		n = 2 * c->n;
	value = reallocarray(c->value, n, sizeof *value);
	if (value == NULL)
		return -1;
	memset(value + c->n, 0, (n - c->n) * sizeof *value);
	c->value = value;
	c->n = n;
	return 0;
}

uint64_t
tally_self(const struct tally_column *c, uint32_t node)
{
	return node < c->n ? c->value[node] : 0;
}

void
tally_clear(struct tally_column *c)
{
	if (c->n)
		memset(c->value, 0, c->n * sizeof *c->value);
}

/* ---- self and total ---------------------------------------------------- */

/* A walk over the tree that sums a column. */
struct walk {
	const struct stacks *s;
	size_t group;
	int collapse;
	struct tally_sum *sum; /* by row */
	uint64_t *below;       /* by node: its sum so far */
};

/* Returns the sum of the row that a node counts for. */
static struct tally_sum *
sum_of(const struct walk *w, uint32_t n)
{
	return &w->sum[w->s->node[stacks_as(w->s, n, w->collapse)].row[w->group]];
}

/* Returns whether a node is no caller of what is below it: left out above main. */
static int
is_left_out(const struct walk *w, uint32_t n)
{
	return w->collapse && w->s->node[n].as == w->s->runtime;
}

static void
enter(struct walk *w, uint32_t n, uint64_t self)
{
	struct tally_sum *sum = sum_of(w, n);

	w->below[n] = self;
	sum->self += self;
	if (is_left_out(w, n))
		sum->total += self;
	else
		sum->onpath++;
}

/* Leave a node: its sum counts in the row's total if this is the outermost occurrence
 * on the path. */
static void
leave(struct walk *w, uint32_t n)
{
	struct tally_sum *sum = sum_of(w, n);
	uint32_t up = w->s->node[n].parent;

	if (!is_left_out(w, n) && --sum->onpath == 0)
		sum->total += w->below[n];
	if (up != NONE)
		w->below[up] += w->below[n];
}

int
tally_sum(const struct stacks *s, size_t group, int collapse, const struct tally_column *c,
    struct tally_sum *sum)
{
	struct walk w = { s, group, collapse, sum, NULL };
	uint32_t n = c->n ? s->roots : NONE;

	memset(sum, 0, s->rows[group].n * sizeof *sum);
	if (n == NONE)
		return 0;
	if ((w.below = calloc(s->n, sizeof *w.below)) == NULL)
		return -1;
	while (n != NONE) {
		uint32_t at = n;

		enter(&w, n, tally_self(c, n));
		if ((n = s->node[n].child) != NONE)
			continue;
		for (;;) {
			leave(&w, at);
			n = s->node[at].sibling;
			if (n != NONE || s->node[at].parent == NONE)
				break;
			at = s->node[at].parent;
		}
	}
	free(w.below);
	return 0;
}

/* ---- lines ------------------------------------------------------------- */

/* Returns whether line a is rather to be displayed than line b. */
static int
is_better(const struct stacks_rows *lines, const struct tally_sum *line, uint32_t a, uint32_t b)
{
	if (line[a].self != line[b].self)
		return line[a].self > line[b].self;
	if (line[a].total != line[b].total)
		return line[a].total > line[b].total;
	return lines->row[a].key.line < lines->row[b].key.line;
}

void
tally_best(const struct stacks *s, size_t group, const struct tally_sum *line, uint32_t *best)
{
	const struct stacks_rows *lines = &s->rows[PROFILE_LINE];
	uint32_t owner;

	for (size_t i = 0; i < s->rows[group].n; i++)
		best[i] = NONE;
	for (uint32_t i = 0; i < lines->n; i++) {
		owner = lines->row[i].owner;
		if (group == PROFILE_GENERIC)
			owner = s->rows[PROFILE_FUNCTION].row[owner].owner;
		if (best[owner] == NONE || is_better(lines, line, i, best[owner]))
			best[owner] = i;
	}
}

/* ---- callees ----------------------------------------------------------- */

/* Sums of pairs of a row and a function that was collapsed into it. */
struct pairs {
	struct idmap map; /* from a row and a function to an index */
	uint64_t *value;
	size_t n;
};

/* Add what a node has to its pair and note whether that is the largest of the row. */
static int
add_pair(struct pairs *p, struct tally_callee *of, uint32_t row, uint32_t function,
    uint64_t value)
{
	uint64_t id = (uint64_t)row << 32 | function;
	uint32_t i = idmap_get(&p->map, id);

	if (i == NONE) {
		i = (uint32_t)p->n++;
		if (idmap_put(&p->map, id, i) < 0)
			return -1;
	}
	p->value[i] += value;
	if (of->function == NONE || p->value[i] > of->value ||
	    (p->value[i] == of->value && function < of->function))
		*of = (struct tally_callee){ function, p->value[i] };
	return 0;
}

int
tally_callees(const struct stacks *s, size_t group, const struct tally_column *c,
    struct tally_callee *callee)
{
	struct pairs p = { .value = calloc(s->n + 1, sizeof *p.value) };
	int r = p.value ? 0 : -1;

	for (size_t i = 0; i < s->rows[group].n; i++)
		callee[i] = (struct tally_callee){ NONE, 0 };
	for (uint32_t n = 0; r == 0 && n < s->n; n++) {
		const struct stacks_node *node = &s->node[n];
		uint32_t row = s->node[node->as].row[group], below = node->entry;

		if (node->as != n && tally_self(c, n))
			r = add_pair(&p, &callee[row], row, s->node[below].row[PROFILE_FUNCTION],
			    tally_self(c, n));
	}
	idmap_clear(&p.map);
	free(p.value);
	return r;
}
