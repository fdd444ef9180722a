/*
 * Rows of a view over time: a chart of the selected one and of those that are
 * pinned, what part of the time it shows, a cursor in it, and the range that is
 * marked by that.
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#include "tui/grid.h"
#include "profile/profile.h"

struct timeline;
struct view_key;
struct session;

/* A row that can be drawn. */
struct timeline_source {
	void *ctx;
	unsigned of;      /* what kind of row it is, */
	uint64_t id;      /* and what tells it from others of that kind */
	unsigned variant; /* read() has the same values as long as this is the same */
	const char *name; /* NULL: there is no row */
	int is_path;      /* the name */
	char which[128];  /* tells it from others of that name; or "" */
	const char *what, *unit; /* is measured, in the title: "total", "% of a core" */
	const char *first, *over; /* the two series, where there are two; or NULL */
	int bytes;        /* values are bytes; else percents */
	/* Values of n buckets from `from' on, the last of which may end at `last'
	 * already; over: of a second series on top, 0 where there is none.  -1: out of
	 * memory. */
	int (*read)(void *ctx, uint64_t id, uint64_t from, uint64_t width, uint64_t last,
	    size_t n, double *value, double *over);
};

/* The watch stays the caller's.  NULL: out of memory. */
struct timeline *timeline_open(struct session *session);
void timeline_close(struct timeline *t); /* NULL is allowed */

/* Divide a view into its table and, where there is something to show and room for it, the
 * plot below, which is returned; it has no rows where it is not shown. */
struct grid_area timeline_split(struct timeline *t, const struct grid_area *area, int any,
    struct grid_area *table);

/* For read(): the time of a row of the profile, in percent of that of each bucket. */
int timeline_time(const struct profile *p, uint64_t id, enum profile_metric metric,
    uint64_t from, uint64_t width, uint64_t last, size_t n, double *value);

/* The same as a read(): the live bytes of a row of memory by its key; ctx: the memory,
 * struct inuse. */
int timeline_bytes(void *ctx, uint64_t key, uint64_t from, uint64_t width, uint64_t last,
    size_t n, double *value, double *over);

/* With those that are pinned and of the same kind. */
void timeline_draw(struct timeline *t, const struct timeline_source *s, struct grid *g,
    const struct grid_area *area);

/* The mouse was pressed, or released, in the chart as it was drawn last: from there to
 * there is selected, or the cursor is there.  0: it is not in the chart. */
int timeline_mouse(struct timeline *t, int released, int y, int x);

/* The number of a pinned row, from 1 to GRID_LINES; 0: it is not pinned. */
int timeline_pinned(const struct timeline *t, unsigned of, uint64_t id);

/* Its keys, acting on a struct timeline_at: those that mark a range select it in the watch. */
struct timeline_at {
	struct timeline *timeline;
	const struct timeline_source *source; /* of the selected row */
};
const struct view_key *timeline_keys(size_t *n);

#endif
