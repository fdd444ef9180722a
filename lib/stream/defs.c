#include "stream/defs.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/idmap.h"
#include "base/strtab.h"
#include "stream/rec.h"

struct defs {
	struct strtab strings;
	struct idmap process, command, thread, module, buildid; /* ids to strings */
	struct idmap frames, nodes; /* ids to indexes */
	struct defs_frame *frame;
	struct defs_node *node;
	size_t nframe, frame_room, nnode, node_room;
};

/* ---- definitions -------------------------------------------------------- */

/* Set *text to the table's copy of a string, NULL for NULL. */
static int
copy(struct defs *d, const char *s, const char **text)
{
	uint32_t number;

	if (strtab_add(&d->strings, s, &number) < 0)
		return -1;
	*text = strtab_text(&d->strings, number);
	return 0;
}

/* Let an id stand for a string, or for none. */
static int
name(struct defs *d, struct idmap *m, uint64_t id, const char *s)
{
	uint32_t number;

	if (s == NULL) {
		idmap_delete(m, id);
		return 0;
	}
	if (strtab_add(&d->strings, s, &number) < 0)
		return -1;
	return idmap_put(m, id, number);
}

static int
on_proc(struct defs *d, const struct rec_proc *r)
{
	if (name(d, &d->process, r->pid, r->name) < 0)
		return -1;
	return name(d, &d->command, r->pid, r->cmdline ? r->cmdline : r->exe);
}

static int
on_module(struct defs *d, const struct rec_module *r)
{
	if (name(d, &d->module, r->id, r->path) < 0)
		return -1;
	return name(d, &d->buildid, r->id, r->buildid);
}

static int
on_frame(struct defs *d, const struct rec_frame *r)
{
	struct defs_frame f = { .line = r->line, .column = r->column };
	uint32_t i = idmap_get(&d->frames, r->id);

	if (copy(d, r->function, &f.function) < 0 || copy(d, r->file, &f.file) < 0 ||
	    copy(d, r->class, &f.class) < 0 || copy(d, r->crate, &f.crate) < 0 ||
	    copy(d, r->version, &f.version) < 0 || copy(d, r->folded, &f.folded) < 0)
		return -1;
	if (i == IDMAP_NONE) {
		i = (uint32_t)d->nframe;
		if (array_room(&d->frame, i, &d->frame_room, sizeof f) < 0 ||
		    idmap_put(&d->frames, r->id, i) < 0)
			return -1;
		d->nframe++;
	}
	d->frame[i] = f;
	return 0;
}

static int
on_stack(struct defs *d, const struct rec_stack *r)
{
	struct defs_node n = { .caller = r->caller.id, .module = r->module,
		.offset = r->offset, .frame = r->frame, .inlined = r->inlined != 0 };
	uint32_t i = idmap_get(&d->nodes, r->id);

	if (copy(d, r->caller.cut, &n.cut) < 0)
		return -1;
	if (i == IDMAP_NONE) {
		i = (uint32_t)d->nnode;
		if (array_room(&d->node, i, &d->node_room, sizeof n) < 0 ||
		    idmap_put(&d->nodes, r->id, i) < 0)
			return -1;
		d->nnode++;
	}
	n.index = i;
	d->node[i] = n;
	return 0;
}

int
defs_record(struct defs *d, const struct rec *r)
{
	switch (r->type) {
	case REC_PROC: return on_proc(d, &r->proc);
	case REC_THREAD: return name(d, &d->thread, r->thread.tid, r->thread.name);
	case REC_MODULE: return on_module(d, &r->module);
	case REC_FRAME: return on_frame(d, &r->frame);
	case REC_STACK: return on_stack(d, &r->stack);
	default: return 0;
	}
}

/* ---- looking up --------------------------------------------------------- */

static const char *
find_name(const struct defs *d, const struct idmap *m, uint64_t id)
{
	return strtab_text(&d->strings, idmap_get(m, id));
}

const char *
defs_process(const struct defs *d, uint64_t pid)
{
	return find_name(d, &d->process, pid);
}

const char *
defs_command(const struct defs *d, uint64_t pid)
{
	return find_name(d, &d->command, pid);
}

const char *
defs_thread(const struct defs *d, uint64_t tid)
{
	return find_name(d, &d->thread, tid);
}

const char *
defs_module(const struct defs *d, uint64_t id)
{
	return find_name(d, &d->module, id);
}

const char *
defs_buildid(const struct defs *d, uint64_t id)
{
	return find_name(d, &d->buildid, id);
}

const struct defs_frame *
defs_frame(const struct defs *d, uint64_t id)
{
	uint32_t i = idmap_get(&d->frames, id);

	return i == IDMAP_NONE ? NULL : &d->frame[i];
}

const struct defs_node *
defs_node(const struct defs *d, uint64_t id)
{
	uint32_t i = idmap_get(&d->nodes, id);

	return i == IDMAP_NONE ? NULL : &d->node[i];
}

size_t
defs_nodes(const struct defs *d)
{
	return d->nnode;
}

/* ---- opening and closing ------------------------------------------------ */

struct defs *
defs_new(void)
{
	return calloc(1, sizeof(struct defs));
}

void
defs_free(struct defs *d)
{
	if (d == NULL)
		return;
	idmap_clear(&d->process);
	idmap_clear(&d->command);
	idmap_clear(&d->thread);
	idmap_clear(&d->module);
	idmap_clear(&d->buildid);
	idmap_clear(&d->frames);
	idmap_clear(&d->nodes);
	strtab_clear(&d->strings);
	free(d->frame);
	free(d->node);
	free(d);
}
