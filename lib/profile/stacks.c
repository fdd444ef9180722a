#include "profile/stacks.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "profile/profile_types.h"

/*
 * Nodes and rows are arrays that only grow; maps lead from the recording's ids and from
 * hashes of keys to indices.  A node carries the row of each grouping that it belongs
 * to, found once when it is read, so that summing by any grouping is a walk over the
 * tree.  Linking gives each node its parent and, from the parent's, the node `as` that
 * it counts for when collapsed.
 */

#define NONE STACKS_NONE

enum state { ADDED, WALKED, LINKED };

static int
new_rows(struct stacks *s)
{
	for (size_t i = 0; i < STACKS_GROUPS; i++)
		if ((s->rows[i].map = calloc(1, sizeof *s->rows[i].map)) == NULL)
			return -1;
	return 0;
}

struct stacks *
stacks_new(void)
{
	struct stacks *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->roots = s->runtime = NONE;
	if ((s->ids = calloc(1, sizeof *s->ids)) && new_rows(s) == 0)
		return s;
	stacks_free(s);
	return NULL;
}

static void
free_map(struct idmap *map)
{
	if (map)
		idmap_clear(map);
	free(map);
}

void
stacks_free(struct stacks *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < STACKS_GROUPS; i++) {
		free_map(s->rows[i].map);
		free(s->rows[i].row);
	}
	free_map(s->ids);
	free(s->node);
	free(s);
}

/* ---- rows -------------------------------------------------------------- */

static int
is_same(const struct stacks_key *a, const struct stacks_key *b)
{
	return a->name == b->name && a->module == b->module &&
	    a->file == b->file && a->line == b->line;
}

int
stacks_row(struct stacks *s, size_t group, const struct stacks_key *key, uint32_t *index)
{
	struct stacks_rows *r = &s->rows[group];
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
	r->row[*index] = (struct stacks_row){ .key = *key, .owner = NONE };
	return 0;
}

/* ---- nodes ------------------------------------------------------------- */

int
stacks_add(struct stacks *s, const struct stacks_node *node, uint32_t *index)
{
	*index = (uint32_t)s->n;
	if (array_room(&s->node, s->n, &s->room, sizeof *s->node) < 0 ||
	    (node->id && idmap_put(s->ids, (uint64_t)node->id, *index) < 0))
		return -1;
	s->node[s->n] = *node;
	s->node[s->n].parent = NONE;
	s->node[s->n].child = NONE;
	s->node[s->n].sibling = NONE;
	s->node[s->n].as = s->node[s->n].entry = *index;
	s->n++;
	s->own |= (node->categories & PROFILE_OWN) != 0;
	return 0;
}

uint32_t
stacks_find(const struct stacks *s, int64_t id)
{
	/* try the usual numbering first: both from 1, as node 0 is [runtime] */
	uint64_t guess = (uint64_t)id;

	if (guess < s->n && s->node[guess].id == id)
		return (uint32_t)guess;
	return idmap_get(s->ids, (uint64_t)id);
}

/* ---- collapsing -------------------------------------------------------- */

/* Set what a node counts for, from what its parent counts for. */
static void
set_as(struct stacks *s, uint32_t n)
{
	struct stacks_node *node = &s->node[n];
	const struct stacks_node *up = node->parent == NONE ? NULL : &s->node[node->parent];

	node->as = node->entry = n;
	if (!(node->categories & PROFILE_COLLAPSED) && !node->outside)
		return;
	if (up == NULL || up->as == s->runtime) {
		node->as = s->runtime;
		return;
	}
	node->as = up->as;
	if (up->as != node->parent)
		node->entry = up->entry;
}

/* Mark what is above the function that calls main.  Returns whether anything is new. */
static int
mark_outside(struct stacks *s, uint32_t n)
{
	int new = 0;

	for (n = s->node[n].parent; n != NONE && !s->node[n].outside; n = s->node[n].parent)
		new = s->node[n].outside = 1;
	return new;
}

uint32_t
stacks_as(const struct stacks *s, uint32_t n, int collapse)
{
	return collapse ? s->node[n].as : n;
}

uint32_t
stacks_caller(const struct stacks *s, uint32_t n, int collapse)
{
	uint32_t up = s->node[n].parent;

	if (!collapse || up == NONE)
		return up;
	return s->node[up].as == s->runtime ? NONE : s->node[up].as;
}

/* ---- linking ----------------------------------------------------------- */

static void
hang(struct stacks *s, uint32_t n)
{
	struct stacks_node *node = &s->node[n];
	uint32_t *first = node->parent == NONE ? &s->roots : &s->node[node->parent].child;

	node->sibling = *first;
	*first = n;
	node->state = LINKED;
	set_as(s, n);
	if (node->parent != NONE && node->cut == NONE)
		node->cut = s->node[node->parent].cut;
}

/* Set the parent of a node.  Returns 0 if it has none to be linked to. */
static int
find_parent(struct stacks *s, struct stacks_node *node, uint32_t damaged)
{
	if (node->caller == 0)
		return 0;
	node->parent = stacks_find(s, node->caller);
	if (node->parent != NONE && s->node[node->parent].state != WALKED)
		return 1;
	/* missing, or part of this very walk: a cycle */
	node->parent = NONE;
	node->cut = damaged;
	return 0;
}

/* Link a node: walk up to a linked caller, then back down, linking. */
static void
link_node(struct stacks *s, uint32_t n, uint32_t damaged)
{
	uint32_t inner = NONE, outer;

	while (s->node[n].state == ADDED) {
		s->node[n].state = WALKED;
		s->node[n].sibling = inner; /* the way back */
		inner = n;
		if (!find_parent(s, &s->node[n], damaged))
			break;
		n = s->node[n].parent;
	}
	for (; inner != NONE; inner = outer) {
		outer = s->node[inner].sibling;
		hang(s, inner);
	}
}

void
stacks_link(struct stacks *s, uint32_t damaged)
{
	size_t first = s->linked;
	int changed = 0;

	for (; s->linked < s->n; s->linked++)
		link_node(s, (uint32_t)s->linked, damaged);
	for (size_t n = first; n < s->n; n++)
		if (s->node[n].categories & PROFILE_STARTS_MAIN)
			changed |= mark_outside(s, (uint32_t)n);
	for (uint32_t n = s->roots; changed && n != NONE; n = stacks_next(s, n))
		set_as(s, n);
}

uint32_t
stacks_next(const struct stacks *s, uint32_t n)
{
	if (s->node[n].child != NONE)
		return s->node[n].child;
	while (n != NONE && s->node[n].sibling == NONE)
		n = s->node[n].parent;
	return n == NONE ? NONE : s->node[n].sibling;
}
