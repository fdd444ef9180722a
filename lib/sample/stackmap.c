#include "sample/stackmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"
#include "bpf/walk.h"

/* The stacks that came between two calls of stackmap_renew(). */
struct generation {
	struct stackmap_stack **stack;
	size_t n, room;
	struct idmap index; /* id -> index */
};

struct stackmap {
	struct generation now, before;
	struct stackmap_stack **unresolved; /* of now */
	size_t nunresolved, unresolved_room;
};

struct stackmap *
stackmap_new(void)
{
	return calloc(1, sizeof(struct stackmap));
}

/* Free a generation, and make it empty. */
static void
forget_all(struct generation *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->stack[i]);
	free(g->stack);
	idmap_clear(&g->index);
	memset(g, 0, sizeof *g);
}

void
stackmap_free(struct stackmap *m)
{
	if (m == NULL)
		return;
	forget_all(&m->now);
	forget_all(&m->before);
	free(m->unresolved);
	free(m);
}

static struct stackmap_stack *
find(const struct generation *g, uint64_t id)
{
	uint32_t i = idmap_get(&g->index, id);

	return i == IDMAP_NONE ? NULL : g->stack[i];
}

struct stackmap_stack *
stackmap_find(const struct stackmap *m, uint64_t id)
{
	struct stackmap_stack *s = find(&m->now, id);

	return s ? s : find(&m->before, id);
}

/* Returns the reason for the end of a walk, as records have it. */
static const char *
reason(uint32_t end)
{
	switch (end) {
	case WALK_ROOT: return NULL;
	case WALK_NOINFO: return "no-unwind-info";
	case WALK_BADINFO: return "bad-unwind-info";
	case WALK_MEMORY: return "bad-memory";
	case WALK_DEEP: return "depth";
	case WALK_UNKNOWN: return "no-module";
	case WALK_LATER: return "not-ready";
	default: return "no-stack";
	}
}

int
stackmap_add(struct stackmap *m, const struct walk_stack *in)
{
	struct generation *g = &m->now;
	size_t bytes = in->n * sizeof *in->addr;
	struct stackmap_stack *out;

	if (find(g, in->id))
		return 0;
	if (array_room(&g->stack, g->n, &g->room, sizeof out) < 0 ||
	    array_room(&m->unresolved, m->nunresolved, &m->unresolved_room, sizeof out) < 0)
		return -1;
	out = malloc(sizeof *out + bytes);
	if (out == NULL || idmap_put(&g->index, in->id, (uint32_t)g->n) < 0) {
		free(out);
		return -1;
	}
	*out = (struct stackmap_stack){ .id = in->id, .pid = (pid_t)in->pid,
		.version = in->version, .cut = reason(in->end),
		.nkernel = in->nkernel, .n = in->n };
	memcpy(out->addr, in->addr, bytes);
	g->stack[g->n++] = out;
	m->unresolved[m->nunresolved++] = out;
	return 0;
}

size_t
stackmap_count(const struct stackmap *m)
{
	return m->now.n;
}

void
stackmap_renew(struct stackmap *m)
{
	m->nunresolved = 0;
	forget_all(&m->before);
	m->before = m->now;
	memset(&m->now, 0, sizeof m->now);
}

void
stackmap_unresolved(struct stackmap *m, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx)
{
	size_t left = 0;

	for (size_t i = 0; i < m->nunresolved; i++) {
		struct stackmap_stack *s = m->unresolved[i];

		if (!s->resolved && (pid == 0 || s->pid == pid))
			fn(ctx, s);
		if (!s->resolved)
			m->unresolved[left++] = s;
	}
	m->nunresolved = left;
}
