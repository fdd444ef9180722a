#include "sample/stackmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"
#include "bpf/walk.h"

struct stacks {
	struct stackmap_stack **stack;
	size_t n, room;
	struct idmap of; /* id -> index */
};

struct stackmap {
	struct stacks now, before; /* before the last stackmap_renew() */
	struct stackmap_stack **unknown; /* of now: whose place is not known */
	size_t nunknown, unknown_room;
};

struct stackmap *
stackmap_new(void)
{
	return calloc(1, sizeof(struct stackmap));
}

static void
forget(struct stacks *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->stack[i]);
	free(s->stack);
	idmap_clear(&s->of);
	memset(s, 0, sizeof *s);
}

void
stackmap_free(struct stackmap *t)
{
	if (t == NULL)
		return;
	forget(&t->now);
	forget(&t->before);
	free(t->unknown);
	free(t);
}

static struct stackmap_stack *
find(const struct stacks *s, uint64_t id)
{
	uint32_t i = idmap_get(&s->of, id);

	return i == IDMAP_NONE ? NULL : s->stack[i];
}

struct stackmap_stack *
stackmap_find(const struct stackmap *t, uint64_t id)
{
	struct stackmap_stack *s = find(&t->now, id);

	return s ? s : find(&t->before, id);
}

static const char *
reason(uint32_t end)
{
	switch (end) {
	case WALK_ROOT: return NULL;
	case WALK_NOINFO: return "no-unwind-info";
	case WALK_BADINFO: return "bad-unwind-info";
	case WALK_MEMORY: return "bad-memory";
	case WALK_DEEP: return "depth";
	case WALK_UNKNOWN:
	case WALK_LATER: return "no-module";
	default: return "no-stack";
	}
}

int
stackmap_keep(struct stackmap *t, const struct walk_stack *in)
{
	struct stacks *s = &t->now;
	size_t bytes = in->n * sizeof *in->addr;
	struct stackmap_stack *out;

	if (find(s, in->id))
		return 0;
	if (array_room(&s->stack, s->n, &s->room, sizeof out) < 0 ||
	    array_room(&t->unknown, t->nunknown, &t->unknown_room, sizeof out) < 0)
		return -1;
	out = malloc(sizeof *out + bytes);
	if (out == NULL || idmap_put(&s->of, in->id, (uint32_t)s->n) < 0) {
		free(out);
		return -1;
	}
	*out = (struct stackmap_stack){ .id = in->id, .pid = (pid_t)in->pid,
		.version = in->version, .cut = reason(in->end),
		.nkernel = in->nkernel, .n = in->n };
	memcpy(out->addr, in->addr, bytes);
	s->stack[s->n++] = out;
	t->unknown[t->nunknown++] = out;
	return 0;
}

size_t
stackmap_count(const struct stackmap *t)
{
	return t->now.n;
}

void
stackmap_renew(struct stackmap *t)
{
	t->nunknown = 0;
	forget(&t->before);
	t->before = t->now;
	memset(&t->now, 0, sizeof t->now);
}

void
stackmap_unknown(struct stackmap *t, pid_t pid,
    void (*fn)(void *ctx, struct stackmap_stack *stack), void *ctx)
{
	size_t left = 0;

	for (size_t i = 0; i < t->nunknown; i++) {
		struct stackmap_stack *s = t->unknown[i];

		if (!s->known && (pid == 0 || s->pid == pid))
			fn(ctx, s);
		if (!s->known)
			t->unknown[left++] = s;
	}
	t->nunknown = left;
}
