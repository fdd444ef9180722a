/*
 * The course of each row of a table over the time that charts show, in a few cells.
 */
#ifndef SPARKLINE_H
#define SPARKLINE_H

#include <stddef.h>
#include <stdint.h>

struct grid;
struct grid_area;
struct session;

#define SPARKLINE_CELLS 10

/* Zeroed, it is empty; sparkline_free() frees what it holds. */
struct sparkline {
	uint64_t *value; /* SPARKLINE_CELLS for each id */
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
int sparkline_begin(struct sparkline *t, struct session *session, unsigned of, size_t ids);

/* How much more a row has in the second half than in the first. */
double sparkline_growth(const struct sparkline *t, unsigned id);

void sparkline_draw(const struct sparkline *t, unsigned id, struct grid *g,
    const struct grid_area *cell);
void sparkline_free(struct sparkline *t);

#endif
