#include "profile/profile_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"

#define NONE PROFILE_NONE

enum state { ADDED,
	WALKED,
	LINKED };

struct profile_tree *
profile_tree_new(void)
{
	struct profile_tree *t = calloc(1, sizeof *t);

	if (t == NULL || (t->ids = calloc(1, sizeof *t->ids)) == NULL) {
		free(t);
		return NULL;
	}
	t->roots = NONE;
	return t;
}

void
profile_tree_free(struct profile_tree *t)
{
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; i < PROFILE_COLUMNS; i++)
		free(t->column[i].value);
	idmap_clear(t->ids);
	free(t->ids);
	free(t->node);
	free(t);
}

int
profile_tree_add(struct profile_tree *t, const struct profile_node *node,
    uint32_t *index)
{
	*index = (uint32_t)t->n;
	if (array_room(&t->node, t->n, &t->room, sizeof *t->node) < 0 ||
	    (node->id && idmap_put(t->ids, (uint64_t)node->id, *index) < 0))
		return -1;
	t->node[t->n] = *node;
	t->node[t->n].parent = NONE;
	t->node[t->n].child = NONE;
	t->node[t->n++].sibling = NONE;
	return 0;
}

uint32_t
profile_tree_find(const struct profile_tree *t, int64_t id)
{
	/* try the usual numbering first: ids from 1, nodes from 0 */
	uint64_t guess = (uint64_t)id - 1;

	if (guess < t->n && t->node[guess].id == id)
		return (uint32_t)guess;
	return idmap_get(t->ids, (uint64_t)id);
}

/* ---- columns ----------------------------------------------------------- */

int
profile_tree_count(struct profile_tree *t, size_t column, uint32_t node,
    uint64_t amount)
{
	struct profile_column *c = &t->column[column];
	uint64_t *value;

	if (node >= c->n) {
		value = reallocarray(c->value, t->room, sizeof *value);
		if (value == NULL)
			return -1;
		memset(value + c->n, 0, (t->room - c->n) * sizeof *value);
		c->value = value;
		c->n = t->room;
	}
	c->value[node] += amount;
	return 0;
}

uint64_t
profile_tree_self(const struct profile_tree *t, size_t column, uint32_t node)
{
	const struct profile_column *c = &t->column[column];

	return node < c->n ? c->value[node] : 0;
}

void
profile_tree_clear(struct profile_tree *t, size_t column)
{
	struct profile_column *c = &t->column[column];

	if (c->n)
		memset(c->value, 0, c->n * sizeof *c->value);
}

/* ---- linking ----------------------------------------------------------- */

static uint32_t
counts_as(const struct profile_tree *t, uint32_t n)
{
	const struct profile_node *node = &t->node[n];
	uint32_t as;

	if (!t->collapsed || !node->runtime || node->parent == NONE)
		return n;
	as = t->node[node->parent].as;
	return t->node[as].runtime ? n : as;
}

static void
hang(struct profile_tree *t, uint32_t n)
{
	struct profile_node *node = &t->node[n];
	uint32_t *first = node->parent == NONE ? &t->roots : &t->node[node->parent].child;

	node->sibling = *first;
	*first = n;
	node->state = LINKED;
	node->as = counts_as(t, n);
	if (node->parent != NONE && node->cut == NONE)
		node->cut = t->node[node->parent].cut;
}

/* Set the parent of a node.  Returns 0 if it has none to be linked to. */
static int
find_parent(struct profile_tree *t, struct profile_node *node,
    uint32_t damaged)
{
	if (node->caller == 0)
		return 0;
	node->parent = profile_tree_find(t, node->caller);
	if (node->parent != NONE && t->node[node->parent].state != WALKED)
		return 1;
	/* missing, or part of this very walk: a cycle */
	node->parent = NONE;
	node->cut = damaged;
	return 0;
}

/* Link a node: walk up to a linked caller, then back down, linking. */
static void
link_node(struct profile_tree *t, uint32_t n, uint32_t damaged)
{
	uint32_t inner = NONE, outer;

	while (t->node[n].state == ADDED) {
		t->node[n].state = WALKED;
		t->node[n].sibling = inner; /* the way back */
		inner = n;
		if (!find_parent(t, &t->node[n], damaged))
			break;
		n = t->node[n].parent;
	}
	for (; inner != NONE; inner = outer) {
		outer = t->node[inner].sibling;
		hang(t, inner);
	}
}

void
profile_tree_link(struct profile_tree *t, uint32_t damaged)
{
	for (; t->linked < t->n; t->linked++)
		link_node(t, (uint32_t)t->linked, damaged);
}

uint32_t
profile_tree_next(const struct profile_tree *t, uint32_t n)
{
	if (t->node[n].child != NONE)
		return t->node[n].child;
	while (n != NONE && t->node[n].sibling == NONE)
		n = t->node[n].parent;
	return n == NONE ? NONE : t->node[n].sibling;
}

void
profile_tree_collapse(struct profile_tree *t, int collapse)
{
	t->collapsed = collapse;
	for (uint32_t n = t->roots; n != NONE; n = profile_tree_next(t, n))
		t->node[n].as = counts_as(t, n);
}
