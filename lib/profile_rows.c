#include "profile_rows.h"

#include <stdlib.h>

#include "array.h"
#include "idmap.h"
#include "profile_tree.h"
#include "rec.h"

#define NONE PROFILE_NONE

struct profile_rows *
profile_rows_new(void)
{
	struct profile_rows *r = calloc(1, sizeof(*r));

	if (r == NULL || (r->map = calloc(1, sizeof(*r->map))) == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void
profile_rows_free(struct profile_rows *r)
{
	if (r == NULL)
		return;
	idmap_clear(r->map);
	free(r->map);
	free(r->row);
	free(r);
}

static int
is_same(const struct profile_key *a, const struct profile_key *b)
{
	return a->name == b->name && a->module == b->module &&
	    a->file == b->file && a->line == b->line;
}

int
profile_rows_find(struct profile_rows *r, const struct profile_key *key,
    uint32_t *index)
{
	uint64_t h = rec_hash_u64(REC_HASH,
	    (uint64_t)key->name << 32 | key->module);

	h = rec_hash_u64(rec_hash_u64(h, key->file), key->line);
	for (; (*index = idmap_get(r->map, h)) != NONE; h++)
		if (is_same(&r->row[*index].key, key))
			return 0;
	if (array_room(&r->row, r->n, &r->room, sizeof(*r->row)) == -1 ||
	    idmap_put(r->map, h, (uint32_t)r->n) == -1)
		return -1;
	*index = (uint32_t)r->n++;
	r->row[*index] = (struct profile_tally){ .key = *key };
	r->row[*index].owner = r->row[*index].best = NONE;
	return 0;
}

/* ---- self and total ---------------------------------------------------- */

static void
enter(struct profile_node *node, struct profile_tally *row)
{
	node->sum = node->self;
	row->self += node->self.ns;
	row->now_self += node->self.now;
	row->onpath++;
}

/* A row's total is what its outermost occurrence on each path has. */
static void
leave(struct profile_tree *t, struct profile_node *node,
    struct profile_tally *row)
{
	struct profile_sum *up;

	if (--row->onpath == 0) {
		row->total += node->sum.ns;
		row->now_total += node->sum.now;
	}
	if (node->parent == NONE)
		return;
	up = &t->node[node->parent].sum;
	up->ns += node->sum.ns;
	up->now += node->sum.now;
}

void
profile_rows_sum(struct profile_rows *r, struct profile_tree *t, size_t which)
{
	uint32_t n = t->roots;
	struct profile_node *node;
	size_t i;

	for (i = 0; i < r->n; i++)
		r->row[i].self = r->row[i].total = r->row[i].now_self =
		    r->row[i].now_total = 0;
	while (n != NONE) {
		node = &t->node[n];
		enter(node, &r->row[node->row[which]]);
		if ((n = node->child) != NONE)
			continue;
		for (;;) {
			leave(t, node, &r->row[node->row[which]]);
			n = node->sibling;
			if (n != NONE || node->parent == NONE)
				break;
			node = &t->node[node->parent];
		}
	}
}

/* Is line a rather than b where its function is shown? */
static int
is_better(const struct profile_tally *a, const struct profile_tally *b)
{
	if (a->self != b->self)
		return a->self > b->self;
	if (a->total != b->total)
		return a->total > b->total;
	return a->key.line < b->key.line;
}

void
profile_rows_best(struct profile_rows *functions,
    const struct profile_rows *lines)
{
	struct profile_tally *f;
	size_t i;

	for (i = 0; i < functions->n; i++)
		functions->row[i].best = NONE;
	for (i = 0; i < lines->n; i++) {
		f = &functions->row[lines->row[i].owner];
		if (f->best == NONE ||
		    is_better(&lines->row[i], &lines->row[f->best]))
			f->best = (uint32_t)i;
	}
}
