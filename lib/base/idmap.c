#include "base/idmap.h"

#include <stdlib.h>

/* Returns the slot where a search for an id starts.  Ids may be hashes or 1, 2, 3:
 * multiply by 2^64 over the golden ratio and take the high bits. */
static size_t
home(const struct idmap *m, uint64_t id)
{
	return (size_t)(id * 0x9e3779b97f4a7c15u >> 32) & (m->size - 1);
}

static struct idmap_slot *
find(const struct idmap *m, uint64_t id)
{
	size_t i = home(m, id);

	while (m->slot[i].value != IDMAP_NONE && m->slot[i].id != id)
		i = (i + 1) & (m->size - 1);
	return &m->slot[i];
}

uint32_t
idmap_get(const struct idmap *m, uint64_t id)
{
	return m->size ? find(m, id)->value : IDMAP_NONE;
}

static int
grow(struct idmap *m)
{
	struct idmap bigger = { .size = m->size ? 2 * m->size : 64 };
	size_t i;

	bigger.slot = malloc(bigger.size * sizeof *bigger.slot);
	if (bigger.slot == NULL)
		return -1;
	for (i = 0; i < bigger.size; i++)
		bigger.slot[i].value = IDMAP_NONE;
	for (i = 0; i < m->size; i++)
		if (m->slot[i].value != IDMAP_NONE)
			*find(&bigger, m->slot[i].id) = m->slot[i];
	bigger.used = m->used;
	free(m->slot);
	*m = bigger;
	return 0;
}

int
idmap_put(struct idmap *m, uint64_t id, uint32_t value)
{
	struct idmap_slot *s;

	if (m->used * 4 >= m->size * 3 && grow(m) < 0)
		return -1;
	s = find(m, id);
	if (s->value == IDMAP_NONE)
		m->used++;
	s->id = id;
	s->value = value;
	return 0;
}

void
idmap_delete(struct idmap *m, uint64_t id)
{
	struct idmap_slot *s = m->size ? find(m, id) : NULL;
	size_t hole, i, mask = m->size - 1;

	if (s == NULL || s->value == IDMAP_NONE)
		return;
	/* Move up the entries that a search would no longer reach across the hole. */
	hole = i = (size_t)(s - m->slot);
	while (m->slot[i = (i + 1) & mask].value != IDMAP_NONE)
		if (((i - home(m, m->slot[i].id)) & mask) >= ((i - hole) & mask)) {
			m->slot[hole] = m->slot[i];
			hole = i;
		}
	m->slot[hole].value = IDMAP_NONE;
	m->used--;
}

void
idmap_clear(struct idmap *m)
{
	free(m->slot);
	*m = (struct idmap){ 0 };
}
