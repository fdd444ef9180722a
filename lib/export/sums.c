#include "export/sums.h"

#include <stdlib.h>

#include "base/array.h"

int
sums_add(struct sums *s, const struct export_sample *sample)
{
	uint64_t key = (uint64_t)sample->node << 32 | sample->thread;
	uint32_t i = idmap_get(&s->map, key);

	if (i == IDMAP_NONE) {
		i = (uint32_t)s->n;
		if (array_room(&s->sum, i, &s->room, sizeof *s->sum) < 0 ||
		    idmap_put(&s->map, key, i) < 0)
			return -1;
		s->sum[s->n++] = (struct sum){ .thread = sample->thread, .node = sample->node };
	}
	for (int v = 0; v < EXPORT_NVALUES; v++)
		s->sum[i].value[v] += sample->value[v];
	bounds_add(&s->sum[i].live, &sample->live);
	bounds_add(&s->sum[i].bytes, &sample->bytes);
	return 0;
}

void
sums_clear(struct sums *s)
{
	free(s->sum);
	idmap_clear(&s->map);
}
