#include "unwind/cache_table.h"

#include <stdlib.h>
#include <string.h>

#include "unwind/cache_file.h"
#include "unwind/unwind.h"

_Static_assert(sizeof(struct step_row) == 8, "row");

uint64_t
cache_table_size(const struct unwind_table *t)
{
	return sizeof(struct cache_head) + t->nrow * (uint64_t)sizeof *t->row;
}

static int
ascends(const struct step_row *row, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (row[i].offset <= row[i - 1].offset)
			return 0;
	return 1;
}

int
cache_table_read(int fd, const char *name, struct unwind_table *t, int *rust)
{
	struct cache_head h;
	size_t len;

	memset(t, 0, sizeof *t);
	t->row = cache_file_read(fd, CACHE_TABLE_MAGIC, name, &h, &len);
	if (t->row == NULL)
		return -1;
	t->nrow = h.count[CACHE_TABLE_ROWS];
	t->skipped = h.count[CACHE_TABLE_SKIPPED];
	*rust = h.count[CACHE_TABLE_RUST] != 0;
	if (len == t->nrow * sizeof *t->row && ascends(t->row, t->nrow) &&
	    unwind_index(t) == 0)
		return 0;
	unwind_free(t);
	return -1;
}

int
cache_table_write(int fd, const char *name, const struct unwind_table *t, int rust)
{
	const uint32_t count[4] = { t->nrow, t->skipped, rust != 0, 0 };

	return cache_file_write(fd, CACHE_TABLE_MAGIC, name, count, t->row,
	    t->nrow * sizeof *t->row);
}
