#include "export/stacks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "stream/defs.h"
#include "stream/rec.h"

#define BUSY (STACKS_NONE - 1) /* a definition whose callers are being added */

/* ---- modules ------------------------------------------------------------ */

static int
find_module(struct stacks *s, uint64_t id, uint32_t *index)
{
	*index = id ? idmap_get(&s->module_map, id) : STACKS_NONE;
	if (*index != IDMAP_NONE || id == 0)
		return 0;
	*index = (uint32_t)s->nmodule;
	if (array_room(&s->module, s->nmodule, &s->module_room, sizeof *s->module) < 0 ||
	    idmap_put(&s->module_map, id, *index) < 0)
		return -1;
	s->module[s->nmodule++] = (struct export_module){ 0 };
	return 0;
}

/* Set *text to a copy of a string that lives as long as the tree; NULL for NULL. */
static int
copy(struct stacks *s, const char *string, const char **text)
{
	uint32_t number;

	if (strtab_add(&s->strings, string, &number) < 0)
		return -1;
	*text = strtab_text(&s->strings, number);
	return 0;
}

int
stacks_module(struct stacks *s, const struct rec_module *m)
{
	uint32_t i;

	if (find_module(s, m->id, &i) < 0 || copy(s, m->buildid, &s->module[i].buildid) < 0)
		return -1;
	return copy(s, m->path, &s->module[i].path);
}

int
stacks_map(struct stacks *s, const struct rec_map *m)
{
	struct export_module *module;
	uint32_t i;

	if (find_module(s, m->module, &i) < 0)
		return -1;
	if (i == STACKS_NONE || s->module[i].end)
		return 0;
	module = &s->module[i];
	module->start = m->start;
	module->end = m->end;
	module->offset = m->offset;
	return 0;
}

/* ---- frames ------------------------------------------------------------- */

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Set *name to that of code that has none: its module and offset, or its address. */
static int
unnamed(struct stacks *s, uint32_t module, uint64_t offset, const char **name)
{
	const char *path = module == STACKS_NONE ? NULL : s->module[module].path;
	char text[300];

	if (path == NULL || strcmp(path, "[anon]") == 0 || strcmp(path, "[kernel]") == 0)
		snprintf(text, sizeof text, "0x%" PRIx64, offset);
	else
		snprintf(text, sizeof text, "%.256s+0x%" PRIx64, base_name(path), offset);
	return copy(s, text, name);
}

static int
is_runtime(const char *class)
{
	return class && (strcmp(class, "alloc") == 0 || strcmp(class, "libc") == 0 ||
	                    strcmp(class, "std") == 0);
}

/* Set *index to the frame of this key, and return 1 if it is a new one, which is zeroed. */
static int
find_frame(struct stacks *s, uint64_t key, uint32_t *index)
{
	*index = idmap_get(&s->frame_map, key);
	if (*index != IDMAP_NONE)
		return 0;
	*index = (uint32_t)s->nframe;
	if (array_room(&s->frame, s->nframe, &s->frame_room, sizeof *s->frame) < 0 ||
	    idmap_put(&s->frame_map, key, *index) < 0)
		return -1;
	s->frame[s->nframe++] = (struct export_frame){ .module = STACKS_NONE };
	return 1;
}

/* Set *index to the frame of a definition. */
static int
frame_of(struct stacks *s, const struct defs_node *d, uint32_t module, uint32_t *index)
{
	const struct defs_frame *f = defs_frame(s->defs, d->frame);
	uint64_t key = hash_u64(hash_u64(HASH_INIT, f ? d->frame : 0), module);
	struct export_frame *frame;
	int r;

	if (f == NULL || f->function == NULL)
		key = hash_u64(key, d->offset);
	if ((r = find_frame(s, key, index)) <= 0)
		return r;
	frame = &s->frame[*index];
	frame->module = module;
	if (f == NULL || f->function == NULL) {
		if (f)
			frame->class = f->class;
		return unnamed(s, module, d->offset, &frame->name);
	}
	*frame = (struct export_frame){ .name = s->o.generic && f->folded ? f->folded : f->function,
		.generic = f->folded, .file = f->file, .line = f->line, .column = f->column, .class = f->class,
		.crate = f->crate, .version = f->version, .module = module };
	frame->is_runtime = is_runtime(f->class) != 0;
	return 0;
}

/* Set *index to the frame that says why there is no code.  Time in probes is called as
 * elsewhere. */
static int
reason_frame(struct stacks *s, const char *what, const char *cut, uint32_t *index)
{
	char text[200];
	int r = find_frame(s, hash_str(hash_str(HASH_INIT, what), cut), index);

	if (r <= 0)
		return r;
	s->frame[*index].is_reason = 1;
	if (strcmp(cut, "probes") == 0)
		snprintf(text, sizeof text, "[probes]");
	else
		snprintf(text, sizeof text, "(%s: %.150s)", what, cut);
	return copy(s, text, &s->frame[*index].name);
}

/* ---- nodes -------------------------------------------------------------- */

static int
find_node(struct stacks *s, const struct export_node *node, uint32_t *index)
{
	uint64_t key = hash_u64(HASH_INIT, (uint64_t)node->parent << 32 | node->frame);

	/* Calls from several places of a function are several nodes. */
	key = hash_u64(key, node->offset << 1 | node->inlined);
	*index = idmap_get(&s->node_map, key);
	if (*index != IDMAP_NONE)
		return 0;
	*index = (uint32_t)s->nnode;
	if (array_room(&s->node, s->nnode, &s->node_room, sizeof *s->node) < 0 ||
	    idmap_put(&s->node_map, key, *index) < 0)
		return -1;
	s->node[s->nnode++] = *node;
	return 0;
}

/* Set *index to the node of a reason, outermost. */
static int
reason_node(struct stacks *s, const char *what, const char *cut, uint32_t *index)
{
	struct export_node node = { .parent = STACKS_NONE, .module = STACKS_NONE };

	if (reason_frame(s, what, cut, &node.frame) < 0)
		return -1;
	return find_node(s, &node, index);
}

/* Set *index to the node of a definition's caller. */
static int
caller_node(struct stacks *s, const struct defs_node *d, uint32_t *index)
{
	const struct defs_node *up = defs_node(s->defs, d->caller);

	*index = STACKS_NONE;
	if (up && s->of[up->index] != BUSY && s->of[up->index] != STACKS_NONE) {
		*index = s->of[up->index];
		return 0;
	}
	if (d->caller == 0 && d->cut == NULL)
		return 0;
	if (d->caller)
		s->warning = "stack is not defined";
	return reason_node(s, "incomplete", d->caller ? "undefined" : d->cut, index);
}

/* Add the node of a definition whose caller has one. */
static int
add_node(struct stacks *s, const struct defs_node *d)
{
	struct export_node node = { .offset = d->offset, .inlined = d->inlined != 0 };
	uint32_t up;

	if (caller_node(s, d, &up) < 0 || find_module(s, d->module, &node.module) < 0 ||
	    frame_of(s, d, node.module, &node.frame) < 0)
		return -1;
	node.parent = up;
	if (s->o.collapse) {
		if (up != STACKS_NONE && s->node[up].stands_alone)
			node.parent = s->node[up].parent;
		if (s->frame[node.frame].is_runtime) {
			if (node.parent != STACKS_NONE &&
			    !s->frame[s->node[node.parent].frame].is_reason) {
				s->of[d->index] = node.parent;
				return 0;
			}
			node.stands_alone = 1;
		}
	}
	return find_node(s, &node, &s->of[d->index]);
}

/* Make room for the nodes of all definitions. */
static int
cover_definitions(struct stacks *s)
{
	size_t n = defs_nodes(s->defs), room;
	uint32_t *of;

	if (n <= s->nof)
		return 0;
	room = n < 1024 ? 2048 : 2 * n;
	if ((of = realloc(s->of, room * sizeof *of)) == NULL)
		return -1;
	memset(of + s->nof, 0xff, (room - s->nof) * sizeof *of);
	s->of = of;
	s->nof = room;
	return 0;
}

/* Add the nodes of a definition and of all its callers. */
static int
add_path(struct stacks *s, const struct defs_node *leaf)
{
	const struct defs_node *d, **path = NULL;
	size_t n = 0, room = 0;
	int r = 0;

	for (d = leaf; d && s->of[d->index] == STACKS_NONE; d = defs_node(s->defs, d->caller)) {
		if (array_room(&path, n, &room, sizeof *path) < 0) {
			r = -1;
			break;
		}
		path[n++] = d;
		s->of[d->index] = BUSY; /* ends a cycle */
	}
	while (r == 0 && n-- > 0)
		r = add_node(s, path[n]);
	free(path);
	return r;
}

int
stacks_find(struct stacks *s, const struct rec_ref *ref, uint32_t *node)
{
	const struct defs_node *d = defs_node(s->defs, ref->id);

	s->warning = NULL;
	if (d == NULL) {
		if (ref->id)
			s->warning = "stack is not defined";
		return reason_node(s, "no stack",
		    ref->id ? "undefined" : ref->cut ? ref->cut : "no-stack", node);
	}
	if (cover_definitions(s) < 0 ||
	    (s->of[d->index] == STACKS_NONE && add_path(s, d) < 0))
		return -1;
	*node = s->of[d->index];
	return 0;
}

void
stacks_clear(struct stacks *s)
{
	free(s->module);
	free(s->frame);
	free(s->node);
	free(s->of);
	idmap_clear(&s->module_map);
	idmap_clear(&s->frame_map);
	idmap_clear(&s->node_map);
	strtab_clear(&s->strings);
}
