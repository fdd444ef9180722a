/*
 * Samples as they came, for formats that show them in time.
 */
#ifndef EXPORT_SERIES_H
#define EXPORT_SERIES_H

#include <stddef.h>
#include <stdint.h>

struct point {
	int64_t time;
	uint32_t thread, node;
	uint32_t order;   /* of arrival, set by series_add() */
	int64_t value[3]; /* whatever the format keeps */
};

/* Zeroed, it is empty. */
struct series {
	struct point *point;
	size_t n, room;
};

/* Returns -1 when out of memory. */
int series_add(struct series *s, const struct point *p);
/* Order the points by thread, and by time, those of a time as they came. */
void series_sort(struct series *s);
/* Returns where the points of the thread of point `from` end. */
size_t series_thread(const struct series *s, size_t from);
void series_clear(struct series *s);

#endif
