/*
 * Sparklines: the values of each row of a table over the time that charts show.
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
	uint64_t *value; /* SPARKLINE_CELLS per id */
	size_t ids, room;
	uint64_t from, width;
	unsigned version, of;
	int64_t read; /* session_clock() at that time */
	int valid;
};

/*
 * Decide whether to read the values anew: of `ids` rows, `of` being a number that
 * identifies what they are values of.  If only new data has come, once a second is
 * enough.  Returns 0 if not; 1 if so, with `from`, `width` and room in `value` set up;
 * -1 if out of memory.
 */
int sparkline_begin(struct sparkline *t, struct session *session, unsigned of, size_t ids);

/* Returns by how much the second half of a row's values exceeds the first. */
double sparkline_growth(const struct sparkline *t, unsigned id);

void sparkline_draw(const struct sparkline *t, unsigned id, struct grid *g,
    const struct grid_area *cell);
void sparkline_free(struct sparkline *t);

#endif
