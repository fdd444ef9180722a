/*
 * Trees of calls, against sums made by hand.
 */
#include "profile/calltree.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define NONE CALLTREE_NONE
enum { MAIN, A, B, C };

/*
 * The callers come last, as they may.
 *
 *	5 MAIN 1
 *	3   A 2
 *	2     B 4
 *	1       A 8
 *	0     C 16
 *	4   B 32
 *	6 C 64, which nothing calls
 *	7   without a row: B 0 below it is called by C
 *	8     B 128
 */
static struct calltree_stacks
stacks(void)
{
	static const uint32_t caller[] = { 3, 2, 3, 5, 5, NONE, NONE, 6, 7 };
	static const uint32_t row[] = { C, A, B, A, B, MAIN, C, NONE, B };
	static const uint64_t value[] = { 16, 8, 4, 2, 32, 1, 64, 0, 128 };
	struct calltree_stacks s;

	if (calltree_stacks_new(&s, 9) < 0)
		exit(1);
	memcpy(s.caller, caller, sizeof caller);
	memcpy(s.row, row, sizeof row);
	memcpy(s.value, value, sizeof value);
	return s;
}

/* The node at a path of functions, or NULL. */
static const struct calltree_node *
at(const struct calltree *c, const uint32_t *path, size_t n)
{
	uint32_t i = c->root;

	for (size_t k = 0; k < n; k++) {
		while (i != NONE && c->node[i].row != path[k])
			i = c->node[i].sibling;
		if (i == NONE)
			return NULL;
		if (k + 1 < n)
			i = c->node[i].child;
	}
	return &c->node[i];
}

#define IS(c, self_, total_, ...) \
	is(c, self_, total_, (const uint32_t[]){ __VA_ARGS__ }, \
	    sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), #__VA_ARGS__)

static void
is(const struct calltree *c, uint64_t self, uint64_t total, const uint32_t *path, size_t n,
    const char *what)
{
	const struct calltree_node *node = at(c, path, n);

	if (!ok(node && node->self == self && node->total == total, "%s: %d of %d", what,
	        (int)self, (int)total) && node)
		printf("# %d of %d\n", (int)node->self, (int)node->total);
}

int
main(void)
{
	struct calltree_stacks s = stacks(), none;
	struct calltree c = { 0 };
	uint64_t key;

	ok(calltree_down(&c, &s) == 0 && c.total == 255 && c.n == 8, "all stacks");
	IS(&c, 1, 63, MAIN);
	IS(&c, 2, 30, MAIN, A);
	IS(&c, 4, 12, MAIN, A, B);
	IS(&c, 8, 8, MAIN, A, B, A);
	IS(&c, 16, 16, MAIN, A, C);
	IS(&c, 32, 32, MAIN, B);
	IS(&c, 64, 192, C);
	IS(&c, 128, 128, C, B);
	ok(c.node[c.root].row == C && c.node[c.node[c.root].sibling].row == MAIN,
	    "the largest comes first");
	key = at(&c, (const uint32_t[]){ MAIN, A, B }, 3)->key;
	ok(at(&c, (const uint32_t[]){ MAIN, A, B }, 3)->depth == 2, "its depth");

	ok(calltree_from(&c, &s, A) == 0 && c.total == 30, "from A on");
	IS(&c, 2, 30, A);
	IS(&c, 8, 8, A, B, A);
	ok(c.node[c.root].sibling == NONE, "it is the only outermost one");
	ok(calltree_from(&c, &s, B) == 0 && c.total == 4 + 8 + 32 + 128, "from B on");
	IS(&c, 164, 172, B);
	IS(&c, 8, 8, B, A);

	ok(calltree_to(&c, &s, B) == 0 && c.total == 172, "to B");
	IS(&c, 0, 172, B);
	IS(&c, 0, 12, B, A);
	IS(&c, 12, 12, B, A, MAIN);
	IS(&c, 32, 32, B, MAIN);
	IS(&c, 128, 128, B, C);
	ok(calltree_to(&c, &s, A) == 0 && c.total == 30, "to A, once where it recurs");
	IS(&c, 30, 30, A, MAIN);

	s.value[4] = 1000;
	ok(calltree_down(&c, &s) == 0 && at(&c, (const uint32_t[]){ MAIN, A, B }, 3)->key == key,
	    "a path has the same key each time");
	ok(c.node[c.root].row == MAIN, "whatever comes first");
	ok(c.node[calltree_parting(&c)].row == MAIN, "where calls part");
	ok(calltree_to(&c, &s, A) == 0 && c.node[c.root].row == A &&
	    c.node[calltree_parting(&c)].row == MAIN, "below what has nearly all");
	ok(calltree_to(&c, &s, NONE) == 0 && c.n == 0 && c.root == NONE, "to nothing");
	ok(calltree_from(&c, &s, NONE) == 0 && c.n == 0 && c.root == NONE, "from nothing");
	ok(calltree_stacks_new(&none, 0) == 0 && calltree_down(&c, &none) == 0 && c.n == 0 &&
	    c.total == 0, "of nothing");
	ok(calltree_parting(&c) == NONE, "nowhere");
	calltree_stacks_free(&none);
	calltree_stacks_free(&s);
	calltree_free(&c);
	return tap_done();
}
