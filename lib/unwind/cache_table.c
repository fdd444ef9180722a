#include "unwind/cache_table.h"

#include <string.h>

#include "unwind/cache.h"
#include "unwind/cache_file.h"
#include "unwind/unwind.h"

#include "unwind.stamp.h"

_Static_assert(sizeof(struct step_row) == 8, "row");

const struct cache_kind *
cache_table_kind(void)
{
	static const struct cache_kind kind = { ".unwind", "rsprof\nU", STAMP };

	return &kind;
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
cache_table_decode(struct unwind_table *t, int *rust, const uint32_t count[CACHE_COUNTS],
    void *body, size_t len)
{
	memset(t, 0, sizeof *t);
	t->row = body;
	t->nrow = count[CACHE_TABLE_ROWS];
	t->skipped = count[CACHE_TABLE_SKIPPED];
	t->listed = count[CACHE_TABLE_LISTED];
	t->made = count[CACHE_TABLE_MADE];
	t->bare = count[CACHE_TABLE_BARE];
	t->apart = count[CACHE_TABLE_APART] != 0;
	*rust = count[CACHE_TABLE_RUST] != 0;
	if (len == t->nrow * sizeof *t->row && ascends(t->row, t->nrow) &&
	    unwind_index(t) == 0)
		return 0;
	unwind_free(t);
	return -1;
}

int
cache_table_load(struct cache *c, const struct cache_key *key, struct unwind_table *t,
    int *rust)
{
	uint32_t count[CACHE_COUNTS];
	size_t len;
	void *body = cache_read(c, key, cache_table_kind(), count, &len);

	return body ? cache_table_decode(t, rust, count, body, len) : -1;
}

void
cache_table_save(struct cache *c, const struct cache_key *key,
    const struct unwind_table *t, int rust)
{
	const uint32_t count[CACHE_COUNTS] = { t->nrow, t->skipped, rust != 0,
		t->listed, t->made, t->bare, t->apart != 0 };

	if (t->nrow > 0)
		cache_write(c, key, cache_table_kind(), count, t->row,
		    t->nrow * sizeof *t->row);
}
