#include "record/store_stacks.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/idmap.h"
#include "base/strtab.h"
#include "record/db.h"
#include "record/store_defs.h"
#include "record/warnings.h"
#include "stream/rec.h"

/*
 * The tree is kept as an array of nodes with the index of their parent, in the
 * order of their rows, and a map from ids to indexes.  Each node carries the
 * cut of its outermost caller (why the stack is incomplete), so that a query
 * need not walk.  When a node is redefined its cut may change, and the copies
 * below it are updated once per transaction, in store_stacks_flush().
 */

#define NONE UINT32_MAX /* as IDMAP_NONE and STRTAB_NONE */

/* The cut of a node that was referred to but not defined. */
#define UNDEFINED "undefined"

enum statement {
	DEFINE,
	REFER,
	CUT,
	NSTATEMENTS
};

static const char *const sql[NSTATEMENTS] = {
	[DEFINE] = "INSERT INTO stack(hash, parent, module, offset, frame, "
	           "inlined, cut) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) "
	           "ON CONFLICT(hash) DO UPDATE SET parent = ?2, module = ?3, "
	           "offset = ?4, frame = ?5, inlined = ?6, cut = ?7",
	[REFER] = "INSERT INTO stack(hash, inlined, cut) VALUES(?, 0, '" UNDEFINED "')",
	[CUT] = "UPDATE stack SET cut = ? WHERE id = ?",
};

struct node {
	int64_t row;
	uint32_t parent; /* index, or NONE */
	uint32_t cut;    /* in text, or NONE */
	int undefined;   /* only referred to */
	int named;       /* has a frame */
};

struct store_stacks {
	struct db *db;
	struct warnings *warnings;
	struct store_defs *defs;
	struct db_stmt *st[NSTATEMENTS];
	struct idmap map; /* ids to indexes */
	struct strtab text;
	struct node *node;
	size_t n, room;
	int cuts_changed; /* nodes below a redefined one may have an old cut */
};

static int
add_text(struct store_stacks *s, const char *text, uint32_t *number)
{
	return strtab_add(&s->text, text, number) < 0 ? db_no_memory(s->db) : 0;
}

static int
add_node(struct store_stacks *s, uint64_t id, const struct node *node)
{
	if (array_room(&s->node, s->n, &s->room, sizeof *s->node) < 0 ||
	    idmap_put(&s->map, id, (uint32_t)s->n) < 0)
		return db_no_memory(s->db);
	s->node[s->n++] = *node;
	return 0;
}

/* ---- references -------------------------------------------------------- */

/* Find the index of a node, adding an undefined one if necessary; NONE for the id 0. */
static int
ensure_node(struct store_stacks *s, uint64_t id, uint32_t *index)
{
	struct node new = { .parent = NONE, .undefined = 1 };

	*index = NONE;
	if (id == 0 || (*index = idmap_get(&s->map, id)) != NONE)
		return 0;
	warnings_add(s->warnings, "undefined stack");
	if (add_text(s, UNDEFINED, &new.cut) < 0 ||
	    db_run(s->st[REFER], "i", (int64_t)id) < 0)
		return -1;
	new.row = db_last_id(s->db);
	*index = (uint32_t)s->n;
	return add_node(s, id, &new);
}

static int64_t
row_of(const struct store_stacks *s, uint32_t index)
{
	return index == NONE ? 0 : s->node[index].row;
}

int
store_stacks_find(struct store_stacks *s, uint64_t id, int64_t *row)
{
	uint32_t i;

	if (ensure_node(s, id, &i) < 0)
		return -1;
	*row = row_of(s, i);
	return 0;
}

/* ---- definitions ------------------------------------------------------- */

/* Returns whether `inner` is the node `outer` or below it. */
static int
is_below(const struct store_stacks *s, uint32_t inner, uint32_t outer)
{
	while (inner != NONE && inner != outer)
		inner = s->node[inner].parent;
	return inner == outer;
}

/* Set a node's parent and cut from the reference to its caller. */
static int
set_caller(struct store_stacks *s, const struct rec_ref *caller,
    struct node *node)
{
	if (ensure_node(s, caller->id, &node->parent) < 0)
		return -1;
	if (node->parent == NONE)
		return add_text(s, caller->cut, &node->cut);
	node->cut = s->node[node->parent].cut;
	return 0;
}

/* Add a node, or replace the one at `index`, which was undefined or raw. */
static int
set_node(struct store_stacks *s, uint64_t id, struct node *node, uint32_t index)
{
	if (index == NONE) {
		node->row = db_last_id(s->db);
		return add_node(s, id, node);
	}
	s->cuts_changed |= s->node[index].cut != node->cut;
	node->row = s->node[index].row;
	s->node[index] = *node;
	return 0;
}

int
store_stacks_define(struct store_stacks *s, const struct rec_stack *r)
{
	struct node new = { .parent = NONE, .named = r->frame != 0 };
	uint32_t i = idmap_get(&s->map, r->id);
	int64_t module, frame;

	if (i != NONE && !s->node[i].undefined &&
	    (s->node[i].named || !new.named))
		return 0;
	if (set_caller(s, &r->caller, &new) < 0 ||
	    store_defs_find_module(s->defs, r->module, &module) < 0 ||
	    store_defs_find_frame(s->defs, r->frame, &frame) < 0)
		return -1;
	i = idmap_get(&s->map, r->id); /* set_caller() may have added it */
	if (i != NONE && is_below(s, new.parent, i)) {
		warnings_add(s->warnings,
		    "skipped: stack that is its own caller");
		return 0;
	}
	if (db_run(s->st[DEFINE], "irririt", (int64_t)r->id,
	        row_of(s, new.parent), module, (int64_t)r->offset, frame,
	        (int64_t)r->inlined, strtab_text(&s->text, new.cut)) < 0)
		return -1;
	return set_node(s, r->id, &new, i);
}

/* ---- cuts -------------------------------------------------------------- */

static int
set_cut(struct store_stacks *s, struct node *node, uint32_t cut)
{
	if (node->cut == cut)
		return 0;
	node->cut = cut;
	return db_run(s->st[CUT], "ti", strtab_text(&s->text, cut), node->row);
}

/* Walk up from node i to one that is done, then copy its cut down the path. */
static int
recut_path(struct store_stacks *s, uint32_t i, char *done, uint32_t *path)
{
	size_t n = 0;

	for (; i != NONE && !done[i]; i = s->node[i].parent) {
		path[n++] = i;
		done[i] = 1;
	}
	while (n-- > 0) {
		if (i != NONE &&
		    set_cut(s, &s->node[path[n]], s->node[i].cut) < 0)
			return -1;
		i = path[n];
	}
	return 0;
}

int
store_stacks_flush(struct store_stacks *s)
{
	uint32_t *path, i;
	char *done;
	int r;

	if (!s->cuts_changed)
		return 0;
	path = calloc(s->n, sizeof *path);
	done = calloc(s->n, 1);
	r = path && done ? 0 : db_no_memory(s->db);
	for (i = 0; r == 0 && i < s->n; i++)
		r = recut_path(s, i, done, path);
	free(path);
	free(done);
	s->cuts_changed = r != 0;
	return r;
}

/* ---- opening and closing ----------------------------------------------- */

static int
load_stack(void *ctx, struct db_stmt *row, int columns)
{
	struct store_stacks *s = ctx;
	struct node node = { .row = db_int(row, 0), .parent = NONE };

	(void)columns;
	node.named = !db_is_null(row, 2);
	node.undefined = (int)db_int(row, 4);
	if (add_text(s, db_text(row, 3), &node.cut) < 0)
		return -1;
	return add_node(s, (uint64_t)db_int(row, 1), &node);
}

/* Load a row with the ids of a node and of its caller. */
static int
load_caller(void *ctx, struct db_stmt *row, int columns)
{
	struct store_stacks *s = ctx;
	uint32_t i = idmap_get(&s->map, (uint64_t)db_int(row, 0));

	(void)columns;
	if (i != NONE)
		s->node[i].parent = idmap_get(&s->map, (uint64_t)db_int(row, 1));
	return 0;
}

/* Cut the cycles of callers that a damaged recording may have. */
static int
break_cycles(struct store_stacks *s)
{
	uint32_t *walk = calloc(s->n + 1, sizeof *walk), i, j, up;

	if (walk == NULL)
		return db_no_memory(s->db);
	for (i = 0; i < s->n; i++)
		for (j = i; j != NONE && walk[j] == 0; j = s->node[j].parent) {
			walk[j] = i + 1;
			up = s->node[j].parent;
			if (up != NONE && walk[up] == i + 1)
				s->node[j].parent = NONE;
		}
	free(walk);
	return 0;
}

static int
load(struct store_stacks *s)
{
	static const char stacks[] = "SELECT id, hash, frame, cut, "
	                             "cut IS '" UNDEFINED "' AND parent IS NULL AND module IS NULL "
	                             "FROM stack";
	static const char callers[] = "SELECT stack.hash, caller.hash "
	                              "FROM stack JOIN stack caller ON caller.id = stack.parent";

	if (db_query(s->db, stacks, NULL, load_stack, s) < 0 ||
	    db_query(s->db, callers, NULL, load_caller, s) < 0 ||
	    break_cycles(s) < 0)
		return -1;
	return db_prepare_all(s->db, s->st, sql, NSTATEMENTS);
}

struct store_stacks *
store_stacks_open(struct db *db, struct warnings *w, struct store_defs *defs)
{
	struct store_stacks *s = calloc(1, sizeof *s);

	if (s == NULL) {
		db_no_memory(db);
		return NULL;
	}
	s->db = db;
	s->warnings = w;
	s->defs = defs;
	if (load(s) == 0)
		return s;
	store_stacks_close(s);
	return NULL;
}

void
store_stacks_close(struct store_stacks *s)
{
	if (s == NULL)
		return;
	db_finalize_all(s->st, NSTATEMENTS);
	strtab_clear(&s->text);
	idmap_clear(&s->map);
	free(s->node);
	free(s);
}
