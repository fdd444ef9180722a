/*
 * Samples added up by thread and stack, in the order in which they first came.
 */
#ifndef EXPORT_SUMS_H
#define EXPORT_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/idmap.h"
#include "export/export.h"

struct sum {
	uint32_t thread, node;
	int64_t value[EXPORT_NVALUES];
	struct bounds live, bytes; /* of those values */
};

/* Zeroed, it is empty. */
struct sums {
	struct sum *sum;
	size_t n, room;
	struct idmap map; /* node << 32 | thread to indexes */
};

/* Add a sample.  Returns -1 when out of memory. */
int sums_add(struct sums *s, const struct export_sample *sample);
void sums_clear(struct sums *s);

#endif
