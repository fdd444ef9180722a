#include "profile/calls.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "profile/calltree.h"
#include "profile/inuse.h"
#include "profile/near.h"
#include "profile/profile.h"
#include "profile/recording.h"
#include "profile/source_file.h"
#include "record/db.h"

/*
 * One of two readers is open.  A list of calls is a walk of one or more trees; a list of lines
 * is the rows of one file by line.  Both become the same array.
 */

#define NONE UINT32_MAX
#define ERROR_SIZE 1024
#define ROOTS_MOST 10 /* functions of a name that are listed */
#define CONTEXT 2     /* lines shown before and after one that costs */

struct calls {
	const struct calls_options *o;
	struct recording *of;
	struct profile *time;
	struct inuse *memory;
	struct calls_line *line;
	size_t n, room, hidden;
	uint64_t whole;
	char *function, *file;
	struct source_file *source;
	char error[ERROR_SIZE];
};

/* A row of either reader. */
struct row {
	uint32_t id;
	const char *name, *module, *file;
	uint64_t line, self, total;
	int special; /* no code */
};

/* ---- readers ----------------------------------------------------------- */

static int
open_reader(struct calls *c, enum profile_group group)
{
	const struct calls_options *o = c->o;
	const struct inuse_options memory = { .group = group,
		.select = { o->since, o->until, PROFILE_ALL }, .collapse = !o->raw };

	if (o->memory) {
		c->memory = inuse_open(c->of, &memory);
		return c->memory ? 0 : -1;
	}
	c->time = profile_open(c->of, o->metric, group, 0);
	if (c->time == NULL)
		return -1;
	return profile_collapse(c->time, !o->raw) < 0 ? db_no_memory(c->of->db) : 0;
}

/* Change the grouping.  Rows of before are gone. */
static int
regroup(struct calls *c, enum profile_group group)
{
	if (c->memory) {
		inuse_close(c->memory);
		c->memory = NULL;
		return open_reader(c, group);
	}
	return profile_regroup(c->time, group) < 0 ? db_no_memory(c->of->db) : 0;
}

static int
row_at(const struct calls *c, size_t i, struct row *to)
{
	const struct profile_row *time;
	const struct inuse_row *memory;
	size_t n;

	if (c->memory) {
		memory = inuse_rows(c->memory, &n);
		if (i < n)
			*to = (struct row){ memory[i].id, memory[i].name, memory[i].module,
				memory[i].file, memory[i].line, memory[i].self.live,
				memory[i].total.live, memory[i].special };
	} else {
		time = profile_rows(c->time, &n);
		if (i < n)
			*to = (struct row){ time[i].id, time[i].name, time[i].module, time[i].file,
				time[i].line, time[i].self, time[i].total,
				time[i].special };
	}
	return i < n;
}

static int
read_stacks(const struct calls *c, struct calltree_stacks *s)
{
	if (c->memory)
		return inuse_stacks(c->memory, PROFILE_FUNCTION, s);
	return profile_stacks(c->time, PROFILE_FUNCTION, s);
}

/* ---- names ------------------------------------------------------------- */

static int
by_weight(const void *x, const void *y)
{
	const struct row *a = x, *b = y;

	if (a->total != b->total)
		return a->total > b->total ? -1 : 1;
	if (strcmp(a->name, b->name))
		return strcmp(a->name, b->name);
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Returns whether a row is better than the best so far, without a name to go by. */
static int
is_hotter(const struct row *a, const struct row *best)
{
	if (a->special || a->name == NULL)
		return 0;
	if (a->self != best->self)
		return a->self > best->self;
	return best->name && strcmp(a->name, best->name) < 0;
}

/* Say that no function has the name, and what has one like it. */
static void
fail_near(struct calls *c)
{
	struct near near = { .wanted = c->o->name };
	struct row row;
	size_t used;

	for (size_t i = 0; row_at(c, i, &row); i++)
		if (row.name)
			near_offer(&near, row.name);
	snprintf(c->error, sizeof c->error, "no function has \"%.200s\" in its name", c->o->name);
	for (size_t i = 0; i < near.n; i++) {
		used = strlen(c->error);
		snprintf(c->error + used, sizeof c->error - used, "%s%.150s",
		    i ? ", " : "; near misses: ", near.name[i]);
	}
	near_clean(c->error, sizeof c->error);
}

/* Find the functions to begin with: the heaviest of those with the name, or the one with most
 * self.  Returns how many there are. */
static size_t
find_roots(struct calls *c, struct row roots[ROOTS_MOST])
{
	struct row row, best = { .id = NONE };
	size_t n = 0;

	for (size_t i = 0; row_at(c, i, &row); i++) {
		if (c->o->name == NULL && is_hotter(&row, &best))
			best = row;
		if (c->o->name == NULL || row.name == NULL || strstr(row.name, c->o->name) == NULL)
			continue;
		if (n == ROOTS_MOST && by_weight(&row, &roots[n - 1]) > 0)
			continue;
		n += n < ROOTS_MOST;
		roots[n - 1] = row;
		qsort(roots, n, sizeof *roots, by_weight);
	}
	if (c->o->name == NULL && best.id != NONE) {
		roots[0] = best;
		n = 1;
	}
	if (n == 0 && c->o->name)
		fail_near(c);
	return n;
}

/* ---- calls ------------------------------------------------------------- */

static int
add_line(struct calls *c, const struct calls_line *line)
{
	if (array_room(&c->line, c->n, &c->room, sizeof *c->line) < 0)
		return db_no_memory(c->of->db);
	c->line[c->n++] = *line;
	return 0;
}

/* Returns whether a node is hidden, which hides all below it. */
static int
is_hidden(const struct calls *c, const struct calltree_node *node)
{
	return node->total == 0 || node->depth > c->o->depth ||
	    100.0 * (double)node->total < c->o->threshold * (double)c->whole;
}

/* Add the nodes of a tree in preorder; at[i] is the line of node i. */
static int
add_nodes(struct calls *c, const struct calltree *tree, uint32_t *at)
{
	uint32_t i = tree->n ? tree->root : NONE;

	while (i != NONE) {
		const struct calltree_node *node = &tree->node[i];
		int hidden = is_hidden(c, node);
		struct calls_line line = { .parent = node->parent == NONE ? NONE : at[node->parent],
			.depth = node->depth, .self = node->self, .total = node->total };

		c->hidden += hidden && node->total;
		if (!hidden) {
			at[i] = (uint32_t)c->n;
			line.function = recording_function(c->of, PROFILE_FUNCTION,
			    node->row, &line.module);
			if (add_line(c, &line) < 0)
				return -1;
		}
		if (!hidden && node->child != NONE) {
			i = node->child;
			continue;
		}
		while (i != NONE && tree->node[i].sibling == NONE)
			i = tree->node[i].parent;
		i = i == NONE ? NONE : tree->node[i].sibling;
	}
	return 0;
}

static int
add_tree(struct calls *c, const struct calltree *tree)
{
	uint32_t *at = calloc(tree->n + 1, sizeof *at);
	int r = at ? add_nodes(c, tree, at) : db_no_memory(c->of->db);

	free(at);
	return r;
}

static int
list_calls(struct calls *c)
{
	int (*build)(struct calltree *, const struct calltree_stacks *, uint32_t) =
	    c->o->what == CALLS_TREE ? calltree_from : calltree_to;
	int whole = c->o->what == CALLS_TREE && c->o->name == NULL, r = 0;
	struct calltree_stacks stacks = { 0 };
	struct row roots[ROOTS_MOST];
	struct calltree tree = { 0 };
	size_t n = whole ? 1 : find_roots(c, roots);

	if (n && read_stacks(c, &stacks) < 0)
		return db_no_memory(c->of->db);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = whole ? calltree_down(&tree, &stacks) : build(&tree, &stacks, roots[i].id);
		r = r < 0 ? db_no_memory(c->of->db) : add_tree(c, &tree);
	}
	calltree_free(&tree);
	calltree_stacks_free(&stacks);
	return r;
}

/* ---- lines ------------------------------------------------------------- */

/* Add a line's row to those of its number, of which there may be several. */
static void
count_line(struct calls_line *line, const struct row *row)
{
	/* Functions on one line may call each other. */
	if (row->total > line->total)
		line->total = row->total;
	line->self += row->self;
}

static int
by_number(const void *x, const void *y)
{
	const struct row *a = x, *b = y;

	return a->line < b->line ? -1 : a->line > b->line;
}

/* Add lines that cost nothing, from `from` to `to`, both included. */
static int
add_context(struct calls *c, uint64_t from, uint64_t to)
{
	for (; from <= to; from++) {
		struct calls_line line = { .parent = NONE, .line = from,
			.text = source_file_line(c->source, from) };

		if (line.text && add_line(c, &line) < 0)
			return -1;
	}
	return 0;
}

/* Add the rows of a file, sorted by number, with what is around them. */
static int
add_rows(struct calls *c, const struct row *row, size_t n)
{
	uint64_t last = 0; /* added so far */

	for (size_t i = 0; i < n; i++) {
		uint64_t number = row[i].line;
		uint64_t from = number > CONTEXT ? number - CONTEXT : 1;
		struct calls_line *line = c->n ? &c->line[c->n - 1] : NULL;

		if (line && line->line == number) {
			count_line(line, &row[i]);
			continue;
		}
		if (last && last + CONTEXT >= from) {
			if (add_context(c, last + 1, number - 1) < 0)
				return -1;
		} else if ((last && add_context(c, last + 1, last + CONTEXT) < 0) ||
		    add_context(c, from, number - 1) < 0) {
			return -1;
		}
		if (add_line(c, &(struct calls_line){ .parent = NONE, .line = number,
			    .text = source_file_line(c->source, number), .self = row[i].self,
			    .total = row[i].total }) < 0)
			return -1;
		last = number;
	}
	return last ? add_context(c, last + 1, last + CONTEXT) : 0;
}

/* Add the rows of the file by line that are not hidden. */
static int
add_file(struct calls *c)
{
	struct row *rows = NULL, row;
	size_t n = 0, room = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && row_at(c, i, &row); i++) {
		if (row.file == NULL || strcmp(row.file, c->file) != 0 || row.line == 0)
			continue;
		if (100.0 * (double)row.total < c->o->threshold * (double)c->whole) {
			c->hidden++;
			continue;
		}
		if (array_room(&rows, n, &room, sizeof *rows) < 0)
			r = db_no_memory(c->of->db);
		else
			rows[n++] = row;
	}
	if (n)
		qsort(rows, n, sizeof *rows, by_number);
	r = r < 0 ? r : add_rows(c, rows, n);
	free(rows);
	return r;
}

static int
list_lines(struct calls *c)
{
	struct row roots[ROOTS_MOST];
	size_t n = find_roots(c, roots), at = 0;

	while (at < n && roots[at].file == NULL)
		at++;
	if (at == n) {
		if (*c->error == '\0')
			snprintf(c->error, sizeof c->error, n ? "its source is not known: no line "
			    "information in the file" : "there is no function");
		return 0;
	}
	c->file = strdup(roots[at].file);
	c->function = strdup(roots[at].name);
	if (c->file == NULL || c->function == NULL)
		return db_no_memory(c->of->db);
	c->source = source_file_open(c->file);
	return regroup(c, PROFILE_LINE) < 0 ? -1 : add_file(c);
}

/* ---- both -------------------------------------------------------------- */

static int
list(struct calls *c)
{
	if (open_reader(c, PROFILE_FUNCTION) < 0)
		return -1;
	if (c->memory && !inuse_any(c->memory)) {
		snprintf(c->error, sizeof c->error, "the recording has no memory");
		return 0;
	}
	c->whole = c->memory ? inuse_summary(c->memory)->all.live : profile_summary(c->time)->ns;
	return c->o->what == CALLS_SOURCE ? list_lines(c) : list_calls(c);
}

struct calls *
calls_open(struct recording *r, const struct calls_options *o)
{
	struct calls *c = calloc(1, sizeof *c);

	if (c == NULL) {
		db_no_memory(r->db);
		return NULL;
	}
	c->of = r;
	c->o = o;
	if (list(c) == 0)
		return c;
	calls_close(c);
	return NULL;
}

void
calls_close(struct calls *c)
{
	if (c == NULL)
		return;
	source_file_close(c->source);
	profile_close(c->time);
	if (c->memory)
		inuse_close(c->memory);
	free(c->line);
	free(c->function);
	free(c->file);
	free(c);
}

const struct calls_line *
calls_lines(const struct calls *c, size_t *n)
{
	*n = c->n;
	return c->line;
}

const char *
calls_error(const struct calls *c)
{
	return *c->error ? c->error : NULL;
}

uint64_t
calls_whole(const struct calls *c)
{
	return c->whole;
}

size_t
calls_hidden(const struct calls *c)
{
	return c->hidden;
}

const char *
calls_function(const struct calls *c)
{
	return c->function;
}

const char *
calls_file(const struct calls *c)
{
	return c->file;
}
