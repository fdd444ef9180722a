#include "export/series.h"

#include <stdlib.h>

#include "base/array.h"

int
series_add(struct series *s, const struct point *p)
{
	if (array_room(&s->point, s->n, &s->room, sizeof *p) < 0)
		return -1;
	s->point[s->n] = *p;
	s->point[s->n].order = (uint32_t)s->n;
	s->n++;
	return 0;
}

static int
compare(const void *x, const void *y)
{
	const struct point *a = x, *b = y;

	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void
series_sort(struct series *s)
{
	if (s->n)
		qsort(s->point, s->n, sizeof *s->point, compare);
}

size_t
series_thread(const struct series *s, size_t from)
{
	size_t i = from;

	while (i < s->n && s->point[i].thread == s->point[from].thread)
		i++;
	return i;
}

void
series_clear(struct series *s)
{
	free(s->point);
}
