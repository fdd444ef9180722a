#include "profile/profile_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "profile/profile_tree.h"

#define NONE PROFILE_NONE

_Static_assert(PROFILE_SUMS == PROFILE_COLUMNS, "a sum of each column");

struct profile_rows *
profile_rows_new(void)
{
	struct profile_rows *r = calloc(1, sizeof *r);

	if (r == NULL || (r->map = calloc(1, sizeof *r->map)) == NULL) {
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
	uint64_t h = hash_u64(HASH_INIT,
	    (uint64_t)key->name << 32 | key->module);

	h = hash_u64(hash_u64(h, key->file), key->line);
	for (; (*index = idmap_get(r->map, h)) != NONE; h++)
		if (is_same(&r->row[*index].key, key))
			return 0;
	if (array_room(&r->row, r->n, &r->room, sizeof *r->row) < 0 ||
	    idmap_put(r->map, h, (uint32_t)r->n) < 0)
		return -1;
	*index = (uint32_t)r->n++;
	r->row[*index] = (struct profile_tally){ .key = *key };
	r->row[*index].owner = r->row[*index].best = NONE;
	return 0;
}

/* ---- self and total ---------------------------------------------------- */

static void
enter(struct profile_node *node, struct profile_tally *row, size_t column,
    uint64_t self)
{
	node->sum = self;
	row->sum[column].self += self;
	row->onpath++;
}

/* Leave a node: its sum counts in the row's total if this is the outermost occurrence
 * on the path. */
static void
leave(struct profile_tree *t, struct profile_node *node,
    struct profile_tally *row, size_t column)
{
	if (--row->onpath == 0)
		row->sum[column].total += node->sum;
	if (node->parent != NONE)
		t->node[node->parent].sum += node->sum;
}

static void
sum_column(struct profile_rows *r, struct profile_tree *t, size_t which,
    size_t column)
{
	uint32_t n = t->roots;
	struct profile_node *node;

	while (n != NONE) {
		node = &t->node[n];
		enter(node, &r->row[t->node[node->as].row[which]], column,
		    profile_tree_self(t, column, n));
		if ((n = node->child) != NONE)
			continue;
		for (;;) {
			leave(t, node, &r->row[t->node[node->as].row[which]], column);
			n = node->sibling;
			if (n != NONE || node->parent == NONE)
				break;
			node = &t->node[node->parent];
		}
	}
}

static void
sum_times(struct profile_tally *row)
{
	size_t c;

	row->all = (struct profile_sum){ 0 };
	for (c = 0; c < PROFILE_TIMES; c++) {
		row->all.self += row->sum[c].self;
		row->all.total += row->sum[c].total;
	}
}

void
profile_rows_sum(struct profile_rows *r, struct profile_tree *t, size_t which,
    unsigned columns)
{
	size_t i, c;

	for (i = 0; i < r->n; i++)
		memset(r->row[i].sum, 0, sizeof r->row[i].sum);
	for (c = 0; c < PROFILE_COLUMNS; c++)
		if (columns & 1u << c && t->column[c].n)
			sum_column(r, t, which, c);
	for (i = 0; i < r->n; i++)
		sum_times(&r->row[i]);
}

/* Returns whether line a is rather to be displayed than line b. */
static int
is_better(const struct profile_tally *a, const struct profile_tally *b)
{
	if (a->all.self != b->all.self)
		return a->all.self > b->all.self;
	if (a->all.total != b->all.total)
		return a->all.total > b->all.total;
	return a->key.line < b->key.line;
}

void
profile_rows_best(struct profile_rows *owners,
    const struct profile_rows *functions, const struct profile_rows *lines)
{
	struct profile_tally *f;
	uint32_t owner;
	size_t i;

	for (i = 0; i < owners->n; i++)
		owners->row[i].best = NONE;
	for (i = 0; i < lines->n; i++) {
		owner = lines->row[i].owner;
		f = &owners->row[owners == functions ? owner : functions->row[owner].owner];
		if (f->best == NONE ||
		    is_better(&lines->row[i], &lines->row[f->best]))
			f->best = (uint32_t)i;
	}
}
