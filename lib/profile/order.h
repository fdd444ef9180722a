/*
 * The order in which rows are listed: by a figure, the highest first, equal ones by
 * name, so that it is the same every time.
 *
 * Rows that stand for a reason, such as [runtime], come after those of code; they are
 * part of the whole but no candidates for being the hottest.  Rows that have nothing of
 * the figure, or less than asked for, are left out and come last.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stddef.h>
#include <stdint.h>

struct inuse_row;
struct inuse_sum;
struct profile_row;

enum order_time { ORDER_SELF, ORDER_TOTAL };

enum order_memory { ORDER_LIVE, ORDER_PEAK, ORDER_BYTES, ORDER_ALLOCS, ORDER_TEMPS };

/* How many rows there are of code and of reasons, in this order.  The rest is left out. */
struct order_split {
	size_t code, special;
};

/*
 * Sort n rows.  A row is left out if its total is less than `least` percent of the whole
 * or if, unless `all`, it has nothing of what the order is by, which for memory is live
 * or an allocation of its own.  Returns 0, or -1 if out of memory.
 */
struct order_rule {
	double least;
	int all;
};
int order_time(struct profile_row *row, size_t n, enum order_time by,
    const struct order_rule *rule, uint64_t whole, struct order_split *out);
int order_memory(struct inuse_row *row, size_t n, enum order_memory by,
    const struct order_rule *rule, const struct inuse_sum *whole, struct order_split *out);

#endif
