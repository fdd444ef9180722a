/*
 * The course of each row of a table over the time that charts show, in a few cells.
 */
#ifndef TRENDS_H
#define TRENDS_H

#include <stddef.h>
#include <stdint.h>

struct grid;
struct grid_area;
struct watch;

#define TRENDS_CELLS 10

/* Zeroed, it is empty; trends_free() frees what it holds. */
struct trends {
	uint64_t *value; /* TRENDS_CELLS for each id */
	size_t ids, room;
	uint64_t from, width;
	unsigned version, of;
	int64_t read; /* when, in seconds */
	int valid;
};

/*
 * Are they to be read anew?  `of' tells what they are of.  Where only something has
 * come, once a second will do.  Then they are of `ids' rows, from and width say which
 * buckets, and value has room.  0: no; -1: out of memory.
 */
int trends_begin(struct trends *t, struct watch *w, unsigned of, size_t ids);

/* How much more a row has in the second half than in the first. */
double trends_growth(const struct trends *t, unsigned id);

void trends_draw(const struct trends *t, unsigned id, struct grid *g,
    const struct grid_area *cell);
void trends_free(struct trends *t);

#endif
