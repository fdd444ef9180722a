#include "profile/order.h"

#include <stdlib.h>
#include <string.h>

#include "profile/inuse.h"
#include "profile/profile.h"

/*
 * Each row gets a key with its rank (code, reason, left out), its figures and its name.
 * Keys are sorted, and rows put in their order.
 */

#define FIGURES 4

enum rank { CODE, SPECIAL, LEFT_OUT };

struct key {
	enum rank rank;
	uint64_t figure[FIGURES]; /* the highest first */
	const char *name, *file;
	uint64_t line, tid;
	unsigned id;
	size_t at;
};

static int
compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int
compare_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int
compare(const void *x, const void *y)
{
	const struct key *a = x, *b = y;
	int c = (int)a->rank - (int)b->rank;

	for (size_t i = 0; c == 0 && i < FIGURES; i++)
		c = compare_number(b->figure[i], a->figure[i]);
	c = c ? c : compare_text(a->name, b->name);
	c = c ? c : compare_text(a->file, b->file);
	c = c ? c : compare_number(a->line, b->line);
	c = c ? c : compare_number(a->tid, b->tid);
	return c ? c : compare_number(a->id, b->id);
}

/* Sort rows of a size by their keys, which it frees, and count those of each rank. */
static int
sort(void *row, size_t size, struct key *key, size_t n, struct order_split *out)
{
	char *sorted = reallocarray(NULL, n + 1, size);

	*out = (struct order_split){ 0 };
	if (sorted && key) {
		qsort(key, n, sizeof *key, compare);
		for (size_t i = 0; i < n; i++) {
			memcpy(sorted + i * size, (char *)row + key[i].at * size, size);
			out->code += key[i].rank == CODE;
			out->special += key[i].rank == SPECIAL;
		}
		if (n)
			memcpy(row, sorted, n * size);
	}
	free(sorted);
	free(key);
	return sorted && key ? 0 : -1;
}

/* Returns the rank of a row with a share of the whole, of which something is its own. */
static enum rank
rank(const struct order_rule *rule, int special, int own, double share)
{
	if (!own && !rule->all)
		return LEFT_OUT;
	if (special)
		return SPECIAL;
	return share >= rule->least ? CODE : LEFT_OUT;
}

static double
percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 100;
}

int
order_time(struct profile_row *row, size_t n, enum order_time by, const struct order_rule *rule,
    uint64_t whole, struct order_split *out)
{
	struct key *key = calloc(n + 1, sizeof *key);

	for (size_t i = 0; key && i < n; i++) {
		const struct profile_row *r = &row[i];
		uint64_t first = by == ORDER_SELF ? r->self : r->total;

		key[i] = (struct key){ .rank = rank(rule, r->special, first != 0,
		                           percent(r->total, whole)),
			.figure = { first, by == ORDER_SELF ? r->total : r->self },
			.name = r->name, .file = r->file, .line = r->line, .tid = r->tid,
			.id = r->id, .at = i };
	}
	return sort(row, sizeof *row, key, n, out);
}

static uint64_t
figure(const struct inuse_sum *s, enum order_memory by)
{
	switch (by) {
	case ORDER_PEAK: return s->peak;
	case ORDER_BYTES: return s->bytes;
	case ORDER_ALLOCS: return s->allocs;
	case ORDER_TEMPS: return s->temps;
	default: return s->live;
	}
}

/* Live memory that is not known comes before none. */
int
order_memory(struct inuse_row *row, size_t n, enum order_memory by,
    const struct order_rule *rule, const struct inuse_sum *whole, struct order_split *out)
{
	struct key *key = calloc(n + 1, sizeof *key);

	for (size_t i = 0; key && i < n; i++) {
		const struct inuse_row *r = &row[i];
		uint64_t total = figure(&r->total, by);
		int own = by == ORDER_LIVE ? inuse_has(&r->self) : figure(&r->self, by) != 0;

		key[i] = (struct key){ .rank = rank(rule, r->special, own,
		                           percent(total, figure(whole, by))),
			.figure = { figure(&r->self, by), r->self.live_most, total, r->self.bytes },
			.name = r->name, .file = r->file, .line = r->line, .tid = r->tid,
			.id = r->id, .at = i };
	}
	return sort(row, sizeof *row, key, n, out);
}
