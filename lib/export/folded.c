#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "export/export.h"
#include "export/formats.h"
#include "export/sums.h"
#include "export/text.h"

/*
 * Folded stacks: the names from the outermost frame inward, separated by semicolons, a blank and a
 * number.  Nodes that differ only by a line are the same path there, so a second tree is made, of
 * names: its roots are processes and threads where they are wanted.
 */

#define NONE UINT32_MAX

struct path {
	uint32_t parent; /* NONE: a root */
	uint32_t name;   /* in strings */
	int64_t value;
};

struct folded {
	struct sums sums;
	struct strtab strings;
	struct path *path;
	size_t n, room;
	struct idmap map; /* parent << 32 | name to indexes */
};

static int
folded_sample(struct export *e, const struct export_sample *s)
{
	struct folded *f = e->state;

	return sums_add(&f->sums, s);
}

/* ---- paths -------------------------------------------------------------- */

/* Set *number to that of a name as this format can have it. */
static int
add_name(struct folded *f, const char *name, uint32_t *number)
{
	char *text = text_line(name, ";", ":");
	int r = text ? strtab_add(&f->strings, text, number) : -1;

	free(text);
	return r;
}

static int
add_path(struct folded *f, uint32_t parent, const char *name, uint32_t *index)
{
	uint32_t number;
	uint64_t key;

	if (add_name(f, name, &number) < 0)
		return -1;
	key = (uint64_t)parent << 32 | number;
	*index = idmap_get(&f->map, key);
	if (*index != IDMAP_NONE)
		return 0;
	*index = (uint32_t)f->n;
	if (array_room(&f->path, f->n, &f->room, sizeof *f->path) < 0 ||
	    idmap_put(&f->map, key, *index) < 0)
		return -1;
	f->path[f->n++] = (struct path){ parent, number, 0 };
	return 0;
}

/* Set *root to the path of a thread where its process, or it, is wanted; else NONE. */
static int
root_of(struct export *e, uint32_t thread, uint32_t *root)
{
	struct folded *f = e->state;
	char name[EXPORT_NAME_MAX];

	*root = NONE;
	if (e->o->processes) {
		export_process_name(e, e->tasks.thread[thread].process, name);
		if (add_path(f, *root, name, root) < 0)
			return -1;
	}
	if (!e->o->threads)
		return 0;
	return add_path(f, *root, export_thread_name(e, thread, name), root);
}

/* Set *index to the path of a node below a root.  `stack` has room for all nodes. */
static int
path_of(struct export *e, uint32_t root, uint32_t node, uint32_t *stack, uint32_t *index)
{
	struct folded *f = e->state;
	size_t n = 0;

	for (; node != STACKS_NONE; node = e->stacks.node[node].parent)
		stack[n++] = node;
	*index = root;
	while (n-- > 0)
		if (add_path(f, *index, export_frame_of(e, stack[n])->name, index) < 0)
			return -1;
	return 0;
}

/* Returns what a sum counts for. */
static int64_t
value_of(const struct export *e, const struct sum *s)
{
	return s->value[e->o->value] + (e->o->wall ? s->value[EXPORT_OFF] : 0);
}

/* Add all sums to their paths. */
static int
add_paths(struct export *e)
{
	struct folded *f = e->state;
	uint32_t *stack = calloc(e->stacks.nnode + 1, sizeof *stack), root, i;
	int r = stack ? 0 : -1;

	for (size_t n = 0; r == 0 && n < f->sums.n; n++) {
		const struct sum *s = &f->sums.sum[n];

		if (value_of(e, s) == 0)
			continue;
		if (root_of(e, s->thread, &root) < 0 ||
		    path_of(e, root, s->node, stack, &i) < 0)
			r = -1;
		else
			f->path[i].value += value_of(e, s);
	}
	free(stack);
	return r;
}

/* ---- writing ------------------------------------------------------------ */

static void
write_path(const struct folded *f, uint32_t i, uint32_t *stack, FILE *out)
{
	int64_t value = f->path[i].value;
	size_t n = 0;

	for (; i != NONE; i = f->path[i].parent)
		stack[n++] = i;
	while (n-- > 0)
		fprintf(out, "%s%s", strtab_text(&f->strings, f->path[stack[n]].name),
		    n ? ";" : "");
	fprintf(out, " %" PRId64 "\n", value);
}

static int
folded_write(struct export *e, FILE *out)
{
	struct folded *f = e->state;
	uint32_t *stack;

	if (add_paths(e) < 0 || (stack = calloc(f->n + 1, sizeof *stack)) == NULL)
		return -1;
	for (uint32_t i = 0; i < f->n && !ferror(out); i++)
		if (f->path[i].value > 0)
			write_path(f, i, stack, out);
	free(stack);
	return 0;
}

static void
folded_end(struct export *e)
{
	struct folded *f = e->state;

	sums_clear(&f->sums);
	strtab_clear(&f->strings);
	idmap_clear(&f->map);
	free(f->path);
}

const struct export_format *
export_folded(void)
{
	static const struct export_format format = {
		.name = "folded",
		.no_remarks = 1,
		.state = sizeof(struct folded),
		.sample = folded_sample,
		.write = folded_write,
		.end = folded_end,
	};

	return &format;
}
