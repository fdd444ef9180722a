#include "profile/calltree.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/idmap.h"
#include "profile/stacks.h"
#include "profile/tally.h"

/*
 * A tree is an array of nodes, each after its parent, found through a map from the hash
 * of its path (parent's key and function) to its index.  Stacks come as an array of
 * frames that know their callers; building a tree gives each frame its node, adds the
 * frame's value to that node's self, sums totals from the last node to the first, and
 * links children by size.
 */

#define NEARLY_ALL 0.95
#define NONE CALLTREE_NONE

int
calltree_stacks_new(struct calltree_stacks *s, size_t n)
{
	s->n = n;
	s->caller = calloc(n + 1, sizeof *s->caller);
	s->row = calloc(n + 1, sizeof *s->row);
	s->value = calloc(n + 1, sizeof *s->value);
	if (s->caller && s->row && s->value)
		return 0;
	calltree_stacks_free(s);
	return -1;
}

void
calltree_stacks_free(struct calltree_stacks *s)
{
	free(s->caller);
	free(s->row);
	free(s->value);
	*s = (struct calltree_stacks){ 0 };
}

int
calltree_stacks_of(struct calltree_stacks *out, const struct stacks *s, size_t group,
    int collapse, const struct tally_column *value)
{
	if (calltree_stacks_new(out, s->n) < 0)
		return -1;
	for (uint32_t n = 0; n < s->n; n++) {
		uint32_t as = stacks_as(s, n, collapse);

		out->caller[n] = stacks_caller(s, n, collapse);
		out->row[n] = as == n ? s->node[n].row[group] : NONE;
		out->value[as] += tally_self(value, n);
	}
	return 0;
}

uint32_t
calltree_parting(const struct calltree *c)
{
	uint32_t at = c->n ? c->root : CALLTREE_NONE, child;

	while (at != CALLTREE_NONE && (child = c->node[at].child) != CALLTREE_NONE &&
	    (double)c->node[child].total >= NEARLY_ALL * (double)c->total)
		at = child;
	return at;
}

void
calltree_free(struct calltree *c)
{
	free(c->node);
	*c = (struct calltree){ 0 };
}

/* ---- nodes ------------------------------------------------------------- */

static uint64_t
key_of(const struct calltree *c, uint32_t parent, uint32_t row)
{
	uint64_t h = parent == NONE ? HASH_INIT : c->node[parent].key;

	return hash_id(hash_u64(h, row));
}

/* Find the node of a function below a parent, adding it if it is new. */
static int
find(struct calltree *c, struct idmap *map, uint32_t parent, uint32_t row, uint32_t *node)
{
	uint64_t key = key_of(c, parent, row);

	*node = idmap_get(map, key);
	if (*node != NONE)
		return 0;
	if (array_room(&c->node, c->n, &c->room, sizeof *c->node) < 0 ||
	    idmap_put(map, key, (uint32_t)c->n) < 0)
		return -1;
	*node = (uint32_t)c->n;
	c->node[c->n++] = (struct calltree_node){ .row = row, .parent = parent, .child = NONE,
		.sibling = NONE, .key = key,
		.depth = parent == NONE ? 0 : c->node[parent].depth + 1 };
	return 0;
}

static int
begin(struct calltree *c)
{
	c->n = 0;
	c->total = 0;
	c->root = NONE;
	return 0;
}

/* A node as sorted for linking: by parent, then by size, the largest first, then by number. */
struct order {
	uint32_t node, parent;
	uint64_t total;
};

static int
by_size(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static int
hang(struct calltree *c)
{
	struct order *o = calloc(c->n + 1, sizeof *o);

	if (o == NULL)
		return -1;
	for (size_t i = 0; i < c->n; i++)
		o[i] = (struct order){ (uint32_t)i, c->node[i].parent, c->node[i].total };
	qsort(o, c->n, sizeof *o, by_size);
	for (size_t i = c->n; i-- > 0;) {
		struct calltree_node *n = &c->node[o[i].node];
		uint32_t *first = n->parent == NONE ? &c->root : &c->node[n->parent].child;

		n->sibling = *first;
		*first = o[i].node;
	}
	free(o);
	return 0;
}

/* Sum totals from self values and link the nodes. */
static int
sum_up(struct calltree *c)
{
	for (size_t i = 0; i < c->n; i++)
		c->node[i].total = c->node[i].self;
	for (size_t i = c->n; i-- > 0;)
		if (c->node[i].parent != NONE)
			c->node[c->node[i].parent].total += c->node[i].total;
		else
			c->total += c->node[i].total;
	return hang(c);
}

/* ---- downwards --------------------------------------------------------- */

struct down {
	struct calltree *c;
	const struct calltree_stacks *s;
	struct idmap map;
	uint32_t from;  /* only below this function; NONE: everything */
	uint32_t *node; /* node of each frame; NONE: unknown, or no node */
	char *known;
	uint32_t *way;  /* scratch: frames from one up to a known caller */
};

static int
assign_node(struct down *d, uint32_t i)
{
	uint32_t caller = d->s->caller[i], row = d->s->row[i];
	uint32_t parent = caller == NONE ? NONE : d->node[caller];

	d->known[i] = 1;
	d->node[i] = parent;
	if (row == NONE || (parent == NONE && d->from != NONE && row != d->from))
		return 0;
	return find(d->c, &d->map, parent, row, &d->node[i]);
}

static int
assign_nodes(struct down *d)
{
	for (uint32_t i = 0; i < d->s->n; i++) {
		size_t n = 0;

		for (uint32_t up = i; up != NONE && !d->known[up]; up = d->s->caller[up])
			d->way[n++] = up;
		while (n > 0)
			if (assign_node(d, d->way[--n]) < 0)
				return -1;
		if (d->node[i] != NONE)
			d->c->node[d->node[i]].self += d->s->value[i];
	}
	return 0;
}

static int
down(struct calltree *c, const struct calltree_stacks *s, uint32_t from)
{
	struct down d = { .c = c, .s = s, .from = from };
	int r = -1;

	begin(c);
	d.node = calloc(s->n + 1, sizeof *d.node);
	d.way = calloc(s->n + 1, sizeof *d.way);
	d.known = calloc(s->n + 1, 1);
	if (d.node && d.way && d.known)
		r = assign_nodes(&d) < 0 ? -1 : sum_up(c);
	idmap_clear(&d.map);
	free(d.node);
	free(d.way);
	free(d.known);
	return r;
}

int
calltree_down(struct calltree *c, const struct calltree_stacks *s)
{
	return down(c, s, NONE);
}

int
calltree_from(struct calltree *c, const struct calltree_stacks *s, uint32_t row)
{
	if (row == NONE)
		return begin(c);
	return down(c, s, row);
}

/* ---- upwards ----------------------------------------------------------- */

/* Returns the outermost frame of a function on the stack of frame i, or NONE. */
static uint32_t
outermost(const struct calltree_stacks *s, uint32_t i, uint32_t row)
{
	uint32_t found = NONE;

	for (; i != NONE; i = s->caller[i])
		if (s->row[i] == row)
			found = i;
	return found;
}

/* Add a value to the path of callers from frame i up.  It counts in the totals of all
 * of them, and in self of the outermost. */
static int
climb(struct calltree *c, struct idmap *map, const struct calltree_stacks *s, uint32_t i,
    uint64_t value)
{
	uint32_t node = NONE;

	for (; i != NONE; i = s->caller[i]) {
		if (s->row[i] == NONE)
			continue;
		if (find(c, map, node, s->row[i], &node) < 0)
			return -1;
	}
	c->node[node].self += value;
	return 0;
}

int
calltree_to(struct calltree *c, const struct calltree_stacks *s, uint32_t row)
{
	struct idmap map = { 0 };
	int r = 0;

	begin(c);
	for (uint32_t i = 0; row != NONE && r == 0 && i < s->n; i++) {
		uint32_t top = s->value[i] ? outermost(s, i, row) : NONE;

		if (top != NONE)
			r = climb(c, &map, s, top, s->value[i]);
	}
	idmap_clear(&map);
	return r < 0 ? -1 : sum_up(c);
}

/* ---- the heaviest ------------------------------------------------------ */

/* Stacks of the same functions. */
struct alike {
	uint64_t key, value;
	uint32_t frame; /* one of them */
};

uint32_t
calltree_caller(const struct calltree_stacks *s, uint32_t frame)
{
	do
		frame = s->caller[frame];
	while (frame != NONE && s->row[frame] == NONE);
	return frame;
}

/* Returns a hash of the functions from frame i out. */
static uint64_t
key_outwards(const struct calltree_stacks *s, uint32_t i)
{
	uint64_t h = HASH_INIT;

	for (; i != NONE; i = calltree_caller(s, i))
		h = hash_id(hash_u64(h, s->row[i]));
	return h;
}

int
calltree_heaviest(const struct calltree_stacks *s, uint32_t row, uint32_t *frame,
    uint64_t *value)
{
	struct idmap map = { 0 };
	struct alike *a = NULL, *best = NULL;
	size_t n = 0, room = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < s->n; i++) {
		uint64_t key;
		uint32_t at;

		if (s->row[i] != row || s->value[i] == 0)
			continue;
		key = key_outwards(s, i);
		at = idmap_get(&map, key);
		if (at == NONE && (r = array_room(&a, n, &room, sizeof *a)) == 0 &&
		    (r = idmap_put(&map, key, (uint32_t)n)) == 0) {
			at = (uint32_t)n;
			a[n++] = (struct alike){ key, 0, i };
		}
		if (r == 0)
			a[at].value += s->value[i];
	}
	for (size_t i = 0; i < n; i++)
		if (best == NULL || a[i].value > best->value ||
		    (a[i].value == best->value && a[i].key < best->key))
			best = &a[i];
	*frame = best ? best->frame : NONE;
	*value = best ? best->value : 0;
	idmap_clear(&map);
	free(a);
	return r;
}
