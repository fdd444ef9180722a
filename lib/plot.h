/*
 * A row of a view over time: a chart with its title, what part of the time it
 * shows, a cursor in it, and the range that is marked by that.
 */
#ifndef PLOT_H
#define PLOT_H

#include <stddef.h>
#include <stdint.h>

#include "grid.h"

struct plot;
struct view_key;
struct watch;

/* What is drawn. */
struct plot_source {
	void *ctx;
	unsigned id;        /* tells it from others that read() can read */
	int variant;
	const char *name;   /* in the title; the caller has shortened it */
	const char *which;  /* and what tells it from others of that name; or "" */
	const char *legend; /* what is measured; or "" */
	int bytes;          /* values are bytes; else percents */
	/* Values of n buckets from `from' on, the last of which may end at `last'
	 * already; over: of a second series on top, 0 where there is none.  -1: out of
	 * memory. */
	int (*read)(void *ctx, unsigned id, uint64_t from, uint64_t width, uint64_t last,
	    size_t n, double *value, double *over);
};

/* The watch stays the caller's.  NULL: out of memory. */
struct plot *plot_open(struct watch *w);
void plot_close(struct plot *p); /* NULL is allowed */

/* Divide a view into its table and, where there is something to show and room for it, the
 * plot below, which is returned; it has no rows where it is not shown. */
struct grid_area plot_split(struct plot *p, const struct grid_area *area, int any,
    struct grid_area *table);

/* For read(): times of buckets in percent of how long those are. */
void plot_percent(const uint64_t *ns, uint64_t from, uint64_t width, uint64_t last,
    size_t n, double *value);

/* The columns of the name in a title of so many; for who shortens it. */
int plot_name_columns(const struct grid *g, const struct plot_source *s, int columns);

void plot_draw(struct plot *p, const struct plot_source *s, struct grid *g,
    const struct grid_area *area);

/* The mouse was pressed, or released, in the chart as it was drawn last: from there to
 * there is selected, or the cursor is there.  0: it is not in the chart. */
int plot_mouse(struct plot *p, int released, int y, int x);

/* Its keys, acting on the plot: those that mark a range select it in the watch. */
const struct view_key *plot_keys(size_t *n);

#endif
